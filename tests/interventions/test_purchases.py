"""« Générer la commande fournisseur » : what was made and what was left out is said, for one DI and for many."""

import re
from html import unescape
from typing import Any

import pytest

from interventions.models import InterventionRequest
from invoicing.models import PurchaseOrder
from tests.factories import PartnerFactory, ProductFactory, World, item
from tests.factories.pages import address

pytestmark = pytest.mark.django_db


@pytest.fixture
def intervention(world: World) -> InterventionRequest:
    """A DI whose goods come from two suppliers; its service has no subcontractor."""
    for code, supplier in (("poele", "Fonderie Fictive"), ("conduit", "Négoce Imaginaire")):
        ProductFactory(code=code, name=code.title(), kind="goods", supplier=PartnerFactory(name=supplier))
    return world.intervention(item(1, code="poele"), item(2, code="conduit"), item(1))


def said(page: Any) -> str:
    return " ".join(unescape(re.sub("<[^>]+>", "", page.content.decode())).split())


LEFT_OUT = "« [ram_pose] Forfait Pose » : pas de fournisseur (fiche de l'article, ou prestataire de la DI)."


def test_orders_made_are_linked_and_the_line_left_out_is_named(world: World, intervention: InterventionRequest) -> None:
    office = world.office()
    page = office.client.get(office.act(intervention, "purchase").url)

    first, second = PurchaseOrder.objects.order_by("pk")
    assert f"Commande créée : {first} · {second} · {LEFT_OUT}" in said(page)
    for order in (first, second):
        assert f'href="{address(order)}"' in page.content.decode()


def test_report_on_many_names_the_lines_left_out(world: World, intervention: InterventionRequest) -> None:
    report = world.office().act_on_many([intervention, world.intervention()], "purchase")

    first, second = PurchaseOrder.objects.order_by("pk")
    assert f"{intervention} Fait {first} · {second} · {LEFT_OUT}" in said(report)
    assert "1 document traité, 1 refus" in said(report)
