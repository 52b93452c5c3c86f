"""A billing run and its outcome for each contract."""

from datetime import date, datetime, timedelta

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contracts.choices import Result, RunKind, RunState, RunStep
from contracts.models.contracts import Contract
from openfire_billing.db.fields import amount_field
from openfire_billing.db.stamps import Stamped, StampedQuerySet

SKEW = timedelta(minutes=2)  # by which the clocks of two machines may differ


class BillingOutcomeQuerySet(models.QuerySet["BillingOutcome"]):
    def visible_to(self, user: User) -> "BillingOutcomeQuerySet":
        """Narrow to outcomes of contracts of the user's companies."""
        return self.filter(contract__company__in=apps.get_model("invoicing", "Company").objects.visible_to(user))

    def invoice_ids(self) -> list[int]:
        """Return the ids of the drafts that the outcomes name, in order. A draft may have been deleted since."""
        billed = self.filter(result=Result.BILLED).order_by().values_list("invoices", flat=True)
        return sorted({pk for ids in billed for pk in ids})

    def refused(self) -> "BillingOutcomeQuerySet":
        return self.filter(result=Result.REFUSED)

    def refused_first(self) -> "BillingOutcomeQuerySet":
        return self.order_by("-result", "pk")


class BillingRunQuerySet(StampedQuerySet["BillingRun"]):
    def nights(self) -> "BillingRunQuerySet":
        return self.filter(kind=RunKind.NIGHT)

    def by_hand(self) -> "BillingRunQuerySet":
        return self.exclude(kind=RunKind.NIGHT)

    def running(self) -> "BillingRunQuerySet":
        return self.filter(state=RunState.RUNNING)

    def visible_to(self, user: User) -> "BillingRunQuerySet":
        """Narrow to the user's own runs, those over a contract of his companies, and whole runs that found nothing."""
        if user.is_superuser:
            return self
        totals = apps.get_model("contracts", "RunTotal").objects.filter(run=OuterRef("pk"))
        return self.filter(
            Q(by=user.pk)
            | Exists(totals.filter(company__in=_companies_of(user)))
            | (Q(selection__isnull=True) & ~Exists(totals))
        )

    def with_totals(self, user: User) -> "BillingRunQuerySet":
        """Load `seen_totals`: the totals of the user's companies."""
        totals = apps.get_model("contracts", "RunTotal").objects.filter(company__in=_companies_of(user))
        totals = totals.select_related("company")
        return self.prefetch_related(
            models.Prefetch("totals", totals, to_attr="seen_totals")  # type: ignore[no-redef]  # the model declares it
        )

    def with_refusals(self, user: User) -> "BillingRunQuerySet":
        """Keep the runs that set aside a contract of the user's companies."""
        totals = apps.get_model("contracts", "RunTotal").objects.filter(run=OuterRef("pk"), refused__gt=0)
        return self.filter(Exists(totals.filter(company__in=_companies_of(user))))


def _companies_of(user: User) -> "QuerySet[models.Model]":
    companies: QuerySet[models.Model] = apps.get_model("invoicing", "Company").objects.visible_to(user)
    return companies


class BillingRun(Stamped):
    """One run over contracts. There is one a night; its outcomes say what became of each contract.

    `selection`: ids of the contracts it was asked for, None = all those due. Its `RunContract` rows are the contracts it
    found, once, when it began to bill. A dry run writes outcomes and nothing else. `key`: of the form that asked for it,
    which starts one run. `owner`: the task that started it, whose retry goes on with it. `touched_at` moves with each
    chunk: a run that stays still is resumed at its `step`, or shown as interrupted. `resumed`: how many times in a row it
    was, without a chunk done. Its totals are those of all companies; `RunTotal` has those of each.
    """

    COLOURS = RunState.colours

    seen_totals: "list[RunTotal]"  # loaded by with_totals()

    on = models.DateField(_("Date de facturation"))
    kind = models.CharField(_("Origine"), max_length=8, choices=RunKind, default=RunKind.MANUAL)
    state = models.CharField(_("État"), max_length=8, choices=RunState, default=RunState.RUNNING)
    step = models.CharField(_("étape"), max_length=10, choices=RunStep, default=RunStep.CONTRACTS)
    owner = models.CharField(_("tâche"), max_length=60, blank=True, editable=False)
    is_dry = models.BooleanField(_("à blanc"), default=False)
    force = models.BooleanField(_("au-delà de la limite de sécurité"), default=False)
    selection = models.JSONField(_("contrats demandés"), null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("par")
    )
    started_at = models.DateTimeField(_("Commencé le"), default=timezone.now)
    touched_at = models.DateTimeField(_("dernier signe"), default=timezone.now)
    finished_at = models.DateTimeField(_("Fini le"), null=True, blank=True)
    expected = models.PositiveIntegerField(_("Attendus"), default=0)
    billed = models.PositiveIntegerField(_("Facturés"), default=0)
    skipped = models.PositiveIntegerField(_("Sans rien à facturer"), default=0)
    refused = models.PositiveIntegerField(_("Mis de côté"), default=0)
    visits = models.PositiveIntegerField(_("Visites créées"), default=0)
    resumed = models.PositiveSmallIntegerField(_("Reprises"), default=0, editable=False)
    note = models.TextField(_("remarque"), blank=True)
    key = models.CharField(_("clé"), max_length=160, null=True, blank=True, unique=True, editable=False)

    objects = BillingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("passage de facturation")
        verbose_name_plural = _("passages de facturation")
        constraints = [
            models.UniqueConstraint(fields=["on"], condition=Q(kind=RunKind.NIGHT), name="contracts_one_run_a_night"),
            models.CheckConstraint(
                condition=~Q(state=RunState.DONE) | Q(expected=F("billed") + F("skipped") + F("refused")),
                name="contracts_run_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"Passage du {self.on:%d/%m/%Y}" + (" (à blanc)" if self.is_dry else "")

    @property
    def is_running(self) -> bool:
        return self.state == RunState.RUNNING

    def is_still(self, seconds: int) -> bool:
        """Return whether the run is running by its state and was not touched for that many seconds.

        A sign of life in the future comes from a clock that ran ahead: it counts for nothing.
        """
        now = timezone.now()
        return self.is_running and not now - timedelta(seconds=seconds) <= self.touched_at <= now + SKEW


class RunContract(models.Model):
    """A contract that a run has to look at. The rows of a finished run are deleted: its outcomes remain."""

    company_path = "contract__company"

    run = models.ForeignKey(
        BillingRun, models.CASCADE, db_index=False, related_name="listed", verbose_name=_("passage")
    )
    contract = models.ForeignKey(Contract, models.CASCADE, db_index=False, related_name="+", verbose_name=_("contrat"))

    class Meta:
        ordering = ["pk"]
        verbose_name = _("contrat d'un passage")
        verbose_name_plural = _("contrats d'un passage")
        constraints = [models.UniqueConstraint(fields=["run", "contract"], name="contracts_listed_once")]

    def __str__(self) -> str:
        return str(self.contract)


class RunTotal(models.Model):
    """The totals of a run in one company. Those by result, and `net`, are written when the run is finished.

    `net`: of the drafts it made, credit notes taken off; of a dry run, of those that it would make. None before.
    """

    run = models.ForeignKey(
        BillingRun, models.CASCADE, db_index=False, related_name="totals", verbose_name=_("passage")
    )
    company = models.ForeignKey(
        "invoicing.Company", models.CASCADE, db_index=False, related_name="+", verbose_name=_("Société")
    )
    expected = models.PositiveIntegerField(_("Attendus"), default=0)
    billed = models.PositiveIntegerField(_("Facturés"), default=0)
    skipped = models.PositiveIntegerField(_("Sans rien à facturer"), default=0)
    refused = models.PositiveIntegerField(_("Mis de côté"), default=0)
    visits = models.PositiveIntegerField(_("Visites créées"), default=0)
    net = amount_field(_("Net HT"), null=True)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("total d'un passage")
        verbose_name_plural = _("totaux d'un passage")
        constraints = [models.UniqueConstraint(fields=["run", "company"], name="contracts_total_once")]

    def __str__(self) -> str:
        return f"{self.run} · {self.company}"


class BillingOutcome(models.Model):
    """The outcome of a run for one contract. `invoices`: ids of its drafts; `drafts`: what a dry run would make."""

    run = models.ForeignKey(
        BillingRun, models.CASCADE, db_index=False, related_name="outcomes", verbose_name=_("passage")
    )
    contract = models.ForeignKey(Contract, models.CASCADE, related_name="outcomes", verbose_name=_("contrat"))
    result = models.CharField(_("résultat"), max_length=8, choices=Result)
    code = models.CharField(_("code"), max_length=30, blank=True)
    reason = models.TextField(_("raison"), blank=True)
    invoices = models.JSONField(_("factures"), default=list, blank=True)
    drafts = models.JSONField(_("à blanc"), default=list, blank=True)

    objects = BillingOutcomeQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name = _("résultat de passage")
        verbose_name_plural = _("résultats de passages")
        constraints = [models.UniqueConstraint(fields=["run", "contract"], name="contracts_outcome_once")]
        indexes = [models.Index(fields=["run"], condition=Q(result=Result.REFUSED), name="contracts_outcome_refused")]

    def __str__(self) -> str:
        return f"{self.contract} : {self.get_result_display()}"

    @property
    def colour(self) -> str:
        """The colour its result is shown in."""
        return Result.colours[self.result]


def night_of(now: datetime) -> date:
    """Return the day of the night run that is the last one due at `now`: night runs start at NIGHT_HOUR in Paris."""
    local = timezone.localtime(now)
    return local.date() if local.hour >= settings.NIGHT_HOUR else local.date() - timedelta(days=1)
