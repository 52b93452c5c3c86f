"""A foreign buyer: his country on the paper and in what is frozen, his VAT number, exemptions of goods refused on services."""

from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from interventions.services.billing import invoice_intervention, quote_intervention
from invoicing.choices import PartnerKind, ProductKind
from invoicing.models import Address, Invoice, InvoiceLine, Partner, Product
from invoicing.paper.pdf import invoice_pdf, order_context, quote_context
from invoicing.services.documents.lines import Item
from invoicing.services.documents.purchases import draft_order
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import PLANNER
from tests.factories import AddressFactory, PartnerFactory, World, item, nothing_changed, position, tax
from tests.factories.api import Api
from tests.factories.pages import address, errors_of, fields_of, typed

BELGIAN = {"street": "12 rue Haute", "zip": "1000", "city": "Bruxelles", "country": "BE"}


@pytest.fixture
def buyer(world: World) -> Partner:
    """A Belgian firm."""
    made = PartnerFactory(name="Poêles du Brabant", kind=PartnerKind.EU, vat_number="BE0477472701", address=False)
    AddressFactory(partner=made, is_default=True, **BELGIAN)
    return made


def sentence(act: Any) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as refused:
        act()
    return str(refused.value)


def test_country_is_on_the_paper_and_frozen(world: World, buyer: Partner) -> None:
    posted = world.posted(partner=buyer)

    lines = ["12 rue Haute", "1000 Bruxelles", "BELGIQUE"]
    assert (posted.buyer["country"], posted.buyer["lines"]) == ("BE", lines)
    assert posted.delivery == {"country": "BE", "lines": lines}
    Address.objects.filter(partner=buyer).update(country="LU")
    text = PdfReader(BytesIO(invoice_pdf(Invoice.objects.get(pk=posted.pk)))).pages[0].extract_text()
    assert ("BELGIQUE" in text, "LUXEMBOURG" in text) == (True, False)


def test_country_of_the_seller_is_left_out(world: World) -> None:
    posted = world.posted()
    assert posted.buyer["country"] == "FR"
    assert "FRANCE" not in posted.buyer["lines"]


def test_quotes_and_orders_name_the_country_too(world: World, buyer: Partner) -> None:
    context: dict[str, Any] = quote_context(world.quote(partner=buyer))
    assert (context["buyer"]["lines"][-1], context["site"][-1]) == ("BELGIQUE", "BELGIQUE")
    order = draft_order(
        company=world.company, supplier=buyer, items=[Item(label="Poêle", tax=tax())], on=world.today, by=None
    ).order
    bought: dict[str, Any] = order_context(order)
    assert bought["buyer"]["lines"][-1] == "BELGIQUE"


def test_european_firm_without_vat_number_is_not_billed(world: World, buyer: Partner) -> None:
    Partner.objects.filter(pk=buyer.pk).update(vat_number="")
    draft = world.draft(partner=buyer)
    assert sentence(lambda: post_invoice(draft, on=world.today, by=world.accountant)) == (
        f"{draft} : « Poêles du Brabant » est une entreprise de l'Union européenne sans n° de TVA. Complétez sa fiche."
    )


def test_credit_note_to_a_european_firm_whose_vat_number_is_gone_is_posted(world: World, buyer: Partner) -> None:
    posted = world.posted(partner=buyer)
    Partner.objects.filter(pk=buyer.pk).update(vat_number="")

    made = credit_invoice(posted, on=world.today, by=world.accountant, rebill=False)

    assert (made.state, made.kind, made.net.amount) == ("posted", "credit_note", posted.net.amount)


# Exemptions of goods


def refusal_of(name: object, category: str) -> str:
    return (
        f"{name} : la taxe « {category} » exonère des biens, et « [ram_pose] Forfait Pose » est une prestation. "
        "Choisissez-en une autre, par exemple une autoliquidation."
    )


def exempted(kind: str) -> Item:
    """A line exempted as goods, of an article of that kind."""
    Product.objects.filter(code="ram_pose").update(kind=kind)
    return item(tax=tax("Livraison intracommunautaire"), tax_is_manual=True)


def test_service_exempted_as_goods_is_refused_by_every_road(world: World) -> None:
    name = "Livraison intracommunautaire"
    intervention = world.intervention(exempted(ProductKind.SERVICE))
    for bill in (invoice_intervention, quote_intervention):
        said = sentence(lambda bill=bill: bill(intervention, on=world.today, by=world.biller))  # type: ignore[misc]
        assert said == refusal_of(intervention, name)
    draft = world.draft()
    InvoiceLine.objects.filter(invoice=draft).update(tax=tax("Exportation hors UE"))
    line = draft.lines.get()
    said = sentence(lambda: post_invoice(draft, on=world.today, by=world.accountant))
    assert said == refusal_of(draft, str(tax("Exportation hors UE"))).replace("[ram_pose] Forfait Pose", str(line))


def test_position_that_exempts_a_service_is_named_and_linked(world: World) -> None:
    """The position of a base made before, which gave works the exemption of goods."""
    intra = position("VEN-INTRACOM")
    intra.mappings.update(target=tax("Livraison intracommunautaire"))
    draft = world.draft()
    Invoice.objects.filter(pk=draft.pk).update(fiscal_position=intra)
    InvoiceLine.objects.filter(invoice=draft).update(tax=tax("Livraison intracommunautaire"))
    intervention = world.intervention(code="VEN-INTRACOM")
    attempts = (
        (draft, str(draft.lines.get()), lambda: post_invoice(draft, on=world.today, by=world.accountant)),
        (intervention, "[ram_pose] Forfait Pose", lambda: invoice_intervention(intervention, on=world.today, by=None)),
        (intervention, "[ram_pose] Forfait Pose", lambda: quote_intervention(intervention, on=world.today, by=None)),
    )
    for document, line, act in attempts:
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            act()
        assert (str(refused.value), refused.value.documents) == (
            f"{document} : la taxe « Livraison intracommunautaire » exonère des biens, et « {line} » est une "
            "prestation. La position fiscale « VEN-INTRACOM » la lui donne : choisissez-y une autre taxe, par exemple "
            "une autoliquidation.",
            (intra,),
        )


def test_goods_are_exempted(world: World) -> None:
    posted = world.posted(exempted(ProductKind.GOODS))
    assert (posted.net.amount, posted.tax.amount) == (Decimal(175), Decimal(0))


def test_credit_note_keeps_the_exemption_of_the_invoice(world: World) -> None:
    posted = world.posted(exempted(ProductKind.GOODS))
    Product.objects.filter(code="ram_pose").update(kind=ProductKind.SERVICE)
    note = credit_invoice(posted, on=world.today, by=world.accountant, rebill=False)
    assert note.gross.amount == posted.gross.amount


def test_works_for_a_european_firm_are_reverse_charged(world: World, buyer: Partner) -> None:
    posted = world.posted(item(), partner=buyer, code="VEN-INTRACOM")
    (line,) = posted.lines.all()
    assert (line.tax_category, line.exemption) == ("AE", "Autoliquidation, art. 283-2 du CGI.")
    assert position("VEN-INTRACOM").mappings.count() == 2


# The country of an address


def test_country_is_chosen_in_a_list_with_france_first(world: World) -> None:
    office = world.office(PLANNER)
    page = office.get(address(world.customer))
    (inline,) = [i for i in page.context["inline_admin_formsets"] if i.formset.prefix == "addresses"]
    choices = inline.formset.forms[0].fields["country"].choices
    assert choices[:4] == [("", "–"), ("FR", "France"), ("AF", "Afghanistan"), ("ZA", "Afrique du Sud")]

    office.send(world.customer, typed(office.open(world.customer), addresses__0__country="BE"))
    stored = world.customer.addresses.first()
    assert stored is not None
    assert stored.country == "BE"
    wrong = office.send(world.customer, {**fields_of(office.get(address(world.customer))), "addresses-0-country": "XX"})
    assert list(errors_of(wrong)) == ["addresses-0-country"]


def test_api_refuses_an_unknown_country(world: World) -> None:
    stored = world.customer.addresses.first()
    assert stored is not None
    api = Api(world.planner)
    wrong = api.patch(f"addresses/{stored.pk}/", {"country": "XX"})
    assert (wrong.status_code, wrong.json()["fields"]) == (
        400,
        {"country": ["« XX » n'est pas un pays : donnez son code de deux lettres (FR, BE, CH)."]},
    )
    assert api.patch(f"addresses/{stored.pk}/", {"country": "be"}).json()["country"] == "BE"
