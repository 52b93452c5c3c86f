"""PDFs of posted invoices, and the queue of those to render."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing.models.documents.invoices import Invoice
from openfire_billing.db.guards import guard


class InvoiceDocument(models.Model):
    """The PDF of a posted invoice: rendered once, stored with its SHA-256, never rendered again."""

    company_path = "invoice__company"

    invoice = models.OneToOneField(Invoice, models.PROTECT, related_name="document", verbose_name=_("facture"))
    content = models.BinaryField(_("PDF"))
    sha256 = models.CharField("SHA-256", max_length=64)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("document")
        verbose_name_plural = _("documents")

    def __str__(self) -> str:
        return self.sha256


guard(InvoiceDocument)


class DocumentJob(models.Model):
    """A posted invoice whose PDF is not rendered yet. Posting inserts the row; storing the PDF deletes it.

    `last_error`: a sentence that says why the last attempt failed. `not_before`: the earliest next attempt.
    `taken_until`: the worker that took the job has it until then; after that, another worker may take it. `losses`: how
    many workers in a row ended without a word while they had it; after a few the job is given up.
    """

    company_path = "invoice__company"

    invoice = models.OneToOneField(Invoice, models.CASCADE, related_name="document_job", verbose_name=_("facture"))
    attempts = models.PositiveSmallIntegerField(_("essais"), default=0)
    losses = models.PositiveSmallIntegerField(_("arrêts"), default=0)
    last_error = models.TextField(_("dernier échec"), blank=True)
    not_before = models.DateTimeField(_("pas avant"))
    taken_until = models.DateTimeField(_("pris jusqu'à"), null=True, blank=True)

    class Meta:
        ordering = ["-invoice_id"]
        verbose_name = _("document en attente")
        verbose_name_plural = _("documents en attente")

    def __str__(self) -> str:
        return str(self.invoice)
