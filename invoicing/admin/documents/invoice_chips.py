"""The one-click filters of the list of invoices."""

from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.admin.filters import ChipFilter
from invoicing.choices import InvoiceKind, PaymentState


class InvoiceChips(ChipFilter):
    linked = frozenset({"pdf"})
    uncounted = frozenset({"to-send", "credited", "credits", "month"})
    orders: ClassVar = {
        "drafts": ("proposed_on", "pk"),
        "unpaid": ("due_on", "pk"),
        "late": ("due_on", "pk"),
        "to-refund": ("issued_on", "pk"),
    }
    chips = (
        ("drafts", _("À valider"), lambda q, r: q.drafts()),
        ("unpaid", _("À encaisser"), lambda q, r: q.owed().filter(kind=InvoiceKind.INVOICE)),
        ("late", _("En retard"), lambda q, r: q.overdue()),
        ("to-send", _("À envoyer"), lambda q, r: q.posted().not_sent()),
        ("to-refund", _("À rembourser"), lambda q, r: q.owed().filter(kind=InvoiceKind.CREDIT_NOTE)),
        ("credited", _("Annulées par avoir"), lambda q, r: q.in_payment_state(PaymentState.CREDITED)),
        ("credits", _("Avoirs"), lambda q, r: q.filter(kind=InvoiceKind.CREDIT_NOTE)),
        ("pdf", _("PDF en attente"), lambda q, r: q.filter(document_job__isnull=False)),
        ("month", _("Ce mois-ci"), lambda q, r: q.posted().filter(issued_on__gte=timezone.localdate().replace(day=1))),
    )

    @classmethod
    def questions(cls, queryset: Any, request: HttpRequest) -> dict[str, Any]:
        """Return the query of each chip. What is owed is found once for all of them."""
        owed = queryset.owed()
        return {
            "drafts": queryset.drafts(),
            "unpaid": owed.filter(kind=InvoiceKind.INVOICE),
            "late": owed.filter(is_overdue=True),
            "to-refund": owed.filter(kind=InvoiceKind.CREDIT_NOTE),
        }
