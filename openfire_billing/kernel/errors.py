"""Refusals: what the business says no to, in one French sentence that says what, why and what to do."""

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
