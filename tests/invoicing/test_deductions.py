"""Fixed deductions (« remise de 150 € », « Prime CEE ») and prices typed with tax: drafts, quotes, posting, credits."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils.html import strip_tags

from invoicing.models import Entry, Invoice, InvoiceLine, Product, Quote
from invoicing.paper.pdf import invoice_pdf, quote_pdf
from invoicing.services.documents.deductions import Part
from invoicing.services.documents.drafts import draft_invoice, edit_draft, update_taxes
from invoicing.services.documents.lines import Item, LineEdit
from invoicing.services.documents.quotes import accept_quote, draft_quote, edit_quote, invoice_quote, send_quote
from invoicing.services.posting.credit import credit_invoice, is_creditable, plan_credit
from invoicing.services.posting.post import post_invoice, post_invoices
from invoicing.services.records.links import publish, token_of
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.money import IncludingTax
from openfire_billing.office.reference import DEDUCTED, GOODS_20, REDUCED_10
from tests.factories import ProductFactory, World, nothing_changed, position, tax
from tests.factories.pages import address, new_line
from tests.invoicing.papers import text_of

D = Decimal


@pytest.fixture(autouse=True)
def articles(world: World) -> None:
    ProductFactory(code="poele", name="Poêle", income_account="707000")
    ProductFactory(code="remise", name="Remise", unit_price=0, income_account="709000")
    ProductFactory(code="prime", name="Prime CEE", unit_price=0, income_account="467100", tax=tax(DEDUCTED))


def sold(price: str, *, code: str = "poele", rate: str = REDUCED_10, quantity: str = "1", discount: str = "0") -> Item:
    """A line at a rate chosen by hand."""
    product = Product.objects.get(code=code)
    return Item(
        label=product.name,
        product=product,
        quantity=D(quantity),
        unit_price=D(price),
        discount=D(discount),
        tax=tax(rate),
        tax_is_manual=True,
    )


def remise(amount: str = "-150", *, rate: str = REDUCED_10, quantity: str = "1") -> Item:
    return sold(amount, code="remise", rate=rate, quantity=quantity)


def prime(amount: str = "-300") -> Item:
    return sold(amount, code="prime", rate=DEDUCTED)


def draft(world: World, *items: Item) -> Invoice:
    return draft_invoice(
        company=world.company,
        customer=world.customer,
        items=items,
        on=world.today,
        by=world.biller,
        origin="Commande de M. Aubry",
        fiscal_position=position("VEN-10"),
    )


def posted(world: World, *items: Item) -> Invoice:
    return post_invoice(draft(world, *items), on=world.today, by=world.accountant)


def quoted(world: World, *items: Item) -> Quote:
    return draft_quote(
        company=world.company,
        partner=world.customer,
        items=items,
        on=world.today,
        by=world.biller,
        fiscal_position=position("VEN-10"),
    ).quote


def amounts(document: Any) -> tuple[Decimal, Decimal, Decimal]:
    totals = document.totals
    return totals.net, totals.tax, totals.gross


def bases(document: Any) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    return [(t.category, t.rate, t.base, t.amount) for t in document.totals.taxes]


def credit(invoice: Invoice, world: World, **quantities: str) -> Invoice:
    """The avoir of quantities by article (of all that is left when none is given)."""
    wanted = {invoice.lines.get(product__code=code).pk: D(quantity) for code, quantity in quantities.items()}
    return credit_invoice(invoice, on=world.today, by=world.accountant, rebill=False, quantities=wanted or None)


def refusal_of_credit(invoice: Invoice, world: World, **quantities: str) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        credit(invoice, world, **quantities)
    return str(refusal.value)


NEGATIVE = (
    "%s : la remise fixe (« Remise ») dépasse ce dont elle se déduit : le total serait de %s TTC, et un total n'est "
    "jamais négatif. Baissez la remise, ou ajoutez ce qu'elle réduit."
)

# A document


def test_deduction_lowers_the_base_of_its_rate_and_the_prime_the_amount_with_tax(world: World) -> None:
    invoice = draft(world, sold("1000"), remise(), prime())

    assert bases(invoice) == [("E", D(0), D("-300.00"), D("0.00")), ("S", D(10), D("850.00"), D("85.00"))]
    assert amounts(invoice) == (D("550.00"), D("85.00"), D("635.00"))


def test_deduction_that_makes_the_total_zero_is_taken(world: World) -> None:
    assert amounts(draft(world, sold("150"), remise())) == (D(0), D(0), D(0))
    assert amounts(draft(world, sold("300"), prime("-330"))) == (D("-30.00"), D("30.00"), D("0.00"))


def test_total_below_zero_is_refused_on_a_new_draft_and_a_new_quote(world: World) -> None:
    with nothing_changed(), pytest.raises(BusinessError) as on_draft:
        draft(world, sold("100"), remise())
    with nothing_changed(), pytest.raises(BusinessError) as on_quote:
        quoted(world, sold("100"), remise())
    with nothing_changed(), pytest.raises(BusinessError) as of_prime:
        draft(world, sold("300"), prime("-330.01"))

    assert str(on_draft.value) == NEGATIVE % ("Commande de M. Aubry", "-55,00 €")
    assert str(on_quote.value) == NEGATIVE % ("Devis", "-55,00 €")
    assert str(of_prime.value) == (NEGATIVE % ("Commande de M. Aubry", "-0,01 €")).replace("Remise", "Prime CEE")


def test_base_of_a_rate_below_zero_is_refused_though_the_total_is_not(world: World) -> None:
    """100 at 10 % less 150 at 10 %, with 900 at 20 %: the customer owes, yet the base at 10 % would be −50."""
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        draft(world, sold("100"), sold("900", rate=GOODS_20), remise())

    assert str(refusal.value) == (
        "Commande de M. Aubry : la remise fixe (« Remise ») porte 10 % de TVA et dépasse de 50,00 € HT les lignes à ce "
        "taux. Donnez-lui la TVA des lignes qu'elle réduit, ou faites une ligne de remise pour chaque taux."
    )


def test_deduction_under_reverse_charge_does_not_turn_the_base_either(world: World) -> None:
    with pytest.raises(BusinessError) as refusal:
        draft(world, sold("100", rate="Autoliquidation"), sold("900"), remise(rate="Autoliquidation"))

    assert "porte 0 % de TVA et dépasse de 50,00 € HT" in str(refusal.value)


def test_line_is_a_deduction_below_zero_and_not_at_zero(world: World) -> None:
    free, off = Item(label="Offert", tax=tax()), Item(label="Remise", unit_price=D("-0.01"), tax=tax())

    assert [one.part(world.company.rounding) for one in (free, off)] == [
        Part("Offert", D(0), tax(), is_deduction=False),
        Part("Remise", D("-0.01"), tax(), is_deduction=True),
    ]
    assert [one.intent().is_deduction for one in (free, off)] == [False, True]


def test_several_deductions_are_named(world: World) -> None:
    with pytest.raises(BusinessError) as total:
        draft(world, sold("100"), remise("-80"), prime("-80"))
    with pytest.raises(BusinessError) as base:
        draft(world, sold("100"), sold("900", rate=GOODS_20), remise("-80"), remise("-40"))

    assert str(total.value) == (
        "Commande de M. Aubry : les remises fixes (« Remise », « Prime CEE ») dépassent ce dont elles se déduisent : le "
        "total serait de -58,00 € TTC, et un total n'est jamais négatif. Baissez une remise, ou ajoutez ce qu'elle réduit."
    )
    assert str(base.value) == (
        "Commande de M. Aubry : les remises fixes (« Remise », « Remise ») portent 10 % de TVA et dépassent de 20,00 € HT "
        "les lignes à ce taux. Donnez-leur la TVA des lignes qu'elles réduisent, ou faites une ligne de remise pour "
        "chaque taux."
    )


def test_edit_of_a_draft_that_leaves_the_deduction_alone_is_refused(world: World) -> None:
    invoice = draft(world, sold("1000"), remise())
    line = invoice.lines.get(product__code="poele")

    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        edit_draft(invoice, edits=[LineEdit(pk=line.pk, delete=True)], by=world.biller)

    assert str(refusal.value) == NEGATIVE % (invoice, "-165,00 €")
    assert refusal.value.step is not None
    assert (refusal.value.step.document, refusal.value.step.tab) == (invoice, "lines")


def test_taxes_that_part_the_deduction_from_its_lines_are_not_updated(world: World) -> None:
    """The line goes back to its article's 10 %, the deduction without article keeps its 20 %."""
    alone = Item(label="Remise", unit_price=D(-150), tax=tax(GOODS_20), tax_is_manual=True)
    invoice = draft(world, sold("1000", rate=GOODS_20), alone)

    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        update_taxes(invoice, by=world.biller)

    assert "porte 20 % de TVA et dépasse de 150,00 € HT" in str(refusal.value)


def test_deduction_has_no_discount_and_a_positive_quantity(world: World) -> None:
    invoice = draft(world, sold("1000"), remise())
    line = invoice.lines.get(product__code="remise")

    def refusal_of(**values: Any) -> str:
        with nothing_changed(), pytest.raises(BusinessError) as refusal:
            edit_draft(invoice, edits=[LineEdit(pk=line.pk, values=values)], by=world.biller)
        return str(refusal.value)

    assert refusal_of(discount=D(10)) == (
        "« Remise » : une remise fixe (prix négatif) n'a pas de remise en %. Laissez « Remise % » à 0."
    )
    assert refusal_of(quantity=D(-1)) == (
        "« Remise » : une remise fixe (prix négatif) a une quantité positive. Ôtez l'un des deux signes moins."
    )


@pytest.mark.parametrize("values", [{"discount": 10}, {"quantity": -1}])
def test_database_refuses_a_deduction_with_a_discount_or_a_negative_quantity(
    world: World, values: dict[str, Any]
) -> None:
    line = draft(world, sold("1000"), remise()).lines.get(product__code="remise")

    with pytest.raises(IntegrityError), transaction.atomic():
        InvoiceLine.objects.filter(pk=line.pk).update(**values)


# Quotes


def test_quote_is_refused_when_it_is_saved_sent_or_accepted_below_zero(world: World) -> None:
    quote = quoted(world, sold("1000"), remise())
    line = quote.lines.get(product__code="poele")

    with nothing_changed(), pytest.raises(BusinessError) as saved:
        edit_quote(quote, edits=[LineEdit(pk=line.pk, values={"unit_price": D(100)})], by=world.biller)
    quote.lines.filter(pk=line.pk).update(unit_price=100)  # as it may come from elsewhere
    with nothing_changed(), pytest.raises(BusinessError) as sent:
        send_quote(quote, by=world.biller)
    with nothing_changed(), pytest.raises(BusinessError) as accepted:
        accept_quote(quote, on=world.today, by=world.biller)

    assert [str(r.value) for r in (saved, sent, accepted)] == [NEGATIVE % (quote, "-55,00 €")] * 3


def test_new_position_that_parts_the_deduction_from_its_lines_is_refused(world: World) -> None:
    quote = quoted(world, sold("1000"), Item(label="Remise", unit_price=D(-150), tax=tax(REDUCED_10)))

    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        edit_quote(quote, edits=(), values={"fiscal_position": position("VEN-20")}, by=world.biller)

    assert "porte 10 % de TVA et dépasse de 150,00 € HT" in str(refusal.value)


def test_quote_bills_its_deduction_once_with_what_is_billed(world: World) -> None:
    """The draft gives the deduction up, the next one takes it; taking it beyond what is left is refused."""
    quote = accept_quote(quoted(world, sold("500", quantity="2"), remise()), on=world.today, by=world.biller)
    first = invoice_quote(quote, on=world.today, by=world.biller)
    assert first.totals.gross == D("935.00")
    edits = [
        LineEdit(pk=first.lines.get(product__code="poele").pk, values={"quantity": D(1)}),
        LineEdit(pk=first.lines.get(product__code="remise").pk, delete=True),
    ]
    first = edit_draft(first, edits=edits, by=world.biller)
    second = invoice_quote(quote, on=world.today, by=world.biller)

    assert (first.totals.gross, second.totals.gross) == (D("550.00"), D("385.00"))
    with nothing_changed(), pytest.raises(BusinessError) as nothing:
        invoice_quote(quote, on=world.today, by=world.biller)
    assert str(nothing.value) == f"{quote} est déjà entièrement facturé : voyez ses factures."


def test_quote_whose_deduction_alone_is_left_is_not_billed(world: World) -> None:
    quote = accept_quote(quoted(world, sold("500"), remise()), on=world.today, by=world.biller)
    first = invoice_quote(quote, on=world.today, by=world.biller)
    edit_draft(first, edits=[LineEdit(pk=first.lines.get(product__code="remise").pk, delete=True)], by=world.biller)

    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        invoice_quote(quote, on=world.today, by=world.biller)

    assert str(refusal.value) == NEGATIVE % (quote, "-165,00 €")


# Posting


def test_posted_invoice_books_the_deduction_on_its_article_s_account(world: World) -> None:
    invoice = posted(world, sold("1000"), remise(), prime())

    entry = Entry.objects.get(document=invoice.number)
    assert [(line.account, line.debit, line.credit) for line in entry.lines.all()] == [
        ("411000", D("635.00"), D(0)),
        ("467100", D("300.00"), D(0)),
        ("709000", D("150.00"), D(0)),
        ("707000", D(0), D("1000.00")),
        ("445711", D(0), D("85.00")),
    ]


def test_deduction_on_the_account_of_what_it_reduces_is_a_debit_of_its_own(world: World) -> None:
    Product.objects.filter(code="remise").update(income_account="707000")
    invoice = posted(world, sold("1000"), remise())

    entry = Entry.objects.get(document=invoice.number)
    assert [(line.account, line.debit, line.credit) for line in entry.lines.all()] == [
        ("411000", D("935.00"), D(0)),
        ("707000", D("150.00"), D(0)),
        ("707000", D(0), D("1000.00")),
        ("445711", D(0), D("85.00")),
    ]


def test_draft_below_zero_is_not_posted(world: World) -> None:
    invoice = draft(world, sold("1000"), remise())
    invoice.lines.filter(product__code="poele").update(unit_price=100, net=100)

    with nothing_changed():
        (outcome,) = post_invoices([invoice], on=world.today, by=world.accountant)

    assert outcome.refusal == NEGATIVE % (invoice, "-55,00 €")


# Credits


def test_full_credit_gives_back_exactly_the_net(world: World) -> None:
    invoice = posted(world, sold("1000"), remise(), prime())

    note = credit(invoice, world)

    assert amounts(note) == amounts(invoice) == (D("550.00"), D("85.00"), D("635.00"))
    entry = Entry.objects.get(document=note.number)
    assert [(line.account, line.debit, line.credit) for line in entry.lines.all()] == [
        ("707000", D("1000.00"), D(0)),
        ("445711", D("85.00"), D(0)),
        ("411000", D(0), D("635.00")),
        ("467100", D(0), D("300.00")),
        ("709000", D(0), D("150.00")),
    ]
    assert Invoice.objects.with_payment_state(world.today).get(pk=invoice.pk).residual == D("0.00")
    assert not is_creditable(invoice)


def test_partial_credit_takes_no_more_than_what_is_left(world: World) -> None:
    invoice = posted(world, sold("1000"), remise())

    too_much = refusal_of_credit(invoice, world, poele="1")
    first = credit(invoice, world, poele="0.5")
    rest = credit(invoice, world)

    assert too_much == (
        f"{invoice} : il reste 850,00 € HT à créditer, ses avoirs compris. Baissez les quantités, ou créditez aussi la "
        "remise fixe (« Remise »)."
    )
    assert (amounts(first), amounts(rest)) == (
        (D("500.00"), D("50.00"), D("550.00")),
        (D("350.00"), D("35.00"), D("385.00")),
    )


def test_credit_keeps_within_each_rate(world: World) -> None:
    """1 000 at 20 %, 1 000 − 500 at 10 %: the lines at 10 % are credited up to 500 without the deduction."""
    invoice = posted(world, sold("1000", code="ram_pose", rate=GOODS_20), sold("1000"), remise("-500"))

    beyond = refusal_of_credit(invoice, world, poele="1")
    reversed_base = refusal_of_credit(invoice, world, ram_pose="1", remise="1")
    alone = refusal_of_credit(invoice, world, remise="1")
    note = credit(invoice, world, poele="0.5")
    beyond_left = refusal_of_credit(invoice, world, poele="0.1")

    assert beyond == (
        f"{invoice} : il reste 500,00 € HT à créditer à 10 % de TVA, remise fixe déduite. Baissez les quantités, ou "
        "créditez aussi la remise fixe (« Remise »)."
    )
    assert (
        reversed_base
        == alone
        == (
            f"{invoice} : à 10 % de TVA, l'avoir reprend plus de remise fixe que de lignes. Créditez aussi les lignes "
            "qu'elle réduit, ou baissez la quantité de la remise."
        )
    )
    assert bases(note) == [("S", D(10), D("500.00"), D("50.00"))]
    assert beyond_left == beyond.replace("500,00 €", "0,00 €")
    assert amounts(credit(invoice, world)) == (D("1000.00"), D("200.00"), D("1200.00"))


def test_tax_left_is_credited_when_the_prime_takes_the_net(world: World) -> None:
    """1 000 at 10 % less a prime of 300: 0,7 of the line is all the net, and 0,3 with the prime still bears 30 of VAT."""
    invoice = posted(world, sold("1000"), prime())
    first = credit(invoice, world, poele="0.7")
    assert amounts(first) == (D("700.00"), D("70.00"), D("770.00"))

    assert is_creditable(invoice)
    rest = credit(invoice, world)

    assert amounts(rest) == (D("0.00"), D("30.00"), D("30.00"))
    assert sum(note.totals.gross for note in (first, rest)) == invoice.totals.gross == D("800.00")
    assert not is_creditable(invoice)


def test_credit_of_the_prime_alone_is_refused(world: World) -> None:
    invoice = posted(world, sold("1000"), prime())

    assert refusal_of_credit(invoice, world, prime="1") == (
        f"{invoice} : le total de l'avoir serait négatif. Choisissez d'autres lignes."
    )
    assert plan_credit(invoice).totals.gross == D("800.00")


# Paper and pages


def test_paper_shows_deductions_plainly(world: World) -> None:
    items = (sold("1000"), remise(), prime())

    for paper in (invoice_pdf(posted(world, *items)), quote_pdf(quoted(world, *items))):
        text = " ".join(text_of(paper).replace("\xa0", " ").split())
        assert "Remise Remise fixe 1 −150,00 10 % −150,00 € " in text
        assert "Prime CEE Déduction, sans TVA 1 −300,00 0 % −300,00 € " in text
        assert "E −300,00 € 0,00 €" in text
        assert "Prime déduite du prix TTC : elle ne réduit pas la base de la TVA." in text
        assert "Total TTC 635,00 €" in text


def test_customer_s_page_says_what_is_deducted(world: World) -> None:
    quote = quoted(world, sold("1000"), remise())

    page = Client().get(f"/p/{token_of(publish(quote, by=world.biller, published=True))}/")

    text = " ".join(strip_tags(page.content.decode()).replace("\xa0", " ").split())
    assert "Remise fixe · 1 × −150,00 · TVA 10 %−150,00 € " in text
    assert "Total TTC935,00 €" in text


# Prices typed with tax


def test_price_typed_with_tax_is_saved_without(world: World) -> None:
    quote = quoted(world, sold("1000"))
    line = quote.lines.get()

    quote = edit_quote(
        quote, edits=[LineEdit(pk=line.pk, values={"unit_price": IncludingTax(D("150"))})], by=world.biller
    )

    line.refresh_from_db()
    assert line.unit_price == D("136.3636")
    assert amounts(Quote.objects.get(pk=quote.pk)) == (D("136.36"), D("13.64"), D("150.00"))


@pytest.mark.parametrize(
    ("typed", "quantity", "discount", "rate", "unit_price", "gross"),
    [
        ("120 ttc", "1", "", GOODS_20, "100.0000", "120.00"),
        ("120,00 TTC", "3", "", GOODS_20, "100.0000", "360.00"),
        ("1 234,50 € ttc", "1", "", GOODS_20, "1028.7500", "1234.50"),
        ("100ttc", "3", "", GOODS_20, "83.3333", "300.00"),
        ("150 ttc", "1", "", REDUCED_10, "136.3636", "150.00"),
        ("150 Ttc", "2", "20", REDUCED_10, "136.3636", "240.00"),
        ("150 ttc", "1", "", "TVA collectée (vente) 5,5%", "142.1801", "150.00"),
        ("150 ttc", "1", "", DEDUCTED, "150.0000", "150.00"),
    ],
)
def test_price_with_tax_typed_on_a_draft(
    world: World, typed: str, quantity: str, discount: str, rate: str, unit_price: str, gross: str
) -> None:
    invoice = draft(world, sold("1000", rate=rate))

    answer = world.office().save(
        invoice, lines__0__unit_price=typed, lines__0__quantity=quantity, lines__0__discount=discount
    )

    assert answer.status_code == 302
    line = invoice.lines.get()
    assert line.unit_price == D(unit_price)
    assert Invoice.objects.get(pk=invoice.pk).gross.amount == D(gross)


def test_price_with_tax_that_the_cent_does_not_permit_is_refused_and_kept_in_its_box(world: World) -> None:
    invoice = draft(world, sold("1000", rate=GOODS_20))

    with nothing_changed():
        answer = world.office().save(invoice, lines__0__unit_price="999,99 ttc")

    page = answer.content.decode().replace("\xa0", " ")
    assert answer.status_code == 200
    assert (
        "« Poêle » : avec 20 % de TVA, la ligne ne peut pas valoir 999,99 € TTC au centime : elle vaut 999,98 € ou "
        "1 000,00 €. Changez le prix TTC, ou tapez le prix HT."
    ) in page
    assert 'value="999,99 ttc"' in page


def test_word_before_ttc_is_no_price(world: World) -> None:
    invoice = draft(world, sold("1000"))

    with nothing_changed():
        nothing = world.office().save(invoice, lines__0__unit_price="ttc")
        word = world.office().save(invoice, lines__0__unit_price="douze ttc")

    assert "« ttc » n'est pas un prix : tapez par exemple 120 ttc." in nothing.content.decode().replace("&#x27;", "'")
    assert "« douze » n'est pas un nombre : tapez par exemple 12,5." in word.content.decode().replace("&#x27;", "'")


def test_new_quote_takes_prices_with_tax_and_deductions(world: World) -> None:
    office = world.office()
    poele, less = (Product.objects.get(code=code) for code in ("poele", "remise"))
    fields = {**office.open(Quote), "partner": world.customer.pk, "fiscal_position": position("VEN-10").pk}
    fields = new_line(fields, product=poele.pk, unit_price="1 100 ttc")
    fields = new_line(fields, product=less.pk, unit_price="−165 ttc")

    assert office.send(Quote, fields).status_code == 302

    quote = Quote.objects.get()
    assert [line.unit_price for line in quote.lines.all()] == [D(1000), D(-150)]
    assert amounts(quote) == (D("850.00"), D("85.00"), D("935.00"))


def test_totals_of_a_page_being_typed_count_a_price_with_tax(world: World) -> None:
    invoice = draft(world, sold("1000"), remise())
    office = world.office()
    fields = {**office.open(invoice), "lines-0-unit_price": "1100 ttc", "lines-1-unit_price": "-165 ttc"}

    answer = office.client.post(address(Invoice, "totals"), fields).json()

    assert answer["rows"] == {
        "0": {"net": "1\xa0000,00", "gross": "1\xa0100,00"},
        "1": {"net": "-150,00", "gross": "-165,00"},
    }
