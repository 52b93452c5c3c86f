"""How fast contracts are billed on this machine, and what the time is spent on. Measures the product's own services.

Beside them, the floor: the same rows written by COPY (executemany on SQLite) and nothing else; and the naive way:
one `save()` a row.
"""

import os
import resource
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contracts.models import CLAIMS, Contract
from contracts.planner.billing import plan
from contracts.planner.intents import FREE
from contracts.services.billing import bill_chunk, bill_contracts
from contracts.services.drafts import ClaimRows, claims_of, intents_of, parts_of
from contracts.services.facts import ChunkFacts, read_facts
from contracts.services.runs import CHUNK, chunks_of, finish_run, start_run
from invoicing.models import Company, HistoryLine, Invoice, InvoiceLine, InvoiceTax
from invoicing.services.documents.writing import INVOICE_COLUMNS, LINE_COLUMNS, TAX_COLUMNS, Rows, Written, rows_of
from invoicing.services.posting.post import post_invoices
from invoicing.services.records.history import COLUMNS as HISTORY_COLUMNS
from openfire_billing.office.demonstration import load_demonstration
from openfire_billing.office.demonstration_volume import ARTICLES, load_contracts
from tests.bench.kinds import BACKLOG_ARTICLES, backlog_kinds, bench_kinds
from tests.bench.throwaway import analyse, cpu_of, session_of_database

NAIVE = 200  # invoices are enough to know a rate that low


@dataclass
class Figures:
    """One line of the table. Seconds, invoices a second, mebibytes.

    `plan_s`: facts read and plan made; `write_s`: the rest of the billing; `idle_s`: a run with nothing due.
    `…_cpu_s`: processor time of the billing in this process and in its database session, which work in turns: on a
    machine that does other things they say more than the clock. `invoices_per_core_second` is by their sum.
    """

    contracts: int
    database: str
    workers: int = 1
    invoices: int = 0
    plan_s: float = 0
    write_s: float = 0
    bill_s: float = 0
    post_s: float = 0
    idle_s: float = 0
    invoices_per_second: float = 0
    posted_per_second: float = 0
    floor_per_second: float = 0
    ratio_to_floor: float = 0
    naive_per_second: float = 0
    python_cpu_s: float = 0
    database_cpu_s: float = 0
    invoices_per_core_second: float = 0
    queries: int = 0
    peak_mib: float = 0

    def as_dict(self) -> dict[str, Any]:
        """The figures to three decimals."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}


def measure(contracts: int, *, is_backlog: bool = False, workers: int = 1, say: Any = lambda text: None) -> Figures:
    """Load `contracts` contracts, then measure. The database is empty and migrated.

    Each has one invoice of three lines due; `is_backlog`: six of four lines. Each article has its own price.
    """
    on = timezone.localdate()
    load_demonstration(on=on)
    company, by = Company.objects.get(), User.objects.get(username="gestion")
    started = time.perf_counter()
    kinds, articles = (backlog_kinds(on), BACKLOG_ARTICLES) if is_backlog else (bench_kinds(on), ARTICLES)
    load_contracts(contracts, company=company, on=on, kinds=kinds, articles=articles, own_prices=True)
    analyse()
    say(f"{contracts} contracts loaded in {time.perf_counter() - started:.1f} s")
    figures = Figures(contracts=contracts, database=connection.vendor, workers=workers)
    sample = _sample(5_000, on)
    figures.floor_per_second = _floor(sample, on=on, by=by)
    figures.naive_per_second = _naive(sample[:NAIVE], on=on, by=by)
    figures.queries = _queries(on, by)
    figures.plan_s = _plan_all(on)
    say("floor, naive and plan measured")
    _bill(figures, workers, on=on, by=by)
    say(f"{figures.invoices} invoices billed in {figures.bill_s:.1f} s")
    started = time.perf_counter()
    bill_contracts(on=on, by=by)
    figures.idle_s = time.perf_counter() - started
    _post(figures, on=on, by=by)
    return figures


def _bill(figures: Figures, workers: int, *, on: date, by: Any) -> None:
    before = Invoice.objects.count()
    session = session_of_database()
    python_cpu, database_cpu = time.process_time(), cpu_of(session)
    with _Peak() as peak:
        started = time.perf_counter()
        if workers == 1:
            bill_contracts(on=on, by=by)
        else:
            _bill_together(workers, on=on, by=by)
        figures.bill_s = time.perf_counter() - started
    if workers == 1:
        figures.python_cpu_s = time.process_time() - python_cpu
        figures.database_cpu_s = cpu_of(session) - database_cpu
    figures.peak_mib = peak.mib
    figures.invoices = Invoice.objects.count() - before
    figures.write_s = max(0.0, figures.bill_s - figures.plan_s)
    figures.invoices_per_second = figures.invoices / figures.bill_s
    if workers == 1:
        figures.invoices_per_core_second = figures.invoices / (figures.python_cpu_s + figures.database_cpu_s)
    figures.ratio_to_floor = figures.floor_per_second / figures.invoices_per_second


def _bill_together(workers: int, *, on: date, by: Any) -> None:
    """The chunks of one run shared between processes, as Celery's workers share them."""
    run = start_run(on=on, by=by)
    chunks = list(chunks_of(run))
    connections.close_all()
    children = []
    for number in range(workers):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for ids in chunks[number::workers]:
                    bill_chunk(run, ids)
                code = 0
            finally:
                connections.close_all()
                os._exit(code)
        children.append(child)
    failed = [child for child in children if os.waitpid(child, 0)[1]]
    if failed:
        raise RuntimeError(f"{len(failed)} worker(s) failed")
    finish_run(run)


def _post(figures: Figures, *, on: date, by: Any) -> None:
    drafts = Invoice.objects.drafts().filter(origin__startswith="CONT/").order_by("proposed_on", "pk")
    queue = list(drafts.only("pk", "proposed_on"))
    started = time.perf_counter()
    outcomes = post_invoices(queue, on=on, by=by)
    figures.post_s = time.perf_counter() - started
    figures.posted_per_second = sum(not outcome.is_refused for outcome in outcomes) / figures.post_s


def _sample(count: int, on: date) -> list[int]:
    return list(Contract.objects.due(on).order_by("pk").values_list("pk", flat=True)[:count])


def _cut(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]


def _rows(facts: ChunkFacts, *, on: date, by: Any) -> tuple[Rows, ClaimRows]:
    """The rows that billing these contracts writes."""
    groups = [group for group in plan(facts.contracts, facts.claimed, on=on).groups if group.kind != FREE]
    parts = parts_of(groups, facts)
    rows, written = rows_of(intents_of(groups, parts, facts), by=by, at=timezone.now())
    return rows, claims_of(groups, parts, [draft for draft in written if isinstance(draft, Written)])


def _floor(sample: Sequence[int], *, on: date, by: Any) -> float:
    """Invoices a second when rows ready made are written and nothing else is done; then taken back."""
    spent, written = 0.0, 0
    for ids in _cut(sample):
        with transaction.atomic():
            facts = read_facts(ids, lock=False)
            rows, claims = _rows(facts, on=on, by=by)
            started = time.perf_counter()
            rows.write()
            claims.write()
            if connection.vendor == "postgresql":  # foreign keys are checked at commit, which does not come
                with connection.cursor() as cursor:
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            spent += time.perf_counter() - started
            written += len(rows.invoices)
            transaction.set_rollback(True)
    return written / spent


def _naive(sample: Sequence[int], *, on: date, by: Any) -> float:
    """Invoices a second when each row is saved by itself, amounts known; then taken back."""
    with transaction.atomic():
        facts = read_facts(sample, lock=False)
        rows, claims = _rows(facts, on=on, by=by)
        tables: tuple[Any, ...] = (
            (Invoice, INVOICE_COLUMNS, rows.invoices),
            (InvoiceLine, LINE_COLUMNS, rows.lines),
            (InvoiceTax, TAX_COLUMNS, rows.taxes),
            (HistoryLine, HISTORY_COLUMNS, rows.history),
            *((model, model.columns(), claims.rows[kind]) for kind, model in CLAIMS.items()),
        )
        started = time.perf_counter()
        for model, columns, values in tables:
            for row in values:
                model(**dict(zip(columns, row, strict=True))).save(force_insert=True)
        spent = time.perf_counter() - started
        transaction.set_rollback(True)
    return len(rows.invoices) / spent


def _queries(on: date, by: Any) -> int:
    """Statements of one whole chunk, COPY included."""
    with transaction.atomic():
        run = start_run(on=on, by=by)
        ids = next(chunks_of(run))
        with CaptureQueriesContext(connection) as captured:
            bill_chunk(run, ids)
        transaction.set_rollback(True)
    copied = 6 if connection.vendor == "postgresql" else 0  # COPY does not pass by the cursor that counts
    return len(captured) + copied


def _plan_all(on: date) -> float:
    """Seconds to read and plan everything, without writing."""
    started = time.perf_counter()
    for ids in _cut(_sample(10_000_000, on)):
        facts = read_facts(ids, lock=False)
        plan(facts.contracts, facts.claimed, on=on)
    return time.perf_counter() - started


class _Peak:
    """The most memory this process held while inside, in mebibytes."""

    mib = 0.0

    def __enter__(self) -> "_Peak":
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        page = resource.getpagesize()
        while not self._over.is_set():
            self.mib = max(self.mib, int(Path("/proc/self/statm").read_text().split()[1]) * page / 2**20)
            self._over.wait(0.02)

    def __exit__(self, *failure: object) -> None:
        self._over.set()
        self._thread.join()
