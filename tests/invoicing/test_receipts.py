"""Purchase orders: their paper, their e-mail, what arrives in parts, what the supplier confirms."""

from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from pypdf import PdfReader

from invoicing.choices import OrderState
from invoicing.models import HistoryLine, Message, Partner, PurchaseOrder, Receipt, ReceivedLine
from invoicing.paper.pdf import order_context, order_pdf, paper_of
from invoicing.services.documents.lines import Item, LineEdit
from invoicing.services.documents.mailing import send_order
from invoicing.services.documents.purchases import (
    bill_order,
    check_bill,
    confirm_order,
    delete_orders,
    draft_order,
    edit_order,
    move_order,
    reopen_bill,
)
from invoicing.services.documents.receipts import lines_to_receive, receive_order
from invoicing.tasks import send_message
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import PLANNER
from tests.factories import PartnerFactory, World, nothing_changed, tax
from tests.factories.api import Api
from tests.factories.pages import address, refusal, texts_of

D = Decimal
S = OrderState


@pytest.fixture
def supplier(world: World) -> Partner:
    return PartnerFactory(name="Fonderie du Nord", email="commandes@fonderie.example")


@pytest.fixture
def order(world: World, supplier: Partner) -> PurchaseOrder:
    """A draft: five stoves at 800 €, ten pipes at 12.50 €."""
    items = [
        Item(label="Poêle", quantity=D(5), unit_price=D(800), tax=tax()),
        Item(label="Conduit", quantity=D(10), unit_price=D("12.50"), tax=tax()),
    ]
    return draft_order(company=world.company, supplier=supplier, items=items, on=world.today, by=world.planner).order


@pytest.fixture
def sent(world: World, order: PurchaseOrder) -> PurchaseOrder:
    return move_order(order, to=S.SENT, by=world.planner)


def ids(order: PurchaseOrder) -> tuple[int, int]:
    stove, pipe = order.lines.order_by("position")
    return stove.pk, pipe.pk


def left(order: PurchaseOrder) -> list[tuple[Decimal, Decimal]]:
    return [(line.received, line.left) for line in lines_to_receive(order)]


def sentence(act: Any) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as refused:
        act()
    return str(refused.value)


def said(order: PurchaseOrder) -> str:
    return HistoryLine.objects.of(order)[0].text


# Receipts


def test_order_is_received_in_parts_until_nothing_is_left(world: World, sent: PurchaseOrder) -> None:
    stove, pipe = ids(sent)

    first = receive_order(sent, quantities={stove: D(3)}, on=world.today, note="BL 12", by=world.planner)
    assert (first.state, first.version, left(sent)) == ("sent", sent.version + 1, [(D(3), D(2)), (D(0), D(10))])
    assert said(sent) == "Reçu le 24/11/2026 : « Poêle » 3 sur 5, « Conduit » 0 sur 10 (BL 12)"

    last = receive_order(sent, quantities={stove: D(2), pipe: D(10)}, on=world.today, by=world.planner)
    assert (last.state, left(sent)) == ("received", [(D(5), D(0)), (D(10), D(0))])
    assert said(sent) == "Marchandise reçue"
    assert [(r.on, r.by, r.note) for r in Receipt.objects.all()] == [
        (world.today, world.planner, "BL 12"),
        (world.today, world.planner, ""),
    ]


def test_everything_left_is_received_at_once(world: World, sent: PurchaseOrder) -> None:
    receive_order(sent, quantities={ids(sent)[0]: D(3)}, on=world.today, by=world.planner)
    assert move_order(sent, to=S.RECEIVED, by=world.planner).state == "received"
    assert left(sent) == [(D(5), D(0)), (D(10), D(0))]


def test_mistake_is_taken_back_by_a_negative_quantity(world: World, sent: PurchaseOrder) -> None:
    stove, _pipe = ids(sent)
    receive_order(sent, quantities={stove: D(4)}, on=world.today, by=world.planner)
    receive_order(sent, quantities={stove: D(-1)}, on=world.today, by=world.planner)
    assert left(sent)[0] == (D(3), D(2))


def test_rest_that_will_not_come_is_given_up(world: World, sent: PurchaseOrder) -> None:
    made = receive_order(sent, quantities={ids(sent)[0]: D(5)}, closes=True, on=world.today, by=world.planner)
    assert (made.state, left(sent)) == ("received", [(D(5), D(0)), (D(0), D(10))])
    assert said(sent) == "Reçu le 24/11/2026 : « Poêle » 5 sur 5, « Conduit » 0 sur 10 ; le reste ne viendra pas"
    assert bill_order(made, number="F-1", on=world.today, by=world.accountant).net.amount == D(4125)


def test_all_wrong_quantities_are_said_together(world: World, sent: PurchaseOrder) -> None:
    stove, pipe = ids(sent)
    wrong = {stove: D(6), pipe: D(-1)}
    assert sentence(lambda: receive_order(sent, quantities=wrong, on=world.today, by=world.planner)) == (
        "« Poêle » : 0 reçu, 5 à recevoir, vous notez 6. Corrigez la quantité. "
        "« Conduit » : 0 reçu, 10 à recevoir, vous notez -1. Corrigez la quantité."
    )


@pytest.mark.parametrize(
    ("days", "why"),
    [
        (1, "Une réception ne se date pas dans le futur : donnez le jour de la livraison."),
        (-1, "CF/000001 est du 24/11/2026 : la livraison ne la précède pas."),
    ],
)
def test_receipt_is_not_dated_before_the_order_nor_after_today(
    world: World, sent: PurchaseOrder, days: int, why: str
) -> None:
    assert sentence(lambda: receive_order(sent, on=world.today + timedelta(days=days), by=world.planner)) == why


def test_nothing_typed_and_a_line_of_another_order_are_refused(
    world: World, sent: PurchaseOrder, supplier: Partner
) -> None:
    items = [Item(label="Autre", tax=tax())]
    other = draft_order(company=world.company, supplier=supplier, items=items, on=world.today, by=None).lines[0]
    assert sentence(lambda: receive_order(sent, quantities={}, on=world.today, by=None)) == (
        f"{sent} : rien de reçu. Tapez au moins une quantité."
    )
    assert sentence(lambda: receive_order(sent, quantities={other.pk: D(1)}, on=world.today, by=None)) == (
        f"Une ligne reçue n'est pas sur {sent}. Rechargez la page."
    )


def test_draft_and_received_order_receive_nothing(world: World, order: PurchaseOrder) -> None:
    assert sentence(lambda: receive_order(order, on=world.today, by=None)) == (
        f"{order} est à l'état « Brouillon » : seule une commande envoyée se reçoit."
    )


def test_what_arrived_keeps_the_order_from_being_cancelled_or_reset(world: World, sent: PurchaseOrder) -> None:
    receive_order(sent, quantities={ids(sent)[0]: D(1)}, on=world.today, by=world.planner)
    for state in (S.CANCELLED, S.DRAFT):
        assert sentence(lambda state=state: move_order(sent, to=state, by=world.planner)) == (  # type: ignore[misc]
            f"{sent} est reçue en partie : notez que le reste ne viendra pas (Action › Réception)."
        )
    page = world.office(PLANNER).get(address(sent))
    assert "Annuler" not in [act["label"] for act in page.context["office_menu"]]


@pytest.mark.parametrize("state", [S.SENT, S.CONFIRMED])
def test_receipt_confirmed_by_mistake_is_taken_back_from_a_received_order(
    world: World, sent: PurchaseOrder, state: OrderState
) -> None:
    stove, _pipe = ids(sent)
    if state == S.CONFIRMED:
        confirm_order(sent, by=world.planner)
    received = receive_order(sent, on=world.today, by=world.planner)

    back = receive_order(received, quantities={stove: D(-5)}, on=world.today, by=world.planner)

    assert (received.state, back.state, back.version - received.version) == ("received", state, 1)
    assert left(sent) == [(D(0), D(5)), (D(10), D(0))]
    assert said(sent) == "Reçu le 24/11/2026 : « Poêle » 0 sur 5, « Conduit » 10 sur 10"
    assert receive_order(back, on=world.today, by=world.planner).state == "received"


def test_received_order_is_received_no_more_and_goes_back_by_no_other_act(world: World, sent: PurchaseOrder) -> None:
    order = receive_order(sent, on=world.today, by=world.planner)
    assert sentence(lambda: receive_order(order, on=world.today, by=None)) == (
        f"{order} est à l'état « Reçue » : seule une commande envoyée se reçoit."
    )
    for closes in (False, True):
        assert sentence(
            lambda closes=closes: receive_order(order, quantities={}, closes=closes, on=world.today, by=None)  # type: ignore[misc]
        ) == (f"{order} : rien de reçu. Tapez au moins une quantité.")
    assert sentence(lambda: move_order(order, to=S.SENT, by=None)) == (
        f"{order} est à l'état « Reçue » : « Envoyée » n'est pas possible d'ici."
    )
    assert sentence(lambda: confirm_order(order, by=None)) == (
        f"{order} est à l'état « Reçue » : « Confirmée » n'est pas possible d'ici."
    )


def test_rest_that_comes_after_all_leaves_the_order_received(world: World, sent: PurchaseOrder) -> None:
    stove, pipe = ids(sent)
    order = receive_order(sent, quantities={stove: D(5)}, closes=True, on=world.today, by=world.planner)
    order = receive_order(order, quantities={pipe: D(4)}, on=world.today, by=world.planner)
    assert (order.state, left(order)) == ("received", [(D(5), D(0)), (D(4), D(6))])


def test_billed_order_receives_its_rest_and_stays_billed(world: World, sent: PurchaseOrder) -> None:
    stove, pipe = ids(sent)
    receive_order(sent, quantities={stove: D(3)}, on=world.today, by=world.planner)
    check_bill(bill_order(sent, number="F-1", on=world.today, by=world.accountant), by=world.accountant)

    world.office(PLANNER).act(sent, "receive", **{f"line_{stove}": "1", f"line_{pipe}": "10"})
    sent.refresh_from_db()
    assert (sent.state, left(sent)) == ("billed", [(D(4), D(1)), (D(10), D(0))])
    assert said(sent) == "Reçu le 24/11/2026 : « Poêle » 4 sur 5, « Conduit » 10 sur 10"

    assert receive_order(sent, on=world.today, by=world.planner).state == "billed"
    assert left(sent) == [(D(5), D(0)), (D(10), D(0))]
    assert sentence(lambda: receive_order(sent, on=world.today, by=world.planner)) == (
        f"{sent} est à l'état « Facturée » : seule une commande envoyée se reçoit."
    )


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        ([], [], "sent"),
        (["confirm"], [], "confirmed"),
        ([({0: 3}, False)], [], "sent"),
        (["confirm", ({0: 3}, False)], [({0: 1}, False)], "confirmed"),
        ([({0: 3}, False)], [({0: 2, 1: 10}, False)], "received"),
        ([({0: 5}, True)], [], "received"),
        ([({0: 5}, True), ({1: 1}, False)], [], "received"),
        ([({0: 5}, True), ({0: -1}, False)], [], "sent"),
        ([({0: 5}, False)], [({}, True)], "received"),
    ],
)
def test_order_whose_bill_is_taken_back_is_awaited_while_something_is_left(
    world: World, sent: PurchaseOrder, before: list[Any], after: list[Any], state: str
) -> None:
    """An act: « confirm », or ({place of a line: quantity}, closes) of a receipt."""

    def perform(acts: list[Any]) -> None:
        for act in acts:
            if act == "confirm":
                confirm_order(sent, by=world.planner)
                continue
            quantities = {ids(sent)[place]: D(quantity) for place, quantity in act[0].items()}
            receive_order(sent, quantities=quantities, closes=act[1], on=world.today, by=world.planner)

    perform(before)
    bill = check_bill(bill_order(sent, number="F-1", on=world.today, by=world.accountant), by=world.accountant)
    perform(after)
    reopen_bill(bill, by=world.accountant)
    sent.refresh_from_db()
    assert (sent.state, said(sent)) == (state, "Plus entièrement facturée")


def test_order_whose_receipt_was_taken_back_is_not_received_in_part(world: World, sent: PurchaseOrder) -> None:
    taken_back(world, sent)
    assert list(PurchaseOrder.objects.partly_received()) == []
    receive_order(sent, quantities={ids(sent)[1]: D(1)}, on=world.today, by=world.planner)
    assert [order.pk for order in PurchaseOrder.objects.partly_received()] == [sent.pk]


def test_order_received_in_part_is_given_another_day(world: World, sent: PurchaseOrder) -> None:
    receive_order(sent, quantities={ids(sent)[0]: D(3)}, on=world.today, by=world.planner)
    office = world.office(PLANNER)
    office.act(sent, "confirm", expected_on=date(2026, 12, 4))
    sent.refresh_from_db()
    assert (sent.state, sent.expected_on) == ("confirmed", date(2026, 12, 4))


def taken_back(world: World, order: PurchaseOrder) -> PurchaseOrder:
    """The order with three stoves received, then taken back as a mistake."""
    for quantity in (D(3), D(-3)):
        order = receive_order(order, quantities={ids(order)[0]: quantity}, on=world.today, by=world.planner)
    return order


def test_order_that_had_a_receipt_is_cancelled_but_neither_reset_nor_deleted(world: World, sent: PurchaseOrder) -> None:
    reset = (
        f"{sent} a eu une réception, reprise depuis : ses lignes ne changent plus. "
        "Laissez-la annulée et faites une autre commande."
    )
    taken_back(world, sent)
    assert sentence(lambda: move_order(sent, to=S.DRAFT, by=world.planner)) == reset
    cancelled = move_order(sent, to=S.CANCELLED, by=world.planner)
    assert cancelled.state == "cancelled"
    assert sentence(lambda: move_order(cancelled, to=S.DRAFT, by=world.planner)) == reset
    assert sentence(lambda: delete_orders([cancelled], by=world.planner)) == (
        f"{sent} a eu une réception, reprise depuis : elle se garde. Laissez-la à l'état « Annulée »."
    )


def test_received_line_of_an_order_reset_before_stays(world: World, sent: PurchaseOrder) -> None:
    taken_back(world, sent)
    PurchaseOrder.objects.filter(pk=sent.pk).update(state=S.DRAFT)  # as an earlier version allowed
    stove, pipe = ids(sent)
    assert sentence(lambda: edit_order(sent, edits=[LineEdit(pk=stove, delete=True)], by=world.planner)) == (
        f"{sent} a eu une réception, reprise depuis : ses lignes ne se suppriment plus. "
        "Annulez-la et faites une autre commande."
    )
    edit_order(sent, edits=[LineEdit(pk=pipe, delete=True)], by=world.planner)
    assert [line.pk for line in sent.lines.all()] == [stove]


def test_receipts_never_change(world: World, sent: PurchaseOrder) -> None:
    receive_order(sent, on=world.today, by=world.planner)
    for change in (
        lambda: Receipt.objects.update(note="x"),
        lambda: ReceivedLine.objects.update(quantity=1),
        lambda: ReceivedLine.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_page_asks_what_arrived_and_shows_what_is_left(world: World, sent: PurchaseOrder) -> None:
    office = world.office(PLANNER)
    stove, pipe = ids(sent)
    question = office.get(address(sent, "act", "receive"))
    fields = question.context["form"].fields
    assert [(fields[f"line_{pk}"].initial, str(fields[f"line_{pk}"].help_text)) for pk in (stove, pipe)] == [
        (D(5), "commandé 5, reçu 0, reste 5"),
        (D(10), "commandé 10, reçu 0, reste 10"),
    ]

    office.act(sent, "receive", **{f"line_{stove}": "3", f"line_{pipe}": "0"})

    page = office.get(address(sent))
    assert left(sent) == [(D(3), D(2)), (D(0), D(10))]
    badges = texts_of(page, "of-badge")
    assert ("Reçue en partie" in badges, "reçu 3 sur 5" in badges, "à recevoir" in badges) == (True, True, True)
    found = office.get(address(PurchaseOrder, "changelist"), view="partly")
    assert [row.pk for row in found.context["cl"].result_list] == [sent.pk]


def test_wrong_quantity_is_told_in_the_dialog(world: World, sent: PurchaseOrder) -> None:
    answer = world.office(PLANNER).act(sent, "receive", **{f"line_{ids(sent)[0]}": "7"})
    assert refusal(answer) == "« Poêle » : 0 reçu, 5 à recevoir, vous notez 7. Corrigez la quantité."


# Confirmation, e-mail, paper


def test_supplier_confirms_for_another_day(world: World, sent: PurchaseOrder) -> None:
    day = world.today + timedelta(days=9)
    world.office(PLANNER).act(sent, "confirm", expected_on=day)
    sent.refresh_from_db()
    assert (sent.state, sent.expected_on) == ("confirmed", day)
    assert said(sent) == "Confirmée par le fournisseur pour le 03/12/2026"


def test_supplier_confirms_no_day_before_the_order(world: World, sent: PurchaseOrder) -> None:
    before = world.today - timedelta(days=1)
    assert sentence(lambda: confirm_order(sent, expected_on=before, by=world.planner)) == (
        "La livraison n'est pas attendue avant la commande."
    )
    assert confirm_order(sent, by=world.planner).expected_on is None
    assert said(sent) == "Confirmée par le fournisseur"


def test_supplier_confirms_for_the_very_day_of_the_order(world: World, sent: PurchaseOrder) -> None:
    confirmed = confirm_order(sent, expected_on=sent.ordered_on, by=world.planner)
    assert (confirmed.state, confirmed.expected_on) == ("confirmed", world.today)
    assert said(sent) == "Confirmée par le fournisseur pour le 24/11/2026"


def test_order_confirmed_without_a_day_keeps_the_one_it_has(world: World, sent: PurchaseOrder) -> None:
    PurchaseOrder.objects.filter(pk=sent.pk).update(expected_on=date(2026, 12, 4))
    confirmed = confirm_order(sent, by=world.planner)
    assert (confirmed.state, confirmed.expected_on) == ("confirmed", date(2026, 12, 4))
    assert said(sent) == "Confirmée par le fournisseur pour le 04/12/2026"


def test_order_leaves_with_its_paper_and_is_sent_in_one_go(world: World, order: PurchaseOrder) -> None:
    PurchaseOrder.objects.update(expected_on=date(2026, 12, 4))
    world.office(PLANNER).act(order, "message")

    order.refresh_from_db()
    message = Message.objects.get()
    assert (order.state, message.to, message.subject) == (
        "sent",
        "commandes@fonderie.example",
        "Flammes d'Armor : commande CF/000001",
    )
    assert "Nous attendons la livraison pour le 04/12/2026 : merci de la confirmer." in message.body
    assert send_message(message.pk) is True
    (name, content, kind) = mail.outbox[0].attachments[0]
    assert (name, kind, content[:4]) == ("Commande CF-000001.pdf", "application/pdf", b"%PDF")


def test_order_sent_again_stays_as_it_is_and_a_refusal_sends_nothing(world: World, sent: PurchaseOrder) -> None:
    assert send_order(sent, key="again", by=world.planner).state == "sent"
    Partner.objects.filter(pk=sent.supplier_id).update(email="")
    assert sentence(lambda: send_order(sent, key="none", by=world.planner)) == (
        f"{sent} : « Fonderie du Nord » n'a pas d'adresse e-mail. Ajoutez-la sur sa fiche."
    )


def test_paper_of_an_order_says_supplier_delivery_and_nothing_of_an_invoice(
    world: World, order: PurchaseOrder, supplier: Partner
) -> None:
    PurchaseOrder.objects.update(expected_on=date(2026, 12, 4), deliver_to=world.customer.default_address())
    order.refresh_from_db()
    pages = PdfReader(BytesIO(order_pdf(order))).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())

    for printed in ("Commande CF/000001", "Fonderie du Nord", "Attendue le 04/12/2026", "Livrer à", "4 125,00 €"):
        assert printed in text, printed
    for absent in ("IBAN", "Pénalités", "rétracter", "Bon pour accord", "Opération", "Valable"):
        assert absent not in text, absent
    context: dict[str, Any] = order_context(order)
    assert (context["totals"].net, context["buyer"]["name"]) == (D(4125), supplier.name)
    assert paper_of(order)[0] == "Commande CF-000001.pdf"


def test_order_is_delivered_to_us_by_default(order: PurchaseOrder) -> None:
    assert [str(line) for line in order_context(order)["deliver_to"]] == ["à notre adresse"]  # type: ignore[attr-defined]


def test_api_receives_in_parts_confirms_mails_and_prints(world: World, sent: PurchaseOrder) -> None:
    api, url = Api(world.planner), f"purchase-orders/{sent.pk}/"
    stove, pipe = ids(sent)

    assert api.made(f"{url}confirm/", {"expected_on": "2026-12-04"}, status=200)["expected_on"] == "2026-12-04"
    body = {"lines": [{"line": stove, "quantity": "3"}], "note": "BL 12"}
    partly = api.made(f"{url}receive/", body, status=200)
    assert (partly["state"], [(x["received"], x["left_to_receive"]) for x in partly["lines"]]) == (
        "confirmed",
        [("3.000", "2.000"), ("0.000", "10.000")],
    )
    wrong = api.post(f"{url}receive/", {"lines": [{"line": pipe, "quantity": "11"}]})
    assert (wrong.status_code, list(wrong.json()["fields"])) == (409, [f"line_{pipe}"])
    with nothing_changed():
        twice = api.post(f"{url}receive/", {"lines": [{"line": pipe, "quantity": q} for q in ("2", "1")]})
    assert (twice.status_code, twice.json()["fields"]) == (
        400,
        {"lines": ["Une ligne est donnée deux fois : donnez-la une fois, avec toute sa quantité."]},
    )
    assert api.made(f"{url}receive/", {}, status=200)["state"] == "received"
    paper = api.get(f"{url}pdf/")
    assert (paper.status_code, paper.content[:4]) == (200, b"%PDF")


def test_api_mails_an_order(world: World, order: PurchaseOrder) -> None:
    made = Api(world.planner).made(f"purchase-orders/{order.pk}/mail/", {"cc": "chef@exemple.example"}, status=200)
    assert (made["state"], Message.objects.get().cc) == ("sent", "chef@exemple.example")
