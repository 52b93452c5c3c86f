"""What an act did to one document, among one or many."""

from dataclasses import dataclass
from typing import Any


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
