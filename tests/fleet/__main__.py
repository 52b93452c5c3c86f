"""`make fleet`: two machines of the product behind one database, one broker and one bucket, tried with a browser.

python -m tests.fleet   (as root: it installs PgBouncer)

Each machine is a folder of its own with a web server and a worker on ports of their own. PostgreSQL is reached through
PgBouncer in transaction mode, the private files are in a bucket of the S3 protocol. What one machine begins the other
ends: a file attached, an import, a posted invoice and its PDF, a run, a form that is stale, a session that is closed.
Prints a line for each; exits with 1 when one fails.
"""

import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests import servers
from tests.browser.fields import open_fields
from tests.mutants.__main__ import NOT_COPIED, ROOT

PORTS = (8141, 8142)
POOLER = 8143
PASSWORD = "demo"
BUCKET = "openfire"
KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "eu-west-3"}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SECONDS = 60


def main() -> int:
    """Start everything, try it, stop it; the exit code."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each demand to the bucket
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # what was started is stopped
    _install_pooler()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleet-")))
        folder.chmod(0o755)
        database, broker = stack.enter_context(servers.postgresql()), stack.enter_context(servers.broker())
        environment = os.environ | {
            "DEMO": "1",
            "SECRET_KEY": "of-two-machines-that-share-their-sessions-and-their-signatures",
            "REDIS_URL": broker,
            "DATABASE_URL": database,
            "S3_BUCKET": BUCKET,
            "S3_ENDPOINT": stack.enter_context(_bucket()),
            "S3_REGION": KEYS["region_name"],
            "S3_ACCESS_KEY": KEYS["aws_access_key_id"],
            "S3_SECRET_KEY": KEYS["aws_secret_access_key"],
            "S3_ADDRESSING": "path",
        }
        environment.pop("TESTING", None)
        _run([sys.executable, "manage.py", "migrate", "-v0"], environment)
        _run([sys.executable, "manage.py", "load_demo"], environment)
        bill = [sys.executable, "manage.py", "bill_contracts"]  # exits with 1: two contracts are refused
        subprocess.run(bill, cwd=ROOT, env=environment, check=False, stdout=subprocess.DEVNULL)
        stack.enter_context(_pooler(folder, database))
        environment |= {"DATABASE_URL": f"postgresql://postgres@127.0.0.1:{POOLER}/fleet", "DATABASE_POOLER": "1"}
        for number, port in enumerate(PORTS, 1):
            tree = folder / f"machine{number}"
            shutil.copytree(ROOT, tree, symlinks=True, ignore=NOT_COPIED)
            (tree / ".venv").symlink_to(ROOT / ".venv")
            stack.enter_context(_machine(tree, port, environment))
        for port in PORTS:
            _wait_for(port)
        return _try(folder)


def _install_pooler() -> None:
    if shutil.which("pgbouncer") or Path("/usr/sbin/pgbouncer").exists():
        return
    for line in ("apt-get update -qq", "apt-get install -y -qq --no-install-recommends pgbouncer"):
        subprocess.run(line.split(), check=True, stdout=subprocess.DEVNULL)


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


@contextmanager
def _bucket() -> Iterator[str]:
    """The address of a server of the S3 protocol that has the bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=address, **KEYS).create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": KEYS["region_name"]}
    )
    try:
        yield address
    finally:
        server.stop()


@contextmanager
def _pooler(folder: Path, database: str) -> Iterator[None]:
    """PgBouncer in transaction mode before the database: ten sessions for all the processes."""
    socket = database.partition("host=")[2]
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\nfleet = host={socket} dbname=postgres user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {POOLER}\nunix_socket_dir =\nauth_type = any\n"
        "pool_mode = transaction\ndefault_pool_size = 10\nmax_client_conn = 200\nlogfile =\npidfile =\n"
    )
    settings.chmod(0o644)
    binary = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    # It refuses to run as root, and only the owner of the database's socket may reach it.
    with _process([binary, "-q", "-u", Path(socket).owner(), str(settings)], folder, dict(os.environ)):
        yield


@contextmanager
def _machine(tree: Path, port: int, environment: dict[str, str]) -> Iterator[None]:
    """A web server and a worker of a machine, in its folder."""
    own = environment | {"MEDIA_ROOT": str(tree / "nowhere")}  # a file written there would be on one machine alone
    web = ["-m", "gunicorn", "openfire_billing.wsgi", f"--bind=127.0.0.1:{port}", "--workers=2", "--log-level=warning"]
    worker = ["-m", "celery", "--app=openfire_billing", "worker", "--pool=solo", "--loglevel=WARNING"]
    worker += ["--queues=billing,documents,default", f"--hostname=machine-{port}@%h", "--without-gossip"]
    with _process([sys.executable, *web], tree, own), _process([sys.executable, *worker], tree, own):
        yield


@contextmanager
def _process(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    with (folder / f"{time.monotonic_ns()}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(port: int) -> None:
    end = time.monotonic() + SECONDS
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/login/", timeout=5)
        except (urllib.error.URLError, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


# What is tried


def _try(folder: Path) -> int:
    """Try each thing in a browser. The exit code."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    failures = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(args=FLAGS, **({"executable_path": chromium} if chromium else {}))
        for act in (attach_and_open, import_across, post_and_print, run_across, stale_form, closed_session):
            context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="fr-FR")
            context.set_default_timeout(SECONDS * 1000)
            expect.set_options(timeout=SECONDS * 1000)
            try:
                act(context)
                _say(f"passed  {act.__doc__}")
            except Exception as failure:  # noqa: BLE001 it is reported, and the others are tried
                failures += 1
                _say(f"FAILED  {act.__doc__}\n{failure}")
                for log in folder.glob("**/*.log"):
                    _say(f"{log.name}: {log.read_text(errors='replace')[-1500:]}")
            context.close()
        browser.close()
    if written := [path for path in folder.glob("machine*/nowhere/**/*") if path.is_file()]:
        failures += 1
        _say(f"FAILED  No private file is on one machine alone: {written}")
    _say(f"{failures} failure(s)")
    return 1 if failures else 0


def at(number: int, path: str) -> str:
    """Return an address of one of the two machines."""
    return f"http://127.0.0.1:{PORTS[number]}{path}"


def logged_in(context: BrowserContext, user: str) -> tuple[Page, Page]:
    """Log in on the first machine. Return a page of each: the session is of both."""
    first, second = context.new_page(), context.new_page()
    first.goto(at(0, "/admin/login/"))
    first.locator("[name=username]").fill(user)
    first.locator("[name=password]").fill(PASSWORD)
    with first.expect_navigation():
        first.locator("[name=password]").press("Enter")
    expect(first.locator("body")).to_contain_text("Le travail du jour")
    second.goto(at(1, "/admin/"))
    expect(second.locator("body")).to_contain_text("Le travail du jour")
    return first, second


def opened(page: Page, number: int, listed: str) -> str:
    """Open the first document of a list. Return its path."""
    page.goto(at(number, listed))
    path = page.locator("#result_list tbody th a, #result_list tbody td a").first.get_attribute("href")
    assert path is not None
    path = path.partition("?")[0]
    page.goto(at(number, path))
    return path


def attach_and_open(context: BrowserContext) -> None:
    """A file attached on one machine is opened on the other."""
    first, second = logged_in(context, "gestion")
    path = opened(first, 0, "/admin/interventions/interventionrequest/")
    first.locator("input[type=file]").first.set_input_files(
        {"name": "bon.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 bon"}
    )
    button = first.get_by_role("button", name="Joindre")
    if button.count():
        button.first.click()
    link = first.locator("a[href*='/files/']", has_text="bon.pdf").first
    expect(link).to_be_visible()
    second.goto(at(1, path))
    there = second.locator("a[href*='/files/']", has_text="bon.pdf").first.get_attribute("href")
    assert there is not None
    assert second.request.get(at(1, there)).body() == b"%PDF-1.7 bon"


def import_across(context: BrowserContext) -> None:
    """An import shown by one machine is written by the other."""
    first, second = logged_in(context, "gestion")
    rows = "Nom;Adresse;Code postal;Ville\nDeux Machines Aziliz;1 rue du Four;35000;Rennes\n"
    first.goto(at(0, "/admin/import/customers/"))
    first.locator("input[type=file]").first.set_input_files(
        {"name": "clients.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    )
    with first.expect_navigation():
        first.get_by_role("button", name="Voir ce que cela ferait").first.click()
    fields = dict(
        first.evaluate(
            "[...new FormData([...document.forms].find((form) => form.elements.token)).entries()]"
            ".filter(([, value]) => typeof value === 'string')"
        )
    )
    second.goto(at(1, "/admin/import/customers/"))
    fields["csrfmiddlewaretoken"] = second.locator("[name=csrfmiddlewaretoken]").first.input_value()
    answer = second.request.post(
        at(1, "/admin/import/customers/"), form=fields, headers={"Referer": at(1, "/admin/import/customers/")}
    )
    assert answer.status == 200, answer.status
    first.goto(at(0, "/admin/invoicing/partner/?q=Deux+Machines"))
    expect(first.locator("#result_list")).to_contain_text("Deux Machines Aziliz")


def post_and_print(context: BrowserContext) -> None:
    """An invoice posted on one machine has its PDF, made by a worker, on the other."""
    first, second = logged_in(context, "compta")
    path = opened(first, 0, "/admin/invoicing/invoice/?view=drafts")
    first.locator(".of-primary a", has_text="Valider").click()
    with first.expect_navigation():
        first.locator("dialog.of-modal [data-once]").click()
    expect(first.locator(".of-status .is-current")).not_to_have_text("Brouillon")
    second.goto(at(1, path))
    paper = second.locator(".of-smart a", has=second.get_by_text("PDF", exact=True)).get_attribute("href")
    assert paper is not None
    answer = second.request.get(at(1, paper))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF")


def run_across(context: BrowserContext) -> None:
    """A run started on one machine, done by a worker, is seen finished on the other."""
    first, second = logged_in(context, "gestion")
    first.goto(at(0, "/admin/contracts/billingrun/"))
    with first.expect_navigation():
        first.get_by_role("button", name="Lancer un passage").click()
    path = first.url.partition(str(PORTS[0]))[2]

    def is_over() -> bool:
        second.goto(at(1, path))
        return "Terminé" in second.locator("main, #main, body").first.inner_text()

    _until(is_over, "the run is not finished")


def stale_form(context: BrowserContext) -> None:
    """A form opened on one machine before a colleague saved on the other is refused."""
    first, second = logged_in(context, "gestion")
    path = opened(first, 0, "/admin/interventions/interventionrequest/?view=to-plan")
    second.goto(at(1, path))
    open_fields(first)
    first.locator("#id_title").fill("Première machine")
    with first.expect_navigation():
        first.locator("[name=_save]").click()
    open_fields(second)
    second.locator("#id_title").fill("Seconde machine")
    with second.expect_navigation():
        second.locator("[name=_save]").click()
    expect(second.locator("body")).to_contain_text("Modifié entre-temps")


def closed_session(context: BrowserContext) -> None:
    """A session closed on one machine is closed on the other."""
    first, second = logged_in(context, "planning")
    context.clear_cookies(name="csrftoken")
    first.goto(at(0, "/admin/"))
    form = first.locator("form[action*='logout']").first
    with first.expect_navigation():
        form.evaluate("(form) => form.requestSubmit()")
    second.goto(at(1, "/admin/interventions/interventionrequest/"))
    expect(second.locator("[name=password]")).to_be_visible()


def _until(is_so: Callable[[], bool], complaint: str) -> None:
    end = time.monotonic() + SECONDS
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(complaint)
        time.sleep(0.5)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
