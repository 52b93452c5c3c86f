"""« À traiter »: what waits for this user, of all kinds in one list, the most urgent first, each with its next step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from openfire_billing.office.dashboard.reader import MOST_OF_A_KIND

MOST_ROWS = 12


class Urgency(IntEnum):
    """The order of the list. The first two are shown in red, the last in amber."""

    BROKEN = 0
    LATE = 1
    WAITS = 2


@dataclass(frozen=True)
class Waiting:
    """A row: what waits, of whom, for how much, since when, and one button, the next step.

    `document`: the number of the record, a link to `page`. `amount` names HT or TTC. `url`: of the button; `is_dialog`: it
    opens a dialog. `why`: a sentence under the row.
    """

    urgency: Urgency
    what: str
    button: str
    url: str
    who: str = ""
    document: str = ""
    page: str = ""
    amount: str = ""
    since: date | None = None
    why: str = ""
    is_dialog: bool = False

    @property
    def colour(self) -> str:
        return "amber" if self.urgency == Urgency.WAITS else "red"

    @property
    def order(self) -> tuple[int, date]:
        return self.urgency, self.since or date.min


@dataclass(frozen=True)
class Kind:
    """What waits of one kind: `count` records, a row for each of the first few, one row for all of them `together`.

    `together` is None for what no list shows together. `most`: the records beyond which it stands for all of them.
    """

    count: int
    rows: Sequence[Waiting]
    together: Waiting | None = None
    most: int = MOST_OF_A_KIND

    def shown(self, *, is_tight: bool = False) -> list[Waiting]:
        """Return the rows shown. `is_tight`: the list has no room for two rows of this kind."""
        if self.together is not None and self.count > (1 if is_tight else self.most):
            return [self.together]
        return list(self.rows)


def in_order(kinds: Iterable[Kind]) -> list[Waiting]:
    """Return the rows of the list, MOST_ROWS at most.

    When the rows are too many, the kinds of least urgency become one row each, until the others fit. What is then left
    over has no row: it comes up as those before it are done.
    """
    found = sorted((kind for kind in kinds if kind.rows), key=lambda kind: min(row.order for row in kind.rows))
    loose = len(found)  # the kinds after so many are tight
    rows = _rows(found, loose)
    while loose and len(rows) > MOST_ROWS:
        loose -= 1
        rows = _rows(found, loose)
    return rows[:MOST_ROWS]


def _rows(kinds: Sequence[Kind], loose: int) -> list[Waiting]:
    shown = [row for rank, kind in enumerate(kinds) for row in kind.shown(is_tight=rank >= loose)]
    return sorted(shown, key=lambda row: row.order)
