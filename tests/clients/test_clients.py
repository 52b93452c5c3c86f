"""Clients generated from the description compile strictly, and a program on each walks from the customer to the run.

They need npm and the network of the registries: `make clients` runs them, not the suite.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command

from invoicing.models import Invoice, Payment
from invoicing.services.parties.programs import make_key, save_account
from openfire_billing.db.areas import areas
from openfire_billing.office.roles import MANAGER
from tests.factories.world import make_world

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]
HERE = Path(__file__).parent
WALKED = "to_plan posted 184.62 paid validated billed"
BIN = Path(sys.executable).parent


def run(*words: str, cwd: Path, **environment: str) -> str:
    """The output of a command, which must succeed."""
    done = subprocess.run(
        list(words), cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture
def description(tmp_path: Path) -> Path:
    file = tmp_path / "schema.json"
    call_command("spectacular", format="openapi-json", file=str(file))
    return file


@pytest.fixture
def access(live_server: Any, worker: None) -> dict[str, str]:
    """Where a program finds the API, and its key."""
    world = make_world()
    values = {"name": "Site marchand", "company": world.company, "role": Group.objects.get(name=MANAGER)}
    account = save_account(None, values, by=world.manager)
    rights = {area.code: "write" for area in areas()}
    _key, text = make_key(account, name="site", rights=rights, by=world.manager)
    return {"API": live_server.url, "KEY": text}


def test_python_client_is_strict_and_walks(description: Path, access: dict[str, str], tmp_path: Path) -> None:
    client = tmp_path / "openfire_client"
    options = tmp_path / "options.yaml"
    options.write_text("content_type_overrides:\n  application/pdf: application/octet-stream\npost_hooks: []\n")
    generator = [str(BIN / "openapi-python-client"), "generate", "--path", str(description), "--config", str(options)]
    said = run(*generator, "--meta", "none", "--output-path", str(client), cwd=tmp_path)
    shutil.copy(HERE / "walk.py", tmp_path)

    checked = run(str(BIN / "mypy"), "--strict", "walk.py", "openfire_client", cwd=tmp_path)
    walked = run(sys.executable, "walk.py", cwd=tmp_path, **access)

    assert "WARNING" not in said
    assert checked.startswith("Success")
    assert walked.strip() == WALKED
    assert (Payment.objects.count(), Invoice.objects.count()) == (1, 2)


def test_typescript_client_is_strict_and_walks(description: Path, access: dict[str, str], tmp_path: Path) -> None:
    for name in ("package.json", "walk.ts"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "rules.json").write_text(json.dumps({"extends": ["spectral:oas"]}))
    run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", cwd=tmp_path)

    run("npx", "spectral", "lint", str(description), "-r", "rules.json", "--fail-severity", "error", cwd=tmp_path)
    generator = ["npx", "openapi-typescript", str(description), "-o", "api.ts", "--default-non-nullable", "false"]
    run(*generator, cwd=tmp_path)
    strict = "--strict --noUncheckedIndexedAccess --exactOptionalPropertyTypes --module nodenext --target es2022"
    run("npx", "tsc", *strict.split(), "walk.ts", cwd=tmp_path)
    walked = run("node", "walk.js", cwd=tmp_path, **access)

    assert walked.strip() == WALKED
    assert (Payment.objects.count(), Invoice.objects.count()) == (1, 2)
