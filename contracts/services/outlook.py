"""The next twelve months of a contract: its instalments and visits, and what activating it would bill of the past.

The instalments to come are those of the planner, read from the same facts as the billing; nothing is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db.models import Case, DateField, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import TruncDate
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from appointments.choices import AppointmentState
from appointments.models import Appointment
from contracts.choices import ContractLineState, ContractState, RequestKind, WithoutDocument
from contracts.models import CLAIMS, Contract, ContractRequest
from contracts.planner.billing import charges_or_refusal
from contracts.planner.facts import ContractFacts
from contracts.planner.intents import Charge, Refusal
from contracts.planner.outlook import PastDue
from contracts.planner.visits import promised_visits
from contracts.services.facts import ChunkFacts, read_facts
from contracts.services.next_bill import NextBill, worth_of
from contracts.services.next_dates import visits_made
from contracts.services.visits import is_past, past_visits_text
from interventions.choices import InterventionState
from interventions.models import InterventionRequest
from invoicing.models import Invoice
from openfire_billing.kernel.formats import money_text
from openfire_billing.kernel.money import ZERO
from openfire_billing.kernel.periods import day_of_month, end_of_month

MONTHS = 12


@dataclass(frozen=True)
class Instalment:
    """What is due on a day. `invoice`: the one that bills it; `without`: why none does; neither when it is to bill.

    `is_late`: its day is past and nothing bills it.
    """

    on: date
    net: Decimal
    invoice: Invoice | None = None
    without: str = ""
    is_late: bool = False


@dataclass(frozen=True)
class Visit:
    """A visit promised. `intervention`: its DI; None before it is made. `on`: the day done or planned, else the first."""

    on: date
    rank: int
    of: int
    line: int
    intervention: InterventionRequest | None = None


@dataclass(frozen=True)
class Month:
    first: date
    instalments: list[Instalment] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)


@dataclass(frozen=True)
class Outlook:
    """`refusal`: why nothing can be told, about the field `wrong_field`; the rest is then empty. Of a contract in draft, `past`: what its activation
    would bill of the past; `past_refusal`: why it would be set aside instead; `past_visits`: the visits of the past that
    it would not make.
    """

    currency: str
    refusal: str = ""
    wrong_field: str = ""
    yearly: Decimal = ZERO
    following: NextBill | None = None
    past: PastDue | None = None
    past_refusal: str = ""
    past_visits: str = ""
    months: tuple[Month, ...] = ()


def outlook_of(contract: Contract, *, on: date) -> Outlook | None:
    """Return the next twelve months of a contract, in a constant number of queries; None when cancelled or without lines.

    Of a contract in draft, as if it were activated on `on`: its months begin with its first one. What was due before its next
    due day is settled: of its claims, those of the months shown and those beyond that day are read.
    """
    if contract.state == ContractState.CANCELLED:
        return None
    currency, is_draft = contract.company.currency, contract.state == ContractState.DRAFT
    facts = read_facts([contract.pk], lock=False, with_drafts=True)
    if facts.broken:
        return Outlook(currency, refusal=facts.broken[0].reason)
    (found,) = facts.contracts
    if not found.lines:
        return None
    first = _first_month(contract, on)
    until = end_of_month(day_of_month(first, MONTHS - 1, 1))
    charges = charges_or_refusal(found, facts.claimed, on=max(until, on), force=True)
    if isinstance(charges, Refusal):
        return Outlook(currency, refusal=charges.reason, wrong_field=charges.field)
    worth = worth_of(found, facts, on=on)
    if isinstance(worth, Refusal):
        return Outlook(currency, refusal=worth.reason)
    instalments = [*_billed(contract, first, until, on=on), *_to_bill(charges, until, on=on)]
    visits = [*_made(contract, first, until), *_to_make(found, facts, contract, first, until, on=on)]
    return Outlook(
        currency,
        yearly=worth.yearly,
        following=worth.following,
        past=PastDue.of(charges, before=on) if is_draft else None,
        past_refusal=_past_refusal(found, facts, on=on) if is_draft else "",
        past_visits=_past_visits(contract, facts, on=on) if is_draft else "",
        months=_by_month(first, instalments, visits),
    )


def past_text(outlook: Outlook) -> str:
    """Return what the night after the activation bills of the past, or why it bills nothing; "" when nothing is past."""
    past = outlook.past
    if past is None or outlook.past_refusal:
        return outlook.past_refusal
    values = {
        "count": past.count,
        "first": date_format(past.first, "d/m/Y"),
        "last": date_format(past.last, "d/m/Y"),
        "net": money_text(past.net, outlook.currency),
    }
    return (
        ngettext(
            "%(count)s échéance déjà passée, du %(first)s, serait facturée après l'activation : %(net)s HT.",
            "%(count)s échéances déjà passées, du %(first)s au %(last)s, seraient facturées après l'activation : "
            "%(net)s HT.",
            past.count,
        )
        % values
    )


def activation_text(contract: Contract, *, on: date) -> str:
    """Return what activating a contract does, with what it bills of the past and which past visits it does not make."""
    text = _("Le contrat reçoit sa référence ; ses visites et ses factures se font dès lors toutes seules.")
    outlook = outlook_of(contract, on=on)
    return " ".join(filter(None, (str(text), *((past_text(outlook), outlook.past_visits) if outlook else ()))))


def _first_month(contract: Contract, on: date) -> date:
    """Return the first day of the months shown: of this month, or of the contract's first one, ahead or in draft."""
    start = contract.start_on if contract.state == ContractState.DRAFT else max(on, contract.start_on)
    return day_of_month(start, 0, 1)


def _to_bill(charges: Iterable[Charge], until: date, *, on: date) -> list[Instalment]:
    nets: dict[date, Decimal] = {}
    for charge in charges:
        if charge.due_on <= until:
            nets[charge.due_on] = nets.get(charge.due_on, ZERO) + charge.amount
    return [Instalment(day, net, is_late=day < on) for day, net in nets.items()]


def _billed(contract: Contract, first: date, until: date, *, on: date) -> list[Instalment]:
    """Return what live claims settled of these days, by day and invoice, or by day and reason."""
    first_claims, *others = (
        model.objects.live()
        .filter(**{model.SOURCE: contract}, due_on__range=(first, until))
        .order_by()
        .values_list("due_on", "invoice_line__invoice", "without_document", "net", "pk", Value(kind))
        for kind, model in CLAIMS.items()
    )
    nets: dict[tuple[date, int | None, str], Decimal] = {}
    for day, invoice, without, net, _pk, _kind in first_claims.union(*others):
        nets[day, invoice, without] = nets.get((day, invoice, without), ZERO) + net
    invoices = {
        invoice.pk: invoice
        for invoice in Invoice.objects.filter(pk__among=sorted({pk for _day, pk, _why in nets if pk}))
        .with_payment_state(on)
        .with_refunded()
    }
    return [
        Instalment(day, net, invoices.get(pk) if pk else None, str(WithoutDocument(why).label) if why else "")
        for (day, pk, why), net in nets.items()
    ]


def _made(contract: Contract, first: date, until: date) -> list[Visit]:
    """Return the visits that have a DI: by the day done, else by that of the last RDV, else by the first day of the DI.

    Those still to do from before these months count, in the first one.
    """
    last = (
        Appointment.objects.filter(intervention=OuterRef("intervention"), state__in=sorted(AppointmentState.occupying))
        .order_by("-starts_at")
        .values(day=TruncDate("starts_at"))[:1]
    )
    ended = Q(intervention__state__in=[InterventionState.DONE, InterventionState.CANCELLED])
    visits = (
        ContractRequest.objects.filter(line__contract=contract, kind=RequestKind.VISIT)
        .annotate(
            day=Case(
                When(intervention__done_on__isnull=False, then=F("intervention__done_on")),
                When(intervention__state=InterventionState.PLANNED, then=Subquery(last)),
                default=F("intervention__from_on"),
                output_field=DateField(),
            )
        )
        .filter(Q(day__range=(first, until)) | Q(~ended, day__lt=first))
        .select_related("intervention")
        .order_by("day", "pk")
    )
    return [
        Visit(row.day, row.rank or 0, row.of or 0, row.line_id, row.intervention)  # type: ignore[attr-defined]  # annotated
        for row in visits
    ]


def _to_make(
    found: ContractFacts, facts: ChunkFacts, contract: Contract, first: date, until: date, *, on: date
) -> list[Visit]:
    """Return the visits to come that have no DI yet."""
    if contract.state not in (ContractState.DRAFT, ContractState.VALIDATED):
        return []
    return [
        Visit(visit.window.start, visit.rank, visit.of, visit.line)
        for visit in promised_visits(found, visits_made(facts), until=until, since=first)
        if not is_past(visit, facts.opened[visit.line] or on)
    ]


def _past_refusal(found: ContractFacts, facts: ChunkFacts, *, on: date) -> str:
    """Return why the night of `on` would set the contract aside: more periods are due than it bills unasked."""
    charges = charges_or_refusal(found, facts.claimed, on=on)
    return charges.reason if isinstance(charges, Refusal) else ""


def _past_visits(contract: Contract, facts: ChunkFacts, *, on: date) -> str:
    lines = contract.lines.exclude(state=ContractLineState.CANCELLED)
    return past_visits_text(facts, lines, on=on)


def _by_month(first: date, instalments: Iterable[Instalment], visits: Iterable[Visit]) -> tuple[Month, ...]:
    """Return twelve months with what falls in each; what waits from before them stands in the first."""
    months = tuple(Month(day_of_month(first, later, 1)) for later in range(MONTHS))

    def month_of(day: date) -> Month:
        return months[max(0, 12 * (day.year - first.year) + day.month - first.month)]

    for instalment in sorted(instalments, key=lambda one: (one.on, one.invoice.pk if one.invoice else 0)):
        month_of(instalment.on).instalments.append(instalment)
    for visit in sorted(visits, key=lambda one: (one.on, one.rank)):
        month_of(visit.on).visits.append(visit)
    return months
