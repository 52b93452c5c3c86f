"""The ledger: one balanced entry for each posted invoice and each payment. It names documents by text."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from invoicing.models.catalogue import Journal
from invoicing.models.parties import Partner
from openfire_billing.db.fields import amount_field
from openfire_billing.db.guards import guard


class Entry(models.Model):
    """A balanced entry of a journal. Written entries never change."""

    company_path = "journal__company"

    journal = models.ForeignKey(Journal, models.PROTECT, related_name="entries", verbose_name=_("journal"))
    number = models.CharField(_("numéro"), max_length=35)
    on = models.DateField(_("date"), db_index=True)
    document = models.CharField(_("pièce"), max_length=35)
    label = models.CharField(_("libellé"), max_length=160)

    class Meta:
        ordering = ["-on", "-pk"]
        verbose_name = _("écriture")
        verbose_name_plural = _("écritures")
        constraints = [models.UniqueConstraint(fields=["journal", "number"], name="invoicing_entry_number_once")]

    def __str__(self) -> str:
        return f"{self.number} {self.label}"


class EntryLine(models.Model):
    """A line of an entry: an account, debited or credited, never both. Written with its entry, or never."""

    company_path = "entry__journal__company"

    entry = models.ForeignKey(Entry, models.PROTECT, related_name="lines", verbose_name=_("écriture"))
    account = models.CharField(_("compte"), max_length=12)
    partner = models.ForeignKey(
        Partner, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("auxiliaire")
    )
    label = models.CharField(_("libellé"), max_length=160, blank=True)
    debit = amount_field(_("débit"), default=0)
    credit = amount_field(_("crédit"), default=0)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("ligne d'écriture")
        verbose_name_plural = _("lignes d'écriture")
        constraints = [
            models.CheckConstraint(
                condition=Q(debit__gte=0, credit=0) | Q(debit=0, credit__gt=0), name="invoicing_entry_line_one_side"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.debit or -self.credit}"


guard(Entry)
guard(EntryLine, written_with="entry", sides=("debit", "credit"))


class JournalCounter(models.Model):
    """The counter of a series (journal and calendar year): last number and last issue date."""

    company_path = "journal__company"

    journal = models.ForeignKey(Journal, models.PROTECT, related_name="counters", verbose_name=_("journal"))
    year = models.PositiveSmallIntegerField(_("année"))
    last_number = models.PositiveIntegerField(_("dernier numéro"), default=0)
    last_issued_on = models.DateField(_("dernière date"), null=True, blank=True)

    class Meta:
        ordering = ["journal", "year"]
        verbose_name = _("compteur de journal")
        verbose_name_plural = _("compteurs de journaux")
        constraints = [models.UniqueConstraint(fields=["journal", "year"], name="invoicing_counter_once")]

    def __str__(self) -> str:
        return f"{self.journal.prefix}{self.year}: {self.last_number}"
