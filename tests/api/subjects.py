"""One record behind every address of the API, and a body for every act."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, URLResolver, get_resolver

from appointments.models import Absence
from appointments.services.saving import appoint
from appointments.services.states import confirm_appointment
from appointments.services.tours import assign_sectors
from contracts.models import Contract
from contracts.services.activation import activate_contract
from contracts.services.billing import bill_contracts
from contracts.services.contracts import save_contract
from contracts.services.lines import save_line
from interventions.models import InterventionType, Technician
from interventions.services.purchases import order_supplies
from invoicing.choices import OrderState
from invoicing.models import PaymentTerm, PurchaseOrder, SmsTemplate, Tag, Unit, WebhookEndpoint
from invoicing.services.documents.lines import LineEdit
from invoicing.services.documents.purchases import bill_order, move_order
from invoicing.services.parties.webhooks import save_endpoint, stop_endpoint
from invoicing.services.records.attachments import attach
from invoicing.services.records.history import record
from invoicing.services.records.messages import queue_message
from invoicing.services.settlement.payments import pay_invoice
from openfire_billing.office.roles import TECHNICIAN
from tests.factories import (
    InstalledProductFactory,
    PartnerFactory,
    ProductFactory,
    SectorFactory,
    TemplateFactory,
    World,
    item,
    position,
    tax,
)
from tests.factories.appointments import at, technician

PREFIX = "api/v1/"


def addresses() -> Iterator[tuple[str, str, str, Any]]:
    """(method, pattern without the prefix, action, view class) of everything the API answers, read from the URLs."""
    for pattern in _patterns(get_resolver().url_patterns, ""):
        route, callback = pattern
        view = getattr(callback, "cls", None)
        if not route.startswith(PREFIX) or view is None:
            continue
        actions = getattr(callback, "actions", None) or {"post": "post"}
        for method, action in actions.items():
            if method in view.http_method_names and method != "head":
                yield method, _readable(route), action, callback


def _patterns(patterns: Any, before: str) -> Iterator[tuple[str, Any]]:
    for entry in patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _patterns(entry.url_patterns, route)
        elif isinstance(entry, URLPattern):
            yield route, entry.callback


def _readable(route: str) -> str:
    for noise, shown in {"(?P<pk>[0-9]+)": "{id}", "(?P<file>[0-9]+)": "{file}", "^": "", "$": "", "\\Z": ""}.items():
        route = route.replace(noise, shown)
    return route.removeprefix(PREFIX).replace("\\", "")


def one_of_each(world: World) -> dict[str, int]:
    """{resource: id of one of the firm's}."""
    posted = world.posted()
    payment = pay_invoice(posted, amount=Decimal(10), on=world.today, kind="transfer", by=world.accountant)
    who = technician_of(world)
    rdv = appoint(world.intervention(), technicians=[who], starts_at=at(9), on=world.today, by=world.planner)
    order = purchase_order(world)
    sector = SectorFactory(name="Nord")
    records = {
        "partners": world.customer,
        "addresses": world.customer.default_address(),
        "messages": queue_message(rdv, key="rdv", to="a@exemple.example", body="Bonjour", by=world.planner),
        "sms-templates": SmsTemplate.objects.create(name="Rappel", about="invoicing.partner", body="Bonjour {client}"),
        "tags": Tag.objects.create(name="Contrat à proposer"),
        "products": ProductFactory(code="ram_pose"),
        "units": Unit.objects.get(code="C62"),
        "taxes": tax(),
        "fiscal-positions": position(),
        "payment-terms": PaymentTerm.objects.get(name="30 jours"),
        "quotes": world.quote(),
        "invoices": world.draft(),
        "payments": payment,
        "purchase-orders": order,
        "supplier-bills": bill_order(order, number="F-1", on=world.today, by=world.biller),
        "interventions": world.intervention(),
        "intervention-types": InterventionType.objects.get(name="SAV"),
        "intervention-templates": TemplateFactory(),
        "tasks": world.task,
        "sectors": sector,
        "technicians": who,
        "absences": Absence.objects.create(technician=who, starts_at=at(8, day=27), ends_at=at(18, day=27)),
        "installed-products": InstalledProductFactory(partner=world.customer),
        "appointments": confirm_appointment(rdv, by=world.planner),
        "slots": world.intervention(),  # what is searched for
        "tours": assign_sectors([who], [date(2026, 11, 25)], [sector], by=world.planner)[0],
        "contracts": contract(world),
        "webhooks": webhook(world),
    }
    records["webhook-deliveries"] = records["webhooks"].deliveries.get()
    records["contract-lines"] = records["contracts"].lines.get()
    records["billing-runs"] = bill_contracts([records["contracts"]], on=world.today, by=world.biller)
    return {name: record.pk for name, record in records.items()}


def file_of_each(world: World, records: dict[str, int]) -> dict[str, int]:
    """{resource: id of a file of its record} of the resources that have files."""
    views = {path.split("/")[0]: view.cls for _method, path, action, view in addresses() if action == "file"}
    return {
        name: attach(
            view.queryset.model._default_manager.get(pk=records[name]),
            SimpleUploadedFile("a.pdf", b"%PDF"),
            by=world.manager,
        ).pk
        for name, view in views.items()
    }


def webhook(world: World) -> WebhookEndpoint:
    """A webhook that was told of one customer, and is stopped: what is done to the other records is not for it."""
    values = {
        "company": world.company,
        "name": "Site",
        "url": "https://site.exemple.example/recu",
        "areas": ["customers"],
    }
    endpoint = save_endpoint(None, values, by=world.manager)
    record(world.customer, "changed", by=world.manager)
    return stop_endpoint(endpoint, by=world.manager)


def contract(world: World, *, is_active: bool = True, **values: Any) -> Contract:
    """A yearly contract in advance from 1 January 2026, of one article at 175,00 and a visit each March."""
    header = {
        "company": world.company,
        "payer": values.pop("payer", world.customer),
        "start_on": date(2026, 1, 1),
        "fiscal_position": position("VEN-10"),
        **values,
    }
    made = save_contract(None, header, on=world.today, by=world.manager)
    line = {"contract": made, "task": world.task, "repeat": 1, "visit_months": [3]}
    product = ProductFactory(code="ram_pose")
    article = LineEdit(values={"product": product, "label": product.label, "unit_price": product.unit_price})
    save_line(None, line, articles=[article], on=world.today, by=world.manager)
    return activate_contract(made, on=world.today, by=world.manager).made if is_active else made


def purchase_order(world: World, *, quantity: int = 2, supplier: str = "Fonderie Fictive") -> PurchaseOrder:
    """An order sent to a supplier, from a DI of stoves bought at 2 100,00."""
    values = {"supplier": PartnerFactory(name=supplier), "purchase_price": Decimal(2100), "kind": "goods"}
    product = ProductFactory(code=f"poele {supplier}", name="Poêle", **values)
    di = world.intervention(item(quantity, code=product.code))
    (order,) = order_supplies(di, on=world.today, by=world.planner).orders
    return move_order(order, to=OrderState.SENT, by=world.planner)


def technician_of(world: World) -> Technician:
    """The technician that the user of this role is."""
    found = Technician.objects.filter(user=world.users[TECHNICIAN]).first()
    return found or technician(world, user=world.users[TECHNICIAN])
