"""The demonstration company: a fictional stove fitter near Rennes, with its customers and interventions.

Deterministic: the same day gives the same company. All names, numbers and addresses are invented; the telephone
numbers are of the ranges kept for fiction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from appointments.models import Appointment
from appointments.querysets import day_bounds
from appointments.services.calendars import calendars_of
from appointments.services.planning import plan_interventions
from appointments.services.states import confirm_appointment, finish_appointment, leave_unfinished
from interventions.models import InterventionRequest, InterventionTemplate, Task, Technician
from interventions.services.billing import quote_intervention
from interventions.services.requests import append_template, create_intervention
from interventions.services.states import cancel_intervention, finish_intervention, validate_intervention
from invoicing.models import Company, FiscalPosition, Partner, Product, Quote
from invoicing.services.documents.lines import Item
from invoicing.services.documents.quotes import accept_quote, send_quote
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.office.demonstration_contracts import load_contracts_of_demonstration
from openfire_billing.office.demonstration_days import load_days
from openfire_billing.office.demonstration_firm import (
    COMPANY,
    TECHNICIANS,
    draw_logo,
    make_catalogue,
    make_company,
    make_customers,
    make_suppliers,
    make_tasks,
    make_texts,
    make_users,
)
from openfire_billing.office.demonstration_history import date_journals, load_history, refuse_two_contracts
from openfire_billing.office.demonstration_places import make_neighbours
from openfire_billing.office.demonstration_second import make_second_company
from openfire_billing.office.reference import load_reference_data

NEIGHBOURS = 80  # customers of the contracts, the history and the days around today


@dataclass(frozen=True)
class _Case:
    """One demonstration DI: customer by rank, task, position, state, days from today when its range begins."""

    customer: int
    task: str
    position: str
    state: str
    begins: int
    title: str
    lines: tuple[tuple[str, str, str], ...] = ()


CASES = [
    _Case(0, "Pose de poêle", "VEN-5.5", "validated", 0, "Pose du poêle du salon"),
    _Case(1, "Ramonage et entretien poêle à granulés", "VEN-5.5", "validated", -6, "Entretien annuel"),
    _Case(
        2,
        "Dépannage",
        "VEN-10",
        "validated",
        -6,
        "Ne s'allume plus",
        (("mo_depannage", "1.5", "0"), ("bougie", "1", "0")),
    ),
    _Case(3, "Entretien annuel chaudière", "VEN-20", "validated", 10, "Chaudière de la grange"),
    _Case(4, "Ramonage poêle à bûches", "VEN-10", "late", -40, "Relancer avant l'hiver"),
    _Case(5, "Dépannage", "VEN-10", "done", -12, "Fumées dans la pièce", (("joint_porte", "2.35", "10"),)),
    _Case(
        6,
        "Pose de poêle",
        "VEN-5.5",
        "quoted",
        15,
        "Projet poêle à granulés",
        (("poele_armor9", "1", "5"), ("conduit_80", "4.5", "0")),
    ),
    _Case(
        7,
        "Pose de poêle",
        "VEN-5.5",
        "accepted",
        20,
        "Remplacement insert",
        (("poele_armor9", "1", "10"), ("conduit_80", "6", "10")),
    ),
    _Case(8, "Visite technique avant devis", "VEN-20", "draft", 5, "Maison neuve, deux étages"),
    _Case(9, "Ramonage poêle à bûches", "VEN-10", "draft", 8, ""),
    _Case(10, "Dépannage", "VEN-10", "cancelled", -5, "Annulé par la cliente"),
    _Case(11, "Ramonage et entretien poêle à granulés", "VEN-5.5", "no_position", 4, "Position fiscale à préciser"),
    _Case(12, "Ramonage et entretien poêle à granulés", "VEN-10", "validated", 6, "Résidence, logement 12"),
]


def load_demonstration(*, on: date, with_history: bool = False) -> bool:
    """Load the demonstration company. Return False when it exists already.

    `with_history`: eighteen months of contracts, invoices and payments before `on`, full days around it, and a second
    company. Without, thirteen DIs, seven contracts and four RDVs.
    """
    with atomic():
        if Company.objects.filter(name=COMPANY).exists():
            return False
        company = make_company()
        load_reference_data()
        users = make_users(company)
        make_suppliers()
        make_catalogue()
        make_tasks(company, users["tech"])
        make_texts()
        customers = make_customers()
        neighbours = make_neighbours(NEIGHBOURS) if with_history else []
        if with_history:
            draw_logo(company)
            load_history(
                company,
                neighbours,
                on=on,
                manager=users["gestion"],
                planner=users["planning"],
                accountant=users["compta"],
            )
        for case in CASES:
            _intervention(case, company, customers[case.customer], on=on, by=users["planning"])
        load_contracts_of_demonstration(company, customers, on=on, by=users["gestion"])
        _appointments(company, customers, on=on, by=users["planning"])
        if with_history:
            load_days(company, neighbours, on=on, planner=users["planning"])
            refuse_two_contracts(company, neighbours[-2:], on=on, by=users["gestion"])
            make_second_company(on=on)
            date_journals()
    return True


def _intervention(case: _Case, company: Company, partner: Partner, *, on: date, by: By) -> None:
    task = Task.objects.get(name=case.task)
    begins = on + timedelta(days=case.begins)
    items = []
    if task.product and case.state != "draft":
        items.append(Item(label="", product=task.product))
    for code, quantity, discount in case.lines:
        product = Product.objects.get(code=code)
        items.append(
            Item(
                label=product.label,
                product=product,
                quantity=Decimal(quantity),
                unit_price=product.unit_price,
                discount=Decimal(discount),
            )
        )
    intervention = create_intervention(
        company=company,
        items=items,
        on=on,
        by=by,
        partner=partner,
        task=task,
        type=task.type,
        title=case.title,
        from_on=begins,
        equipment=partner.installed_products.first(),
        fiscal_position=None if case.state == "no_position" else FiscalPosition.objects.get(code=case.position),
        priority=1 if case.state == "late" else 0,
    )
    if case.state == "draft":
        return
    if case.state == "cancelled":
        cancel_intervention(intervention, on=on, by=by)
        return
    intervention = validate_intervention(intervention, by=by)
    _bring_to(case.state, intervention, on=on, by=by)


def _appointments(company: Company, customers: Sequence[Partner], *, on: date, by: By) -> None:
    """Make the RDVs of some DIs of `customers`: one done and one unfinished on the last working day, then one confirmed, one a draft."""
    waiting = InterventionRequest.objects.filter(
        company=company, partner__in=customers, state="to_plan", to_on__gte=on, fiscal_position__isnull=False
    ).order_by("from_on", "pk")
    first, second, third, fourth = waiting[:4]
    tugdual = Technician.objects.get(name=TECHNICIANS[0])
    done = _confirmed(first, day_bounds(_last_day_worked(tugdual, on))[0], by=by)
    assert done.ends_at is not None
    unfinished = _confirmed(second, done.ends_at, by=by)
    morning, _end = day_bounds(on)
    _confirmed(third, morning, by=by)
    plan_interventions([fourth], not_before=morning, by=by)
    finish_appointment(done, at=min(done.ends_at, timezone.now()), report="Tirage vérifié, appareil propre.", by=by)
    leave_unfinished(unfinished, reason="Pièce à commander", report="Bougie hors service.", by=by)


def _confirmed(intervention: InterventionRequest, not_before: datetime, *, by: By) -> Appointment:
    [outcome] = plan_interventions([intervention], not_before=not_before, by=by)
    return confirm_appointment(outcome.made, by=by)


def _last_day_worked(technician: Technician, on: date) -> date:
    """Return the last working day before `on`: no weekend, no public holiday."""
    days = [on - timedelta(days=n) for n in range(1, 15)]
    calendar = calendars_of([technician], first_day=days[-1], last_day=on)[technician.pk]
    return next(day for day in days if calendar.working(day))


def _bring_to(state: str, intervention: InterventionRequest, *, on: date, by: By) -> None:
    if state == "done":
        finish_intervention(intervention, on=on - timedelta(days=3), by=by)
    elif state in ("quoted", "accepted"):
        template = InterventionTemplate.objects.get(name__startswith="Entretien poêle")
        if state == "accepted":
            append_template(intervention, template, on=on, by=by)
        quote: Quote = quote_intervention(intervention, on=on, by=by)
        send_quote(quote, by=by)
        if state == "accepted":
            accept_quote(quote, on=on, by=by)
