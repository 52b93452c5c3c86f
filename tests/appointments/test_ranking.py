"""Ranking by hand: what fits into a hole, what is never proposed, each part of the score."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appointments.ranking import (
    Candidate,
    Hole,
    Weights,
    best_of_half_days,
    fits,
    is_proposed,
    rank,
    rank_one,
    start_in,
)

PARIS = ZoneInfo("Europe/Paris")
DAY = date(2026, 11, 25)


def at(hour: int, minute: int = 0, *, day: date = DAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=PARIS)


def hole(minutes: int = 120, **values: Any) -> Hole:
    """A hole from 9:00."""
    return Hole(at(9), at(9) + timedelta(minutes=minutes), **values)


def candidate(pk: int = 1, *, closes_in: int = 60, **values: Any) -> Candidate:
    """An intervention whose period ends so many days after the hole's."""
    wanted = {"work": 60, "reach": 0, "leave": 0, "opens": DAY, "closes": DAY + timedelta(days=closes_in), **values}
    return Candidate(pk, **wanted)


# Hole of 120 minutes; detour = reach + leave − direct, of a direct way of 10.
A = candidate(1, work=90, reach=6, leave=10, is_late=True, closes_in=-3, stars=1)
D = candidate(4, work=105, reach=8, leave=14, closes_in=10, in_sector=True, is_known=True)
C = candidate(3, work=90, reach=20, leave=15, closes_in=5, stars=2)
B = candidate(2, work=60, reach=0, leave=10, closes_in=20)


def test_the_four_of_the_document_have_their_scores() -> None:
    """D and C need more than 120 minutes with their way back: they are scored in a hole that ends at its base.

    A: 100 − 12 + 40 + 10 + round(20 × 96 ÷ 120) = 154. D: 100 − 24 + 10 + 19 + 10 + 5. C: 100 − 50 + 25 + 20 + 18.
    B: 100 + 10.
    """
    found = rank(hole(direct=10, ends_at_base=True), [B, C, D, A])

    assert [(one.candidate.pk, one.detour, one.score) for one in found] == [
        (1, 6, 154),
        (4, 12, 120),
        (3, 25, 113),
        (2, 0, 110),
    ]
    assert [[(part.name, part.points) for part in one.parts if part.points] for one in found] == [
        [("base", 100), ("detour", -12), ("urgency", 40), ("stars", 10), ("fit", 16)],
        [("base", 100), ("detour", -24), ("urgency", 10), ("fit", 19), ("sector", 10), ("known", 5)],
        [("base", 100), ("detour", -50), ("urgency", 25), ("stars", 20), ("fit", 18)],
        [("base", 100), ("fit", 10)],
    ]
    assert [one.reasons for one in found] == [
        ("détour de 6 min", "en retard", "priorité ★", "remplit 80 % du créneau"),
        (
            "détour de 12 min",
            "sa période finit 10 jours après",
            "remplit 94 % du créneau",
            "secteur du jour",
            "intervenant déjà venu",
        ),
        ("détour de 25 min", "sa période finit 5 jours après", "priorité ★★", "remplit 92 % du créneau"),
        ("sur le chemin", "remplit 50 % du créneau"),
    ]


# (hole, direct way, work, way there, way on, days to the end of the period, stars, sector, known) → (detour, score),
# worked out by hand: 100 − 2 × detour + urgency + 10 × stars + min(20, round(20 × (work + way there) ÷ hole)) + 10 + 5
LATE = -9
BY_HAND = [
    ((60, 0, 45, 0, 0, 60, 0, 0, 0), (0, 115)),
    ((60, 20, 30, 10, 10, 60, 0, 0, 0), (0, 113)),  # 13.33
    ((60, 5, 30, 10, 10, 60, 0, 0, 0), (15, 83)),
    ((90, 0, 60, 15, 15, 60, 0, 0, 0), (30, 57)),  # 16.67
    ((90, 0, 60, 15, 15, LATE, 0, 0, 0), (30, 97)),
    ((90, 0, 60, 15, 15, LATE, 2, 1, 1), (30, 132)),
    ((120, 30, 60, 15, 15, 60, 0, 0, 0), (0, 113)),  # 12.5
    ((120, 30, 60, 15, 15, 7, 0, 0, 0), (0, 138)),
    ((120, 30, 60, 15, 15, 8, 0, 0, 0), (0, 123)),
    ((120, 30, 60, 15, 15, 14, 0, 0, 0), (0, 123)),
    ((120, 30, 60, 15, 15, 15, 0, 0, 0), (0, 113)),
    ((240, 0, 180, 20, 20, 60, 0, 0, 0), (40, 37)),  # 16.67
    ((240, 40, 180, 20, 20, 60, 0, 0, 0), (0, 117)),
    ((240, 40, 180, 20, 20, 60, 1, 0, 0), (0, 127)),
    ((240, 0, 30, 1, 1, 60, 0, 0, 0), (2, 99)),  # 2.58
    ((45, 15, 30, 15, 0, 60, 0, 0, 0), (0, 120)),
    ((45, 0, 45, 0, 0, 60, 0, 0, 1), (0, 125)),
    ((75, 9, 45, 14, 15, 60, 0, 0, 0), (20, 76)),  # 15.73
    ((75, 9, 45, 14, 15, 60, 0, 1, 0), (20, 86)),
    ((180, 50, 120, 25, 30, 3, 0, 0, 0), (5, 131)),  # 16.11
    ((480, 0, 240, 60, 60, 60, 0, 0, 0), (120, -127)),  # 12.5
    ((480, 0, 240, 60, 60, LATE, 2, 0, 0), (120, -67)),
    ((100, 0, 60, 0, 0, 0, 0, 0, 0), (0, 137)),
    ((100, 0, 62, 0, 0, 60, 0, 0, 0), (0, 112)),  # 12.4
    ((100, 0, 64, 0, 0, 60, 0, 0, 0), (0, 113)),  # 12.8
    ((110, 3, 90, 4, 5, 60, 1, 0, 1), (6, 120)),  # 17.09
]


@pytest.mark.parametrize(("facts", "expected"), BY_HAND)
def test_scores_by_hand(facts: tuple[int, ...], expected: tuple[int, int]) -> None:
    minutes, direct, work, reach, leave, ends, stars, in_sector, is_known = facts
    found = rank_one(
        hole(minutes, direct=direct),
        candidate(
            work=work,
            reach=reach,
            leave=leave,
            closes_in=ends,
            is_late=ends == LATE,
            stars=stars,
            in_sector=bool(in_sector),
            is_known=bool(is_known),
        ),
    )
    assert found is not None
    assert (found.detour, found.score) == expected


@pytest.mark.parametrize(
    ("reach", "start"), [(0, at(9)), (1, at(9, 15)), (15, at(9, 15)), (16, at(9, 30)), (60, at(10))]
)
def test_work_begins_on_the_quarter_of_an_hour_after_the_way(reach: int, start: datetime) -> None:
    assert start_in(hole(), candidate(reach=reach)) == start
    assert start_in(hole(leaves_base=True), candidate(reach=reach)) == at(9)


@pytest.mark.parametrize(
    ("work", "reach", "leave", "is_base", "expected"),
    [
        (120, 0, 0, False, True),
        (121, 0, 0, False, False),
        (90, 15, 15, False, True),
        (90, 16, 0, False, True),  # from 9:30
        (90, 16, 1, False, False),
        (90, 15, 16, False, False),
        (120, 60, 60, True, True),
        (121, 60, 60, True, False),
    ],
)
def test_fits_with_its_way_there_and_on(work: int, reach: int, leave: int, is_base: bool, expected: bool) -> None:
    one = candidate(work=work, reach=reach, leave=leave)
    assert fits(hole(leaves_base=is_base, ends_at_base=is_base), one) is expected
    assert (rank_one(hole(leaves_base=is_base, ends_at_base=is_base), one) is not None) is expected


@pytest.mark.parametrize(
    "values",
    [
        {"work": 0},
        {"opens": DAY + timedelta(days=1)},
        {"is_served": False},
    ],
)
def test_never_proposed(values: dict[str, Any]) -> None:
    assert is_proposed(candidate(), DAY)
    assert not is_proposed(candidate(**values), DAY)
    assert rank_one(hole(), candidate(**values)) is None


@pytest.mark.parametrize(
    ("closes_in", "is_late", "points", "reason"),
    [
        (-1, True, 40, "en retard"),
        (-1, False, 25, "période finie ce jour-là"),
        (0, False, 25, "dernier jour de sa période"),
        (1, False, 25, "sa période finit 1 jour après"),
        (7, False, 25, "sa période finit 7 jours après"),
        (8, False, 10, "sa période finit 8 jours après"),
        (14, False, 10, "sa période finit 14 jours après"),
        (15, False, 0, ""),
    ],
)
def test_urgency(closes_in: int, is_late: bool, points: int, reason: str) -> None:
    found = rank_one(hole(), candidate(closes_in=closes_in, is_late=is_late))
    assert found is not None
    assert [(part.points, part.reason) for part in found.parts if part.name == "urgency"] == [(points, reason)]


@pytest.mark.parametrize(
    ("minutes", "work", "reach", "points"), [(120, 60, 0, 10), (80, 50, 0, 13), (120, 99, 0, 17), (120, 105, 15, 20), (60, 15, 0, 5)]
)  # fmt: skip
def test_fit_is_the_share_of_the_hole_to_the_nearest_a_half_upwards(
    minutes: int, work: int, reach: int, points: int
) -> None:
    found = rank_one(hole(minutes), candidate(work=work, reach=reach))
    assert found is not None
    assert [part.points for part in found.parts if part.name == "fit"] == [points]


@pytest.mark.parametrize(
    ("reach", "leave", "direct", "detour"), [(5, 5, 10, 0), (5, 5, 20, 0), (10, 5, 10, 5), (0, 0, 0, 0)]
)
def test_detour_is_what_the_way_gains_and_never_less_than_nothing(
    reach: int, leave: int, direct: int, detour: int
) -> None:
    found = rank_one(hole(direct=direct), candidate(reach=reach, leave=leave))
    assert found is not None
    assert (found.detour, found.parts[1].points) == (detour, -2 * detour)


def test_estimated_way_is_said() -> None:
    found = rank_one(hole(), candidate(reach=10, is_estimated=True))
    assert found is not None
    assert found.reasons[0] == "détour de 10 min (estimé)"


def test_order_is_score_then_detour_then_end_of_the_period_then_id() -> None:
    """The second loses 2 by its detour and wins 2 by what it fills: 110 each."""
    later, sooner = candidate(7, closes_in=40), candidate(8, closes_in=30)
    detoured = candidate(1, work=70, reach=1, closes_in=20)
    twin = replace(sooner, pk=9)
    found = rank(hole(), [detoured, twin, later, sooner])
    assert [(one.score, one.candidate.pk) for one in found] == [(110, 8), (110, 9), (110, 7), (110, 1)]


def test_wait_counts_in_place_of_urgency() -> None:
    late = candidate(is_late=True)
    found = [rank_one(hole(), late, waited=days) for days in (0, 1, 12)]
    assert [(one.score, one.reasons[1]) for one in found if one] == [
        (110, "premier jour possible"),
        (109, "1 jour après le premier possible"),
        (98, "12 jours après le premier possible"),
    ]


def test_weights_are_in_one_place() -> None:
    found = rank_one(hole(), A, weights=Weights(base=0, detour=-1, late=1, star=2, fit=0))
    assert found is not None
    assert found.score == 0 - 16 + 1 + 2  # no direct way: a detour of 16


def test_best_places_are_of_different_half_days() -> None:
    def place(pk: int, start: datetime, waited: int) -> Any:
        one = Hole(start, start + timedelta(hours=2))
        return rank_one(one, candidate(pk, opens=DAY, closes_in=60), waited=waited)

    tomorrow = DAY + timedelta(days=1)
    places = [
        place(1, at(9), 0),
        place(2, at(11), 0),
        place(3, at(14), 1),
        place(4, at(12), 2),
        place(5, at(9, day=tomorrow), 3),
        place(6, at(14, day=tomorrow), 4),
    ]
    assert [one.candidate.pk for one in best_of_half_days(places)] == [1, 3, 5]
    assert [one.candidate.pk for one in best_of_half_days(places, count=9)] == [1, 3, 5, 6]
    assert best_of_half_days([]) == []
