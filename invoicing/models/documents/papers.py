"""The papers of posted invoices: those made, and those that wait."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing.models.documents.invoices import Invoice


class InvoiceDocument(models.Model):
    """The PDF of a posted invoice: made once, stored with its SHA-256, never made again."""

    invoice = models.OneToOneField(Invoice, models.PROTECT, related_name="document", verbose_name=_("facture"))
    content = models.BinaryField(_("PDF"))
    sha256 = models.CharField("SHA-256", max_length=64)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("document")
        verbose_name_plural = _("documents")

    def __str__(self) -> str:
        return self.sha256


class DocumentJob(models.Model):
    """A posted invoice whose PDF is still to be made. Written by posting, deleted with the insert of the PDF.

    `last_error`: why the last try failed, in a sentence. `not_before`: when it may be tried (again). `taken_until`: a
    worker holds it; after that moment the worker is considered dead.
    """

    invoice = models.OneToOneField(Invoice, models.CASCADE, related_name="document_job", verbose_name=_("facture"))
    attempts = models.PositiveSmallIntegerField(_("essais"), default=0)
    last_error = models.TextField(_("dernier échec"), blank=True)
    not_before = models.DateTimeField(_("pas avant"))
    taken_until = models.DateTimeField(_("pris jusqu'à"), null=True, blank=True)

    class Meta:
        ordering = ["-invoice_id"]
        verbose_name = _("document en attente")
        verbose_name_plural = _("documents en attente")

    def __str__(self) -> str:
        return str(self.invoice)
