"""Purchase orders and suppliers' bills."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import django_filters
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _
from djmoney.money import Money
from rest_framework import serializers

from invoicing.api.acts import LetterWithPaperSerializer
from invoicing.api.base import DaySerializer, DeleteMixin, OfficeSerializer, OfficeView, ReadMixin, WriteMixin, act
from invoicing.api.invoices import PdfMixin
from invoicing.api.lines import DocumentSerializer, LineSerializer, edits_of, number_field, with_origin
from invoicing.api.payments import PaySerializer
from invoicing.api.records import JournalMixin
from invoicing.choices import OrderState, PaymentKind
from invoicing.models import Address, Company, Partner, PurchaseOrder, PurchaseOrderLine, SupplierBill
from invoicing.paper.pdf import order_pdf
from invoicing.services.documents import purchases as services
from invoicing.services.documents.lines import items_of_edits
from invoicing.services.documents.mailing import send_order
from invoicing.services.documents.receipts import receive_order
from invoicing.services.parties.companies import default_company
from invoicing.services.settlement.supplier_payments import pay_supplier
from openfire_billing.db.people import By
from openfire_billing.kernel.money import to_quantity
from openfire_billing.web.api.counts import CountsField, with_counts
from openfire_billing.web.api.fields import Amount, DayField, Id, IdFilter, SinceFilter, UntilFilter, id_field

CHANGE_ORDER, CHANGE_BILL = "invoicing.change_purchaseorder", "invoicing.change_supplierbill"
PRICE = "purchase_price"


def _company_of(data: dict[str, Any], user: Any) -> Company:
    company = data.get("company") or default_company(user)
    if company is None:
        raise serializers.ValidationError({"company": [_("Votre compte n'a accès à aucune société.")]})
    return company


class OrderLineSerializer(LineSerializer):
    """A line at the purchase price."""

    document = "order"
    received = number_field(3, 18, read_only=True, allow_null=True)
    left_to_receive = number_field(3, 18, read_only=True, allow_null=True)

    def left_of(self, line: PurchaseOrderLine) -> None:
        return None

    def to_representation(self, line: PurchaseOrderLine) -> dict[str, Any]:
        """Return the line with its quantities `received` and `left_to_receive`; null for a section or a note."""
        received, left = (line.received, line.left) if line.is_article else (None, None)
        return {
            **super().to_representation(line),
            "received": None if received is None else str(to_quantity(received)),
            "left_to_receive": None if left is None else str(to_quantity(left)),
        }


class PurchaseOrderSerializer(DocumentSerializer):
    """An order to a supplier."""

    example = {"supplier": 12, "notes": "Livrer le matin", "lines": [{"product": 31, "quantity": "2"}]}
    changes = {"notes": "Livrer le matin"}

    number = serializers.CharField(read_only=True)
    supplier = Id(queryset=Partner.objects.all())
    deliver_to = Id(queryset=Address.objects.all(), required=False, allow_null=True)
    ordered_on = DayField(required=False)
    expected_on = DayField(required=False, allow_null=True)
    lines = OrderLineSerializer(many=True, required=False)

    class Meta:
        model = PurchaseOrder
        fields = (
            "id",
            "number",
            "state",
            "company",
            "supplier",
            "deliver_to",
            "ordered_on",
            "expected_on",
            "notes",
            "origin",
            "lines",
            "currency",
            "net",
            "tax",
            "gross",
            "taxes",
            "counts",
        )
        read_only_fields = ("origin",)

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        lines = with_origin(PurchaseOrderLine.objects.with_received().select_related("tax", "unit"))
        return with_counts(queryset, request.user).select_related("company").prefetch_related(Prefetch("lines", lines))

    def create(self, data: dict[str, Any]) -> PurchaseOrder:
        company, on = _company_of(data, self.user), data.get("ordered_on") or timezone.localdate()
        _refuse_expected(data.get("expected_on"), on)
        edits = edits_of(data.get("lines", ()), price=PRICE)
        return services.draft_order(
            company=company,
            supplier=data["supplier"],
            items=items_of_edits(edits, position=None, company=company, on=on),
            on=on,
            by=self.user,
            deliver_to=data.get("deliver_to"),
            expected_on=data.get("expected_on"),
            notes=data.get("notes", ""),
        ).order

    def update(self, order: PurchaseOrder, data: dict[str, Any]) -> PurchaseOrder:
        edits = edits_of(data.pop("lines", ()), order.lines.all(), price=PRICE)
        _refuse_expected(data.get("expected_on", order.expected_on), data.get("ordered_on", order.ordered_on))
        return services.edit_order(order, edits=edits, values=data, seen=self.seen, by=self.user)


def _refuse_expected(expected: date | None, on: date) -> None:
    if expected is not None and expected < on:
        raise serializers.ValidationError({"expected_on": [_("La livraison n'est pas attendue avant la commande.")]})


class SupplierPaymentSerializer(serializers.Serializer):
    """Money paid on a supplier's bill."""

    on = serializers.DateField()
    kind = serializers.ChoiceField(choices=PaymentKind.choices)
    amount = Amount()
    reference = serializers.CharField()


class SupplierBillSerializer(OfficeSerializer):
    """A supplier's bill, with the supplier's number and the printed amounts. `gross`, `paid` and `residual` are computed."""

    example = {"supplier": 12, "number": "F-78", "net": "100.00", "tax": "20.00"}
    changes = {"notes": "Reçue par la poste"}

    state = serializers.CharField(read_only=True)
    company = Id(queryset=Company.objects.all(), required=False)
    supplier = Id(queryset=Partner.objects.all())
    order = Id(queryset=PurchaseOrder.objects.all(), required=False, allow_null=True)
    billed_on = DayField(required=False)
    due_on = DayField(required=False, allow_null=True)
    net = Amount(source="net.amount", read_only=False, min_value=Decimal(0))
    tax = Amount(source="tax.amount", read_only=False, min_value=Decimal(0))
    gross = Amount(source="gross.amount")
    paid = Amount()
    residual = Amount()
    currency = serializers.CharField(read_only=True)
    payments = SupplierPaymentSerializer(many=True, read_only=True)
    counts = CountsField()

    class Meta:
        model = SupplierBill
        fields = (
            "id",
            "number",
            "state",
            "company",
            "supplier",
            "order",
            "billed_on",
            "due_on",
            "net",
            "tax",
            "gross",
            "paid",
            "residual",
            "currency",
            "notes",
            "payments",
            "counts",
        )

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        return with_counts(queryset, request.user).with_residual().prefetch_related("payments")

    def validate_company(self, company: Company) -> Company:
        if self.instance is not None and company != self.instance.company:
            raise serializers.ValidationError(_("La société d'un document ne change pas."))
        return company

    def create(self, data: dict[str, Any]) -> SupplierBill:
        return services.record_bill(
            company=_company_of(data, self.user),
            supplier=data["supplier"],
            number=data["number"],
            on=data.get("billed_on") or timezone.localdate(),
            net=data["net"]["amount"],
            tax=data["tax"]["amount"],
            by=self.user,
            due_on=data.get("due_on"),
            order=data.get("order"),
            notes=data.get("notes", ""),
        )

    def update(self, bill: SupplierBill, data: dict[str, Any]) -> SupplierBill:
        for name in ("net", "tax"):
            if name in data:
                data[name] = Money(data[name]["amount"], bill.currency)
        order, supplier = data.get("order", bill.order), data.get("supplier", bill.supplier)
        if order is not None and (order.supplier_id, order.company_id) != (supplier.pk, bill.company_id):
            raise serializers.ValidationError({"order": [_("Choisissez une commande de ce fournisseur.")]})
        due_on, billed_on = data.get("due_on", bill.due_on), data.get("billed_on", bill.billed_on)
        if due_on is not None and due_on < billed_on:
            raise serializers.ValidationError(
                {"due_on": [_("L'échéance précède la date de la facture : corrigez l'une des deux dates.")]}
            )
        return services.edit_bill(bill, values=data, seen=self.seen, by=self.user)


class ConfirmSerializer(serializers.Serializer):
    """The day that the supplier promises; left out, the day of the order stays."""

    example = {"expected_on": "2026-12-08"}

    expected_on = DayField(required=False, allow_null=True, default=None)


class ReceivedLineSerializer(serializers.Serializer):
    """The quantity that arrived of a line; negative, it takes back what was recorded by mistake."""

    example = {"line": 8, "quantity": "1"}

    line = id_field()
    quantity = serializers.DecimalField(max_digits=12, decimal_places=3)


class ReceiveSerializer(DaySerializer):
    """What arrived. Without `lines`, all that is left. `closes`: the rest will not come."""

    example = {"note": "BL 12"}

    lines = ReceivedLineSerializer(many=True, required=False)
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=150)
    closes = serializers.BooleanField(required=False, default=False)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({line["line"] for line in lines}) != len(lines):
            raise serializers.ValidationError(
                _("Une ligne est donnée deux fois : donnez-la une fois, avec toute sa quantité.")
            )
        return lines


class OrderBillSerializer(DaySerializer):
    """The supplier's number and the day of the bill."""

    example = {"on": "2026-11-24", "number": "F-77"}

    on = DayField()
    number = serializers.CharField(max_length=60)


class PurchaseOrderFilter(django_filters.FilterSet):
    supplier = IdFilter()
    company = IdFilter()
    ordered_on_after = SinceFilter("ordered_on")
    ordered_on_before = UntilFilter("ordered_on")
    expected_on_before = UntilFilter("expected_on")

    class Meta:
        model = PurchaseOrder
        fields = ("number", "state", "supplier", "company", "origin")


class PurchaseOrderView(PdfMixin, JournalMixin, ReadMixin, WriteMixin, DeleteMixin, OfficeView):
    """Commandes fournisseurs."""

    queryset = PurchaseOrder.objects.all()
    serializer_class = PurchaseOrderSerializer
    filterset_class = PurchaseOrderFilter
    search_fields = PurchaseOrder.SEARCHED
    ordering_fields = ("id", "number", "ordered_on", "expected_on")

    def delete_document(self, document: PurchaseOrder, by: By) -> None:
        services.delete_orders([document], by=by)

    def pdf_of(self, document: PurchaseOrder) -> bytes:
        return order_pdf(document)

    def _moved(self, order: PurchaseOrder, to: OrderState) -> PurchaseOrder:
        return services.move_order(order, to=to, by=self.request.user)

    @act(CHANGE_ORDER)
    def send(self, order: PurchaseOrder, body: dict[str, Any]) -> PurchaseOrder:
        """Marque la commande comme envoyée."""
        return self._moved(order, OrderState.SENT)

    @act(CHANGE_ORDER, asks=LetterWithPaperSerializer)
    def mail(self, order: PurchaseOrder, body: dict[str, Any]) -> PurchaseOrder:
        """Met la commande à l'envoi au fournisseur, avec son PDF ; un brouillon passe à « Envoyée »."""
        return send_order(order, key=f"mail-{uuid4().hex}", seen=self.seen, by=self.request.user, **body)

    @act(CHANGE_ORDER, asks=ConfirmSerializer)
    def confirm(self, order: PurchaseOrder, body: dict[str, Any]) -> PurchaseOrder:
        """Le fournisseur confirme, au besoin pour un autre jour."""
        return services.confirm_order(order, seen=self.seen, by=self.request.user, **body)

    @act(CHANGE_ORDER, asks=ReceiveSerializer)
    def receive(self, order: PurchaseOrder, body: dict[str, Any]) -> PurchaseOrder:
        """Ce qui est arrivé ; la commande est reçue quand il ne reste rien, une commande facturée le reste."""
        lines = body.pop("lines", None)
        quantities = None if lines is None else {line["line"]: line["quantity"] for line in lines}
        return receive_order(order, quantities=quantities, seen=self.seen, by=self.request.user, **body)

    @act("invoicing.add_supplierbill", asks=OrderBillSerializer, answers=SupplierBillSerializer, status=201)
    def bill(self, order: PurchaseOrder, body: dict[str, Any]) -> Any:
        """Facture fournisseur de ce qui n'est pas encore facturé de la commande."""
        return services.bill_order(order, number=body["number"], on=body["on"], seen=self.seen, by=self.request.user)

    @act(CHANGE_ORDER)
    def cancel(self, order: PurchaseOrder, body: dict[str, Any]) -> PurchaseOrder:
        """Annule : ses lignes peuvent être commandées de nouveau."""
        return self._moved(order, OrderState.CANCELLED)

    @act(CHANGE_ORDER)
    def reset(self, order: PurchaseOrder, body: dict[str, Any]) -> PurchaseOrder:
        """Remet en brouillon une commande envoyée ou annulée, qui n'a eu aucune réception."""
        return self._moved(order, OrderState.DRAFT)


class SupplierBillFilter(django_filters.FilterSet):
    supplier = IdFilter()
    company = IdFilter()
    order = IdFilter()
    billed_on_after = SinceFilter("billed_on")
    billed_on_before = UntilFilter("billed_on")
    due_on_before = UntilFilter("due_on")
    to_pay = django_filters.BooleanFilter(method="left_to_pay")

    class Meta:
        model = SupplierBill
        fields = ("number", "state", "supplier", "company", "order")

    def left_to_pay(self, queryset: Any, name: str, value: bool) -> Any:
        """Filter the checked bills with a residual, or the others."""
        wanted = SupplierBill.objects.to_pay().values("pk")
        return queryset.filter(pk__in=wanted) if value else queryset.exclude(pk__in=wanted)


class SupplierBillView(JournalMixin, ReadMixin, WriteMixin, OfficeView):
    """Factures fournisseurs."""

    queryset = SupplierBill.objects.all()
    serializer_class = SupplierBillSerializer
    filterset_class = SupplierBillFilter
    search_fields = SupplierBill.SEARCHED
    ordering_fields = ("id", "number", "billed_on", "due_on", "gross")

    @act(CHANGE_BILL)
    def check(self, bill: SupplierBill, body: dict[str, Any]) -> SupplierBill:
        """Bonne à payer : la facture est comparée à sa commande, un écart est gardé au journal."""
        return services.check_bill(bill, seen=self.seen, by=self.request.user)

    @act("invoicing.post_invoice", asks=PaySerializer)
    def pay(self, bill: SupplierBill, body: dict[str, Any]) -> SupplierBill:
        """Enregistre un paiement d'une facture bonne à payer ; répond la facture et ce qui en reste."""
        pay_supplier(bill, by=self.request.user, **body)
        return bill

    @act(CHANGE_BILL)
    def reset(self, bill: SupplierBill, body: dict[str, Any]) -> SupplierBill:
        """Remet à vérifier une facture sur laquelle rien n'est payé."""
        return services.reopen_bill(bill, seen=self.seen, by=self.request.user)

    @act(CHANGE_BILL)
    def cancel(self, bill: SupplierBill, body: dict[str, Any]) -> SupplierBill:
        """Annule une facture sur laquelle rien n'est payé."""
        return services.cancel_bill(bill, seen=self.seen, by=self.request.user)
