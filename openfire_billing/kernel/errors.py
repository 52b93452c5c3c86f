"""Refusals of business rules: one French sentence that says what, why and what to do."""

from collections.abc import Sequence


class BusinessError(Exception):
    """A rule refuses. The sentence is for people; the rest for a form, a board or a program.

    `code`: the rule (the API answers 409 with it). `field`: the field of the form it is about. `documents`: those
    that stand in the way.
    """

    code = "refused"

    def __init__(
        self, sentence: object, *, code: str | None = None, field: str = "", documents: Sequence[object] = ()
    ) -> None:
        super().__init__(str(sentence))
        if code:
            self.code = code
        self.field = field
        self.documents = tuple(documents)


class NothingToBill(BusinessError):
    """Everything is billed, held by a quote or covered by a contract: there is nothing to bill."""

    code = "nothing_to_bill"


class StaleForm(BusinessError):
    """The page was opened before somebody else changed the document."""

    code = "stale"


class WrongState(BusinessError):
    """The document's state does not allow this act."""

    code = "wrong_state"


class Unavailable(BusinessError):
    """The database is busy or away. The request is not wrong, and may be sent again."""

    code = "unavailable"
