"""What others changed since the board was read: the lines of the journal about RDVs, DIs, absences and hours.

Ids of lines are given before their transaction ends, however long it lasts: a line may appear below those already read.
The cursor of a browser so holds the highest id it was answered, and the ids below it that were not there yet, each with
the minute in which they were missed: « 1234.1200-1202-29813250 ». An id of a transaction that failed never appears: it
is given up after an hour.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import BooleanField, ExpressionWrapper, Q

from appointments.models import (
    Absence,
    Appointment,
    ClosingDay,
    DayHours,
    OnCall,
    RecurringAbsence,
    Tour,
    WorkingHours,
    WorkingWeek,
)
from interventions.models import InterventionRequest
from invoicing.models import Company, HistoryLine
from openfire_billing.kernel.formats import read_id

FIRST_READ = 200  # last lines of the journal among which a new page looks for missing ids
_MOST = 2000  # lines read at once; beyond, every cell is answered
_MOST_GAPS = 100
_GIVEN_UP = 60  # minutes
# records whose lines draw every cell anew
_OF_ROWS = (Absence, WorkingHours, WorkingWeek, DayHours, RecurringAbsence, OnCall, Tour, ClosingDay)


@dataclass(frozen=True)
class Gap:
    """Ids from `first` to `last` that were not in the journal in a minute of the clock."""

    first: int
    last: int
    minute: int

    def without(self, ids: Collection[int]) -> Iterator["Gap"]:
        """Yield what is left of it when some of its ids have appeared."""
        start = self.first
        for pk in sorted(pk for pk in ids if self.first <= pk <= self.last):
            if start < pk:
                yield Gap(start, pk - 1, self.minute)
            start = pk + 1
        if start <= self.last:
            yield Gap(start, self.last, self.minute)


@dataclass(frozen=True)
class Cursor:
    """Up to where the journal was read, and what was missing below."""

    last: int
    gaps: tuple[Gap, ...] = ()

    def __str__(self) -> str:
        return ".".join([str(self.last), *(f"{gap.first}-{gap.last}-{gap.minute}" for gap in self.gaps)])

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """Return the cursor of a text; None for any other text."""
        head, *tail = text.split(".")
        last = 0 if head == "0" else read_id(head)
        gaps = [[read_id(number) for number in part.split("-")] for part in tail[:_MOST_GAPS]]
        if last is None or any(len(gap) != 3 or None in gap for gap in gaps):
            return None
        return cls(last, tuple(Gap(*(number or 0 for number in gap)) for gap in gaps))

    def after(self, ids: Sequence[int], *, since: int) -> "Cursor":
        """Return the cursor once these ids were read: all that there are above `since`, and some of the gaps."""
        minute = int(time.time()) // 60
        highest = max([self.last, *ids])
        known = [gap for gap in self.gaps if minute - gap.minute < _GIVEN_UP]
        found = set(ids)
        gaps = [part for gap in [*known, Gap(since + 1, highest, minute)] for part in gap.without(found)]
        return Cursor(highest, tuple(gaps[-_MOST_GAPS:]))


@dataclass(frozen=True)
class Changes:
    """`appointments`: ids of RDVs. `is_everything`: hours or absences changed, or too much for single cells.

    `is_nothing`: no line that the user may see, though the cursor may have moved.
    """

    cursor: Cursor
    appointments: frozenset[int] = frozenset()
    is_everything: bool = False
    is_nothing: bool = False


def first_cursor(ids: Iterable[int]) -> Cursor:
    """Return the cursor of a new page. `ids`: the last `FIRST_READ` of the journal."""
    read = list(ids)
    return Cursor(0).after(read, since=min(read, default=1) - 1)


def changes_since(text: str, user: Any) -> Changes:
    """Return what changed since a cursor of what a user may see, in one query. An unreadable cursor: everything."""
    cursor = Cursor.read(text)
    if cursor is None:
        last = HistoryLine.objects.order_by("-pk").values_list("pk", flat=True)[:FIRST_READ]
        return Changes(first_cursor(last), is_everything=True)
    wanted = Q(pk__gt=cursor.last)
    for gap in cursor.gaps:
        wanted |= Q(pk__range=(gap.first, gap.last))
    kinds = ContentType.objects.get_for_models(Appointment, InterventionRequest, *_OF_ROWS)
    theirs = Q(content_type__in=[kind.pk for kind in kinds.values()], company__in=Company.objects.visible_to(user))
    lines = list(
        HistoryLine.objects.filter(wanted)
        .annotate(is_seen=ExpressionWrapper(theirs, output_field=BooleanField()))
        .order_by("-pk")
        .values_list("pk", "content_type", "object_id", "is_seen")[: _MOST + 1]
    )
    ids = [pk for pk, _kind, _id, _is_seen in lines]
    is_too_much = len(lines) > _MOST
    moved = cursor.after(ids, since=max(cursor.last, min(ids) if is_too_much else 0))
    seen = [(kind, pk) for _line, kind, pk, is_seen in lines if is_seen]
    if not seen and not is_too_much:
        return Changes(moved, is_nothing=True)
    mine, requests = kinds[Appointment].pk, kinds[InterventionRequest].pk
    return Changes(
        moved,
        frozenset(pk for kind, pk in seen if kind == mine),
        is_everything=is_too_much or any(kind not in (mine, requests) for kind, _pk in seen),
    )
