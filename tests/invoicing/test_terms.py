"""Payment terms: « 45 jours fin de mois » in both readings, « le 10 du mois suivant »."""

from datetime import date

import pytest

from invoicing.models import PaymentTerm
from openfire_billing.office.roles import MANAGER
from tests.factories import World
from tests.factories.api import Api
from tests.factories.pages import address, texts_of


@pytest.mark.parametrize(
    ("days", "counted", "issued_on", "due_on"),
    [
        (45, "net", date(2026, 11, 24), date(2027, 1, 8)),
        (45, "then_end", date(2026, 11, 24), date(2027, 1, 31)),
        (45, "end_then", date(2026, 11, 24), date(2027, 1, 14)),
        (45, "then_end", date(2026, 1, 16), date(2026, 3, 31)),
        (45, "end_then", date(2026, 1, 16), date(2026, 3, 17)),
        (10, "end_then", date(2026, 2, 28), date(2026, 3, 10)),
        (10, "end_then", date(2026, 12, 1), date(2027, 1, 10)),
        (0, "then_end", date(2024, 2, 1), date(2024, 2, 29)),
    ],
)
def test_days_and_end_of_month_are_counted_in_the_order_told(
    days: int, counted: str, issued_on: date, due_on: date
) -> None:
    assert PaymentTerm(days=days, counted=counted).due_on(issued_on) == due_on


def test_page_shows_what_a_term_means_today(world: World) -> None:
    term = PaymentTerm.objects.get(name="Le 10 du mois suivant")
    page = world.office(MANAGER).get(address(term))
    assert "une facture du 24/11/2026 est due le 10/12/2026" in page.content.decode()
    assert texts_of(page, "of-refusal") == []


def test_api_tells_how_days_are_counted(world: World) -> None:
    api = Api(world.manager)
    made = api.made("payment-terms/", {"name": "60 jours fin de mois", "days": 60, "counted": "then_end"})
    assert (made["counted"], made["end_of_month"]) == ("then_end", True)
    found = api.get("payment-terms/", counted="end_then").json()["results"]
    assert sorted(term["name"] for term in found) == ["Fin de mois 45 jours", "Le 10 du mois suivant"]
