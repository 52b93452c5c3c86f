"""Printing many invoices in one file: asked by a user, done by a worker, which says how far it is."""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256

from django.contrib.auth.models import User
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import PrintState
from invoicing.models import Invoice, PrintJob
from openfire_billing.celery import send_after_commit
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError

AT_ONCE = 20  # up to so many stored PDFs are joined in the answer itself
MOST_PRINTED = 1000
LOST_AFTER = timedelta(minutes=3)  # far longer than one document takes
MOST_LOSSES = 3
KEPT_FOR = timedelta(days=1)


def is_quick(invoices: Sequence[Invoice]) -> bool:
    """Return whether these invoices are joined at once: they are few, and all their PDFs are stored."""
    if len(invoices) > AT_ONCE:
        return False
    ids = [invoice.pk for invoice in invoices]
    return Invoice.objects.filter(pk__in=ids, document__isnull=False).count() == len(ids)


def refuse_too_many(count: int) -> None:
    """Raise BusinessError above MOST_PRINTED invoices."""
    if count > MOST_PRINTED:
        raise BusinessError(
            _(
                "%(count)s factures choisies : %(most)s s'impriment en une fois. Choisissez-en moins, par exemple un mois."
            )
            % {"count": count, "most": MOST_PRINTED}
        )


def order_print(invoices: Sequence[Invoice], *, by: User) -> PrintJob:
    """Ask a worker to join the PDFs of invoices. Returns the open job of the user for the same invoices, if there is one.

    Raises BusinessError above MOST_PRINTED.
    """
    refuse_too_many(len(invoices))
    ids = [invoice.pk for invoice in invoices]
    name = f"user:{by.pk}:{sha256(repr(sorted(ids)).encode()).hexdigest()}:"
    with atomic():
        same = PrintJob.objects.filter(key__startswith=name).order_by("-pk")
        over = same.filter(state__in=(PrintState.DONE, PrintState.FAILED)).values_list("pk", flat=True).first()
        job, is_new = PrintJob.objects.get_or_create(
            key=f"{name}{over or 0}", defaults={"user": by, "documents": ids, "total": len(ids)}
        )
        if is_new:
            send_after_commit("invoicing.tasks.print_together", job.pk)
    return job


def take_print(pk: int | None = None) -> PrintJob | None:
    """Take a job that waits, or whose worker was lost; None when there is none. `pk`: that job alone.

    The UPDATE names the job as it was read, so that one worker has it. A job that lost MOST_LOSSES workers is given up.
    """
    while True:
        now = timezone.now()
        lost = Q(state=PrintState.RUNNING, touched_at__lt=now - LOST_AFTER)
        free = PrintJob.objects.filter(Q(state=PrintState.WAITING) | lost).defer("content").order_by("pk")
        job = (free if pk is None else free.filter(pk=pk)).first()
        if job is None:
            return None
        as_read = PrintJob.objects.filter(pk=job.pk, state=job.state, touched_at=job.touched_at)
        losses = job.losses + (job.state == PrintState.RUNNING)
        if losses >= MOST_LOSSES:
            text = _("L'impression a arrêté %s fois le processus qui la faisait : choisissez moins de factures.")
            as_read.update(state=PrintState.FAILED, losses=losses, error=str(text) % losses)
            continue
        if as_read.update(state=PrintState.RUNNING, touched_at=now, done=0, losses=losses):
            job.state, job.touched_at, job.done, job.losses = PrintState.RUNNING, now, 0, losses
            return job


def note_printed(job: PrintJob) -> None:
    """Count one more printed document, and give a sign."""
    PrintJob.objects.filter(pk=job.pk).update(done=F("done") + 1, touched_at=timezone.now())


def finish_print(job: PrintJob, content: bytes) -> None:
    """Store the file of a job."""
    PrintJob.objects.filter(pk=job.pk).update(
        state=PrintState.DONE, content=content, error="", touched_at=timezone.now()
    )


def fail_print(job: PrintJob, error: Text) -> None:
    """Store why a job has no file."""
    PrintJob.objects.filter(pk=job.pk).update(state=PrintState.FAILED, error=str(error), touched_at=timezone.now())


def forget_prints() -> int:
    """Delete the jobs asked more than a day ago, with their files. Returns how many."""
    return PrintJob.objects.filter(asked_at__lt=timezone.now() - KEPT_FOR).delete()[0]
