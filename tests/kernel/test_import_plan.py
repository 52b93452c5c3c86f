"""What import-linter cannot see of the plan: names in strings, and models taken through the re-exports of a package.

import-linter's contracts (pyproject.toml) hold the imports themselves. Here: a string that stands for code ("app.Model",
"app.permission", "admin:app_model_changelist", "app/page.html") names only apps at or below its own; what a shelf of
invoicing takes from `invoicing.models` lives on that shelf or on one before it.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from invoicing import models

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("openfire_billing", "invoicing", "interventions", "appointments", "contracts", "openfire_billing.office")
WIRES = {f"openfire_billing/{name}.py" for name in ("settings", "urls", "celery", "wsgi")}
SHELVES = {  # shelf of a service → shelves of models it may take from
    "records": ("access", "parties", "records"),
    "access": ("access",),
    "parties": ("parties", "records"),
    "catalogue": ("parties", "records", "catalogue"),
    "accounts": ("parties", "records", "catalogue", "accounts"),
    "documents": ("parties", "records", "catalogue", "accounts", "documents"),
    "settlement": ("parties", "records", "catalogue", "accounts", "documents", "settlement"),
}
CODE_NAMES = (
    re.compile(r"([a-z_]+)(?:\.\w+)+"),
    re.compile(r"admin:([a-z]+)_\w+"),
    re.compile(r"([a-z_]+)/[\w/]+\.(?:html|txt)"),
)


def floor_of(path: str) -> int:
    """The floor of a file, counted from the ground."""
    return (
        len(FLOORS) - 1 if path.startswith("openfire_billing/office/") else FLOORS.index(path.split("/", maxsplit=1)[0])
    )


def named_above(path: str, source: str) -> list[str]:
    """Strings of a file that stand for code of an app above it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        apps = [m[1] for pattern in CODE_NAMES if (m := pattern.fullmatch(text))]
        if isinstance(node, ast.Call):
            apps += [text for text in _labels(node) if text]
        found += [
            f"{path}:{node.lineno} {app}" for app in apps if app in FLOORS and floor_of(f"{app}/") > floor_of(path)
        ]
    return found


def _labels(call: ast.Call) -> Iterator[str]:
    """The app of get_model("app", "Model") and of app_label="app"."""
    if getattr(call.func, "attr", "") == "get_model" and call.args and isinstance(call.args[0], ast.Constant):
        yield str(call.args[0].value)
    for keyword in call.keywords:
        if keyword.arg == "app_label" and isinstance(keyword.value, ast.Constant):
            yield str(keyword.value.value)


def taken_from_later_shelves(path: str, source: str) -> list[str]:
    """Models that a service of invoicing takes through `invoicing.models` from a shelf after its own."""
    shelf = Path(path).parts[2].removesuffix(".py")
    allowed = SHELVES.get(shelf)
    found = []
    for node in ast.walk(ast.parse(source)):
        if allowed and isinstance(node, ast.ImportFrom) and node.module == "invoicing.models":
            homes = {alias.name: getattr(models, alias.name).__module__.split(".")[2] for alias in node.names}
            found += [f"{path}:{node.lineno} {name}" for name, home in homes.items() if home not in allowed]
    return found


def sources() -> Iterator[tuple[str, str]]:
    for app in FLOORS[:-1]:
        for path in (ROOT / app).rglob("*.py"):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def test_imports_hold_to_the_contracts() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout


def test_strings_name_no_app_above() -> None:
    found = [line for path, source in sources() if path not in WIRES for line in named_above(path, source)]
    assert not found, "\n".join(found)


def test_services_of_a_shelf_take_models_of_no_later_shelf() -> None:
    found = [
        line
        for path, source in sources()
        if path.startswith("invoicing/services/") and path.count("/") >= 2
        for line in taken_from_later_shelves(path, source)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("interventions/models/a.py", "x = ForeignKey('contracts.Contract', CASCADE)"),
        ("invoicing/querysets.py", "apps.get_model('contracts', 'Contract')"),
        ("invoicing/querysets.py", "ContentType.objects.get(app_label='contracts')"),
        ("invoicing/admin/a.py", "reverse('admin:contracts_contract_changelist')"),
        ("invoicing/admin/a.py", "user.has_perm('contracts.view_contract')"),
        ("invoicing/admin/a.py", "render('contracts/form.html')"),
    ],
)
def test_string_that_names_an_app_above_is_found(path: str, source: str) -> None:
    assert named_above(path, source) == [f"{path}:1 contracts"]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("openfire_billing/office/roles.py", "x = 'contracts.view_contract'"),
        ("interventions/models/a.py", "x = ForeignKey('invoicing.Partner', PROTECT)"),
    ],
)
def test_string_that_names_an_app_below_is_allowed(path: str, source: str) -> None:
    assert named_above(path, source) == []


def test_model_of_a_later_shelf_is_found() -> None:
    path = "invoicing/services/parties/a.py"
    assert taken_from_later_shelves(path, "from invoicing.models import Invoice, Partner") == [f"{path}:1 Invoice"]
