"""The same Idempotency-Key twice, at once and later: one effect."""

from collections.abc import Callable
from typing import Any

import pytest

from invoicing.models import IdempotencyKey, Invoice, Partner
from invoicing.tasks import forget_idempotency_keys
from tests.factories import World, nothing_changed
from tests.factories.api import Api, refused

Threads = Callable[..., list[Any]]
TODAY = {"on": "2026-11-24"}


def test_same_key_later_gives_the_same_answer(world: World) -> None:
    api = Api(world.biller)

    first = api.post("partners/", {"name": "Le Goff"}, key="k-1")
    with nothing_changed():
        again = api.post("partners/", {"name": "Le Goff"}, key="k-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (first.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    assert Partner.objects.filter(name="Le Goff").count() == 1


def test_another_key_acts_again(world: World) -> None:
    api = Api(world.biller)
    for key in ("k-1", "k-2"):
        api.post("partners/", {"name": "Le Goff"}, key=key)

    assert Partner.objects.filter(name="Le Goff").count() == 2


def test_key_of_somebody_else_is_his_own(world: World) -> None:
    for user in (world.biller, world.accountant):
        assert Api(user).post("partners/", {"name": "Le Goff"}, key="k-1").status_code == 201

    assert Partner.objects.filter(name="Le Goff").count() == 2


@pytest.mark.parametrize("change", ["body", "path", "method"])
def test_same_key_for_another_demand_is_409(world: World, change: str) -> None:
    api = Api(world.biller)
    made = api.post("partners/", {"name": "Le Goff"}, key="k-1").data

    with nothing_changed():
        if change == "body":
            answer = api.post("partners/", {"name": "Le Bihan"}, key="k-1")
        elif change == "path":
            answer = api.post("addresses/", {"name": "Le Goff"}, key="k-1")
        else:
            answer = api.patch(f"partners/{made['id']}/", {"name": "Le Goff"}, key="k-1")

    assert refused(answer) == "La clé « k-1 » a déjà servi à une autre demande : choisissez-en une nouvelle."
    assert answer.data["code"] == "idempotency_key_reused"


def test_refusal_leaves_no_key_and_may_be_tried_again(world: World) -> None:
    api, intervention = Api(world.biller), world.intervention(is_validated=False)
    url = f"interventions/{intervention.pk}/"

    with nothing_changed():
        assert refused(api.post(f"{url}invoice/", TODAY, key="k-1"))
    api.post(f"{url}validate/")

    assert api.post(f"{url}invoice/", TODAY, key="k-1").status_code == 201


def test_deletion_is_answered_again(world: World) -> None:
    api, draft = Api(world.biller), world.draft()

    answers = [api.delete(f"invoices/{draft.pk}/", key="k-1").status_code for _time in range(2)]

    assert answers == [204, 204]


def test_unreadable_key_is_400(world: World) -> None:
    with nothing_changed():
        assert refused(Api(world.biller).post("partners/", {"name": "X"}, key="k" * 101), 400)


def test_key_without_the_right_is_403(world: World) -> None:
    with nothing_changed():
        assert refused(Api(world.technician).post("partners/", {"name": "X"}, key="k-1"), 403)


def test_old_keys_are_forgotten(world: World, on_an_ordinary_day: Any) -> None:
    Api(world.biller).post("partners/", {"name": "Le Goff"}, key="k-1")

    on_an_ordinary_day.move_to("2027-02-21")  # 89 days later
    assert forget_idempotency_keys() == 0
    on_an_ordinary_day.move_to("2027-02-23")
    assert forget_idempotency_keys() == 1
    assert not IdempotencyKey.objects.exists()


def test_same_key_at_once_acts_once(in_threads: Threads, world: World) -> None:
    """On both databases: the second waits for the first, then is given its answer."""
    programs = [Api(world.biller) for _n in range(6)]

    answers = in_threads(6, lambda n: programs[n].post("partners/", {"name": "Le Goff"}, key="k-1"))

    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.content for answer in answers}) == 1
    assert Partner.objects.filter(name="Le Goff").count() == 1


def test_same_key_at_once_makes_one_invoice(in_threads: Threads, world: World) -> None:
    intervention = world.intervention()
    programs = [Api(world.biller) for _n in range(4)]

    answers = in_threads(4, lambda n: programs[n].post(f"interventions/{intervention.pk}/invoice/", TODAY, key="k"))

    assert {answer.status_code for answer in answers} == {201}
    assert {answer.json()["id"] for answer in answers} == {Invoice.objects.get().pk}


def test_different_keys_at_once_make_one_invoice_and_refusals(in_threads: Threads, world: World) -> None:
    intervention = world.intervention()
    programs = [Api(world.biller) for _n in range(4)]

    answers = in_threads(
        4, lambda n: programs[n].post(f"interventions/{intervention.pk}/invoice/", TODAY, key=f"k-{n}")
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert Invoice.objects.count() == 1
