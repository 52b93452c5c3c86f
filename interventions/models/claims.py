"""Claims and holds of DI lines: what bills, quotes or orders them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from interventions.models.requests import RequestLine
from invoicing.models import Claim, Hold, PurchaseOrderLine, Quote
from invoicing.models.documents.claims import guard_claim, refuse_more_than_left
from openfire_billing.kernel.errors import BusinessError


class RequestLineClaim(Claim):
    """An invoice line that bills a DI line."""

    SOURCE = "request_line__intervention"
    company_path = f"{SOURCE}__company"

    request_line = models.ForeignKey(
        RequestLine, models.PROTECT, related_name="claims", verbose_name=_("ligne de facturation")
    )

    class Meta:
        verbose_name = _("ligne de DI facturée")
        verbose_name_plural = _("lignes de DI facturées")
        constraints = [models.UniqueConstraint(fields=["invoice_line"], name="interventions_requestclaim_line_once")]

    def __str__(self) -> str:
        return f"{self.request_line} → {self.invoice_line}"

    @classmethod
    def check_changes(cls, claims: Sequence["RequestLineClaim"], changes: Mapping[int, Decimal]) -> None:
        lines = RequestLine.objects.left_to_bill(timezone.localdate()).in_bulk(
            [claim.request_line_id for claim in claims]
        )
        for claim in claims:
            line = lines[claim.request_line_id]
            refuse_more_than_left(str(line), changes[claim.invoice_line_id], line.left + claim.invoice_line.quantity)


guard_claim(RequestLineClaim)


class QuotedLine(Hold):
    """A DI line that a quote line stands for. While the quote lives, the DI line is billed by the quote alone."""

    SOURCE = "request_line__intervention"
    company_path = f"{SOURCE}__company"

    request_line = models.ForeignKey(
        RequestLine, models.PROTECT, related_name="quoted", verbose_name=_("ligne de facturation")
    )

    class Meta:
        verbose_name = _("ligne de DI sur devis")
        verbose_name_plural = _("lignes de DI sur devis")
        constraints = [models.UniqueConstraint(fields=["quote_line"], name="interventions_quotedline_once")]

    def __str__(self) -> str:
        return f"{self.request_line} → {self.quote_line}"

    @classmethod
    def check_revival(cls, quote: Quote) -> None:
        """Each line of the quote must be free on its DI as if this quote did not exist."""
        on = timezone.localdate()
        holds = cls.objects.filter(quote_line__quote=quote).select_related("request_line__intervention", "quote_line")
        lines = RequestLine.objects.left_to_bill(on, without_quote=quote).in_bulk([h.request_line_id for h in holds])
        taken = [h for h in holds if _is_taken(lines[h.request_line_id], h.quote_line.quantity)]
        if taken:
            raise BusinessError(
                _(
                    "%(quote)s : « %(lines)s » a été facturé ou mis sur un autre devis depuis. "
                    "Refaites un devis depuis %(source)s."
                )
                % {
                    "quote": quote,
                    "lines": " », « ".join(str(h.request_line) for h in taken),
                    "source": taken[0].request_line.intervention,
                }
            )


class PurchasedLine(models.Model):
    """A DI line ordered from a supplier. While the order lives, it is not ordered again."""

    company_path = "request_line__intervention__company"

    request_line = models.ForeignKey(
        RequestLine, models.PROTECT, related_name="purchases", verbose_name=_("ligne de facturation")
    )
    order_line = models.OneToOneField(
        PurchaseOrderLine, models.CASCADE, related_name="purchased", verbose_name=_("ligne de commande")
    )

    class Meta:
        ordering = ["pk"]
        verbose_name = _("ligne de DI commandée")
        verbose_name_plural = _("lignes de DI commandées")

    def __str__(self) -> str:
        return f"{self.request_line} → {self.order_line}"


def _is_taken(line: RequestLine, wanted: Decimal) -> bool:
    return line.is_quoted or (line.billed > 0 and line.quantity - line.billed < wanted)
