"""Eighteen months of the demonstration company: contracts billed at each end of month, paid, late, credited; visits done.

Everything is written by the product's services in the order of its dates, then each journal takes the moments of its
document (`date_journals`).
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import DateTimeField, ExpressionWrapper, OuterRef, Subquery, Value
from django.db.models.functions import Cast
from django.utils import timezone

from appointments.models import Appointment
from appointments.services.billing import invoice_appointment
from appointments.services.calendars import calendars_of
from appointments.services.saving import appoint
from appointments.services.states import confirm_appointment, finish_appointment
from contracts.models import BillingRun, Contract
from contracts.services.activation import activate_contract
from contracts.services.billing import bill_contracts
from contracts.services.visits import horizon, plan_visits
from interventions.models import InterventionRequest, Task, Technician
from interventions.services.requests import create_intervention
from interventions.services.states import finish_intervention, validate_intervention
from invoicing.choices import InvoiceState
from invoicing.models import Company, DocumentJob, FiscalPosition, HistoryLine, Invoice, Partner, Payment
from invoicing.services.documents.lines import Item
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoices
from invoicing.services.settlement.payments import record_payment
from openfire_billing.db.guards import without_guards
from openfire_billing.kernel.periods import day_of_month
from openfire_billing.office.demonstration_contracts import ContractCase, make_contract

MONTHS = 18
CONTRACTS = 60
VISITS_PER_MONTH = 2  # outside the contracts, each billed from its RDV
CREDITS_PER_MONTH = 2
BAD_PAYERS = 4  # customers who paid nothing for the last four months
MONTH_OLD = 25  # days
DRAFTS_OF = 7  # days before the load whose contracts are left to its main job
LATE_VISITS = 8  # contract visits whose window is over and that nobody planned

_TERMS = (
    {"frequency": "monthly", "timing": "in_advance"},
    {"frequency": "monthly", "timing": "in_arrears", "alignment": "anniversary"},
    {"frequency": "quarterly", "timing": "in_advance"},
    {"frequency": "yearly", "timing": "in_advance", "alignment": "anniversary"},
    {"frequency": "quarterly", "timing": "in_arrears"},
    {"frequency": "half_yearly", "timing": "in_advance"},
)
_ARTICLES = (
    (("ram_granules", "1"),),
    (("ent_chaudiere", "1"), ("deplacement", "1")),
    (("ram_granules", "1"), ("deplacement", "1")),
    (("ram_buches", "2"),),
)


def load_history(
    company: Company, customers: Sequence[Partner], *, on: date, manager: User, planner: User, accountant: User
) -> None:
    """Make the contracts of `customers`, and what happened from eighteen months before `on` to the last end of month."""
    _make_contracts(company, customers[:CONTRACTS], on=on, by=manager)
    plan_visits(until=horizon(on), on=on, by=None)
    for months in range(MONTHS, 0, -1):
        first = day_of_month(on, -months, 1)
        last = day_of_month(on, 1 - months, 1) - timedelta(days=1)
        _appointments(company, customers, first, by=planner, on=last)
        _close(company, last, months, planner=planner, accountant=accountant)
    if on.day > DRAFTS_OF:
        _close(company, on - timedelta(days=DRAFTS_OF), 0, planner=planner, accountant=accountant)


def _close(company: Company, last: date, months: int, *, planner: User, accountant: User) -> None:
    """Finish visits, bill, post, credit and pay, up to `last`; `months` before the month of the load."""
    _finish_visits(last, by=planner)
    bill_contracts(on=last, by=None)
    post_invoices(Invoice.objects.filter(state=InvoiceState.DRAFT, company=company), on=last, by=accountant)
    _credit(company, last, by=accountant)
    _pay(company, last, months, by=accountant)


def _make_contracts(company: Company, customers: Sequence[Partner], *, on: date, by: User) -> None:
    """Make and activate a contract for each customer; each began in one of the eighteen months, on an awkward day."""
    for rank, customer in enumerate(customers):
        case = ContractCase(
            rank,
            MONTHS - rank // len(_TERMS) % 12,
            (1, 15, 31)[rank % 3],
            _TERMS[rank % len(_TERMS)],
            _ARTICLES[rank % len(_ARTICLES)],
            months=(rank % 12 + 1,),
        )
        contract = make_contract(case, company, customer, on=on, by=by)
        activate_contract(contract, on=contract.start_on, by=by)


def refuse_two_contracts(company: Company, customers: Sequence[Partner], *, on: date, by: User) -> None:
    """Make two contracts that the next run refuses: more periods late than it bills alone, and no fiscal position."""
    terms = {"frequency": "every", "every": 1, "unit": "week", "timing": "in_advance", "alignment": "anniversary"}
    late = ContractCase(0, 12, 1, terms, (("deplacement", "1"),))
    activate_contract(make_contract(late, company, customers[0], on=on, by=by), on=on, by=by)
    wrong = ContractCase(1, 2, 1, {"frequency": "monthly", "timing": "in_advance"}, (("ram_granules", "1"),))
    contract = make_contract(wrong, company, customers[1], on=on, by=by)
    activate_contract(contract, on=on, by=by)
    Contract.objects.filter(pk=contract.pk).update(fiscal_position=None)  # as an import of an older program left it


def _finish_visits(last: date, *, by: User) -> None:
    """Record as done the contract visits whose window ended a month before `last`, except some of the latest."""
    over = InterventionRequest.objects.filter(state="to_plan", to_on__lte=last - timedelta(days=31))
    for visit in over.order_by("to_on", "pk")[: max(0, over.count() - LATE_VISITS)]:
        finish_intervention(visit, on=visit.to_on, by=by)


def _appointments(company: Company, customers: Sequence[Partner], first: date, *, by: User, on: date) -> None:
    """Make, do and bill the RDVs of a month that are outside the contracts."""
    technicians = list(Technician.objects.filter(company=company).order_by("pk"))
    task = Task.objects.get(name="Dépannage")
    days = _working_mornings(technicians[0], first)
    for number in range(VISITS_PER_MONTH):
        intervention = create_intervention(
            company=company,
            items=[Item(label="", product=task.product)],
            on=first,
            by=by,
            partner=customers[(first.month * 5 + number * 11) % len(customers)],
            task=task,
            title=("Vitre à remplacer", "Ne s'allume plus")[number % 2],
            from_on=first,
            to_on=on,
            fiscal_position=FiscalPosition.objects.get(code="VEN-10"),
        )
        validate_intervention(intervention, by=by)
        technician = technicians[number % len(technicians)]
        rdv = appoint(intervention, technicians=[technician], starts_at=next(days), on=first, by=by)
        rdv = confirm_appointment(rdv, by=by)
        assert rdv.ends_at is not None
        finish_appointment(rdv, at=rdv.ends_at, report="Réparé, essai de trente minutes.", by=by)
        invoice_appointment(rdv, on=on, by=by)


def _working_mornings(technician: Technician, first: date) -> Iterator[datetime]:
    """Yield the moments at which the days worked of a month begin."""
    calendar = calendars_of([technician], first_day=first, last_day=first + timedelta(days=31))[technician.pk]
    for offset in count():
        for start, _end in calendar.working(first + timedelta(days=offset))[:1]:
            yield start


def _credit(company: Company, last: date, *, by: User) -> None:
    """Credit some of the invoices of that month."""
    posted = Invoice.objects.posted().filter(company=company, issued_on__range=(last.replace(day=1), last))
    for invoice in posted.filter(kind="invoice").order_by("-pk")[:CREDITS_PER_MONTH]:
        credit_invoice(invoice, on=last, by=by, rebill=False, reason="Geste commercial")


def _pay(company: Company, last: date, months: int, *, by: User) -> None:
    """Record, for every other customer in turn, one payment of all he owes for what is a month old."""
    owed = (
        Invoice.objects.posted()
        .filter(company=company, kind="invoice", issued_on__lte=last - timedelta(days=MONTH_OLD))
        .with_payment_state(last)
        .filter(residual__gt=0)
        .select_related("customer")
        .order_by("customer", "issued_on", "pk")
    )
    by_customer: dict[Partner, list[Invoice]] = {}
    for invoice in owed:
        by_customer.setdefault(invoice.customer, []).append(invoice)
    first = Partner.objects.order_by("pk").values_list("pk", flat=True)[0]
    for customer, invoices in by_customer.items():
        rank = customer.pk - first + 1  # the same in every database, whatever ids were given before
        if rank % 2 == months % 2 and not (months <= 4 and rank % 12 < BAD_PAYERS):
            record_payment(
                company=company,
                customer=customer,
                amount=sum((invoice.residual for invoice in invoices), Decimal(0)),
                on=last - timedelta(days=rank % 20 if months else 0),
                kind=("transfer", "cheque", "card")[rank % 3],
                invoices=invoices,
                by=by,
            )


def date_journals() -> None:
    """Give each line of the journals, and each run, the moment of its document instead of that of the load.

    What is dated after now keeps its moment.
    """
    now = timezone.now()
    with without_guards():
        for day in Invoice.objects.posted().order_by("issued_on").values_list("issued_on", flat=True).distinct():
            Invoice.objects.filter(issued_on=day).update(posted_at=min(_at(day, time(17, 30)), now))
        for run in BillingRun.objects.all():
            moment = min(_at(run.on, time(5)), now)
            BillingRun.objects.filter(pk=run.pk).update(started_at=moment, touched_at=moment, finished_at=moment)
        DocumentJob.objects.all().delete()  # papers of the past are made when they are opened
        for model, field, after in (
            (Invoice, "posted_at", timedelta(0)),
            (Appointment, "done_at", timedelta(0)),
            (Payment, "on", timedelta(hours=9)),
            (InterventionRequest, "done_on", timedelta(hours=9)),
            (Contract, "start_on", timedelta(hours=9)),
        ):
            dated = model._default_manager.filter(**{f"{field}__isnull": False})
            moment_of = Cast(Subquery(dated.filter(pk=OuterRef("object_id")).values(field)[:1]), DateTimeField())
            lines = HistoryLine.objects.filter(
                content_type=ContentType.objects.get_for_model(model), object_id__in=dated.values("pk")
            )
            past = lines.annotate(moment=ExpressionWrapper(moment_of + Value(after), DateTimeField()))
            past.filter(moment__lt=now).update(at=ExpressionWrapper(moment_of + Value(after), DateTimeField()))


def _at(day: date, hour: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, hour))
