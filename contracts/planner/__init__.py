"""The pure planner: facts in, intents out. No Django, no clock, no database.

facts      what it decides from: contracts, lines, articles, visits done, claims
calendars  the grid of billing periods of a line
served     which days of a line are served
amounts    what one instalment is worth, by its place alone
charges    what one contract owes on a day, less what is claimed
grouping   charges become drafts
billing    plan() and next_due_on()
visits     promised_visits(): the visits a line promises
intents    what it answers: charges, drafts, what is left out and why
wording    the French of labels and reasons
"""
