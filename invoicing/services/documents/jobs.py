"""The queue of PDFs to render. Posting fills it, workers take jobs one by one, beat retries what is left."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.models import Company, DocumentJob, Invoice
from openfire_billing.celery import send_after_commit
from openfire_billing.db import bulk

EACH = 20  # up to so many documents posted together have a task each; above, one task takes them one by one
TAKEN_FOR = timedelta(minutes=5)  # far longer than any document takes
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
LATE_AFTER = timedelta(minutes=10)  # health reports a document that waits longer
MOST_LOSSES = 3  # workers lost in a row by one document
_GIVEN_UP = _(
    "la mise en page a arrêté %s fois de suite le processus qui la faisait : elle n'est plus essayée. "
    "Prévenez votre support, puis relancez render_invoices."
)


def queue_documents(invoices: Sequence[Invoice], *, at: datetime) -> None:
    """Queue the PDFs of invoices posted in this transaction."""
    bulk.insert(
        DocumentJob,
        ("invoice_id", "attempts", "losses", "last_error", "not_before", "taken_until"),
        [(invoice.pk, 0, 0, "", at, None) for invoice in invoices],
    )
    if len(invoices) <= EACH:
        for invoice in invoices:
            send_after_commit("invoicing.tasks.render_document", invoice.pk)
    else:
        send_after_commit("invoicing.tasks.render_waiting")


def take_job(invoice: int | None = None) -> DocumentJob | None:
    """Reserve a free job for five minutes, count one attempt, and return the job; None when no job is free.

    A job is free when its `not_before` has passed and no worker has reserved it, or the reservation has expired: its
    worker was lost. A job that lost MOST_LOSSES workers is given up, with a sentence.
    `invoice`: id of the invoice whose job is wanted; None: the free job of the newest invoice.
    The UPDATE filters on the `taken_until` that was read: when another worker reserved the job in between, it updates no
    row, and the search starts again.
    """
    while True:
        now = timezone.now()
        free = DocumentJob.objects.filter(
            Q(taken_until__isnull=True) | Q(taken_until__lt=now), not_before__lte=now, losses__lt=MOST_LOSSES
        )
        job = (free if invoice is None else free.filter(invoice=invoice)).order_by("-invoice_id").first()
        if job is None:
            return None
        as_read = DocumentJob.objects.filter(pk=job.pk, taken_until=job.taken_until)
        job.losses += job.taken_until is not None
        if job.losses >= MOST_LOSSES:
            as_read.update(losses=job.losses, last_error=str(_GIVEN_UP) % job.losses, taken_until=None)
            continue
        if as_read.update(taken_until=now + TAKEN_FOR, attempts=F("attempts") + 1, losses=job.losses):
            job.attempts += 1
            return job


def put_back(job: DocumentJob, *, error: str) -> None:
    """Store why the PDF of a job failed, and when to retry. The wait doubles with each attempt."""
    wait = min(FIRST_WAIT * 2 ** min(job.attempts - 1, 20), LONGEST_WAIT)
    DocumentJob.objects.filter(pk=job.pk).update(
        last_error=error, not_before=timezone.now() + wait, taken_until=None, losses=0
    )


def retry_all() -> None:
    """Let all jobs be tried at once, those given up included."""
    DocumentJob.objects.update(not_before=timezone.now(), losses=0)


def late_documents(companies: Iterable[Company] | None = None) -> tuple[int, str]:
    """Return how many documents failed or wait for too long, and the last error of the newest ("" without one).

    `companies`: None for all companies.
    """
    jobs = DocumentJob.objects.filter(~Q(last_error="") | Q(invoice__posted_at__lt=timezone.now() - LATE_AFTER))
    if companies is not None:
        jobs = jobs.filter(invoice__company__in=companies)
    count = jobs.count()
    failed = jobs.exclude(last_error="").order_by("-invoice_id").first() if count else None
    return count, failed.last_error if failed else ""
