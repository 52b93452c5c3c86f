"""Which intervention goes best into a hole of a day, and where an intervention goes best: pure, no Django.

A hole is the free time of a technician between two stops. The score begins at 100, loses with the detour and gains with
urgency, priority and what suits the day; each part has its reason, in words for the planner.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from appointments.availability import next_quarter
from openfire_billing.kernel.words import gettext as _
from openfire_billing.kernel.words import ngettext


@dataclass(frozen=True)
class Weights:
    """What each part of a score is worth."""

    base: int = 100
    detour: int = -2  # a minute
    late: int = 40
    soon: int = 25  # the period ends within `soon_days` of the hole's day
    soon_days: int = 7
    near: int = 10
    near_days: int = 14
    star: int = 10
    fit: int = 20  # for a hole filled whole, travel to the place included
    sector: int = 10
    known: int = 5
    wait: int = -1  # a day after the first possible one, when the best place of one intervention is looked for


WEIGHTS = Weights()


@dataclass(frozen=True)
class Hole:
    """Free time [start, end[ of a technician. `direct`: minutes from the stop before to the one after.

    `leaves_base`, `ends_at_base`: no stop before or after, so that travel there is driven outside the hole. `pause`:
    minutes inside it that are not worked, after which the work goes on: the midday break, nights.
    """

    start: datetime
    end: datetime
    direct: int = 0
    leaves_base: bool = False
    ends_at_base: bool = False
    pause: int = 0

    @property
    def minutes(self) -> int:
        """The minutes that are worked."""
        return int((self.end - self.start).total_seconds()) // 60 - self.pause


@dataclass(frozen=True)
class Candidate:
    """An intervention that might go into a hole. Durations and travel in minutes.

    `reach`, `leave`: travel from the stop before, and to the one after. `opens`, `closes`: its period, both days
    included. `is_served`: no contract ended under it. Others are not read at all: those that are not validated, and those
    that the technician cannot do.
    """

    pk: int
    work: int
    reach: int
    leave: int
    opens: date
    closes: date
    stars: int = 0
    is_late: bool = False
    is_served: bool = True
    in_sector: bool = False
    is_known: bool = False
    is_estimated: bool = False


@dataclass(frozen=True)
class Part:
    """A part of a score. `reason`: in words; "" for a part that needs none."""

    name: str
    points: int
    reason: str = ""


@dataclass(frozen=True)
class Ranked:
    """A candidate that fits into a hole: when it would begin, how many minutes it adds to the way, its score."""

    candidate: Candidate
    hole: Hole
    starts_at: datetime
    detour: int
    parts: tuple[Part, ...]

    @property
    def score(self) -> int:
        return sum(part.points for part in self.parts)

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(part.reason for part in self.parts if part.reason)

    @property
    def rank(self) -> tuple[int, int, date, int]:
        """The order of proposals: score, detour, end of the period, id."""
        return -self.score, self.detour, self.candidate.closes, self.candidate.pk


def is_proposed(candidate: Candidate, day: date) -> bool:
    """Return whether an intervention may be proposed on a day: not wholly planned, its period begun, its contract served."""
    return candidate.work > 0 and candidate.opens <= day and candidate.is_served


def start_in(hole: Hole, candidate: Candidate) -> datetime:
    """Return when the work would begin: at the first quarter of an hour after the way there."""
    return next_quarter(hole.start + timedelta(minutes=_reach_inside(hole, candidate)))


def fits(hole: Hole, candidate: Candidate) -> bool:
    """Return whether the way there, the work and the way to the next stop take no longer than the hole."""
    leave = 0 if hole.ends_at_base else candidate.leave
    return start_in(hole, candidate) + timedelta(minutes=candidate.work + hole.pause + leave) <= hole.end


def rank_one(
    hole: Hole, candidate: Candidate, *, waited: int | None = None, weights: Weights = WEIGHTS
) -> Ranked | None:
    """Return a candidate in a hole with its score; None when it may not be proposed there or does not fit.

    `waited`: days after the first possible one, which then count in place of urgency.
    """
    if not is_proposed(candidate, hole.start.date()) or not fits(hole, candidate):
        return None
    detour = max(0, candidate.reach + candidate.leave - hole.direct)
    parts = (
        Part("base", weights.base),
        Part("detour", weights.detour * detour, _detour_text(detour, is_estimated=candidate.is_estimated)),
        _urgency(hole, candidate, weights) if waited is None else _wait(waited, weights),
        Part(
            "stars",
            weights.star * candidate.stars,
            _("priorité %s") % ("★" * candidate.stars) if candidate.stars else "",
        ),
        _fit(hole, candidate, weights),
        Part("sector", weights.sector, _("secteur du jour")) if candidate.in_sector else Part("sector", 0),
        Part("known", weights.known, _("intervenant déjà venu")) if candidate.is_known else Part("known", 0),
    )
    return Ranked(candidate, hole, start_in(hole, candidate), detour, parts)


def rank(hole: Hole, candidates: Iterable[Candidate], *, weights: Weights = WEIGHTS) -> list[Ranked]:
    """Return the candidates that fit into a hole, the best first."""
    found = (rank_one(hole, candidate, weights=weights) for candidate in candidates)
    return sorted((one for one in found if one is not None), key=lambda one: one.rank)


def best_of_half_days(places: Iterable[Ranked], *, count: int = 3) -> list[Ranked]:
    """Return the best places of different half days, the best first."""
    best: dict[tuple[date, bool], Ranked] = {}
    for place in sorted(places, key=lambda one: (*one.rank, one.starts_at)):
        best.setdefault(half_day(place.starts_at), place)
    return list(best.values())[:count]


def half_day(moment: datetime) -> tuple[date, bool]:
    """Return the day of a moment, and whether it is after noon."""
    return moment.date(), moment.hour >= 12


def _reach_inside(hole: Hole, candidate: Candidate) -> int:
    return 0 if hole.leaves_base else candidate.reach


def _urgency(hole: Hole, candidate: Candidate, weights: Weights) -> Part:
    left = (candidate.closes - hole.start.date()).days
    if candidate.is_late:
        return Part("urgency", weights.late, _("en retard"))
    if left <= weights.near_days:
        points = weights.soon if left <= weights.soon_days else weights.near
        return Part("urgency", points, _ends_text(left))
    return Part("urgency", 0)


def _ends_text(left: int) -> str:
    if left < 0:
        return _("période finie ce jour-là")
    if left == 0:
        return _("dernier jour de sa période")
    return ngettext("sa période finit %d jour après", "sa période finit %d jours après", left) % left


def _wait(days: int, weights: Weights) -> Part:
    if days == 0:
        return Part("wait", 0, _("premier jour possible"))
    text = ngettext("%d jour après le premier possible", "%d jours après le premier possible", days) % days
    return Part("wait", weights.wait * days, text)


def _fit(hole: Hole, candidate: Candidate, weights: Weights) -> Part:
    busy = candidate.work + _reach_inside(hole, candidate)
    points = min(weights.fit, _rounded(weights.fit * busy, hole.minutes))
    return Part("fit", points, _("remplit %d %% du créneau") % min(100, _rounded(100 * busy, hole.minutes)))


def _rounded(amount: int, by: int) -> int:
    """Return amount ÷ by to the nearest integer, a half upwards."""
    return (2 * amount + by) // (2 * by)


def _detour_text(detour: int, *, is_estimated: bool) -> str:
    text = _("détour de %d min") % detour if detour else _("sur le chemin")
    return _("%s (estimé)") % text if is_estimated else text
