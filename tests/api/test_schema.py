"""The whole description, tried: schemathesis asks every address what it did not expect. No 500, no undocumented answer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.test import Client
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from appointments.api.appointments import PRICES
from openfire_billing.web.api.codes import CODES
from openfire_billing.wsgi import application
from tests.api.subjects import one_of_each
from tests.api.test_roles import OPEN, every_address
from tests.factories import World
from tests.factories.api import Api

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
LEFT_OUT = "logout"  # it would revoke the token of all the others


def description() -> dict[str, Any]:
    return dict(Client().get("/api/v1/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").json())


def test_description_is_openapi_3_1_of_every_address(db: None) -> None:
    said = description()
    described = {
        f"{method} {path.removeprefix('/api/v1/')}" for path, methods in said["paths"].items() for method in methods
    }

    assert said["openapi"].startswith("3.1")
    assert described == {a.replace("{pk}", "{id}") for a in every_address() | OPEN} - {
        "get schema/",
        "get docs/",
        "post schema/",
        "post docs/",
    }
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            assert set(operation["responses"]) >= {"400", "401", "403", "404", "409", "429"}, (method, path)


def test_what_is_always_answered_is_required(db: None) -> None:
    said = description()["components"]["schemas"]

    for name in ("Invoice", "InvoiceLine", "Partner", "Contract", "BillingRun", "Refusal"):
        assert said[name]["required"] == list(said[name]["properties"]), name
    appointment = said["Appointment"]
    assert set(appointment["properties"]) - set(appointment["required"]) == set(PRICES)
    assert said["InvoiceRequest"]["required"] == ["customer"]


def test_ids_in_addresses_are_numbers_and_addresses_have_a_summary(db: None) -> None:
    whole = {"type": "integer", "format": "int64", "minimum": 1, "maximum": 2**63 - 1}
    summaries = []
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            ids = [one["schema"] for one in operation.get("parameters", ()) if one["in"] == "path"]
            assert ids == [whole] * path.count("{"), (method, path)
            summaries.append(operation["summary"])
    assert len(summaries) >= 180
    assert all(3 < len(summary) <= 120 and summary == summary.strip(" .") for summary in summaries)


def test_states_and_codes_are_enumerated(db: None) -> None:
    said = description()["components"]["schemas"]
    enums = {
        name: set(schema["enum"])
        for name, schema in said.items()
        if name.endswith(("State", "Result", "Code")) and "enum" in schema
    }

    assert enums["InvoiceState"] == {"draft", "posted", "cancelled"}
    assert enums["RefusalCode"] == set(CODES)
    assert set(enums) >= {
        "AppointmentState", "ContractState", "InterventionState", "OrderState", "QuoteState", "RunResult", "RunState",
    }  # fmt: skip
    plain = [
        name
        for name, schema in said.items()
        for field in ("state", "result", "phase")
        if schema.get("properties", {}).get(field, {}).get("type") == "string"
    ]
    assert plain == []


def test_no_name_clashes_with_the_words_of_a_language(db: None) -> None:
    names = set(description()["components"]["schemas"])

    assert not names & {"Mapping", "Exception", "Type", "Key", "Error", "File", "Link", "Named", "Step", "Run"}


def test_every_code_of_the_source_is_listed_in_the_description_and_in_the_guide() -> None:
    root = Path(settings.BASE_DIR)
    written = {
        code
        for app in ("invoicing", "interventions", "appointments", "contracts", "openfire_billing")
        for file in (root / app).rglob("*.py")
        if file.name not in ("login_forms.py", "fields.py")  # codes of forms
        for code in re.findall(r'\bcode ?= ?"([a-z_]+)"', file.read_text(encoding="utf-8"))
    }
    guide = (root / "docs/api.md").read_text(encoding="utf-8")

    assert written - set(CODES) == set()
    assert [code for code in CODES if f"`{code}`" not in guide] == []


def test_writes_say_that_they_take_a_key(db: None) -> None:
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            keyed = "Idempotency-Key" in {parameter["name"] for parameter in operation.get("parameters", ())}
            assert keyed == (method != "get" and path not in ("/api/v1/login/", "/api/v1/logout/")), (method, path)


def test_page_for_people_needs_nothing_from_outside(db: None) -> None:
    page = Client().get("/api/v1/docs/")
    text = page.content.decode()
    script = Client().get("/api/v1/docs/?script=")

    assert (page.status_code, script.status_code) == (200, 200)
    assert script["Content-Type"].startswith("application/javascript")
    assert re.findall(r"<script>(.*?)</script>", text, re.DOTALL) == []
    sources = re.findall(r'(?:src|href)="([^"]+)"', text)
    assets = [source for source in sources if source.startswith("/static/")]
    assert [s for s in sources if s not in assets] == ["/api/v1/docs/?script="]
    assert len(assets) == 4
    assert all(finders.find(asset.removeprefix("/static/")) for asset in assets)
    assert "'unsafe-inline'" not in page["Content-Security-Policy"].partition("script-src")[2].partition(";")[0]


@pytest.fixture
def one_connection() -> Iterator[None]:
    """As Django's own test client: an answer does not close the connection that holds the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("one_connection")
def test_every_address_survives_what_it_did_not_expect(world: World, record_testsuite_property: Any) -> None:
    """As the manager, who may do everything, on a firm with one of each."""
    records = one_of_each(world)
    token = Api(world.manager).client._credentials["HTTP_AUTHORIZATION"]
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", application)
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.endswith(f"{LEFT_OUT}/"):
            continue
        tried += 1
        _survives(operation, token, records)

    assert tried >= 80
    record_testsuite_property("API operations tried", tried)


# Ids that a body may name: half of the demands name what exists, so that they reach the services.
NAMED = {
    "customer": "partners",
    "payer": "partners",
    "partner": "partners",
    "address": "addresses",
    "product": "products",
}
NAMED |= {"tax": "taxes", "task": "tasks", "fiscal_position": "fiscal-positions", "unit": "units", "site": "addresses"}
NAMED |= {"supplier": "partners", "order": "purchase-orders", "deliver_to": "addresses"}


def _survives(operation: Any, token: str, records: dict[str, int]) -> None:
    known = records.get(operation.path.removeprefix("/api/v1/").split("/")[0], 1)
    modes = [operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]

    @hypothesis.settings(
        max_examples=4,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=modes[0] | modes[1], is_real=hypothesis.strategies.booleans())
    def ask(case: Any, is_real: bool) -> None:
        if "id" in case.path_parameters:
            case.path_parameters["id"] = known
        if is_real:
            _name_what_exists(case.body, records)
        with transaction.atomic():  # each demand meets the firm as it was
            answer = case.call(
                headers={"Authorization": token, "Accept-Encoding": "identity"}
            )  # it would not unpack it
            case.validate_response(answer, checks=CHECKS)
            transaction.set_rollback(True)

    ask()


def _name_what_exists(body: Any, records: dict[str, int]) -> None:
    if isinstance(body, list):
        for part in body:
            _name_what_exists(part, records)
    elif isinstance(body, dict):
        for name in list(body):
            if name in NAMED:
                body[name] = records[NAMED[name]]
            elif name.endswith("on"):
                body[name] = "2026-11-24"
            elif name == "ids":
                body[name] = [records["interventions"], records["appointments"]]
            else:
                _name_what_exists(body[name], records)
