"""Fixed deductions on a DI: saved, billed once by each road, never below zero."""

from decimal import Decimal

import pytest

from interventions.models import InterventionRequest
from interventions.services.billing import invoice_intervention, invoice_interventions, quote_intervention
from interventions.services.purchases import order_supplies
from interventions.services.requests import create_intervention, duplicate_intervention, save_intervention
from invoicing.models import HistoryLine, Invoice, Product
from invoicing.services.documents.drafts import delete_drafts
from invoicing.services.documents.lines import LineEdit
from invoicing.services.documents.quotes import accept_quote, invoice_quote, refuse_quote
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.reference import DEDUCTED
from openfire_billing.office.roles import PLANNER
from tests.factories import PartnerFactory, ProductFactory, World, item, nothing_changed, position, tax
from tests.factories.api import Api, refused
from tests.factories.pages import line_states, new_line, refusal

D = Decimal


@pytest.fixture(autouse=True)
def articles(world: World) -> None:
    ProductFactory(code="remise", name="Remise", unit_price=0)
    ProductFactory(code="prime", name="Prime CEE", unit_price=0, tax=tax(DEDUCTED))


def di(world: World, *, price: str = "1000", off: str = "-150") -> InterventionRequest:
    """A DI at 10 %: 1 000 less a « Remise » of 150."""
    return world.intervention(item(price=price), item(code="remise", price=off), code="VEN-10")


def gross(invoice: Invoice) -> Decimal:
    return Invoice.objects.get(pk=invoice.pk).totals.gross


def refused_bill(world: World, intervention: InterventionRequest) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as said:
        invoice_intervention(intervention, on=world.today, by=world.biller)
    return str(said.value)


def edit(world: World, intervention: InterventionRequest, code: str, **values: object) -> InterventionRequest:
    line = intervention.lines.get(product__code=code)
    return save_intervention(
        intervention.pk, {}, edits=[LineEdit(pk=line.pk, values=values)], on=world.today, by=world.planner
    )


NEGATIVE = (
    "%s : la remise fixe (« [remise] Remise ») dépasse ce dont elle se déduit : le total serait de %s TTC, et un total n'est "
    "jamais négatif. Baissez la remise, ou ajoutez ce qu'elle réduit."
)


def test_di_bills_its_deduction_once(world: World) -> None:
    intervention = di(world)
    assert (intervention.totals.net, intervention.totals.gross) == (D("850.00"), D("935.00"))

    invoice = invoice_intervention(intervention, on=world.today, by=world.biller)

    assert [(line.unit_price, line.net, line.tax_rate) for line in invoice.lines.all()] == [
        (D(1000), D(1000), D(10)),
        (D(-150), D(-150), D(10)),
    ]
    assert gross(invoice) == D("935.00")
    assert world.left(intervention) == [D(0), D(0)]
    assert refused_bill(world, intervention) == f"{intervention} : tout est déjà facturé. Voyez ses factures."


def test_deleted_draft_and_credit_give_the_deduction_back_to_bill(world: World) -> None:
    intervention = di(world)
    delete_drafts([invoice_intervention(intervention, on=world.today, by=world.biller)], by=world.biller)
    assert world.left(intervention) == [D(1), D(1)]

    invoice = world.draft(intervention=intervention)
    invoice = post_invoice(invoice, on=world.today, by=world.accountant)
    credit_invoice(invoice, on=world.today, by=world.accountant, rebill=True)

    assert world.left(intervention) == [D(1), D(1)]
    assert gross(world.draft(intervention=intervention)) == D("935.00")


def test_quote_of_a_di_takes_its_deduction_and_bills_it_once(world: World) -> None:
    intervention = di(world)
    quote = quote_intervention(intervention, on=world.today, by=world.biller)
    assert [line.unit_price for line in quote.lines.all()] == [D(1000), D(-150)]
    assert quote.totals.gross == D("935.00")
    assert world.left(intervention) == [D(0), D(0)]

    invoice = invoice_quote(accept_quote(quote, on=world.today, by=world.biller), on=world.today, by=world.biller)

    assert gross(invoice) == D("935.00")
    assert world.left(intervention) == [D(0), D(0)]
    assert refused_bill(world, intervention) == f"{intervention} : tout est déjà facturé. Voyez ses factures."


def test_refused_quote_leaves_the_deduction_to_its_di(world: World) -> None:
    intervention = di(world)
    refuse_quote(quote_intervention(intervention, on=world.today, by=world.biller), by=world.biller)

    assert gross(world.draft(intervention=intervention)) == D("935.00")


def test_payer_of_the_di_is_billed_the_deduction(world: World) -> None:
    payer = PartnerFactory(name="Syndic Armor")
    intervention = world.intervention(item(price="1000"), item(code="remise", price="-150"), bill_to=payer)

    invoice = world.draft(intervention=intervention)

    assert (invoice.customer, gross(invoice)) == (payer, D("896.75"))


def test_dis_of_one_payer_share_a_draft_with_both_deductions(world: World) -> None:
    outcomes = invoice_interventions(
        [di(world), di(world), di(world, price="150")], on=world.today, by=world.biller, group_by_customer=True
    )

    (made,) = {outcome.made for outcome in outcomes}
    assert gross(made) == D("1870.00")


@pytest.mark.parametrize("door", ["form", "api", "service"])
def test_total_below_zero_is_refused_when_the_di_is_saved(world: World, door: str) -> None:
    intervention = di(world)
    line = intervention.lines.get(product__code="ram_pose")

    with nothing_changed():
        if door == "form":
            said = refusal(world.office(PLANNER).save(intervention, lines__0__unit_price="100"))
        elif door == "api":
            body = {"lines": [{"id": line.pk, "unit_price": "100"}]}
            said = refused(Api(world.planner).patch(f"interventions/{intervention.pk}/", body))
        else:
            with pytest.raises(BusinessError) as refusal_of_service:
                edit(world, intervention, "ram_pose", unit_price=D(100))
            said = str(refusal_of_service.value)

    assert NEGATIVE % (intervention, "-55,00 €") in said.replace("\xa0", " ")


def test_new_di_below_zero_is_refused(world: World) -> None:
    values = {"company": world.company, "partner": world.customer, "task": world.task, "from_on": world.today}
    lines = [item(price="100"), item(code="remise", price="-150")]

    with nothing_changed(), pytest.raises(BusinessError) as made:
        create_intervention(items=lines, on=world.today, by=world.planner, **values)
    edits = [LineEdit(values={"product": line.product, "unit_price": line.unit_price}) for line in lines]
    with nothing_changed(), pytest.raises(BusinessError) as saved:
        save_intervention(None, values, edits=edits, on=world.today, by=world.planner)

    assert [str(made.value), str(saved.value)] == [NEGATIVE % ("Cette DI", "-60,00 €")] * 2
    assert made.value.step is None


def test_new_position_that_parts_the_deduction_from_its_lines_is_refused(world: World) -> None:
    """A deduction without article keeps its 10 %; the line follows the new position."""
    intervention = world.intervention(item(price="1000"), code="VEN-10")
    add = LineEdit(values={"label": "Remise", "unit_price": D(-150), "tax": intervention.lines.get().tax})
    save_intervention(intervention.pk, {}, edits=[add], on=world.today, by=world.planner)

    with nothing_changed(), pytest.raises(BusinessError) as said:
        save_intervention(intervention.pk, {"fiscal_position": position("VEN-20")}, on=world.today, by=world.planner)

    assert str(said.value) == (
        f"{intervention} : la remise fixe (« Remise ») porte 10 % de TVA et dépasse de 150,00 € HT les lignes à ce taux. "
        "Donnez-lui la TVA des lignes qu'elle réduit, ou faites une ligne de remise pour chaque taux."
    )


def test_covered_lines_bear_no_deduction(world: World) -> None:
    intervention = di(world)
    intervention.lines.filter(product__code="ram_pose").update(covered=True)

    assert "le total serait de -165,00 € TTC" in refused_bill(world, intervention)
    with pytest.raises(BusinessError) as said:
        edit(world, intervention, "remise", label="Remise de bienvenue")
    assert "le total serait de -165,00 € TTC" in str(said.value)


def test_deduction_above_what_is_left_waits_for_the_lines_it_reduces(world: World) -> None:
    """The line is billed without it (deleted from the draft): alone it is refused, with a new line it is billed."""
    intervention = di(world)
    first = world.draft(intervention=intervention)
    line = first.lines.get(product__code="remise")
    world.office().save(first, lines__1__DELETE="on")
    assert not first.lines.filter(pk=line.pk).exists()
    assert world.left(intervention) == [D(0), D(1)]

    assert refused_bill(world, intervention) == NEGATIVE % (
        f"{intervention}, pour ce qui reste à facturer",
        "-165,00 €",
    )
    add = LineEdit(values={"product": Product.objects.get(code="ram_pose"), "unit_price": D(400), "position": 3})
    save_intervention(intervention.pk, {}, edits=[add], on=world.today, by=world.planner)

    assert gross(world.draft(intervention=intervention)) == D("275.00")
    assert world.left(intervention) == [D(0), D(0), D(0)]


def test_billed_deduction_keeps_its_price(world: World) -> None:
    intervention = di(world)
    world.draft(intervention=intervention)

    with nothing_changed(), pytest.raises(BusinessError) as said:
        edit(world, intervention, "remise", unit_price=D(-100))

    assert str(said.value) == (
        "« [remise] Remise » est facturée, au moins en partie : article, prix, remise et TVA n'y changent plus. "
        "Ajoutez une autre ligne."
    )


def test_deduction_and_price_with_tax_are_typed_on_the_page(world: World) -> None:
    intervention = world.intervention(code="VEN-10")
    office = world.office(PLANNER)
    fields = {**office.open(intervention), "lines-0-unit_price": "1 100 € TTC"}
    fields = new_line(fields, product=Product.objects.get(code="remise").pk, unit_price="-165 ttc")

    assert office.send(intervention, fields).status_code == 302

    assert [line.unit_price for line in intervention.lines.all()] == [D(1000), D(-150)]
    assert InterventionRequest.objects.get(pk=intervention.pk).totals.gross == D("935.00")
    changed = HistoryLine.objects.filter(act="edited").latest("pk").changes["lines"][0]["changes"]
    assert changed["unit_price"] == ["175,00", "1\xa0000,00"]
    assert "-150,00" in office.open(intervention)["lines-1-unit_price"]


def test_api_makes_a_di_with_a_deduction_and_reads_what_is_left(world: World) -> None:
    remise = Product.objects.get(code="remise")
    body = {
        "partner": world.customer.pk,
        "task": world.task.pk,
        "from_on": "2026-11-24",
        "fiscal_position": position("VEN-10").pk,
        "lines": [
            {"product": Product.objects.get(code="ram_pose").pk, "unit_price": "1000"},
            {"product": remise.pk, "unit_price": "-150"},
        ],
    }
    made = Api(world.planner).made("interventions/", body)
    with_discount = {**body, "lines": [body["lines"][0], {"product": remise.pk, "unit_price": "-150", "discount": "5"}]}

    assert (made["net"], made["gross"]) == ("850.00", "935.00")
    assert [(line["net"], line["left_to_bill"]) for line in made["lines"]] == [
        ("1000.00", "1.000"),
        ("-150.00", "1.000"),
    ]
    assert refused(Api(world.planner).post("interventions/", with_discount)) == (
        "« [remise] Remise » : une remise fixe (prix négatif) n'a pas de remise en %. Laissez « Remise % » à 0."
    )


def test_state_of_a_deduction_says_whether_it_is_billed(world: World) -> None:
    intervention = di(world)
    office = world.office()
    page = f"/admin/interventions/interventionrequest/{intervention.pk}/change/"
    assert [state for state, _links in line_states(office.get(page))] == ["à facturer", "à facturer"]
    assert list(InterventionRequest.objects.to_bill(world.today)) == [intervention]

    world.draft(intervention=intervention)

    assert [state for state, _links in line_states(office.get(page))] == ["facturée", "facturée"]
    assert list(InterventionRequest.objects.to_bill(world.today)) == []


def test_copy_of_a_di_has_its_deduction(world: World) -> None:
    copy = duplicate_intervention(di(world), on=world.today, by=world.planner)

    assert [line.unit_price for line in copy.lines.all()] == [D(1000), D(-150)]


def test_deduction_is_not_ordered_from_a_supplier(world: World) -> None:
    supplier = PartnerFactory(name="Poêles de l'Ouest")
    Product.objects.update(supplier=supplier)

    (order,) = order_supplies(di(world), on=world.today, by=world.planner).orders

    assert [line.product.code for line in order.lines.all() if line.product] == ["ram_pose"]
