"""What people do all day beside billing: mail with the paper, notes, follow-ups, filters, lists taken away, PDFs in one file."""

from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from django.core import mail
from openpyxl import load_workbook
from pypdf import PdfReader

from invoicing.models import Entry, FollowUp, HistoryLine, Invoice, Message, Partner, SavedFilter
from invoicing.paper.pdf import invoice_pdf
from invoicing.services.records.follow_ups import (
    add_follow_up,
    colleagues_of,
    finish_follow_up,
    follow_up_of,
    follow_ups_of,
)
from invoicing.services.records.notes import add_note
from invoicing.services.records.saved_filters import forget_filter, save_filter
from invoicing.tasks import send_waiting_messages
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT, BILLING, PLANNER
from tests.factories import CompanyFactory, PartnerFactory, UserFactory, World, item, nothing_changed
from tests.factories.appointments import book
from tests.factories.pages import address


@pytest.fixture
def posted(world: World) -> Invoice:
    world.customer.email = "maelle@exemple.example"
    world.customer.save()
    return world.posted()


def test_invoice_is_mailed_with_its_pdf_once(world: World, posted: Invoice) -> None:
    office = world.office(BILLING)
    answer = office.act(posted, "message")
    assert answer.status_code == 302
    message = Message.objects.get()
    assert (message.to, message.subject, message.with_paper) == (
        "maelle@exemple.example",
        "Flammes d'Armor : facture FA2026-00001",
        True,
    )
    send_waiting_messages()
    send_waiting_messages()
    (sent,) = mail.outbox
    ((name, content, kind),) = sent.attachments
    assert (name, kind) == ("FA2026-00001.pdf", "application/pdf")
    assert "184,62" in PdfReader(BytesIO(content)).pages[0].extract_text()
    assert Invoice.objects.posted().not_sent().count() == 0


def test_quote_and_appointment_are_mailed(world: World) -> None:
    world.customer.email = "maelle@exemple.example"
    world.customer.save()
    intervention = world.intervention()
    rdv = book(world, intervention, state="confirmed")
    quote = world.quote(intervention=intervention)
    office = world.office(BILLING)
    office.act(quote, "message")
    office.act(rdv, "message")
    send_waiting_messages()
    bodies = sorted(sent.body.split("\n")[2] for sent in mail.outbox)
    assert bodies == [
        "Nous passerons le 25/11/2026 à 9 h pour : Dépannage, au " + str(rdv.address) + ".",
        "Veuillez trouver ci-joint notre devis DV/000001, valable jusqu'au 24/12/2026.",
    ]


def test_message_without_address_refused(world: World, posted: Invoice) -> None:
    office = world.office(BILLING)
    with nothing_changed():
        answer = office.act(posted, "message", to="")
    assert answer.status_code == 200


def test_draft_invoice_is_not_mailed(world: World) -> None:
    draft = world.draft()
    with nothing_changed():
        assert (
            world.office(BILLING)
            .confirm(draft, "message", {"to": "a@b.example", "subject": "x", "body": "x", "key": "k"})
            .status_code
            == 409
        )


def test_note_is_written_in_the_journal(world: World) -> None:
    intervention = world.intervention()
    office = world.office(PLANNER)
    office.client.post(address(intervention, "note"), {"note": "Clé chez la voisine"})
    assert HistoryLine.objects.of(intervention)[0].text == "Clé chez la voisine"
    with nothing_changed():
        office.client.post(address(intervention, "note"), {"note": "  "})
        assert office.client.get(address(intervention, "note")).status_code == 405


def test_follow_up_is_noted_shown_and_done(world: World) -> None:
    intervention = world.intervention()
    office = world.office(PLANNER)
    office.client.post(address(intervention, "follow_up"), {"text": "Rappeler", "due_on": "2026-11-24"})
    follow_up = FollowUp.objects.get()
    assert (follow_up.user, follow_up.due_on, follow_up.object) == (world.planner, date(2026, 11, 24), intervention)
    assert "Rappeler" in office.get(address(intervention)).content.decode()
    assert list(FollowUp.objects.due(world.today)) == [follow_up]
    office.client.post(address(intervention, "follow_up_done", follow_up.pk))
    assert list(FollowUp.objects.open()) == []


def test_follow_up_of_another_record_is_not_reached(world: World) -> None:
    one, two = world.intervention(), world.intervention()
    office = world.office(PLANNER)
    office.client.post(address(one, "follow_up"), {"text": "Rappeler", "due_on": "2026-11-24"})
    with nothing_changed():
        assert office.client.post(address(two, "follow_up_done", FollowUp.objects.get().pk)).status_code == 404


def test_note_and_follow_up_are_kept_up_to_their_length(world: World) -> None:
    intervention = world.intervention()

    note = add_note(intervention, f" {'n' * 4001} ", by=world.planner)
    long = add_follow_up(intervention, text="f" * 201, due_on=date(2026, 11, 25), user=world.biller, by=world.planner)

    assert (note.text, note.act, long.text) == ("n" * 4000, "note", "f" * 200)
    who = world.biller.get_full_name()
    assert HistoryLine.objects.of(intervention)[0].text == f"À faire le 25/11/2026 par {who} : {'f' * 200}"
    with nothing_changed(), pytest.raises(BusinessError) as refused:
        add_follow_up(intervention, text=" ", due_on=world.today, user=world.biller, by=world.planner)
    assert str(refused.value) == "Dites ce qu'il y a à faire."


def test_follow_ups_of_a_record_are_its_open_ones_due_from_their_day(world: World) -> None:
    intervention, other = world.intervention(), world.intervention()
    tomorrow, today, done, _others = (
        add_follow_up(about, text="Rappeler", due_on=day, user=world.planner, by=world.planner)
        for about, day in (
            (intervention, date(2026, 11, 25)),
            (intervention, date(2026, 11, 24)),
            (intervention, date(2026, 11, 23)),
            (other, date(2026, 11, 25)),
        )
    )
    for _twice in range(2):
        finish_follow_up(done, by=world.planner)

    assert list(follow_ups_of(intervention)) == [today, tomorrow]
    assert list(FollowUp.objects.due(date(2026, 11, 24))) == [today]
    assert (follow_up_of(intervention, done.pk), follow_up_of(other, done.pk)) == (done, None)
    assert [line.text for line in HistoryLine.objects.of(intervention).filter(act="follow_up_done")] == [
        "Fait : Rappeler"
    ]


def test_one_asks_the_people_at_the_office_of_ones_companies(world: World) -> None:
    UserFactory(username="ailleurs", role=PLANNER, company=CompanyFactory())
    UserFactory(username="parti", role=PLANNER, company=world.company, is_active=False)
    nowhere = UserFactory(username="nulle-part", is_staff=True)

    assert sorted(colleagues_of(world.planner).values_list("username", flat=True)) == sorted(
        user.username for user in world.users.values() if user != world.technician
    )
    assert list(colleagues_of(nowhere)) == [nowhere]


def test_filter_of_a_name_is_replaced_and_kept_up_to_its_length(world: World) -> None:
    def keep(name: str, query: str) -> SavedFilter:
        return save_filter(user=world.biller, model="invoicing.invoice", name=name, query=query)

    first = keep("Les miennes", "a=1")
    again = keep(" Les miennes ", "q" * 500)
    long = keep("n" * 61, "")

    assert (again, again.query, long.name) == (first, "q" * 500, "n" * 60)
    for name, query, said in (
        (" ", "", "Donnez un nom au filtre."),
        ("x", "q" * 501, "Ce filtre est trop long pour être enregistré : retirez-en une partie."),
    ):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            keep(name, query)
        assert str(refused.value) == said
    forget_filter(user=world.biller, model="invoicing.quote", name="Les miennes")
    forget_filter(user=world.planner, model="invoicing.invoice", name="Les miennes")
    forget_filter(user=world.biller, model="invoicing.invoice", name="n" * 60)
    assert list(SavedFilter.objects.all()) == [first]


def test_filter_is_kept_and_forgotten(world: World) -> None:
    office = world.office(ACCOUNTANT)
    url = address(Invoice, "save_filter")
    office.client.post(url, {"name": "Impayées de Maëlle", "query": "view=unpaid&q=Aubry"})
    assert SavedFilter.objects.get().query == "view=unpaid&q=Aubry"
    assert "Impayées de Maëlle" in office.get(address(Invoice, "changelist")).content.decode()
    assert "Impayées de Maëlle" not in world.office(BILLING).get(address(Invoice, "changelist")).content.decode()
    office.client.post(url, {"forget": "Impayées de Maëlle"})
    assert SavedFilter.objects.count() == 0


def test_list_as_filtered_taken_away_as_csv(world: World, posted: Invoice) -> None:
    world.draft(item(2))
    office = world.office(ACCOUNTANT)
    answer = office.get(address(Invoice, "export"), view="unpaid", format="csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    head, *rows = text.strip().split("\r\n")
    assert head == "Facture;Facturer à;Ville;Date;Échéance;HT;TVA;TTC;Reste;État"
    assert [row.split(";")[:2] + row.split(";")[3:] for row in rows] == [
        ["FA2026-00001", "Aubry Maëlle", "24/11/2026", "24/12/2026", "175,00", "9,62", "184,62", "184,62", "À payer"]
    ]


def test_list_taken_away_as_excel_has_numbers(world: World, posted: Invoice) -> None:
    answer = world.office(ACCOUNTANT).get(address(Invoice, "export"), format="xlsx")
    sheet = load_workbook(BytesIO(answer.content)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[1][5:8] == (175, 9.62, 184.62)


def test_entries_are_taken_away_line_by_line(world: World, posted: Invoice) -> None:
    answer = world.office(ACCOUNTANT).get(address(Entry, "export"), format="csv")
    head, *rows = b"".join(answer.streaming_content).decode("utf-8-sig").strip().split("\r\n")

    assert head == "Date;Journal;Numéro;Pièce;Compte;Auxiliaire;Libellé;Débit;Crédit"
    label = "Facture FA2026-00001 Aubry Maëlle"
    assert rows == [
        f"24/11/2026;VE;FA2026-00001;FA2026-00001;411000;Aubry Maëlle;{label};184,62;0,00",
        f"24/11/2026;VE;FA2026-00001;FA2026-00001;706000;;{label};0,00;175,00",
        f"24/11/2026;VE;FA2026-00001;FA2026-00001;445712;;{label};0,00;9,62",
    ]


def test_formula_in_a_name_stays_text(world: World) -> None:
    PartnerFactory(name='=HYPERLINK("x")')
    answer = world.office(ACCOUNTANT).get(address(Partner, "export"), q="HYPERLINK")
    assert "'=HYPERLINK" in b"".join(answer.streaming_content).decode()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("-12,50", "-12,50"),
        ("Mal\x01in", "Malin"),
    ],
)
def test_cell_is_neither_run_nor_unreadable(world: World, name: str, shown: str) -> None:
    PartnerFactory(name=name, email="x@exemple.example")
    answer = world.office(ACCOUNTANT).get(address(Partner, "export"), q="x@exemple.example", format="xlsx")
    assert list(load_workbook(BytesIO(answer.content)).active.values)[1][0] == shown


def test_export_asks_the_right_to_see(world: World, posted: Invoice) -> None:
    assert world.office(PLANNER).get(address(Invoice, "export")).status_code == 403


def test_many_invoices_printed_in_one_file(world: World, posted: Invoice) -> None:
    other = world.posted()
    office = world.office(BILLING)
    url = address(Invoice, "changelist")
    for invoice in (posted, other):
        invoice_pdf(invoice)
    answer = office.client.post(url, {"action": "print_many", "_selected_action": [posted.pk, other.pk]})
    pages = PdfReader(BytesIO(b"".join(answer.streaming_content))).pages
    assert [number in "".join(p.extract_text() for p in pages) for number in ("FA2026-00001", "FA2026-00002")] == [
        True,
        True,
    ]
    assert other.gross.amount == Decimal("184.62")
