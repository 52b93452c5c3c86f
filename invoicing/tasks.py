"""Celery tasks of invoicing. Services send the fast ones after commit; beat catches up what they left."""

from datetime import timedelta
from threading import Lock
from time import monotonic

from celery import shared_task
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils import timezone

from invoicing.choices import MessageState
from invoicing.models import IdempotencyKey, Message
from invoicing.paper import pdf
from invoicing.paper.prints import make_print
from invoicing.services.documents import prints
from invoicing.services.documents.jobs import take_job
from invoicing.services.documents.prints import take_print
from invoicing.services.parties.places import is_searching, locate_waiting
from invoicing.services.parties.webhooks import deliver_next, forget_events
from invoicing.services.records.messages import deliver
from openfire_billing.celery import app
from openfire_billing.web.contributions import contributions_to

RENDERED_FOR = 60  # seconds after which a rendering task lets the other tasks of its queue run
DELIVERED_FOR = 30  # seconds after which the task of webhooks lets the other tasks of its queue run
LOCATED_FOR = 60  # seconds after which the search for addresses lets the other tasks of its queue run
MOST_SENT = 500  # messages that one task sends before the other tasks of its queue run
_rendering = Lock()  # threads share one interpreter: rendering two documents at once gains nothing


@shared_task
def render_document(invoice_id: int) -> bool:
    """Render the PDF of one posted invoice, unless it is done or a worker has its job. Returns whether it was rendered."""
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
    """Render waiting PDFs for a minute, newest first, and queue itself again for the rest. Returns how many were rendered."""
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


@shared_task
def print_together(job_id: int) -> bool:
    """Join the papers of one print, unless a worker has it. Returns whether its file is stored."""
    job = take_print(job_id)
    return job is not None and make_print(job)


@shared_task
def print_waiting() -> int:
    """Do the prints that no task took, or whose worker was lost. Returns how many have their file."""
    made = 0
    while job := take_print():
        made += make_print(job)
    return made


@shared_task
def forget_prints() -> int:
    """Delete the prints of the days before, with their files. Returns how many."""
    return prints.forget_prints()


def body_of(message: Message) -> str:
    """Return the text of a message to send: its own, or that of the `body_of` contributed for the model of its document."""
    model = message.content_type_id and ContentType.objects.get_for_id(message.content_type_id).model_class()
    contributed = contributions_to(model).body_of if model else None
    return contributed(message) if contributed else message.body


def paper_of(document: Model) -> tuple[str, bytes, str]:
    """Return the file attached to a message about a document: that contributed for its model, else its PDF."""
    contributed = contributions_to(type(document)).paper_of
    return contributed(document) if contributed else pdf.paper_of(document)


@shared_task
def send_message(message_id: int) -> bool:
    """Send one message of the outbox. Returns whether it was sent."""
    return deliver(message_id, paper_of=paper_of, body_of=body_of)


@shared_task
def send_waiting_messages() -> int:
    """Send up to MOST_SENT waiting messages, and queue itself again for the rest. Returns how many were sent."""
    waiting = Message.objects.filter(state__in=MessageState.pending, next_try_at__lte=timezone.now()).order_by("pk")
    due = list(waiting.values_list("pk", flat=True)[: MOST_SENT + 1])
    sent = sum(send_message(pk) for pk in due[:MOST_SENT])
    if len(due) > MOST_SENT:
        app.send_task("invoicing.tasks.send_waiting_messages")
    return sent


@shared_task
def deliver_webhooks() -> int:
    """Send what programs are to be told, for half a minute, and queue itself again for the rest. Returns how many were received."""
    received, end = 0, monotonic() + DELIVERED_FOR
    while monotonic() < end:
        was_received = deliver_next(at=timezone.now())
        if was_received is None:
            return received
        received += was_received
    app.send_task("invoicing.tasks.deliver_webhooks")
    return received


@shared_task
def locate_places() -> int:
    """Search for addresses that nobody located, for a minute, and queue itself again for the rest. Returns how many."""
    if not is_searching():
        return 0
    searched, are_left = locate_waiting(until=monotonic() + LOCATED_FOR)
    if are_left:
        app.send_task("invoicing.tasks.locate_places")
    return searched


@shared_task
def forget_webhooks() -> int:
    """Delete the events that programs received long ago. Returns how many."""
    return forget_events(now=timezone.now())


@shared_task
def forget_idempotency_keys() -> int:
    """Delete old idempotency keys: no program retries a write after weeks. Returns how many rows were deleted."""
    old = timezone.now() - timedelta(days=settings.API_KEYS_KEPT_DAYS)
    forgotten, _of_each = IdempotencyKey.objects.filter(at__lt=old).delete()
    return forgotten
