"""Purchase orders to suppliers, and the bills that suppliers send."""

from decimal import Decimal
from typing import Self, TypeVar

from django.apps import apps
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Sum, When
from django.utils.translation import gettext_lazy as _

from invoicing.choices import ORDER_MOVES, SUPPLIER_BILL_MOVES, LineKind, OrderState, SupplierBillState
from invoicing.models.documents.lines import BillableLine, lines_totals, money_field
from invoicing.models.parties import Address, Company, Partner
from openfire_billing.db.functions import Balance, sum_of
from openfire_billing.db.searchable import columns_at
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.versions import Versioned
from openfire_billing.kernel.money import Totals

Row = TypeVar("Row", bound=models.Model)


class PurchaseOrderQuerySet(StampedQuerySet[Row]):
    def with_lines(self) -> Self:
        """Load what `totals` reads, in a constant number of queries."""
        line = apps.get_model("invoicing", "PurchaseOrderLine")
        return self.select_related("company").prefetch_related(
            models.Prefetch("lines", line.objects.select_related("tax", "product"))
        )

    def awaited(self) -> Self:
        """Keep the orders sent or confirmed and not received."""
        return self.filter(state__in=[OrderState.SENT, OrderState.CONFIRMED])

    def with_receipts(self) -> Self:
        """Annotate `is_partly_received`: something of it arrived, and the rest is awaited."""
        lines = apps.get_model("invoicing", "ReceivedLine").objects.filter(line__order=OuterRef("pk"))
        sums = lines.order_by().values("line").annotate(received=Sum("quantity"))
        arrived = sums.filter(received__gt=0)  # not all taken back
        awaited = Q(state__in=[OrderState.SENT, OrderState.CONFIRMED])
        return self.annotate(is_partly_received=Case(When(awaited & Exists(arrived), then=True), default=False))

    def partly_received(self) -> Self:
        return self.with_receipts().filter(is_partly_received=True)


class OrderLineQuerySet(models.QuerySet[Row]):
    def with_received(self) -> Self:
        """Annotate `received` and `left`: quantities delivered, and left to deliver."""
        arrived = apps.get_model("invoicing", "ReceivedLine").objects.filter(line=OuterRef("pk"))
        received = sum_of(arrived, "quantity", "line")
        return self.annotate(
            received=Balance("+", received, places=3),
            left=Balance("+", F("quantity"), "-", received, places=3, floor=True),
        )


class SupplierBillQuerySet(StampedQuerySet[Row]):
    def with_residual(self) -> Self:
        """Annotate `paid` and `residual`: amounts paid and left to pay."""
        payments = apps.get_model("invoicing", "SupplierPayment").objects.filter(bill=OuterRef("pk"))
        paid = sum_of(payments, "amount", "bill")
        return self.annotate(paid=Balance("+", paid, places=2), residual=Balance("+", F("gross"), "-", paid, places=2))

    def to_pay(self) -> Self:
        """Keep the checked bills with a residual. Annotates it."""
        return self.with_residual().filter(state=SupplierBillState.CHECKED, residual__gt=0)


class PurchaseOrder(Versioned):
    """An order to a supplier. A received order becomes billed when its checked bills reach its total."""

    SEARCHED = ("number", "origin", *columns_at("supplier", Partner))

    MOVES = ORDER_MOVES
    COLOURS = OrderState.colours

    company = models.ForeignKey(Company, models.PROTECT, related_name="purchase_orders", verbose_name=_("Société"))
    number = models.CharField(_("Numéro"), max_length=35)
    state = models.CharField(_("État"), max_length=10, choices=OrderState, default=OrderState.DRAFT)
    supplier = models.ForeignKey(Partner, models.PROTECT, related_name="purchase_orders", verbose_name=_("Fournisseur"))
    ordered_on = models.DateField(_("Date"))
    expected_on = models.DateField(_("Attendue le"), null=True, blank=True)
    deliver_to = models.ForeignKey(
        Address, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Livrer à (vide = chez nous)")
    )
    origin = models.CharField(_("Origine"), max_length=80, blank=True)
    notes = models.TextField(_("Texte libre"), blank=True)
    currency = models.CharField(_("Devise"), max_length=3, default="EUR")

    objects = PurchaseOrderQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("commande fournisseur")
        verbose_name_plural = _("commandes fournisseurs")
        constraints = [
            models.UniqueConstraint(fields=["company", "number"], name="invoicing_order_number_once"),
            models.CheckConstraint(
                condition=Q(expected_on__isnull=True) | Q(expected_on__gte=models.F("ordered_on")),
                name="invoicing_order_dates",
                violation_error_message=_("La livraison n'est pas attendue avant la commande."),
            ),
        ]

    def __str__(self) -> str:
        return self.number or "Commande fournisseur"

    @property
    def totals(self) -> Totals:
        """HT, VAT per rate, TTC at purchase prices."""
        return lines_totals(self.lines.all(), self.company.rounding)


class PurchaseOrderLine(BillableLine):
    """A line of a purchase order, at the purchase price."""

    company_path = "order__company"

    # annotated by with_received()
    received: Decimal
    left: Decimal

    order = models.ForeignKey(PurchaseOrder, models.CASCADE, related_name="lines", verbose_name=_("commande"))

    objects = OrderLineQuerySet.as_manager()

    class Meta(BillableLine.Meta):
        verbose_name = _("ligne de commande")
        verbose_name_plural = _("lignes de commande")
        constraints = [
            *BillableLine.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(kind=LineKind.ARTICLE) | Q(quantity__gt=0),
                name="invoicing_orderline_quantity",
                violation_error_message=_("La quantité est supérieure à zéro."),
            ),
        ]


class SupplierBill(Versioned):
    """A bill from a supplier, with the supplier's number and amounts, for an order or without one."""

    SEARCHED = ("number", "order__number", "gross", *columns_at("supplier", Partner))

    MOVES = SUPPLIER_BILL_MOVES
    COLOURS = SupplierBillState.colours
    MOVED_WHEN_MERGED = Q(pk=None)  # accounting documents keep their partner
    currency: str
    # annotated by with_residual()
    paid: Decimal
    residual: Decimal

    company = models.ForeignKey(Company, models.PROTECT, related_name="supplier_bills", verbose_name=_("Société"))
    supplier = models.ForeignKey(Partner, models.PROTECT, related_name="supplier_bills", verbose_name=_("Fournisseur"))
    number = models.CharField(_("Numéro du fournisseur"), max_length=60)
    state = models.CharField(_("État"), max_length=10, choices=SupplierBillState, default=SupplierBillState.DRAFT)
    order = models.ForeignKey(
        PurchaseOrder, models.PROTECT, null=True, blank=True, related_name="bills", verbose_name=_("Commande")
    )
    billed_on = models.DateField(_("Date de la facture"))
    due_on = models.DateField(_("Échéance"), null=True, blank=True)
    net = money_field(_("Total HT"))
    tax = money_field(_("TVA"))
    gross = money_field(_("Total TTC"))
    notes = models.TextField(_("Texte libre"), blank=True)

    objects = SupplierBillQuerySet.as_manager()

    class Meta:
        ordering = ["-billed_on", "-pk"]
        verbose_name = _("facture fournisseur")
        verbose_name_plural = _("factures fournisseurs")
        constraints = [
            models.UniqueConstraint(
                fields=["company", "supplier", "number"],
                name="invoicing_supplier_bill_once",
                violation_error_message=_("Cette facture de ce fournisseur est déjà enregistrée."),
            ),
            models.CheckConstraint(
                condition=Q(due_on__isnull=True) | Q(due_on__gte=models.F("billed_on")),
                name="invoicing_supplier_bill_dates",
                violation_error_message=_("L'échéance précède la date de la facture : corrigez l'une des deux dates."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.supplier} {self.number}" if self.supplier_id else "Facture fournisseur"
