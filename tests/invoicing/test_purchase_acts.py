"""Each act on an order or a supplier's bill: its journal, its version, what it returns, the neighbours it leaves alone."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from djmoney.money import Money

from invoicing.models import HistoryLine, Partner, Product, PurchaseOrder, PurchaseOrderLine, SupplierBill
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
from invoicing.services.settlement.supplier_payments import pay_supplier
from openfire_billing.kernel.errors import BusinessError, StaleForm
from tests.factories import AddressFactory, PartnerFactory, ProductFactory, World, item, nothing_changed, tax

D = Decimal


@pytest.fixture
def supplier(world: World) -> Partner:
    return PartnerFactory(name="Fonderie Fictive")


def ordered(world: World, supplier: Partner, *, state: str = "draft", price: str = "100", **more: Any) -> PurchaseOrder:
    """An order of two articles at this price, 20 %, brought to a state."""
    order = draft_order(
        company=world.company,
        supplier=supplier,
        items=[item(2, price=price, tax=tax())],
        on=world.today,
        by=world.planner,
        **more,
    ).order
    return order if state == "draft" else move_order(order, to=state, by=world.planner)  # type: ignore[arg-type]


def journal(document: Any) -> list[tuple[str, str, Any]]:
    """(act, text, by) of each line of a journal, the oldest first."""
    return [(line.act, line.text, line.by) for line in HistoryLine.objects.of(document).order_by("pk")]


def texts(document: Any) -> list[str]:
    return [text for _act, text, _by in journal(document)]


def refused(act: Callable[[], object]) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        act()
    return str(refusal.value)


def now(document: Any) -> Any:
    return type(document).objects.get(pk=document.pk)


def test_order_is_written_as_typed_and_its_origin_cut(world: World, supplier: Partner) -> None:
    place = AddressFactory(partner=world.customer)
    title = Item(kind="section", label="Fumisterie", quantity=D(0))

    made = draft_order(
        company=world.company,
        supplier=supplier,
        items=[title, item(3, price="12.5", discount=10, tax=tax(), label="Joint")],
        on=world.today,
        by=world.planner,
        origin="o" * 81,
        deliver_to=place,
        expected_on=date(2026, 12, 1),
        notes="Au dépôt",
    )

    order = now(made.order)
    assert (order.origin, order.deliver_to, order.expected_on, order.notes, order.currency) == (
        "o" * 80,
        place,
        date(2026, 12, 1),
        "Au dépôt",
        "EUR",
    )
    assert journal(order) == [("created", f"Commande créée depuis {'o' * 81}", world.planner)]
    assert list(order.lines.values_list("position", "kind", "label", "quantity", "unit_price", "discount")) == [
        (1, "section", "Fumisterie", D(0), D(0), D(0)),
        (2, "article", "Joint", D(3), D("12.5"), D(10)),
    ]
    assert [line.pk for line in made.lines] == list(order.lines.values_list("pk", flat=True))
    assert texts(ordered(world, supplier)) == ["Commande créée"]


def test_edited_order_leaves_the_lines_of_its_neighbour(world: World, supplier: Partner) -> None:
    order, neighbour = ordered(world, supplier), ordered(world, supplier)
    line, theirs = order.lines.get(), neighbour.lines.get()
    joint = ProductFactory(code="joint", name="Joint")

    def edit(*edits: LineEdit, **values: object) -> int:
        return edit_order(order, edits=edits, values=values or None, by=world.planner).version

    versions = [
        edit(),
        edit(notes="Merci"),
        edit(LineEdit(values={"product": joint, "quantity": D(4)})),
        edit(LineEdit(pk=line.pk, values={"quantity": D(3)}), notes="Au dépôt"),
        edit(LineEdit(pk=line.pk, delete=True)),
    ]

    assert [version - order.version for version in versions] == [0, 1, 2, 3, 4]
    assert list(PurchaseOrderLine.objects.filter(order=neighbour)) == [theirs]
    assert [(row.product, row.label, row.tax) for row in order.lines.all()] == [
        (Product.objects.get(code="joint"), "[joint] Joint", tax())
    ]
    assert [(act, text) for act, text, _by in journal(order)] == [
        ("created", "Commande créée"),
        ("changed", "Fiche modifiée"),
        ("edited", "Lignes modifiées"),
        ("changed", "Fiche modifiée"),
        ("edited", "Lignes modifiées"),
        ("edited", "Lignes modifiées"),
    ]
    stale = [LineEdit(pk=theirs.pk, values={"quantity": D(9)}), LineEdit(values={"product": joint})]
    assert refused(lambda: edit(*stale)) == "Une ligne modifiée n'est plus sur cette commande. Rechargez la page."
    with nothing_changed(), pytest.raises(StaleForm):
        edit_order(order, edits=[], values={"notes": "x"}, seen=order.version, by=world.planner)


def test_each_move_of_an_order_is_in_its_journal(world: World, supplier: Partner) -> None:
    order = ordered(world, supplier)
    moves = ("sent", "draft", "sent", "confirmed", "received")

    seen = [move_order(order, to=to, by=world.planner).version for to in moves]  # type: ignore[arg-type]
    cancelled = move_order(ordered(world, supplier), to="cancelled", by=world.planner)  # type: ignore[arg-type]

    assert [version - order.version for version in seen] == [1, 2, 3, 4, 5]
    assert [(act, text) for act, text, _by in journal(order)[1:]] == [
        ("sent", "Commande envoyée"),
        ("draft", "Remise en brouillon"),
        ("sent", "Commande envoyée"),
        ("confirmed", "Confirmée par le fournisseur"),
        ("received", "Marchandise reçue"),
    ]
    assert journal(cancelled)[-1] == ("cancelled", "Commande annulée", world.planner)


def test_order_with_a_bill_goes_on_and_its_neighbour_goes_back(world: World, supplier: Partner) -> None:
    billed, free = ordered(world, supplier, state="sent"), ordered(world, supplier, state="sent")
    bill = bill_order(billed, number="F-1", on=world.today, by=world.biller)

    assert refused(lambda: move_order(billed, to="draft", by=world.planner)) == (  # type: ignore[arg-type]
        f"{billed} a une facture fournisseur : annulez-la d'abord."
    )
    assert move_order(billed, to="confirmed", by=world.planner).state == "confirmed"  # type: ignore[arg-type]
    assert move_order(free, to="draft", by=world.planner).state == "draft"  # type: ignore[arg-type]
    assert delete_orders([free], by=world.planner) == 1
    assert (list(PurchaseOrder.objects.all()), bill.order) == ([billed], billed)


def test_bill_is_written_as_typed_with_its_journal(world: World, supplier: Partner) -> None:
    bill = record_bill(
        company=world.company,
        supplier=supplier,
        number="F-1",
        on=world.today,
        net=D("10.50"),
        tax=D("2.10"),
        notes="Port compris",
        by=world.biller,
    )

    bill = now(bill)
    assert (bill.net.amount, bill.tax.amount, bill.gross.amount, bill.notes, bill.order, bill.due_on) == (
        D("10.50"),
        D("2.10"),
        D("12.60"),
        "Port compris",
        None,
        world.today,
    )
    assert journal(bill) == [("created", "Facture fournisseur enregistrée", world.biller)]


def test_bill_is_edited_to_what_it_may_be_alone(world: World, supplier: Partner) -> None:
    values = {"company": world.company, "supplier": supplier, "on": world.today, "net": D(10), "tax": D(2)}
    bill, neighbour = (record_bill(number=number, by=world.biller, **values) for number in ("F-1", "F-2"))  # type: ignore[arg-type]

    edited = edit_bill(bill, values={"net": Money(20, "EUR"), "number": "F-3"}, by=world.accountant)
    same = edit_bill(bill, values={"number": "F-3"}, seen=edited.version, by=world.accountant)

    assert (edited.version - bill.version, same.version - bill.version) == (1, 1)
    assert (now(bill).number, now(bill).net.amount, now(bill).gross.amount) == ("F-3", D(20), D(22))
    assert journal(bill)[1:] == [("changed", "Fiche modifiée", world.accountant)]
    assert HistoryLine.objects.of(bill)[0].changes == {"net": ["10,00", "20,00"], "number": ["F-1", "F-3"]}
    for change, why in (
        ({"number": "F-2"}, "La facture F-2 de « Fonderie Fictive » est déjà enregistrée."),
        ({"tax": Money(-1, "EUR")}, "Les montants d'une facture fournisseur sont positifs, au centime."),
        (
            {"due_on": world.today - timedelta(days=1)},
            "L'échéance précède la date de la facture : corrigez l'une des deux dates.",
        ),
    ):
        assert refused(lambda change=change: edit_bill(bill, values=change, by=world.accountant)) == why  # type: ignore[misc]
    with nothing_changed(), pytest.raises(StaleForm):
        edit_bill(bill, values={"notes": "x"}, seen=bill.version, by=world.accountant)
    assert edit_bill(neighbour, values={"due_on": None}, by=world.accountant).due_on is None


def test_bills_of_one_order_checked_in_turn_and_of_no_other(world: World, supplier: Partner) -> None:
    """240,00 ordered: a bill of 120,00 leaves it open, one of 120,00 more fills it, one of 12,00 more exceeds it."""
    order, neighbour = (ordered(world, supplier, state="sent") for _n in range(2))
    values = {"company": world.company, "supplier": supplier, "on": world.today, "by": world.biller}
    cancelled = cancel_bill(bill_order(order, number="F-0", on=world.today, by=world.biller), by=world.accountant)
    assert now(order).state == "sent"
    of_neighbour = bill_order(neighbour, number="N-1", on=world.today, by=world.biller)
    states, bills = [], []
    for number, net in (("F-1", 100), ("F-2", 100), ("F-3", 10)):
        bill = record_bill(number=number, net=D(net), tax=D(net) / 5, order=order, **values)  # type: ignore[arg-type]
        bills.append(check_bill(bill, by=world.accountant))
        states.append(now(order).state)

    assert states == ["sent", "billed", "billed"]
    assert [texts(bill)[-1] for bill in bills] == [
        f"Facture vérifiée, bonne à payer ; écart de -120,00 € avec {order}",
        "Facture vérifiée, bonne à payer",
        f"Facture vérifiée, bonne à payer ; écart de 12,00 € avec {order}",
    ]
    assert journal(order)[-1] == ("billed", f"Facturée : {bills[1]}", world.accountant)
    assert [bill.version for bill in bills] == [2, 2, 2]
    assert (cancelled.state, now(of_neighbour).state, now(neighbour).state) == ("cancelled", "draft", "sent")


def test_bill_of_no_order_is_checked_reopened_and_cancelled(world: World, supplier: Partner) -> None:
    values = {"company": world.company, "supplier": supplier, "on": world.today, "net": D(10), "tax": D(2)}
    bill, paid = (record_bill(number=number, by=world.biller, **values) for number in ("F-1", "F-2"))  # type: ignore[arg-type]
    check_bill(paid, by=world.biller)
    pay_supplier(paid, amount=D(1), on=world.today, kind="card", by=world.biller)

    states = [act(bill, by=world.accountant).state for act in (check_bill, reopen_bill, cancel_bill)]

    assert states == ["checked", "draft", "cancelled"]
    assert journal(bill)[1:] == [
        ("checked", "Facture vérifiée, bonne à payer", world.accountant),
        ("reopened", "Remise à vérifier", world.accountant),
        ("cancelled", "Facture annulée", world.accountant),
    ]
    for act in (reopen_bill, cancel_bill):
        assert refused(lambda act=act: act(paid, by=world.accountant)) == (  # type: ignore[misc]
            f"{paid} est payée, au moins en partie : elle ne se reprend plus."
        )


def test_order_taken_back_by_its_bill_is_awaited_again(world: World, supplier: Partner) -> None:
    order = ordered(world, supplier, state="sent")
    bill = check_bill(bill_order(order, number="F-1", on=world.today, by=world.biller), by=world.biller)
    billed = now(order)

    cancel_bill(bill, by=world.accountant)

    assert (billed.state, now(order).state, now(order).version - billed.version) == ("billed", "sent", 1)
    assert journal(order)[-1] == ("reopened", "Plus entièrement facturée", world.accountant)


def test_act_on_an_order_or_a_bill_seen_otherwise_or_gone_is_refused(world: World, supplier: Partner) -> None:
    order = ordered(world, supplier, state="sent")
    bill = bill_order(order, number="F-1", seen=order.version, on=world.today, by=world.biller)
    by, late = world.accountant, order.version + 1

    for act in (
        lambda: move_order(order, to="confirmed", seen=late, by=by),  # type: ignore[arg-type]
        lambda: bill_order(order, number="F-2", seen=late, on=world.today, by=by),
        lambda: check_bill(bill, seen=bill.version + 1, by=by),
        lambda: cancel_bill(bill, seen=bill.version + 1, by=by),
        lambda: reopen_bill(bill, seen=bill.version + 1, by=by),
    ):
        with nothing_changed(), pytest.raises(StaleForm):
            act()
    gone = ordered(world, supplier)
    delete_orders([gone], by=by)
    assert delete_orders([gone], by=by) == 0
    assert refused(lambda: move_order(gone, to="sent", by=by)) == (  # type: ignore[arg-type]
        "Cette commande n'existe plus : elle a été supprimée entre-temps. Revenez à la liste."
    )
    SupplierBill.objects.filter(pk=bill.pk).delete()
    assert refused(lambda: check_bill(bill, by=by)) == (
        "Cette facture n'existe plus : elle a été supprimée entre-temps. Revenez à la liste."
    )
