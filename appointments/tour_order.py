"""The order of the stops of a technician's day: how long an order takes, and a shorter one: pure, no Django.

Minutes of the day. The way from the base to the first stop and back from the last one is driven outside the working hours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

QUARTER = 15
LUNCH = 60  # minutes of a break, at most: the rest of it may be driven
MANY = 25  # stops, beyond which less is tried
LATER = 10  # minutes by which a shorter day may end later

Ways: TypeAlias = Callable[[int, int], int]  # minutes from one stop to another, by their ranks; BASE is the base
Stretch: TypeAlias = tuple[int, int]
BASE = -1


@dataclass(frozen=True)
class Work:
    """A stop: what it takes, when it now begins. `window`: minutes between which it may begin; a fixed one stays at its
    minute.
    """

    pk: int
    starts: int
    minutes: int
    is_fixed: bool = False
    window: Stretch | None = None

    @property
    def ends(self) -> int:
        return self.starts + self.minutes


@dataclass(frozen=True)
class Order:
    """Stops in an order, by their ranks, with when each begins; the minutes on the road, and when the last one ends."""

    ranks: tuple[int, ...]
    starts: tuple[int, ...]
    travel: int
    ends: int

    def is_better_than(self, other: "Order") -> bool:
        """Return whether less time is spent on the road, and the day does not end later by more than LATER minutes."""
        return self.travel < other.travel and self.ends <= other.ends + LATER


def travel_of(ranks: Sequence[int], ways: Ways) -> int:
    """Return the minutes on the road from the base, by these stops, to the base."""
    if not ranks:
        return 0
    return sum(ways(start, end) for start, end in zip((BASE, *ranks), (*ranks, BASE), strict=True))


def order_as_it_is(works: Sequence[Work], ways: Ways) -> Order:
    """Return the stops as they are planned."""
    ranks = sorted(range(len(works)), key=lambda rank: (works[rank].starts, works[rank].pk))
    starts = tuple(works[rank].starts for rank in ranks)
    return Order(tuple(ranks), starts, travel_of(ranks, ways), max((work.ends for work in works), default=0))


def begins_within(work: Work, hours: Sequence[Stretch]) -> list[Stretch]:
    """Return the stretches in which a stop may begin: its minute when it is fixed, else where its work fits into the hours."""
    if work.is_fixed:
        return [(work.starts, work.starts)]
    first, last = work.window or (0, 24 * 60)
    found = []
    for start, end in hours:
        begin, latest = max(start, _to_quarter(first)), min(end - work.minutes, last)
        if begin <= latest:
            found.append((begin, latest))
    return found


def timed(ranks: Sequence[int], works: Sequence[Work], hours: Sequence[Stretch], ways: Ways) -> Order | None:
    """Return an order with its earliest hours, on quarters; None when a stop does not fit into it.

    Between two stretches worked a break of LUNCH minutes, or of all the time between them, is taken inside that time.
    """
    starts: list[int] = []
    before: int | None = None
    for rank in ranks:
        work = works[rank]
        ready = None if before is None else works[before].minutes + starts[-1]
        way = 0 if before is None else ways(before, rank)
        start = next(
            (
                begin
                for first, latest in begins_within(work, hours)
                for begin in [_earliest(ready, way, first, hours, is_fixed=work.is_fixed)]
                if begin <= latest
            ),
            None,
        )
        if start is None:
            return None
        starts.append(start)
        before = rank
    ends = max((start + works[rank].minutes for rank, start in zip(ranks, starts, strict=True)), default=0)
    return Order(tuple(ranks), tuple(starts), travel_of(ranks, ways), ends)


def _earliest(ready: int | None, way: int, first: int, hours: Sequence[Stretch], *, is_fixed: bool) -> int:
    """Return when a stop may begin that opens at `first`, after one that is over at `ready` and a way."""
    if ready is None:
        return first
    arrival = ready + way
    for (_start, pause), (again, _end) in pairwise(hours):
        if ready <= again and first >= again:
            length = min(LUNCH, again - pause)
            arrival = max(arrival + (length if ready < again else 0), pause + length if ready <= pause else arrival)
    return max(first, arrival if is_fixed else _to_quarter(arrival))


def _to_quarter(minute: int) -> int:
    return -(-minute // QUARTER) * QUARTER


def better_order(works: Sequence[Work], hours: Sequence[Stretch], ways: Ways) -> Order | None:
    """Return an order with less time on the road; None when the present one is the best.

    None too when a stop has no place in it, or when the day ends later by more than LATER minutes.
    """
    now = order_as_it_is(works, ways)
    if sum(not work.is_fixed for work in works) < 1 or len(works) < 2:
        return None
    ranks = _solved(works, hours, ways)
    found = timed(ranks, works, hours, ways) if ranks is not None else None
    return found if found is not None and found.is_better_than(now) else None


def _solved(works: Sequence[Work], hours: Sequence[Stretch], ways: Ways) -> list[int] | None:
    """Return the ranks in the order that VROOM finds; None when it leaves a stop out."""
    import vroom  # noqa: PLC0415 (it takes 0.8 s and much memory: loaded by who optimises)

    problem = vroom.Input()
    size = len(works) + 1  # the base is the last place
    places = [*range(len(works)), BASE]
    costs = [[0 if i == j else ways(i, j) * 60 for j in places] for i in places]
    times = [
        [0 if BASE in (i, j) or i == j else _to_quarter(works[i].minutes + ways(i, j)) * 60 for j in places]
        for i in places
    ]
    problem.set_durations_matrix("car", times)
    problem.set_costs_matrix("car", costs)
    breaks = [
        vroom.Break(
            number,
            time_windows=[vroom.TimeWindow(pause * 60, (again - min(LUNCH, again - pause)) * 60)],
            service=min(LUNCH, again - pause) * 60,
        )
        for number, ((_start, pause), (again, _end)) in enumerate(pairwise(hours), 1)
    ]
    problem.add_vehicle(vroom.Vehicle(1, start=size - 1, end=size - 1, profile="car", breaks=breaks))
    for rank, work in enumerate(works):
        windows = [vroom.TimeWindow(first * 60, latest * 60) for first, latest in begins_within(work, hours)]
        if not windows:
            return None
        problem.add_job(vroom.Job(rank, location=rank, time_windows=windows))
    solution = problem.solve(exploration_level=5 if len(works) <= MANY else 1, nb_threads=1)
    if solution.summary.unassigned:
        return None
    routes = solution.routes
    jobs = routes[routes["type"] == "job"]
    ranks = [int(rank) for rank in jobs.sort_values("arrival", kind="stable")["id"]]
    return ranks if sorted(ranks) == list(range(len(works))) else None
