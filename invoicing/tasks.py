"""Tasks of invoicing: fast paths, each swept by beat."""

import logging

from celery import shared_task
from django.utils import timezone

from invoicing.choices import MessageState
from invoicing.exchange import pdf
from invoicing.models import Message
from invoicing.services.parties.messages import deliver

log = logging.getLogger(__name__)


@shared_task
def render_missing_documents() -> int:
    """Make the PDFs that posted invoices lack. A document that fails is logged, left for the next sweep, and stops none."""
    made = 0
    for invoice in pdf.documents_missing():
        try:
            pdf.invoice_pdf(invoice)
            made += 1
        except Exception:  # one broken logo must not keep the others from being made
            log.exception("No PDF for %s", invoice)
    return made


@shared_task
def send_message(message_id: int) -> bool:
    """Send one message of the outbox."""
    return deliver(message_id)


@shared_task
def send_waiting_messages() -> int:
    """Send what waits in the outbox."""
    waiting = Message.objects.filter(state=MessageState.WAITING, next_try_at__lte=timezone.now()).order_by("pk")
    return sum(deliver(pk) for pk in waiting.values_list("pk", flat=True)[:500])
