"""How fast the DIs of contract visits are made on this machine. Measures the product's own service."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contracts.models import Contract, ContractRequest
from contracts.services.visits import CHUNK, plan_visits
from interventions.models import RequestLine
from invoicing.models import Company
from openfire_billing.office.demonstration import load_demonstration
from openfire_billing.office.demonstration_volume import Kind, load_contracts
from tests.bench.throwaway import analyse, cpu_of, session_of_database


@dataclass
class Figures:
    """One line of the table. Seconds; the processor's of this process and of its database session.

    `queries`: of a whole chunk. `lines`: of all DIs made.
    """

    contracts: int
    database: str
    visits: int = 0
    lines: int = 0
    wall_s: float = 0
    python_cpu_s: float = 0
    database_cpu_s: float = 0
    cpu_ms_per_visit: float = 0
    idle_s: float = 0
    queries: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The figures to three decimals."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}


def measure(visits: int, *, say: Callable[[str], None]) -> Figures:
    """Load contracts that promise `visits` visits within a year, two each, then make them. The database is empty."""
    on = timezone.localdate()
    load_demonstration(on=on)
    company, by = Company.objects.get(), User.objects.get(username="gestion")
    until = on + timedelta(days=366)
    plan_visits(until=until, on=on, by=by)  # those of the demonstration
    contracts = visits // 2
    load_contracts(contracts, company=company, on=on, kinds=[_kind(on)])
    analyse()
    say(f"{contracts} contracts loaded")
    figures = Figures(contracts=contracts, database=connection.vendor)
    figures.queries = _queries_of_a_chunk(until, on, by)
    before, lines = ContractRequest.objects.count(), RequestLine.objects.count()
    session = session_of_database()
    python_cpu, database_cpu, started = time.process_time(), cpu_of(session), time.perf_counter()
    plan_visits(until=until, on=on, by=by)
    figures.wall_s = time.perf_counter() - started
    figures.python_cpu_s = time.process_time() - python_cpu
    figures.database_cpu_s = cpu_of(session) - database_cpu
    figures.visits = ContractRequest.objects.count() - before
    figures.lines = RequestLine.objects.count() - lines
    figures.cpu_ms_per_visit = 1000 * (figures.python_cpu_s + figures.database_cpu_s) / max(figures.visits, 1)
    started = time.perf_counter()
    plan_visits(until=until, on=on, by=by)
    figures.idle_s = time.perf_counter() - started
    return figures


def _kind(on: date) -> Kind:
    """Two visits in the contract year that begins this month, of months to come."""
    return Kind(on.replace(day=1), "yearly", "in_arrears", months=((on.month + 2) % 12 + 1, (on.month + 7) % 12 + 1))


def _queries_of_a_chunk(until: date, on: date, by: Any) -> int:
    """Statements of one whole chunk, which is then taken back."""
    with transaction.atomic():
        some = Contract.objects.due_visits(until).order_by("pk")[:CHUNK]
        with CaptureQueriesContext(connection) as captured:
            plan_visits(list(some), until=until, on=on, by=by)
        transaction.set_rollback(True)
    return len(captured)
