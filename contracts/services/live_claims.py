"""Claims that live, of a contract or a line."""

from typing import Any

from contracts.models import ExceptionClaim, PeriodClaim, VisitClaim


def live_claims(**source: Any) -> list[Any]:
    """Claims that live, of a contract or a line: `contract=…` or `line=…`."""
    ((name, value),) = source.items()
    path = {"contract": "line__contract", "line": "line"}[name]
    found: list[Any] = []
    claim: Any
    for claim, thing in ((PeriodClaim, "article"), (VisitClaim, "article"), (ExceptionClaim, "exception")):
        found += claim.objects.live().filter(**{f"{thing}__{path}": value})[:1]
    return found
