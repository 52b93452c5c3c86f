"""The visits of a month over the days of their sectors: cases worked by hand, and what holds of any month."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appointments.availability import Stretch, overlap
from appointments.spreading import Day, Spread, Stop, Visit, spread
from appointments.travel import Location, Travel
from openfire_billing.kernel.formats import PARIS

FIRST, LAST = date(2026, 12, 1), date(2026, 12, 31)
NORTH, SOUTH = 1, 2  # sectors
ANA, BOB = 10, 20  # technicians


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 12, day, hour, minute, tzinfo=PARIS)


def place(address: int, sector: int | None = NORTH) -> Location:
    return Location(address=address, sector=sector)


def ways(start: Location, end: Location) -> Travel:
    """Twenty minutes from one address to another."""
    return Travel(0 if start.address == end.address else 20)


def visit(pk: int, work: int = 60, **values: Any) -> Visit:
    usual = {"opens": FIRST, "closes": LAST, "location": place(pk), "able": frozenset({ANA, BOB})}
    return Visit(pk, work=work, **{**usual, **values})


def day(number: int, *free: tuple[int, int], who: int = ANA, sector: int = NORTH, stops: Any = ()) -> Day:
    """A day of December. `free`: hours; `stops`: (hour, hour, address)."""
    hours = free or ((8, 12), (14, 18))
    taken = [Stop(at(number, start), at(number, end), place(address)) for start, end, address in stops]
    stretches = [(at(number, start), at(number, end)) for start, end in hours]
    return Day(who, date(2026, 12, number), frozenset({sector}), stretches, taken)


def spread_in_december(visits: Any, days: Any, **values: Any) -> Spread:
    return spread(visits, days, **{"first": FIRST, "last": LAST, "ways": ways, **values})


def placed(found: Spread) -> list[tuple[int, int, str]]:
    """(visit, technician, « 3 08:00 ») of each, in the order they were placed."""
    return [(one.visit.pk, one.technician, f"{one.starts_at:%-d %H:%M}") for one in found.placed]


def refused(found: Spread) -> list[tuple[int, str]]:
    return [(one.visit.pk, one.why) for one in found.refused]


def test_a_visit_goes_to_the_day_with_the_most_time_left() -> None:
    days = [day(3, (8, 10)), day(4, (8, 12)), day(7, (8, 11))]

    found = spread_in_december([visit(1)], days)

    assert placed(found) == [(1, ANA, "4 08:00")]
    assert found.before == {(ANA, date(2026, 12, n)): left for n, left in ((3, 120), (4, 240), (7, 180))}
    assert found.after[ANA, date(2026, 12, 4)] == 180


def test_of_days_with_as_much_left_the_earliest_then_the_lowest_technician() -> None:
    days = [day(4, who=ANA), day(3, who=BOB), day(3, who=ANA)]

    found = spread_in_december([visit(1), visit(2), visit(3)], days)

    assert placed(found) == [(1, ANA, "3 08:00"), (2, BOB, "3 08:00"), (3, ANA, "4 08:00")]


def test_time_left_falls_as_visits_are_placed() -> None:
    """4 h and 3 h 30: the second visit finds 3 h and 3 h 30."""
    found = spread_in_december([visit(1), visit(2)], [day(3, (8, 12)), day(4, (8, 11), (14, 15))], last=LAST)

    assert placed(found) == [(1, ANA, "3 08:00"), (2, ANA, "4 08:00")]


def test_visits_are_taken_by_end_of_period_then_longest_then_id() -> None:
    visits = [
        visit(1, 30),
        visit(2, 90),
        visit(3, 30, closes=date(2026, 12, 20)),
        visit(4, 90),
    ]

    found = spread_in_december(visits, [day(3)])

    assert [one.visit.pk for one in found.placed] == [3, 2, 4, 1]


def test_it_begins_at_the_quarter_after_the_way_there() -> None:
    """A stop ends at 9:00, twenty minutes away: 9:20, so 9:30."""
    found = spread_in_december([visit(1)], [day(3, (9, 12), stops=[(8, 9, 99)])])

    assert placed(found) == [(1, ANA, "3 09:30")]


def test_without_a_stop_before_it_begins_with_the_stretch() -> None:
    assert placed(spread_in_december([visit(1)], [day(3, (9, 12))])) == [(1, ANA, "3 09:00")]


def test_the_way_to_the_next_stop_is_held_too() -> None:
    """9:00 to 10:20 with the way, 10:00 to 12:00 without: an hour fits before the stop of 10:20 only when it is near."""
    near = [Stop(at(3, 10), at(3, 11), place(1))]
    far = [Stop(at(3, 10), at(3, 11), place(99))]
    free: list[Stretch] = [(at(3, 9), at(3, 10)), (at(3, 11), at(3, 13))]

    for stops, start in ((near, "3 09:00"), (far, "3 11:30")):
        found = spread_in_december([visit(1)], [Day(ANA, date(2026, 12, 3), frozenset({NORTH}), list(free), stops)])

        assert placed(found) == [(1, ANA, start)]


def test_the_second_visit_of_a_day_leaves_from_the_first() -> None:
    found = spread_in_december([visit(1), visit(2)], [day(3, (8, 12))])

    assert placed(found) == [(1, ANA, "3 08:00"), (2, ANA, "3 09:30")]
    assert found.after == {(ANA, date(2026, 12, 3)): 240 - 120 - 20}


def test_time_left_is_less_the_ways_between_stops() -> None:
    """From 9:00 to 12:00 is free, of which twenty minutes are driven; a stop that follows at once takes none."""
    one = day(3, (9, 12), stops=[(8, 9, 1), (12, 13, 2), (13, 14, 3)])

    assert one.left(ways) == 160


def test_work_in_one_piece_goes_before_work_around_a_break() -> None:
    """Three hours: from 14:00 rather than from 11:00."""
    found = spread_in_december([visit(1, 180)], [day(3, (10, 12), (14, 18))])

    assert placed(found) == [(1, ANA, "3 14:00")]


@pytest.mark.parametrize(("spans", "starts"), [(True, [(1, ANA, "3 08:00")]), (False, [])])
def test_longer_work_goes_on_after_the_break_where_it_may(spans: bool, starts: list[tuple[int, int, str]]) -> None:
    found = spread_in_december([visit(1, 360, spans=spans)], [day(3)])

    assert placed(found) == starts
    assert [one.pieces for one in found.placed] == [((at(3, 8), at(3, 12)), (at(3, 14), at(3, 16)))] * spans
    assert refused(found) == [] if spans else [(1, "plus de place ces jours-là")]


def test_work_does_not_go_on_after_an_rdv() -> None:
    found = spread_in_december([visit(1, 360)], [day(3, (8, 12), (13, 18), stops=[(12, 13, 99)])])

    assert refused(found) == [(1, "plus de place ces jours-là")]


def test_a_day_that_does_not_hold_it_is_passed_over() -> None:
    """Five times an hour is more than three, and holds no two hours."""
    hours = day(3, (8, 9), (10, 11), (12, 13), (14, 15), (16, 17))
    found = spread_in_december([visit(1, 120, spans=False)], [hours, day(4, (8, 11))])

    assert placed(found) == [(1, ANA, "4 08:00")]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"location": place(1, None)}, "secteur inconnu"),
        ({"able": frozenset()}, "aucun intervenant habilité"),
        ({"able": frozenset({BOB})}, "les intervenants de ces jours-là ne sont pas habilités"),
        ({"location": place(1, SOUTH)}, "pas de jour de ce secteur d'ici au 31/12"),
        ({"closes": date(2026, 12, 2)}, "pas de jour de ce secteur d'ici au 02/12"),
        ({"opens": date(2026, 12, 4)}, "pas de jour de ce secteur d'ici au 31/12"),
        ({"closes": date(2026, 11, 30)}, "période finie le 30/11"),
        ({"work": 600}, "plus de place ces jours-là"),
    ],
)
def test_a_visit_without_a_place_has_its_reason(values: dict[str, Any], why: str) -> None:
    found = spread_in_december([visit(1, **values)], [day(3)])

    assert (placed(found), refused(found)) == ([], [(1, why)])
    assert found.before == found.after


def test_a_month_that_is_full_leaves_the_last_ones_out() -> None:
    found = spread_in_december([visit(n, 60) for n in range(1, 6)], [day(3, (8, 12))])

    assert [one.visit.pk for one in found.placed] == [1, 2, 3]
    assert refused(found) == [(4, "plus de place ces jours-là"), (5, "plus de place ces jours-là")]


def test_days_outside_the_period_asked_are_not_looked_at() -> None:
    found = spread_in_december(
        [visit(1)], [day(3), day(10, (8, 9)), day(20)], first=date(2026, 12, 9), last=date(2026, 12, 15)
    )

    assert placed(found) == [(1, ANA, "10 08:00")]
    assert list(found.before) == [(ANA, date(2026, 12, 10))]


visits_of_a_month = st.lists(
    st.builds(
        lambda work, opens, length, sector, able, spans: (work, opens, length, sector, able, spans),
        st.integers(15, 500),
        st.integers(-10, 31),
        st.integers(0, 40),
        st.sampled_from([NORTH, SOUTH, None]),
        st.frozensets(st.sampled_from([ANA, BOB, 30])),
        st.booleans(),
    ),
    max_size=25,
)
days_of_a_month = st.dictionaries(
    st.tuples(st.sampled_from([ANA, BOB, 30]), st.integers(1, 31)),
    st.tuples(
        st.frozensets(st.sampled_from([NORTH, SOUTH]), min_size=1),
        st.lists(st.integers(0, 38), min_size=2, max_size=8, unique=True),
        st.lists(st.integers(0, 5), min_size=4, max_size=4),
    ),
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(visits_of_a_month, days_of_a_month, st.integers(1, 31))
def test_what_holds_of_any_month(visits: Any, days: Any, today: int) -> None:
    given_visits = [
        Visit(
            pk,
            work=work,
            opens=FIRST + timedelta(days=opens),
            closes=FIRST + timedelta(days=opens + length),
            location=Location(address=pk % 4, sector=sector),
            able=able,
            spans=spans,
        )
        for pk, (work, opens, length, sector, able, spans) in enumerate(visits, 1)
    ]
    given_days = [_random_day(who, number, *values) for (who, number), values in days.items()]
    free = {one.key: list(one.free) for one in given_days}
    sectors = {one.key: one.sectors for one in given_days}
    stops = {one.key: list(one.stops) for one in given_days}
    first = date(2026, 12, today)

    found = spread_in_december(given_visits, given_days, first=first)

    ids = [one.visit.pk for one in (*found.placed, *found.refused)]
    assert sorted(ids) == [one.pk for one in given_visits]
    assert all(one.why for one in found.refused)
    taken: dict[tuple[int, date], list[Stretch]] = {}
    for one in found.placed:
        key, wanted = (one.technician, one.on), one.visit
        assert max(first, wanted.opens) <= one.on <= min(LAST, wanted.closes)
        assert wanted.location.sector in sectors[key]
        assert one.technician in wanted.able
        assert sum((end - start for start, end in one.pieces), timedelta()) == timedelta(minutes=wanted.work)
        assert wanted.spans or len(one.pieces) == 1
        assert one.starts_at.minute % 15 == 0
        for piece in one.pieces:
            assert any(start <= piece[0] and piece[1] <= end for start, end in free[key])
            assert not any(overlap(piece, other) for other in taken.get(key, ()))
        taken.setdefault(key, []).extend(one.pieces)
        stops[key].append(Stop(one.starts_at, one.ends_at, wanted.location))
    for key in taken:
        ordered = sorted(stops[key], key=lambda stop: stop.start)
        new = {one.starts_at for one in found.placed if (one.technician, one.on) == key}
        for before, after in pairwise(ordered):
            if before.start in new or after.start in new:
                assert after.start - before.end >= timedelta(minutes=ways(before.location, after.location).minutes)
    assert all(0 <= found.after[key] <= left for key, left in found.before.items())
    assert (
        spread_in_december(given_visits, [_random_day(who, n, *v) for (who, n), v in days.items()], first=first)
        == found
    )


def _random_day(who: int, number: int, served: frozenset[int], quarters: list[int], kinds: list[int]) -> Day:
    """A day from 8:00 of stretches that are free, or stops where their kind is 0."""
    marks = sorted(quarters)
    free: list[Stretch] = []
    stops: list[Stop] = []
    for start, end, kind in zip(marks[::2], marks[1::2], kinds, strict=False):
        stretch = at(number, 8) + timedelta(minutes=15 * start), at(number, 8) + timedelta(minutes=15 * end)
        if kind:
            free.append(stretch)
        else:
            stops.append(Stop(*stretch, Location(address=50 + kind, sector=NORTH)))
    return Day(who, date(2026, 12, number), served, free, stops)
