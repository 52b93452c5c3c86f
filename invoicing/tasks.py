"""Tasks of invoicing: fast paths, each swept by beat."""

from datetime import timedelta
from threading import Lock
from time import monotonic

from celery import shared_task
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from invoicing.choices import MessageState
from invoicing.models import IdempotencyKey, Message
from invoicing.paper import pdf
from invoicing.services.documents.jobs import take_job
from invoicing.services.records.messages import deliver
from openfire_billing.celery import app
from openfire_billing.web.contributions import contributions_to

RENDERED_FOR = 60  # seconds after which a task that renders gives way to the others of its queue
_rendering = Lock()  # threads of one process share one interpreter: two documents at once are no sooner done


@shared_task
def render_document(invoice_id: int) -> bool:
    """Make the PDF of one posted invoice, unless it is made or somebody is at it."""
    if not _rendering.acquire(blocking=False):
        app.send_task("invoicing.tasks.render_document", args=(invoice_id,), countdown=1)
        return False
    try:
        job = take_job(invoice_id)
        return job is not None and pdf.make_document(job)
    finally:
        _rendering.release()


@shared_task
def render_waiting() -> int:
    """Make the PDFs that posted invoices wait for, newest first, for a minute; what is left is queued again."""
    if not _rendering.acquire(blocking=False):
        app.send_task("invoicing.tasks.render_waiting", countdown=1)
        return 0
    try:
        made, end = 0, monotonic() + RENDERED_FOR
        while monotonic() < end:
            job = take_job()
            if job is None:
                return made
            made += pdf.make_document(job)
    finally:
        _rendering.release()
    app.send_task("invoicing.tasks.render_waiting")
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
