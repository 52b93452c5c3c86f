"""For whom the first page is made: what he may see, and which work is his."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from invoicing.models import Company
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER, PLANNER, TECHNICIAN
from openfire_billing.web.users import user_of

Row = TypeVar("Row", bound=Model)

# Records by the name of their addresses.
DI, RDV = "interventions_interventionrequest", "appointments_appointment"
QUOTE, INVOICE = "invoicing_quote", "invoicing_invoice"
SOON = timedelta(days=7)  # what is due within so many days waits: a DI to plan, an RDV to confirm, a quote that expires
MOST_OF_A_KIND = 3  # rows of a kind of « À traiter »; more of them are one row, with their sum


class Work(StrEnum):
    """What somebody does, whatever else he may do: a role includes the permissions of those below it."""

    PLANNING = "planning"
    BILLING = "billing"
    ACCOUNTS = "accounts"


_OF_ROLES: dict[str, frozenset[Work]] = {
    TECHNICIAN: frozenset(),
    PLANNER: frozenset({Work.PLANNING}),
    BILLING: frozenset({Work.BILLING}),
    ACCOUNTANT: frozenset({Work.ACCOUNTS}),
    MANAGER: frozenset(Work),
}


@dataclass(frozen=True)
class Reader:
    """A user before his first page, on a day. `companies`: ids of his companies, read once: each question of the page then
    names them. `works`: those of his roles; all of them without a role of ours.
    """

    user: User
    today: date
    companies: Sequence[int]
    works: frozenset[Work]

    def does(self, *works: Work, permission: str) -> bool:
        """Return whether one of these works is his and he has the permission."""
        return not self.works.isdisjoint(works) and self.user.has_perm(permission)


def reader_of(request: HttpRequest) -> Reader:
    """Return the reader of a request, in one query."""
    user = user_of(request)
    if user.is_superuser:
        return Reader(user, timezone.localdate(), list(Company.objects.values_list("pk", flat=True)), frozenset(Work))
    found = list(User.objects.filter(pk=user.pk).values_list("groups__name", "company_accesses__company"))
    roles = [_OF_ROLES[name] for name in {name for name, _company in found} if name in _OF_ROLES]
    works = frozenset[Work]().union(*roles) if roles else frozenset(Work)
    companies = sorted({company for _name, company in found if company is not None})
    return Reader(user, timezone.localdate(), companies, works)


def first_of(rows: "QuerySet[Row]", *order: str) -> "QuerySet[Row]":
    """Return the first few of these rows. They are found before anything is joined to them."""
    few = rows.order_by(*order).values("pk")[:MOST_OF_A_KIND]
    return rows.model._default_manager.filter(pk__in=few).order_by(*order)


def list_url(name: str, **asked: object) -> str:
    """Return the address of a list, filtered: `list_url("invoicing_invoice", view="late")`."""
    url = reverse(f"admin:{name}_changelist")
    return f"{url}?{urlencode(asked)}" if asked else url


def page_url(name: str, pk: int) -> str:
    """Return the address of a record's page."""
    return reverse(f"admin:{name}_change", args=[pk])


def act_url(name: str, pk: int, act: str) -> str:
    """Return the address of the dialog of an act on a record."""
    return reverse(f"admin:{name}_act", args=[pk, act])
