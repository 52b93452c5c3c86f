"""The examples of the description: they fit their schemas, and schemathesis succeeds with them everywhere."""

from typing import Any

import hypothesis
import jsonschema_rs
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction

from openfire_billing.wsgi import application
from tests.api.ready import ready_for, real
from tests.api.subjects import file_of_each, one_of_each
from tests.api.test_schema import description, one_connection  # noqa: F401 – a fixture
from tests.factories import World
from tests.factories.api import Api

WITHOUT = {"UploadRequest"}  # a file has no example


def test_every_body_and_answer_has_an_example_that_fits_its_schema(db: None) -> None:
    said = description()
    schemas, components = said["components"]["schemas"], {"components": said["components"]}
    written = [
        content["schema"]["$ref"].rpartition("/")[2]
        for methods in said["paths"].values()
        for operation in methods.values()
        for part in (operation.get("requestBody", {}), *operation["responses"].values())
        for content in part.get("content", {}).values()
        if "$ref" in content["schema"]
    ]
    faults = [
        (name, error.message)
        for name in sorted({*written} - WITHOUT)
        for example in schemas[name].get("examples", ["no example"])
        for error in jsonschema_rs.validator_for(
            {"$ref": f"#/components/schemas/{name}", **components}, validate_formats=True
        ).iter_errors(example)
    ]

    assert len(set(written)) >= 120
    assert faults == []


def one_case(operation: Any) -> Any:
    """The case that schemathesis makes of the examples of an operation; without any, the empty one."""
    strategies = operation.get_strategies_from_examples()
    if not strategies:
        return operation.Case()
    found: list[Any] = []

    @hypothesis.settings(
        max_examples=1, phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(strategies[0])
    def keep(case: Any) -> None:
        found.append(case)

    keep()
    return found[0]


def read_to_its_end(environ: Any, start_response: Any) -> list[bytes]:
    """The application as a server serves it: each answer is read whole and closed, files too."""
    for signal in (request_started, request_finished):  # Django's test client has connected it again
        signal.disconnect(close_old_connections)
    answer = application(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


@pytest.mark.usefixtures("one_connection")
def test_schemathesis_reaches_a_success_at_every_address(world: World, record_testsuite_property: Any) -> None:
    """With the examples alone: only ids are those of the firm, each document in the state that the act asks for."""
    records = one_of_each(world)
    files = file_of_each(world, records)
    token = Api(world.manager).client._credentials["HTTP_AUTHORIZATION"]
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", read_to_its_end)
    missed, tried = [], 0
    for result in schema.get_all_operations():
        operation = result.ok()
        tried += 1
        path = operation.path.removeprefix("/api/v1/")
        resource = path.split("/")[0]
        with transaction.atomic():
            case = one_case(operation)
            pk, changes = ready_for(f"{operation.method} {path}", world, records)
            case.headers, case.query = {}, {}
            case.path_parameters = {name: files[resource] if name == "file" else pk for name in case.path_parameters}
            if isinstance(case.body, dict):
                case.body = real(case.body, records) | {k: v for k, v in changes.items() if k in case.body}
            answer = case.call(headers={"Authorization": token})
            if not 200 <= answer.status_code < 300:
                missed.append((operation.method, path, answer.status_code, answer.text[:300]))
            transaction.set_rollback(True)

    record_testsuite_property("API operations reached", f"{tried - len(missed)}/{tried}")
    assert missed == [], "\n".join(map(str, missed))
    assert tried >= 250
