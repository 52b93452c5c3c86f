"""Posting: numbers, dates, frozen parties, balanced entries, a PDF made once."""

import hashlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db.models import Sum
from django.utils import timezone
from pypdf import PdfReader

from invoicing.models import Entry, Invoice, InvoiceDocument, InvoiceTax, PartnerTerms, PaymentTerm
from invoicing.paper.pdf import invoice_pdf
from invoicing.services.posting.post import post_invoice, post_invoices
from invoicing.tasks import render_waiting
from openfire_billing.kernel.errors import BusinessError, StaleForm
from tests.factories import PartnerFactory, ProductFactory, World, item, nothing_changed
from tests.factories.parties import AddressFactory
from tests.locks.story import avoir

PARIS = ZoneInfo("Europe/Paris")


def post(invoice: Invoice, world: World, *, on: date | None = None) -> Invoice:
    return post_invoice(invoice, on=on or timezone.localdate(), by=world.accountant)


def legs(number: str) -> list[tuple[str, Decimal, Decimal]]:
    entry = Entry.objects.get(document=number)
    return [(line.account, line.debit, line.credit) for line in entry.lines.all()]


def test_posted_invoice_is_numbered_dated_and_frozen(world: World) -> None:
    invoice = world.posted()

    assert (invoice.number, invoice.state, invoice.issued_on) == ("FA2026-00001", "posted", date(2026, 11, 24))
    assert (invoice.net.amount, invoice.tax.amount, invoice.gross.amount) == (
        Decimal("175.00"),
        Decimal("9.62"),
        Decimal("184.62"),
    )
    assert invoice.posted_by == world.accountant
    world.customer.name = "Aubry-Le Bihan"
    world.customer.save()
    assert Invoice.objects.get().buyer["name"] == "Aubry Maëlle"
    assert Invoice.objects.get().seller["siret"] == "99912345800013"


@pytest.mark.parametrize(("price", "tax", "gross"), [("175.00", "9.62", "184.62"), ("185.00", "10.18", "195.18")])
def test_half_a_cent_of_tax_goes_to_the_even_cent(world: World, price: str, tax: str, gross: str) -> None:
    invoice = world.posted(item(price=price))

    assert (invoice.tax.amount, invoice.gross.amount) == (Decimal(tax), Decimal(gross))


def test_company_may_round_half_up_and_the_invoice_remembers(world: World) -> None:
    world.company.rounding = "half_up"
    world.company.save()

    invoice = world.posted(item())

    assert (invoice.rounding, invoice.tax.amount) == ("half_up", Decimal("9.63"))
    world.company.rounding = "half_even"
    world.company.save()
    assert "184,63" in paper_text(invoice_pdf(Invoice.objects.get()))


def test_entry_balances_by_account(world: World) -> None:
    ProductFactory(code="poele", unit_price="3290.00", income_account="707000")

    world.posted(item(), item(code="poele", discount=10))

    assert legs("FA2026-00001") == [
        ("411000", Decimal("3308.48"), Decimal(0)),
        ("706000", Decimal(0), Decimal("175.00")),
        ("707000", Decimal(0), Decimal("2961.00")),
        ("445712", Decimal(0), Decimal("172.48")),
    ]


def test_entries_of_all_documents_balance(world: World) -> None:
    world.posted(item(3, price="33.33"), item(price="0.05"))
    world.posted(item(price="185.01"), code="VEN-10")
    world.posted(item(), code="VEN-AUTOLIQ")

    for entry in Entry.objects.annotate(debits=Sum("lines__debit"), credits=Sum("lines__credit")):
        assert entry.debits == entry.credits
    assert Entry.objects.count() == 3


def test_series_starts_again_each_year(world: World, on_an_ordinary_day: time_machine.Traveller) -> None:
    world.posted()
    world.posted()
    on_an_ordinary_day.move_to(datetime(2027, 1, 4, 9, 0, tzinfo=PARIS))

    assert [world.posted().number, world.posted().number] == ["FA2027-00001", "FA2027-00002"]


def test_proposal_kept_across_the_year_takes_last_year_s_series(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    world.posted()
    on_an_ordinary_day.move_to(datetime(2026, 12, 31, 9, 0, tzinfo=PARIS))
    old = world.draft()
    on_an_ordinary_day.move_to(datetime(2027, 1, 4, 9, 0, tzinfo=PARIS))
    new = world.draft()

    posted = [outcome.made for outcome in post_invoices([new, old], on=timezone.localdate(), by=world.accountant)]

    assert [(invoice.number, invoice.issued_on) for invoice in posted] == [
        ("FA2026-00002", date(2026, 12, 31)),
        ("FA2027-00001", date(2027, 1, 4)),
    ]


def test_nothing_is_issued_before_the_last_one(world: World) -> None:
    world.posted()
    draft = world.draft()

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        post(draft, world, on=world.today - timedelta(days=1))

    assert str(refused.value) == (
        f"Facture en brouillon n° {draft.pk} : la dernière pièce du journal VE est du 24/11/2026, "
        "rien ne s'émet avant. Choisissez une date à partir de celle-ci."
    )


def test_nothing_is_issued_in_the_future(world: World) -> None:
    draft = world.draft()

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        post(draft, world, on=world.today + timedelta(days=1))

    assert str(refused.value) == "Une facture ne se date pas dans le futur : choisissez aujourd'hui ou avant."


@pytest.mark.parametrize(
    ("term", "due_on"),
    [
        ("À réception", date(2026, 11, 24)),
        ("15 jours", date(2026, 12, 9)),
        ("30 jours", date(2026, 12, 24)),
        ("30 jours fin de mois", date(2026, 12, 31)),
        ("45 jours fin de mois", date(2027, 1, 31)),
        ("Fin de mois 45 jours", date(2027, 1, 14)),
        ("Le 10 du mois suivant", date(2026, 12, 10)),
        ("60 jours", date(2027, 1, 23)),
    ],
)
def test_due_date_counts_from_the_date_issued(world: World, term: str, due_on: date) -> None:
    PartnerTerms.objects.create(partner=world.customer, payment_term=PaymentTerm.objects.get(name=term))

    assert world.posted().due_on == due_on


# What keeps a draft from being posted


def _without_address(world: World) -> Invoice:
    customer = PartnerFactory(name="Sans Adresse", address=False)
    site = AddressFactory(partner=customer)
    draft = world.draft(partner=customer, address=site)
    Invoice.objects.filter(pk=draft.pk).update(billing_address=None)
    return draft


def _without_siren(world: World) -> Invoice:
    world.customer.kind = "business"
    world.customer.save()
    return world.draft()


def _empty(world: World) -> Invoice:
    draft = world.draft()
    draft.lines.all().delete()
    return draft


def _seller_unknown(world: World) -> Invoice:
    draft = world.draft()
    world.company.siret = ""
    world.company.save()
    return draft


def _no_account(world: World) -> Invoice:
    draft = world.draft()
    line = draft.lines.get()
    line.product.income_account = ""
    line.product.save()
    return draft


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (
            _without_address,
            "« Sans Adresse » n'a pas d'adresse de facturation. Ajoutez-la sur sa fiche, puis choisissez-la ici.",
        ),
        (_without_siren, "« Aubry Maëlle » est un professionnel sans SIREN. Complétez sa fiche."),
        (_seller_unknown, "complétez la fiche de la société Flammes d'Armor (SIRET)."),
        (_no_account, "l'article « [ram_pose] Forfait Pose » n'a pas de compte de produit. Complétez sa fiche."),
    ],
)
def test_draft_that_would_be_a_wrong_invoice_is_not_posted(
    world: World, make: Callable[[World], Invoice], why: str
) -> None:
    draft = make(world)

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        post(draft, world)

    assert str(refused.value) == f"Facture en brouillon n° {draft.pk} : {why}"


def test_empty_draft_is_not_posted(world: World) -> None:
    draft = _empty(world)

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        post(draft, world)

    assert str(refused.value) == (
        f"Facture en brouillon n° {draft.pk} est vide : ajoutez une ligne ou supprimez le brouillon."
    )


def test_what_is_no_draft_or_has_no_position_or_a_negative_total_is_not_posted(world: World) -> None:
    posted, gone, free, negative = world.posted(), world.draft(), world.draft(), world.draft(item(2), item())
    Invoice.objects.filter(pk=free.pk).update(fiscal_position=None)
    line = negative.lines.order_by("position").last()
    assert line is not None
    negative.lines.filter(pk=line.pk).update(quantity=-3, net=-525)
    name = str(gone)
    Invoice.objects.filter(pk=gone.pk).delete()

    outcomes = post_invoices([posted, gone, free, negative], on=world.today, by=world.accountant)

    assert {str(outcome.document): outcome.refusal for outcome in outcomes} == {
        "FA2026-00001": "FA2026-00001 est à l'état « Validée » : seul un brouillon se valide.",
        name: f"{name} n'existe plus.",
        str(free): f"{free} : pas de position fiscale. Choisissez-la sur la facture.",
        str(negative): f"{negative} a un total négatif : faites un avoir.",
    }


def test_invoice_of_nothing_is_posted(world: World) -> None:
    invoice = world.posted(item(price="0"))

    assert (invoice.number, invoice.gross.amount) == ("FA2026-00001", Decimal(0))
    assert legs("FA2026-00001") == []


def test_lines_changed_by_hand_are_added_up_again_when_posted(world: World) -> None:
    draft = world.draft(item(2))
    draft.lines.update(unit_price=Decimal(100))

    invoice = post(draft, world)

    assert (invoice.net.amount, invoice.tax.amount, invoice.gross.amount) == (Decimal(200), Decimal(11), Decimal(211))
    assert [line.net for line in invoice.lines.all()] == [Decimal(200)]
    assert [(row.rate, row.base, row.amount) for row in InvoiceTax.objects.filter(invoice=invoice)] == [
        (Decimal("5.5"), Decimal(200), Decimal(11))
    ]


def test_credit_of_no_line_is_posted_while_its_net_is_left(world: World) -> None:
    invoice = world.posted(item(2))
    fits, too_much = (avoir(world, invoice, quantity) for quantity in (2, 1))
    post(fits, world)

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        post(too_much, world)

    assert str(refused.value) == (
        f"{too_much} : il ne reste que 0,00 € HT à créditer sur FA2026-00001. Supprimez ce brouillon."
    )


def test_a_day_or_a_version_that_was_not_shown_is_refused(world: World) -> None:
    draft = world.draft()

    with nothing_changed(), pytest.raises(StaleForm):
        post_invoice(draft, seen=draft.version + 1, on=world.today, by=world.accountant)

    assert post_invoice(draft, seen=draft.version, on=world.today, by=world.accountant).version == draft.version + 1


# Many


def test_posting_many_asks_the_database_a_bounded_number_of_times(
    world: World, django_assert_max_num_queries: Any
) -> None:
    one = world.draft()
    drafts = copies(one, 500)

    with django_assert_max_num_queries(40):
        outcomes = post_invoices(drafts, on=world.today, by=world.accountant)

    assert [outcome.made.number for outcome in outcomes] == [f"FA2026-{n:05d}" for n in range(1, 501)]
    assert Entry.objects.count() == 500
    assert {line.debit - line.credit for entry in Entry.objects.all()[:1] for line in entry.lines.all()} == {
        Decimal("184.62"),
        Decimal("-175.00"),
        Decimal("-9.62"),
    }


def copies(draft: Invoice, count: int) -> list[Invoice]:
    """That many drafts like this one, written in bulk."""
    line, tax = draft.lines.get(), draft.taxes.get()
    fields = [f.attname for f in Invoice._meta.concrete_fields if f.attname != "id"]
    made = Invoice.objects.bulk_create(
        [Invoice(**{name: getattr(draft, name) for name in fields}) for _n in range(count)], batch_size=200
    )
    for row in (line, tax):
        names = [f.attname for f in row._meta.concrete_fields if f.attname not in ("id", "invoice_id")]
        type(row)._default_manager.bulk_create(
            [type(row)(invoice=invoice, **{name: getattr(row, name) for name in names}) for invoice in made],
            batch_size=200,
        )
    return made


# Paper


def paper_text(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


def test_pdf_is_made_once_and_says_what_is_due(world: World) -> None:
    invoice = world.posted()
    assert InvoiceDocument.objects.count() == 0

    assert render_waiting() == 1
    assert render_waiting() == 0

    stored = InvoiceDocument.objects.get()
    assert stored.sha256 == hashlib.sha256(stored.content).hexdigest()
    text = paper_text(bytes(stored.content))
    for words in ("FA2026-00001", "184,62", "175,00", "9,62", "Aubry Maëlle", "999 123 458", "Flammes d'Armor"):
        assert words in text or words.replace(" ", "") in text, words
    assert invoice_pdf(invoice) == bytes(stored.content)


def test_pdf_is_made_on_demand_before_the_sweep_and_never_again(world: World) -> None:
    invoice = world.posted()

    first = invoice_pdf(invoice)
    world.company.name = "Autre nom"
    world.company.save()

    assert invoice_pdf(Invoice.objects.get()) == first
    assert InvoiceDocument.objects.count() == 1


def test_draft_s_pdf_is_a_preview_that_is_not_kept(world: World) -> None:
    text = paper_text(invoice_pdf(world.draft()))

    assert "BROUILLON" in text
    assert InvoiceDocument.objects.count() == 0
