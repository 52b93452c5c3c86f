"""The file of a print: the PDFs of its invoices, one after the other."""

import logging
from collections.abc import Iterator

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext_lazy as _

from invoicing.models import Invoice, PrintJob
from invoicing.paper.pdf import invoice_pdf, one_file
from invoicing.services.documents.prints import fail_print, finish_print, note_printed
from openfire_billing.kernel.errors import BusinessError

log = logging.getLogger(__name__)


def make_print(job: PrintJob) -> bool:
    """Render and join the papers of a taken job, and store the file. Returns whether it is done; a failure is stored."""
    try:
        content = one_file(_papers(job))
    except BusinessError as refusal:
        fail_print(job, str(refusal))
    except (OperationalError, InterfaceError):
        raise  # the database is busy or away: the job is taken again later
    except Exception as failure:
        log.exception("No file for print %s", job.pk)
        fail_print(job, _("La mise en page a échoué (%s). Imprimez ces factures une à une.") % type(failure).__name__)
    else:
        finish_print(job, content)
        return True
    return False


def _papers(job: PrintJob) -> Iterator[bytes]:
    """Yield the PDF of each invoice of the job that still exists. Raises BusinessError when none does."""
    is_empty = True
    for pk in job.documents:
        invoice = Invoice.objects.select_related("company", "customer").filter(pk=pk).first()
        if invoice is not None:
            is_empty = False
            yield invoice_pdf(invoice)
        note_printed(job)
    if is_empty:
        raise BusinessError(_("Aucune de ces factures n'existe plus : revenez à la liste et choisissez de nouveau."))
