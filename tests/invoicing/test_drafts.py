"""Drafts: edited, cancelled, deleted; what they bill follows, on the DI and on the quote."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from contracts.models import PeriodClaim
from invoicing.models import FiscalPosition, HistoryLine, Invoice, Journal, PartnerTerms, PaymentTerm
from invoicing.services.documents import quotes as quote_services
from invoicing.services.documents.drafts import cancel_draft, delete_drafts, edit_draft, update_taxes
from invoicing.services.documents.intents import DraftIntent, LineIntent, title_intent
from invoicing.services.documents.lines import LineEdit
from invoicing.services.documents.writing import write_draft, write_drafts
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import BILLING
from tests.contracts.contract_builders import bill, day, make_contract
from tests.factories import (
    CompanyFactory,
    PartnerFactory,
    ProductFactory,
    TaxFactory,
    World,
    item,
    nothing_changed,
    position,
    tax,
)
from tests.factories.pages import new_line, typed


def edit(invoice: Invoice, world: World, **values: Any) -> Invoice:
    line = invoice.lines.get()
    return edit_draft(invoice, edits=[LineEdit(pk=line.pk, values=values)], by=world.biller)


def refused(act: Any, *args: Any, **options: Any) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        act(*args, **options)
    return str(refusal.value)


def test_lowering_a_line_frees_the_difference(world: World) -> None:
    intervention = world.intervention(item(4))
    draft = world.draft(intervention=intervention)

    edit(draft, world, quantity=Decimal("1.5"))

    assert world.left(intervention) == [Decimal("2.5")]
    draft.refresh_from_db()
    assert draft.net.amount == Decimal("262.50")


def test_raising_a_line_stops_at_what_its_source_has_left(world: World) -> None:
    intervention = world.intervention(item(4))
    draft = world.draft(intervention=intervention)
    edit(draft, world, quantity=Decimal(1))

    edit(draft, world, quantity=Decimal(4))
    assert world.left(intervention) == [Decimal(0)]

    assert refused(edit, draft, world, quantity=Decimal("4.001")) == (
        "« [ram_pose] Forfait Pose » : il ne reste que 4 à facturer, la ligne en demande 4,001. Baissez la quantité."
    )


def test_raising_a_line_of_a_quote_stops_at_what_the_quote_has_left(world: World) -> None:
    quote = world.quote(item(2))
    quote_services.accept_quote(quote, on=world.today, by=world.biller)
    draft = quote_services.invoice_quote(quote, on=world.today, by=world.biller)

    assert refused(edit, draft, world, quantity=Decimal(3)) == (
        "« [ram_pose] Forfait Pose » : il ne reste que 2 à facturer, la ligne en demande 3. Baissez la quantité."
    )


@pytest.mark.parametrize("quantity", ["0", "-1"])
def test_line_that_bills_something_stays_above_zero(world: World, quantity: str) -> None:
    draft = world.draft(item(4))

    assert refused(edit, draft, world, quantity=Decimal(quantity)) == (
        "« [ram_pose] Forfait Pose » : la quantité reste supérieure à zéro. "
        "Pour ne pas facturer la ligne, supprimez-la."
    )


def test_article_of_a_line_that_bills_something_is_fixed(world: World) -> None:
    draft = world.draft()
    other = ProductFactory(code="joint")

    assert refused(edit, draft, world, product=other) == (
        "« [ram_pose] Forfait Pose » : l'article d'une ligne qui vient d'un autre document ne change pas. "
        "Supprimez la ligne."
    )


def test_price_and_discount_of_a_draft_may_change(world: World) -> None:
    draft = world.draft()

    edit(draft, world, unit_price=Decimal("185.00"))

    draft.refresh_from_db()
    assert (draft.net.amount, draft.tax.amount, draft.gross.amount) == (
        Decimal("185.00"),
        Decimal("10.18"),
        Decimal("195.18"),
    )


def test_tax_of_a_draft_s_line_may_change_with_what_it_prints(world: World) -> None:
    draft = world.draft()

    edit(draft, world, tax=tax("TVA 20 %"), tax_is_manual=True)

    line = draft.lines.get()
    assert (line.tax, line.tax_rate, line.tax_category) == (tax("TVA 20 %"), Decimal(20), "S")
    assert [(row.rate, row.base, row.amount) for row in draft.taxes.all()] == [
        (Decimal(20), Decimal("175.00"), Decimal("35.00"))
    ]


def test_line_deleted_on_the_page_is_free_again(world: World) -> None:
    intervention = world.intervention(item(), item(2))
    draft = world.draft(intervention=intervention)

    answer = world.office(BILLING).save(draft, lines__0__DELETE="on")

    assert answer.status_code == 302
    assert world.left(intervention) == [Decimal(1), Decimal(0)]


def test_line_added_by_hand_bills_nothing_else(world: World) -> None:
    intervention = world.intervention()
    draft = world.draft(intervention=intervention)
    office = world.office(BILLING)

    office.send(draft, new_line(office.open(draft), product=item().product, quantity="2"))

    draft.refresh_from_db()
    assert draft.net.amount == Decimal("525.00")
    assert world.left(intervention) == [Decimal(0)]


def test_invoice_typed_by_hand_is_a_draft(world: World) -> None:
    office = world.office(BILLING)
    fields = typed(office.open(Invoice), customer=world.customer, fiscal_position=position())

    answer = office.send(Invoice, new_line(fields, product=item().product, quantity="12,5"))

    invoice = Invoice.objects.get()
    assert answer.status_code == 302
    assert (invoice.state, invoice.number, invoice.net.amount) == ("draft", None, Decimal("2187.50"))
    assert invoice.origin == "saisie directe"


@pytest.mark.parametrize("act", [cancel_draft, lambda invoice, by: delete_drafts([invoice], by=by), edit_draft])
def test_posted_invoice_never_changes(world: World, act: Any) -> None:
    invoice = world.posted()
    options = {"edits": []} if act is edit_draft else {}

    assert refused(act, invoice, by=world.manager, **options) == (
        "FA2026-00001 est à l'état « Validée » : seul un brouillon se modifie. Corrigez-la par un avoir."
    )


def _delete_its_line(draft: Invoice, *, by: Any) -> None:
    edit_draft(draft, edits=[LineEdit(pk=draft.lines.get().pk, delete=True)], by=by)


@pytest.mark.parametrize("act", [cancel_draft, lambda draft, by: delete_drafts([draft], by=by), _delete_its_line])
def test_period_of_a_draft_taken_back_is_due_again(world: World, act: Any) -> None:
    contract = make_contract(world, "01/11/26")
    bill(world, contract, on="02/11/26")
    contract.refresh_from_db()
    billed = contract.next_due_on

    act(Invoice.objects.get(), by=world.biller)

    contract.refresh_from_db()
    assert (billed, contract.next_due_on) == (day("01/12/26"), day("01/11/26"))
    assert not PeriodClaim.objects.exists()


def test_all_or_none_are_deleted(world: World) -> None:
    draft, posted = world.draft(), world.posted()

    refused(delete_drafts, [draft, posted], by=world.manager)

    assert Invoice.objects.count() == 2


def test_draft_gone_meanwhile_is_told(world: World) -> None:
    draft = world.draft()
    gone = Invoice.objects.get(pk=draft.pk)
    delete_drafts([draft], by=world.biller)

    assert refused(cancel_draft, gone, by=world.biller) == (
        "Ce brouillon n'existe plus : il a été supprimé entre-temps. Revenez à la liste."
    )


def test_journal_says_who_changed_what(world: World) -> None:
    draft = world.draft()
    edit(draft, world, quantity=Decimal("0.5"))

    last = HistoryLine.objects.of(draft).first()

    assert last is not None
    assert (last.act, last.by, last.changes) == (
        "edited",
        world.biller,
        {
            "lines": [
                {
                    "id": draft.lines.get().pk,
                    "line": "[ram_pose] Forfait Pose",
                    "act": "changed",
                    "changes": {"quantity": ["1", "0,5"]},
                }
            ]
        },
    )


# What could never become a right invoice


def intent(world: World, **changes: Any) -> DraftIntent:
    line = LineIntent(label="Pose", product=item().product.pk, unit_price=Decimal(10), tax=tax().pk)  # type: ignore[union-attr]
    values = {
        "company": world.company.pk,
        "customer": world.customer.pk,
        "lines": [line],
        "proposed_on": world.today,
        "origin": "essai",
        "fiscal_position": position().pk,
    }
    return DraftIntent(**values | changes)  # type: ignore[arg-type]


def test_draft_that_could_never_be_right_is_not_written(world: World) -> None:
    other = CompanyFactory(name="Autre Foyer")
    theirs = FiscalPosition.objects.create(company=other, code="X", name="D'ailleurs")
    sold = ProductFactory(code="sans_compte", income_account="")
    foreign = TaxFactory(name="TVA d'ailleurs", company=other)
    Journal.objects.filter(company=world.company, kind="deposit").delete()
    wrong = [
        (intent(world, lines=[title_intent("Titre")]), "essai : aucune ligne d'article. Ajoutez-en une."),
        (
            intent(world, fiscal_position=None, name="DI/1"),
            "DI/1 : pas de position fiscale. Remplissez le champ « Position fiscale ».",
        ),
        (
            intent(world, fiscal_position=theirs.pk),
            "essai : la position fiscale « X » est celle d'une autre société. Choisissez-en une de Flammes d'Armor.",
        ),
        (
            intent(world, currency="CHF"),
            "essai est en CHF et Flammes d'Armor compte en EUR : un document ne mêle pas deux devises.",
        ),
        (
            intent(world, kind="deposit"),
            "Flammes d'Armor n'a pas de journal « Ventes – acomptes » : ajoutez-le dans Réglages › Journaux.",
        ),
        (
            intent(world, lines=[LineIntent(label="Pose", product=sold.pk, tax=tax().pk)]),
            "essai : l'article « [sans_compte] Forfait Pose » n'a pas de compte de produit. "
            "Complétez sa fiche (Répertoire › Articles).",
        ),
        (
            intent(world, lines=[LineIntent(label="Pose", tax=foreign.pk)]),
            "essai : la taxe « TVA d'ailleurs » de « Pose » est celle d'une autre société. "
            "Choisissez-en une de Flammes d'Armor.",
        ),
    ]

    written = write_drafts([one for one, _why in wrong] + [intent(world, currency="EUR")], by=None, at=timezone.now())

    assert [str(one) for one in written[:-1]] == [why for _one, why in wrong]
    draft = Invoice.objects.get()
    assert (draft.pk, draft.net.amount, draft.journal.kind) == (written[-1].invoice, Decimal(10), "invoice")  # type: ignore[union-attr]
    assert HistoryLine.objects.of(draft)[0].text == "Brouillon créé depuis essai"


def test_line_gone_from_a_draft_is_told_and_its_quantity_of_a_period_is_fixed(world: World) -> None:
    draft = world.draft()
    gone = [LineEdit(pk=draft.lines.get().pk + 99, values={"label": "x"})]
    assert refused(edit_draft, draft, edits=gone, by=world.biller) == (
        "Une ligne modifiée n'est plus sur ce brouillon. Rechargez la page."
    )
    bill(world, make_contract(world, "01/11/26"), on="02/11/26")
    period = Invoice.objects.latest("pk")
    assert refused(edit, period, world, quantity=Decimal(2)) == (
        f"« {period.lines.get()} » : la quantité d'une période ou d'une visite ne change pas."
    )


def test_version_of_a_draft_rises_once_with_each_saving(world: World) -> None:
    draft = world.draft()
    seen = [draft.version]
    line = draft.lines.get()
    for edits, values in (
        ([], {}),
        ([], {"notes": "Merci"}),
        ([LineEdit(pk=line.pk, values={"unit_price": Decimal(180)})], {"notes": "Bien"}),
        ([LineEdit(pk=line.pk, values={"label": "Autre"})], {}),
    ):
        seen.append(edit_draft(draft, edits=edits, values=values, by=world.biller).version)

    assert [version - seen[0] for version in seen] == [0, 0, 1, 2, 3]


def test_journal_of_a_draft_says_changed_taxes_and_deleted(world: World) -> None:
    draft = world.draft()
    edit_draft(draft, edits=[], values={"notes": "Merci"}, by=world.biller)
    line = draft.lines.get()
    new = TaxFactory(name="TVA 6 %", rate=Decimal(6), replaces=line.tax, valid_from=world.today)
    update_taxes(draft, by=world.biller)
    delete_drafts([draft], by=world.biller)

    changed, taxes, deleted = HistoryLine.objects.of(draft).order_by("pk")[1:]
    assert [one.text for one in (changed, taxes, deleted)] == [
        "Fiche modifiée",
        "Taxes mises à jour",
        "Brouillon supprimé",
    ]
    assert [one["changes"] for one in taxes.changes["lines"]] == [{"tax": [str(line.tax), str(new)]}]


def test_cancelled_draft_stays_for_the_record_and_frees_its_lines(world: World) -> None:
    intervention = world.intervention()
    draft = world.draft(intervention=intervention)

    cancelled = cancel_draft(draft, by=world.biller)

    draft.refresh_from_db()
    assert (cancelled.state, draft.state, draft.lines.count(), world.left(intervention)) == (
        "cancelled",
        "cancelled",
        1,
        [Decimal(1)],
    )
    assert HistoryLine.objects.of(draft)[0].text == "Brouillon annulé"


@pytest.mark.parametrize(
    ("days", "rate"),
    [
        ({}, "6"),
        ({"supplied_on": date(2026, 11, 30)}, "5.5"),
        ({"supplied_on": date(2026, 12, 1)}, "6"),
        ({"period_start": date(2026, 11, 1), "period_end": date(2026, 12, 1)}, "5.5"),
        ({"period_start": date(2026, 11, 2), "period_end": date(2026, 12, 2)}, "6"),
        ({"period_start": date(2026, 11, 2), "period_end": date(2026, 12, 2), "supplied_on": date(2026, 11, 3)}, "6"),
    ],
)
def test_line_bears_the_rate_of_its_last_day(world: World, days: dict[str, date], rate: str) -> None:
    old = tax("TVA collectée (vente) 5,5%")
    TaxFactory(name="TVA 6 %", rate=Decimal(6), replaces=old, valid_from=date(2026, 12, 1))
    line = LineIntent(label="Pose", unit_price=Decimal(100), tax=old.pk, **days)  # type: ignore[arg-type]

    (written,) = write_drafts([intent(world, lines=[line], proposed_on=date(2026, 12, 2))], by=None, at=timezone.now())

    draft = Invoice.objects.get(pk=written.invoice)  # type: ignore[union-attr]
    assert (draft.lines.get().tax_rate, draft.tax.amount) == (Decimal(rate), Decimal(rate))


def test_terms_left_out_are_the_customer_s_else_thirty_days_and_none_on_a_credit_note(world: World) -> None:
    invoice, other = world.posted(), PartnerFactory()
    cash = PaymentTerm.objects.create(name="Au comptant bis", days=0)
    PartnerTerms.objects.create(partner=other, payment_term=cash)
    wanted = [
        intent(world),
        intent(world, customer=other.pk),
        intent(world, kind="credit_note", credits=invoice.pk),
        intent(world, payment_term=cash.pk),
    ]

    written = [write_draft(one, by=None, at=timezone.now()).invoice for one in wanted]

    drafts = [Invoice.objects.get(pk=pk) for pk in written]
    names = [draft.payment_term and draft.payment_term.name for draft in drafts]
    assert names == ["30 jours", "Au comptant bis", None, "Au comptant bis"]
    together = Invoice.objects.in_bulk([draft.invoice for draft in write_drafts(wanted, by=None, at=timezone.now())])
    names = [draft.payment_term and draft.payment_term.name for _pk, draft in sorted(together.items())]
    assert names == ["30 jours", "Au comptant bis", None, "Au comptant bis"]
    assert drafts[1].billing_address == other.default_address()
