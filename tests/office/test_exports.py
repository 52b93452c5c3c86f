"""What a list is taken away as: plain values of every column, as cells of their own kind."""

import re
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.contrib import admin
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from openpyxl import load_workbook

from appointments.models import Appointment, DayHours
from contracts.models import ContractLine
from interventions.models import InterventionRequest, Task
from invoicing.admin.lists import ListMixin
from invoicing.models import Invoice, Partner, Product, Tax
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.settlement.payments import pay_invoice
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER
from openfire_billing.web.columns import exported_columns
from tests.contracts.contract_builders import make_contract
from tests.factories import CompanyFactory, PartnerFactory, ProductFactory, TechnicianFactory, UserFactory, World, item
from tests.factories.appointments import at, book
from tests.factories.pages import Office, address
from tests.office.subjects import one_of_each

MARKUP = re.compile(r"<[/a-z!]|&[a-z]+;|&#", re.IGNORECASE)
PLAIN = (str, Decimal, int, bool, date, datetime, time, type(None))


cell_of = datetime.fromisoformat  # a spreadsheet has moments without a zone


def is_plain(value: Any) -> bool:
    return type(value) in PLAIN and not MARKUP.search(str(value))


def taken(office: Office, model: type[Any], kind: str = "csv", **query: Any) -> list[tuple[Any, ...]]:
    """The rows of an export, its headings first: texts of a CSV, typed values of an XLSX."""
    answer = office.get(address(model, "export"), format=kind, **query)
    assert answer.status_code == 200, answer.status_code
    if kind == "xlsx":
        return list(load_workbook(BytesIO(answer.content)).active.iter_rows(values_only=True))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return [tuple(row.split(";")) for row in text.strip("\r\n").split("\r\n")]


def test_every_column_of_every_list_gives_a_plain_value(world: World) -> None:
    records = one_of_each(world)
    every = IntervalSchedule.objects.create(every=30, period="seconds")
    records[PeriodicTask] = PeriodicTask.objects.create(name="render-waiting-documents", interval=every)
    InterventionRequest.objects.update(priority=2)
    office = Office(UserFactory(username="admin", is_superuser=True, is_staff=True))
    lists = {model: page for model, page in admin.site._registry.items() if isinstance(page, ListMixin)}
    assert set(lists) == set(records)

    faults = []
    for model, page in lists.items():
        request = office.get(address(model, "changelist")).wsgi_request
        rows = list(page.get_queryset(request))
        assert rows != []
        page.read_together(rows)
        for heading, value in exported_columns(page):
            faults += [(model.__name__, heading, found) for found in map(value, rows) if not is_plain(found)]
        head, *cells = taken(office, model, "xlsx")
        assert [len(row) for row in cells] == [len(head)] * len(cells)

    assert faults == []


def test_amounts_of_invoices_are_numbers_and_days_are_days(world: World) -> None:
    posted = world.posted(item(2, price="1234.50"))
    pay_invoice(posted, amount=Decimal("1000.10"), on=world.today, kind="transfer", by=world.accountant)
    office = world.office(ACCOUNTANT)

    head, row = taken(office, Invoice, "xlsx")

    assert head == ("Facture", "Facturer à", "Ville", "Date", "Échéance", "HT", "TVA", "TTC", "Reste", "État")
    town = world.customer.default_address().city
    assert row == (
        "FA2026-00001",
        "Aubry Maëlle",
        town,
        cell_of("2026-11-24"),
        cell_of("2026-12-24"),
        2469,
        135.8,
        2604.8,
        1604.7,
        "Payée en partie",
    )
    assert taken(office, Invoice)[1] == (
        "FA2026-00001",
        "Aubry Maëlle",
        town,
        "24/11/2026",
        "24/12/2026",
        "2469,00",
        "135,80",
        "2604,80",
        "1604,70",
        "Payée en partie",
    )


def test_credit_note_is_negative_and_a_draft_has_nothing_left(world: World) -> None:
    posted = world.posted()
    credit_invoice(posted, on=world.today, rebill=False, by=world.accountant)
    world.draft()
    rows = {row[0]: row[5:9] for row in taken(world.office(ACCOUNTANT), Invoice)[1:]}
    assert sorted(rows.values()) == [
        ("-175,00", "-9,62", "-184,62", "0,00"),
        ("175,00", "9,62", "184,62", ""),
        ("175,00", "9,62", "184,62", "0,00"),
    ]


def test_credit_note_counts_with_its_sign_in_every_column(world: World) -> None:
    """« Reste » was +240 beside HT −200: the columns of an accountant's sheet add up."""
    posted = world.posted(item(price=200), code="VEN-20")
    pay_invoice(posted, amount=Decimal(240), on=world.today, kind="transfer", by=world.accountant)
    credit_invoice(posted, on=world.today, rebill=False, by=world.accountant)

    head, *rows = taken(world.office(ACCOUNTANT), Invoice, "xlsx")

    by_number = {row[0]: row[5:9] for row in rows}
    assert head[5:9] == ("HT", "TVA", "TTC", "Reste")
    assert by_number == {"FA2026-00001": (200, 40, 240, 0), "AV2026-00001": (-200, -40, -240, -240)}
    assert [sum(row[column] for row in by_number.values()) for column in range(4)] == [0, 0, 0, -240]


def test_sheet_shows_days_as_in_france_and_amounts_with_two_decimals(world: World) -> None:
    world.posted(item(price=200))
    answer = world.office(ACCOUNTANT).get(address(Invoice, "export"), format="xlsx")

    row = next(load_workbook(BytesIO(answer.content)).active.iter_rows(min_row=2))

    assert [(cell.value, cell.number_format) for cell in row[3:9]] == [
        (cell_of("2026-11-24"), "dd/mm/yyyy"),
        (cell_of("2026-12-24"), "dd/mm/yyyy"),
        (200, "#,##0.00"),
        (11, "#,##0.00"),
        (211, "#,##0.00"),
        (211, "#,##0.00"),
    ]
    assert row[3].is_date


def test_prices_and_rates_keep_their_decimals(world: World) -> None:
    ProductFactory(code="fin", name="Joint", unit_price=Decimal("12.4567"))
    office = world.office(MANAGER)

    prices = {row[0]: row[3] for row in taken(office, Product)[1:]}
    rates = {row[0]: row[1] for row in taken(office, Tax, "xlsx")[1:]}

    assert (prices["fin"], prices["ram_pose"]) == ("12,4567", "175,00")
    assert rates["TVA collectée (vente) 5,5%"] == 5.5
    assert {row[3] for row in taken(office, Product, "xlsx")[1:]} == {12.4567, 175}


def test_request_gives_its_two_days_and_no_stars(world: World) -> None:
    world.intervention(priority=2, title="Fuite & fumée <urgent>", to_on=date(2026, 12, 4))

    head, row = taken(world.office(BILLING), InterventionRequest, "xlsx")

    assert head[1:2] + head[4:7] == ("Titre", "Entre le", "Et le", "HT")
    assert row[1:2] + row[4:7] == ("Fuite & fumée <urgent>", cell_of("2026-11-24"), cell_of("2026-12-04"), 175)


def test_appointment_gives_its_start_and_its_end_in_local_time(world: World) -> None:
    book(world, world.intervention(), starts_at=at(9, 30), state="confirmed")
    office = world.office(BILLING)

    head, row = taken(office, Appointment, "xlsx")

    assert head[1:3] == ("Début", "Fin")
    assert row[1:3] == (cell_of("2026-11-25 09:30"), cell_of("2026-11-25 11:00"))
    assert taken(office, Appointment)[1][1:3] == ("25/11/2026 09:30", "25/11/2026 11:00")


def test_hours_and_numbers_of_visits_are_numbers(world: World) -> None:
    make_contract(world, "01/11/26", visits=(2, (4, 10)))
    DayHours.objects.create(
        technician=TechnicianFactory(company=world.company), on=date(2026, 12, 1), starts=time(8), ends=time(12, 15)
    )
    office = world.office(MANAGER)

    tasks, lines, hours = (taken(office, model, "xlsx") for model in (Task, ContractLine, DayHours))

    assert (tasks[0][2], tasks[1][2]) == ("Durée (h)", 1.5)
    assert (lines[0][4], lines[1][4]) == ("Nombre de visites par an", 2)
    assert hours[1][1:4] == (cell_of("2026-12-01"), time(8), time(12, 15))
    assert taken(office, DayHours)[1][1:4] == ("01/12/2026", "08:00", "12:15")


def test_choices_are_words_booleans_are_oui_and_what_is_not_there_is_empty(world: World) -> None:
    PartnerFactory(name="Sans rien", phone="", mobile="", email="", address=False)
    office = world.office(ACCOUNTANT)
    kept = {"q": "Sans rien"}

    head, row = taken(office, Partner, "xlsx", **kept)

    place = ("Nature", "Code magasin", "SIREN", "N° TVA", "Rue", "Complément", "Code postal", "Ville", "Pays")
    assert head == ("Nom", *place, "Téléphone", "Mobile", "E-mail", "Facturer à", "Actif")
    assert row == ("Sans rien", "Particulier", *[None] * 12, "oui")
    assert {row[2] for row in taken(office, Product)[1:]} == {"Prestation de services"}


@pytest.mark.parametrize(
    "start",
    ["=", "+", "-", "@", "\t", "\r", "\n", " =", "＝", "＋", "－", "＠", "\u00a0＝", "\u3000=", "\u200b=", "﹢"],
)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_text_that_a_spreadsheet_would_run_is_kept_as_text(world: World, start: str, kind: str) -> None:
    partner = PartnerFactory(name="x", email="x@exemple.example")
    Partner.objects.filter(pk=partner.pk).update(name=f"{start}1+cmd")
    answer = world.office(ACCOUNTANT).get(address(Partner, "export"), q="x@exemple.example", format=kind)
    if kind == "csv":
        text = b"".join(answer.streaming_content).decode("utf-8-sig").split("\r\n", 1)[1]
        assert text.lstrip('"').startswith(f"'{start}1+cmd")
    else:
        cell = load_workbook(BytesIO(answer.content)).active["A2"]
        shown = start.replace("\r", "\n")  # an XML parser reads every end of line as a line feed
        assert (cell.data_type, cell.value.replace("\r", "\n")) == ("s", f"'{shown}1+cmd")


def test_export_keeps_to_ones_companies_and_to_the_filters(world: World) -> None:
    ours, elsewhere = world.intervention(), CompanyFactory(name="Ailleurs")
    stranger = Office(UserFactory(username="ailleurs", role=BILLING, company=elsewhere, is_staff=True))
    world.intervention(title="Autre")
    number = str(ours)

    assert taken(stranger, InterventionRequest)[1:] == []
    assert [row[0] for row in taken(world.office(BILLING), InterventionRequest, q=number)[1:]] == [number]
    assert len(taken(world.office(BILLING), InterventionRequest)) == 3


def test_technicians_of_a_request_are_named(world: World) -> None:
    made = world.intervention()
    made.technicians.add(TechnicianFactory(company=world.company, name="Yann Fictif"))
    assert taken(world.office(BILLING), InterventionRequest)[1][-1] == "Yann Fictif"
