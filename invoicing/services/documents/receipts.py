"""Receipts of purchase orders: all at once, in parts, or the rest given up."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from invoicing.choices import LineKind, OrderState
from invoicing.models import HistoryLine, PurchaseOrder, PurchaseOrderLine, Receipt, ReceivedLine
from invoicing.services.locks import lock_order
from invoicing.services.records.history import move, record
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import raise_version
from openfire_billing.kernel.errors import BusinessError, Step, WrongState
from openfire_billing.kernel.formats import number_text

AWAITED = (OrderState.SENT, OrderState.CONFIRMED)  # also acts of the journal, as are the two below
GIVEN_UP, TAKEN_BACK = "given_up", "taken_back"


def lines_to_receive(order: PurchaseOrder) -> list[PurchaseOrderLine]:
    """Return the article lines of an order, each with `received` and `left`."""
    return list(order.lines.filter(kind=LineKind.ARTICLE).with_received())


def receive_order(
    order: PurchaseOrder,
    *,
    quantities: Mapping[int, Decimal] | None = None,
    on: date,
    note: str = "",
    closes: bool = False,
    seen: int | None = None,
    by: By,
) -> PurchaseOrder:
    """Record what arrived of an order. It becomes received when nothing is left; one already billed stays so.

    `quantities`: {line id: quantity}; None for all that is left; a negative one takes back what was recorded by mistake,
    and a received order is awaited again. `closes`: the rest will not come, and the order is received. Raises
    WrongState, StaleForm, and BusinessError with the faults of all lines.
    """
    if on > timezone.localdate():
        raise BusinessError(
            _("Une réception ne se date pas dans le futur : donnez le jour de la livraison."),
            field="on",
            code="date_in_future",
        )
    with atomic():
        order = lock_order(order, seen=seen)
        lines = lines_to_receive(order)
        if not _is_receivable(order, lines, is_rest=quantities is None):
            raise WrongState(
                _("%(order)s est à l'état « %(state)s » : seule une commande envoyée se reçoit.")
                % {"order": order, "state": order.get_state_display()},
                step=Step(_("Marquer comme envoyée"), order, act="send") if order.state == OrderState.DRAFT else None,
            )
        wanted = {line.pk: line.left for line in lines} if quantities is None else dict(quantities)
        arrived = {pk: quantity for pk, quantity in wanted.items() if quantity}
        _refuse_wrong(order, lines, arrived, on=on)
        if not arrived and quantities is not None and (not closes or order.state == OrderState.RECEIVED):
            raise BusinessError(_("%s : rien de reçu. Tapez au moins une quantité.") % order)
        if arrived:
            receipt = Receipt.objects.create(order=order, on=on, note=note, by=by)
            ReceivedLine.objects.bulk_create(
                ReceivedLine(receipt=receipt, line_id=pk, quantity=quantity) for pk, quantity in arrived.items()
            )
        left = sum((line.left - arrived.get(line.pk, Decimal(0)) for line in lines), Decimal(0))
        text = _text(lines, arrived, on=on, note=note, is_given_up=closes and left > 0)
        is_less = any(quantity < 0 for quantity in arrived.values())
        if order.state in AWAITED and (left == 0 or closes):
            move(order, OrderState.RECEIVED, by=by, act="received", text=text)
        elif order.state == OrderState.RECEIVED and is_less and not closes:
            move(order, _last_awaited(order), by=by, act=TAKEN_BACK, text=text)
        else:
            raise_version(order)
            record(order, GIVEN_UP if closes else "received", by=by, text=text)
    return order


def _is_receivable(order: PurchaseOrder, lines: Sequence[PurchaseOrderLine], *, is_rest: bool) -> bool:
    """Return whether the state of an order takes a receipt. `is_rest`: of all that is left."""
    if order.state == OrderState.BILLED:
        return not is_rest or any(line.left for line in lines)
    return order.state in AWAITED or (order.state == OrderState.RECEIVED and not is_rest)


def _last_awaited(order: PurchaseOrder) -> OrderState:
    """Return the state in which a received order was awaited, told by its journal."""
    last = HistoryLine.objects.of(order).filter(act__in=AWAITED).first()
    return OrderState(last.act) if last else OrderState.SENT


def unbilled_state(order: PurchaseOrder) -> OrderState:
    """Return the state of a billed order whose bill is taken back: received, or awaited while something is left.

    An order whose rest was given up is received.
    """
    if not any(line.left for line in lines_to_receive(order)):
        return OrderState.RECEIVED
    for line in HistoryLine.objects.of(order).filter(act__in=(*AWAITED, "received", GIVEN_UP, TAKEN_BACK)):
        if line.act == GIVEN_UP or (line.act == "received" and "state" in line.changes):
            return OrderState.RECEIVED
        if line.act != "received":  # a receipt in parts leaves the state
            break
    return _last_awaited(order)


def _refuse_wrong(
    order: PurchaseOrder, lines: Sequence[PurchaseOrderLine], arrived: Mapping[int, Decimal], *, on: date
) -> None:
    """Refuse a line of another order, more than what is left, less than what was received, a day before the order."""
    known = {line.pk: line for line in lines}
    faults = []
    if set(arrived) - set(known):
        faults.append(BusinessError(_("Une ligne reçue n'est pas sur %s. Rechargez la page.") % order, code="stale"))
    if on < order.ordered_on:
        text = _("%(order)s est du %(day)s : la livraison ne la précède pas.")
        faults.append(BusinessError(text % {"order": order, "day": date_format(order.ordered_on, "d/m/Y")}, field="on"))
    for pk, quantity in arrived.items():
        line = known.get(pk)
        if line is not None and not -line.received <= quantity <= line.left:
            faults.append(
                BusinessError(
                    _(
                        "« %(line)s » : %(received)s reçu, %(left)s à recevoir, vous notez %(quantity)s. Corrigez la quantité."
                    )
                    % {
                        "line": line,
                        "received": number_text(line.received, 0),
                        "left": number_text(line.left, 0),
                        "quantity": number_text(quantity, 0),
                    },
                    field=f"line_{pk}",
                    code="beyond_what_is_left",
                )
            )
    if faults:
        raise BusinessError.all(faults)


def _text(
    lines: Sequence[PurchaseOrderLine], arrived: Mapping[int, Decimal], *, on: date, note: str, is_given_up: bool
) -> Text:
    """Return the line of the journal: « Reçu le 24/11/2026 : « Poêle » 3 sur 5 »."""
    after = [(line, line.received + arrived.get(line.pk, Decimal(0))) for line in lines]
    if all(received == line.quantity for line, received in after):
        text = str(_("Marchandise reçue"))
    else:
        parts = ", ".join(
            f"« {line} » {number_text(received, 0)} sur {number_text(line.quantity, 0)}" for line, received in after
        )
        text = str(_("Reçu le %(day)s : %(parts)s") % {"day": date_format(on, "d/m/Y"), "parts": parts})
    if is_given_up:
        text += str(_(" ; le reste ne viendra pas"))
    return f"{text} ({note})" if note else text
