"""Purchases through the API: orders from a DI or alone, suppliers' bills, what is refused."""

from decimal import Decimal

import pytest

from interventions.models import InterventionRequest
from invoicing.models import Partner
from openfire_billing.office.roles import MANAGER
from tests.api.subjects import purchase_order
from tests.factories import CompanyFactory, PartnerFactory, ProductFactory, UserFactory, World, item, nothing_changed
from tests.factories.api import Api, refused

TODAY = "2026-11-24"


@pytest.fixture
def accountant(world: World) -> Api:
    return Api(world.accountant)


@pytest.fixture
def planner(world: World) -> Api:
    return Api(world.planner)


@pytest.fixture
def to_order(world: World) -> InterventionRequest:
    """Two stoves of a supplier, and a service of ours."""
    supplier = PartnerFactory(name="Fonderie Fictive")
    ProductFactory(code="poele", name="Poêle", kind="goods", supplier=supplier, purchase_price=Decimal("2100.00"))
    return world.intervention(item(2, code="poele"), item(1))


def test_purchase_from_a_di_to_the_payment(accountant: Api, world: World, to_order: InterventionRequest) -> None:
    url, supplier = f"interventions/{to_order.pk}/", Partner.objects.get(name="Fonderie Fictive")
    made = accountant.made(f"{url}purchase/", {"on": TODAY})

    (order,), (skipped,) = made["orders"], made["skipped"]
    (line,) = order["lines"]
    assert (order["number"], order["state"], order["supplier"], order["origin"], order["deliver_to"]) == (
        "CF/000001",
        "draft",
        supplier.pk,
        "DI/000001",
        to_order.address_id,
    )
    assert (order["net"], order["tax"], order["gross"], order["currency"]) == ("4200.00", "840.00", "5040.00", "EUR")
    assert (line["quantity"], line["unit_price"], line["net"]) == ("2.000", "2100.0000", "4200.00")
    assert line["origin_line"] == to_order.lines.first().pk
    assert skipped == {
        "line": to_order.lines.last().pk,
        "label": "[ram_pose] Forfait Pose",
        "reason": "pas de fournisseur (fiche de l'article, ou prestataire de la DI)",
    }
    path = f"purchase-orders/{order['id']}/"
    for name, state in (("send", "sent"), ("confirm", "confirmed"), ("receive", "received")):
        assert accountant.made(f"{path}{name}/", status=200)["state"] == state

    bill = accountant.made(f"{path}bill/", {"on": TODAY, "number": "F-77"})
    at = f"supplier-bills/{bill['id']}/"
    assert (bill["number"], bill["state"], bill["order"], bill["gross"]) == ("F-77", "draft", order["id"], "5040.00")
    with nothing_changed():
        too_soon = refused(accountant.post(f"{at}pay/", {"on": TODAY, "amount": "1.00"}))
    assert too_soon == "Fonderie Fictive F-77 n'est pas bonne à payer : vérifiez-la d'abord."
    assert accountant.made(f"{at}check/", status=200)["state"] == "checked"
    assert accountant.get(path).data["state"] == "billed"
    part = accountant.made(f"{at}pay/", {"on": TODAY, "amount": "5000.00", "reference": "V-1"}, status=200)
    assert (part["paid"], part["residual"]) == ("5000.00", "40.00")
    assert part["payments"] == [{"on": TODAY, "kind": "transfer", "amount": "5000.00", "reference": "V-1"}]
    with nothing_changed():
        refusal = refused(accountant.post(f"{at}pay/", {"on": TODAY, "amount": "40.01"}))
        assert refused(accountant.post(f"{at}reset/")).endswith("elle ne se reprend plus.")
    assert "il reste 40,00 € à payer" in refusal
    assert accountant.get("supplier-bills/", to_pay="true").data["count"] == 1
    assert accountant.made(f"{at}pay/", {"on": TODAY, "amount": "40.00"}, status=200)["residual"] == "0.00"
    assert accountant.get("supplier-bills/", to_pay="true").data["count"] == 0
    counts = accountant.get(url).data["counts"]
    assert (counts["purchases"], counts["supplier_bills"]) == (1, 1)


def test_purchase_is_done_once_and_refused_in_french(planner: Api, to_order: InterventionRequest) -> None:
    url = f"interventions/{to_order.pk}/purchase/"
    first = planner.post(url, {"on": TODAY}, key="commande-1")

    with nothing_changed():
        assert planner.post(url, {"on": TODAY}, key="commande-1").json() == first.json()
        said = refused(planner.post(url))
    assert said.startswith("DI/000001 : rien à commander. « [poele] Poêle » : déjà commandé.")
    planner.made(f"purchase-orders/{first.json()['orders'][0]['id']}/cancel/", status=200)
    assert planner.made(url)["orders"][0]["number"] == "CF/000002"


def test_order_is_written_at_the_purchase_price_edited_and_deleted(planner: Api, to_order: InterventionRequest) -> None:
    supplier, product = Partner.objects.get(name="Fonderie Fictive"), to_order.lines.first().product_id
    order = planner.made("purchase-orders/", {"supplier": supplier.pk, "lines": [{"product": product}]})
    url = f"purchase-orders/{order['id']}/"

    assert (order["net"], order["ordered_on"], order["expected_on"]) == ("2100.00", TODAY, None)
    change = {"expected_on": "2026-12-01", "lines": [{"id": order["lines"][0]["id"], "quantity": "3"}]}
    edited = planner.patch(url, change).data
    assert (edited["net"], edited["expected_on"]) == ("6300.00", "2026-12-01")
    with nothing_changed():
        early = planner.patch(url, {"expected_on": "2026-11-23"})
        assert refused(early, 400)
    assert early.data["fields"] == {"expected_on": ["La livraison n'est pas attendue avant la commande."]}
    planner.made(f"{url}send/", status=200)
    with nothing_changed():
        assert refused(planner.patch(url, {"notes": "Trop tard"})) == (
            "CF/000001 est à l'état « Envoyée » : remettez-la en brouillon pour la modifier."
        )
        assert "seule une commande en brouillon ou annulée se supprime" in refused(planner.delete(url))
    planner.made(f"{url}reset/", status=200)
    assert planner.delete(url).status_code == 204


def test_bill_is_recorded_alone_and_edited(accountant: Api, world: World, to_order: InterventionRequest) -> None:
    body = {"supplier": PartnerFactory(name="Autre").pk, "number": "F-3", "net": "100.00", "tax": "20.00"}
    bill = accountant.made("supplier-bills/", body)
    url = f"supplier-bills/{bill['id']}/"

    assert (bill["gross"], bill["residual"], bill["billed_on"], bill["order"]) == ("120.00", "120.00", TODAY, None)
    with nothing_changed():
        assert refused(accountant.post("supplier-bills/", body)) == (
            "La facture F-3 de « Autre » est déjà enregistrée."
        )
    assert accountant.patch(url, {"net": "110.00"}).data["gross"] == "130.00"
    elsewhere = purchase_order(world)
    with nothing_changed():
        assert refused(accountant.patch(url, {"order": elsewhere.pk}), 400)
        late = accountant.patch(url, {"due_on": "2026-11-23"})
        assert refused(late, 400)
        assert late.data["fields"] == {
            "due_on": ["L'échéance précède la date de la facture : corrigez l'une des deux dates."]
        }
        assert refused(accountant.post("supplier-bills/", {**body, "number": "F-4", "order": elsewhere.pk})) == (
            "CF/000001 est adressée à « Fonderie Fictive » : choisissez une commande de ce fournisseur."
        )


def test_billed_order_is_received_once_and_stays_billed(accountant: Api, world: World) -> None:
    order = purchase_order(world)
    bill = accountant.made(f"purchase-orders/{order.pk}/bill/", {"on": TODAY, "number": "F-1"})
    accountant.made(f"supplier-bills/{bill['id']}/check/", status=200)
    received = accountant.made(f"purchase-orders/{order.pk}/receive/", status=200)
    assert (received["state"], [line["left_to_receive"] for line in received["lines"]]) == ("billed", ["0.000"])

    with nothing_changed():
        said = refused(accountant.post(f"purchase-orders/{order.pk}/receive/"))
        again = refused(accountant.post(f"purchase-orders/{order.pk}/bill/", {"on": TODAY, "number": "F-2"}))

    assert said == "CF/000001 est à l'état « Facturée » : seule une commande envoyée se reçoit."
    assert again == "CF/000001 est déjà entièrement facturée : voyez ses factures."
    accountant.made(f"supplier-bills/{bill['id']}/reset/", status=200)
    assert accountant.get(f"purchase-orders/{order.pk}/").data["state"] == "received"
    assert accountant.made(f"supplier-bills/{bill['id']}/cancel/", status=200)["state"] == "cancelled"


def test_purchases_of_another_company_are_404(world: World) -> None:
    order = purchase_order(world)
    elsewhere = Api(UserFactory(role=MANAGER, company=CompanyFactory(name="Autre Foyer")))

    with nothing_changed():
        assert refused(elsewhere.get(f"purchase-orders/{order.pk}/"), 404)
        assert refused(elsewhere.post(f"purchase-orders/{order.pk}/receive/"), 404)
        assert refused(elsewhere.post(f"purchase-orders/{order.pk}/bill/", {"on": TODAY, "number": "F"}), 404)
    assert elsewhere.get("purchase-orders/").data["results"] == []
