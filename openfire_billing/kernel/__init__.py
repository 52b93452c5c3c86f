"""Pure Python below everything: money, periods, refusals, outcomes, texts. No Django, no clock."""
