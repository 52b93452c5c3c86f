"""The acts that `tests/faults/kills.py` runs in processes of their own, and the invariants it reads afterwards.

python -m tests.faults.kills_acts NAME WORD…   prints « ready », waits for a line, acts, prints its answer as JSON
"""

import json
import os
import random
import sys
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import OperationalError, connection, connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from contracts.models import CLAIMS, BillingRun, Contract  # noqa: E402
from contracts.services.billing import bill_contracts  # noqa: E402
from contracts.services.night import resume_runs, run_night, start_night  # noqa: E402
from contracts.services.runs import chunks_of  # noqa: E402
from contracts.services.takeover import work_chunk  # noqa: E402
from contracts.services.visits import horizon, plan_visits  # noqa: E402
from interventions.models import Task  # noqa: E402
from interventions.services.billing import invoice_intervention  # noqa: E402
from interventions.services.requests import create_intervention  # noqa: E402
from interventions.services.states import validate_intervention  # noqa: E402
from invoicing.models import Company, FiscalPosition, Invoice, Partner, Product  # noqa: E402
from invoicing.services.documents.lines import Item  # noqa: E402
from invoicing.services.posting.credit import credit_invoice  # noqa: E402
from invoicing.services.posting.post import post_invoice, post_invoices  # noqa: E402
from invoicing.services.settlement.payments import pay_invoice  # noqa: E402
from openfire_billing.kernel.errors import BusinessError, Unavailable  # noqa: E402
from openfire_billing.office.backup import backup as write_backup  # noqa: E402
from openfire_billing.office.demonstration import load_demonstration  # noqa: E402
from openfire_billing.office.demonstration_volume import MARK, awkward_kinds, load_contracts  # noqa: E402
from openfire_billing.office.importing import KINDS  # noqa: E402
from openfire_billing.office.importing.run import apply_import, prepare_import  # noqa: E402
from openfire_billing.office.restore import restore as read_backup  # noqa: E402
from openfire_billing.office.restore import verify  # noqa: E402

FOLDER = Path(os.environ["KILLS_FOLDER"])
NIGHTS = 6  # months ahead, one night a month
IMPORTED = 120  # customers of a file


def prepare(count: str) -> int:
    on = timezone.localdate()
    load_demonstration(on=on)
    kinds = [kind for kind in awkward_kinds(on) if kind.unit != "day"]
    return load_contracts(int(count), company=Company.objects.order_by("pk")[0], on=on, kinds=kinds)


def _by() -> User:
    return User.objects.filter(is_superuser=True).first() or User.objects.get(username="gestion")


def night(_number: str) -> int | None:
    """The first night that is not finished, a month after the last one."""
    today = timezone.localdate()
    for month in range(NIGHTS):
        on = today + timedelta(days=30 * month)
        run = start_night(on=on, owner=f"night {on}")
        if run is None or not run.is_running:
            continue
        run_night(run)
        run.refresh_from_db()
        for ids in chunks_of(run, 25):
            work_chunk(run, ids)
        return run.pk
    return None


def post(number: str) -> int:
    today = timezone.localdate()
    drafts = list(Invoice.objects.drafts().filter(proposed_on__lte=today).order_by("pk")[:80])
    return sum(not outcome.is_refused for outcome in post_invoices(drafts, on=today, by=_by()))


def credit(number: str) -> int:
    dice, done = random.Random(number), 0
    posted = Invoice.objects.posted().filter(kind="invoice", credit_notes=None, allocations=None).order_by("?")
    for invoice in posted[:12]:
        try:
            credit_invoice(invoice, on=timezone.localdate(), by=_by(), rebill=dice.random() < 0.5)
            done += 1
        except BusinessError:
            continue
    return done


def import_(number: str) -> int:
    rows = "".join(
        f"Import {number} n° {rank};import{number}x{rank}@exemple.fr;{rank} rue du Four;35000;Rennes\n"
        for rank in range(IMPORTED)
    )
    kind = next(kind for kind in KINDS if kind.code == "customers") if not isinstance(KINDS, dict) else KINDS["clients"]
    company = Company.objects.order_by("pk")[0]
    preview = prepare_import(
        kind, name="x.csv", content=f"Nom;E-mail;Rue;Code postal;Ville\n{rows}".encode(), company=company, by=_by()
    )
    return apply_import(preview, company=company, by=_by()).new


def backup(name: str) -> str:
    file = FOLDER / f"{name}.zip"
    write_backup(file)
    return str(file)


def restore(number: str, file: str) -> int:
    """Restore into a database beside, made when it is missing."""
    name = f"restored{number}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if not cursor.fetchone():
            cursor.execute(f'CREATE DATABASE "{name}"')
    connection.close()
    connections.databases["default"]["NAME"] = connection.settings_dict["NAME"] = name
    from django.conf import settings

    settings.MEDIA_ROOT = str(FOLDER / name)
    manifest = verify(Path(file))
    read_backup(Path(file), manifest)
    return len(manifest["tables"])


def clerk(seed: str) -> None:
    """Bill and cash DIs until it is killed; an outage is waited out."""
    dice = random.Random(f"{seed} {time.time()}")
    while True:
        try:
            _one_intervention(dice)
        except (OperationalError, Unavailable, django.db.InterfaceError):
            connection.close()
            time.sleep(0.5)
        except BusinessError:
            time.sleep(0.1)


def _one_intervention(dice: random.Random) -> None:
    today, by = timezone.localdate(), _by()
    product = Product.objects.get(code="ram_granules")
    intervention = create_intervention(
        company=Company.objects.order_by("pk")[0],
        partner=Partner.objects.filter(addresses__isnull=False).order_by("?")[0],
        task=Task.objects.order_by("pk")[0],
        items=[Item(label=product.label, product=product, quantity=Decimal(2), unit_price=product.unit_price)],
        fiscal_position=FiscalPosition.objects.get(code="VEN-10", company=None),
        title="Guichet",
        from_on=today,
        on=today,
        by=by,
    )
    validate_intervention(intervention, by=by)
    invoice = post_invoice(invoice_intervention(intervention, on=today, by=by), on=today, by=by)
    if dice.random() < 0.7:
        pay_invoice(invoice, amount=invoice.gross.amount, on=today, kind="transfer", by=by)
    time.sleep(0.2)


def finish() -> int:
    """Finish what was cut: the runs, and every night of the months ahead."""
    resume_runs(still=0)
    for _night in range(NIGHTS + 1):
        night("0")
        for run in BillingRun.objects.running():
            for ids in chunks_of(run, 50):
                work_chunk(run, ids)
    return BillingRun.objects.count()


INVARIANTS = {
    "a period claimed twice": """SELECT article_id FROM contracts_periodclaim WHERE released_by_id IS NULL
        GROUP BY article_id, start, kind HAVING COUNT(*) > 1""",
    "a claim whose line is gone": """SELECT c.id FROM contracts_periodclaim c LEFT JOIN invoicing_invoiceline l
        ON l.id = c.invoice_line_id WHERE c.invoice_line_id IS NOT NULL AND l.id IS NULL""",
    "a claim whose net is not its line's": """SELECT c.id FROM contracts_periodclaim c JOIN invoicing_invoiceline l
        ON l.id = c.invoice_line_id WHERE c.net <> l.net""",
    "an invoice of a contract without claim": """SELECT l.id FROM invoicing_invoiceline l JOIN invoicing_invoice i
        ON i.id = l.invoice_id WHERE i.origin LIKE 'CONT/%%' AND l.kind = 'article' AND i.kind = 'invoice'
        AND NOT EXISTS (SELECT 1 FROM contracts_periodclaim c WHERE c.invoice_line_id = l.id)
        AND NOT EXISTS (SELECT 1 FROM contracts_visitclaim c WHERE c.invoice_line_id = l.id)
        AND NOT EXISTS (SELECT 1 FROM contracts_exceptionclaim c WHERE c.invoice_line_id = l.id)""",
    "an invoice that does not add up": """SELECT i.id FROM invoicing_invoice i WHERE i.gross <> i.net + i.tax
        OR i.net <> (SELECT COALESCE(SUM(l.net), 0) FROM invoicing_invoiceline l WHERE l.invoice_id = i.id)
        OR i.tax <> (SELECT COALESCE(SUM(t.amount), 0) FROM invoicing_invoicetax t WHERE t.invoice_id = i.id)""",
    "a posted invoice without one entry": """SELECT i.id FROM invoicing_invoice i WHERE i.state = 'posted'
        AND 1 <> (SELECT COUNT(*) FROM invoicing_entry e WHERE e.document = i.number AND e.journal_id = i.journal_id)""",
    "an entry that is not balanced": """SELECT entry_id FROM invoicing_entryline GROUP BY entry_id
        HAVING SUM(debit) <> SUM(credit)""",
    "a series with a gap": """SELECT c.id FROM invoicing_journalcounter c JOIN invoicing_journal j ON j.id = c.journal_id
        WHERE c.last_number <> (SELECT COUNT(*) FROM invoicing_entry e WHERE e.journal_id = j.id
        AND EXTRACT(YEAR FROM e."on") = c.year)""",
    "a posted invoice with neither paper nor job, or with both": """SELECT i.id FROM invoicing_invoice i
        WHERE i.state = 'posted' AND 1 <> (SELECT COUNT(*) FROM invoicing_invoicedocument d WHERE d.invoice_id = i.id)
        + (SELECT COUNT(*) FROM invoicing_documentjob d WHERE d.invoice_id = i.id)""",
    "an invoice settled beyond its amount": """SELECT i.id FROM invoicing_invoice i WHERE i.state = 'posted' AND i.gross <
        (SELECT COALESCE(SUM(a.amount), 0) FROM invoicing_allocation a WHERE a.document_id = i.id)""",
    "a run that does not add up": """SELECT r.id FROM contracts_billingrun r WHERE r.state = 'done' AND (
        r.expected <> r.billed + r.skipped + r.refused
        OR r.expected <> (SELECT COUNT(*) FROM contracts_billingoutcome o WHERE o.run_id = r.id))""",
    "a run that never ended": "SELECT id FROM contracts_billingrun WHERE state = 'running'",
    "a visit made twice": """SELECT MIN(id) FROM contracts_contractrequest WHERE rank IS NOT NULL
        GROUP BY chain_id, year, rank HAVING COUNT(*) > 1""",
    "visits not counted on their run": """SELECT r.id FROM contracts_billingrun r WHERE r.visits <>
        (SELECT COALESCE(SUM(t.visits), 0) FROM contracts_runtotal t WHERE t.run_id = r.id)""",
    "a line of a DI billed beyond its quantity": """SELECT r.id FROM interventions_requestline r WHERE r.quantity <
        (SELECT COALESCE(SUM(l.quantity), 0) FROM interventions_requestlineclaim c JOIN invoicing_invoiceline l
        ON l.id = c.invoice_line_id WHERE c.request_line_id = r.id) -
        (SELECT COALESCE(SUM(k.quantity), 0) FROM interventions_requestlineclaim c JOIN invoicing_invoiceline k
        ON k.credits_id = c.invoice_line_id JOIN invoicing_invoice i ON i.id = k.invoice_id
        WHERE c.request_line_id = r.id AND k.rebill AND i.state = 'posted')""",
}


def _freed(claim: Any) -> set[int]:
    """Return the ids of the contracts with claims of this kind that a credit note released."""
    released = claim.objects.filter(released_by__isnull=False)
    return (
        set(claim.contracts_of(released).values_list(claim.SOURCE.partition("__")[2], flat=True)) if released else set()
    )


def check() -> tuple[list[str], dict[str, int]]:
    """Return the faults, and how much was done."""
    faults = []
    with connection.cursor() as cursor:
        for name, query in INVARIANTS.items():
            cursor.execute(query.replace("%%", "%"))
            if rows := cursor.fetchall():
                faults.append(f"{name}: {len(rows)}, first {rows[0][0]}")
    last = timezone.localdate() + timedelta(days=30 * (NIGHTS - 1))
    due = Contract.objects.due(last).filter(notes=MARK, set_aside_reason="")
    freed = [pk for claim in CLAIMS.values() for pk in _freed(claim)]
    faults += [f"due and not billed: {c}" for c in due.exclude(pk__in=freed)]
    bill_contracts(on=last, by=_by())  # what credit notes freed after the last night
    faults += [f"freed by a credit note and not billed again: {c}" for c in due.all()]
    missing = plan_visits(until=horizon(last), on=last, by=None, dry_run=True)
    faults += [f"visit missing: {outcome.document}" for outcome in missing if not outcome.is_refused]
    names = Partner.objects.filter(name__startswith="Import ").values_list("name", flat=True)
    files = {name.split()[1] for name in names}
    faults += [f"import in part: {file}" for file in files if sum(n.split()[1] == file for n in names) != IMPORTED]
    return faults, {
        "invoices": Invoice.objects.count(),
        "posted": Invoice.objects.posted().count(),
        "imports": len(files),
        "nights": BillingRun.objects.nights().count(),
        "visits": sum(BillingRun.objects.values_list("visits", flat=True)),
    }


ACTS: dict[str, Any] = {
    "prepare": prepare, "night": night, "post": post, "credit": credit, "import": import_, "backup": backup,
    "restore": restore, "clerk": clerk, "finish": finish, "check": check,
}  # fmt: skip


def main() -> None:
    name, *words = sys.argv[1:]
    assert urlsplit(os.environ["DATABASE_URL"]).scheme == "postgresql"
    if name != "clerk":
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
    answer = ACTS[name](*words)
    sys.stdout.write(f"{json.dumps(answer)}\n")


if __name__ == "__main__":
    main()
