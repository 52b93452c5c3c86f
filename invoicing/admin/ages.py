"""Filter of lists by age: how many days ago an invoice was due, or work was done. The first page opens lists with it."""

from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import InvoiceKind, InvoiceState
from openfire_billing.kernel.ages import AGES, NOT_LATE


class AgeFilter(SimpleListFilter):
    """Keeps the records whose day in `field` is of the chosen age. `labels`: of AGES, in their order.

    `condition`: what a record must be to have an age. `others`: further choices, (slug, label, condition).
    """

    parameter_name = "age"
    field: ClassVar[str]
    labels: ClassVar[tuple[Any, ...]]
    condition: ClassVar[Q] = Q()
    others: ClassVar[tuple[tuple[str, Any, Q], ...]] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        ages = [(age.slug, label) for age, label in zip(AGES, self.labels, strict=True)]
        return [*((slug, label) for slug, label, _condition in self.others), *ages]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        for slug, _label, condition in self.others:
            if slug == self.value():
                return queryset.filter(condition)
        age = next((age for age in AGES if age.slug == self.value()), None)
        if age is None:
            return queryset
        first, last = age.days(timezone.localdate())
        within = Q()
        if first is not None:
            within &= Q(**{f"{self.field}__gte": first})
        if last is not None:
            within &= Q(**{f"{self.field}__lte": last})
        if age is NOT_LATE:
            within |= Q(**{f"{self.field}__isnull": True})
        return queryset.filter(self.condition, within)


class DueAge(AgeFilter):
    """For how long an invoice has been due."""

    title = _("Échéance")
    field = "due_on"
    labels = (_("Pas échue"), _("Échue de 1 à 30 j"), _("Échue de 31 à 60 j"), _("Échue de plus de 60 j"))
    condition = Q(state=InvoiceState.POSTED) & ~Q(kind=InvoiceKind.CREDIT_NOTE)
