"""How fast the doors open in a firm of a given size: each address asked again and again, as a browser or a program does.

Nothing is kept from one demand to the next but what a server in service keeps: the cache of the search is emptied.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from knox.models import AuthToken

from appointments.models import Appointment
from contracts.models import Contract
from interventions.models import InterventionRequest
from invoicing.models import Company, Invoice, Partner, PublicLink
from invoicing.services.records.links import link_of, token_of
from openfire_billing.kernel.memory import freeze_loaded
from openfire_billing.office.demonstration import load_demonstration
from openfire_billing.office.demonstration_volume import load_contracts
from openfire_billing.office.importing import KINDS, apply_import, prepare_import
from tests.bench.kinds import bench_kinds
from tests.bench.throwaway import cpu_of, session_of_database, sweep
from tests.bench.volume import Firm, load_customers, load_invoices, name_of, serial_of, telephone_of
from tests.bench.volume_work import load_work
from tests.factories.pages import fields_of

TIMES = 40
CONTRACTS = 2_000
IMPORTED = 10_000
LISTS = (
    "invoices partners addresses interventions appointments quotes payments contracts products installed-products "
    "purchase-orders supplier-bills"
).split()


@dataclass(frozen=True)
class Door:
    """Addresses asked in turn by somebody. `target`: milliseconds within which 95 in a hundred answers should come.

    `typed`: the field of the form at these addresses in which something is typed before it is saved; what is timed then
    is the save and the page that comes back.
    """

    name: str
    target: int
    urls: Sequence[str]
    login: str = "gestion"
    is_api: bool = False
    typed: str = ""


@dataclass
class Opened:
    """One line of the table. Milliseconds: the middle answer and the 95th in a hundred by the clock; of an answer on
    average, the processor's own in this process and in the database session, which the neighbours do not lengthen.

    `queries` of an answer, the most asked; of a list of the API, with 1 row and with 50.
    """

    door: str
    target: int
    p50: float = 0
    p95: float = 0
    python_cpu: float = 0
    database_cpu: float = 0
    queries: int = 0
    queries_of_one: int | None = None

    @property
    def is_late(self) -> bool:
        return self.p95 > self.target

    def tell(self, spent: Sequence[tuple[float, float, float]]) -> None:
        """Fill in the times, from the seconds of each answer: by the clock, of this process, of the database session."""
        times = len(spent)
        taken = sorted(clock for clock, _own, _session in spent)
        self.python_cpu = sum(own for _clock, own, _session in spent) * 1000 / times
        self.database_cpu = sum(session for _clock, _own, session in spent) * 1000 / times
        self.p50, self.p95 = taken[times // 2] * 1000, taken[max(0, int(times * 0.95) - 1)] * 1000


@dataclass
class Figures:
    """What was there, each door, and an import of customers."""

    database: str
    partners: int = 0
    invoices: int = 0
    interventions: int = 0
    load_s: float = 0
    doors: list[Opened] = field(default_factory=list)
    import_rows: int = 0
    import_s: float = 0
    import_steps: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The figures, times to a tenth."""
        return rounded(asdict(self))


def rounded(value: Any) -> Any:
    """Return figures with their fractions to a tenth."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 1) if isinstance(value, float) else value


def measure(
    partners: int,
    invoices: int,
    interventions: int,
    *,
    only: str = "",
    times: int = TIMES,
    imported: int = IMPORTED,
    say: Callable[[str], Any] = lambda text: None,
) -> Figures:
    """Fill the empty, migrated database, open each door (those whose name holds `only`) `times` times, then import."""
    started = time.perf_counter()
    _fill(partners, invoices, interventions)
    figures = Figures(connection.vendor, load_s=time.perf_counter() - started)
    figures.partners = Partner.objects.count()
    figures.invoices = Invoice.objects.posted().count()
    figures.interventions = InterventionRequest.objects.count()
    say(f"{figures.partners} customers and {figures.invoices} invoices loaded in {figures.load_s:.0f} s")
    asking = _Asking(times)
    freeze_loaded()  # as the server does once it is loaded
    for door in [*_lists(), *_searches(partners, invoices), *_pages(), *_saves()]:
        if only in door.name:
            figures.doors.append(asking.open(door))
            say(line_of(figures.doors[-1]))
    if only in "import":
        _import(figures, imported)
    return figures


def _fill(partners: int, invoices: int, interventions: int) -> None:
    on = timezone.localdate()
    load_demonstration(on=on)
    company, by = Company.objects.get(), User.objects.get(username="gestion")
    firm = Firm(company, by, on)
    load_customers(firm, partners)
    load_invoices(firm, invoices)
    load_work(firm, interventions)
    load_contracts(min(CONTRACTS, partners), company=company, on=on, kinds=bench_kinds(on))
    sweep()


# The doors


def _lists() -> list[Door]:
    """The lists of the API: as they come, sorted, filtered, searched, and one record."""
    invoice, customer = Invoice.objects.posted().latest("pk"), _customer_of_many()
    plain = [Door(f"api {name}", 100, [f"/api/v1/{name}/"], is_api=True) for name in LISTS]
    asked = {
        "invoices, sorted by date": "invoices/?state=posted&ordering=-issued_on",
        "invoices, unpaid": "invoices/?payment_state=unpaid&state=posted",
        "invoices, overdue": "invoices/?is_overdue=true",
        "invoices, of a customer": f"invoices/?customer={customer.pk}",
        "invoices, page 1000": f"invoices/?page={max(1, min(1000, Invoice.objects.count() // 50))}",
        "invoices, searched": f"invoices/?search={invoice.number}",
        "invoices, one": f"invoices/{invoice.pk}/",
        "partners, searched": "partners/?search=Kermadec",
        "partners, sorted by name": "partners/?ordering=name",
    }
    return [*plain, *(Door(f"api {name}", 100, [f"/api/v1/{url}"], is_api=True) for name, url in asked.items())]


def _searches(partners: int, invoices: int) -> list[Door]:
    """The search from anywhere, as the browser asks it, each time for other words."""
    some = [number * partners // TIMES for number in range(TIMES)]
    names = [name_of(number) for number in some]
    posted = Invoice.objects.posted().order_by("pk").values_list("number", flat=True)
    numbers = list(posted[: invoices : max(1, invoices // TIMES)])
    words = {
        "a name": names,
        "half a name": [name.split()[0][:6] for name in names],
        "two letters": ["ke", "be", "pa", "lu"],
        "a telephone": [telephone_of(number, "06") for number in some],
        "half a telephone": [telephone_of(number, "06")[:8] for number in some],
        "a town": ["Rennes", "Cancale", "Pacé", "Auray", "saint-malo"],
        "a name and a town": [f"{name.split()[0]} rennes" for name in names],
        "an invoice": numbers,
        "a serial number": [serial_of(number - number % 2) for number in some],
        "a postcode": ["35000", "29200", "35740", "22300"],
        "nothing": [f"zzyx{number}qw" for number in range(TIMES)],
        "two words, nothing": [f"{name.split()[0]} zzyx" for name in names],
    }
    url = reverse("admin:search")
    return [
        Door(f"search {name}", 200, [f"{url}?{urlencode({'s': text, 'extended': 1})}" for text in texts])
        for name, texts in words.items()
    ]


def _pages() -> list[Door]:
    """The pages of the office, an autocompletion and the customer's page."""
    first = [
        Door(f"first page, {login}", 300, [reverse("admin:index")], login)
        for login in ("gestion", "compta", "factu", "planning")
    ]
    invoices, partners = reverse("admin:invoicing_invoice_changelist"), reverse("admin:invoicing_partner_changelist")
    work = reverse("admin:interventions_interventionrequest_changelist")
    many, paper = _customer_of_many(), Invoice.objects.posted().latest("pk")
    PublicLink.objects.filter(pk=link_of(paper).pk).update(is_published=True)
    fields = {"app_label": "invoicing", "model_name": "invoice", "field_name": "customer"}
    terms = ["kermadec", "rennes", "06 12", "zzyx"]
    complete = [f"{reverse('admin:autocomplete')}?{urlencode({**fields, 'term': term})}" for term in terms]
    asked = {
        "list of invoices": [invoices],
        "list of invoices, to collect": [f"{invoices}?view=unpaid"],
        "list of invoices, overdue": [f"{invoices}?view=late"],
        "list of invoices, searched": [f"{invoices}?q=kermadec", f"{invoices}?q={paper.number}"],
        "list of customers": [partners],
        "list of customers, searched": [f"{partners}?q=kermadec", f"{partners}?q=rennes"],
        "list of DI": [work],
        "list of DI, to bill": [f"{work}?view=to-bill"],
        "list of DI, late": [f"{work}?view=late"],
        "list of DI, searched": [f"{work}?q=kermadec"],
        "page of a customer": [reverse("admin:invoicing_partner_change", args=[many.pk])],
        "page of an invoice": [reverse("admin:invoicing_invoice_change", args=[paper.pk])],
        "autocompletion of a customer": complete,
        "customer's page of an invoice": [reverse("customer_page", args=[token_of(link_of(paper))])],
    }
    return [*first, *(Door(name, 300, urls) for name, urls in asked.items())]


def _saves() -> list[Door]:
    """Forms with a changed field, saved: the answer is the page again, which takes the place of the one in the browser."""
    change = "admin:{}_{}_change".format
    saved = {
        "a DI": (change("interventions", "interventionrequest"), InterventionRequest.objects.active().last(), "title"),
        "an RDV": (change("appointments", "appointment"), Appointment.objects.last(), "title"),
        "a draft invoice": (change("invoicing", "invoice"), Invoice.objects.drafts().last(), "purchase_order"),
        "a customer": (change("invoicing", "partner"), _customer_of_many(), "note"),
        "a contract": (change("contracts", "contract"), Contract.objects.last(), "reference"),
    }
    return [
        Door(f"save of {name}", 250, [reverse(page, args=[record.pk])], typed=field)
        for name, (page, record, field) in saved.items()
        if record is not None
    ]


def _customer_of_many() -> Partner:
    """One with many invoices."""
    return Partner.objects.filter(invoices__isnull=False).order_by("pk").first() or Partner.objects.latest("pk")


# Asking


class _Asking:
    """The people and the program that ask."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.pid = session_of_database()
        self.clients: dict[str, Client] = {}
        self.saved = 0
        _row, token = AuthToken.objects.create(User.objects.get(username="gestion"))
        self.program = Client(headers={"authorization": f"Token {token}"}, SERVER_NAME="localhost")

    def client(self, door: Door) -> Client:
        if door.is_api:
            return self.program
        if door.login not in self.clients:
            self.clients[door.login] = Client(SERVER_NAME="localhost")
            self.clients[door.login].force_login(User.objects.get(username=door.login))
        return self.clients[door.login]

    def open(self, door: Door) -> Opened:
        """Each address once, so that templates and plans are loaded; then timed."""
        client, opened = self.client(door), Opened(door.name, door.target)
        opened.queries = max(self.queries(client, door, url) for url in door.urls[:5])
        if door.is_api and door.urls[0].endswith("/") and door.urls[0].count("/") == 4:
            opened.queries_of_one = self.queries(client, door, f"{door.urls[0]}?page_size=1")
        spent = [self.ask(client, door, door.urls[number % len(door.urls)]) for number in range(self.times)]
        opened.tell(spent)
        return opened

    def queries(self, client: Client, door: Door, url: str) -> int:
        self.ask(client, door, url)
        fields = self.filled(client, door, url)
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            _send(client, url, fields)
        return len(captured)

    def ask(self, client: Client, door: Door, url: str) -> tuple[float, float, float]:
        """Return the seconds of one answer: by the clock, of this process's work, of the database session's."""
        fields = self.filled(client, door, url)
        cache.clear()
        clock, own, session = time.perf_counter(), time.thread_time(), cpu_of(self.pid)
        _send(client, url, fields)
        return time.perf_counter() - clock, time.thread_time() - own, cpu_of(self.pid) - session

    def filled(self, client: Client, door: Door, url: str) -> dict[str, Any] | None:
        """Return the form at an address with something typed in it; None of a door that is only opened."""
        if not door.typed:
            return None
        page = client.get(url)
        (form,) = re.findall(r'<form[^>]* id="(\w+_form)"', page.content.decode())
        self.saved += 1
        return {**fields_of(page, form), "_save": "1", door.typed: f"Mesure {self.saved}"}


def _send(client: Client, url: str, fields: dict[str, Any] | None) -> None:
    answer = client.get(url) if fields is None else client.post(url, fields, follow=True)
    if answer.status_code != 200 or (fields is not None and not answer.redirect_chain):
        raise RuntimeError(f"{url}: {answer.status_code}")


def line_of(opened: Opened) -> str:
    """Return a door's line, as it is shown while the others are measured."""
    late = "  LATE" if opened.is_late else ""
    return (
        f"{opened.door:<32} p50 {opened.p50:7.1f}  p95 {opened.p95:7.1f} / {opened.target}  "
        f"cpu {opened.python_cpu:6.1f} + {opened.database_cpu:6.1f}  queries {opened.queries}{late}"
    )


def _import(figures: Figures, count: int) -> None:
    """New customers from a file, prepared and written, the steps told to a bar counted."""
    lines = ["Nom;Téléphone;E-mail;Rue;Code postal;Ville"]
    lines += [
        f"Importé {n:05d};{telephone_of(n, '02')};importe{n}@volume.example;{n % 90 + 1} rue des Essais;35000;Rennes"
        for n in range(count)
    ]
    company, steps = Company.objects.get(), []
    started = time.perf_counter()
    preview = prepare_import(
        KINDS["clients"], name="clients.csv", content="\n".join(lines).encode(), company=company, by=None
    )
    done = apply_import(preview, company=company, by=None, progress=lambda count, total: steps.append(count))
    figures.import_s, figures.import_rows = time.perf_counter() - started, done.new
    figures.import_steps = len(steps)
