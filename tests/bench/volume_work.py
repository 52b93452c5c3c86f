"""The work under way of the firm of `volume`: DI in every state, quotes, RDV. Deterministic, invented."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from appointments.choices import AppointmentState
from appointments.models import Appointment, AppointmentLine, Slot
from appointments.querysets import day_bounds
from interventions.choices import InterventionState
from interventions.models import InterventionRequest, QuotedLine, RequestLine, RequestLineClaim, Task, Technician
from invoicing.choices import QuoteState
from invoicing.models import FiscalPosition, Quote, QuoteLine
from openfire_billing.db import bulk
from tests.bench.volume import Firm, spread, write

TECHNICIANS = 12
HOURS = (8, 10, 14, 16)  # four RDV a day and technician
S = InterventionState
PAST = (*[S.DONE] * 15, S.CANCELLED, S.TO_PLAN, S.PARTLY_PLANNED, *[S.PLANNED] * 2)
AHEAD = (*[S.DRAFT] * 4, *[S.TO_PLAN] * 8, S.PARTLY_PLANNED, S.PARTLY_PLANNED, *[S.PLANNED] * 6)


@dataclass
class _Work:
    """The rows of all the work, by table, and the DI that an RDV serves: id, state, customer, address, its lines."""

    interventions: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)
    quotes: list[dict[str, Any]] = field(default_factory=list)
    quote_lines: list[dict[str, Any]] = field(default_factory=list)
    holds: list[dict[str, Any]] = field(default_factory=list)
    visited: list[tuple[dict[str, Any], list[int]]] = field(default_factory=list)


def load_work(firm: Firm, count: int) -> None:
    """`count` DIs of the last year and the next two months, a quote for one in four, an RDV for those planned or done.

    Nine in ten of the DIs done are billed, by the last invoices.
    """
    people = [
        Technician.objects.create(name=f"Intervenant {n + 1}", company=firm.company, phone="")
        for n in range(TECHNICIANS)
    ]
    places = dict(firm.customers)
    tasks = list(Task.objects.select_related("type").order_by("pk"))
    position = FiscalPosition.objects.get(code="VEN-5.5").pk
    billed = iter(reversed(firm.billed))
    work = _Work()
    with transaction.atomic():
        ids = bulk.take_ids(InterventionRequest, count)
        line_ids = iter(bulk.take_ids(RequestLine, 2 * count))
        for number, pk in enumerate(ids):
            begins = firm.on + timedelta(days=60 - (count - number) * 425 // count)
            states = PAST if begins < firm.on - timedelta(days=10) else AHEAD
            state = states[spread(number, 50, len(states))]
            invoice = next(billed, None) if state == S.DONE and spread(number, 51, 10) else None
            customer = invoice[1] if invoice else firm.customer(number)[0]
            task = tasks[spread(number, 52, len(tasks))]
            row = intervention_row(
                firm, number, pk, begins, state, customer=customer, place=places[customer], task=task
            )
            work.interventions.append({**row, "fiscal_position_id": position})
            own = list(_lines(firm, number, pk, [next(line_ids), next(line_ids)]))
            work.lines += own
            if invoice is not None:
                work.claims.append({"request_line_id": own[0]["id"], "invoice_line_id": invoice[3]})
            if state in (S.PLANNED, S.PARTLY_PLANNED, S.DONE):
                work.visited.append((row, [line["id"] for line in own]))
        _quotes(firm, work)
        _write(work)
    _appointments(firm, work, people)


def intervention_row(
    firm: Firm, number: int, pk: int, begins: date, state: str, *, customer: int, place: int, task: Task
) -> dict[str, Any]:
    """Return a DI, its period two weeks from `begins`."""
    return {
        "id": pk,
        "company_id": firm.company.pk,
        "number": None if state == S.DRAFT else f"DI/{500000 + number:06d}",
        "state": state,
        "title": f"{task.name} {number}" if number % 3 else "",
        "type_id": task.type_id,
        "task_id": task.pk,
        "user_id": firm.by.pk,
        "partner_id": customer,
        "address_id": place,
        "duration": task.duration,
        "planned_duration": task.duration if state in (S.PLANNED, S.DONE) else 0,
        "from_on": begins,
        "to_on": begins + timedelta(days=13),
        "done_on": begins if state == S.DONE else None,
    }


def _lines(firm: Firm, number: int, intervention: int, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Both lines of a DI, at one rate."""
    tax = firm.taxes[spread(number, 30, len(firm.taxes))].pk
    for rank, pk in enumerate(ids, 1):
        yield {
            **firm.article(number * 2 + rank),
            "id": pk,
            "intervention_id": intervention,
            "position": rank,
            "tax_id": tax,
        }


def _quotes(firm: Firm, work: _Work) -> None:
    """A quote for one DI in four, of its second line: drafts, sent, accepted, refused."""
    quoted = [row for row in work.interventions if row["id"] % 4 == 0 and row["state"] != S.CANCELLED]
    second = {line["intervention_id"]: line for line in work.lines if line["position"] == 2}
    states = (QuoteState.DRAFT, *[QuoteState.SENT] * 3, *[QuoteState.ACCEPTED] * 5, QuoteState.REFUSED)
    ids, line_ids = bulk.take_ids(Quote, len(quoted)), bulk.take_ids(QuoteLine, len(quoted))
    for rank, (row, pk, line_pk) in enumerate(zip(quoted, ids, line_ids, strict=True)):
        line = second[row["id"]]
        day = min(row["from_on"], firm.on)
        work.quotes.append(
            {
                "id": pk,
                "company_id": firm.company.pk,
                "number": f"DEV/{500000 + rank:06d}",
                "state": states[spread(rank, 60, len(states))],
                "partner_id": row["partner_id"],
                "site_id": row["address_id"],
                "title": row["title"],
                "issued_on": day,
                "valid_until": day + timedelta(days=30),
            }
        )
        copied = {name: value for name, value in line.items() if name not in ("id", "intervention_id")}
        work.quote_lines.append({**copied, "id": line_pk, "quote_id": pk})
        work.holds.append({"request_line_id": line["id"], "quote_line_id": line_pk})


def _write(work: _Work) -> None:
    for model, rows in (
        (InterventionRequest, work.interventions),
        (RequestLine, work.lines),
        (RequestLineClaim, work.claims),
        (Quote, work.quotes),
        (QuoteLine, work.quote_lines),
        (QuotedLine, work.holds),
    ):
        write(model, rows)


def _appointments(firm: Firm, work: _Work, people: Sequence[Technician]) -> None:
    """One RDV for each DI visited, technicians in turn, four a day: the done ones until yesterday, then those to come."""
    work.visited.sort(key=lambda found: (found[0]["state"] != S.DONE, found[0]["id"]))
    done = sum(row["state"] == S.DONE for row, _lines in work.visited)
    a_day = len(people) * len(HOURS)
    with transaction.atomic():
        ids = bulk.take_ids(Appointment, len(work.visited))
        rows, lines, slots, who = [], [], [], []
        for rank, ((row, own), pk) in enumerate(zip(work.visited, ids, strict=True)):
            turn = rank - done  # 0: the first of today
            start = day_bounds(firm.on + timedelta(days=turn // a_day))[0]
            starts_at = start + timedelta(hours=HOURS[turn % a_day // len(people)])
            technician = people[turn % len(people)].pk
            ends_at = starts_at + timedelta(hours=1.5)
            rows.append(appointment_row(firm, rank, pk, row, starts_at=starts_at, ends_at=ends_at, lead_id=technician))
            lines += [
                {"appointment_id": pk, "request_line_id": line, "position": n, "label": "", "quantity": 1}
                for n, line in enumerate(own, 1)
            ]
            slots.append(
                {"appointment_id": pk, "technician_id": technician, "starts_at": starts_at, "ends_at": ends_at}
            )
            who.append({"appointment_id": pk, "technician_id": technician})
        write(Appointment, rows)
        write(AppointmentLine, lines)
        write(Slot, slots)
        write(Appointment.technicians.through, who)


def appointment_row(firm: Firm, rank: int, pk: int, row: dict[str, Any], **when: Any) -> dict[str, Any]:
    """Return the RDV of a DI's row, done when it is. `when`: its columns of time and lead."""
    states = (*[AppointmentState.CONFIRMED] * 4, AppointmentState.DRAFT)
    return {
        "id": pk,
        "company_id": firm.company.pk,
        "number": f"RDV/{500000 + rank:06d}",
        "state": AppointmentState.DONE if row["state"] == S.DONE else states[rank % len(states)],
        "intervention_id": row["id"],
        "partner_id": row["partner_id"],
        "address_id": row["address_id"],
        "type_id": row["type_id"],
        "task_id": row["task_id"],
        "title": row["title"],
        "duration": Decimal("1.5"),
        "done_at": when["ends_at"] if row["state"] == S.DONE else None,
        **when,
    }
