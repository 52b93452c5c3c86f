"""Slots searched both ways: what goes into a hole of a day, and where an intervention goes."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Absence, Appointment
from appointments.services.places import find_places
from appointments.services.saving import appoint
from appointments.services.slots import Found, Gap, Options, fill_proposals
from appointments.services.tours import assign_sectors
from contracts.models import Contract
from interventions.models import AddressSector, InterventionRequest, Technician
from invoicing.choices import TagScope
from invoicing.models import Address, Tag
from tests.api.subjects import contract
from tests.factories import (
    AddressFactory,
    CompanyFactory,
    SectorFactory,
    TaskFactory,
    TemplateFactory,
    World,
    nothing_changed,
)
from tests.factories.appointments import at, book, technician, working_week

pytestmark = pytest.mark.django_db
WEDNESDAY = date(2026, 11, 25)


@pytest.fixture
def who(world: World) -> Technician:
    """Alan, with stops on Wednesday from 8:00 to 9:00 and from 11:00 to 12:00, both at the customer's in Rennes."""
    Address.objects.update(city="Rennes", zip="35000", latitude=None, longitude=None)
    alan = technician(world, name="Alan")
    for hour in (8, 11):
        stop = world.intervention(duration=Decimal(1))
        book(world, stop, who=alan, starts_at=at(hour), state="confirmed")
    return alan


def gap(who: Technician, start: datetime | None = None, end: datetime | None = None) -> Gap:
    """From 9:00 to 11:00 unless told."""
    return Gap(who, start or at(9), end or at(11))


def di(world: World, *, zip_code: str = "35000", city: str = "Rennes", **values: Any) -> InterventionRequest:
    """An intervention of an hour, at an address of its own, whose period ends in sixty days unless told."""
    wanted = {"from_on": world.today, "to_on": world.today + timedelta(days=61), "duration": Decimal(1), **values}
    address = wanted.pop("address", None) or AddressFactory(partner=world.customer, zip=zip_code, city=city)
    return world.intervention(address=address, **wanted)


def proposals(who: Technician, *, options: Options | None = None, **values: Any) -> list[Found]:
    return fill_proposals(gap(who, **values), options=options, on=date(2026, 11, 24))


def shown(found: list[Found]) -> list[tuple[InterventionRequest, str, int]]:
    return [(one.intervention, f"{one.starts_at:%d %H:%M}", one.ranked.score) for one in found]


# A hole to fill


def test_hole_takes_the_way_from_the_stop_before_and_to_the_one_after(world: World, who: Technician) -> None:
    """10 minutes in a town, 15 with the same postcode, else 60; the two stops are at one address.

    In town: 10 + 10 − 0 = 20 of detour, 100 − 40 + round(20 × 70 ÷ 120). Next door: 100 − 60 + round(20 × 75 ÷ 120).
    """
    in_town, next_door = di(world), di(world, city="Chantepie")
    di(world, zip_code="56000", city="Vannes")  # 60 minutes there, 60 of work, 60 back

    assert shown(proposals(who)) == [(in_town, "25 09:15", 72), (next_door, "25 09:15", 53)]
    assert proposals(who)[0].ranked.reasons == ("détour de 20 min (estimé)", "remplit 58 % du créneau")


def test_coordinates_are_used_where_they_are_known(world: World, who: Technician) -> None:
    Address.objects.update(latitude=Decimal("48.1173"), longitude=Decimal("-1.6778"))
    place = AddressFactory(
        partner=world.customer, zip="35510", city="Cesson", latitude=Decimal("48.1306"), longitude=Decimal("-1.5889")
    )
    one = di(world, address=place)

    (found,) = proposals(who)

    assert (found.intervention, found.ranked.detour, found.starts_at) == (one, 22, at(9, 15))
    assert found.ranked.reasons == ("détour de 22 min", "remplit 59 % du créneau")


def test_every_part_of_the_score_is_read(world: World, who: Technician) -> None:
    """Late, two stars, in the sector of the day, at an address where Alan came last: 100 − 40 + 40 + 20 + 12 + 10 + 5."""
    one = di(world, priority=2, from_on=date(2026, 11, 2), to_on=date(2026, 11, 23))
    earlier = di(world, address=one.address)
    book(world, earlier, who=who, starts_at=at(8, day=24), state="done")
    sector = SectorFactory(name="Nord", covers="")
    AddressSector.objects.create(address=one.address, sector=sector)
    assign_sectors([who], [WEDNESDAY], [sector], by=world.planner)

    (found,) = proposals(who)

    assert {part.name: part.points for part in found.ranked.parts} == {
        "base": 100,
        "detour": -40,
        "urgency": 40,
        "stars": 20,
        "fit": 12,
        "sector": 10,
        "known": 5,
    }


def test_last_rdv_of_another_technician_makes_nobody_known(world: World, who: Technician) -> None:
    one = di(world)
    book(world, di(world, address=one.address), who=who, starts_at=at(8, day=24), state="done")
    book(world, di(world, address=one.address), who=technician(world), starts_at=at(9, 30, day=24), state="done")
    (found,) = proposals(who)
    assert [part.points for part in found.ranked.parts if part.name == "known"] == [0]


def test_never_proposed(world: World, who: Technician) -> None:
    other = TaskFactory(name="Pose")
    who.tasks.add(world.task)
    elsewhere = CompanyFactory(name="Autre Foyer")
    named = di(world)
    named.technicians.add(technician(world))
    archived = di(world)
    InterventionRequest.objects.filter(pk=archived.pk).update(is_active=False)
    unable = di(world)
    InterventionRequest.objects.filter(pk=unable.pk).update(task=other)
    theirs = di(world)
    InterventionRequest.objects.filter(pk=theirs.pk).update(company=elsewhere)
    di(world, is_validated=False)
    di(world, from_on=date(2026, 11, 26))
    book(world, di(world), who=technician(world), state="draft")  # wholly planned
    mine = di(world)
    mine.technicians.add(who)

    assert [one.intervention for one in proposals(who)] == [mine]


def test_visit_of_a_contract_that_has_ended_is_not_proposed(world: World, who: Technician) -> None:
    made = contract(world)
    visit = di(world)
    line = made.lines.get()
    line.requests.create(intervention=visit, chain=line, year=1, rank=1, of=1)
    contracts = Contract.objects.filter(pk=made.pk)
    seen = [len(proposals(who))]
    for ending in (
        {"terminated_on": date(2026, 11, 25)},
        {"terminated_on": date(2026, 11, 24)},
        {"terminated_on": None, "end_on": date(2026, 11, 24)},
        {"auto_renew": False},
    ):
        contracts.update(**ending)
        seen.append(len(proposals(who)))
    assert seen == [1, 1, 0, 1, 0]
    assert find_places(visit, [who], not_before=at(8)) == []


def test_options_narrow_what_is_proposed(world: World, who: Technician) -> None:
    plain, urgent, far = di(world), di(world), di(world, zip_code="35510", city="Cesson")
    tag = Tag.objects.create(name="Urgent", scope=TagScope.INTERVENTION)
    urgent.tags.add(tag)
    north = SectorFactory(name="Nord", covers="355")
    task = TaskFactory(name="Pose")
    InterventionRequest.objects.filter(pk=plain.pk).update(task=task)

    def found(end: datetime | None = None, **options: Any) -> set[int]:
        return {one.intervention.pk for one in proposals(who, options=Options(**options), end=end)}

    assert found() == {plain.pk, urgent.pk}
    assert found(tags=frozenset({tag.pk})) == {urgent.pk}
    assert found(tasks=frozenset({task.pk})) == {plain.pk}
    assert found(sectors=frozenset({north.pk})) == set()
    assert found(sectors=frozenset({north.pk}), ignores_duration=True) == set()  # 60 minutes there leave none
    Address.objects.filter(pk=far.address_id).update(city="Rennes")
    assert found(sectors=frozenset({north.pk})) == {far.pk}


def test_radius_is_around_the_stops_and_leaves_in_what_is_not_located(world: World, who: Technician) -> None:
    """0.3° of a meridian is 33.4 km, 0.2° is 22.2 km."""
    Address.objects.update(latitude=48, longitude=-1)
    Appointment.objects.filter(starts_at=at(11)).delete()
    near, far = (
        AddressFactory(partner=world.customer, city="Ici", latitude=Decimal(degrees), longitude=-1)
        for degrees in ("48.2", "48.3")
    )
    one, other, unknown = di(world, address=near), di(world, address=far), di(world)
    ids = {radius: set() for radius in (30, 40, 0)}
    for radius in ids:
        ids[radius] = {found.intervention.pk for found in proposals(who, options=Options(radius=radius), end=at(12))}
    assert ids == {
        30: {one.pk, unknown.pk},
        40: {one.pk, other.pk, unknown.pk},
        0: {one.pk, other.pk, unknown.pk},
    }


def test_duration_that_does_not_count_is_cut_to_the_time_there_is(world: World, who: Technician) -> None:
    long = di(world, duration=Decimal(3))
    assert proposals(who) == []
    (found,) = proposals(who, options=Options(ignores_duration=True))
    assert (found.intervention, found.starts_at, found.duration) == (long, at(9, 15), Decimal("1.58"))  # 95 minutes

    rdv = appoint(
        long,
        technicians=[who],
        starts_at=found.starts_at,
        duration=found.duration,
        on=world.today,
        by=world.planner,
    )
    assert rdv.ends_at is not None
    assert (rdv.override, rdv.ends_at <= at(10, 50)) == ("", True)


def test_gap_that_is_not_free_is_cut_to_what_is(world: World, who: Technician) -> None:
    one = di(world)
    assert shown(proposals(who, start=at(7), end=at(18))) == [(one, "25 09:15", 72)]
    assert proposals(who, start=at(8), end=at(9)) == []
    assert proposals(who, start=at(9, day=28), end=at(11, day=28)) == []  # a Saturday
    Absence.objects.create(technician=who, starts_at=at(9), ends_at=at(10))
    assert proposals(who) == []  # an hour is left, and the way


def test_what_is_proposed_is_confirmed_at_once(world: World, who: Technician) -> None:
    for n in range(6):
        di(world, zip_code=f"3500{n}", duration=Decimal("0.25") * (1 + n % 2), priority=n % 3)
    done = []
    start = at(9)
    while found := proposals(who, start=start, end=at(11)):
        best = found[0]
        with nothing_changed():
            proposals(who, start=start)
        rdv = appoint(
            best.intervention,
            technicians=[best.technician],
            starts_at=best.starts_at,
            duration=best.duration,
            on=world.today,
            by=world.planner,
        )
        assert (rdv.starts_at, rdv.override, rdv.ends_at is not None and rdv.ends_at <= at(11)) == (
            best.starts_at,
            "",
            True,
        )
        done.append(best.intervention.pk)
        assert rdv.ends_at is not None
        start = rdv.ends_at
    assert len(done) >= 2
    assert len(set(done)) == len(done)


def test_queries_do_not_depend_on_how_many_wait(world: World, who: Technician) -> None:
    SectorFactory(covers="35")
    counts = []
    for number in (1, 20):
        for _n in range(number):
            di(world)
        with CaptureQueriesContext(connection) as queries:
            assert proposals(who)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 16


# Places of an intervention


def test_three_best_places_are_of_different_half_days_and_each_day_costs_a_point(world: World) -> None:
    """Both are free: Alan and Béa from 8:00. No stop: no detour; an hour fills 4 hours by 5."""
    alan, _bea = technician(world, name="Alan"), technician(world, name="Béa")
    one = di(world, from_on=WEDNESDAY)

    found = find_places(one, list(Technician.objects.filter(pk__in=(alan.pk, _bea.pk))), not_before=at(7))

    assert [(place.technician, place.starts_at, place.ranked.score) for place in found] == [
        (alan, at(8), 105),
        (alan, at(13, 30), 105),
        (alan, at(8, day=26), 104),
    ]
    assert [place.ranked.reasons[1] for place in found] == [
        "premier jour possible",
        "premier jour possible",
        "1 jour après le premier possible",
    ]


def test_place_beside_a_stop_in_the_sector_is_better_than_an_earlier_one(world: World, who: Technician) -> None:
    """At the very address of Alan's stops: 120 minutes filled by half, in his sector of the day, known to nobody."""
    sector = SectorFactory(covers="35000")
    assign_sectors([who], [WEDNESDAY], [sector], by=world.planner)
    bea = technician(world, name="Béa")
    one = di(world, address=world.customer.default_address(), from_on=date(2026, 11, 24))

    found = find_places(one, [bea, who], not_before=at(8, day=24))

    assert [(place.technician, place.starts_at, place.ranked.score) for place in found] == [
        (who, at(9), 119),  # 100 − 1 + 10 + 10
        (who, at(13, 30), 114),  # 100 − 1 + 5 + 10
        (bea, at(8, day=24), 105),
    ]


def test_period_and_moment_bound_the_search_and_a_late_one_is_searched_on(world: World) -> None:
    who = technician(world)
    one = di(world, from_on=date(2026, 11, 26), to_on=date(2026, 11, 26))
    late = di(world, from_on=date(2026, 11, 2), to_on=date(2026, 11, 3))

    def starts(intervention: InterventionRequest, not_before: datetime) -> list[str]:
        return [f"{found.starts_at:%d/%m %H:%M}" for found in find_places(intervention, [who], not_before=not_before)]

    assert starts(one, at(9)) == ["26/11 08:00", "26/11 13:30"]
    assert starts(one, at(9, 40, day=26)) == ["26/11 09:45", "26/11 13:30"]
    assert starts(late, at(16, day=25)) == ["25/11 16:00", "26/11 08:00", "26/11 13:30"]
    assert starts(di(world, is_validated=False), at(9)) == []
    assert find_places(one, [], not_before=at(9)) == []


def test_only_able_technicians_are_searched(world: World) -> None:
    alan, bea = technician(world, name="Alan"), technician(world, name="Béa")
    one = di(world)
    alan.tasks.add(TaskFactory(name="Pose"))
    assert {found.technician for found in find_places(one, [alan, bea], not_before=at(8))} == {bea}
    one.technicians.add(alan)
    assert find_places(one, [alan, bea], not_before=at(8)) == []


def test_queries_of_places_do_not_depend_on_technicians_and_days(world: World, who: Technician) -> None:
    one = di(world, from_on=WEDNESDAY, to_on=WEDNESDAY)
    counts = []
    for number, last in ((1, WEDNESDAY), (8, date(2026, 12, 30))):
        for _n in range(number):
            technician(world)
        InterventionRequest.objects.filter(pk=one.pk).update(to_on=last)
        one.refresh_from_db()
        people = list(Technician.objects.select_related("company").prefetch_related("tasks"))
        with CaptureQueriesContext(connection) as queries:
            assert find_places(one, people, not_before=at(8))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 16


def test_places_found_are_confirmed_at_once(world: World, who: Technician) -> None:
    bea = technician(world)
    for n in range(5):
        one = di(world, zip_code=f"3500{n}", duration=Decimal("0.75") * (n + 1))
        best = find_places(one, [who, bea], not_before=at(8))[0]
        rdv = appoint(one, technicians=[best.technician], starts_at=best.starts_at, on=world.today, by=world.planner)
        assert (rdv.starts_at, rdv.override) == (best.starts_at, "")


def test_morning_without_a_break_gives_a_place_before_noon_and_one_after(world: World) -> None:
    """From 8:00 to 16:00 without a break: the hour fills 8 hours by 3, the 4 after noon by 5."""
    alan = technician(world, name="Alan")
    working_week(alan, {2: [(8, 16)]})
    one = di(world, from_on=WEDNESDAY, to_on=WEDNESDAY)
    found = find_places(one, [alan], not_before=at(7))
    assert [(place.starts_at, place.ranked.score) for place in found] == [(at(12), 105), (at(8), 103)]


def test_work_in_several_pieces_goes_round_breaks_and_nights_and_stops_at_an_rdv(world: World, who: Technician) -> None:
    """Six hours: Wednesday from 13:30 end on Thursday at 10:00, unless an RDV stands at 8:00 that day."""
    one = di(world, duration=Decimal(6), from_on=WEDNESDAY, to_on=WEDNESDAY)

    def found() -> list[tuple[datetime, datetime, int]]:
        return [
            (place.starts_at, place.ends_at, place.ranked.hole.pause)
            for place in find_places(one, [who], not_before=at(7))
        ]

    assert found() == [(at(13, 45), at(10, 15, day=26), 870)]  # the night, from 17:30 to 8:00
    rdv = appoint(one, technicians=[who], starts_at=at(13, 45), on=world.today, by=world.planner)
    assert (rdv.override, rdv.ends_at) == ("", at(10, 15, day=26))
    rdv.delete()
    InterventionRequest.objects.filter(pk=one.pk).update(planned_duration=0, state="to_plan")
    one.refresh_from_db()
    book(world, di(world), who=who, starts_at=at(10, day=26), state="draft")
    assert found() == []  # ten minutes there are wanted at 9:50
    book(world, di(world), who=who, starts_at=at(8, day=26), state="draft")
    assert found() == []
    InterventionRequest.objects.filter(pk=one.pk).update(duration=4)
    one.refresh_from_db()
    assert [place[:2] for place in found()] == []  # 13:45 to 17:45 goes beyond the day


def test_work_that_may_not_be_interrupted_is_in_one_piece(world: World, who: Technician) -> None:
    one = di(world, duration=Decimal(6), template=TemplateFactory(spans_break=False))
    assert find_places(one, [who], not_before=at(7)) == []
