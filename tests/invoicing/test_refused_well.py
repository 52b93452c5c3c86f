"""Dates, companies and states that do not go: each its own sentence, and nothing is written."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from appointments.models import Appointment
from appointments.services.billing import invoice_appointments
from interventions.services.billing import invoice_intervention, invoice_interventions
from invoicing.choices import JournalKind
from invoicing.models import Invoice, Message
from invoicing.services.catalogue import journal_of
from invoicing.services.documents.drafts import cancel_draft, edit_draft
from invoicing.services.documents.mailing import QUOTE_LETTER, mail_document
from invoicing.services.documents.quotes import prolong_quote, send_quote
from invoicing.services.parties.duplicates import merge_partners
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from invoicing.services.settlement.payments import record_payment
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import PLANNER
from tests.factories import CompanyFactory, World, item, nothing_changed
from tests.factories.api import Api, refused
from tests.factories.appointments import book
from tests.factories.parties import PartnerFactory
from tests.factories.work import TechnicianFactory

D = Decimal
TODAY = date(2026, 11, 24)


def sentence(act: Any) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        act()
    return str(refusal.value)


def test_a_credit_note_is_not_dated_before_its_invoice(world: World) -> None:
    invoice = world.posted()

    said = sentence(lambda: credit_invoice(invoice, on=date(2026, 11, 20), by=world.accountant, rebill=False))

    assert said.endswith(
        f"la facture créditée {invoice} est du 24/11/2026, un avoir ne se date pas avant. "
        "Choisissez une date à partir de celle-ci."
    )
    made = credit_invoice(invoice, on=TODAY, by=world.accountant, rebill=False)
    assert made.issued_on == TODAY


def test_a_drafted_credit_note_takes_the_day_of_its_invoice_at_the_earliest(world: World) -> None:
    """Proposed before its invoice was issued, it is dated the day it is posted."""
    invoice = world.posted()
    draft = Invoice.objects.get(pk=world.draft().pk)
    Invoice.objects.filter(pk=draft.pk).update(
        kind="credit_note", credits=invoice, proposed_on=date(2026, 11, 2), journal=_credit_journal(world)
    )

    made = post_invoice(Invoice.objects.get(pk=draft.pk), on=TODAY, by=world.accountant)

    assert (made.issued_on, made.credits.issued_on) == (TODAY, TODAY)


def _credit_journal(world: World) -> Any:
    return journal_of(world.company, JournalKind.CREDIT_NOTE)


def test_a_payment_settles_no_invoice_of_another_company(world: World) -> None:
    invoice, other = world.posted(), CompanyFactory(name="Autre SARL")

    said = sentence(
        lambda: record_payment(
            company=other,
            customer=world.customer,
            amount=D("184.62"),
            on=TODAY,
            kind="transfer",
            invoices=[invoice],
            by=world.accountant,
        )
    )

    assert said == f"{invoice} est d'une autre société que ce paiement."


def test_an_expired_quote_is_neither_sent_nor_mailed(world: World) -> None:
    quote = world.quote()
    with time_machine.travel(datetime(2027, 6, 1, 10, tzinfo=ZoneInfo("Europe/Paris"))):
        said = (
            f"{quote} a expiré le {quote.valid_until:%d/%m/%Y} : prolongez-le (Action › Prolonger) avant de l'envoyer."
        )

        assert sentence(lambda: send_quote(quote, by=world.biller)) == said
        assert sentence(lambda: mail_document(quote, QUOTE_LETTER, key="k", to="a@b.fr", by=world.biller)) == said
        api = Api(world.biller)
        assert refused(api.post(f"quotes/{quote.pk}/send/")) == said

        prolong_quote(quote, until=date(2027, 7, 1), on=date(2027, 6, 1), by=world.biller)
        assert send_quote(quote, by=world.biller).state == "sent"
        mail_document(quote, QUOTE_LETTER, key="k", to="a@b.fr", by=world.biller)
    assert Message.objects.count() == 1


FAR = "le 01/01/2031 est trop loin pour une facture. Donnez une date dans les douze mois."


def test_nothing_is_billed_years_ahead(world: World) -> None:
    far, intervention = date(2031, 1, 1), world.intervention()

    assert sentence(lambda: invoice_intervention(intervention, on=far, by=world.biller)) == f"{intervention} : {FAR}"
    (outcome,) = invoice_interventions([intervention], on=far, by=world.biller)
    assert outcome.refusal == f"{intervention} : {FAR}"
    answer = Api(world.biller).post(f"interventions/{intervention.pk}/invoice/", {"on": "2031-01-01"})
    assert refused(answer) == f"{intervention} : {FAR}"
    assert invoice_intervention(intervention, on=TODAY + timedelta(days=366), by=world.biller).is_draft


def test_a_draft_proposes_no_day_years_ahead(world: World) -> None:
    draft = world.draft()

    said = sentence(lambda: edit_draft(draft, edits=[], values={"proposed_on": date(2031, 1, 1)}, by=world.biller))

    assert said == f"{draft} : {FAR}"


def test_the_second_cancellation_of_a_draft_says_so(world: World) -> None:
    draft = world.draft()
    cancel_draft(draft, by=world.biller)

    said = sentence(lambda: cancel_draft(draft, by=world.biller))

    assert said == f"{draft} est déjà annulée : rien n'y change plus. Ce qu'elle facturait est libre."


@pytest.mark.parametrize(("moment", "written"), [("2027-03-28T02:30", False), ("2027-03-28T03:30", True)])
def test_an_hour_that_does_not_exist_is_refused_with_its_reason(world: World, moment: str, written: bool) -> None:
    """On 28 March 2027 the clocks go from 2 to 3."""
    intervention = world.intervention()
    people = [TechnicianFactory(company=world.company).pk]
    body = {"starts_at": moment, "technicians": people, "override": "nuit"}

    answer = Api(world.planner).post(f"interventions/{intervention.pk}/appointment/", body)

    assert answer.status_code == (201 if written else 400), answer.json()
    if not written:
        assert answer.json()["fields"] == {"starts_at": [NO_SUCH_HOUR]}
    assert Appointment.objects.count() == int(written)


def test_the_office_refuses_it_too(world: World) -> None:
    intervention = world.intervention()
    people = [TechnicianFactory(company=world.company).pk]
    fields = {"starts_at": "2027-03-28T02:30", "technicians": people, "override": "nuit"}

    answer = world.office(PLANNER).act(intervention, "appointment", **fields)

    assert answer.context["form"].errors == {"starts_at": [NO_SUCH_HOUR]}
    assert Appointment.objects.count() == 0


def test_the_page_of_an_appointment_refuses_it_too(world: World) -> None:
    rdv = book(world, world.intervention())

    answer = world.office(PLANNER).save(rdv, starts_at_0="28/03/2027", starts_at_1="02:30")

    assert NO_SUCH_HOUR in unescape(answer.content.decode())


NO_SUCH_HOUR = "2 h 30 n'existe pas le 28/03/2027 : on passe à l'heure d'été. Choisissez une autre heure."


def test_two_appointments_of_two_payers_bill_their_line_once(world: World) -> None:
    """Grouped by payer, two RDVs of one DI of 4, of 1 and of 3: each is billed once, on its payer's draft."""
    intervention = world.intervention(item(4))
    first, second = book(world, intervention), book(world, intervention)
    for rdv, quantity in ((first, 1), (second, 3)):
        rdv.lines.update(quantity=quantity)
    Appointment.objects.filter(pk=second.pk).update(bill_to=PartnerFactory(name="Syndic"))
    second.refresh_from_db()

    outcomes = invoice_appointments([first, second], on=world.today, by=world.biller, group_by_customer=True)

    assert [[line.quantity for line in outcome.made.lines.all()] for outcome in outcomes] == [[D(1)], [D(3)]]
    assert world.left(intervention) == [D(0)]


def test_rows_of_a_merged_customers_addresses_are_saved_and_moved(world: World) -> None:
    """After a merge the kept customer has two addresses: one is added, and the default goes to another row."""
    kept, twin = PartnerFactory(name="Le Goff"), PartnerFactory(name="Le Goff")
    merge_partners(twin, into=kept, by=world.manager)
    office = world.office(PLANNER)
    assert kept.addresses.count() == 2

    answer = office.save(
        kept,
        **{
            "addresses-TOTAL_FORMS": "3",
            "addresses-0-is_default": "",
            "addresses-1-is_default": "on",
            "addresses-2-street": "3 rue Neuve",
            "addresses-2-zip": "35000",
            "addresses-2-city": "Rennes",
            "addresses-2-country": "FR",
        },
    )

    assert answer.status_code == 302, re.findall(r"(?s)<ul class=.errorlist.*?</ul>", answer.content.decode())
    rows = list(kept.addresses.order_by("pk").values_list("street", "is_default"))
    assert [is_default for _street, is_default in rows] == [False, True, False]
    assert rows[2][0] == "3 rue Neuve"
