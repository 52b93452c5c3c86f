"""From a DI to purchase orders, to the supplier's bill, checked and paid."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from djmoney.money import Money

from contracts.services.visits import plan_visits
from interventions.models import InterventionRequest
from interventions.services.purchases import order_supplies
from interventions.services.requests import add_items
from invoicing.models import HistoryLine, Partner, PartnerTerms, PaymentTerm, Product, PurchaseOrder, SupplierBill
from invoicing.services.documents.lines import Item, LineEdit
from invoicing.services.documents.purchases import (
    bill_order,
    cancel_bill,
    check_bill,
    delete_orders,
    draft_order,
    edit_bill,
    edit_order,
    move_order,
    record_bill,
    reopen_bill,
)
from invoicing.services.parties.duplicates import merge_partners
from invoicing.services.settlement.supplier_payments import pay_supplier
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT, BILLING, PLANNER
from tests.contracts.contract_builders import make_contract
from tests.factories import CompanyFactory, PartnerFactory, ProductFactory, World, item, nothing_changed, tax
from tests.factories.pages import address, refusal

D = Decimal


@pytest.fixture
def supplier(world: World) -> Partner:
    return PartnerFactory(name="Fonderie Fictive")


@pytest.fixture
def intervention(world: World, supplier: Partner) -> InterventionRequest:
    """A stove from the supplier, a joint from nobody, a service of ours."""
    ProductFactory(code="poele", name="Poêle", kind="goods", supplier=supplier, purchase_price=D("2100.00"))
    ProductFactory(code="joint", name="Joint", kind="goods", unit_price=D(12))
    return world.intervention(item(2, code="poele"), item(1, code="joint"), item(1))


def order(world: World, intervention: InterventionRequest) -> PurchaseOrder:
    return order_supplies(intervention, on=world.today, by=world.planner).orders[0]


def refused(act: object) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as said:
        act()  # type: ignore[operator]
    return str(said.value)


def test_order_at_purchase_price_and_skipped_lines_named(world: World, intervention: InterventionRequest) -> None:
    made = order_supplies(intervention, on=world.today, by=world.planner)
    (bought,) = made.orders
    assert (bought.number, bought.supplier.name, bought.origin) == ("CF/000001", "Fonderie Fictive", "DI/000001")
    assert [(line.quantity, line.unit_price) for line in bought.lines.all()] == [(D(2), D(2100))]
    assert made.note == (
        "« [joint] Joint » : pas de fournisseur (fiche de l'article, ou prestataire de la DI). "
        "« [ram_pose] Forfait Pose » : pas de fournisseur (fiche de l'article, ou prestataire de la DI)."
    )


def test_subcontractor_gets_the_services(world: World, intervention: InterventionRequest) -> None:
    intervention.subcontractor = PartnerFactory(name="Poseur Exemple")
    intervention.save()
    made = order_supplies(intervention, on=world.today, by=world.planner)
    assert {o.supplier.name: [line.product.code for line in o.lines.all()] for o in made.orders} == {
        "Fonderie Fictive": ["poele"],
        "Poseur Exemple": ["ram_pose"],
    }
    assert made.note == ("« [joint] Joint » : pas de fournisseur (fiche de l'article, ou prestataire de la DI).")


def test_ordered_once_until_the_order_is_cancelled(world: World, intervention: InterventionRequest) -> None:
    first = order(world, intervention)
    message = refused(lambda: order(world, intervention))
    assert message.startswith("DI/000001 : rien à commander. « [poele] Poêle » : déjà commandé.")
    move_order(first, to="cancelled", by=world.planner)
    assert order(world, intervention).number == "CF/000002"


def test_own_company_is_not_ordered_from(world: World, intervention: InterventionRequest) -> None:
    world.company.siren = "999123458"
    world.company.save()
    Partner.objects.filter(name="Fonderie Fictive").update(siren="999123458")
    assert "« [poele] Poêle » : notre propre société." in refused(lambda: order(world, intervention))


def test_draft_intervention_refused(world: World) -> None:
    draft = world.intervention(is_validated=False)
    assert "validez-la avant de commander" in refused(lambda: order(world, draft))


def test_order_to_bill_to_paid(world: World, intervention: InterventionRequest) -> None:
    bought = order(world, intervention)
    for state in ("sent", "confirmed", "received"):
        bought = move_order(bought, to=state, by=world.planner)
    bill = bill_order(bought, number="F-77", on=world.today, by=world.accountant)
    assert (bill.net.amount, bill.tax.amount, bill.gross.amount) == (D("4200.00"), D("840.00"), D("5040.00"))
    assert "n'est pas bonne à payer" in refused(
        lambda: pay_supplier(bill, amount=D(1), on=world.today, kind="transfer", by=world.accountant)
    )
    check_bill(bill, by=world.accountant)
    bought.refresh_from_db()
    assert bought.state == "billed"
    pay_supplier(bill, amount=D("5000"), on=world.today, kind="transfer", by=world.accountant)
    assert SupplierBill.objects.with_residual().get().residual == D("40.00")
    assert "il reste 40,00 € à payer" in refused(
        lambda: pay_supplier(bill, amount=D("40.01"), on=world.today, kind="transfer", by=world.accountant)
    )
    assert "ne se reprend plus" in refused(lambda: cancel_bill(bill, by=world.accountant))


def test_order_for_nothing_is_billed_for_nothing_once(world: World, intervention: InterventionRequest) -> None:
    bought = order(world, intervention)
    bought.lines.update(unit_price=0)
    move_order(bought, to="sent", by=world.planner)

    bill = bill_order(bought, number="F-78", on=world.today, by=world.accountant)

    assert (bill.net.amount, bill.tax.amount, bill.gross.amount) == (D("0.00"), D("0.00"), D("0.00"))
    assert "déjà entièrement facturée" in refused(
        lambda: bill_order(bought, number="F-79", on=world.today, by=world.accountant)
    )
    check_bill(bill, by=world.accountant)
    bought.refresh_from_db()
    assert bought.state == "billed"
    assert SupplierBill.objects.with_residual().get().residual == 0


def test_difference_with_the_order_is_written_and_a_reopened_bill_reopens_it(
    world: World, intervention: InterventionRequest, supplier: Partner
) -> None:
    bought = move_order(order(world, intervention), to="sent", by=world.planner)
    values = {"company": world.company, "supplier": supplier, "on": world.today, "by": world.accountant}
    bill = record_bill(number="F-1", net=D("4300"), tax=D("860"), order=bought, **values)
    check_bill(bill, by=world.accountant)
    page = world.office(ACCOUNTANT).get(address(bill)).content.decode()
    assert "écart de 120,00 € avec CF/000001" in page
    reopen_bill(bill, by=world.accountant)
    bought.refresh_from_db()
    assert bought.state == "sent"  # nothing of it was received


def test_same_bill_twice_refused(world: World, supplier: Partner) -> None:
    values = {
        "company": world.company,
        "supplier": supplier,
        "number": "F-1",
        "on": world.today,
        "by": world.accountant,
    }
    record_bill(net=D(10), tax=D(2), **values)
    assert refused(lambda: record_bill(net=D(10), tax=D(2), **values)) == (
        "La facture F-1 de « Fonderie Fictive » est déjà enregistrée."
    )


def test_bill_of_another_supplier_s_order_refused(world: World, intervention: InterventionRequest) -> None:
    bought = move_order(order(world, intervention), to="sent", by=world.planner)
    other = PartnerFactory(name="Autre")
    values = {"company": world.company, "supplier": other, "number": "F-1", "on": world.today, "by": world.accountant}
    assert "choisissez une commande de ce fournisseur" in refused(
        lambda: record_bill(net=D(10), tax=D(2), order=bought, **values)
    )


@pytest.mark.parametrize(("net", "tax"), [("-1", "0"), ("1.001", "0"), ("1", "-0.5")])
def test_bad_amounts_refused(world: World, supplier: Partner, net: str, tax: str) -> None:
    values = {"company": world.company, "supplier": supplier, "number": "F", "on": world.today, "by": world.accountant}
    assert "positifs, au centime" in refused(lambda: record_bill(net=D(net), tax=D(tax), **values))


def test_bill_due_before_its_day_says_what_to_do_by_every_door(world: World, supplier: Partner) -> None:
    told = "L'échéance précède la date de la facture : corrigez l'une des deux dates."
    values = {"company": world.company, "supplier": supplier, "number": "F", "on": world.today, "by": world.accountant}
    amounts = {"net": D(10), "tax": D(2)}
    yesterday = world.today - timedelta(days=1)
    assert refused(lambda: record_bill(due_on=yesterday, **amounts, **values)) == told

    bill = record_bill(**amounts, **values)
    bill.due_on = yesterday
    with pytest.raises(ValidationError) as form:
        bill.validate_constraints()
    assert form.value.messages == [told]


def test_order_with_a_bill_is_neither_cancelled_nor_deleted(world: World, intervention: InterventionRequest) -> None:
    bought = move_order(order(world, intervention), to="sent", by=world.planner)
    bill_order(bought, number="F", on=world.today, by=world.accountant)
    assert "annulez-la d'abord" in refused(lambda: move_order(bought, to="cancelled", by=world.planner))
    assert "seule une commande en brouillon ou annulée" in refused(lambda: delete_orders([bought], by=world.planner))


def test_pages_from_intervention_to_bill(world: World, intervention: InterventionRequest) -> None:
    planner, biller = world.office(PLANNER), world.office(BILLING)
    assert planner.act(intervention, "purchase").status_code == 302
    bought = PurchaseOrder.objects.get()
    planner.act(bought, "send")
    biller.act(bought, "bill", number="F-9")
    counts = {str(b["label"]): b.get("count") for b in biller.get(address(intervention)).context["office_buttons"]}
    assert (counts["Achats"], counts["Factures fourn."]) == (1, 1)
    seen = [str(b["label"]) for b in planner.get(address(intervention)).context["office_buttons"]]
    assert "Achats" in seen
    assert "Factures fourn." not in seen  # a planner does not see bills


def test_contract_counts_what_its_visits_bought(world: World, supplier: Partner) -> None:
    ProductFactory(code="joint", name="Joint", kind="goods", supplier=supplier, purchase_price=D(4))
    contract = make_contract(world, visits=(1, (11,)))
    (planned,) = plan_visits([contract], until=date(2026, 11, 30), on=world.today, by=world.manager)
    add_items(planned.made, [item(1, code="joint")], on=world.today)
    bought = move_order(order(world, planned.made), to="sent", by=world.planner)
    bill_order(bought, number="F-9", on=world.today, by=world.accountant)
    buttons = world.office(BILLING).get(address(contract)).context["office_buttons"]
    counts = {str(button["label"]): button.get("count") for button in buttons}
    assert (counts["Commandes fourn."], counts["Factures fourn."]) == (1, 1)


def test_pages_write_an_order_and_a_bill_by_hand(world: World, supplier: Partner) -> None:
    office = world.office(ACCOUNTANT)
    answer = office.save(SupplierBill, supplier=supplier, number="F-3", net="100,00", tax="20,00")
    assert answer.status_code == 302
    bill = SupplierBill.objects.get()
    assert bill.gross.amount == D("120.00")
    office.save(bill, net="110,00")
    bill.refresh_from_db()
    assert bill.gross.amount == D("130.00")
    again = office.save(SupplierBill, supplier=supplier, number="F-3", net="1,00", tax="0,00")
    assert "est déjà enregistrée" in refusal(again)


def test_article_price_by_default_is_the_purchase_price(world: World, supplier: Partner) -> None:
    ProductFactory(code="poele", purchase_price=D("2100.00"))
    pk = Product.objects.get(code="poele").pk
    answer = world.office(PLANNER).get(f"/admin/invoicing/purchaseorder/line-defaults/?product={pk}").json()
    assert answer[str(pk)]["unit_price"] == "2\xa0100,00"


# Orders


def test_order_is_edited_while_it_is_a_draft(world: World, intervention: InterventionRequest) -> None:
    bought = order(world, intervention)
    line = bought.lines.get()
    version = bought.version

    def edit(*edits: LineEdit, **values: object) -> PurchaseOrder:
        return edit_order(bought, edits=edits, values=values, by=world.planner)

    joint = Product.objects.get(code="joint")
    edit(LineEdit(pk=line.pk, values={"quantity": D(3)}), LineEdit(values={"product": joint, "quantity": D(4)}))
    edit(notes="Au dépôt")
    edit(LineEdit(pk=line.pk, delete=True))

    bought.refresh_from_db()
    assert (bought.notes, bought.version) == ("Au dépôt", version + 3)
    assert [(row.product, row.quantity) for row in bought.lines.all()] == [(joint, D(4))]
    assert [(one.act, one.changes) for one in HistoryLine.objects.of(bought)[:3]] == [
        ("edited", {"lines": [{"id": line.pk, "line": "[poele] Poêle", "act": "removed", "changes": {}}]}),
        ("changed", {"notes": ["–", "Au dépôt"]}),
        (
            "edited",
            {
                "lines": [
                    {"id": line.pk, "line": "[poele] Poêle", "act": "changed", "changes": {"quantity": ["2", "3"]}},
                    {"id": bought.lines.get().pk, "line": "[joint] Joint", "act": "added", "changes": {}},
                ]
            },
        ),
    ]
    assert refused(lambda: edit(LineEdit(pk=line.pk, values={"quantity": D(1)}))) == (
        "Une ligne modifiée n'est plus sur cette commande. Rechargez la page."
    )
    move_order(bought, to="sent", by=world.planner)
    assert refused(edit) == "CF/000001 est à l'état « Envoyée » : remettez-la en brouillon pour la modifier."


def test_order_without_an_article_is_neither_made_nor_sent(
    world: World, intervention: InterventionRequest, supplier: Partner
) -> None:
    title = Item(kind="section", label="Fumisterie", quantity=D(0))
    values = {"company": world.company, "supplier": supplier, "on": world.today, "by": world.planner}
    assert refused(lambda: draft_order(items=[title], **values)) == (
        "Commande à « Fonderie Fictive » : aucune ligne d'article. Ajoutez-en une."
    )
    made = draft_order(items=[title, item(2, tax=tax())], origin="DI/000009", **values)
    assert [(row.kind, row.position) for row in made.lines] == [("section", 1), ("article", 2)]
    assert HistoryLine.objects.of(made.order)[0].text == "Commande créée depuis DI/000009"
    made.order.lines.all().delete()
    assert refused(lambda: move_order(made.order, to="sent", by=world.planner)) == (
        f"{made.order} : aucune ligne. Ajoutez-en une avant d'envoyer la commande."
    )


def test_orders_without_a_bill_are_deleted_and_the_others_kept(world: World, intervention: InterventionRequest) -> None:
    cancelled = move_order(order(world, intervention), to="cancelled", by=world.planner)
    draft = order(world, intervention)
    assert delete_orders([cancelled, draft], by=world.planner) == 2

    kept = move_order(order(world, intervention), to="sent", by=world.planner)
    cancel_bill(bill_order(kept, number="F", on=world.today, by=world.accountant), by=world.accountant)
    kept = move_order(kept, to="cancelled", by=world.planner)
    assert refused(lambda: delete_orders([kept], by=world.planner)) == (
        "Cette commande a une facture fournisseur : elle se garde."
    )


# Bills


def test_order_is_billed_in_parts_until_nothing_is_left(world: World, intervention: InterventionRequest) -> None:
    bought = order(world, intervention)
    assert refused(lambda: bill_order(bought, number="F", on=world.today, by=world.accountant)) == (
        "CF/000001 est à l'état « Brouillon » : envoyez-la avant d'enregistrer sa facture."
    )
    move_order(bought, to="sent", by=world.planner)

    first = bill_order(bought, number="F-1", on=world.today, by=world.accountant)
    edit_bill(first, values={"net": Money(4000, "EUR"), "tax": Money(800, "EUR")}, by=world.accountant)
    check_bill(first, by=world.accountant)
    bought.refresh_from_db()
    states = [bought.state]
    second = bill_order(bought, number="F-2", on=world.today, by=world.accountant)
    check_bill(second, by=world.accountant)
    bought.refresh_from_db()
    states.append(bought.state)

    first.refresh_from_db()
    assert (first.gross.amount, second.net.amount, second.tax.amount) == (D(4800), D(200), D(40))
    assert states == ["sent", "billed"]
    assert [HistoryLine.objects.of(one)[0].text for one in (first, second)] == [
        "Facture vérifiée, bonne à payer ; écart de -240,00 € avec CF/000001",
        "Facture vérifiée, bonne à payer",
    ]
    assert move_order(bought, to="received", by=world.planner).state == "billed"
    assert refused(lambda: move_order(bought, to="received", by=world.planner)).endswith(
        "seule une commande envoyée se reçoit."
    )
    assert refused(lambda: edit_bill(first, values={}, by=world.accountant)) == (
        f"{first} est déjà vérifiée : remettez-la à vérifier pour la modifier."
    )
    assert refused(lambda: bill_order(bought, number="F-3", on=world.today, by=world.accountant)) == (
        "CF/000001 est déjà entièrement facturée : voyez ses factures."
    )


def test_bill_falls_due_by_the_terms_of_its_supplier(world: World, supplier: Partner) -> None:
    values = {"company": world.company, "supplier": supplier, "on": world.today, "by": world.accountant}
    free = record_bill(number=" F-1 ", net=D(0), tax=D(0), **values)
    PartnerTerms.objects.create(partner=supplier, payment_term=PaymentTerm.objects.get(name="30 jours"))
    usual = record_bill(number="F-2", net=D(10), tax=D(2), **values)
    own = record_bill(number="F-3", net=D(10), tax=D(2), due_on=date(2026, 11, 30), **values)

    assert free.number == "F-1"
    assert [bill.due_on for bill in (free, usual, own)] == [world.today, date(2026, 12, 24), date(2026, 11, 30)]


def test_bill_of_another_company_s_order_or_of_a_merged_name_is_refused(
    world: World, intervention: InterventionRequest, supplier: Partner
) -> None:
    bought = move_order(order(world, intervention), to="sent", by=world.planner)
    values = {"supplier": supplier, "on": world.today, "by": world.accountant, "net": D(10), "tax": D(2)}
    other = CompanyFactory()
    assert "choisissez une commande de ce fournisseur" in refused(
        lambda: record_bill(company=other, number="F-1", order=bought, **values)
    )
    record_bill(company=world.company, number="F-1", **values)
    kept = PartnerFactory(name="Fonderie Réelle")
    merge_partners(supplier, into=kept, by=world.manager)
    assert refused(lambda: record_bill(company=world.company, number="F-1", **values | {"supplier": kept})) == (
        "La facture F-1 de « Fonderie Réelle » est déjà enregistrée."
    )


def test_smallest_part_of_a_bill_is_paid_and_the_whole_too(world: World, supplier: Partner) -> None:
    values = {"company": world.company, "supplier": supplier, "number": "F", "on": world.today, "by": world.accountant}
    bill = check_bill(record_bill(net=D(1), tax=D("0.20"), **values), by=world.accountant)

    for amount in ("0.01", "1.19"):
        pay_supplier(bill, amount=D(amount), on=world.today, kind="transfer", by=world.accountant)

    assert SupplierBill.objects.with_residual().get().residual == 0
    assert HistoryLine.objects.of(bill)[0].text == "Paiement de 1,19 €"


def test_lists_of_orders_and_bills_look_at_what_is_awaited_and_left(
    world: World, intervention: InterventionRequest, supplier: Partner
) -> None:
    bought = order(world, intervention)
    seen = []
    for state in ("", "sent", "confirmed", "received"):
        if state:
            bought = move_order(bought, to=state, by=world.planner)
        seen.append(PurchaseOrder.objects.awaited().exists())
    values = {"company": world.company, "supplier": supplier, "on": world.today, "by": world.accountant}
    draft, checked, paid = (record_bill(number=f"F-{n}", net=D(10), tax=D(2), **values) for n in range(3))
    for bill in (checked, paid):
        check_bill(bill, by=world.accountant)
    pay_supplier(paid, amount=D(12), on=world.today, kind="transfer", by=world.accountant)

    assert seen == [False, True, True, False]
    assert list(SupplierBill.objects.to_pay()) == [checked]
    assert draft.state == "draft"


def test_journal_says_ordered_billed_and_deleted(world: World, intervention: InterventionRequest) -> None:
    bought = order(world, intervention)
    assert HistoryLine.objects.of(intervention)[0].text == "Commandes fournisseurs : CF/000001"
    other = order_supplies(world.intervention(item(1, code="poele")), on=world.today, by=world.planner).orders[0]
    move_order(bought, to="sent", by=world.planner)
    bill = bill_order(bought, number="F", on=world.today, by=world.accountant)
    delete_orders([other], by=world.planner)

    assert HistoryLine.objects.of(bill)[0].text == "Facture fournisseur enregistrée"
    assert HistoryLine.objects.of(bought)[0].text == "Commande envoyée"
    assert [line.text for line in HistoryLine.objects.of(other).order_by("pk")] == [
        f"Commande créée depuis {intervention.__class__.objects.latest('pk')}",
        "Commande supprimée",
    ]


def test_cancelled_bill_leaves_its_amounts_to_bill_and_a_number_is_taken_by_company_and_supplier(
    world: World, intervention: InterventionRequest, supplier: Partner
) -> None:
    bought = move_order(order(world, intervention), to="sent", by=world.planner)
    first = cancel_bill(bill_order(bought, number="F-1", on=world.today, by=world.accountant), by=world.accountant)
    again = bill_order(bought, number="F-2", on=world.today, by=world.accountant)
    assert (again.net.amount, again.tax.amount, first.state) == (D(4200), D(840), "cancelled")

    other, elsewhere = PartnerFactory(name="Autre"), CompanyFactory()
    values = {"number": "F-1", "net": D(10), "tax": D(2), "on": world.today, "by": world.accountant}
    for company, of in ((world.company, other), (elsewhere, supplier)):
        assert record_bill(company=company, supplier=of, **values).number == "F-1"
