"""The grid of billing periods of a line: which periods, how much of each, due on which day.

À échoir: a period is due on its first day. Échu: on its last day. A stub is a period cut by the start or the end of
the service; it is due on its own first or last day. The periods given are always the days served: a whole instalment
of a month that the contract's end cuts still covers the days up to that end and no other.

Every boundary is counted from the grid's origin, never from the one before it: 31/01, 28/02, 31/03.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache

from contracts.planner.facts import CALENDAR, DAYS, IN_ADVANCE, NONE, Frequency
from openfire_billing.kernel.periods import Period, day_of_month

ONE = Fraction(1)
NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a grid is made of. `frequency` in days, weeks, months or years; `anchor_day` None = the start's day."""

    frequency: Frequency
    timing: str
    alignment: str
    anchor_day: int | None
    proration: str


@dataclass(frozen=True, slots=True)
class Due:
    """One instalment: the days it bills, its place `n` (from 1), and its share of a whole one (a stub by days: < 1).

    `done` is the sum of the shares of the places before it, S(n−1). `whole`: the days that its amount is of; longer than
    `period` when the service ends inside it and is billed by days. `before` and `after`: the years billed before the
    first and after the last day of `whole`, S(n−1)/p and S(n)/p. `full_days`: the days of the grid's period.
    """

    period: Period
    whole: Period
    n: int
    share: Fraction
    done: Fraction
    before: Fraction
    after: Fraction
    full_days: int
    due_on: date


def first_boundary(terms: Terms, start: date) -> date:
    """Return the first day of the grid's period that holds `start`, the day the grid counts from.

    Anniversary: the last anchor day on or before the start. Days and weeks too: an anchor set moves their grid.
    Calendar, échu: the 1st of the start's month; years, and any multiple of 12 months, are civil years.
    Calendar, à échoir: the first 1st on or after the start bounds the grid, so a start inside a month lies in the
    whole period before that 1st (15/01 quarterly: 01/11 to 01/02).
    """
    months = terms.frequency.months
    first = day_of_month(start, 0, 1)
    if terms.alignment == CALENDAR:
        if terms.timing == IN_ADVANCE:
            return first if first == start else day_of_month(start, 1 - months, 1)
        return date(start.year, 1, 1) if months % 12 == 0 else first
    anchor = terms.anchor_day or start.day
    this_month = day_of_month(start, 0, anchor)
    return this_month if this_month <= start else day_of_month(start, -1, anchor)


class BillingGrid:
    """The dues of a line whose grid counts from `grid_from` and that is served from `first_day`. See `grid_of`.

    Places count from the first period due, not from the grid's: a line that joins a contract later starts at 1.
    """

    __slots__ = (
        "_anchor",
        "_boundaries",
        "_dues",
        "_first",
        "_first_day",
        "_lead",
        "_months",
        "_origin",
        "_step",
        "_terms",
    )

    def __init__(self, terms: Terms, grid_from: date, first_day: date) -> None:
        self._terms = terms
        self._first_day = first_day
        self._months = terms.frequency.months
        self._step = timedelta(terms.frequency.days)
        self._origin = first_boundary(terms, grid_from)
        self._anchor = 1 if terms.alignment == CALENDAR else terms.anchor_day or grid_from.day
        self._boundaries: dict[int, date] = {}
        self._dues: dict[int, Due | None] = {}  # of the periods that no end cuts
        self._first = self.index_of(first_day)
        self._lead = self._share(self._first, None)

    def boundary(self, k: int) -> date:
        """Return the first day of the grid's period `k`; period 0 holds `grid_from`."""
        if k not in self._boundaries:
            self._boundaries[k] = (
                day_of_month(self._origin, k * self._months, self._anchor)
                if self._months
                else self._origin + k * self._step
            )
        return self._boundaries[k]

    def index_of(self, day: date) -> int:
        """Return the index of the grid's period that holds `day`, computed without a search."""
        if not self._months:
            return (day - self._origin) // self._step
        months = 12 * (day.year - self._origin.year) + day.month - self._origin.month
        k = months // self._months
        return k if self.boundary(k) <= day else k - 1

    def dues(self, *, stop: date | None, since: date | None = None, until: date | None = None) -> Iterator[Due]:
        """Yield dues in order, from the period that holds `since` to those due on `until` included (None: without end).

        `stop`: first day no longer served, None when the service goes on.
        """
        k = self._index_from(since)
        while stop is None or self.boundary(k) < stop:
            due = self._due(k, stop)
            if until and (due.due_on if due else self.boundary(k)) > until:
                return
            if due:
                yield due
            k += 1

    def examined_from(self, since: date) -> date:
        """Return the first day served of the first period that `dues(since=since)` examines."""
        return max(self.boundary(self._index_from(since)), self._first_day)

    def _index_from(self, since: date | None) -> int:
        return max(self._first, self.index_of(since)) if since else self._first

    def _due(self, k: int, stop: date | None) -> Due | None:
        if stop and stop < self.boundary(k + 1):
            return self._make(k, stop)
        if k not in self._dues:
            self._dues[k] = self._make(k, None)
        return self._dues[k]

    def _make(self, k: int, stop: date | None) -> Due | None:
        period, share = self._served(k, stop), self._share(k, stop)
        if period is None or not share:
            return None
        done = self._lead + (k - self._first - 1) if k > self._first else NOTHING
        per_year = self._terms.frequency.per_year
        whole, full_share = period, share
        if self._terms.proration == DAYS and period.end < self.boundary(k + 1):
            whole, full_share = Period(period.start, self.boundary(k + 1)), self._share(k, None)
        return Due(
            period=period,
            whole=whole,
            n=k - self._first + (1 if self._lead else 0),  # broken first days that are free have no place
            share=share,
            done=done,
            before=done / per_year,
            after=(done + full_share) / per_year,
            full_days=(self.boundary(k + 1) - self.boundary(k)).days,
            due_on=period.start if self._terms.timing == IN_ADVANCE else period.last_day,
        )

    def _served(self, k: int, stop: date | None) -> Period | None:
        start, end = max(self.boundary(k), self._first_day), self.boundary(k + 1)
        end = min(end, stop) if stop else end
        return Period(start, end) if start < end else None

    def _share(self, k: int, stop: date | None) -> Fraction:
        """Return the share of a whole instalment that period `k` bills; 0 = not due at all.

        Without proration there are no stubs: a whole instalment at each due date of the grid that falls inside the
        service, so à échoir the broken first days are free and échu the broken last ones.
        """
        period = self._served(k, stop)
        if period is None:
            return NOTHING
        start, end = self.boundary(k), self.boundary(k + 1)
        if self._terms.proration == NONE:
            is_due = period.start == start if self._terms.timing == IN_ADVANCE else period.end == end
            return ONE if is_due else NOTHING
        return Fraction(period.days, (end - start).days) if self._terms.proration == DAYS else ONE


@lru_cache(maxsize=2_000)
def grid_of(terms: Terms, grid_from: date, first_day: date) -> BillingGrid:
    """Return the grid of these terms. Lines with the same terms share it, so each due period is computed once."""
    return BillingGrid(terms, grid_from, first_day)
