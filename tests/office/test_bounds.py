"""Searches of 1,500 words, bodies too large, NUL characters: answered at once, never an error of the server."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse

from openfire_billing.db.search import words_of
from openfire_billing.office.roles import MANAGER
from tests.api.test_roles import every_address
from tests.factories import Office, ProductFactory, UserFactory, World, nothing_changed
from tests.factories.api import Api, refused
from tests.factories.appointments import book, technician
from tests.factories.pages import address
from tests.office.subjects import one_of_each

MANY = " ".join(f"mot{n}" for n in range(1500))
TEN = "un deux trois quatre cinq six sept huit neuf dix"
TOO_LARGE = "Le navigateur a envoyé plus que ce qui se lit en une fois : rien n'est enregistré."


def quickly(ask: Callable[[], Any]) -> Any:
    """The answer, which takes this process less than a second."""
    start = time.thread_time()
    answer = ask()
    assert time.thread_time() - start < 1
    return answer


@pytest.fixture
def superuser(world: World) -> Any:
    return UserFactory(username="admin", is_superuser=True, company=world.company)


def test_every_list_export_and_choice_box_answers_1500_words(world: World, superuser: Any) -> None:
    one_of_each(world)
    office = Office(superuser)
    searched = []
    for model, page in admin.site._registry.items():
        if not page.search_fields:
            continue
        searched.append(model)
        assert quickly(lambda model=model: office.get(address(model, "changelist"), q=MANY)).status_code == 200
        assert quickly(lambda model=model: office.get(address(model, "changelist"), q=MANY[:200])).status_code == 200
    boxes = [
        (model, name) for model, page in admin.site._registry.items() for name in page.get_autocomplete_fields(None)
    ]
    for model, name in boxes:
        meta = model._meta
        asked = {"app_label": meta.app_label, "model_name": meta.model_name, "field_name": name, "term": MANY}
        answer = quickly(lambda asked=asked: office.get(reverse("admin:autocomplete"), **asked))
        assert (answer.status_code, answer.json()["results"]) == (200, [])

    assert (len(searched) >= 20, len(boxes) >= 20) == (True, True)


def test_every_list_of_the_api_answers_1500_words(world: World, superuser: Any) -> None:
    one_of_each(world)
    api = Api(superuser)
    lists = sorted(path.removeprefix("get ") for path in every_address() if path.startswith("get ") and "{" not in path)
    answers = {path: quickly(lambda path=path: api.get(path, search=MANY)).status_code for path in lists}

    searched = {path: status for path, status in answers.items() if path not in ("schema/", "docs/")}
    assert len(searched) >= 20
    refused = {path for path, status in searched.items() if status == 400}
    assert refused == {"billing-runs/", "slots/", "tours/"}  # runs, slots and tours have no words to search
    assert set(searched.values()) == {200, 400}


def test_search_box_and_phone_answer_1500_words(world: World) -> None:
    rdv = book(world, world.intervention(), who=technician(world, user=world.technician), state="confirmed")
    office, phone = world.office(MANAGER), Office(world.technician)

    assert quickly(lambda: office.get("/admin/search/", s=MANY, extended="1")).status_code == 200
    answer = quickly(lambda: phone.get(f"/mobile/appointments/{rdv.pk}/products/", q=MANY))
    assert (answer.status_code, "Aucun article ne correspond." in answer.content.decode()) == (200, True)
    assert len(answer.context["q"]) == 200


def test_first_ten_words_are_searched_on_the_phone(world: World) -> None:
    ProductFactory(code="dix", name=TEN)
    rdv = book(world, world.intervention(), who=technician(world, user=world.technician), state="confirmed")
    page = f"/mobile/appointments/{rdv.pk}/products/"
    codes = [
        [product.code for product in Office(world.technician).get(page, q=words).context["products"]]
        for words in (f"{TEN} onze", f"{TEN[:-3]}onze")
    ]

    assert codes == [["dix"], []]


def test_text_of_a_search_is_cut_at_200_characters() -> None:
    assert words_of("x" * 300) == ["x" * 200]
    assert words_of(MANY) == [f"mot{n}" for n in range(10)]


@pytest.mark.parametrize("page", ["/admin/login/", "/mobile/login/"])
def test_form_too_large_is_413_in_french(world: World, page: str) -> None:
    answer = world.office(MANAGER).client.post(page, {"username": "x" * 3_000_000})

    assert answer.status_code == 413
    assert TOO_LARGE in answer.content.decode().replace("&#x27;", "'")


def test_record_too_large_or_of_too_many_fields_is_413_and_nothing_changes(world: World) -> None:
    intervention, office = world.intervention(), world.office(MANAGER)
    form = office.open(intervention)
    with nothing_changed():
        large = office.send(intervention, {**form, "description": "x" * 3_000_000})
        many = office.send(intervention, {**form, **{f"x{n}": "" for n in range(20_000)}})

    assert (large.status_code, many.status_code) == (413, 413)


def test_nul_is_400_in_an_address_and_in_a_form(world: World) -> None:
    intervention, office = world.intervention(), world.office(MANAGER)
    form = office.open(intervention)
    with nothing_changed():
        answers = [
            office.send(intervention, {**form, "title": "a\0b"}),
            office.client.post(address(intervention, "note"), {"note": "a\0b"}),
            office.get(address(type(intervention), "changelist"), q="a\0b"),
            office.get("/admin/search/", s="a\0b"),
        ]

    assert [answer.status_code for answer in answers] == [400] * 4
    assert "que l'on ne sait pas lire" in answers[0].content.decode().replace("&#x27;", "'")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("[" * 10_000 + "]" * 10_000, 400),
        ('{"name": "a\\u0000b"}', 400),
        ('{"a\\u0000b": 1, "name": "Chaudière"}', 400),
        ('{"name": "a\\\\u0000b"}', 201),
    ],
    ids=["deep", "NUL", "NUL in a name", "no NUL: typed so"],
)
def test_body_of_a_program(world: World, body: str, status: int) -> None:
    answer = Api(world.manager).client.post("/api/v1/partners/", data=body, content_type="application/json")

    assert answer.status_code == status
    if status == 400:
        assert refused(answer, 400).startswith("Le corps de la demande n'est pas lisible")
