"""Questions asked of the database about contracts, in the trade's words."""

from datetime import date, timedelta
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q

from contracts.choices import ContractLineState, ContractState, RunKind, RunState


class ContractQuerySet(models.QuerySet[Any]):
    def active(self) -> "ContractQuerySet":
        return self.filter(is_active=True)

    def billable(self) -> "ContractQuerySet":
        """Validated once: their dates alone say what is still due, also after their end."""
        return self.filter(state__in=sorted(ContractState.billed))

    def due(self, on: date) -> "ContractQuerySet":
        """Those that a run of that day must look at."""
        return self.billable().filter(next_due_on__lte=on)

    def due_visits(self, until: date) -> "ContractQuerySet":
        """Those with a visit to plan whose window opens on that day at the latest."""
        return self.filter(state=ContractState.VALIDATED, next_visit_on__lte=until)

    def set_aside(self) -> "ContractQuerySet":
        return self.exclude(set_aside_reason="")

    def running(self, on: date) -> "ContractQuerySet":
        """En cours that day."""
        return self.filter(
            Q(terminated_on__isnull=True) | Q(terminated_on__gte=on),
            Q(auto_renew=True) | Q(end_on__gte=on),
            state__in=sorted(ContractState.alive),
            start_on__lte=on,
        )

    def ending(self, on: date, days: int = 90) -> "ContractQuerySet":
        """Running, with a term or an end within that many days."""
        return self.running(on).filter(end_on__range=(on, on + timedelta(days=days)))


class ContractLineQuerySet(models.QuerySet[Any]):
    def validated(self) -> "ContractLineQuerySet":
        return self.filter(state=ContractLineState.VALIDATED)


class BillingRunQuerySet(models.QuerySet[Any]):
    def nights(self) -> "BillingRunQuerySet":
        return self.filter(kind=RunKind.NIGHT)

    def running(self) -> "BillingRunQuerySet":
        return self.filter(state=RunState.RUNNING)

    def seen_by(self, user: Any) -> "BillingRunQuerySet":
        """One's own, those that looked at a contract of one's companies, and whole runs that found nothing."""
        if user.is_superuser:
            return self
        outcomes = apps.get_model("contracts", "BillingOutcome").objects.filter(run=OuterRef("pk"))
        companies = apps.get_model("invoicing", "Company").objects.visible_to(user)
        return self.filter(
            Q(by=user.pk)
            | Exists(outcomes.filter(contract__company__in=companies))
            | (Q(selection__isnull=True) & ~Exists(outcomes))
        )
