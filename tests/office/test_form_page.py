"""The page of a record: what names it, its fields as text, its usual steps, the day it came to each state."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.utils import timezone
from django.utils.html import strip_tags

from appointments.models import Appointment, AppointmentLine
from appointments.services.billing import invoice_appointment
from interventions.choices import InterventionState
from interventions.models import InterventionRequest, InterventionTemplate, RequestLine
from invoicing.models import Company, HistoryLine, Partner, Product, Quote
from invoicing.services.documents.mailing import INVOICE_LETTER, mail_document
from invoicing.services.documents.quotes import reset_quote, send_quote
from invoicing.services.records.history import days_of_states
from invoicing.services.settlement.payments import pay_invoice
from openfire_billing.db.guards import without_guards
from openfire_billing.office.roles import BILLING, MANAGER, PLANNER
from tests.contracts.contract_builders import make_contract
from tests.factories import (
    InstalledProductFactory,
    Office,
    PartnerFactory,
    ProductFactory,
    World,
    item,
    make_world,
    tax,
)
from tests.factories.appointments import PARIS, at, book, technician
from tests.factories.pages import address, texts_of


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def rows_of(page: Any) -> dict[str, str]:
    """{label: text} of the summary of a page."""
    html = unescape(page.content.decode()).partition('class="of-texts"')[2].partition("</section></div>")[0]
    rows = [part.partition("</dt>") for part in html.split("<dt>")[1:]]
    return {
        " ".join(strip_tags(label).replace("*", "").split()): " ".join(strip_tags(rest.partition("</dd>")[0]).split())
        for label, _end, rest in rows
    }


def journal(document: Any) -> list[HistoryLine]:
    return list(HistoryLine.objects.of(document))


def test_header_names_the_customer_the_town_and_how_to_reach_them(world: World) -> None:
    di = world.intervention(item(1))
    di.partner.mobile = "06 39 98 40 17"
    di.partner.save(update_fields=["mobile"])

    page = world.office(MANAGER).client.get(address(di))

    heading = page.context["office_heading"]
    assert (heading.title, heading.customer, heading.town) == (str(di), di.partner, di.address.city)
    assert heading.telephone in (str(di.address.phone), "06 39 98 40 17")
    assert heading.map_url.startswith("https://www.openstreetmap.org/search?query=")
    [identity] = texts_of(page, "of-identity")
    assert identity.startswith(f"{di} {di.partner} · {di.address.city}")


def test_fields_are_read_as_text_and_empty_ones_are_not_shown(world: World) -> None:
    di = world.intervention(item(1))
    rows = rows_of(world.office(MANAGER).client.get(address(di)))
    assert rows["Partenaire"] == str(di.partner)
    assert rows["Adresse d'intervention"] == str(di.address)
    assert rows["Tâche"] == str(di.task)
    assert rows["Entre le"] == f"{di.from_on:%d/%m/%Y}"
    assert rows["Et le"] == f"{di.to_on:%d/%m/%Y}"
    assert "Prestataire" not in rows
    assert "Réalisée le" not in rows


def test_store_code_and_tags_of_the_customer_have_their_own_rows(world: World) -> None:
    di = world.intervention(item(1))
    di.partner.store_code = "MAG0042"
    di.partner.save(update_fields=["store_code"])
    assert rows_of(world.office(MANAGER).client.get(address(di)))["Code magasin"] == "MAG0042"


def test_fields_stand_open_on_a_new_record_and_on_a_faulty_one_alone(world: World) -> None:
    office = world.office(MANAGER)
    di = world.intervention(item(1))
    saved, new = office.client.get(address(di)), office.client.get(address(type(di), "add"))
    faulty = office.save(di, from_on="31/12/2031", to_on="01/01/2031")
    opened = [
        " open>" in answer.content.decode().partition('class="of-edit')[2][:40] for answer in (saved, new, faulty)
    ]
    assert opened == [False, True, True]


def test_usual_steps_stand_in_the_header_the_next_one_first(world: World) -> None:
    client = world.office(MANAGER).client
    draft, posted = world.draft(), world.posted()
    quote = world.quote(item(1))
    steps = {
        name: [entry["button"] for entry in client.get(address(document)).context["office_primary"]]
        for name, document in {
            "di": world.intervention(item(1)),
            "draft": draft,
            "posted": posted,
            "quote": quote,
        }.items()
    }
    assert steps == {
        "di": ["Planifier", "Facturer"],
        "draft": ["Valider"],
        "posted": ["Envoyer", "Enregistrer un paiement"],
        "quote": ["Envoyer", "Marquer accepté"],
    }


def test_steps_that_nothing_is_left_of_are_not_in_the_header_but_in_the_menu(world: World) -> None:
    office = world.office(MANAGER)

    def header(document: Any) -> tuple[list[str], set[str]]:
        context = office.client.get(address(document)).context
        return [act["button"] for act in context["office_primary"]], {act["name"] for act in context["office_menu"]}

    di = world.intervention(item(1))
    rdv = book(world, world.intervention(), state="confirmed")
    AppointmentLine.objects.create(
        appointment=rdv,
        product=Product.objects.get(code="ram_pose"),
        label="Joint",
        unit_price=Decimal("12.00"),
        quantity=1,
        tax=tax("TVA collectée (vente) 5,5%"),
    )
    Appointment.objects.filter(pk=rdv.pk).update(state="done", done_at=timezone.now())
    assert (header(di)[0], header(rdv)[0]) == (["Planifier", "Facturer"], ["Générer les factures"])
    billed = world.posted(intervention=di)
    invoice_appointment(rdv, on=world.today, by=world.biller)
    assert (header(di)[0], header(rdv)[0]) == (["Planifier"], [])
    assert ("invoice" in header(di)[1], "invoice" in header(rdv)[1]) == (True, True)

    pay_invoice(billed, amount=billed.gross.amount, on=world.today, kind="transfer", by=world.accountant)
    assert header(billed)[0] == ["Envoyer"]  # paid on the spot: the customer has no invoice yet
    assert filled_in(office.client.get(address(billed))) == []  # but nothing is awaited
    mail_document(
        billed, INVOICE_LETTER, key="1", to="client@exemple.fr", subject="F", body="Voici.", by=world.accountant
    )
    assert header(billed)[0] == []


def filled_in(page: Any) -> list[str]:
    """Return the words of the filled buttons of a record's header."""
    head = unescape(page.content.decode()).partition('class="of-primary"')[2].partition("</div>")[0]
    return re.findall(r'of-button-main"><span[^>]*>\w+</span>(.*?)</a>', head)


def test_a_sent_invoice_waits_for_its_payment_and_a_sent_quote_for_its_answer(world: World) -> None:
    client, invoice, quote = world.office(MANAGER).client, world.posted(), world.quote(item(1))
    mail_document(invoice, INVOICE_LETTER, key="1", to="c@exemple.fr", subject="F", body="B", by=world.accountant)
    send_quote(quote, by=world.accountant)
    pages = [client.get(address(document)) for document in (invoice, quote)]
    assert [[act["button"] for act in page.context["office_primary"]] for page in pages] == [
        ["Enregistrer un paiement", "Envoyer"],
        ["Marquer accepté", "Relancer", "Marquer refusé"],
    ]
    assert [filled_in(page) for page in pages] == [["Enregistrer un paiement"], ["Marquer accepté"]]


def lines_shown(page: Any) -> list[str]:
    """Return the HTML of each row of lines, without the model of rows to add."""
    return page.content.decode().partition("<template data-empty-row")[0].split("data-row")[1:]


def test_a_billed_line_is_read_and_the_others_are_typed(world: World) -> None:
    di = world.intervention(item("2.500", label="Pose"))
    rdv = book(world, di, state="done")
    world.posted(intervention=di)
    RequestLine.objects.create(
        intervention=di,
        product=Product.objects.get(code="ram_pose"),
        label="Joint",
        quantity=1,
        tax=tax("TVA collectée (vente) 5,5%"),
        position=9,
    )
    office = world.office(MANAGER)
    for document, texts in ((di, ["2,5", None]), (rdv, ["2,5"])):
        rows = lines_shown(office.client.get(address(document)))
        assert [
            None if "data-locked" not in row[:30] else re.findall(r'data-label="Qté">([^<]*)<', row)[0] for row in rows
        ] == texts
        assert [("data-remove" in row, "data-grip" in row) for row in rows] == [(not text, not text) for text in texts]
    answer = office.save(di, title="Avant Noël")
    assert answer.status_code == 302
    kept = [(line.label, line.quantity) for line in di.lines.order_by("position")]
    assert kept == [("Pose", Decimal("2.500")), ("Joint", Decimal("1.000"))]
    refused = office.save(di, lines__0__unit_price="1,00")
    assert "« Pose » est facturée, au moins en partie" in unescape(refused.content.decode())


def test_a_line_that_a_quote_holds_has_no_bin(world: World) -> None:
    held, free = world.intervention(item(1)), world.intervention(item(1))
    world.quote(intervention=held)
    client = world.office(MANAGER).client
    assert [["data-remove" in row for row in lines_shown(client.get(address(di)))] for di in (held, free)] == [
        [False],
        [True],
    ]


def test_one_state_is_current(world: World) -> None:
    posted, quote = world.posted(), world.quote(item(1))
    Quote.objects.filter(pk=quote.pk).update(state="sent", issued_on="2026-01-01", valid_until="2026-01-02")
    contract = make_contract(world)
    documents = {"facture": posted, "brouillon": world.draft(), "devis": quote, "contrat": contract}
    client = world.office(MANAGER).client
    current = {}
    for name, document in documents.items():
        bar = client.get(address(document)).content.decode().partition('class="of-status"')[2].partition("</ol>")[0]
        current[name] = [
            strip_tags(f"<li{step.partition('</li>')[0]}").strip()
            for step in bar.split("<li")[1:]
            if "is-current" in step
        ]
        assert bar.count('aria-current="step"') == 1
    assert current == {"facture": ["À payer"], "brouillon": ["Brouillon"], "devis": ["Expiré"], "contrat": ["En cours"]}


def test_figures_choices_pictures_and_normal_cases_are_read_as_words(world: World) -> None:
    client = world.office(MANAGER).client
    di = client.get(address(world.intervention(item("2.5")))).content.decode()
    assert re.findall(r'name="lines-0-quantity" value="([^"]*)"', di) == ["2,5"]
    new = client.get(address(InterventionRequest, "add")).content.decode()
    assert ("---------" in new, new.count(">Choisir…<") > 0) == (False, True)
    product = ProductFactory()
    assert "Proposé" not in rows_of(client.get(address(product)))
    Product.objects.filter(pk=product.pk).update(is_active=False)
    assert rows_of(client.get(address(product)))["Proposé"] == "Non"
    Company.objects.filter(pk=world.company.pk).update(logo="logos/flammes.png")
    company = client.get(address(world.company)).content.decode()
    assert '<img class="of-thumb" src="/admin/invoicing/company/logo/logos/flammes.png" alt="Logo">' in company


def test_what_another_row_says_is_not_said_again(world: World) -> None:
    client = world.office(MANAGER).client
    di = world.intervention(item(1), title=str(world.task))
    rdv = book(world, di, state="confirmed")
    quote = world.quote(intervention=di)
    draft = world.draft(item(1))
    said = {document: set(rows_of(client.get(address(document)))) for document in (di, rdv, quote, draft)}
    assert {"Tâche", "Partenaire"} <= said[di]
    assert said[di].isdisjoint({"Titre", "Facturer à"})
    assert "Intervenants" in said[rdv]
    assert "Intervenant principal" not in said[rdv]
    assert ("Client" in said[quote], "Facturer à" in said[quote]) == (True, False)
    assert ("Adresse de facturation" in said[draft], "Adresse d'intervention" in said[draft]) == (True, False)
    assert "Origine" not in said[draft]  # the card beside names it, with a link
    di.title = "Avant Noël"
    di.save(update_fields=["title"])
    assert rows_of(client.get(address(di)))["Titre"] == "Avant Noël"


def test_where_a_document_comes_from_is_a_link(world: World) -> None:
    client = world.office(MANAGER).client
    stove = InstalledProductFactory(partner=world.customer)
    di = world.intervention(item(1), equipment=stove)
    rdv, quote = book(world, di, state="confirmed"), world.quote(intervention=di)
    shown = {
        label: re.findall(rf"<dt>{label}</dt><dd>(.*?)</dd>", unescape(client.get(address(document)).content.decode()))
        for document, label in ((quote, "Origine"), (rdv, "Demande d'intervention"), (rdv, "Produit installé"))
    }
    assert shown == {
        "Origine": [f'<a class="of-link" href="{address(di)}">{di}</a>'],
        "Demande d'intervention": [f'<a class="of-link" href="{address(di)}">{di}</a>'],
        "Produit installé": [f'<a class="of-link" href="{address(stove)}">{stove}</a>'],
    }
    contract = make_contract(world)
    line = contract.lines.get()
    assert f'href="{address(line)}">Ouvrir la&nbsp;ligne&nbsp;1</a>' in client.get(address(contract)).content.decode()


def test_an_e_mail_address_breaks_after_its_at_sign(world: World) -> None:
    Partner.objects.filter(pk=world.customer.pk).update(email="maelle.aubry@exemple.example")
    client = world.office(MANAGER).client
    for document in (world.intervention(item(1)), world.customer):
        assert "<dd>maelle.aubry@<wbr>exemple.example</dd>" in client.get(address(document)).content.decode()


def test_a_supplier_is_ordered_from_and_a_customer_asks(world: World) -> None:
    supplier, both = (PartnerFactory(name=name) for name in ("Fonderie", "Ramoneur"))
    ProductFactory(supplier=supplier)
    ProductFactory(supplier=both)
    world.posted(partner=both)
    client = world.office(MANAGER).client
    offered = {
        partner.name: [(act["label"], act["url"]) for act in client.get(address(partner)).context["office_primary"]]
        for partner in (supplier, both, world.customer)
    }
    add = "/admin/interventions/interventionrequest/add/?partner="
    assert offered == {
        "Fonderie": [("Nouvelle commande", f"/admin/invoicing/purchaseorder/add/?supplier={supplier.pk}")],
        "Ramoneur": [("Nouvelle DI", f"{add}{both.pk}")],
        world.customer.name: [("Nouvelle DI", f"{add}{world.customer.pk}")],
    }


def test_visits_to_come_are_named_before_those_that_took_place(world: World) -> None:
    stove = InstalledProductFactory(partner=world.customer)
    di = world.intervention(item(1), equipment=stove)
    book(world, di, state="done")
    later, sooner = (book(world, di, state="confirmed", starts_at=at(hour, day=27)) for hour in (15, 8))
    client = world.office(MANAGER).client
    for record in (stove, di):
        page = client.get(address(record)).content.decode().partition('id="page-history"')[2].partition("</table>")[0]
        assert re.findall(r"<td>(2\d/11/2026 \d\d:\d\d)", page) == [
            f"27/11/2026 {sooner.starts_at.astimezone(PARIS):%H:%M}",
            f"27/11/2026 {later.starts_at.astimezone(PARIS):%H:%M}",
            "25/11/2026 09:00",
        ]
    empty = client.get(address(InstalledProductFactory(partner=world.customer)))
    assert "Aucune visite, ni prévue ni passée." in unescape(empty.content.decode())


def test_day_of_each_state_reached_comes_from_the_journal(world: World) -> None:
    quote = world.quote(item(1))
    assert list(days_of_states(quote, journal(quote))) == ["Brouillon"]
    send_quote(quote, by=world.accountant)
    first, *_rest, last = HistoryLine.objects.of(quote).order_by("pk")
    with without_guards():
        HistoryLine.objects.filter(pk=first.pk).update(at=datetime(2031, 3, 1, 23, 30, tzinfo=UTC))  # the 2nd in Paris
        HistoryLine.objects.filter(pk=last.pk).update(at=datetime(2031, 3, 5, 8, 0, tzinfo=UTC))
    assert {label: f"{on:%d/%m/%Y}" for label, on in days_of_states(quote, journal(quote)).items()} == {
        "Brouillon": "02/03/2031",
        "Envoyé": "05/03/2031",
    }


def test_no_page_of_a_new_record_speaks_as_django_does(world: World) -> None:
    """« Nouvelle DI », never « Ajout de demande d'intervention »."""
    client = world.office(MANAGER).client
    titles = {}
    for model in admin.site._registry:
        answer = client.get(address(model, "add"))
        if answer.status_code == 200 and "office_version" in (answer.context or {}):
            titles[model._meta.label] = str(answer.context["title"])
    assert len(titles) > 20
    assert titles["interventions.InterventionRequest"] == "Nouvelle DI"
    assert titles["invoicing.Product"] == "Nouvel article"
    assert [
        title for title in titles.values() if not title.startswith(("Nouveau ", "Nouvel ", "Nouvelle ", "Nouvelles "))
    ] == []


def test_state_of_a_di_is_marked(world: World) -> None:
    di = world.intervention(item(1))
    page = world.office(MANAGER).client.get(address(di))
    current = [step for step in page.context["office_status"] if step["is_current"]]
    assert [(step["code"], bool(step["on"])) for step in current] == [(InterventionState.TO_PLAN, True)]


def new_di(office: Office, world: World) -> dict[str, Any]:
    """The form of a new DI, filled."""
    place = world.customer.default_address()
    filled = {"partner": world.customer.pk, "address": place.pk, "task": world.task.pk}
    return {**office.open(InterventionRequest), **filled}


def test_new_di_is_saved_and_validated_by_one_button_once(world: World) -> None:
    office = world.office(MANAGER)
    form = {**new_di(office, world), "_act": "validate"}

    answers = [office.send(InterventionRequest, form) for _press in range(2)]

    di = InterventionRequest.objects.get()
    assert [answer.url for answer in answers] == [address(di)] * 2
    assert (di.state, di.number) == (InterventionState.TO_PLAN, "DI/000001")


def test_act_of_a_new_page_is_that_of_its_button_alone(world: World) -> None:
    office = world.office(MANAGER)
    form = {**new_di(office, world), "_act": "cancel"}
    office.send(InterventionRequest, form)
    assert InterventionRequest.objects.get().state == InterventionState.DRAFT


def test_two_buttons_of_one_new_page_make_one_di(world: World) -> None:
    """« Enregistrer » without an answer, then « Enregistrer et valider »."""
    office = world.office(MANAGER)
    form = new_di(office, world)
    office.send(InterventionRequest, form)
    office.send(InterventionRequest, {**form, "_act": "validate"})
    assert InterventionRequest.objects.count() == 1


def test_popup_of_a_new_di_is_closed_by_its_save_and_has_no_act(world: World) -> None:
    office = world.office(MANAGER)
    page = office.client.get(address(InterventionRequest, "add"), {"_popup": "1"})
    assert 'name="_act"' not in page.content.decode()
    answer = office.send(InterventionRequest, {**new_di(office, world), "_popup": "1", "_act": "validate"})
    assert answer.status_code == 200  # the script that closes it
    assert InterventionRequest.objects.get().state == InterventionState.DRAFT


def test_enter_in_a_box_presses_save(world: World) -> None:
    """The browser presses the first button of the form in the source."""
    for model in (InterventionRequest, Partner):
        page = world.office(MANAGER).client.get(address(model, "add")).content.decode()
        names = re.findall(r'<button type="submit" form="\w+_form" name="(\w+)"', page)
        assert names[0] == "_save", names


def test_page_of_a_new_template_opens_after_its_save(world: World) -> None:
    office = world.office(MANAGER)
    form = {**office.open(InterventionTemplate), "name": "Entretien d'automne", "task": world.task.pk}
    answer = office.send(InterventionTemplate, form)
    template = InterventionTemplate.objects.get(name="Entretien d'automne")
    assert answer.url == address(template)
    assert office.client.get(answer.url).status_code == 200


def test_a_state_that_was_left_backwards_is_ahead_again(world: World) -> None:
    quote = world.quote(item(1))
    send_quote(quote, by=world.accountant)
    reset_quote(quote, by=world.accountant)
    page = world.office(MANAGER).client.get(address(quote))
    assert [(step["label"], bool(step["on"])) for step in page.context["office_status"]][:2] == [
        ("Brouillon", True),
        ("Envoyé", False),
    ]


def opened_tab(page: Any) -> list[str]:
    """Return the title of the open page of a notebook, in a list."""
    return re.findall(r'aria-selected="true">([^<]+?)\s*<', page.content.decode())


def test_a_di_opens_on_the_work_for_who_does_not_bill_if_it_is_written(world: World) -> None:
    told, untold = (world.intervention(item(1), description=text) for text in ("Joint à changer", ""))
    opened = {
        role: [opened_tab(world.office(role).client.get(address(one))) for one in (told, untold)]
        for role in (PLANNER, BILLING, MANAGER)
    }
    assert opened == {
        PLANNER: [["Description"], ["Facturation"]],
        BILLING: [["Facturation"]] * 2,
        MANAGER: [["Facturation"]] * 2,
    }
    assert opened_tab(world.office(PLANNER).client.get(address(type(told), "add"))) == ["Facturation"]


def test_an_rdv_opens_on_its_report_until_it_is_done_then_on_its_lines_for_who_bills(world: World) -> None:
    di = world.intervention(item(1))
    ahead, done = book(world, di, state="confirmed"), book(world, di, state="done", starts_at=at(14))
    opened = {
        role: [opened_tab(world.office(role).client.get(address(rdv))) for rdv in (ahead, done)]
        for role in (PLANNER, BILLING, MANAGER)
    }
    assert opened == {
        PLANNER: [["Description et compte rendu"], ["Description et compte rendu"]],
        BILLING: [["Description et compte rendu"], ["Facturation"]],
        MANAGER: [["Description et compte rendu"], ["Facturation"]],
    }
    assert opened_tab(world.office(PLANNER).client.get(address(type(ahead), "add"))) == ["Facturation"]


@pytest.mark.parametrize(("now", "is_filled"), [(at(8, 59), False), (at(9, 1), True)])
def test_an_rdv_names_its_hour_and_fills_no_button_before_it(world: World, now: datetime, is_filled: bool) -> None:
    di = world.intervention(item(1))
    rdv = book(world, di, state="confirmed", starts_at=at(9))
    with time_machine.travel(now, tick=False):
        page = world.office(MANAGER).client.get(address(rdv))
    assert page.context["office_heading"].when == "mer. 25/11/2026 09:00"
    assert texts_of(page, "of-when") == ["mer. 25/11/2026 09:00"]
    head = unescape(page.content.decode()).partition('class="of-primary"')[2].partition("</div>")[0]
    assert ("Marquer réalisé" in head, "of-button-main" in head) == (True, is_filled)
    assert texts_of(world.office(MANAGER).client.get(address(di)), "of-when") == []


def test_the_point_of_a_place_stands_after_its_name_and_its_street(world: World) -> None:
    for record, first in ((world.customer.default_address(), "partner"), (technician(world), "name")):
        for path in (address(record), address(type(record), "add")):
            page = world.office(MANAGER).client.get(path).content.decode()
            names = re.findall(r'<(?:input|select|textarea)[^>]* name="(\w+)"', page)
            order = [names.index(name) for name in (first, "street", "city", "latitude", "longitude")]
            assert order == sorted(order), path


def test_day_of_the_current_state_says_since(world: World) -> None:
    di = world.intervention(item(1))
    page = unescape(world.office(MANAGER).client.get(address(di)).content.decode())
    day = f"{timezone.localdate():%d/%m}"
    assert re.findall(r'data-on="([^"]*)"', page) == [day, f"depuis le {day}"]


def test_an_empty_fiscal_position_says_what_it_gives(world: World) -> None:
    hint = "Donne le taux de TVA, selon les travaux et le logement."
    client = world.office(MANAGER).client
    pages = [address(world.intervention(code=None)), address(world.intervention()), address(Appointment, "add")]
    assert [hint in unescape(client.get(path).content.decode()) for path in pages] == [True, False, True]


def test_facts_of_a_visit_are_read_in_the_order_hour_place_task_appliance(world: World) -> None:
    stove = InstalledProductFactory(partner=world.customer, address=world.customer.default_address())
    rdv = book(world, world.intervention(item(1), equipment=stove), state="confirmed")
    labels = list(rows_of(world.office(MANAGER).client.get(address(rdv))))
    wanted = ["Début", "Fin", "Client", "Adresse", "Tâche", "Produit installé", "Intervenants"]
    assert [label for label in labels if label in wanted] == wanted


def test_page_of_a_contract_line_stands_under_contracts_in_the_sidebar(world: World) -> None:
    office = world.office(MANAGER)
    line = make_contract(world).lines.get()
    for url, marked in {
        address(line): ["Contrats"],
        address(line.contract): ["Contrats"],
        address(world.customer): ["Clients"],
    }.items():
        groups = office.client.get(url).context["sidebar_navigation"]
        assert [item["title"] for group in groups for item in group["items"] if item["active"]] == marked
