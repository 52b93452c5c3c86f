"""Which DIs a contract line caused: its visits and its call-outs."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contracts.choices import RequestKind
from contracts.models.lines import ContractLine
from interventions.models import InterventionRequest


class ContractRequest(models.Model):
    """A DI that a contract line caused.

    A visit is known by the first line of its amendment chain, its contract year (from 1) and its rank among `of`
    that year: made once, and never again, even when its DI is cancelled.
    """

    line = models.ForeignKey(ContractLine, models.PROTECT, related_name="requests", verbose_name=_("ligne de contrat"))
    intervention = models.OneToOneField(
        InterventionRequest, models.PROTECT, related_name="contract_request", verbose_name=_("DI")
    )
    kind = models.CharField(_("origine"), max_length=8, choices=RequestKind, default=RequestKind.VISIT)
    chain = models.ForeignKey(ContractLine, models.PROTECT, related_name="+", verbose_name=_("première ligne"))
    year = models.PositiveSmallIntegerField(_("année de contrat"))
    rank = models.PositiveSmallIntegerField(_("rang"), null=True, blank=True)
    of = models.PositiveSmallIntegerField(_("sur"), null=True, blank=True)
    is_covered = models.BooleanField(_("compris dans le contrat"), default=True)

    class Meta:
        ordering = ["year", "rank", "pk"]
        verbose_name = _("DI de contrat")
        verbose_name_plural = _("DI de contrats")
        constraints = [
            models.UniqueConstraint(
                fields=["chain", "year", "rank"], condition=Q(kind=RequestKind.VISIT), name="contracts_visit_once"
            ),
            models.CheckConstraint(
                condition=Q(kind=RequestKind.VISIT, rank__gte=1, of__gte=models.F("rank"))
                | Q(kind=RequestKind.CALLOUT, rank__isnull=True),
                name="contracts_visit_ranked",
            ),
        ]

    def __str__(self) -> str:
        place = f"visite {self.rank}/{self.of}" if self.rank else "SAV"
        return f"{self.intervention} ({place}, année {self.year})"
