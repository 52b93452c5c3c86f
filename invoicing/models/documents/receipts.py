"""Receipts: what a supplier delivered of an order, and when."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.models.documents.purchases import PurchaseOrder, PurchaseOrderLine
from openfire_billing.db.guards import guard


class Receipt(models.Model):
    """One delivery of a purchase order. It never changes: a mistake is taken back by a second one, of negative quantities."""

    company_path = "order__company"

    order = models.ForeignKey(PurchaseOrder, models.PROTECT, related_name="receipts", verbose_name=_("commande"))
    on = models.DateField(_("Reçue le"))
    note = models.CharField(_("Bon de livraison, remarque"), max_length=200, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("par")
    )
    at = models.DateTimeField(_("noté le"), default=timezone.now)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("réception")
        verbose_name_plural = _("réceptions")

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"


class ReceivedLine(models.Model):
    """The quantity of one line of the order in a receipt."""

    company_path = "receipt__order__company"

    receipt = models.ForeignKey(Receipt, models.PROTECT, related_name="lines", verbose_name=_("réception"))
    line = models.ForeignKey(PurchaseOrderLine, models.PROTECT, related_name="received_in", verbose_name=_("ligne"))
    quantity = models.DecimalField(_("Qté"), max_digits=12, decimal_places=3)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("ligne reçue")
        verbose_name_plural = _("lignes reçues")
        constraints = [
            models.UniqueConstraint(fields=["receipt", "line"], name="invoicing_received_line_once"),
            models.CheckConstraint(condition=~Q(quantity=0), name="invoicing_received_quantity"),
        ]

    def __str__(self) -> str:
        return f"{self.line} · {self.quantity}"


guard(Receipt)
guard(ReceivedLine)
