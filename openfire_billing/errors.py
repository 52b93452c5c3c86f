"""Refusals: what the business says no to, in one French sentence that says what, why and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class BusinessError(Exception):
    """A rule refuses. The message is for the user; `code` for programs (API answers 409 with it)."""

    code = "refused"

    def __init__(self, message: Any, *, code: str | None = None) -> None:
        super().__init__(str(message))
        if code:
            self.code = code


class NothingToBill(BusinessError):
    """Everything is billed, held by a quote or covered by a contract: there is nothing to make."""

    code = "nothing_to_bill"


class StaleForm(BusinessError):
    """The page was opened before somebody else changed the document."""

    code = "stale"


class WrongState(BusinessError):
    """The document's state does not allow this act."""

    code = "wrong_state"


@dataclass(frozen=True)
class Outcome:
    """What an act on many documents did to one of them: `made` (a document or None) or a `refusal` sentence."""

    document: Any
    made: Any = None
    refusal: str = ""
    note: str = ""

    @property
    def is_refused(self) -> bool:
        return bool(self.refusal)


@contextmanager
def refusals_shown(request: Any) -> Iterator[None]:
    """Show a refusal as a message on the page instead of an error."""
    from django.contrib import messages

    try:
        yield
    except BusinessError as refusal:
        messages.error(request, str(refusal))
