"""What the boxes that choose a record are answered: texts, details, rights, and queries."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoicing.models import Partner, Product
from tests.factories import PartnerFactory, ProductFactory, World
from tests.factories.pages import Office

pytestmark = pytest.mark.django_db
LINE = {"app_label": "interventions", "model_name": "requestline", "field_name": "product"}
CUSTOMER = {"app_label": "interventions", "model_name": "interventionrequest", "field_name": "partner"}


def answer(office: Office, asked: dict[str, str], term: str) -> list[dict[str, Any]]:
    found = office.get("/admin/autocomplete/", **asked, term=term)
    assert found.status_code == 200, found.status_code
    results: list[dict[str, Any]] = found.json()["results"]
    return results


def test_article_shows_code_name_price_unit_and_tax_and_the_exact_code_first(world: World) -> None:
    ProductFactory(code="aa_tube", name="Tube tub", unit_price=Decimal("12.5"))
    tube = ProductFactory(code="tub", name="Tubage", unit_price=Decimal(1250))

    first, second = answer(Office(world.planner), LINE, "tub")

    assert (first["id"], first["code"], first["name"]) == (str(tube.pk), "tub", "Tubage")
    assert first["details"] == ["1\xa0250,00 €", tube.unit.symbol or tube.unit.name, tube.tax.short]
    assert (second["code"], second["details"][0]) == ("aa_tube", "12,50 €")


def test_customer_shows_town_and_telephone(world: World) -> None:
    Partner.objects.filter(pk=world.customer.pk).update(phone="02 99 41 52 63")
    (found,) = answer(Office(world.planner), CUSTOMER, "aubry")
    assert found["name"] == "Aubry Maëlle"
    assert found["details"][1] == "02 99 41 52 63"


@pytest.mark.parametrize(("asked", "model"), [(LINE, ProductFactory), (CUSTOMER, PartnerFactory)])
def test_list_takes_the_same_queries_with_1_and_20_results(world: World, asked: dict[str, str], model: Any) -> None:
    office = Office(world.manager)

    def queries() -> int:
        answer(office, asked, "zorro")
        with CaptureQueriesContext(connection) as seen:
            answer(office, asked, "zorro")
        return len(seen)

    model(name="Zorro 0")
    one = queries()
    for number in range(1, 20):
        model(name=f"Zorro {number}")

    assert len(answer(office, asked, "zorro")) == 20
    assert queries() == one


def test_articles_pasted_are_found_by_code_whatever_its_case(world: World) -> None:
    tube = ProductFactory(code="Tube_80", unit_price=Decimal("12.5"))
    ProductFactory(code="vieux", is_active=False)
    url = "/admin/interventions/interventionrequest/line-defaults/"

    found = Office(world.planner).client.post(url, {"code": ["TUBE_80", "vieux", "rien"]}).json()

    assert found == {
        str(tube.pk): {
            "code": "Tube_80",
            "text": str(tube),
            "label": tube.label,
            "unit_price": "12,50",
            "tax": tube.tax.pk,
        }
    }
    assert Product.objects.filter(code="vieux").exists()
