"""The first page: what each role is shown, in which order, for how much, and what none of them is shown."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.staticfiles import finders
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from appointments.choices import AppointmentState, CustomerAnswer
from appointments.models import Absence, Appointment, AppointmentLine, RecurringAbsence
from contracts.models import Contract
from interventions.models import InterventionRequest
from interventions.services.states import finish_intervention
from invoicing.choices import InvoiceKind
from invoicing.models import Company, FollowUp, Invoice, Message, Product, Quote
from invoicing.services.documents.drafts import delete_drafts
from invoicing.services.documents.quotes import accept_quote, send_quote
from invoicing.services.posting.credit import credit_invoice
from openfire_billing.db.guards import without_guards
from openfire_billing.office.dashboard.waiting import Kind, Urgency, Waiting, in_order
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER, PLANNER
from tests.contracts.contract_builders import article, bill, make_contract
from tests.factories import CompanyFactory, Office, PartnerFactory, TechnicianFactory, UserFactory, World, item, tax
from tests.factories.appointments import alone, at, book, technician
from tests.factories.pages import address

PAGE = "/admin/"
EMPTY = "Rien ne vous attend."
NBSP = "\N{NO-BREAK SPACE}"


def shown(office: Office) -> Any:
    answer = office.get(PAGE)
    assert answer.status_code == 200
    return answer.context


def money(text: str) -> str:
    """« 12,50 » as the page writes it."""
    return f"{text} €"


def waiting(office: Office) -> list[tuple[str, str, str]]:
    """(what, of whom, how much) of each row of « À traiter », in its order."""
    return [(row.what, row.who, row.amount) for row, _age in shown(office)["office_waiting"]]


def lines(office: Office) -> dict[str, list[tuple[str, int, str]]]:
    """{title of a part: (label, count, amount) of its lines}."""
    parts = shown(office)["office_amounts"]
    return {part["title"]: [(line["label"], line["count"], line["text"]) for line in part["lines"]] for part in parts}


def listed(office: Office, url: str) -> list[Any]:
    """The records that a link of the page opens."""
    parts = urlsplit(url)
    answer = office.get(parts.path, **dict(parse_qsl(parts.query)))
    assert answer.status_code == 200
    return list(answer.context["cl"].queryset)


def owed(world: World, due: int, price: str = "100.00", **values: Any) -> Invoice:
    """A posted invoice whose due day was `due` days ago (before zero: in the future)."""
    invoice = world.posted(item(price=price), **values)
    with without_guards():
        Invoice.objects.filter(pk=invoice.pk).update(due_on=world.today - timedelta(days=due))
    return invoice


def done(world: World, ago: int, price: str = "100.00", **values: Any) -> InterventionRequest:
    """A DI that was done so many days ago."""
    intervention = finish_intervention(
        world.intervention(item(price=price), **values), on=world.today, by=world.planner
    )
    InterventionRequest.objects.filter(pk=intervention.pk).update(done_on=world.today - timedelta(days=ago))
    return intervention


# Today


def test_day_of_each_technician_is_a_bar_of_his_appointments(world: World) -> None:
    zoe, alan = technician(world, name="Zoé Riou"), technician(world, name="Alan Stivell")
    late = book(world, world.intervention(), who=zoe, starts_at=at(14, 30, day=24), state="confirmed")
    early = alone(world, who=zoe, starts_at=at(8, 15, day=24))
    Absence.objects.create(technician=alan, starts_at=at(0, day=24), ends_at=at(0, day=25), reason="Grippe")
    technician(world, name="Yann Libre")
    book(world, world.intervention(), starts_at=at(9, day=25), state="confirmed")  # tomorrow

    office = world.office(PLANNER)
    today = shown(office)["office_today"]

    assert [row.name for row in today["rows"]] == ["Alan Stivell", "Zoé Riou"]
    away, day = today["rows"]
    assert [(b.start, b.end, b.title, b.url) for b in away.in_order] == [(1, 49, "toute la journée · Absent", "")]
    town = early.address.city
    first, second = day.in_order
    hours = f"{timezone.localtime(late.starts_at):%H:%M}–{timezone.localtime(late.ends_at):%H:%M}"
    assert (first.start, first.colour, first.url) == (6, "grey", address(early))
    assert (
        first.title
        == f"08:15–{timezone.localtime(early.ends_at):%H:%M} · Aubry Maëlle · {town} · {early.task} · Brouillon"
    )
    assert (second.start, second.colour, second.url) == (31, "blue", address(late))
    assert second.title == f"{hours} · Aubry Maëlle · {late.address.city} · {late.task} · Confirmé"
    assert "Yann Libre" in today["free"]
    page = unescape(office.get(PAGE).content.decode())
    assert f'<a class="of-today-block of-blue" href="{address(late)}" title="{second.title}">' in page
    assert "Grippe" not in page


def test_recurring_absence_of_today_is_shown(world: World) -> None:
    """Tuesday 24 November 2026."""
    half, whole, ended = (technician(world, name=name) for name in ("Alan", "Zoé", "Yann"))
    for who, values in (
        (half, {"weekday": 1, "first_on": date(2026, 11, 10), "cycle": 2, "starts": time(13), "ends": time(15)}),
        (half, {"weekday": 2, "first_on": date(2026, 11, 10)}),
        (whole, {"weekday": 1, "first_on": date(2026, 11, 24)}),
        (ended, {"weekday": 1, "first_on": date(2026, 11, 17), "cycle": 2}),
        (ended, {"weekday": 1, "first_on": date(2026, 11, 10), "until": date(2026, 11, 23)}),
    ):
        RecurringAbsence.objects.create(technician=who, **values)

    rows = shown(world.office(PLANNER))["office_today"]["rows"]

    assert [(row.name, [(b.start, b.end, b.title) for b in row.in_order]) for row in rows] == [
        ("Alan", [(25, 33, "13:00–15:00 · Absent")]),
        ("Zoé", [(1, 49, "toute la journée · Absent")]),
    ]


@pytest.mark.parametrize(
    ("starts", "ends", "columns"),
    [
        ((7, 0), (8, 0), (1, 5)),
        ((9, 20), (9, 50), (10, 13)),  # the columns it touches
        ((5, 0), (6, 30), (1, 2)),  # before the bar: at its beginning
        ((18, 30), (22, 0), (47, 49)),
        ((20, 0), (21, 0), (48, 49)),
    ],
)
def test_what_is_earlier_or_later_stands_at_the_end_of_the_bar(
    world: World, starts: tuple[int, int], ends: tuple[int, int], columns: tuple[int, int]
) -> None:
    who = technician(world)
    Absence.objects.create(technician=who, starts_at=at(*starts, day=24), ends_at=at(*ends, day=24))

    (row,) = shown(world.office(PLANNER))["office_today"]["rows"]

    assert [(block.start, block.end) for block in row.in_order] == [columns]


@pytest.mark.parametrize(
    ("hour", "minute", "now"), [(7, 0, "0.0"), (10, 0, "25.0"), (18, 24, "95.0"), (6, 59, None), (19, 30, None)]
)
def test_line_of_now(world: World, hour: int, minute: int, now: str | None) -> None:
    with time_machine.travel(at(hour, minute, day=24), tick=False):
        line = shown(world.office(PLANNER))["office_today"]["now"]

    assert (line and line["percent"]) == now


def test_day_without_appointment_is_said_in_words_with_the_week(world: World) -> None:
    page = unescape(world.office(PLANNER).get(PAGE).content.decode())

    assert "Aucun RDV aujourd'hui." in page
    assert f'href="{reverse("planning:board")}"' in page


def test_cancelled_appointment_takes_no_room(world: World) -> None:
    rdv = book(world, world.intervention(), starts_at=at(9, day=24), state="confirmed")
    assert len(shown(world.office(PLANNER))["office_today"]["rows"]) == 1
    type(rdv).objects.filter(pk=rdv.pk).update(state="cancelled")

    assert shown(world.office(PLANNER))["office_today"]["rows"] == []


# What waits


def test_what_waits_is_in_the_order_of_its_urgency(world: World) -> None:
    long_ago = world.today - timedelta(days=40)
    late = world.intervention(from_on=long_ago, to_on=long_ago)
    Message.objects.create(key="k", to="a@exemple.example", body="x", state="failed", error="Adresse inconnue\nplus")
    invoice = owed(world, 50, partner=PartnerFactory(name="Client en retard"))
    draft = world.draft(partner=PartnerFactory(name="Client brouillon"))
    FollowUp.objects.create(object=world.customer, text="Rappeler", due_on=world.today, user=world.manager)
    soon = world.intervention(from_on=world.today, to_on=world.today + timedelta(days=3))
    past = done(world, 20, partner=PartnerFactory(name="Client servi"))
    town = late.address.city

    rows = [(row, age) for row, age in shown(world.office(MANAGER))["office_waiting"]]

    assert [(row.what, row.who, row.document, row.amount, row.button, age) for row, age in rows] == [
        ("E-mail en échec", "a@exemple.example", "", "", "Ouvrir", "aujourd'hui"),
        ("1 facture en retard", "Client en retard", "", f"{money('105,50')} TTC", "Relancer", "50 j"),
        ("DI en retard", f"Aubry Maëlle · {town}", str(late), "", "Planifier", "40 j"),
        ("DI à facturer", "Client servi", str(past), f"{money('100,00')} HT", "Facturer", "20 j"),
        (
            "Brouillon à valider",
            "Client brouillon",
            f"n° {draft.pk}",
            f"{money('184,62')} TTC",
            "Valider",
            "aujourd'hui",
        ),
        ("Rappeler", "relance : Aubry Maëlle", "", "", "Ouvrir", "aujourd'hui"),
        ("DI à planifier", f"Aubry Maëlle · {town}", str(soon), "", "Planifier", "dans 3 j"),
    ]
    assert rows[0][0].why == "Adresse inconnue"
    assert listed(world.office(MANAGER), rows[1][0].url) == [invoice]


def test_every_button_opens(world: World) -> None:
    long_ago = world.today - timedelta(days=40)
    world.intervention(from_on=long_ago, to_on=long_ago)
    done(world, 3)
    world.draft()
    accept_quote(send_quote(world.quote(), by=world.biller), on=world.today, by=world.biller)
    ending = send_quote(world.quote(), by=world.biller)
    Quote.objects.filter(pk=ending.pk).update(valid_until=world.today)
    alone(world, starts_at=at(16, day=24))
    owed(world, 5)
    office = world.office(MANAGER)

    rows = [row for row, _age in shown(office)["office_waiting"]]

    assert {row.what for row in rows} >= {
        "DI en retard",
        "DI à facturer",
        "Devis à facturer",
        "Devis bientôt expiré",
        "Brouillon à valider",
        "RDV à confirmer",
        "1 facture en retard",
    }
    assert {(row.what, office.get(row.url).status_code) for row in rows if "?" not in row.url} == {
        (row.what, 200) for row in rows if "?" not in row.url
    }
    assert all(listed(office, row.url) for row in rows if "?" in row.url)


def test_more_than_three_of_a_kind_are_one_row_with_their_sum(world: World) -> None:
    drafts = [world.draft(item(price=price)) for price in ("100.00", "200.00", "300.00")]
    office = world.office(ACCOUNTANT)
    assert [what for what, _who, _amount in waiting(office)] == ["Brouillon à valider"] * 3

    drafts.append(world.draft(item(price="1234.56")))

    ((row, _age),) = shown(office)["office_waiting"]
    # 105,50 + 211,00 + 316,50 + 1 302,46 (VAT of 67,9008)
    assert (row.what, row.amount) == ("4 brouillons de facture à valider", f"{money(f'1{NBSP}935,46')} TTC")
    assert set(listed(office, row.url)) == set(drafts)


def test_a_draft_credit_note_is_deducted_from_the_drafts(world: World) -> None:
    """As in the list that the row opens; contracts leave credit notes as drafts."""
    drafts = [world.draft(item(1)) for _draft in range(4)]
    Invoice.objects.filter(pk=drafts[0].pk).update(kind=InvoiceKind.CREDIT_NOTE, credits=world.posted())
    [row] = [row for row, _age in shown(world.office(MANAGER))["office_waiting"] if "brouillons" in row.what]
    assert (row.what, row.amount) == ("4 brouillons de facture à valider", f"{money('369,24')} TTC")


def test_list_that_the_row_of_many_opens_holds_them(world: World) -> None:
    for number in range(4):
        everything_waits(world, name=f"Client {number}")
    office = world.office(MANAGER)

    rows = {row.what: row for row, _age in shown(office)["office_waiting"]}

    assert set(rows) == {
        "Nuit sans facturation",
        "4 messages en échec",
        "4 contrats mis de côté",
        "4 factures en retard",
        "4 DI en retard",
        "4 DI à planifier sous 7 jours",
        "4 RDV à confirmer",
        "4 clients absents à leur RDV",
        "4 DI réalisées à facturer",
        "4 devis à facturer",
        "4 devis expirés ou bientôt",
        "4 brouillons de facture à valider",
    }
    assert {what: len(listed(office, one.url)) for what, one in rows.items() if what != "Nuit sans facturation"} == {
        what: 4 for what in rows if what != "Nuit sans facturation"
    }
    assert rows["4 factures en retard"].amount == f"{money('422,00')} TTC"
    assert rows["4 devis à facturer"].amount == f"{money('700,00')} HT"


def row(what: str, urgency: Urgency = Urgency.WAITS, since: date | None = None) -> Waiting:
    return Waiting(urgency, what, "Ouvrir", "/", since=since)


def kind(name: str, count: int, urgency: Urgency = Urgency.WAITS) -> Kind:
    """So many records of a kind, of which the first three are known."""
    return Kind(
        count, [row(f"{name} {n}", urgency) for n in range(1, min(count, 3) + 1)], row(f"{count} {name}", urgency)
    )


def test_list_has_twelve_rows_and_gathers_the_least_urgent_first() -> None:
    late, waits = Urgency.LATE, Urgency.WAITS
    kinds = [kind("a", 3, late), kind("b", 3, late), kind("c", 3, late), kind("d", 3), kind("e", 2, waits)]
    assert sum(len(one.rows) for one in kinds) == 14

    assert [one.what for one in in_order(kinds)] == [
        *("a 1", "a 2", "a 3", "b 1", "b 2", "b 3", "c 1", "c 2", "c 3"),
        *("3 d", "2 e"),
    ]
    assert [one.what for one in in_order([kind("a", 4), Kind(0, []), kind("b", 1)])] == ["4 a", "b 1"]


def test_follow_ups_that_no_list_shows_stay_apart_and_end_at_twelve() -> None:
    many = Kind(15, [row(f"relance {n}") for n in range(15)])

    assert [one.what for one in in_order([many, kind("a", 1, Urgency.BROKEN)])] == [
        "a 1",
        *(f"relance {n}" for n in range(11)),
    ]


def test_oldest_comes_first_within_an_urgency() -> None:
    rows = [
        row("new", since=date(2026, 11, 24)),
        row("old", since=date(2025, 1, 1)),
        row("late", Urgency.LATE, date(2026, 11, 24)),
    ]

    assert [one.what for one in in_order([Kind(3, rows)])] == ["late", "old", "new"]


def test_follow_up_of_a_record_he_may_not_see_or_of_another_company_is_not_shown(world: World) -> None:
    other = CompanyFactory(name="Soleil du Mené")
    for text, company, about in (
        ("à moi", world.company, world.customer),
        ("d'ailleurs", other, world.customer),
        ("facture", world.company, world.posted()),
    ):
        FollowUp.objects.create(object=about, company=company, text=text, due_on=world.today, user=world.planner)
    FollowUp.objects.create(object=world.customer, text="demain", due_on=world.today + timedelta(1), user=world.planner)
    FollowUp.objects.create(object=world.customer, text="autrui", due_on=world.today, user=world.manager)

    rows = [row.what for row, _age in shown(world.office(PLANNER))["office_waiting"]]

    assert [what for what in rows if not what.startswith(("DI", "RDV"))] == ["à moi"]


def test_follow_ups_beyond_the_sixth_have_a_page(world: World) -> None:
    for number in range(8):
        due_on = world.today - timedelta(days=20 - number)
        FollowUp.objects.create(object=world.customer, text=f"Relance {number}", due_on=due_on, user=world.planner)
    office = world.office(PLANNER)

    rows = [row for row, _age in shown(office)["office_waiting"]]
    everything = office.get(rows[6].url)

    names = [f"Relance {number}" for number in range(8)]
    assert [(row.what, row.button) for row in rows] == [
        *((name, "Ouvrir") for name in names[:6]),
        ("et 2 autres relances", "Voir"),
    ]
    assert (rows[6].since, rows[6].colour) == (world.today - timedelta(days=14), "red")
    assert [row.what for row, _age in everything.context["office_waiting"]] == names
    assert "Mes relances" in everything.content.decode()


def test_follow_ups_are_one_row_when_the_list_is_full(world: World) -> None:
    many = Kind(2, [row("Appeler"), row("Rappeler")], row("2 relances"), most=60)

    assert [one.what for one in in_order([many])] == ["Appeler", "Rappeler"]
    full = Kind(11, [row(f"a {n}", Urgency.LATE) for n in range(11)])
    assert [one.what for one in in_order([full, many])][10:] == ["a 10", "2 relances"]


# To bill, to collect


def test_ages_of_what_is_to_collect(world: World) -> None:
    for due, price in (
        (-5, "10.00"),
        (0, "20.00"),
        (1, "30.00"),
        (30, "40.00"),
        (31, "50.00"),
        (60, "60.00"),
        (61, "70.00"),
    ):
        owed(world, due, f"{price}")
    world.draft()
    credited = owed(world, 90)
    credit_invoice(credited, on=world.today, rebill=False, by=world.accountant)
    office = world.office(ACCOUNTANT)

    (part,) = shown(office)["office_amounts"]

    assert (part["title"], part["unit"], part["count"], part["text"]) == ("À encaisser", "TTC", 7, money("295,40"))
    assert [(line["label"], line["count"], line["text"], line["colour"]) for line in part["lines"]] == [
        ("Pas échues", 2, money("31,65"), "blue"),
        ("Échues, 1 à 30 j", 2, money("73,85"), "amber"),
        ("Échues, 31 à 60 j", 2, money("116,05"), "red"),
        ("Échues, plus de 60 j", 1, money("73,85"), "red"),
    ]
    for line in part["lines"]:
        found = listed(office, line["url"])
        assert (len(found), money(f"{sum(one.residual for one in found):.2f}".replace(".", ","))) == (
            line["count"],
            line["text"],
        )


def test_ages_of_what_is_to_bill(world: World) -> None:
    for ago, price in ((0, "10.00"), (1, "20.00"), (30, "30.00"), (31, "40.00"), (75, "50.00")):
        done(world, ago, price)
    world.intervention(item(2, price="7.50"))
    world.intervention(item(price="99.00"), is_validated=False)
    billed = done(world, 10, "1000.00")
    world.draft(intervention=billed)
    accept_quote(send_quote(world.quote(item(price="500.00")), by=world.biller), on=world.today, by=world.biller)
    archived = done(world, 10, "1000.00")
    InterventionRequest.objects.filter(pk=archived.pk).update(is_active=False)
    office = world.office(BILLING)

    (part,) = shown(office)["office_amounts"]

    assert (part["title"], part["unit"], part["text"]) == ("À facturer", "HT", money("665,00"))
    assert [(line["label"], line["count"], line["text"]) for line in part["lines"]] == [
        ("À venir : DI pas réalisées", 1, money("15,00")),
        ("DI réalisées aujourd'hui", 1, money("10,00")),
        ("DI réalisées, 1 à 30 j", 2, money("50,00")),
        ("DI réalisées, 31 à 60 j", 1, money("40,00")),
        ("DI réalisées, plus de 60 j", 1, money("50,00")),
        ("Devis acceptés", 1, money("500,00")),
    ]
    assert [len(listed(office, line["url"])) for line in part["lines"]] == [1, 1, 2, 1, 1, 1]


def test_lines_that_an_appointment_alone_bills_are_counted(world: World) -> None:
    rdv = alone(world, starts_at=at(8, day=24))
    AppointmentLine.objects.create(
        appointment=rdv,
        product=Product.objects.get(code="ram_pose"),
        label="Joint",
        unit_price=Decimal("12.345"),
        quantity=3,
        tax=tax("TVA collectée (vente) 5,5%"),
    )
    office = world.office(BILLING)
    assert lines(office) == {}
    Appointment.objects.filter(pk=rdv.pk).update(state="done", done_at=timezone.now())

    assert lines(office) == {"À facturer": [("RDV, lignes hors DI", 1, money("37,04"))]}  # 37,035: to the even cent
    (line,) = shown(office)["office_amounts"][0]["lines"]
    assert listed(office, line["url"]) == [rdv]


def test_part_already_billed_is_not_counted_again(world: World) -> None:
    intervention = done(world, 2, "175.00")
    draft = world.draft(intervention=intervention)
    office = world.office(BILLING)
    assert lines(office) == {}

    delete_drafts([draft], by=world.biller)

    assert lines(office) == {"À facturer": [("DI réalisées, 1 à 30 j", 1, money("175,00"))]}


# The night and the months


def test_last_run_tells_how_much_it_billed(world: World) -> None:
    assert shown(world.office(ACCOUNTANT))["office_run"] is None
    make_contract(world, "01/11/26", article("120.00"))
    late = make_contract(world, "01/01/20", article("120.00"))
    bill(world, on="24/11/26")

    run = shown(world.office(BILLING))["office_run"]

    assert (run["billed"], run["refused"], run["text"]) == (
        1,
        1,
        money(f"{Invoice.objects.get().net.amount}".replace(".", ",")),
    )
    assert waiting(world.office(BILLING)) == [("Contrat mis de côté", late.payer.name, "")]
    page = " ".join(unescape(world.office(BILLING).get(PAGE).content.decode()).split())
    assert "<dt>Contrats facturés</dt><dd>1</dd>" in page
    assert "<small>Plus de 36 périodes échues à facturer" in page
    assert shown(world.office(PLANNER))["office_run"] is None
    Invoice.objects.update(state="cancelled")
    assert shown(world.office(BILLING))["office_run"]["text"] == ""


def issued(world: World, on: date, price: str, **values: Any) -> Invoice:
    invoice = world.posted(item(price=price), **values)
    with without_guards():
        Invoice.objects.filter(pk=invoice.pk).update(issued_on=on)
    return invoice


def test_months_of_this_year_stand_beside_those_of_last_year(world: World) -> None:
    november = issued(world, date(2026, 11, 3), "100.10")
    credited = issued(world, date(2026, 11, 20), "50.00")
    credit_invoice(credited, on=world.today, rebill=False, by=world.accountant)
    issued(world, date(2026, 11, 1), "0.20")
    issued(world, date(2025, 11, 24), "40.00")
    last = issued(world, date(2025, 12, 31), "200.00")
    issued(world, date(2024, 12, 31), "999.00")
    world.draft()
    office = world.office(ACCOUNTANT)

    (chart,) = shown(office)["office_billed"]

    assert (chart["currency"], chart["this"], chart["last"], chart["change"]) == (
        "€",
        money("100,30"),
        money("40,00"),
        f"+151{NBSP}%",
    )
    assert [month["label"] for month in chart["months"]][9:] == ["oct.", "nov.", "déc."]
    assert [[(bar["title"], bar["percent"]) for bar in month["bars"]] for month in chart["months"][9:]] == [
        [(f"Octobre 2025 : {money('0,00')} HT", "0.0"), (f"Octobre 2026 : {money('0,00')} HT", "0.0")],
        [(f"Novembre 2025 : {money('40,00')} HT", "20.0"), (f"Novembre 2026 : {money('100,30')} HT", "50.2")],
        [(f"Décembre 2025 : {money('200,00')} HT", "100.0"), ("", "0.0")],
    ]
    assert [[bool(bar["url"]) for bar in month["bars"]] for month in chart["months"][9:]] == [
        [False, False],
        [True, True],
        [True, False],
    ]
    assert listed(office, chart["months"][11]["bars"][0]["url"]) == [last]
    opened = listed(office, chart["months"][10]["bars"][1]["url"])
    assert (len(opened), november in opened) == (4, True)


def test_no_page_loads_the_chart_library(world: World) -> None:
    loaded = Path(str(finders.find("unfold/js/chart/chart.js")))

    assert (loaded.is_relative_to(settings.BASE_DIR / "static"), loaded.stat().st_size < 200) == (True, True)
    assert "<canvas" not in world.office(MANAGER).get(PAGE).content.decode()


def test_same_day_of_last_year_in_february_of_a_leap_year(world: World) -> None:
    with time_machine.travel(datetime(2028, 2, 29, 12, tzinfo=ZoneInfo("Europe/Paris"))):
        invoice = world.posted(item(price="80.00"))
        with without_guards():
            Invoice.objects.filter(pk=invoice.pk).update(issued_on=date(2027, 2, 28))
        issued(world, date(2027, 3, 1), "500.00")

        (chart,) = shown(world.office(ACCOUNTANT))["office_billed"]

    assert (chart["last"], chart["this"]) == (money("80,00"), money("0,00"))


# Who sees what


def everything_waits(world: World, company: Company | None = None, *, name: str = "Client") -> None:
    """Something of each kind, in a company."""
    firm = company or world.company
    values: dict[str, Any] = {"company": firm, "partner": PartnerFactory(name=name)}
    long_ago = world.today - timedelta(days=40)
    world.intervention(from_on=long_ago, to_on=long_ago, **values)
    world.intervention(from_on=world.today, to_on=world.today, **values)
    done(world, 5, **values)
    accept_quote(send_quote(world.quote(**values), by=world.biller), on=world.today, by=world.biller)
    Quote.objects.filter(pk=send_quote(world.quote(**values), by=world.biller).pk).update(valid_until=world.today)
    world.draft(**values)
    owed(world, 10, **values)
    alone(world, who=TechnicianFactory(company=firm), starts_at=at(16, day=24), company=firm, partner=values["partner"])
    Absence.objects.create(technician=TechnicianFactory(company=firm), starts_at=at(8, day=24), ends_at=at(12, day=24))
    away = alone(
        world, who=TechnicianFactory(company=firm), starts_at=at(9, day=26), company=firm, partner=values["partner"]
    )
    Appointment.objects.filter(pk=away.pk).update(
        state=AppointmentState.CONFIRMED, customer_answer=CustomerAnswer.NO, answered_at=timezone.now()
    )
    contract = make_contract(world, "01/11/26", company=firm, payer=values["partner"])
    Contract.objects.filter(pk=contract.pk).update(set_aside_reason="Position fiscale à renseigner.")
    Message.objects.create(key=name, to="a@exemple.example", body="x", state="failed", company=firm)


KINDS = {
    "DI en retard",
    "DI à planifier",
    "RDV à confirmer",
    "Client absent",
    "DI à facturer",
    "Devis à facturer",
    "Devis bientôt expiré",
    "Contrat mis de côté",
    "Nuit sans facturation",
    "Brouillon à valider",
    "1 facture en retard",
    "E-mail en échec",
}
BILLED = {"DI à facturer", "Devis à facturer", "Devis bientôt expiré", "Contrat mis de côté", "Nuit sans facturation"}


@pytest.mark.parametrize(
    ("role", "kinds", "button", "has_today", "parts", "has_chart"),
    [
        (
            PLANNER,
            {"DI en retard", "DI à planifier", "RDV à confirmer", "Client absent", "E-mail en échec"},
            "Nouvelle DI",
            True,
            [],
            False,
        ),
        (BILLING, {*BILLED, "E-mail en échec"}, "Nouveau devis", False, ["À facturer"], True),
        (
            ACCOUNTANT,
            {"Nuit sans facturation", "Brouillon à valider", "1 facture en retard", "E-mail en échec"},
            "Nouveau paiement",
            False,
            ["À encaisser"],
            True,
        ),
        (MANAGER, KINDS, "Nouvelle DI", True, ["À facturer", "À encaisser"], True),
    ],
)
def test_each_role_sees_its_own_work(
    world: World, role: str, kinds: set[str], button: str, has_today: bool, parts: list[str], has_chart: bool
) -> None:
    everything_waits(world)

    page = shown(world.office(role))

    found = {row.what for row, _age in page["office_waiting"]}
    assert found == kinds
    assert page["office_day"] == "Mardi 24 novembre"
    assert page["office_button"]["label"] == button
    assert (page["office_today"] is not None, bool(page["office_billed"])) == (has_today, has_chart)
    assert [part["title"] for part in page["office_amounts"]] == parts


def test_roles_add_up(world: World) -> None:
    everything_waits(world)
    world.planner.groups.add(Group.objects.get(name=ACCOUNTANT))

    found = {row.what for row, _age in shown(world.office(PLANNER))["office_waiting"]}

    assert found == KINDS - (BILLED - {"Nuit sans facturation"})


@pytest.mark.parametrize("role", [PLANNER, BILLING, ACCOUNTANT, MANAGER])
def test_other_company_is_absent(world: World, role: str) -> None:
    before = world.office(role).get(PAGE)
    everything_waits(world, CompanyFactory(name="Soleil du Mené"), name="Client du Mené")

    page = world.office(role).get(PAGE)

    assert "Client du Mené" not in page.content.decode()
    names = ("office_today", "office_waiting", "office_amounts", "office_run", "office_stocks", "office_billed")
    night = [row for row, _age in page.context["office_waiting"] if row.what != "Nuit sans facturation"]
    assert night == []
    assert [page.context[n] for n in names if n != "office_waiting"] == [
        before.context[n] for n in names if n != "office_waiting"
    ]


def test_firm_with_nothing_shows_no_number_of_zero(world: World) -> None:
    for role in (PLANNER, BILLING, ACCOUNTANT, MANAGER):
        page = shown(world.office(role))
        assert [page[name] for name in ("office_waiting", "office_stocks", "office_amounts", "office_billed")] == [
            []
        ] * 4
        is_said = EMPTY in unescape(world.office(role).get(PAGE).content.decode())
        assert is_said is (role != MANAGER)  # who has the first steps before him


def test_somebody_without_a_role_is_told_so(world: World) -> None:
    office = Office(UserFactory(username="nouveau", role="", company=world.company, is_staff=True))

    assert "Rien ne vous est confié pour l'instant." in unescape(office.get(PAGE).content.decode())


# How many questions


@pytest.mark.parametrize("role", [PLANNER, BILLING, ACCOUNTANT, MANAGER])
def test_page_asks_as_many_questions_for_many_of_each_kind_as_for_one(world: World, role: str) -> None:
    office = world.office(role)
    everything_waits(world, name="Premier")
    FollowUp.objects.create(object=world.customer, text="Rappeler", due_on=world.today, user=world.users[role])
    few = questions(office)

    for number in range(4):
        everything_waits(world, name=f"Client {number}")
        FollowUp.objects.create(object=world.customer, text="Rappeler", due_on=world.today, user=world.users[role])

    assert questions(office) == few
    assert few < 40


def questions(office: Office) -> int:
    """How many queries the page takes, once what is kept from one page to the next is warm."""
    office.get(PAGE)
    with CaptureQueriesContext(connection) as captured:
        office.get(PAGE)
    return len(captured)
