"""The outcome of an act for one document, among one or many."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from openfire_billing.kernel.errors import BusinessError

Record: TypeAlias = Any  # type: ignore[explicit-any]  # of any model: the kernel knows none


@dataclass(frozen=True)
class Outcome:
    """The outcome of an act for `document`: `made` (a document or None), or a `refusal`.

    `also`: other documents made. `notes`: sentences about what else happened or was left out. `error`: the refusal as
    it was raised, for a door that acts on one document alone.
    """

    document: Record
    made: Record = None
    refusal: str = ""
    notes: tuple[str, ...] = ()
    also: tuple[Record, ...] = ()
    error: BusinessError | None = None

    @classmethod
    def refused(cls, document: Record, error: BusinessError) -> "Outcome":
        """Return the outcome of an act that a rule refused."""
        return cls(document, refusal=str(error), error=error)

    @property
    def is_refused(self) -> bool:
        return bool(self.refusal)

    @property
    def note(self) -> str:
        """The notes in one paragraph."""
        return " ".join(self.notes)
