"""One record of every page of the back office, made by the services wherever there is one."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import models
from django.utils import timezone

from appointments.models import Absence, ClosingDay, DayHours, OnCall, RecurringAbsence
from appointments.services.planning import plan_interventions
from appointments.services.states import confirm_appointment
from appointments.services.tours import assign_sectors
from contracts.services.billing import bill_contracts
from interventions.models import AddressSector, InterventionType
from interventions.services.purchases import order_supplies
from invoicing.models import Entry, Journal, Message, PaymentTerm, SmsStop, SmsTemplate, Tag, Unit
from invoicing.services.documents.purchases import record_bill
from invoicing.services.parties.programs import save_account
from invoicing.services.settlement.payments import pay_invoice
from tests.api.subjects import webhook
from tests.contracts.contract_builders import make_contract
from tests.factories import (
    InstalledProductFactory,
    PartnerFactory,
    ProductFactory,
    SectorFactory,
    TeamFactory,
    TechnicianFactory,
    TemplateLineFactory,
    World,
    item,
    position,
    tax,
)
from tests.factories.appointments import working_week

OURS = ("invoicing", "interventions", "appointments", "contracts", "auth")


def our_pages() -> dict[type[models.Model], Any]:
    """The pages that are ours (celery-beat's are its authors')."""
    return {model: page for model, page in admin.site._registry.items() if model._meta.app_label in OURS}


def one_of_each(world: World) -> dict[type[models.Model], Any]:
    """A record for every page of ours. An app that adds a page adds its record here."""
    documents = [world.intervention(), world.quote(), world.draft()]
    line = TemplateLineFactory(product=ProductFactory(code="ram_pose"))
    address = world.customer.default_address()
    sector = SectorFactory()
    records = [
        *documents,
        *_money(world),
        *_purchases(world),
        *_contract(world),
        *_work_of_a_technician(world),
        AddressSector.objects.create(address=address, sector=sector),
        Group.objects.get(name="Comptable"),
        InstalledProductFactory(partner=world.customer),
        InterventionType.objects.get(name="SAV"),
        Journal.objects.get(company=world.company, code="VE"),
        Message.objects.create(key="m1", to="a@exemple.example", subject="Bonjour", body="…", state="failed"),
        PaymentTerm.objects.get(name="30 jours"),
        SmsStop.objects.create(company=world.company, number="+33639981234", source="SMS reçu : STOP"),
        SmsTemplate.objects.create(name="Rappel", about="invoicing.partner", body="Bonjour {client}"),
        Tag.objects.create(name="Contrat à proposer"),
        Unit.objects.get(code="C62"),
        address,
        line.product,
        line.template,
        position(),
        sector,
        tax(),
        world.company,
        world.customer,
        world.planner,
        world.task,
        _program(world),
        *_webhook(world),
    ]
    return {type(record): record for record in records}


def _program(world: World) -> Any:
    values = {"name": "Site marchand", "company": world.company, "role": Group.objects.get(name="Facturation")}
    return save_account(None, values, by=world.manager)


def _webhook(world: World) -> list[Any]:
    endpoint = webhook(world)
    return [endpoint, endpoint.deliveries.get()]


def _money(world: World) -> list[Any]:
    posted = world.posted()
    payment = pay_invoice(posted, amount=Decimal(10), on=world.today, kind="transfer", by=world.accountant)
    return [payment, Entry.objects.get(document=posted.number)]


def _purchases(world: World) -> list[Any]:
    supplier = PartnerFactory(name="Fonderie Fictive")
    ProductFactory(code="poele", supplier=supplier, purchase_price=Decimal(2100))
    (order,) = order_supplies(world.intervention(item(code="poele")), on=world.today, by=world.planner).orders
    bill = record_bill(
        company=world.company,
        supplier=supplier,
        number="F-1",
        on=world.today,
        net=Decimal(100),
        tax=Decimal(20),
        by=world.biller,
    )
    return [order, bill]


def _contract(world: World) -> list[Any]:
    contract = make_contract(world, "01/11/26")
    return [contract, contract.lines.get(), bill_contracts([contract], on=world.today, by=world.biller)]


def _work_of_a_technician(world: World) -> list[Any]:
    technician = TechnicianFactory(company=world.company)
    team = TeamFactory(company=world.company)
    team.technicians.add(technician)
    (outcome,) = plan_interventions([world.intervention()], not_before=timezone.now(), by=world.planner)
    noon = datetime(2027, 5, 3, 12, tzinfo=ZoneInfo("Europe/Paris"))
    return [
        technician,
        team,
        confirm_appointment(outcome.made, by=world.planner),
        Absence.objects.create(technician=technician, starts_at=noon, ends_at=noon.replace(hour=18)),
        ClosingDay.objects.create(
            company=world.company, from_on=date(2027, 8, 2), to_on=date(2027, 8, 14), name="Août"
        ),
        RecurringAbsence.objects.create(technician=technician, weekday=2, first_on=date(2027, 5, 5)),
        OnCall.objects.create(technician=technician, starts_at=noon, ends_at=noon.replace(hour=20)),
        DayHours.objects.create(technician=technician, on=date(2027, 5, 4), starts=time(8), ends=time(12)),
        working_week(world.company, {1: [(8, 12)]}),
        *assign_sectors([technician], [noon.date()], [SectorFactory()], by=world.planner),
    ]
