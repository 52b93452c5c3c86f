"""Two thousand towns drawn at random: what is proposed there is planned at once, without a refusal or an override."""

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from appointments.models import Appointment
from appointments.services.places import find_places
from appointments.services.saving import appoint
from appointments.services.slots import Found, Gap, Options, fill_proposals
from interventions.models import InterventionRequest, Technician
from invoicing.models import Address
from tests.factories import AddressFactory, World
from tests.factories.appointments import at, book, technician

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]
TOWNS, PEOPLE = 2000, 20
SEARCHED = 60  # of them, by « Chercher un créneau » too
# Of each technician: between his two stops of Wednesday, after them, Thursday's morning that ends at a stop, Friday.
GAPS = ((25, 9, 11), (25, 12, 18), (26, 8, 12), (27, 8, 18))


def drawn(chance: random.Random) -> dict[str, object]:
    """A town within some 20 km of Rennes; one in five is not located."""
    is_located = chance.random() < 0.8
    return {
        "zip": f"35{chance.randrange(1000):03d}",
        "city": f"Ville {chance.randrange(300)}",
        "latitude": Decimal(chance.randrange(480_000, 482_500)) / 10_000 if is_located else None,
        "longitude": Decimal(chance.randrange(-18_000, -15_000)) / 10_000 if is_located else None,
    }


@pytest.fixture
def people(world: World) -> list[Technician]:
    """Twenty technicians, each with stops in towns of his own."""
    chance = random.Random(1)
    found = []
    for _n in range(PEOPLE):
        who = technician(world)
        for start in (at(8), at(11), at(10, day=26)):
            site = AddressFactory(partner=world.customer, **drawn(chance))
            stop = world.intervention(duration=Decimal(1), address=site)
            book(world, stop, who=who, starts_at=start, state="draft")
        found.append(who)
    return found


@pytest.fixture
def waiting(world: World, people: list[Technician]) -> list[InterventionRequest]:
    """A DI in each town, of a quarter of an hour to an hour and three quarters, a hundred for each technician."""
    chance = random.Random(20261125)
    like = world.intervention(to_on=world.today + timedelta(days=20))
    model, places, rows = type(like), [], []
    for _number in range(TOWNS):
        values = {field.attname: getattr(like.address, field.attname) for field in Address._meta.concrete_fields}
        places.append(Address(**{**values, "id": None, "is_default": False, "is_billing": False, **drawn(chance)}))
    places = Address.objects.bulk_create(places)
    for number, place in enumerate(places):
        values = {field.attname: getattr(like, field.attname) for field in model._meta.concrete_fields}
        length = Decimal(chance.randrange(1, 8)) / 4
        rows.append(
            model(**{**values, "id": None, "number": f"T{number:04d}", "address_id": place.pk, "duration": length})
        )
    made = model.objects.bulk_create(rows)
    named = model.technicians.through
    named.objects.bulk_create(
        named(interventionrequest_id=one.pk, technician_id=people[number % PEOPLE].pk)
        for number, one in enumerate(made)
    )
    like.delete()
    return made


def confirm(found: Found, world: World) -> None:
    """Plan what is proposed, look at it, and take it back."""
    with transaction.atomic():
        rdv = appoint(
            found.intervention,
            technicians=[found.technician],
            starts_at=found.starts_at,
            on=world.today,
            by=world.planner,
        )
        assert (rdv.starts_at, rdv.ends_at, rdv.override) == (found.starts_at, found.ends_at, "")
        transaction.set_rollback(True)


def test_what_is_proposed_in_two_thousand_towns_is_confirmed_at_once(
    world: World, people: Sequence[Technician], waiting: list[InterventionRequest]
) -> None:
    """Each DI is confirmed in the first hole that it is proposed for; the narrow ones are asked first."""
    confirmed: set[int] = set()
    by_gap = []
    for day, start, end in GAPS:
        before = len(confirmed)
        for who in people:
            gap = Gap(who, at(start, day=day), at(end, day=day))
            for found in fill_proposals(gap, options=Options(radius=0), on=world.today, count=TOWNS):
                if found.intervention.pk not in confirmed:
                    confirm(found, world)
                    confirmed.add(found.intervention.pk)
        by_gap.append(len(confirmed) - before)
    searched = waiting[:: TOWNS // SEARCHED][:SEARCHED]
    for one in InterventionRequest.objects.select_related("address").filter(pk__in=[one.pk for one in searched]):
        best = find_places(one, people, not_before=at(7), count=1)
        confirm(best[0], world)

    assert confirmed == {one.pk for one in waiting}
    assert (len(confirmed), len(searched)) == (TOWNS, SEARCHED)
    assert all(count >= 100 for count in by_gap[:2]), by_gap
    assert Appointment.objects.count() == 3 * PEOPLE
