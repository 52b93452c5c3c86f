"""Refusals of business rules: French sentences that say what, why and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """What removes the cause of a refusal: an act on a document (`act`, its name), or something to fill on its page.

    `field`: the field to fill; `tab`: the tab of the notebook, when it is no field of the page's head.
    """

    label: object
    document: object
    act: str = ""
    field: str = ""
    tab: str = ""


class BusinessError(Exception):
    """A rule refuses. The sentence is for people; the rest for a form, a board or a program.

    `code`: the rule (the API answers 409 with it). `field`: the field of the form it is about. `documents`: those
    that stand in the way. `step`: the missing step. `faults`: all that is refused at once, itself alone by default.
    """

    code = "refused"

    def __init__(
        self,
        sentence: object,
        *,
        code: str | None = None,
        field: str = "",
        documents: Iterable[object] = (),
        step: Step | None = None,
    ) -> None:
        super().__init__(str(sentence))
        if code:
            self.code = code
        self.field = field
        self.documents = tuple(documents)
        self.step = step
        self.faults: tuple[BusinessError, ...] = (self,)

    @classmethod
    def all(cls, faults: "Iterable[BusinessError]") -> "BusinessError":
        """Return one refusal of several faults, at least one. A fault said twice counts once.

        Its code and its step are those of the first fault that has one, its documents those of all.
        """
        by_sentence: dict[str, BusinessError] = {}
        for fault in (fault for whole in faults for fault in whole.faults):
            by_sentence.setdefault(str(fault), fault)
        every = tuple(by_sentence.values())
        first = every[0]
        if len(every) == 1:
            return first
        documents = dict.fromkeys(document for fault in every for document in fault.documents)
        made = BusinessError(
            " ".join(map(str, every)),
            code=first.code,
            documents=tuple(documents),
            step=next((fault.step for fault in every if fault.step), None),
        )
        made.faults = every
        return made


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
