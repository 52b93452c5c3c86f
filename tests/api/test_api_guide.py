"""The commands of docs/api.md as they stand there, in a real shell, against a real server and a worker."""

import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from contracts.models import BillingRun, Contract
from contracts.services.runs import chunks_of
from contracts.services.takeover import work_chunk
from interventions.models import InterventionRequest
from invoicing.models import Invoice, Partner, Payment
from openfire_billing.office.roles import MANAGER
from tests.factories import UserFactory
from tests.factories.world import make_world

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
HOME = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def on_an_ordinary_day() -> None:
    """The shell's clock is the real one: so is the server's."""


@pytest.fixture
def worker(transactional_db: None) -> Iterator[None]:
    """Does what waits, as a worker beside the server."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.2):
            for run in BillingRun.objects.running():
                for ids in chunks_of(run):
                    work_chunk(run, ids)
        connections.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join(timeout=20)


def commands() -> str:
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL))


def test_commands_of_the_guide_do_what_it_says(live_server: Any, worker: None, tmp_path: Path) -> None:
    world = make_world()
    UserFactory(username="gestion", password="demo", role=MANAGER, company=world.company)
    script = "set -euo pipefail\n" + commands().replace(HOME, live_server.url)

    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "to_plan 175.00 9.62 184.62 EUR",
        "posted unpaid 184.62",
        "already_billed DI/000001 : tout est déjà facturé. Voyez ses factures.",
        "184.62 EUR",
        "paid 0.00",
        "validated active",
        "1 0 billed",
        "1",
    ]
    assert (tmp_path / "facture.pdf").read_bytes().startswith(b"%PDF-")
    customer = Partner.objects.get(name="Le Goff Yann")
    assert InterventionRequest.objects.get().partner == customer
    assert (Payment.objects.get().customer, Contract.objects.get().payer) == (customer, customer)
    assert Invoice.objects.filter(customer=customer).count() == 2


def test_answers_in_the_guide_are_those_of_the_test() -> None:
    """Each answer the guide promises stands in the test above, whatever its number."""
    known = Path(__file__).read_text()

    for answer in re.findall(
        r"`([^`]+)`", " ".join(re.findall(r"répond ((?:`[^`]+`(?:, puis )?)+)", GUIDE.read_text()))
    ):
        assert f'"{re.sub("DI/[0-9]+", "DI/000001", answer)}"' in known, answer
