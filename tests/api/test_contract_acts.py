"""What a program does with a contract and its lines once it lives: ended, waived, archived, called out, priced."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from contracts.models import Contract, ContractLine, PeriodClaim
from tests.api.subjects import contract
from tests.factories import ProductFactory, World, nothing_changed
from tests.factories.api import Api, refused


@pytest.fixture
def manager(world: World) -> Api:
    return Api(world.manager)


def url_of(made: Contract) -> str:
    return f"contracts/{made.pk}/"


def line_url(made: Contract) -> str:
    return f"contract-lines/{made.lines.get().pk}/"


def bill(api: Api, made: Contract, on: str = "2026-11-24") -> Any:
    return api.post(f"{url_of(made)}bill/", {"on": on})


# Ended, taken back, put away


def test_terminated_contract_bills_up_to_its_last_day_and_no_more(manager: Api, world: World) -> None:
    made = contract(world, frequency="monthly", proration="days")
    manager.made(f"{url_of(made)}plan-visits/", {"until": "2027-12-31"}, status=200)

    seen = manager.made(f"{url_of(made)}terminate/", {"on": "2026-02-14", "reason": "Maison vendue"}, status=200)

    assert (seen["state"], seen["phase"], seen["terminated_on"]) == ("terminated", "terminated", "2026-02-14")
    (outcome,) = bill(manager, made).data["outcomes"]
    lines = [line for pk in outcome["invoices"] for line in manager.get(f"invoices/{pk}/").data["lines"]]
    assert [(x["period_start"], x["period_end"], x["net"]) for x in lines if x["period_start"]] == [
        ("2026-01-01", "2026-01-31", "14.58"),
        ("2026-02-01", "2026-02-14", "7.30"),  # 21.88 of a month and a half
    ]
    assert manager.get(url_of(made)).data["next_due_on"] is None
    with nothing_changed():
        assert refused(manager.post(f"{url_of(made)}terminate/", {"on": "2026-03-01", "reason": "encore"}))


def test_termination_needs_a_reason_a_possible_day_and_no_refund(manager: Api, world: World) -> None:
    made = contract(world)

    with nothing_changed():
        assert set(manager.post(f"{url_of(made)}terminate/", {}).data["fields"]) == {"on", "reason"}
        before = manager.post(f"{url_of(made)}terminate/", {"on": "2025-12-31", "reason": "trop tôt"})
        assert refused(before).endswith("commence le 01/01/2026 : le dernier jour servi ne le précède pas.")
        asked = manager.post(f"{url_of(made)}terminate/", {"on": "2026-06-30", "reason": "x", "refund": True})
        assert refused(asked, 400)
        assert asked.data["fields"] == {"refund": ["Pas d'avoir fait d'office : faites-le de la facture, après."]}


def test_unbilled_contract_is_cancelled_and_taken_back(manager: Api, world: World) -> None:
    made = contract(world)

    assert manager.made(f"{url_of(made)}cancel/", status=200)["state"] == "cancelled"
    back = manager.made(f"{url_of(made)}reset/", status=200)

    assert (back["state"], back["reference"], back["lines"][0]["state"]) == ("draft", "CONT/000001", "draft")
    assert manager.made(f"{url_of(made)}activate/", status=200)["reference"] == "CONT/000001"
    bill(manager, made)
    with nothing_changed():
        assert refused(manager.post(f"{url_of(made)}cancel/")).endswith("au moins en partie : résiliez-le plutôt.")
        assert refused(manager.post(f"{url_of(made)}reset/"))


def test_archived_contract_leaves_the_list_and_is_billed_still(manager: Api, world: World) -> None:
    made = contract(world)

    assert manager.made(f"{url_of(made)}archive/", status=200)["is_active"] is False
    assert manager.get("contracts/", is_active=True).data["count"] == 0
    assert bill(manager, made).data["billed"] == 1
    assert manager.made(f"{url_of(made)}restore/", status=200)["is_active"] is True
    assert manager.get("contracts/", is_active=True).data["count"] == 1


# Not billed


def test_what_is_due_is_waived_by_its_key_and_due_again(manager: Api, world: World) -> None:
    made = contract(world)
    article = made.lines.get().articles.get()
    seen = manager.get(f"{url_of(made)}charges/").data
    key = f"period-{article.pk}-2026-01-01"

    assert [(x["key"], x["due_on"], x["amount"]) for x in seen["due"]] == [(key, "2026-01-01", "175.00")]
    assert seen["waived"] == []
    manager.made(f"{url_of(made)}waive/", {"keys": [key]}, status=200)
    assert refused(bill(manager, made))
    with nothing_changed():
        assert refused(manager.post(f"{url_of(made)}waive/", {"keys": [key]})).endswith(
            "ce qui était choisi n'est plus dû. Rechargez la page."
        )
    (waived,) = manager.get(f"{url_of(made)}charges/").data["waived"]
    assert waived["key"] == f"PeriodClaim-{PeriodClaim.objects.get().pk}"
    with nothing_changed():
        assert refused(manager.post(f"{url_of(made)}take-back/", {"keys": [waived["key"], "PeriodClaim-0"]}))

    manager.made(f"{url_of(made)}take-back/", {"keys": [waived["key"]]}, status=200)

    assert bill(manager, made).data["billed"] == 1


def test_billed_period_cannot_be_waived(manager: Api, world: World) -> None:
    made = contract(world)
    article = made.lines.get().articles.get()
    bill(manager, made)

    with nothing_changed():
        assert refused(manager.post(f"{url_of(made)}waive/", {"keys": [f"period-{article.pk}-2026-01-01"]}))


# Lines


def test_line_added_to_an_active_contract_is_billed_once_activated(manager: Api, world: World) -> None:
    made = contract(world)
    bill(manager, made)
    product = ProductFactory(code="ram_pose")
    new = {
        "task": world.task.pk,
        "starts_on": "2026-01-01",
        "articles": [{"product": product.pk, "unit_price": "60"}],
    }
    answer = manager.patch(url_of(made), {"lines": [new]})
    added = next(line for line in answer.data["lines"] if line["state"] == "draft")
    url = f"contract-lines/{added['id']}/"
    assert refused(bill(manager, made))

    assert "1 échéance(s) déjà passée(s)" in refused(manager.post(f"{url}activate/"))
    active = manager.made(f"{url}activate/", {"bill_past": True}, status=200)

    assert (active["state"], active["contract"], active["next_due_on"]) == ("validated", made.pk, "2026-01-01")
    (outcome,) = bill(manager, made).data["outcomes"]
    assert manager.get(f"invoices/{outcome['invoices'][0]}/").data["net"] == "60.00"
    with nothing_changed():
        assert refused(manager.post(f"{url}activate/")).endswith("est déjà validée ou annulée.")
        assert "est déjà facturée" in refused(manager.post(f"{url}cancel/"))


def test_unbilled_line_is_cancelled_and_taken_back(manager: Api, world: World) -> None:
    made = contract(world)

    assert manager.made(f"{line_url(made)}cancel/", status=200)["state"] == "cancelled"
    with nothing_changed():
        price = {
            "article": made.lines.get().articles.get().pk,
            "from_on": "2027-01-01",
            "unit_price": "1",
            "discount": "0",
        }
        assert "est annulée" in refused(manager.post(f"{line_url(made)}price/", price))
    assert manager.made(f"{line_url(made)}reset/", status=200)["state"] == "draft"


def test_call_out_is_covered_while_some_are_left(manager: Api, world: World) -> None:
    made = contract(world)
    ContractLine.objects.update(uses_callouts=True, included_callouts=1)
    world.task.product = ProductFactory(code="ram_pose")
    world.task.save()
    asked = {"on": "2026-11-24", "title": "Poêle en défaut"}

    first = manager.made(f"{line_url(made)}call-out/", asked)
    second = manager.made(f"{line_url(made)}call-out/", asked)

    assert (first["title"], first["state"], first["type"]) == ("Poêle en défaut", "to_plan", second["type"])
    assert [{x["covered"] for x in di["lines"]} for di in (first, second)] == [{True}, {False}]


def test_call_out_of_a_cancelled_line_is_refused(manager: Api, world: World) -> None:
    made = contract(world)
    ContractLine.objects.update(uses_callouts=True, included_callouts=1)
    manager.made(f"{line_url(made)}cancel/", status=200)

    with nothing_changed():
        said = refused(manager.post(f"{line_url(made)}call-out/", {"on": "2026-11-24"}))

    assert said.endswith("n'est pas validée : le SAV se fait par une DI ordinaire.")


def test_dated_price_counts_from_its_day(manager: Api, world: World) -> None:
    made = contract(world)
    article = made.lines.get().articles.get()
    bill(manager, made)

    price = {"article": article.pk, "from_on": "2027-01-01", "unit_price": "180.5", "discount": "10"}

    manager.made(f"{line_url(made)}price/", price, status=200)

    (version,) = article.prices.all()
    assert (version.from_on, version.unit_price, version.discount) == (
        date(2027, 1, 1),
        Decimal("180.5000"),
        Decimal("10.00"),
    )
    (outcome,) = bill(manager, made, "2027-01-02").data["outcomes"]
    assert manager.get(f"invoices/{outcome['invoices'][0]}/").data["net"] == "162.45"
    with nothing_changed():
        assert set(manager.post(f"{line_url(made)}price/", {**price, "discount": None}).data["fields"]) == {"discount"}
        wrong = manager.post(f"{line_url(made)}price/", {**price, "article": 10**6})
        assert refused(wrong, 400)
        assert wrong.data["fields"] == {"article": ["Pas un article de cette ligne."]}


def test_lines_are_listed_with_the_day_each_bills_next(manager: Api, world: World) -> None:
    made = contract(world)

    (seen,) = manager.get("contract-lines/", contract=made.pk).json()["results"]

    assert (seen["contract"], seen["state"], seen["next_due_on"]) == (made.pk, "validated", "2026-01-01")
    assert seen == manager.get(f"contract-lines/{seen['id']}/").json()


def test_activation_answers_which_visits_are_past(manager: Api, world: World) -> None:
    """The one of March: the contract is activated in November."""
    said = (
        "1 visite d'avant l'activation n'est pas créée (du 01/03/2026 au 31/03/2026) : "
        "si elle reste à faire, créez sa DI."
    )
    made = contract(world, is_active=False)
    assert manager.made(f"{url_of(made)}activate/", status=200)["note"] == said
    line = {"task": world.task.pk, "repeat": 1, "visit_months": [3, 12], "articles": [{"label": "Ramonage"}]}
    line["articles"] = [{"product": ProductFactory(code="ram_pose").pk}]
    added = manager.patch(url_of(made), {"lines": [line]}).data["lines"][-1]

    seen = manager.made(f"contract-lines/{added['id']}/activate/", status=200)

    assert (seen["state"], seen["note"]) == ("validated", said)
