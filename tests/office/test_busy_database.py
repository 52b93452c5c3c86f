"""A database that is busy: a sentence on the form with what was typed, 503 for a program, never an error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from interventions.models import InterventionRequest
from openfire_billing.office.roles import MANAGER
from tests.factories import World, make_world
from tests.factories.api import Api, refused
from tests.factories.pages import fields_of, refusal, typed

BUSY = (
    "Rien n'est enregistré : la base de données est occupée ou ne répond pas. "
    "Votre saisie est gardée, réessayez dans quelques secondes."
)


@contextmanager
def held(document: Any) -> Iterator[None]:
    """Another connection holds the document's row (SQLite: the place of its one writer); ours waits a tenth of a second."""
    wait, hold = {
        "postgresql": (
            "SET lock_timeout = '100ms'",
            f'SELECT 1 FROM "{document._meta.db_table}" WHERE id = %s FOR UPDATE',
        ),
        "sqlite": ("PRAGMA busy_timeout = 100", "BEGIN IMMEDIATE"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(wait)
    other = connection.copy("other")
    try:
        if connection.vendor == "postgresql":
            other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(hold, [document.pk] if "%s" in hold else [])
        yield
    finally:
        other.close()
        connection.close()  # the next one waits as long as the product does


@pytest.fixture
def firm(transactional_db: None) -> World:
    return make_world()


def test_busy_database_keeps_what_was_typed_on_the_page(firm: World) -> None:
    di, office = firm.intervention(), firm.office(MANAGER)
    fields = typed(office.open(di), title="Poêle froid", lines__0__quantity=3)

    with held(di):
        answer = office.send(di, fields)

    kept = fields_of(answer, "interventionrequest_form")
    assert (answer.status_code, refusal(answer)) == (200, BUSY)
    assert (kept["title"], kept["lines-0-quantity"]) == ("Poêle froid", "3")
    assert InterventionRequest.objects.get().title == di.title
    assert office.send(di, kept).status_code == 302
    assert InterventionRequest.objects.get().title == "Poêle froid"


def test_busy_database_is_said_in_the_dialog(firm: World) -> None:
    di, office = firm.intervention(), firm.office(MANAGER)
    answers = fields_of(office.client.get(f"/admin/interventions/interventionrequest/{di.pk}/act/finish/"))
    answers["act-on"] = f"{firm.today:%d/%m/%Y}"

    with held(di):
        answer = office.confirm(di, "finish", answers)

    assert (answer.status_code, refusal(answer)) == (409, BUSY)
    assert fields_of(answer)["act-on"] == answers["act-on"]
    assert InterventionRequest.objects.get().state == "to_plan"
    assert office.confirm(di, "finish", answers).status_code == 302


@pytest.mark.parametrize("key", ["", "k-1"])
def test_busy_database_is_503_for_a_program(firm: World, key: str) -> None:
    di, api = firm.intervention(), Api(firm.manager)

    with held(di):
        answers = [
            api.patch(f"interventions/{di.pk}/", {"title": "Poêle froid"}, key=key),
            api.post(f"interventions/{di.pk}/finish/", {"on": f"{firm.today}"}, key=key and "k-2"),
        ]

    for answer in answers:
        assert refused(answer, 503) == BUSY
        assert (answer["Retry-After"], answer.json()["code"]) == ("5", "unavailable")
    assert (InterventionRequest.objects.get().title, InterventionRequest.objects.get().state) == (di.title, "to_plan")
    assert api.patch(f"interventions/{di.pk}/", {"title": "Poêle froid"}, key=key).status_code == 200


@pytest.mark.postgresql
def test_connection_that_was_cut_is_503(firm: World) -> None:
    """Nothing can be read any more: the page says so, and the next one is served."""
    di, office, api = firm.intervention(), firm.office(MANAGER), Api(firm.manager)
    fields = typed(office.open(di), title="Poêle froid")

    for press in (lambda: office.send(di, fields), lambda: api.patch(f"interventions/{di.pk}/", {"title": "Froid"})):
        connection.ensure_connection()
        connection.connection.close()  # Django does not know
        answer = press()
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        connection.close()

    assert InterventionRequest.objects.get().title == di.title
    assert office.send(di, fields).status_code == 302
