"""Sectors: which postcodes they cover, the sector of an address, « Actualiser les secteurs »."""

import importlib
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from interventions.models import AddressSector, Sector, SectorRange
from interventions.sectors import Covered, SectorTable, whole_range
from interventions.services import sectors as services
from interventions.services.sectors import refresh_sectors, save_sector, sector_moves, sector_of, sectors_of
from invoicing.models import Address, HistoryLine
from openfire_billing.office.roles import MANAGER, PLANNER, TECHNICIAN
from tests.factories import AddressFactory, SectorFactory, World, nothing_changed
from tests.factories.pages import address, errors_of, fields_of, texts_of, typed

pytestmark = pytest.mark.django_db
REFRESH = "/admin/interventions/sector/refresh/"


@pytest.fixture(autouse=True)
def _no_other_sectors(world: World) -> None:
    Sector.objects.all().delete()
    Address.objects.update(zip="99999")


def place(world: World, zip_code: str) -> Address:
    return AddressFactory(partner=world.customer, zip=zip_code)


def rows() -> list[tuple[str, str, bool, str]]:
    """(postcode of the address, sector, chosen by hand, postcode it was found for)."""
    columns = ("address__zip", "sector__name", "is_manual", "zip")
    return list(AddressSector.objects.order_by("address__zip").values_list(*columns))


# Postcodes


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        ("35", "", ("35000", "35999")),
        ("352", "", ("35200", "35299")),
        ("35200", "", ("35200", "35200")),
        ("35", "36", ("35000", "36999")),
        ("01", "", ("01000", "01999")),
        ("35150", "35235", ("35150", "35235")),
    ],
)
def test_beginning_of_postcodes_is_a_whole_range(first: str, last: str, found: tuple[str, str]) -> None:
    assert whole_range(first, last) == found


@pytest.mark.parametrize(
    ("zip_code", "sector"),
    [
        ("35000", "Ille"),
        ("35999", "Ille"),
        ("34999", None),
        ("36000", None),
        ("35199", "Ille"),
        ("35200", "Rennes"),  # the most precise
        ("35299", "Rennes"),
        ("35300", "Ille"),
        ("35240", "Autre"),  # as precise: the first by name
        ("35 200", "Rennes"),
        ("3520", None),  # no postcode of France
        ("352000", None),
        ("B3520", None),
        ("", None),
    ],
)
def test_most_precise_range_counts_then_the_name(zip_code: str, sector: str | None) -> None:
    table = SectorTable(
        [
            Covered("35000", "35999", "Ille", "Ille"),
            Covered("35200", "35299", "Rennes", "Rennes"),
            Covered("35240", "35240", "Bruz", "Bruz"),
            Covered("35240", "35240", "Autre", "Autre"),
        ]
    )
    assert table.sector_at(zip_code) == sector


def test_last_postcode_before_the_first_is_refused_by_the_database(world: World) -> None:
    sector = SectorFactory(covers="")
    with pytest.raises(IntegrityError), transaction.atomic():
        SectorRange.objects.create(sector=sector, first="35999", last="35000")
    with pytest.raises(IntegrityError), transaction.atomic():
        SectorRange.objects.create(sector=sector, first="35000", last="")


def test_migration_takes_beginnings_over_as_ranges_and_back() -> None:
    migration = importlib.import_module("interventions.migrations.0007_sectors")

    assert migration.ranges_of("352, 35510 2A  352 3") == [
        ("30000", "39999"),
        ("35200", "35299"),
        ("35510", "35510"),
    ]
    assert migration.prefixes_of([("30000", "39999"), ("35200", "35299"), ("35510", "35510")]) == "3 352 35510"
    assert migration.prefixes_of([("35199", "35212")]) == "35199 3520 35210 35211 35212"
    assert migration.prefixes_of([("01000", "01999")]) == "01"


# The sector of an address


def test_sector_is_the_one_chosen_by_hand_else_that_of_the_postcode(world: World) -> None:
    here, elsewhere, nowhere = place(world, "35200"), place(world, "35210"), place(world, "75001")
    assert sectors_of([here, elsewhere, nowhere]) == {here.pk: None, elsewhere.pk: None, nowhere.pk: None}

    around, far = SectorFactory(covers="35"), SectorFactory(covers="56")
    AddressSector.objects.create(address=elsewhere, sector=far)

    assert sectors_of([here, elsewhere, nowhere]) == {here.pk: around, elsewhere.pk: far, nowhere.pk: None}
    assert [sector_of(here), sector_of(elsewhere)] == [around, far]


def test_archived_sector_covers_nothing_but_stays_where_it_was_chosen(world: World) -> None:
    by_hand, found = place(world, "35200"), place(world, "35210")
    old = SectorFactory(covers="35")
    AddressSector.objects.create(address=by_hand, sector=old)
    refresh_sectors(by=world.manager)
    Sector.objects.update(is_active=False)

    assert sectors_of([by_hand, found]) == {by_hand.pk: old, found.pk: None}


def test_sectors_of_many_addresses_are_three_queries(world: World) -> None:
    sector = SectorFactory(covers="35")
    one = [place(world, "35200")]
    many = [place(world, f"352{n:02d}") for n in range(50)]
    counts = []
    for addresses in (one, many):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found = sectors_of(addresses)
        assert set(found.values()) == {sector}
        counts.append(len(queries))
    assert counts == [3, 3]


def test_found_sector_no_longer_counts_for_another_postcode(world: World) -> None:
    north, south = SectorFactory(name="Nord", covers="354"), SectorFactory(name="Sud", covers="355")
    moved = place(world, "35400")
    refresh_sectors(by=world.manager)
    assert sector_of(moved) == north

    world.office(PLANNER).save(moved, zip="35500")
    moved.refresh_from_db()

    assert sector_of(moved) == south
    assert list(AddressSector.objects.in_force()) == []
    assert [(str(m.before), str(m.after), m.count) for m in sector_moves()] == [("Nord", "Sud", 1)]
    assert refresh_sectors(by=world.manager) == 1
    assert rows() == [("35500", "Sud", False, "35500")]


# « Actualiser les secteurs »


def test_refresh_writes_what_the_preview_counts_and_keeps_choices_made_by_hand(world: World) -> None:
    north, south = SectorFactory(name="Nord", covers="354"), SectorFactory(name="Sud", covers="355")
    for code in ("35400", "35410", "35500", "75001"):
        place(world, code)
    AddressSector.objects.create(address=place(world, "35420"), sector=south)

    with nothing_changed():
        preview = [(move.before, move.after, move.count) for move in sector_moves()]
    assert preview == [(None, north, 2), (None, south, 1)]
    assert refresh_sectors(by=world.manager) == 3
    assert rows() == [
        ("35400", "Nord", False, "35400"),
        ("35410", "Nord", False, "35410"),
        ("35420", "Sud", True, ""),
        ("35500", "Sud", False, "35500"),
    ]
    assert [str(HistoryLine.objects.of(one).first().text) for one in (north, south)] == [
        "Secteurs actualisés : 2 adresses gagnées",
        "Secteurs actualisés : 1 adresse gagnée",
    ]

    with nothing_changed():
        assert (sector_moves(), refresh_sectors(by=world.manager)) == ([], 0)


def test_refresh_follows_postcodes_moved_from_a_sector_to_another(world: World) -> None:
    north, south = SectorFactory(name="Nord", covers="354"), SectorFactory(name="Sud", covers="355")
    place(world, "35400"), place(world, "35500"), place(world, "35510")
    refresh_sectors(by=world.manager)
    save_sector(south, values={}, ranges=[("3551", "")], by=world.manager)
    save_sector(north, values={}, ranges=[], by=world.manager)
    save_sector(Sector(), values={"name": "Est"}, ranges=[("35500", "35500")], by=world.manager)

    assert [(str(m.before), str(m.after), m.count) for m in sector_moves()] == [("Nord", "None", 1), ("Sud", "Est", 1)]
    assert refresh_sectors(by=world.manager) == 2
    assert rows() == [("35500", "Est", False, "35500"), ("35510", "Sud", False, "35510")]
    assert str(HistoryLine.objects.of(south).first().text) == "Secteurs actualisés : 1 adresse perdue"


def test_refresh_in_chunks_takes_the_statements_of_its_chunks(world: World, monkeypatch: Any) -> None:
    SectorFactory(covers="35")
    for n in range(10):
        place(world, f"350{n:02d}")
    monkeypatch.setattr(services, "CHUNK", 4)
    assert refresh_sectors(by=world.manager) == 10
    assert [row[0] for row in rows()] == [f"350{n:02d}" for n in range(10)]

    monkeypatch.setattr(services, "CHUNK", 2000)
    counts = []
    for _again in range(2):
        AddressSector.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            refresh_sectors(by=world.manager)
        counts.append(len(queries))
        for n in range(30):
            place(world, f"351{n:02d}")
    assert counts[0] == counts[1]


def test_refresh_page_shows_then_writes_and_says_how_many(world: World) -> None:
    SectorFactory(name="Nord", covers="354")
    place(world, "35400"), place(world, "35410")
    AddressSector.objects.create(address=place(world, "35420"), sector=Sector.objects.get())
    office = world.office(PLANNER)
    assert REFRESH in office.get(address(Sector, "changelist")).content.decode()

    with nothing_changed():
        page = office.get(REFRESH)
    assert texts_of(page, "of-dialog")[0].count("2 adresses changent de secteur") == 1
    assert "1 secteur choisi à la main reste tel quel." in page.content.decode()
    assert texts_of(page, "of-num") == ["Adresses", "2"]
    sent = [office.client.post(REFRESH, fields_of(page), follow=True) for _press in range(2)]
    for answer in sent:
        assert [str(m) for m in answer.context["messages"]] == ["Secteurs actualisés : 2 adresses changent de secteur."]
    assert [row[:2] for row in rows()] == [("35400", "Nord"), ("35410", "Nord"), ("35420", "Nord")]
    assert "Aucune adresse ne change de secteur." in office.get(REFRESH).content.decode()


@pytest.mark.parametrize("role", [TECHNICIAN, ""])
def test_refresh_is_for_who_changes_the_sectors_of_addresses(world: World, role: str) -> None:
    SectorFactory(covers="354")
    place(world, "35400")
    user = world.users[TECHNICIAN]
    user.is_staff = role == ""
    user.save()
    office = world.office(TECHNICIAN)
    with nothing_changed():
        assert office.get(REFRESH).status_code in (302, 403)
        assert office.client.post(REFRESH).status_code in (302, 403)


# Pages


def test_form_of_a_sector_completes_the_beginning_of_postcodes(world: World) -> None:
    office = world.office(MANAGER)
    fields = typed(
        office.open(Sector),
        name="Ille",
        colour="green",
        ranges__TOTAL_FORMS=2,
        ranges__0__first="35",
        ranges__0__last="",
        ranges__1__first="53000",
        ranges__1__last="53199",
    )
    assert office.send(Sector, fields).status_code == 302

    sector = Sector.objects.get()
    assert (sector.name, sector.code, sector.colour, [str(one) for one in sector.ranges.all()]) == (
        "Ille",
        None,
        "green",
        ["35000–35999", "53000–53199"],
    )
    row = office.get(address(Sector, "changelist")).content.decode()
    assert "35000–35999, 53000–53199" in row
    assert 'class="of-badge of-green">vert<' in row


@pytest.mark.parametrize(
    ("first", "last", "errors"),
    [
        ("2A", "", {"ranges-0-first": ["Donnez un code postal de cinq chiffres, ou son début : « 35 »."]}),
        ("36", "35", {"ranges-0-__all__": ["Le dernier code postal précède le premier : corrigez l'un des deux."]}),
    ],
)
def test_form_of_a_sector_refuses_what_is_no_range(
    world: World, first: str, last: str, errors: dict[str, list[str]]
) -> None:
    office = world.office(MANAGER)
    new = {"ranges__TOTAL_FORMS": 1, "ranges__0__first": first, "ranges__0__last": last}
    with nothing_changed():
        answer = office.send(Sector, typed(office.open(Sector), name="Ille", **new))
        assert errors_of(answer) == errors


def test_choice_by_hand_takes_the_place_of_the_sector_found(world: World) -> None:
    SectorFactory(name="Nord", covers="354")
    south = SectorFactory(name="Sud", covers="355")
    here = place(world, "35400")
    refresh_sectors(by=world.manager)
    office = world.office(PLANNER)

    sent = office.send(AddressSector, typed(office.open(AddressSector), address=here, sector=south))

    assert sent.status_code == 302
    assert rows() == [("35400", "Sud", True, "")]
    assert (sector_of(here), sector_moves()) == (south, [])


def test_found_sector_changed_on_its_page_becomes_a_choice_by_hand(world: World) -> None:
    SectorFactory(name="Nord", covers="354")
    south = SectorFactory(name="Sud", covers="355")
    place(world, "35400")
    refresh_sectors(by=world.manager)
    world.office(PLANNER).save(AddressSector.objects.get(), sector=south)
    assert rows() == [("35400", "Sud", True, "")]


# Saving


def test_sector_saved_keeps_the_ranges_it_is_not_given(world: World) -> None:
    sector = save_sector(Sector(), values={"name": "Nord", "code": ""}, ranges=[("354", "")], by=world.manager)
    assert (sector.code, sector.version) == (None, 1)

    sector = save_sector(sector, values={"code": "N"}, by=world.manager)
    assert (sector.code, sector.version, [str(one) for one in sector.ranges.all()]) == ("N", 2, ["35400–35499"])

    sector = save_sector(sector, values={}, ranges=[("354", ""), ("35510", "")], by=world.manager)
    assert (sector.version, [str(one) for one in sector.ranges.all()]) == (3, ["35400–35499", "35510"])
    assert HistoryLine.objects.of(sector).first().changes == {"ranges": ["35400–35499", "35400–35499, 35510"]}

    with nothing_changed():
        save_sector(sector, values={"code": "N"}, ranges=[("35510", "35510"), ("354", "")], by=world.manager)
        with pytest.raises(ValidationError):
            save_sector(sector, values={"code": "X"}, ranges=[("36", "35")], by=world.manager)
