"""Each act on a quote or a draft invoice: its journal, its version, what it returns, the neighbours it leaves alone."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from invoicing.models import FiscalPosition, HistoryLine, Invoice, Journal, PartnerTerms, PaymentTerm, Quote
from invoicing.services.documents import quotes as services
from invoicing.services.documents.drafts import cancel_draft, delete_drafts, draft_invoice, edit_draft, update_taxes
from invoicing.services.documents.intents import DraftIntent, LineIntent
from invoicing.services.documents.lines import Item, LineEdit
from invoicing.services.documents.writing import write_draft
from openfire_billing.kernel.errors import BusinessError, StaleForm
from tests.factories import (
    AddressFactory,
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

D = Decimal
TITLE = Item(kind="section", label="Fumisterie", quantity=D(0))


def journal(document: Any) -> list[tuple[str, str, Any]]:
    """(act, text, by) of each line of a journal, the oldest first."""
    return [(line.act, line.text, line.by) for line in HistoryLine.objects.of(document).order_by("pk")]


def refused(act: Callable[[], object]) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        act()
    return str(refusal.value)


def now(document: Any) -> Any:
    return type(document).objects.get(pk=document.pk)


def quoted(world: World, *items: Item, **more: Any) -> Quote:
    """A draft quote that holds nothing: a title and two articles unless told."""
    values = {"company": world.company, "partner": world.customer, "fiscal_position": position(), **more}
    wanted = items or (TITLE, item(2, tax=tax()), item(3, price="10", tax=tax()))
    return services.draft_quote(items=wanted, on=world.today, by=world.biller, **values).quote


def accepted(world: World, *items: Item) -> Quote:
    return services.accept_quote(quoted(world, *items), on=world.today, by=world.biller)


# Quotes


def test_life_of_a_quote_is_in_its_journal_and_no_neighbour_moves(world: World) -> None:
    quote, neighbour = quoted(world, origin="o" * 81), quoted(world)
    by, on = world.accountant, world.today

    lives = [
        services.send_quote(quote, by=by),
        services.reset_quote(quote, by=by),
        services.prolong_quote(quote, until=date(2027, 1, 1), on=on, by=by),
        services.refuse_quote(quote, by=by),
        services.reset_quote(quote, by=by),
        services.cancel_quote(quote, by=by),
        services.reset_quote(quote, by=by),
        services.accept_quote(quote, on=on, by=by),
        services.settle_quote(quote, by=by),
    ]

    assert [(one.state, one.version - quote.version) for one in lives] == [
        ("sent", 1),
        ("draft", 2),
        ("draft", 3),
        ("refused", 4),
        ("draft", 5),
        ("cancelled", 6),
        ("draft", 7),
        ("accepted", 8),
        ("settled", 9),
    ]
    assert journal(quote)[0] == ("created", f"Devis créé depuis {'o' * 81}", world.biller)
    assert journal(quote)[1:] == [
        ("sent", "Devis envoyé", by),
        ("reset", "Remis en brouillon", by),
        ("prolonged", "Validité prolongée", by),
        ("refused", "Devis refusé.", by),
        ("reset", "Remis en brouillon", by),
        ("cancelled", "Devis annulé", by),
        ("reset", "Remis en brouillon", by),
        ("accepted", "Devis accepté", by),
        ("settled", "Devis soldé : le reste n'est plus dû par lui", by),
    ]
    assert (now(quote).origin, now(quote).accepted_on, now(quote).valid_until) == ("o" * 80, on, date(2027, 1, 1))
    assert (now(neighbour).state, now(neighbour).version, len(journal(neighbour))) == ("draft", neighbour.version, 1)


def test_quote_that_could_never_be_billed_is_neither_made_nor_accepted(world: World) -> None:
    other = CompanyFactory(name="Autre Foyer")
    theirs = FiscalPosition.objects.create(company=other, code="X", name="D'ailleurs")
    ours = FiscalPosition.objects.create(company=world.company, code="Y", name="D'ici")
    foreign, own = TaxFactory(name="TVA d'ailleurs", company=other), TaxFactory(name="TVA d'ici", company=world.company)
    ProductFactory(code="sans", income_account="")
    for items, more, why in (
        ((TITLE,), {}, "aucune ligne d'article. Ajoutez-en une."),
        ((), {"fiscal_position": None}, "pas de position fiscale. Remplissez le champ « Position fiscale »."),
        (
            (),
            {"fiscal_position": theirs},
            "la position fiscale « X » est celle d'une autre société. Choisissez-en une de Flammes d'Armor.",
        ),
        (
            (item(code="sans", tax=own),),
            {},
            "l'article « [sans] Forfait Pose » n'a pas de compte de produit. Complétez sa fiche (Répertoire › Articles).",
        ),
        (
            (item(tax=foreign, label="Pose"),),
            {},
            "la taxe « TVA d'ailleurs » de « Pose » est celle d'une autre société. Choisissez-en une de Flammes d'Armor.",
        ),
    ):
        for origin, name in (("", "Devis"), ("DI/7", "DI/7")):
            assert refused(lambda: quoted(world, *items, origin=origin, **more)) == f"{name} : {why}"  # noqa: B023

    quote = quoted(world, TITLE, item(tax=own), Item(label="Divers", tax=own), fiscal_position=ours)
    Quote.objects.filter(pk=quote.pk).update(fiscal_position=None)
    assert refused(lambda: services.accept_quote(quote, on=world.today, by=None)) == (
        f"{quote} : pas de position fiscale. Remplissez le champ « Position fiscale »."
    )


def test_quote_edited_in_head_and_lines_at_once_rises_once_beside_a_billed_one(world: World) -> None:
    billed = accepted(world)
    services.invoice_quote(billed, on=world.today, by=world.biller)
    quote, neighbour = quoted(world), quoted(world)
    _title, first, second = quote.lines.all()

    def edit(*edits: LineEdit, **values: object) -> int:
        return services.edit_quote(quote, edits=edits, values=values or None, by=world.accountant).version

    versions = [
        edit(),
        edit(LineEdit(pk=first.pk, values={"unit_price": D("12.5"), "discount": D(5)}), title="Pose"),
        edit(LineEdit(pk=second.pk, delete=True)),
    ]

    assert [version - quote.version for version in versions] == [0, 1, 2]
    assert ([line.pk for line in quote.lines.all()], neighbour.lines.count()) == ([_title.pk, first.pk], 3)
    head, lines, removed = HistoryLine.objects.of(quote).order_by("pk")[1:]
    assert [(line.act, line.text) for line in (head, lines, removed)] == [
        ("changed", "Fiche modifiée"),
        ("edited", "Lignes modifiées"),
        ("edited", "Lignes modifiées"),
    ]
    assert head.changes == {"title": ["–", "Pose"]}
    assert lines.changes["lines"][0]["changes"] == {"unit_price": ["175,00", "12,50"], "discount": ["0", "5"]}
    Quote.objects.filter(pk=billed.pk).update(state="draft")
    line = billed.lines.order_by("pk").last()
    assert line is not None
    assert refused(lambda: services.edit_quote(billed, edits=[LineEdit(pk=line.pk, delete=True)], by=world.biller)) == (
        f"{billed} : une ligne facturée ne se supprime pas."
    )


def test_what_is_left_of_a_quote_is_billed_with_its_titles_and_nothing_of_its_neighbour(world: World) -> None:
    quote, neighbour = accepted(world), accepted(world)
    draft = services.invoice_quote(quote, on=world.today, by=world.biller)
    services.invoice_quote(neighbour, on=world.today, by=world.biller)
    _title, first, second = draft.lines.order_by("position")
    edit_draft(draft, edits=[LineEdit(pk=second.pk, values={"quantity": D(1)})], by=world.biller)

    for end in (services.refuse_quote, services.cancel_quote):
        assert refused(lambda end=end: end(quote, by=world.biller)).startswith(f"{quote} est facturé")  # type: ignore[misc]
    edit_draft(draft, edits=[LineEdit(pk=first.pk, delete=True)], by=world.biller)
    assert refused(lambda: services.refuse_quote(quote, by=world.biller)).startswith(f"{quote} est facturé")
    rest = services.invoice_quote(quote, on=world.today, by=world.accountant)
    again = edit_draft(rest, edits=[LineEdit(pk=rest.lines.get(quantity=2, unit_price=10).pk, delete=True)], by=None)
    last = services.invoice_quote(quote, on=world.today, by=world.accountant)

    def lines(invoice: Invoice) -> list[tuple[str, Decimal, Decimal]]:
        return list(invoice.lines.order_by("position").values_list("kind", "quantity", "unit_price"))

    assert lines(again) == [("section", D(0), D(0)), ("article", D(2), D(175))]
    assert lines(last) == [("section", D(0), D(0)), ("article", D(2), D(10))]
    assert (last.origin, last.proposed_on, journal(quote)[-1]) == (
        str(quote),
        world.today,
        ("invoiced", "Facture en brouillon générée", world.accountant),
    )
    lefts = [line.left for line in neighbour.lines.left_to_bill()]
    assert lefts == [0, 0, 0]


def test_copy_of_a_quote_has_its_lines_and_a_validity_of_its_own(world: World) -> None:
    quote = quoted(world, title="Pose", notes="Merci", valid_until=date(2026, 11, 25))

    copy = now(services.duplicate_quote(quote, on=date(2026, 11, 26), by=world.accountant))

    assert (copy.title, copy.notes, copy.issued_on, copy.valid_until, copy.state) == (
        "Pose",
        "Merci",
        date(2026, 11, 26),
        date(2026, 12, 26),
        "draft",
    )
    columns = ("position", "kind", "label", "quantity", "unit_price", "tax")
    assert list(copy.lines.values_list(*columns)) == list(quote.lines.values_list(*columns))
    assert journal(copy) == [("created", f"Copie de {quote}", world.accountant)]


def test_expired_quote_is_prolonged_from_today_and_no_earlier(world: World) -> None:
    quote = quoted(world)
    by, on = world.biller, world.today
    Quote.objects.filter(pk=quote.pk).update(issued_on=date(2026, 11, 1), valid_until=date(2026, 11, 22))

    assert refused(lambda: services.prolong_quote(quote, until=on - timedelta(days=1), on=on, by=by)) == (
        f"{quote} est valable jusqu'au 22/11/2026 : choisissez une date ultérieure, à partir d'aujourd'hui."
    )
    assert services.prolong_quote(quote, until=on, on=on, by=by).valid_until == on


def test_quote_or_draft_seen_otherwise_is_left_as_it_is(world: World) -> None:
    quote, draft = quoted(world), world.draft()
    late, by, on = quote.version + 1, world.biller, world.today
    for act in (
        lambda: services.edit_quote(quote, edits=[], seen=late, by=by),
        lambda: services.send_quote(quote, seen=late, by=by),
        lambda: services.accept_quote(quote, seen=late, on=on, by=by),
        lambda: services.prolong_quote(quote, until=date(2027, 1, 1), seen=late, on=on, by=by),
        lambda: services.refuse_quote(quote, seen=late, by=by),
        lambda: services.settle_quote(quote, seen=late, by=by),
        lambda: services.reset_quote(quote, seen=late, by=by),
        lambda: services.invoice_quote(quote, seen=late, on=on, by=by),
        lambda: edit_draft(draft, edits=[], seen=draft.version + 1, by=by),
        lambda: cancel_draft(draft, seen=draft.version + 1, by=by),
        lambda: update_taxes(draft, seen=draft.version + 1, by=by),
    ):
        with nothing_changed(), pytest.raises(StaleForm):
            act()
    Quote.objects.filter(pk=quote.pk).delete()
    assert refused(lambda: services.send_quote(quote, by=by)) == (
        "Ce devis n'existe plus : il a été supprimé entre-temps. Revenez à la liste."
    )


# Drafts


def test_invoice_typed_by_hand_has_what_was_typed(world: World) -> None:
    site, bill_at = AddressFactory(partner=world.customer), AddressFactory(partner=world.customer)
    cash = PaymentTerm.objects.create(name="Comptant bis", days=0)
    given = {"site": site, "billing_address": bill_at, "payment_term": cash, "purchase_order": "BC 7", "notes": "Merci"}
    values = {"company": world.company, "customer": world.customer, "on": world.today, "by": world.biller}
    items = [TITLE, item(2, tax=tax(), tax_is_manual=True), Item(label="Divers", unit_price=D(5), tax=tax())]

    full, bare = (
        draft_invoice(items=items, origin="o" * 161, fiscal_position=position(), **values, **more)  # type: ignore[arg-type]
        for more in (given, {})
    )

    assert {name: getattr(full, name) for name in given} == given
    assert (bare.site, bare.billing_address, bare.payment_term, bare.purchase_order, bare.notes) == (
        None,
        world.customer.default_address(),
        PaymentTerm.objects.get(name="30 jours"),
        "",
        "",
    )
    assert (full.origin, journal(full)) == (
        "o" * 160,
        [("created", f"Brouillon créé depuis {'o' * 160}", world.biller)],
    )
    columns = ("position", "kind", "quantity", "net", "tax_rate", "tax_is_manual")
    assert list(full.lines.values_list(*columns)) == [
        (1, "section", D(0), D(0), D(0), False),
        (2, "article", D(2), D(350), D(20), True),
        (3, "article", D(1), D(5), D(20), False),
    ]
    assert (full.net.amount, full.tax.amount, full.gross.amount) == (D(355), D(71), D(426))


def test_draft_is_written_with_what_is_its_own_company_s_and_its_customer_s(world: World) -> None:
    ours = FiscalPosition.objects.create(company=world.company, code="Y", name="D'ici")
    own = TaxFactory(name="TVA d'ici", company=world.company)
    journal_2 = Journal.objects.create(company=world.company, code="V2", kind="invoice", name="Ventes 2", prefix="F2")
    first = Journal.objects.get(company=world.company, code="VE")
    Journal.objects.filter(company=world.company, kind="deposit").delete()
    CompanyFactory(name="Autre Foyer")
    PartnerTerms.objects.create(partner=world.customer, fiscal_position=ours)
    neighbour = PartnerFactory()
    PartnerTerms.objects.create(partner=neighbour, payment_term=PaymentTerm.objects.create(name="Bis", days=1))
    line = LineIntent(label="Pose", unit_price=D(10), tax=own.pk)

    def write(**more: Any) -> Invoice:
        values = {
            "company": world.company.pk,
            "customer": world.customer.pk,
            "lines": [line],
            "proposed_on": world.today,
            "origin": "essai",
            "fiscal_position": ours.pk,
            **more,
        }
        return Invoice.objects.get(pk=write_draft(DraftIntent(**values), by=None, at=timezone.now()).invoice)

    usual, chosen = write(), write(journal=journal_2.pk, kind="deposit")

    assert (usual.journal, chosen.journal, chosen.kind) == (first, journal_2, "deposit")
    assert (usual.payment_term, usual.fiscal_position) == (PaymentTerm.objects.get(name="30 jours"), ours)
    assert usual.lines.get().tax == own


@pytest.mark.parametrize(
    ("addresses", "chosen"),
    [
        ([(False, False), (False, True), (True, False)], 2),
        ([(False, False), (False, True), (False, False)], 1),
        ([(False, False), (False, False)], 0),
    ],
)
def test_invoice_goes_to_the_billing_address_else_the_default_one_else_the_first(
    world: World, addresses: list[tuple[bool, bool]], chosen: int
) -> None:
    customer = PartnerFactory(address=False)
    rows = [AddressFactory(partner=customer, is_billing=bill, is_default=usual) for bill, usual in addresses]

    invoice = draft_invoice(
        company=world.company,
        customer=customer,
        items=[item(tax=tax())],
        on=world.today,
        by=None,
        origin="essai",
        fiscal_position=position(),
    )

    assert invoice.billing_address == rows[chosen]


def test_taxes_of_a_draft_are_updated_line_by_line_once(world: World) -> None:
    old = tax("TVA collectée (vente) 5,5%")
    draft = draft_invoice(
        company=world.company,
        customer=world.customer,
        items=[TITLE, item(tax=old), Item(label="Divers", unit_price=D(100), tax=old), Item(label="Autre", tax=tax())],
        on=world.today,
        by=None,
        origin="essai",
        fiscal_position=position(),
    )
    neighbour = world.draft()
    new = TaxFactory(name="TVA 6 %", rate=D(6), replaces=old, valid_from=world.today)

    versions = [update_taxes(draft, by=world.accountant).version for _twice in range(2)]

    assert [version - draft.version for version in versions] == [1, 1]
    assert [line.tax for line in draft.lines.order_by("position")] == [None, new, new, tax()]
    assert (now(draft).net.amount, now(draft).tax.amount, now(draft).gross.amount) == (D(275), D("16.50"), D("291.50"))
    assert journal(draft)[1:] == [("taxes_updated", "Taxes mises à jour", world.accountant)]
    assert (neighbour.lines.get().tax, now(neighbour).version) == (old, neighbour.version)


def test_one_of_two_drafts_is_cancelled_or_deleted_with_what_it_billed(world: World) -> None:
    sources = [world.intervention(item(2)) for _n in range(3)]
    cancelled, deleted, kept = (world.draft(intervention=source) for source in sources)

    state = cancel_draft(cancelled, by=world.accountant)
    count = delete_drafts([deleted], by=world.accountant)

    assert (state.state, state.version - cancelled.version, count) == ("cancelled", 1, 1)
    assert journal(cancelled)[-1] == ("cancelled", "Brouillon annulé", world.accountant)
    assert journal(deleted)[-1] == ("deleted", "Brouillon supprimé", world.accountant)
    assert [world.left(source) for source in sources] == [[D(2)], [D(2)], [D(0)]]
    assert list(Invoice.objects.drafts()) == [kept]
