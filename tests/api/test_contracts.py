"""Contracts and runs through the API."""

from typing import Any

import pytest

from contracts.models import BillingRun, Contract
from contracts.services.runs import chunks_of
from contracts.services.takeover import work_chunk
from invoicing.models import Invoice
from tests.api.subjects import contract
from tests.factories import CompanyFactory, ProductFactory, UserFactory, World, nothing_changed, position
from tests.factories.api import Api, refused


@pytest.fixture
def manager(world: World) -> Api:
    return Api(world.manager)


def body(world: World, **more: Any) -> dict[str, Any]:
    return {
        "payer": world.customer.pk,
        "start_on": "2026-01-01",
        "frequency": "monthly",
        "fiscal_position": position("VEN-10").pk,
        "lines": [
            {
                "task": world.task.pk,
                "repeat": 1,
                "visit_months": [9, 3],
                "repeat_unit": "month",
                "articles": [{"product": ProductFactory(code="ram_pose").pk, "discount": "10"}],
                "exceptions": [{"on": "2026-06-01", "label": "Pièce", "unit_price": "12", "tax": tax_id()}],
            }
        ],
        **more,
    }


def tax_id() -> int:
    from tests.factories import tax

    return int(tax().pk)


def work() -> None:
    """What the workers do of the runs that wait."""
    for run in BillingRun.objects.running():
        for ids in chunks_of(run):
            work_chunk(run, ids)


def test_contract_is_made_with_its_lines_and_activated(manager: Api, world: World) -> None:
    made = manager.made("contracts/", body(world))
    (line,) = made["lines"]

    assert (made["reference"], made["state"], made["frequency"], made["invoicing"]) == (
        None,
        "draft",
        "monthly",
        "in_advance",
    )
    assert (line["frequency"], line["invoicing"], line["visit_months"], line["visit_count"]) == (None, None, [3, 9], 2)
    assert line["address"] == world.customer.default_address().pk
    assert [(a["label"], a["unit_price"], a["discount"], a["net"]) for a in line["articles"]] == [
        ("[ram_pose] Forfait Pose", "175.0000", "10.00", "157.50")
    ]
    assert [(e["on"], e["net"]) for e in line["exceptions"]] == [("2026-06-01", "12.00")]

    active = manager.made(f"contracts/{made['id']}/activate/", status=200)
    assert (active["reference"], active["state"], active["phase"]) == ("CONT/000001", "validated", "active")
    assert (active["next_due_on"], active["lines"][0]["next_due_on"]) == ("2026-01-01", "2026-01-01")
    assert refused(manager.post(f"contracts/{made['id']}/activate/")).endswith("déjà activé, résilié ou annulé.")


def test_invoicing_is_written_read_and_filtered_under_its_name(manager: Api, world: World) -> None:
    (line,) = body(world)["lines"]
    terms = {"lines": [{**line, "frequency": "quarterly", "invoicing": "in_arrears"}], "invoicing": "in_arrears"}
    late, early = manager.made("contracts/", body(world, **terms)), manager.made("contracts/", body(world))

    assert (late["invoicing"], late["lines"][0]["invoicing"]) == ("in_arrears", "in_arrears")
    assert [one["id"] for one in manager.get("contracts/?invoicing=in_arrears").data["results"]] == [late["id"]]
    assert [one["id"] for one in manager.get("contracts/?invoicing=in_advance").data["results"]] == [early["id"]]
    assert manager.get("contracts/?invoicing=never").status_code == 400


def test_contract_that_could_never_be_billed_is_refused(manager: Api, world: World) -> None:
    made = manager.made("contracts/", body(world, lines=[]))

    with nothing_changed():
        answer = manager.post(f"contracts/{made['id']}/activate/")

    assert "n'a pas de ligne : ajoutez-en une (site, articles) avant de l'activer." in refused(answer)


def test_contract_without_end_that_does_not_renew_is_refused_by_field(manager: Api, world: World) -> None:
    with nothing_changed():
        answer = manager.post("contracts/", body(world, auto_renew=False))

    assert refused(answer, 400)
    assert set(answer.data["fields"]) == {"end_on"}


def test_contract_is_billed_once(manager: Api, world: World) -> None:
    made = contract(world)
    url = f"contracts/{made.pk}/"

    run = manager.made(f"{url}bill/", {"on": "2026-11-24"})
    (outcome,) = run["outcomes"]

    assert (run["state"], run["billed"], outcome["result"]) == ("done", 1, "billed")
    (invoice,) = outcome["invoices"]
    seen = manager.get(f"invoices/{invoice}/").data
    assert (seen["net"], seen["tax"], seen["gross"]) == ("175.00", "17.50", "192.50")
    assert (seen["lines"][0]["period_start"], seen["lines"][0]["period_end"]) == ("2026-01-01", "2026-12-31")
    assert manager.get(url).data["counts"]["invoices"] == 1
    with nothing_changed():
        assert refused(manager.post(f"{url}bill/", {"on": "2026-11-24"}, key="again"))


def test_draft_contract_is_not_billed(manager: Api, world: World) -> None:
    made = contract(world, is_active=False)

    answer = manager.post(f"contracts/{made.pk}/bill/", {"on": "2026-11-24"})

    assert refused(answer).endswith("est à l'état « Brouillon » : activez-le d'abord.")


def test_visits_are_planned_once(manager: Api, world: World) -> None:
    url = f"contracts/{contract(world).pk}/"

    first = manager.made(f"{url}plan-visits/", {"until": "2027-12-31"}, status=200)
    again = manager.made(f"{url}plan-visits/", {"until": "2027-12-31"}, status=200)

    assert (len(first["planned"]), again["planned"]) == (1, [])
    assert manager.get(f"interventions/{first['planned'][0]}/").data["lines"][0]["covered"] is True


def test_visits_are_planned_as_far_as_the_nights_do_unless_told(manager: Api, world: World) -> None:
    url = f"contracts/{contract(world).pk}/plan-visits/"
    by_itself = len(manager.made(url, status=200)["planned"])

    assert (by_itself, manager.made(url, {"until": "2027-12-31"}, status=200)["planned"]) == (1, [])


def test_run_is_asked_for_and_watched(manager: Api, world: World) -> None:
    made = contract(world)

    answer, again = (manager.post("billing-runs/", {"on": "2026-11-24"}, key="k-1") for _time in range(2))
    assert (answer.status_code, answer.data["state"], answer.data["expected"]) == (202, "running", 1)
    assert (again.status_code, again["Location"]) == (202, answer["Location"])
    url = answer["Location"].partition("/api/v1/")[2]
    assert manager.get(url).data["done"] == 0
    work()

    seen = manager.get(url).data
    assert (seen["state"], seen["done"], seen["billed"]) == ("done", 1, 1)
    assert [(o["contract"], o["result"]) for o in seen["outcomes"]] == [(made.pk, "billed")]
    assert manager.get("billing-runs/").data["count"] == 1
    assert "outcomes" not in manager.get("billing-runs/").data["results"][0]


def test_dry_run_tells_and_writes_no_invoice(manager: Api, world: World) -> None:
    contract(world)

    answer = manager.post("billing-runs/", {"on": "2026-11-24", "dry_run": True})
    work()

    seen = manager.get(f"billing-runs/{answer.data['id']}/").data
    assert (seen["dry_run"], seen["outcomes"][0]["drafts"][0]["net"]) == (True, "175.00")
    assert not Invoice.objects.exists()


def test_run_of_one_company_leaves_the_others_alone(world: World) -> None:
    contract(world)
    elsewhere = Api(UserFactory(role="Gestionnaire", company=CompanyFactory(name="Autre Foyer")))

    answer = elsewhere.post("billing-runs/", {"on": "2026-11-24"})
    work()

    assert (answer.data["state"], answer.data["expected"]) == ("done", 0)
    assert not Invoice.objects.exists()
    assert Contract.objects.get().next_due_on is not None


def test_run_of_contracts_that_are_not_ours_is_refused_by_name(world: World) -> None:
    made = contract(world)
    elsewhere = Api(UserFactory(role="Gestionnaire", company=CompanyFactory(name="Autre Foyer")))

    with nothing_changed():
        answer = elsewhere.post("billing-runs/", {"on": "2026-11-24", "contracts": [made.pk]})

    assert refused(answer, 400)
    assert answer.data["fields"] == {"contracts": [f"Pas un contrat d'une de vos sociétés : {made.pk}."]}
