"""The days that matter in the life of a posted invoice: sent, seen by its customer, sent again, paid."""

from dataclasses import dataclass
from datetime import date

from django.contrib.contenttypes.models import ContentType
from django.db.models import Max, Min
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import MessageState
from invoicing.models import HistoryLine, Invoice, Message
from invoicing.services.records.history import record
from openfire_billing.db.transactions import atomic

VIEWED = "viewed"  # the act of the journal


@dataclass(frozen=True)
class Life:
    """Days; None for what has not happened. `reminded_on`: the day of the last message, when there are several."""

    sent_on: date | None
    seen_on: date | None
    reminded_on: date | None


def life_of(invoice: Invoice) -> Life:
    """Return when an invoice was sent, seen and sent again, in two queries."""
    kind = ContentType.objects.get_for_model(Invoice)
    sent = Message.objects.filter(
        content_type=kind, object_id=invoice.pk, state__in=MessageState.left | MessageState.pending
    ).aggregate(first=Min("created_at"), last=Max("created_at"))
    seen = HistoryLine.objects.filter(content_type=kind, object_id=invoice.pk, act=VIEWED).aggregate(first=Min("at"))
    return Life(
        sent_on=sent["first"] and timezone.localdate(sent["first"]),
        seen_on=seen["first"] and timezone.localdate(seen["first"]),
        reminded_on=timezone.localdate(sent["last"]) if sent["last"] != sent["first"] else None,
    )


def note_first_view(invoice: Invoice) -> None:
    """Write in the journal that the customer opened the page of the invoice, the first time. Its version stays."""
    kind = ContentType.objects.get_for_model(Invoice)
    if HistoryLine.objects.filter(content_type=kind, object_id=invoice.pk, act=VIEWED).exists():
        return
    with atomic():
        record(invoice, VIEWED, by=None, text=_("Page ouverte par le client"))
