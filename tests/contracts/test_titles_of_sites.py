"""« Several sites of one contract have a title (site, equipment) above their lines. »"""

from decimal import Decimal

import pytest

from contracts.models import Contract, PeriodClaim
from contracts.services.activation import activate_contract
from contracts.services.lines import save_line
from invoicing.models import Invoice
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from tests.contracts.contract_builders import article, bill, day, make_contract
from tests.factories import AddressFactory, InstalledProductFactory, World

pytestmark = pytest.mark.django_db


def two_sites(world: World, **terms: object) -> Contract:
    """A contract of two articles at home and one for a stove elsewhere."""
    contract = make_contract(world, "01/01/26", article("120.00"), article("60.00"), is_active=False, **terms)
    site = AddressFactory(partner=world.customer, label="Gîte", street="4 rue du Four", zip="35000", city="Rennes")
    stove = InstalledProductFactory(partner=world.customer, address=site, name="Poêle Invicta", serial_number="")
    save_line(
        None,
        {"contract": contract, "address": site, "equipment": stove},
        articles=[article("240.00")],
        on=day("01/01/26"),
        by=world.manager,
    )
    return contract


def lines_of(invoice: Invoice) -> list[tuple[str, str, Decimal]]:
    return [
        (line.kind, line.label if line.kind == "section" else line.label[:23], line.net) for line in invoice.lines.all()
    ]


def activate(world: World, contract: Contract) -> None:
    activate_contract(contract, on=day("01/01/26"), by=world.manager)


def test_each_site_has_its_title_above_its_lines(world: World) -> None:
    contract = two_sites(world)
    activate(world, contract)

    bill(world, contract, on="02/01/26")

    (invoice,) = Invoice.objects.all()
    home = str(world.customer.default_address())
    stove = contract.lines.order_by("pk").last().equipment
    assert lines_of(invoice) == [
        ("section", home, Decimal(0)),
        ("article", "[ram_pose] Forfait Pose", Decimal(10)),
        ("article", "[ram_pose] Forfait Pose", Decimal(5)),
        ("section", f"Gîte, 4 rue du Four, 35000 Rennes – {stove}", Decimal(0)),
        ("article", "[ram_pose] Forfait Pose", Decimal(20)),
    ]
    assert invoice.site is None
    assert invoice.net.amount == Decimal(35)


def test_periods_of_one_site_follow_each_other_and_each_claim_is_of_its_line(world: World) -> None:
    contract = two_sites(world, late_billing="one_invoice")
    activate(world, contract)

    bill(world, contract, on="02/03/26")

    (invoice,) = Invoice.objects.all()
    assert [(kind, net) for kind, _label, net in lines_of(invoice)] == [
        ("section", Decimal(0)),
        *[("article", Decimal(amount)) for amount in (10, 5, 10, 5, 10, 5)],
        ("section", Decimal(0)),
        *[("article", Decimal(20))] * 3,
    ]
    claims = PeriodClaim.objects.select_related("article", "invoice_line")
    assert len(claims) == 9
    for claim in claims:
        assert claim.net == claim.invoice_line.net
        assert claim.article.unit_price / 12 == claim.invoice_line.net
        assert claim.invoice_line.period_start == claim.start
    bill(world, contract, on="02/03/26")
    assert Invoice.objects.count() == 1


def test_one_site_has_no_title(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("120.00"), article("60.00"))

    bill(world, contract, on="02/01/26")

    assert [kind for kind, _label, _net in lines_of(Invoice.objects.get())] == ["article", "article"]


def test_it_is_posted_printed_and_credited(world: World) -> None:
    contract = two_sites(world)
    activate(world, contract)
    bill(world, contract, on="02/01/26")

    posted = post_invoice(Invoice.objects.get(), on=world.today, by=world.accountant)
    note = credit_invoice(posted, on=world.today, rebill=True, by=world.accountant)

    assert (posted.gross.amount, note.gross.amount) == (Decimal("36.92"), Decimal("36.92"))
