"""A walk over every page with what no page of ours sends: each answers, none fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.test import RequestFactory
from django.urls import get_resolver

from appointments.models import Appointment
from invoicing.models import Invoice
from openfire_billing.web.actions import ActionsMixin
from tests.factories import Office, UserFactory, World
from tests.factories.api import ROOT, Api
from tests.factories.pages import address, fields_of
from tests.office.subjects import one_of_each, our_pages

RUBBISH = ["abc", "9" * 30, "2026-11-30", "2026-99-99 25:61", "²"]
NO_KEYS = ["abc", "9" * 30]
ANSWERS = {200, 302, 400, 403, 404, 409}


@pytest.fixture
def office(world: World) -> Office:
    """The office of somebody who may do everything."""
    return Office(UserFactory(username="chef", is_superuser=True, company=world.company))


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is written in there is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("text", RUBBISH)
def test_new_form_with_rubbish_in_its_address_is_shown(world: World, office: Office, text: str) -> None:
    """`appointment/add/?starts_at=2026-11-30` answered 500."""
    forms = 0
    for model in our_pages():
        opened = office.client.get(address(model, "add"))
        if opened.status_code != 200:
            continue
        names = {name.removesuffix("_0").removesuffix("_1") for name in opened.context["adminform"].form.fields}
        answer = office.client.get(address(model, "add"), dict.fromkeys(sorted(names), text))
        assert answer.status_code == 200, (model, text)
        forms += 1
    assert forms >= 28


@pytest.mark.parametrize("text", RUBBISH)
def test_new_form_filled_with_rubbish_is_answered(world: World, office: Office, text: str) -> None:
    """Each box of each new form, its rows included, all at once."""
    forms = 0
    for model in our_pages():
        opened = office.client.get(address(model, "add"))
        if opened.status_code == 200:
            fields = fields_of(opened, f"{model._meta.model_name}_form")
            counts = {name: value for name, value in fields.items() if name.endswith("_FORMS")}
            with undone():
                answer = office.send(model, {**dict.fromkeys(fields, text), **counts})
            assert answer.status_code in ANSWERS, model
            forms += 1
    assert forms >= 28


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("2026-11-30", ("30/11/2026", "00:00")),
        ("2026-11-30 08:30", ("30/11/2026", "08:30")),
        ("abc", ("", "")),
        ("9999-11-30", ("", "")),
    ],
)
def test_moment_in_the_address_of_a_new_appointment(office: Office, text: str, boxes: tuple[str, str]) -> None:
    form = fields_of(office.get(address(Appointment, "add"), starts_at=text), "appointment_form")

    assert (form["starts_at_0"], form["starts_at_1"]) == boxes


@pytest.mark.parametrize("text", NO_KEYS)
def test_list_acts_on_ticked_rows_that_are_none(world: World, office: Office, text: str) -> None:
    """An act of a list with `_selected_action=abc`, or with thirty digits, answered 500."""
    one_of_each(world)
    request, acts = RequestFactory().get("/"), 0
    request.user = office.user
    for model, page in our_pages().items():
        if office.client.get(address(model, "changelist")).status_code != 200:
            continue
        for name in page.get_actions(request):
            for confirmed in ({}, {"_confirmed": "1"}, {"post": "yes"}):
                chosen = {"action": name, ACTION_CHECKBOX_NAME: [text, text], **confirmed}
                with undone():
                    answer = office.client.post(address(model, "changelist"), chosen)
                assert answer.status_code in ANSWERS, (model, name, confirmed)
            acts += 1
    assert acts >= 30


def test_readable_rows_beside_rubbish_are_acted_on(world: World) -> None:
    draft = world.draft()
    chosen = {"action": "act_post", ACTION_CHECKBOX_NAME: ["abc", str(draft.pk), "9" * 30]}

    page = world.office().client.post(address(Invoice, "changelist"), chosen)

    assert [str(document) for document in page.context["documents"]] == [str(draft)]


@pytest.mark.parametrize("text", NO_KEYS)
def test_page_of_a_record_that_is_none(world: World, office: Office, text: str) -> None:
    pages = 0
    for model, page in our_pages().items():
        acts = [f"act/{act.name}/" for act in page.all_actions()] if isinstance(page, ActionsMixin) else []
        for path in ("change/", "delete/", "history/", "attach/", "files/1/detach/", *acts):
            for method in (office.client.get, office.client.post):
                answer = method(f"{address(model, 'changelist')}{text}/{path}")
                assert answer.status_code in ANSWERS, (model, path)
                pages += 1
    assert pages >= 400


@pytest.mark.parametrize("text", NO_KEYS)
def test_dialog_answered_with_rubbish(world: World, office: Office, text: str) -> None:
    """Each field of each dialog, one at a time."""
    ours, fields = one_of_each(world), 0
    for model, page in our_pages().items():
        if not isinstance(page, ActionsMixin):
            continue
        for act in page.all_actions():
            url = address(ours[model], "act", act.name)
            question = office.client.get(url)
            if question.status_code != 200:
                continue
            asked = fields_of(question)
            for name in (*asked, "_version", "_once"):
                with undone():
                    answer = office.client.post(url, {**asked, name: text, "_confirmed": "1"})
                assert answer.status_code in ANSWERS, (model, act.name, name)
                fields += 1
    assert fields >= 100


@pytest.mark.parametrize("text", NO_KEYS)
def test_list_filtered_by_rubbish(world: World, office: Office, text: str) -> None:
    one_of_each(world)
    request, filters = RequestFactory().get("/"), 0
    request.user = office.user
    for model, page in our_pages().items():
        if office.client.get(address(model, "changelist")).status_code != 200:
            continue
        names = {"q", "o", "p", "all", "e", "from", "view", "pk__in", "_facets"}
        for spec in page.get_changelist_instance(request).filter_specs:
            names.update(spec.expected_parameters())
        if page.date_hierarchy:
            names.update(f"{page.date_hierarchy}__{part}" for part in ("year", "month", "day", "gte"))
        for name in sorted(names):
            for path in ("", "export/"):
                answer = office.client.get(f"{address(model, 'changelist')}{path}", {name: text})
                assert answer.status_code in ANSWERS, (model, path, name)
                filters += 1
    assert filters >= 500


@pytest.mark.parametrize("text", NO_KEYS)
def test_choice_box_asked_with_rubbish(world: World, office: Office, text: str) -> None:
    boxes = 0
    for model, page in our_pages().items():
        blocks = [page, *(inline(model, page.admin_site) for inline in page.inlines)]
        for block in blocks:
            for name in block.get_autocomplete_fields(None):
                asked = {"app_label": block.model._meta.app_label, "model_name": block.model._meta.model_name}
                asked |= {"field_name": name, "term": "a", "page": "1"}
                assert office.get("/admin/autocomplete/", **asked).status_code == 200
                for key in ("app_label", "model_name", "field_name", "term", "page"):
                    answer = office.get("/admin/autocomplete/", **{**asked, key: text})
                    assert answer.status_code in ANSWERS, (model, name, key)
                    boxes += 1
    assert boxes >= 100


@pytest.mark.parametrize("text", RUBBISH)
def test_other_pages_asked_with_rubbish(world: World, office: Office, text: str) -> None:
    pages = [
        *("/admin/", "/admin/search/?s=", "/planning/?from=", "/mobile/?on="),
        *("/planning/visits/?month=", "/planning/visits/?sector="),
        *("/planning/map/?from=", "/planning/map/?sectors="),
        *("/mobile/week/?from=", "/admin/account/session/?user="),
        *(f"{address(model, 'changelist')}defaults/?partner=" for model in (Appointment,)),
    ]
    for page in pages:
        assert office.client.get(f"{page}{text}").status_code in ANSWERS, page
    assert office.client.get(f"/p/{text}/").status_code == 404
    assert office.client.get(f"/files/{text}/x").status_code == 404
    assert office.client.get(f"/files/1/{text}").status_code == 404


@pytest.mark.parametrize("text", NO_KEYS)
def test_identifier_of_the_api_that_is_none(world: World, text: str) -> None:
    """Each address that takes an identifier, each method."""
    api, asked = Api(UserFactory(username="chef", is_superuser=True, company=world.company)), 0
    for path in paths_of_api():
        for method in ("get", "post", "patch", "delete"):
            answer = getattr(api, method)(path.replace("<pk>", text), *([{}] if method == "patch" else []))
            assert answer.status_code in (400, 404, 405), (method, path)
            assert set(answer.json()) == {"code", "detail", "fields", "documents", "step"}
            asked += 1
    assert asked >= 400


@pytest.mark.parametrize("text", NO_KEYS)
def test_list_of_the_api_filtered_by_rubbish(world: World, text: str) -> None:
    """Each parameter of each list, as the schema names it."""
    api, asked = Api(UserFactory(username="chef", is_superuser=True, company=world.company)), 0
    schema = api.client.get(f"{ROOT}schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").json()
    for path, methods in schema["paths"].items():
        for parameter in methods.get("get", {}).get("parameters", ()):
            if parameter["in"] == "query":
                answer = api.get(path.removeprefix(ROOT).replace("{id}", "1"), **{parameter["name"]: text})
                assert answer.status_code in (200, 400, 404), (path, parameter["name"])
                asked += 1
    assert asked >= 100


def paths_of_api() -> list[str]:
    """The addresses of the API that take an identifier, « <pk> » in its place."""
    found = set()

    def walk(patterns: Any, before: str) -> None:
        for pattern in patterns:
            path = before + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                walk(pattern.url_patterns, path)
            elif "(?P<pk>" in path or "<pk>" in path:
                plain = path.replace("^", "").replace("$", "").replace("\\Z", "").replace("(?P<pk>[0-9]+)", "<pk>")
                found.add(plain.partition("api/v1/")[2])

    walk([p for p in get_resolver().url_patterns if str(p.pattern) == "api/v1/"], "")
    return sorted(path for path in found if "(" not in path)
