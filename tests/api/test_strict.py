"""« Unknown parameters, filters, orderings, page sizes and body fields are refused by name. » At every address."""

from typing import Any

import pytest

from tests.api.subjects import addresses, one_of_each
from tests.factories import World
from tests.factories.api import Api
from tests.factories.pages import nothing_changed

pytestmark = pytest.mark.django_db
ELSEWHERE = ("login/", "logout/", "schema/", "docs/")


def said(answer: Any, status: int = 400) -> tuple[str, list[str]]:
    """(code, names refused)"""
    assert answer.status_code == status, (answer.status_code, answer.data)
    return answer.json()["code"], sorted(answer.json()["fields"])


def paths(world: World, *methods: str) -> list[tuple[str, str]]:
    """(method, path) of the addresses, with the id of a record of the firm."""
    records = one_of_each(world)
    found = []
    for method, route, _action, _view in addresses():
        resource = route.split("/")[0]
        if method in methods and not route.startswith(ELSEWHERE) and resource in records:
            found.append((method, route.replace("{id}", str(records[resource]), 1)))
    return [(method, path) for method, path in found if "{" not in path and "<" not in path]


def test_every_body_with_an_unknown_name_is_refused(world: World) -> None:
    api = Api(world.manager)
    written = paths(world, "post", "patch", "delete")
    assert len(written) >= 85
    with nothing_changed():
        faults = [
            (method, path, answer.status_code, answer.data)
            for method, path in written
            for answer in [api.write(method, path, {"prix": 12})]
            if answer.status_code != 403 and (answer.status_code, answer.json()["code"]) != (400, "unknown_field")
        ]
    assert faults == []


def test_every_address_with_an_unknown_parameter_is_refused(world: World) -> None:
    api = Api(world.manager)
    read = paths(world, "get")
    assert len(read) >= 40
    faults = [
        (path, answer.status_code, answer.data)
        for _method, path in read
        for answer in [api.get(path, couleur="rouge")]
        if answer.status_code != 403 and (answer.status_code, answer.json()["code"]) != (400, "unknown_parameter")
    ]
    assert faults == []


def test_what_is_only_read_is_said_to_be(world: World) -> None:
    api, intervention = Api(world.manager), world.intervention()

    assert said(api.patch(f"interventions/{intervention.pk}/", {"number": "DI/9", "net": "1.00"})) == (
        "read_only",
        ["net", "number"],
    )
    whole = api.get(f"interventions/{intervention.pk}/").json()
    assert said(api.patch(f"interventions/{intervention.pk}/", whole))[0] == "read_only"
    assert (
        api.patch(f"interventions/{intervention.pk}/", {"title": "A", "version": intervention.version}).status_code
        == 200
    )


def test_names_inside_lines_are_refused_with_their_place(world: World) -> None:
    api = Api(world.manager)
    body = {"partner": world.customer.pk, "task": world.task.pk, "lines": [{"quantity": "1"}, {"prix": 3, "net": "1"}]}

    with nothing_changed():
        code, names = said(api.post("interventions/", body))

    assert (code, names) == ("unknown_field", ["lines.1.net", "lines.1.prix"])


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"ordering": "couleur"}, "ordering"),
        ({"ordering": "-id,couleur"}, "ordering"),
        ({"page_size": "0"}, "page_size"),
        ({"page_size": "201"}, "page_size"),
        ({"page_size": "beaucoup"}, "page_size"),
        ({"partners": "3"}, "partners"),
    ],
)
def test_lists_refuse_what_they_do_not_know(world: World, query: dict[str, str], name: str) -> None:
    assert said(Api(world.manager).get("interventions/", **query)) == ("unknown_parameter", [name])


@pytest.mark.parametrize(("path", "name"), [("interventions/", "late"), ("tasks/", "is_active"), ("tags/", "scope")])
def test_value_that_a_filter_does_not_read_is_refused(world: World, path: str, name: str) -> None:
    """« ?late=oui » once gave every DI, late or not."""
    assert said(Api(world.manager).get(path, **{name: "oui"})) == ("invalid", [name])


def test_lists_take_what_they_know(world: World) -> None:
    world.intervention()
    query = {"ordering": "-id", "page_size": "1", "page": "1", "partner": str(world.customer.pk), "search": "aubry"}

    assert Api(world.manager).get("interventions/", **query).json()["count"] == 1


def test_login_and_logout_refuse_what_they_do_not_know(world: World) -> None:
    api, asked = Api(world.manager), {"username": "a", "password": "b"}

    assert said(Api().post("login/", {**asked, "remember": True})) == ("unknown_field", ["remember"])
    assert said(Api().post("login/?next=1", asked)) == ("unknown_parameter", ["next"])
    assert said(api.post("logout/", {"all": True})) == ("unknown_field", ["all"])
    assert said(api.post("logout/?all=1")) == ("unknown_parameter", ["all"])
    assert api.get("tags/").status_code == 200  # still logged in
    assert api.post("logout/").status_code == 204


def test_the_schema_and_its_page_take_what_they_are_given(world: World) -> None:
    api = Api(world.manager)
    assert api.get("schema/", couleur="rouge").status_code == 200


def test_payment_refuses_the_currency_that_its_company_decides(world: World) -> None:
    body = {"customer": world.customer.pk, "on": "2026-11-24", "amount": "200.00", "currency": "XXX"}

    with nothing_changed():
        assert said(Api(world.accountant).post("payments/", body)) == ("read_only", ["currency"])
