"""How PDFs left by a night are caught up: by one worker process, while the office opens its pages."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contracts.services.billing import bill_contracts
from invoicing.models import Company, DocumentJob, Invoice, InvoiceDocument
from invoicing.services.posting.post import post_invoices
from openfire_billing.office.demonstration import load_demonstration
from openfire_billing.office.demonstration_volume import load_contracts
from tests.bench.kinds import bench_kinds
from tests.bench.throwaway import cpu_of, sweep

# As a worker of the queue « documents »: its task gives way each minute, and is sent again while something waits.
WORKER = """
import django
django.setup()
from invoicing.models import DocumentJob
from invoicing.tasks import render_waiting
while DocumentJob.objects.exists():
    render_waiting()
"""
PAUSE = 0.25  # seconds between two pages of somebody at work


@dataclass
class Figures:
    """One line of the table. Seconds, milliseconds, mebibytes.

    `worker_…`: of the process that makes the PDFs. `page_…`: of the pages asked meanwhile, `alone_p95_ms` before.
    """

    documents: int
    database: str
    made: int = 0
    wall_s: float = 0
    worker_cpu_ms: float = 0
    worker_peak_mib: float = 0
    alone_p95_ms: float = 0
    page_p50_ms: float = 0
    page_p95_ms: float = 0
    pages: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The figures to three decimals."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}


def measure(documents: int, *, say: Callable[[str], None]) -> Figures:
    """Bill and post `documents` contracts, then start the worker and open pages until nothing waits."""
    on = timezone.localdate()
    load_demonstration(on=on)
    company, by = Company.objects.get(), User.objects.get(username="gestion")
    load_contracts(documents, company=company, on=on, kinds=bench_kinds(on), own_prices=True)
    bill_contracts(on=on, by=by)
    drafts = Invoice.objects.drafts().filter(origin__startswith="CONT/").order_by("pk")[:documents]
    post_invoices(list(drafts), on=on, by=by)
    sweep()
    figures = Figures(DocumentJob.objects.count(), connection.vendor)
    say(f"{figures.documents} documents wait")
    ask = _pages()
    figures.alone_p95_ms = _late(sorted(ask() for _number in range(40)))
    before, started = InvoiceDocument.objects.count(), time.perf_counter()
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=_environment())
    taken = []
    while worker.poll() is None:
        taken.append(ask())
        figures.worker_cpu_ms = max(figures.worker_cpu_ms, 1000 * cpu_of(worker.pid))
        figures.worker_peak_mib = max(figures.worker_peak_mib, _peak_of(worker.pid))
        time.sleep(PAUSE)
    if worker.returncode:
        raise RuntimeError(f"the worker ended with {worker.returncode}")
    figures.wall_s = time.perf_counter() - started
    figures.made = InvoiceDocument.objects.count() - before
    figures.worker_cpu_ms /= max(figures.made, 1)
    taken.sort()
    figures.pages, figures.page_p50_ms, figures.page_p95_ms = len(taken), taken[len(taken) // 2], _late(taken)
    return figures


def _late(taken: list[float]) -> float:
    return taken[int(len(taken) * 0.95) - 1]


def _environment() -> dict[str, str]:
    """That of a process on the database of the measure."""
    name = str(connection.settings_dict["NAME"])
    url = f"sqlite:///{name}"
    if connection.vendor == "postgresql":
        url = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))
    return {**os.environ, "DATABASE_URL": url, "MEDIA_ROOT": str(settings.MEDIA_ROOT)}


def _peak_of(pid: int) -> float:
    """The most memory a process has held, in mebibytes; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1]) / 1024


def _pages() -> Callable[[], float]:
    """A function that opens the next page of somebody at work and returns the milliseconds it took."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username="gestion"))
    paper = Invoice.objects.posted().latest("pk")
    urls = [
        reverse("admin:index"),
        reverse("admin:invoicing_invoice_changelist"),
        reverse("admin:invoicing_invoice_change", args=[paper.pk]),
        reverse("admin:invoicing_partner_changelist"),
        reverse("admin:interventions_interventionrequest_changelist"),
    ]
    for url in urls:
        client.get(url)
    number = 0

    def ask() -> float:
        nonlocal number
        number += 1
        started = time.perf_counter()
        answer = client.get(urls[number % len(urls)])
        if answer.status_code != 200:
            raise RuntimeError(f"{urls[number % len(urls)]}: {answer.status_code}")
        return (time.perf_counter() - started) * 1000

    return ask
