"""Payments and allocations, from which residuals are computed."""

from datetime import datetime
from decimal import Decimal
from typing import Self, TypeVar

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Value, When
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import PaymentKind
from invoicing.models.catalogue import Journal
from invoicing.models.documents import Invoice, SupplierBill
from invoicing.models.documents.lines import money_field
from invoicing.models.parties import Company, Partner
from openfire_billing.db.fields import amount_field
from openfire_billing.db.functions import Balance, sum_of
from openfire_billing.db.guards import guard
from openfire_billing.db.searchable import columns_at
from openfire_billing.db.stamps import Moments, StampedQuerySet, latest, written_after
from openfire_billing.db.versions import Versioned

Row = TypeVar("Row", bound=models.Model)


class AllocationQuerySet(models.QuerySet[Row]):
    def in_force(self) -> Self:
        """Keep the allocations that are not taken back, without the rows that take others back."""
        return self.not_reversed().filter(reverses=None)

    def not_reversed(self) -> Self:
        """Keep the allocations that no other row takes back.

        The few ids taken back are read from their partial index. A join to « no reversal » sorts the whole table.
        """
        return self.exclude(pk__in=self.model._base_manager.filter(reverses__isnull=False).values("reverses"))


class PaymentQuerySet(StampedQuerySet[Row]):
    def with_left(self) -> Self:
        """Annotate `left`: the amount of each payment that is neither allocated nor paid back; 0 for a refund."""
        used = apps.get_model("invoicing", "Allocation").objects.filter(payment=OuterRef("pk"))
        back = self.model._base_manager.filter(pays_back=OuterRef("pk"))
        of_received = Balance(
            "+", F("amount"), "-", sum_of(used, "amount", "payment"), "-", sum_of(back, "amount", "pays_back"), places=2
        )
        return self.annotate(left=Case(When(is_refund=True, then=Value(Decimal(0))), default=of_received))

    def with_changed_at(self) -> Self:
        """As `StampedQuerySet`; what uses a payment is in its allocations and in the payment that pays it back."""
        return self.annotate(changed_at=latest("updated_at", *self._uses()))

    def changed_after(self, at: datetime) -> Self:
        """As `StampedQuerySet`."""
        return self.filter(written_after(at, *self._uses()))

    def _uses(self) -> list[Moments]:
        allocations = apps.get_model("invoicing", "Allocation").objects.order_by()
        back = self.model._base_manager.order_by()
        return [(allocations, "payment", "at"), (back, "pays_back", "updated_at")]


class Payment(Versioned):
    """Money received from a customer or paid back to him. What is not allocated stays to his credit.

    A refund (`is_refund`) is allocated to the credit note that it pays back, or names the payment (`pays_back`).
    """

    SEARCHED = ("number", "reference", "amount", *columns_at("customer", Partner))

    left: Decimal  # annotated by with_left()

    MOVED_WHEN_MERGED = Q(pk=None)  # accounting documents keep their partner
    currency: str
    company = models.ForeignKey(Company, models.PROTECT, related_name="payments", verbose_name=_("Société"))
    customer = models.ForeignKey(Partner, models.PROTECT, related_name="payments", verbose_name=_("Client"))
    journal = models.ForeignKey(Journal, models.PROTECT, related_name="payments", verbose_name=_("Journal"))
    number = models.CharField(_("Numéro"), max_length=35)
    on = models.DateField(_("Date"))
    kind = models.CharField(_("Moyen"), max_length=15, choices=PaymentKind, default=PaymentKind.TRANSFER)
    amount = money_field(_("Montant"))
    reference = models.CharField(_("Référence"), max_length=80, blank=True)
    is_refund = models.BooleanField(_("Remboursement"), default=False)
    pays_back = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="paid_back_by", verbose_name=_("Rend le paiement")
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("par")
    )

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering = ["-on", "-pk"]
        verbose_name = _("paiement")
        verbose_name_plural = _("paiements")
        constraints = [
            models.UniqueConstraint(fields=["journal", "number"], name="invoicing_payment_number_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="invoicing_payment_positive"),
            models.CheckConstraint(
                condition=Q(pays_back__isnull=True) | Q(is_refund=True), name="invoicing_payment_back_is_refund"
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Allocation(models.Model):
    """An amount of a payment or of a credit note that settles a document.

    `document`: an invoice, or the credit note that a refund pays back. Exactly one of `payment` and `credit_note` is
    set. `reverses`: the allocation that this one takes back, by the opposite amount, once.
    """

    company_path = "document__company"

    document = models.ForeignKey(
        Invoice, models.PROTECT, db_index=False, related_name="allocations", verbose_name=_("facture")
    )
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, blank=True, related_name="allocations", verbose_name=_("paiement")
    )
    credit_note = models.ForeignKey(
        Invoice, models.PROTECT, null=True, blank=True, related_name="uses", verbose_name=_("avoir")
    )
    amount = amount_field(_("montant"))
    on = models.DateField(_("date"))
    at = models.DateTimeField(_("écrite le"), default=timezone.now, db_default=Now(), db_index=True, editable=False)
    reverses = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="reversals",
        verbose_name=_("annule l'affectation"),
    )

    objects = AllocationQuerySet.as_manager()

    class Meta:
        ordering = ["on", "pk"]
        verbose_name = _("affectation")
        verbose_name_plural = _("affectations")
        indexes = [models.Index(fields=["document"], include=["amount"], name="invoicing_allocation_of")]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, reverses__isnull=True) | Q(amount__lt=0, reverses__isnull=False),
                name="invoicing_allocation_sign",
            ),
            models.UniqueConstraint(
                fields=["reverses"], condition=Q(reverses__isnull=False), name="invoicing_reversed_once"
            ),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, credit_note__isnull=True)
                | Q(payment__isnull=True, credit_note__isnull=False),
                name="invoicing_allocation_one_source",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} → {self.document}"


guard(Payment)
guard(Allocation)


class SupplierPayment(models.Model):
    """Money paid on a supplier's bill."""

    company_path = "bill__company"

    bill = models.ForeignKey(SupplierBill, models.PROTECT, related_name="payments", verbose_name=_("facture"))
    on = models.DateField(_("Date"))
    kind = models.CharField(_("Moyen"), max_length=15, choices=PaymentKind, default=PaymentKind.TRANSFER)
    amount = amount_field(_("Montant"))
    reference = models.CharField(_("Référence"), max_length=80, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("par")
    )

    class Meta:
        ordering = ["on", "pk"]
        verbose_name = _("paiement fournisseur")
        verbose_name_plural = _("paiements fournisseurs")
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="invoicing_supplier_payment_positive")]

    def __str__(self) -> str:
        return f"{self.amount} → {self.bill}"
