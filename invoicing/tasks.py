"""Tasks of invoicing: fast paths, each swept by beat."""

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from invoicing.choices import MessageState
from invoicing.models import IdempotencyKey, Message
from invoicing.paper import pdf
from invoicing.services.records.messages import deliver
from openfire_billing.web.contributions import contributions_to

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


def body_of(message: Message) -> str:
    """The text of a message as it leaves: its own, unless the app of its document makes a part of it only then."""
    model = message.content_type_id and ContentType.objects.get_for_id(message.content_type_id).model_class()
    made = contributions_to(model).body_of if model else None
    return made(message) if made else message.body


@shared_task
def send_message(message_id: int) -> bool:
    """Send one message of the outbox."""
    return deliver(message_id, paper_of=pdf.paper_of, body_of=body_of)


@shared_task
def send_waiting_messages() -> int:
    """Send what waits in the outbox."""
    waiting = Message.objects.filter(state=MessageState.WAITING, next_try_at__lte=timezone.now()).order_by("pk")
    return sum(send_message(pk) for pk in waiting.values_list("pk", flat=True)[:500])


@shared_task
def forget_idempotency_keys() -> int:
    """Forget the keys of old API writes: nobody retries a write after weeks."""
    old = timezone.now() - timedelta(days=settings.API_KEYS_KEPT_DAYS)
    forgotten, _of_each = IdempotencyKey.objects.filter(at__lt=old).delete()
    return forgotten
