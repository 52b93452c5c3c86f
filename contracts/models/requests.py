"""The DIs that contract lines caused: visits and call-outs."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import NamedTuple

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contracts.choices import RequestKind
from contracts.models.lines import ContractLine
from contracts.planner.served import last_day_of
from interventions.choices import InterventionState
from interventions.models import InterventionRequest, Promise
from interventions.models.promises import PromiseAct
from openfire_billing.kernel.errors import WrongState
from openfire_billing.kernel.formats import place_text


class _Ending(NamedTuple):
    """What the last day of a contract is read from."""

    end_on: date | None
    auto_renew: bool
    terminated_on: date | None


class ContractRequestQuerySet(models.QuerySet["ContractRequest"]):
    def included_callouts_used(self, line: ContractLine, year: int) -> int:
        """Return the included call-outs that a line has used in a contract year; cancelled ones do not count."""
        used = self.filter(line=line, kind=RequestKind.CALLOUT, year=year, is_covered=True)
        return used.exclude(intervention__state=InterventionState.CANCELLED).count()

    def billed(self) -> "ContractRequestQuerySet":
        """Narrow to the visits that an invoice of their contract bills and no credit gave back."""
        return self.filter(claims__released_by__isnull=True, claims__invoice_line__isnull=False)


class ContractRequest(Promise):
    """A DI that a contract line caused.

    A visit is known by the first line of its amendment chain, its contract year (from 1) and its rank among `of`
    that year: made once, and never again, even when its DI is cancelled.
    """

    company_path = "line__contract__company"

    SOURCE = "line__contract"

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

    objects = ContractRequestQuerySet.as_manager()

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
        return f"{self.intervention} ({self.place or 'SAV'}, année {self.year})"

    @property
    def place(self) -> str:
        """Return « 1re visite sur 2 »; "" for a call-out."""
        return place_text(_("visite"), self.rank, self.of) if self.rank and self.of else ""

    @classmethod
    def check_act(cls, interventions: Collection[int], act: PromiseAct) -> Mapping[int, str]:
        """Refuse to take back a visit that its contract bills. A call-out put back counts among the included ones
        again.
        """
        if act == "finish":
            return {}
        requests = cls.objects.filter(intervention__in=interventions).select_related("intervention", "line__contract")
        for request in requests.billed().order_by("pk"):
            raise _refusal_of_billed(request)
        return cls._beyond_included(requests.order_by("pk")) if act == "reset" else {}

    @classmethod
    def visits(cls) -> "ContractRequestQuerySet":
        return cls.objects.filter(kind=RequestKind.VISIT)

    @classmethod
    def last_days(cls, interventions: Collection[int]) -> Mapping[int, date]:
        """Return the last day of the contracts that have an end."""
        contract = "line__contract__"
        ends = Q(**{f"{contract}terminated_on__isnull": False}) | Q(
            **{f"{contract}auto_renew": False, f"{contract}end_on__isnull": False}
        )
        rows = cls.objects.filter(ends, intervention__among=list(interventions)).order_by()
        columns = ("intervention", *(f"{contract}{name}" for name in _Ending._fields))
        found = ((pk, last_day_of(_Ending(*ending))) for pk, *ending in rows.values_list(*columns))
        return {pk: day for pk, day in found if day is not None}

    @classmethod
    def _beyond_included(cls, requests: "ContractRequestQuerySet") -> dict[int, str]:
        """Uncover the call-outs among these cancelled DIs that exceed what is included, others having been made
        meanwhile.

        Return {DI id: reason}.
        """
        reasons: dict[int, str] = {}
        taken: dict[tuple[int, int], int] = {}  # by those put back together
        cancelled = requests.filter(
            kind=RequestKind.CALLOUT, is_covered=True, intervention__state=InterventionState.CANCELLED
        )
        for request in cancelled:
            place = request.line_id, request.year
            taken.setdefault(place, cls.objects.included_callouts_used(request.line, request.year))
            taken[place] += 1
            if taken[place] > request.line.included_callouts:
                request.is_covered = False
                request.save(update_fields=["is_covered"])
                reasons[request.intervention_id] = _("SAV au-delà de ceux que comprend %s : à facturer") % (
                    request.line.contract
                )
        return reasons


def _refusal_of_billed(visit: ContractRequest) -> WrongState:
    claim = visit.claims.filter(released_by__isnull=True, invoice_line__isnull=False).order_by("pk")[:1].get()
    assert claim.invoice_line is not None
    invoice = claim.invoice_line.invoice
    todo = (
        _("Supprimez d'abord ce brouillon.")
        if invoice.is_draft
        else _("Créditez-la d'abord avec « Remettre à facturer ».")
    )
    return WrongState(
        _("%(di)s : sa visite est facturée par %(contract)s (%(invoice)s). %(todo)s")
        % {"di": visit.intervention, "contract": visit.line.contract, "invoice": invoice, "todo": todo}
    )
