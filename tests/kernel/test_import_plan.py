"""The plan of the house: who may lean on whom. It is read from the source, so an import hidden in a function counts.

    openfire_billing < invoicing < interventions < appointments < contracts < openfire_billing.office

A floor imports only floors before it, and names only those in strings that stand for code (models, permissions,
addresses, templates). Settings, urls and celery wire everything and are free. Inside invoicing the shelves hold the
same rule among themselves. Pure modules (money, periods, the planner) know neither Django nor anything that does.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("openfire_billing", "invoicing", "interventions", "appointments", "contracts", "openfire_billing.office")
OFFICE = "openfire_billing.office"
WIRES = {f"openfire_billing.{name}" for name in ("settings", "urls", "celery", "asgi", "wsgi")}
SHELVES = ("parties", "catalogue", "accounts", "documents", "settlement", "exchange", "posting")
ON_TOP_OF_SHELVES = ("invoicing.admin", "invoicing.api")
UNDER_SHELVES = ("invoicing.choices", "invoicing.querysets")
PURE = ("openfire_billing.money", "openfire_billing.periods", "contracts.planner")
PURE_MAY_IMPORT = (*PURE, "openfire_billing.errors", "dateutil", "holidays")

CODE_NAMES = (
    re.compile(r"([a-z_]+(?:\.\w+)+)"),  # "app.Model", "app.permission_model", "app.tasks.bill"
    re.compile(r"admin:([a-z]+)_\w+"),  # "admin:app_model_changelist"
    re.compile(r"([a-z_]+)/[\w/]+\.(?:html|txt)"),  # "app/page.html"
)
TAKES_A_LABEL = {"get_model", "get_app_config", "import_module", "import_string"}
TAKES_A_MODEL = {"ForeignKey", "OneToOneField", "ManyToManyField", "GenericRelation"}


@dataclass(frozen=True)
class Module:
    """One source file, by its dotted name."""

    name: str
    path: str
    is_package: bool
    tree: ast.Module

    @classmethod
    def read(cls, path: str, source: str) -> "Module":
        parts = list(Path(path).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        return cls(".".join(parts[:-1] if is_package else parts), path, is_package, ast.parse(source))

    def imports(self) -> Iterator[tuple[int, str]]:
        """(line, dotted name) of everything imported, wherever it stands; names taken from a module included."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self.base_of(node)
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)

    def base_of(self, node: ast.ImportFrom) -> str:
        """The module an import takes from, relative ones resolved."""
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
        return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])

    def strings(self) -> Iterator[tuple[int, str]]:
        """(line, dotted name) of every string that stands for code: models, labels, permissions, pages."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for pattern in CODE_NAMES:
                    if found := pattern.fullmatch(node.value):
                        yield node.lineno, found[1]
            elif isinstance(node, ast.Call):
                yield from ((node.lineno, name) for name in _named_by_call(node))
            elif isinstance(node, ast.Tuple) and "/migrations/" in self.path:
                yield from ((node.lineno, label) for label in _texts(node.elts)[:1])


def _texts(nodes: list[ast.expr]) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _named_by_call(call: ast.Call) -> Iterator[str]:
    """Names in get_model("app", "Model"), import_module("app"), ForeignKey("Model"), filter(app_label="app")."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = _texts(call.args)
    named = {keyword.arg: text for keyword in call.keywords for text in _texts([keyword.value])}
    if function in TAKES_A_LABEL and given:
        yield ".".join(given[:2])
    if function in TAKES_A_MODEL:
        yield from (f"invoicing.{name}" for name in [*given[:1], named.get("to"), named.get("through")] if name)
    if "app_label" in named:
        yield named["app_label"]


@dataclass
class Plan:
    """Checks a tree of sources, {path: text}; what it finds reads "path:line says what"."""

    sources: Mapping[str, str]
    modules: dict[str, Module] = field(init=False)

    def __post_init__(self) -> None:
        read = (Module.read(path, source) for path, source in self.sources.items())
        self.modules = {module.name: module for module in read}

    def violations(self) -> list[str]:
        found = set()
        for module in self.modules.values():
            for check in (self.upward, self.misplaced, self.impure):
                found |= {f"{module.path}:{line} {problem}" for line, problem in check(module)}
        return sorted(found)

    def upward(self, module: Module) -> Iterator[tuple[int, str]]:
        here = floor_of(module.name)
        if here is None or module.name in WIRES:
            return
        for verb, names in (("imports", module.imports()), ("names", module.strings())):
            for line, name in names:
                there = floor_of(name)
                if there is not None and there > here:
                    yield line, f"{verb} {name}, above it"

    def misplaced(self, module: Module) -> Iterator[tuple[int, str]]:
        """What breaks the order of invoicing's shelves."""
        room, own = room_of(module.name), shelf_of(module.name)
        if room in ("models", "services") and own is None and module.name.count(".") > 1:
            yield 1, "stands on no shelf"
        if own is None and module.name not in UNDER_SHELVES:
            return
        # Querysets are asked by the shelves' own models, found at run time by label: only imports would tie the knot.
        yield from self.taken_whole(module, room)
        for line, name in [*module.imports(), *(module.strings() if own is not None else ())]:
            target = self.home_of(name)
            if room == "admin":  # admin stands on all the shelves and keeps their order among its own pages
                if room_of(target) != "admin":
                    continue
            elif target.startswith(ON_TOP_OF_SHELVES):
                yield line, f"reaches {name}, on top of the shelves"
            there = shelf_of(target)
            if there is not None and (own is None or there > own):
                yield line, f"reaches {name}, on a later shelf"

    @staticmethod
    def taken_whole(module: Module, room: str) -> Iterator[tuple[int, str]]:
        """A shelf that imports all of a room hides what it takes from it."""
        for line, name in module.imports():
            if room != "admin" and name in ("invoicing", "invoicing.models", "invoicing.services"):
                yield line, f"reaches {name} whole: name what is taken"

    def home_of(self, name: str) -> str:
        """Where a name truly lives: through re-exports, and "invoicing.Model" through invoicing.models."""
        package, _, last = name.rpartition(".")
        if package == "invoicing" and name not in self.modules:
            package = "invoicing.models"
        module = self.modules.get(package)
        for node in module.tree.body if module and module.is_package else ():
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    source = f"{module.base_of(node)}.{alias.name}"
                    if (alias.asname or alias.name).lower() == last.lower() and source != name:
                        return self.home_of(source)
        return name

    def impure(self, module: Module) -> Iterator[tuple[int, str]]:
        if not within(module.name, PURE):
            return
        for line, name in module.imports():
            if name.split(".")[0] not in sys.stdlib_module_names and not within(name, PURE_MAY_IMPORT):
                yield line, f"is pure and imports {name}"


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def floor_of(name: str) -> int | None:
    """The floor of a dotted name, counted from the ground; None for what is not ours."""
    if within(name, (OFFICE,)):
        return FLOORS.index(OFFICE)
    first = name.split(".", maxsplit=1)[0]
    return FLOORS.index(first) if first in FLOORS else None


def room_of(name: str) -> str:
    """models, services, admin, exchange… of invoicing; "" elsewhere."""
    parts = name.split(".")
    return parts[1] if parts[0] == "invoicing" and len(parts) > 1 else ""


def shelf_of(name: str) -> int | None:
    """The shelf of a dotted name, in the order of SHELVES."""
    parts = name.split(".")
    if room_of(name) == "exchange":
        return SHELVES.index("exchange")
    if room_of(name) in ("models", "services", "admin") and len(parts) > 2 and parts[2] in SHELVES:
        return SHELVES.index(parts[2])
    return None


def test_import_plan_is_held() -> None:
    apps = {name.split(".")[0] for name in FLOORS}
    files = (path for app in apps for path in (ROOT / app).rglob("*.py"))
    sources = {path.relative_to(ROOT).as_posix(): path.read_text() for path in files}

    found = Plan(sources).violations()

    assert len(sources) > 20
    assert not found, "\n".join(["", *found])


# The checker itself, on small plants

MODELS = {
    "invoicing/models/__init__.py": "from invoicing.models.parties import Partner\nfrom .documents import Invoice\n",
    "invoicing/models/documents/__init__.py": "from invoicing.models.documents.invoices import Invoice\n",
    "invoicing/models/documents/invoices.py": "class Invoice: ...\n",
    "invoicing/models/parties.py": "class Partner: ...\n",
}

REFUSED = [
    ("openfire_billing/money.py", "from invoicing.models import Invoice", "imports invoicing.models.Invoice, above it"),
    ("openfire_billing/fields.py", "def f():\n    import contracts", "imports contracts, above it"),
    ("openfire_billing/apps.py", "from openfire_billing import office", "imports openfire_billing.office, above it"),
    ("openfire_billing/look.py", "from .office import roles", "imports openfire_billing.office.roles, above it"),
    ("invoicing/tasks.py", "import contracts.services", "imports contracts.services, above it"),
    ("interventions/admin/a.py", "if TYPE_CHECKING:\n    from appointments.models import A", "appointments.models.A"),
    ("appointments/tasks.py", "from contracts import tasks", "imports contracts.tasks, above it"),
    ("contracts/tasks.py", "from openfire_billing.office.tasks import beat", "openfire_billing.office.tasks.beat"),
    (
        "interventions/models/a.py",
        "x = ForeignKey('contracts.Contract', CASCADE)",
        "names contracts.Contract, above it",
    ),
    ("interventions/models/a.py", "x = ManyToManyField(to='appointments.Tour')", "names appointments.Tour, above it"),
    ("invoicing/querysets.py", "apps.get_model('contracts', 'Contract')", "names contracts.Contract, above it"),
    ("invoicing/querysets.py", "import_module('interventions')", "names interventions, above it"),
    ("invoicing/querysets.py", "ContentType.objects.get(app_label='contracts')", "names contracts, above it"),
    ("invoicing/admin/a.py", "reverse('admin:contracts_contract_changelist')", "names contracts, above it"),
    ("invoicing/admin/a.py", "user.has_perm('contracts.view_contract')", "names contracts.view_contract, above it"),
    ("invoicing/admin/a.py", "render('contracts/form.html')", "names contracts, above it"),
    ("invoicing/migrations/0001_a.py", "dependencies = [('contracts', '0001_a')]", "names contracts, above it"),
    (
        "invoicing/services/parties/a.py",
        "from invoicing.models import Invoice",
        "invoicing.models.Invoice, on a later shelf",
    ),
    (
        "invoicing/services/parties/a.py",
        "from ..documents import drafts",
        "invoicing.services.documents.drafts, on a later",
    ),
    (
        "invoicing/services/settlement.py",
        "from invoicing.services.posting.post import post_invoice",
        "on a later shelf",
    ),
    (
        "invoicing/services/documents/a.py",
        "from invoicing.exchange import pdf",
        "invoicing.exchange.pdf, on a later shelf",
    ),
    (
        "invoicing/services/catalogue.py",
        "def f():\n    from invoicing.models.documents.invoices import Invoice",
        "later",
    ),
    (
        "invoicing/services/catalogue.py",
        "apps.get_model('invoicing', 'invoice')",
        "invoicing.invoice, on a later shelf",
    ),
    ("invoicing/models/accounts.py", "x = ForeignKey('Invoice', CASCADE)", "invoicing.Invoice, on a later shelf"),
    (
        "invoicing/models/accounts.py",
        "x = ForeignKey('invoicing.Invoice', CASCADE)",
        "invoicing.Invoice, on a later shelf",
    ),
    ("invoicing/services/parties/a.py", "from invoicing import models", "invoicing.models whole"),
    ("invoicing/services/posting/a.py", "from invoicing.admin.base import Page", "invoicing.admin.base.Page, on top"),
    ("invoicing/admin/parties.py", "from invoicing.admin.documents import InvoiceAdmin", "on a later shelf"),
    ("invoicing/querysets.py", "from invoicing.models import Partner", "invoicing.models.Partner, on a later shelf"),
    ("invoicing/services/sums.py", "", "stands on no shelf"),
    ("openfire_billing/money.py", "from django.conf import settings", "is pure and imports django.conf.settings"),
    (
        "openfire_billing/periods.py",
        "def f():\n    from django.utils import timezone",
        "is pure and imports django.utils",
    ),
    (
        "contracts/planner/due.py",
        "from contracts.models import Contract",
        "is pure and imports contracts.models.Contract",
    ),
]

ALLOWED = [
    ("openfire_billing/settings.py", "INSTALLED_APPS = ['invoicing', 'openfire_billing.office']"),
    ("openfire_billing/urls.py", "path('', include('contracts.urls'))"),
    ("openfire_billing/fields.py", "from openfire_billing.money import to_cents"),
    ("openfire_billing/office/roles.py", "from contracts.models import Contract\nx = 'invoicing.view_invoice'"),
    ("contracts/services/billing.py", "from invoicing.services.documents.drafts import draft_invoice"),
    ("contracts/planner/due.py", "from datetime import date\nfrom openfire_billing.periods import Period"),
    ("interventions/models/a.py", "x = ForeignKey('invoicing.Partner', PROTECT)\ny = ForeignKey('Contract', PROTECT)"),
    ("invoicing/querysets.py", "apps.get_model('invoicing', 'Invoice')"),
    ("invoicing/services/documents/a.py", "from invoicing.models import Invoice, Partner"),
    (
        "invoicing/services/posting/a.py",
        "from invoicing.tasks import render_invoice\nfrom invoicing.exchange import pdf",
    ),
    ("invoicing/admin/parties.py", "from invoicing.admin.base import Page\nfrom invoicing.models import Invoice"),
    ("invoicing/tasks.py", "from invoicing.exchange import pdf\nfrom invoicing.services.posting import post"),
    ("invoicing/models/settlement/__init__.py", "from invoicing.models.settlement import payments"),
    ("tests/invoicing/test_a.py", "from contracts.models import Contract"),
]


@pytest.mark.parametrize(("path", "source", "problem"), REFUSED)
def test_import_plan_refuses(path: str, source: str, problem: str) -> None:
    found = Plan(MODELS | {path: source}).violations()

    assert [line for line in found if line.startswith(path) and problem in line], found


@pytest.mark.parametrize(("path", "source"), ALLOWED)
def test_import_plan_allows(path: str, source: str) -> None:
    assert Plan(MODELS | {path: source}).violations() == []
