"""Where addresses stand: searched for by the geocoder, accepted, placed by hand, imported."""

import time
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoicing.models import Address, Company, HistoryLine, Partner
from invoicing.services.parties.places import accept_place, locate_waiting, outage, state_of, write_found
from invoicing.services.records.saving import save_record
from invoicing.tasks import locate_places
from openfire_billing.kernel.errors import BusinessError, StaleForm
from openfire_billing.office.roles import MANAGER
from openfire_billing.web.geocoder import Answered, Asked
from tests.factories import AddressFactory, World, nothing_changed
from tests.factories.appointments import technician
from tests.factories.geocoder import Geocoder, geocoder
from tests.office.test_import import imported

HOUSE = ("48.117300", "-1.677800", "0.93", "housenumber", "35000")


@pytest.fixture
def found(settings: Any) -> Iterator[Geocoder]:
    cache.clear()
    with geocoder() as told:
        settings.GEOCODER_URL = told.url
        told.usual = HOUSE
        yield told


@pytest.fixture
def place(world: World) -> Address:
    """An address that nobody located; all the others, and the company, are placed by hand."""
    Address.objects.update(location_source="hand")
    Company.objects.update(location_source="hand")
    return AddressFactory(
        partner=world.customer, street="3 rue de la Forge", zip="35000", city="Rennes", is_default=False
    )


def known(address: Address) -> tuple[Any, ...]:
    address.refresh_from_db()
    return (
        address.location_state,
        address.location_source,
        address.latitude,
        address.longitude,
        address.location_score,
    )


LOCATED = ("located", "geocoder", Decimal("48.117300"), Decimal("-1.677800"), Decimal("0.930"))


def test_an_address_is_located_from_the_file_that_the_geocoder_answers(place: Address, found: Geocoder) -> None:
    assert locate_places() == 1

    assert known(place) == LOCATED
    assert place.located_text == "3 rue de la Forge, 35000 Rennes"
    assert place.version == 1
    assert found.asked == [[{"id": str(place.pk), "street": "3 rue de la Forge", "city": "Rennes", "zip": "35000"}]]
    assert found.fields == [[("columns", "street"), ("columns", "city"), ("postcode", "zip")]]
    assert locate_places() == 0
    assert len(found.asked) == 1


@pytest.mark.parametrize(
    ("kind", "score", "zip_code", "state"),
    [
        ("housenumber", "0.7", "35000", "located"),
        ("street", "0.7", "35000", "located"),
        ("housenumber", "0.699", "35000", "to_check"),
        ("housenumber", "0.4", "35000", "to_check"),
        ("housenumber", "0.399", "35000", "not_found"),
        ("housenumber", "0.95", "35200", "to_check"),
        ("locality", "0.95", "35000", "to_check"),
        ("municipality", "0.95", "35000", "town"),
        ("municipality", "0.5", "35000", "town"),
        ("municipality", "0.95", "35200", "to_check"),
    ],
)
def test_what_an_answer_is_worth(kind: str, score: str, zip_code: str, state: str) -> None:
    answer = Answered(Decimal(48), Decimal(-1), Decimal(score), kind, zip_code, "")

    assert state_of(answer, "35000") == state


def test_nothing_found_is_not_asked_again(place: Address, found: Geocoder) -> None:
    found.usual = None

    assert locate_places() == 1

    assert known(place) == ("not_found", "geocoder", None, None, None)
    assert locate_places() == 0


def test_a_changed_street_is_located_again(place: Address, found: Geocoder, world: World) -> None:
    locate_places()

    save_record(place, values={"street": "8 quai Neuf"}, by=world.manager)

    assert known(place) == ("", "", None, None, None)
    assert locate_places() == 1
    assert known(place) == LOCATED
    assert [row["street"] for rows in found.asked for row in rows] == ["3 rue de la Forge", "8 quai Neuf"]


def test_a_place_by_hand_stays_whatever_the_street(place: Address, found: Geocoder, world: World) -> None:
    save_record(place, values={"latitude": Decimal("47.5"), "longitude": Decimal("-2.5")}, by=world.manager)
    by_hand = ("located", "hand", Decimal("47.500000"), Decimal("-2.500000"), None)
    assert known(place) == by_hand

    save_record(place, values={"street": "8 quai Neuf"}, by=world.manager)

    assert locate_places() == 0
    assert known(place) == by_hand


def test_coordinates_emptied_by_hand_are_searched_for(place: Address, found: Geocoder, world: World) -> None:
    save_record(place, values={"latitude": Decimal("47.5"), "longitude": Decimal("-2.5")}, by=world.manager)
    save_record(place, values={"latitude": None, "longitude": None}, by=world.manager)

    assert known(place) == ("", "", None, None, None)
    assert locate_places() == 1
    assert known(place) == LOCATED


def test_a_place_by_hand_given_while_the_geocoder_answers_is_kept(
    place: Address, found: Geocoder, world: World
) -> None:
    asked = {Asked(place.pk, place.street, place.zip, place.city): place.place_text}
    save_record(place, values={"latitude": Decimal("47.5"), "longitude": Decimal("-2.5")}, by=world.manager)
    answer = Answered(Decimal(48), Decimal(-1), Decimal(1), "housenumber", "35000", "")

    assert write_found(Address, asked, {place.pk: answer}, at=place.partner.updated_at) == 0

    assert known(place) == ("located", "hand", Decimal("47.500000"), Decimal("-2.500000"), None)


def test_a_street_changed_while_the_geocoder_answers_is_not_given_the_old_place(place: Address, world: World) -> None:
    asked = {Asked(place.pk, place.street, place.zip, place.city): place.place_text}
    save_record(place, values={"street": "8 quai Neuf"}, by=world.manager)
    answer = Answered(Decimal(48), Decimal(-1), Decimal(1), "housenumber", "35000", "")

    assert write_found(Address, asked, {place.pk: answer}, at=place.partner.updated_at) == 0

    assert known(place) == ("", "", None, None, None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"latitude": Decimal("90.1"), "longitude": Decimal(0)}, "latitude"),
        ({"latitude": Decimal(48), "longitude": Decimal("-180.5")}, "longitude"),
        ({"latitude": Decimal(48)}, "longitude"),
        ({"longitude": Decimal(2)}, "latitude"),
    ],
)
def test_coordinates_out_of_range_or_without_their_pair_are_refused(
    place: Address, world: World, values: dict[str, Decimal], field: str
) -> None:
    with nothing_changed(), pytest.raises(ValidationError) as refusal:
        save_record(place, values=values, by=world.manager)

    assert list(refusal.value.message_dict) == [field]


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"\xff\xfe\x00", b"id,latitude\n1,2\n", b""])
def test_an_answer_that_is_no_file_of_addresses_is_an_outage(place: Address, found: Geocoder, body: bytes) -> None:
    found.body = body

    assert locate_places() == 0

    assert known(place) == ("", "", None, None, None)
    assert outage() is not None
    found.body = None
    cache.delete("geocoder-turn")
    assert locate_places() == 1
    assert outage() is None


@pytest.mark.parametrize(("status", "reason"), [(429, "Trop de demandes (HTTP 429)."), (500, "HTTP 500")])
def test_a_geocoder_that_asks_to_wait_or_fails_is_asked_again_later_and_it_is_said(
    world: World, place: Address, found: Geocoder, status: int, reason: str
) -> None:
    found.statuses = [status]

    assert locate_places() == 0

    known_outage = outage()
    assert known_outage is not None
    assert known_outage.reason == reason
    page = world.office(MANAGER).get("/admin/invoicing/address/")
    assert f"({reason.rstrip('.')})" in page.content.decode()
    cache.delete("geocoder-turn")
    assert locate_places() == 1
    assert "Le géocodeur ne répond pas" not in world.office(MANAGER).get("/admin/invoicing/address/").content.decode()


def test_a_geocoder_that_is_not_there_is_an_outage(place: Address, settings: Any) -> None:
    cache.clear()
    settings.GEOCODER_URL = "http://127.0.0.1:9/search/csv/"

    assert locate_places() == 0

    assert outage() is not None
    cache.clear()


def test_without_a_geocoder_nothing_is_asked(place: Address, settings: Any) -> None:
    settings.GEOCODER_URL = ""

    assert locate_places() == 0


@pytest.mark.parametrize(
    "numbers", [("nan", "-1.6", "0.9"), ("120", "-1.6", "0.9"), ("48", "", "0.9"), ("48", "-1", "x")]
)
def test_an_answer_that_is_no_place_finds_nothing(
    place: Address, found: Geocoder, numbers: tuple[str, str, str]
) -> None:
    found.usual = (*numbers, "housenumber", "35000")

    locate_places()

    assert known(place) == ("not_found", "geocoder", None, None, None)


def test_addresses_go_by_five_hundred_one_request_a_second_in_three_queries(
    world: World, place: Address, found: Geocoder
) -> None:
    Address.objects.bulk_create(
        Address(partner=world.customer, street=f"{n} rue Haute", zip="35000", city="Rennes") for n in range(600)
    )
    with CaptureQueriesContext(connection) as captured:
        assert locate_waiting(until=time.monotonic() + 30) == (601, False)

    assert [len(rows) for rows in found.asked] == [500, 101]
    assert found.at[1] - found.at[0] >= 0.99
    words = [query["sql"].split()[0] for query in captured if "invoicing_address" in query["sql"]]
    assert words.count("SELECT") == 5  # two batches read and locked, and one that finds nothing left


def test_foreign_addresses_are_not_asked(place: Address, found: Geocoder) -> None:
    Address.objects.filter(pk=place.pk).update(country="BE")

    assert locate_places() == 0
    assert found.asked == []


def test_a_technician_and_a_company_are_located_too(world: World, found: Geocoder) -> None:
    Address.objects.update(location_source="hand")
    person = technician(world, street="1 rue du Départ", zip="35000", city="Rennes")
    Company.objects.update(street="2 rue du Siège", zip="35000", city="Rennes")

    assert locate_waiting(until=time.monotonic() + 30) == (2, False)

    person.refresh_from_db()
    world.company.refresh_from_db()
    assert (person.location_state, person.latitude) == ("located", Decimal("48.117300"))
    assert (world.company.location_state, world.company.latitude) == ("located", Decimal("48.117300"))


@pytest.fixture
def doubtful(place: Address, found: Geocoder) -> Address:
    found.usual = ("48.2", "-1.5", "0.55", "street", "35000")
    locate_places()
    place.refresh_from_db()
    return place


def test_a_doubtful_place_waits_for_a_person(doubtful: Address, world: World) -> None:
    assert known(doubtful) == ("to_check", "geocoder", None, None, Decimal("0.550"))
    assert doubtful.proposed_label == "3 RUE DE LA FORGE Rennes"

    page = world.office(MANAGER).get("/admin/invoicing/address/?view=check").content.decode()

    assert "3 rue de la Forge" in page
    assert "proposé : 3 RUE DE LA FORGE Rennes" in page


def test_a_place_is_accepted_on_its_page(doubtful: Address, world: World) -> None:
    world.office(MANAGER).act(doubtful, "accept")

    assert known(doubtful) == ("located", "geocoder", Decimal("48.200000"), Decimal("-1.500000"), Decimal("0.550"))
    assert (doubtful.proposed_label, doubtful.version) == ("", 2)
    last = HistoryLine.objects.of(doubtful).first()
    assert last.text == "Position acceptée : 3 RUE DE LA FORGE Rennes"


def test_a_place_is_given_by_hand_in_its_dialog(doubtful: Address, world: World) -> None:
    world.office(MANAGER).act(doubtful, "locate", **{"act-latitude": "47,25", "act-longitude": "-1,5"})

    assert known(doubtful) == ("located", "hand", Decimal("47.250000"), Decimal("-1.500000"), None)


def test_a_place_is_accepted_once_and_at_the_version_seen(doubtful: Address, world: World) -> None:
    with nothing_changed(), pytest.raises(StaleForm):
        accept_place(doubtful, seen=7, by=world.manager)
    accept_place(doubtful, seen=1, by=world.manager)

    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        accept_place(doubtful, by=world.manager)

    assert refusal.value.code == "wrong_state"
    assert str(refusal.value).endswith("le géocodeur ne propose plus de position. Placez l'adresse à la main.")


FILE = "Nom;Code magasin;Rue;Code postal;Ville;Latitude;Longitude\nZoé Even;Z1;{}\n"


def test_coordinates_of_a_file_are_those_of_the_import(world: World, place: Address, found: Geocoder) -> None:
    Address.objects.update(location_source="hand")
    assert imported(world, "clients", FILE.format("1 rue A;35000;Rennes;48,1173;-1.6778")) == (1, 0, 0)
    (address,) = Partner.objects.get(store_code="Z1").addresses.all()
    assert known(address) == ("located", "import", Decimal("48.117300"), Decimal("-1.677800"), None)
    assert locate_places() == 0
    assert imported(world, "clients", FILE.format("1 rue A;35000;Rennes;48,1173;-1.6778")) == (0, 0, 1)

    assert imported(world, "clients", FILE.format("1 rue A;35000;Rennes;48,2;-1,7")) == (0, 1, 0)

    assert known(address) == ("located", "import", Decimal("48.200000"), Decimal("-1.700000"), None)


def test_a_file_leaves_a_place_given_by_hand(world: World) -> None:
    imported(world, "clients", FILE.format("1 rue A;35000;Rennes;;"))
    (address,) = Partner.objects.get(store_code="Z1").addresses.all()
    save_record(address, values={"latitude": Decimal(47), "longitude": Decimal(-2)}, by=world.manager)

    assert imported(world, "clients", FILE.format("1 rue A;35000;Rennes;48,1173;-1,6778")) == (0, 0, 1)

    assert known(address) == ("located", "hand", Decimal("47.000000"), Decimal("-2.000000"), None)


def test_doubtful_places_are_accepted_together(doubtful: Address, world: World, found: Geocoder) -> None:
    other = AddressFactory(partner=world.customer, street="5 rue de la Forge", zip="35000", city="Rennes")
    cache.delete("geocoder-turn")
    locate_places()

    world.office(MANAGER).act_on_many([doubtful, other], "accept")

    accepted = ("located", "geocoder", Decimal("48.200000"), Decimal("-1.500000"), Decimal("0.550"))
    assert [known(doubtful), known(other)] == [accepted] * 2


def test_coordinates_of_the_version_before_are_by_hand_and_half_a_pair_is_none(place: Address, world: World) -> None:
    half, none = (AddressFactory(partner=world.customer, street=f"{n} rue", city="Rennes") for n in range(2))
    Address.objects.filter(pk__in=[place.pk, half.pk]).update(latitude="48.1", location_source="")
    Address.objects.filter(pk=place.pk).update(longitude="-1.5")

    import_module("invoicing.migrations.0021_places").keep_by_hand(apps, connection.schema_editor())

    assert known(place) == ("located", "hand", Decimal("48.100000"), Decimal("-1.500000"), None)
    assert known(half) == known(none) == ("", "", None, None, None)
