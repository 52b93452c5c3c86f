"""What settles a period, a visit or an exception: an invoice line, or a reason why none bears it.

Each is a *thing*, claimed whole. It lives until a credit « à refacturer » of its whole line releases it
(`released_by`), or until its draft is deleted or cancelled. While it lives, nothing else can claim the same.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Final, Self, TypeVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Least
from django.utils.translation import gettext_lazy as _

from contracts.choices import ClaimKind, WithoutDocument
from contracts.models.articles import Article, ContractException
from contracts.models.contracts import Contract
from contracts.models.requests import ContractRequest
from contracts.planner.facts import EXCEPTION_CLAIM, PERIOD_CLAIM, VISIT_CLAIM
from invoicing.models import Claim, InvoiceLine
from invoicing.models.documents.claims import guard_claim
from openfire_billing.db.fields import amount_field
from openfire_billing.db.people import By
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.periods import ONE_DAY

LIVE = Q(released_by__isnull=True)  # holds what it bills: nothing else may bill it

Row = TypeVar("Row", bound="ThingClaim")


class ThingClaimQuerySet(models.QuerySet[Row]):
    def live(self) -> Self:
        """Narrow to the claims that hold what they bill."""
        return self.filter(LIVE)


def _settled(name: str) -> models.CheckConstraint:
    """Return the constraint: settled by an invoice line or by a reason, exactly one of the two."""
    return models.CheckConstraint(
        condition=Q(invoice_line__isnull=False, without_document="")
        | (Q(invoice_line__isnull=True) & ~Q(without_document="")),
        name=name,
    )


def _released(name: str) -> models.Index:
    return models.Index(fields=["released_by"], condition=Q(released_by__isnull=False), name=name)


class ThingClaim(Claim):
    """A claim of a whole thing.

    `net`: what its invoice line bills, in the contract's currency, signed as the line's; without a line, the amount that
    was waived, 0 when it was free. `due_on`: the day it becomes owed, and is again when it is freed.
    """

    IS_QUANTITY = False
    THING: ClassVar[tuple[str, ...]] = ()  # the columns that say what it claims, as a charge's `claim_values`

    invoice_line = models.ForeignKey(  # type: ignore[assignment]  # may be settled without an invoice line
        InvoiceLine,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name=_("ligne de facture"),
    )
    without_document = models.CharField(_("sans facture"), max_length=16, choices=WithoutDocument, blank=True)
    released_by = models.ForeignKey(
        InvoiceLine,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # almost always empty: _released() indexes the others
        related_name="+",
        verbose_name=_("libéré par"),
    )
    net = amount_field(_("net HT"))
    due_on = models.DateField(_("dû le"))

    objects = ThingClaimQuerySet.as_manager()

    class Meta:
        abstract = True

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the columns of a row written in bulk, in order."""
        return (*cls.THING, "net", "invoice_line_id", "without_document", "due_on")

    @classmethod
    def contracts_of(cls, claims: Sequence[Self]) -> models.QuerySet[models.Model, dict[str, object]]:
        """Return the contracts these claims bill, found by what they claim: the claims themselves may be deleted."""
        thing, _dash, path = cls.SOURCE.partition("__")
        model = cls._meta.get_field(thing).related_model
        assert model is not None
        return model._default_manager.filter(pk__in=[getattr(claim, f"{thing}_id") for claim in claims]).values(path)

    @classmethod
    def check_changes(cls, claims: Sequence[Self], changes: Mapping[int, Decimal]) -> None:
        raise BusinessError(_("La quantité d'une période ou d'une visite ne change pas."))

    @classmethod
    def priced(cls, claims: Sequence[Self], lines: Mapping[int, InvoiceLine]) -> None:
        """Give each claim the net of its line."""
        changed = []
        for claim in claims:
            line = lines.get(claim.invoice_line_id) if claim.invoice_line_id else None
            if line is not None and claim.net != line.net:
                claim.net = line.net
                changed.append(claim)
        cls.objects.bulk_update(changed, ["net"])

    @classmethod
    def released(cls, claims: Sequence[Self], *, credit_lines: Mapping[int, InvoiceLine], by: By) -> None:
        """Release these claims; `released_by` keeps the credit line that gave the thing back."""
        for claim in claims:
            assert claim.invoice_line_id is not None
            claim.released_by = credit_lines[claim.invoice_line_id]
        cls.objects.bulk_update(claims, ["released_by"])

    @classmethod
    def freed(cls, claims: Sequence[Self], *, by: By) -> None:
        """Bring the next due day of their contracts forward: what these claims billed is due again."""
        if not claims:
            return
        first = min(claim.due_on for claim in claims)
        Contract.objects.filter(pk__in=cls.contracts_of(claims)).update(
            next_due_on=Least(Coalesce(F("next_due_on"), first), first)
        )


class PeriodClaim(ThingClaim):
    """The days `start` to `end` (excluded) of an article, charged or refunded."""

    SOURCE = "article__line__contract"
    company_path = f"{SOURCE}__company"
    THING = ("article_id", "start", "end", "kind")

    article = models.ForeignKey(
        Article, models.PROTECT, db_index=False, related_name="claims", verbose_name=_("article")
    )
    start = models.DateField(_("du"))
    end = models.DateField(_("au (exclu)"))
    kind = models.CharField(_("sens"), max_length=6, choices=ClaimKind, default=ClaimKind.CHARGE)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("période facturée")
        verbose_name_plural = _("périodes facturées")
        constraints = [
            models.UniqueConstraint(fields=["article", "start", "kind"], condition=LIVE, name="contracts_period_once"),
            models.CheckConstraint(condition=Q(start__lt=F("end")), name="contracts_period_not_empty"),
            _settled("contracts_period_settled"),
        ]
        indexes = [
            _released("contracts_period_released"),
            models.Index(fields=["article", "end"], name="contracts_period_of"),
        ]

    def __str__(self) -> str:
        return f"{self.article} du {self.start:%d/%m/%Y} au {self.end - ONE_DAY:%d/%m/%Y}"

    @classmethod
    def check_freed(cls, claims: Sequence["PeriodClaim"]) -> None:
        """Refuse to free a charge without its live refunds: the customer would keep the refund of a charge he no longer
        pays.
        """
        ids = [claim.pk for claim in claims]
        for claim in claims:
            if claim.kind == ClaimKind.CHARGE and (
                cls.objects.live()
                .filter(article=claim.article_id, kind=ClaimKind.REFUND, start__lt=claim.end, end__gt=claim.start)
                .exclude(pk__in=ids)
                .exists()
            ):
                raise BusinessError(
                    _("« %s » a été remboursée en partie depuis : annulez d'abord ce remboursement.") % claim
                )


class VisitClaim(ThingClaim):
    """The part of an article that one visit bills."""

    SOURCE = "article__line__contract"
    company_path = f"{SOURCE}__company"
    THING = ("article_id", "visit_id")

    article = models.ForeignKey(Article, models.PROTECT, related_name="visit_claims", verbose_name=_("article"))
    visit = models.ForeignKey(ContractRequest, models.PROTECT, related_name="claims", verbose_name=_("visite"))

    class Meta:
        ordering = ["pk"]
        verbose_name = _("visite facturée")
        verbose_name_plural = _("visites facturées")
        constraints = [
            models.UniqueConstraint(fields=["article", "visit"], condition=LIVE, name="contracts_visit_billed_once"),
            _settled("contracts_visitclaim_settled"),
        ]
        indexes = [_released("contracts_visitclaim_released")]

    def __str__(self) -> str:
        return f"{self.article} · {self.visit}"


class ExceptionClaim(ThingClaim):
    """An invoice line that bills an exception, or the reason why none does."""

    SOURCE = "exception__line__contract"
    company_path = f"{SOURCE}__company"
    THING = ("exception_id",)

    exception = models.ForeignKey(ContractException, models.PROTECT, related_name="claims", verbose_name=_("exception"))

    class Meta:
        ordering = ["pk"]
        verbose_name = _("exception facturée")
        verbose_name_plural = _("exceptions facturées")
        constraints = [
            models.UniqueConstraint(fields=["exception"], condition=LIVE, name="contracts_exception_once"),
            _settled("contracts_exceptionclaim_settled"),
        ]
        indexes = [_released("contracts_exceptclaim_released")]

    def __str__(self) -> str:
        return str(self.exception)


for _claim in (PeriodClaim, VisitClaim, ExceptionClaim):
    guard_claim(_claim, once="released_by_id")


# The table of each kind of claim, by the `claim_kind` of a charge.
CLAIMS: Final[dict[str, type[PeriodClaim | VisitClaim | ExceptionClaim]]] = {
    PERIOD_CLAIM: PeriodClaim,
    VISIT_CLAIM: VisitClaim,
    EXCEPTION_CLAIM: ExceptionClaim,
}
