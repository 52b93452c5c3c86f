"""Claims that live, of a contract or a line."""

from typing import Any

from contracts.models import CLAIMS


def live_claims(**source: Any) -> list[Any]:
    """Claims that live, of a contract or a line: `contract=…` or `line=…`."""
    ((name, value),) = source.items()
    found: list[Any] = []
    for model in CLAIMS.values():
        path = {"contract": model.SOURCE, "line": model.SOURCE.removesuffix("__contract")}[name]
        found += model.objects.live().filter(**{path: value})[:1]
    return found
