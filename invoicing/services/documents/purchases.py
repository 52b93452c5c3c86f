"""Purchase orders and suppliers' bills: create, edit, send, receive, check, match."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import IntegrityError
from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from invoicing.choices import OrderState, SupplierBillState
from invoicing.models import Address, Company, Partner, PurchaseOrder, PurchaseOrderLine, ReceivedLine, SupplierBill
from invoicing.services.catalogue import take_number, usual_terms
from invoicing.services.documents.lines import Item, LineEdit, apply_edits, complete_line
from invoicing.services.documents.receipts import AWAITED, lines_to_receive, receive_order, unbilled_state
from invoicing.services.locks import lock_bill, lock_order, lock_orders
from invoicing.services.records.history import move, record
from invoicing.services.records.saving import describe_changes
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import columns_of, raise_version, save_changed
from openfire_billing.kernel.errors import BusinessError, Step, WrongState
from openfire_billing.kernel.formats import money_text
from openfire_billing.kernel.money import to_cents


@dataclass(frozen=True)
class OrderDraft:
    """A new order and its lines, in the order of the items."""

    order: PurchaseOrder
    lines: list[PurchaseOrderLine]


def draft_order(
    *,
    company: Company,
    supplier: Partner,
    items: Sequence[Item],
    on: date,
    by: By,
    origin: str = "",
    deliver_to: Address | None = None,
    expected_on: date | None = None,
    notes: str = "",
) -> OrderDraft:
    """Create a draft order to a supplier. Raises BusinessError without an article line."""
    with atomic():
        if not any(item.is_article for item in items):
            raise BusinessError(
                _("Commande à « %s » : aucune ligne d'article. Ajoutez-en une.") % supplier, code="no_lines"
            )
        order = PurchaseOrder.objects.create(
            company=company,
            supplier=supplier,
            ordered_on=on,
            deliver_to=deliver_to,
            expected_on=expected_on,
            notes=notes,
            origin=origin[:80],
            currency=company.currency,
            number=take_number(company, "CF"),
        )
        lines = PurchaseOrderLine.objects.bulk_create(
            PurchaseOrderLine(
                order=order,
                position=position,
                kind=item.kind,
                product=item.product,
                label=item.label,
                quantity=item.quantity,
                unit=item.unit,
                unit_price=item.unit_price,
                discount=item.discount,
                tax=item.tax,
            )
            for position, item in enumerate(items, 1)
        )
        text = _("Commande créée depuis %s") % origin if origin else _("Commande créée")
        record(order, "created", by=by, text=text)
        return OrderDraft(order, lines)


def edit_order(
    order: PurchaseOrder,
    *,
    edits: Sequence[LineEdit],
    values: Mapping[str, object] | None = None,
    seen: int | None = None,
    by: By,
) -> PurchaseOrder:
    """Change a draft order's header and lines. Raises WrongState, StaleForm."""
    with atomic():
        order = lock_order(order, seen=seen)
        if order.state != OrderState.DRAFT:
            raise WrongState(
                _("%(order)s est à l'état « %(state)s » : remettez-la en brouillon pour la modifier.")
                % {"order": order, "state": order.get_state_display()},
                step=Step(_("Remettre en brouillon"), order, act="reset"),
            )
        before = columns_of(order)
        for name, value in (values or {}).items():
            setattr(order, name, value)
        if not save_changed(order, before) and edits:
            raise_version(order)
        lines = {line.pk: line for line in order.lines.select_related("product__tax", "tax", "unit")}
        if any(edit.pk and edit.pk not in lines for edit in edits):
            raise BusinessError(_("Une ligne modifiée n'est plus sur cette commande. Rechargez la page."), code="stale")

        def save(line: PurchaseOrderLine, _before: object) -> None:
            complete_line(line, position=None, company=order.company, on=order.ordered_on)
            line.save()

        deleted, changes = apply_edits(lines, edits, new=lambda: PurchaseOrderLine(order=order), save=save)
        if ReceivedLine.objects.filter(line__in=deleted).exists():
            raise BusinessError(
                _(
                    "%s a eu une réception, reprise depuis : ses lignes ne se suppriment plus. Annulez-la et faites une autre commande."
                )
                % order,
                step=Step(_("Annuler"), order, act="cancel"),
            )
        PurchaseOrderLine.objects.filter(pk__in=[line.pk for line in deleted]).delete()
        header = describe_changes(order, before, values or {})
        if header:
            record(order, "changed", by=by, text=_("Fiche modifiée"), changes=header)
        if changes:
            record(order, "edited", by=by, text=_("Lignes modifiées"), changes={"lines": changes})
    return order


_TEXTS = {
    OrderState.SENT: _("Commande envoyée"),
    OrderState.CONFIRMED: _("Confirmée par le fournisseur"),
    OrderState.CANCELLED: _("Commande annulée"),
    OrderState.DRAFT: _("Remise en brouillon"),
}


def confirm_order(
    order: PurchaseOrder, *, expected_on: date | None = None, seen: int | None = None, by: By
) -> PurchaseOrder:
    """Record that the supplier confirms an order, and for which day; None keeps the day it has. Raises as `move_order`."""
    with atomic():
        order = lock_order(order, seen=seen)
        _refuse_received(order, OrderState.CONFIRMED)
        order.expected_on = expected_on or order.expected_on
        if order.expected_on is not None and order.expected_on < order.ordered_on:
            raise BusinessError(_("La livraison n'est pas attendue avant la commande."), field="expected_on")
        text: Text = _TEXTS[OrderState.CONFIRMED]
        if order.expected_on is not None:
            text = _("%(text)s pour le %(day)s") % {"text": text, "day": date_format(order.expected_on, "d/m/Y")}
        move(order, OrderState.CONFIRMED, by=by, act="confirmed", text=text, save=("expected_on",))
    return order


def move_order(order: PurchaseOrder, *, to: OrderState, seen: int | None = None, by: By) -> PurchaseOrder:
    """Move an order to another state; to RECEIVED, all that is left has arrived today.

    Raises WrongState: move not allowed, a bill that is not cancelled, something received, and to DRAFT a receipt, even
    one that was taken back.
    """
    with atomic():
        order = lock_order(order, seen=seen)
        _refuse_received(order, to)
        if (
            to in (OrderState.CANCELLED, OrderState.DRAFT)
            and order.bills.exclude(state=SupplierBillState.CANCELLED).exists()
        ):
            raise WrongState(
                _("%s a une facture fournisseur : annulez-la d'abord.") % order,
                documents=order.bills.exclude(state=SupplierBillState.CANCELLED)[:5],
            )
        if to in (OrderState.CANCELLED, OrderState.DRAFT) and any(line.received for line in lines_to_receive(order)):
            raise WrongState(
                _("%s est reçue en partie : notez que le reste ne viendra pas (Action › Réception).") % order,
                step=Step(_("Réception"), order, act="receive"),
            )
        if to == OrderState.DRAFT and order.receipts.exists():
            raise WrongState(
                _(
                    "%s a eu une réception, reprise depuis : ses lignes ne changent plus. Laissez-la annulée et faites une autre commande."
                )
                % order,
                step=Step(_("Annuler"), order, act="cancel") if order.state == OrderState.SENT else None,
            )
        if to == OrderState.RECEIVED:
            return receive_order(order, on=timezone.localdate(), by=by)
        if to == OrderState.SENT and (refusal := refusal_to_send(order)):
            raise refusal
        move(order, to, by=by, act=str(to), text=_TEXTS[to])
    return order


def _refuse_received(order: PurchaseOrder, to: OrderState) -> None:
    """Refuse that a received order is awaited again, unless its receipt or its bill is taken back."""
    if to in AWAITED and order.state in (OrderState.RECEIVED, OrderState.BILLED):
        raise WrongState(
            _("%(order)s est à l'état « %(state)s » : « %(wanted)s » n'est pas possible d'ici.")
            % {"order": order, "state": order.get_state_display(), "wanted": to.label}
        )


def refusal_to_send(order: PurchaseOrder) -> BusinessError | None:
    """Return why an order is not sent: it has no line; None when it has one."""
    if order.lines.exists():
        return None
    return BusinessError(
        _("%s : aucune ligne. Ajoutez-en une avant d'envoyer la commande.") % order,
        step=Step(_("Ajouter une ligne"), order, tab="lines"),
        code="no_lines",
    )


def delete_orders(orders: Iterable[PurchaseOrder], *, by: By) -> int:
    """Delete all these orders, drafts or cancelled, without a bill or a receipt, or none. Returns how many were deleted."""
    with atomic():
        locked = lock_orders(orders)
        for order in locked:
            if order.state not in (OrderState.DRAFT, OrderState.CANCELLED):
                raise WrongState(
                    _("%(order)s est à l'état « %(state)s » : seule une commande en brouillon ou annulée se supprime.")
                    % {"order": order, "state": order.get_state_display()}
                )
            if order.receipts.exists():
                raise BusinessError(
                    _("%s a eu une réception, reprise depuis : elle se garde. Laissez-la à l'état « Annulée ».") % order
                )
            record(order, "deleted", by=by, text=_("Commande supprimée"))
        try:
            PurchaseOrder.objects.filter(pk__in=[order.pk for order in locked]).delete()
        except ProtectedError as kept:
            raise BusinessError(_("Cette commande a une facture fournisseur : elle se garde.")) from kept
    return len(locked)


def record_bill(
    *,
    company: Company,
    supplier: Partner,
    number: str,
    on: date,
    net: Decimal,
    tax: Decimal,
    by: By,
    due_on: date | None = None,
    order: PurchaseOrder | None = None,
    notes: str = "",
) -> SupplierBill:
    """Create a supplier's bill, to be checked. `net`, `tax`: as printed on it, to the cent.

    Raises BusinessError: number already recorded, order of another supplier, amount negative or finer than a cent.
    """
    if due_on is None:
        term = usual_terms(supplier).payment_term
        due_on = term.due_on(on) if term else on
    bill = SupplierBill(
        company=company,
        supplier=supplier,
        number=number.strip(),
        order=order,
        billed_on=on,
        due_on=due_on,
        net=Money(net, company.currency),
        tax=Money(tax, company.currency),
        gross=Money(net + tax, company.currency),
        notes=notes,
    )
    _refuse_bad_bill(bill)
    try:
        with atomic():
            bill.save()
            record(bill, "created", by=by, text=_("Facture fournisseur enregistrée"))
    except IntegrityError as twice:
        raise BusinessError(
            _("La facture %(number)s de « %(supplier)s » est déjà enregistrée.")
            % {"number": number, "supplier": supplier},
            code="conflict",
        ) from twice
    return bill


def _refuse_bad_bill(bill: SupplierBill) -> None:
    for amount in (bill.net.amount, bill.tax.amount):
        if amount < 0 or amount != to_cents(amount):
            raise BusinessError(_("Les montants d'une facture fournisseur sont positifs, au centime."))
    order = bill.order
    if order is not None and (order.supplier_id != bill.supplier_id or order.company_id != bill.company_id):
        raise BusinessError(
            _("%(order)s est adressée à « %(supplier)s » : choisissez une commande de ce fournisseur.")
            % {"order": order, "supplier": order.supplier}
        )
    same = SupplierBill.objects.filter(
        company=bill.company, number=bill.number, supplier__in=bill.supplier.with_merged()
    )
    if same.exclude(pk=bill.pk).exists():  # of a partner merged since, which the constraint does not see
        raise BusinessError(
            _("La facture %(number)s de « %(supplier)s » est déjà enregistrée.")
            % {"number": bill.number, "supplier": bill.supplier},
            code="conflict",
        )
    if bill.due_on is not None and bill.due_on < bill.billed_on:
        raise BusinessError(_("L'échéance précède la date de la facture : corrigez l'une des deux dates."))


def bill_order(order: PurchaseOrder, *, number: str, seen: int | None = None, on: date, by: By) -> SupplierBill:
    """Create the bill of what is not billed of an order. An order of free goods has a bill of zero."""
    with atomic():
        order = lock_order(order, seen=seen)
        if order.state in (OrderState.DRAFT, OrderState.CANCELLED):
            raise WrongState(
                _("%(order)s est à l'état « %(state)s » : envoyez-la avant d'enregistrer sa facture.")
                % {"order": order, "state": order.get_state_display()},
                step=Step(_("Marquer comme envoyée"), order, act="send") if order.state == OrderState.DRAFT else None,
            )
        billed = list(order.bills.exclude(state=SupplierBillState.CANCELLED))
        totals = order.totals
        net = totals.net - sum((bill.net.amount for bill in billed), Decimal(0))
        tax = totals.tax - sum((bill.tax.amount for bill in billed), Decimal(0))
        if billed and net <= 0:
            raise BusinessError(
                _("%s est déjà entièrement facturée : voyez ses factures.") % order,
                documents=billed[:5],
                code="already_billed",
            )
        return record_bill(
            company=order.company, supplier=order.supplier, number=number, on=on, net=net, tax=tax, order=order, by=by
        )


def edit_bill(bill: SupplierBill, *, values: Mapping[str, object], seen: int | None = None, by: By) -> SupplierBill:
    """Change a bill that is not checked. The gross is recomputed. Raises WrongState, BusinessError, StaleForm."""
    with atomic():
        bill, _order = lock_bill(bill, seen=seen)
        if bill.state != SupplierBillState.DRAFT:
            raise WrongState(
                _("%s est déjà vérifiée : remettez-la à vérifier pour la modifier.") % bill,
                step=Step(_("Remettre à vérifier"), bill, act="reset"),
            )
        before = columns_of(bill)
        for name, value in values.items():
            setattr(bill, name, value)
        _refuse_bad_bill(bill)
        bill.gross = bill.net + bill.tax
        header = describe_changes(bill, before, values)
        save_changed(bill, before)
        if header:
            record(bill, "changed", by=by, text=_("Fiche modifiée"), changes=header)
    return bill


def check_bill(bill: SupplierBill, *, seen: int | None = None, by: By) -> SupplierBill:
    """Mark a bill « bonne à payer ». A fully billed order becomes « facturée »; the journal keeps a difference with the order."""
    with atomic():
        bill, order = lock_bill(bill, seen=seen)
        text: Text = _("Facture vérifiée, bonne à payer")
        if order is not None:
            billed = order.bills.exclude(state=SupplierBillState.CANCELLED).exclude(pk=bill.pk)
            left = order.totals.gross - sum((b.gross.amount for b in billed), Decimal(0))
            difference = bill.gross.amount - left
            if difference:
                text = _("Facture vérifiée, bonne à payer ; écart de %(off)s avec %(order)s") % {
                    "off": money_text(difference, bill.currency),
                    "order": order,
                }
            if difference >= 0 and order.state != OrderState.BILLED:
                move(order, OrderState.BILLED, by=by, act="billed", text=_("Facturée : %s") % bill)
        move(bill, SupplierBillState.CHECKED, by=by, act="checked", text=text)
    return bill


def reopen_bill(bill: SupplierBill, *, seen: int | None = None, by: By) -> SupplierBill:
    """Put a checked bill back to be checked. Raises WrongState when a payment exists."""
    return _take_back(bill, SupplierBillState.DRAFT, act="reopened", text=_("Remise à vérifier"), seen=seen, by=by)


def cancel_bill(bill: SupplierBill, *, seen: int | None = None, by: By) -> SupplierBill:
    """Cancel a bill. Raises WrongState when a payment exists."""
    return _take_back(bill, SupplierBillState.CANCELLED, act="cancelled", text=_("Facture annulée"), seen=seen, by=by)


def _take_back(
    bill: SupplierBill, state: SupplierBillState, *, act: str, text: Text, seen: int | None, by: By
) -> SupplierBill:
    with atomic():
        bill, order = lock_bill(bill, seen=seen)
        if bill.payments.exists():
            raise WrongState(_("%s est payée, au moins en partie : elle ne se reprend plus.") % bill)
        move(bill, state, by=by, act=act, text=text)
        if order is not None and order.state == OrderState.BILLED:
            move(order, unbilled_state(order), by=by, act="reopened", text=_("Plus entièrement facturée"))
    return bill
