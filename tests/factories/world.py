"""A firm near Rennes on an ordinary day: reference data, people of each role, a customer, an article."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from interventions.models import InterventionRequest, Task
from interventions.services.billing import invoice_intervention, quote_intervention
from interventions.services.requests import create_intervention
from interventions.services.states import validate_intervention
from invoicing.models import Company, Invoice, Partner, Product, Quote
from invoicing.services.documents.lines import Item
from invoicing.services.posting.post import post_invoice
from openfire_billing.office.reference import load_reference_data
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER, PLANNER, ROLES, TECHNICIAN
from tests.factories.catalogue import ProductFactory, position
from tests.factories.pages import OURS, Office
from tests.factories.parties import CompanyFactory, PartnerFactory, UserFactory
from tests.factories.work import TaskFactory


def item(
    quantity: Any = 1, *, code: str = "ram_pose", price: Any = None, discount: Any = 0, label: str = "", **more: Any
) -> Item:
    """A line of an article of the catalogue, at its price unless told."""
    product = Product.objects.get(code=code)
    return Item(
        label=label or product.label,
        product=product,
        quantity=Decimal(quantity),
        unit_price=product.unit_price if price is None else Decimal(price),
        discount=Decimal(discount),
        **more,
    )


@dataclass(frozen=True)
class World:
    """What most tests need at hand. The people are named by their role."""

    company: Company
    customer: Partner
    task: Task
    users: dict[str, User]

    @property
    def today(self) -> date:
        return timezone.localdate()

    @property
    def planner(self) -> User:
        return self.users[PLANNER]

    @property
    def biller(self) -> User:
        return self.users[BILLING]

    @property
    def accountant(self) -> User:
        return self.users[ACCOUNTANT]

    @property
    def manager(self) -> User:
        return self.users[MANAGER]

    @property
    def technician(self) -> User:
        return self.users[TECHNICIAN]

    def office(self, role: str = ACCOUNTANT) -> Office:
        """The back office, as somebody of that role has it before him."""
        return Office(self.users[role])

    def intervention(
        self,
        *items: Item,
        code: str | None = "VEN-5.5",
        is_validated: bool = True,
        partner: Partner | None = None,
        **values: Any,
    ) -> InterventionRequest:
        """A DI of these lines (one `ram_pose` when none is given) under the position `code`."""
        intervention = create_intervention(
            company=values.pop("company", self.company),
            items=items or [item()],
            on=self.today,
            by=self.planner,
            partner=partner or self.customer,
            task=self.task,
            from_on=values.pop("from_on", self.today),
            fiscal_position=position(code) if code else None,
            **values,
        )
        return validate_intervention(intervention, by=self.planner) if is_validated else intervention

    def draft(self, *items: Item, intervention: InterventionRequest | None = None, **values: Any) -> Invoice:
        """The draft invoice of a DI (a new one unless told)."""
        source = intervention or self.intervention(*items, **values)
        return invoice_intervention(source, on=self.today, by=self.biller)

    def posted(self, *items: Item, **values: Any) -> Invoice:
        """A posted invoice of a DI."""
        return post_invoice(self.draft(*items, **values), on=self.today, by=self.accountant)

    def quote(self, *items: Item, intervention: InterventionRequest | None = None, **values: Any) -> Quote:
        """The draft quote of a DI (a new one unless told)."""
        source = intervention or self.intervention(*items, **values)
        return quote_intervention(source, on=self.today, by=self.biller)

    def left(self, intervention: InterventionRequest) -> list[Decimal]:
        """Left to bill of each line of a DI, in its order."""
        return [line.left for line in intervention.lines.left_to_bill(self.today)]


def number_from_thousands() -> None:
    """Let each table count from a thousand of its own, as in a firm of some years.

    An identifier written with a thousands separator, or taken for that of another table, is then seen at once.
    """
    ours = [model._meta for model in apps.get_models() if model._meta.app_label in OURS]
    starts = [(meta.db_table, meta.pk.column, 5000 + 100 * rank) for rank, meta in enumerate(ours)]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                f"DELETE FROM sqlite_sequence WHERE name IN ({', '.join(['%s'] * len(starts))})",
                [table for table, _column, _start in starts],
            )
            cursor.execute(
                f"INSERT INTO sqlite_sequence (name, seq) VALUES {', '.join(['(%s, %s)'] * len(starts))}",
                [value for table, _column, start in starts for value in (table, start)],
            )
        else:
            each = ", ".join(["setval(pg_get_serial_sequence(%s, %s), %s)"] * len(starts))
            cursor.execute(f"SELECT {each}", [value for start in starts for value in start])


def make_world() -> World:
    """A firm ready to work. The database is empty before."""
    number_from_thousands()
    load_reference_data()
    company = CompanyFactory(name="Flammes d'Armor")
    ProductFactory(code="ram_pose")
    users = {
        role: UserFactory(username=role.lower(), role=role, company=company, is_staff=role != TECHNICIAN)
        for role in ROLES
    }
    return World(company, PartnerFactory(name="Aubry Maëlle"), TaskFactory(), users)
