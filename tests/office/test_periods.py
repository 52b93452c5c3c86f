"""The menu « Période » of a list: years, months, days, and the rows that each link leaves."""

import re
from datetime import date
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from interventions.models import InterventionRequest
from openfire_billing.office.roles import PLANNER
from tests.factories import World
from tests.factories.pages import Office, address

COLUMN = '"interventions_interventionrequest"."from_on"'
LIST = address(InterventionRequest, "changelist")


def menu(office: Office, query: str = "") -> list[tuple[str, str]]:
    """Return (title, address) of each row of the menu; "" for the address of the chosen day."""
    page = office.get(LIST + query).content.decode()
    part = page.split('class="of-period"', 1)[1].split("</details>", 1)[0]
    rows = re.findall(r"<li[^>]*>(.*?)</li>", part, re.DOTALL)
    links = [re.search(r'href="([^"]*)"', row) for row in rows]
    texts = [re.sub(r"<span.*?</span>|<[^>]+>", "", row).strip() for row in rows]
    return [(text, unescape(link[1]) if link else "") for text, link in zip(texts, links, strict=True)]


@pytest.fixture
def office(world: World) -> Office:
    for day in (date(2024, 12, 31), date(2026, 2, 28), date(2026, 2, 3)):
        intervention = world.intervention()
        InterventionRequest.objects.filter(pk=intervention.pk).update(from_on=day)
    return world.office(PLANNER)


def test_years_from_the_first_document_to_the_last(office: Office) -> None:
    assert menu(office) == [
        ("2024", "?from_on__year=2024"),
        ("2025", "?from_on__year=2025"),
        ("2026", "?from_on__year=2026"),
    ]


def test_months_of_a_year_then_days_of_a_month_then_the_day(office: Office) -> None:
    months = menu(office, "?from_on__year=2026&view=to-plan")
    assert months[0] == ("Toutes les dates", "?view=to-plan")
    assert len(months) == 13
    assert months[2] == ("Février 2026", "?from_on__month=2&from_on__year=2026&view=to-plan")

    days = menu(office, "?from_on__year=2026&from_on__month=2")
    assert days[0] == ("2026", "?from_on__year=2026")
    assert (len(days), days[1][0], days[-1][0]) == (29, "1er février", "28 février")
    assert dict(days)["28 février"] == "?from_on__day=28&from_on__month=2&from_on__year=2026"

    assert menu(office, "?from_on__year=2026&from_on__month=2&from_on__day=28") == [
        ("Février 2026", "?from_on__month=2&from_on__year=2026"),
        ("28 février", ""),
    ]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("?from_on__year=2026", 2),
        ("?from_on__year=2025", 0),
        ("?from_on__year=2026&from_on__month=2&from_on__day=28", 1),
    ],
)
def test_a_period_leaves_its_documents(office: Office, query: str, count: int) -> None:
    page = office.get(LIST + query)
    assert page.context["cl"].result_count == count


def test_a_list_without_a_date_says_so(world: World) -> None:
    assert menu(world.office(PLANNER)) == [("Aucune date", "")]


def test_the_menu_asks_for_two_days_alone(office: Office) -> None:
    office.get(LIST)
    with CaptureQueriesContext(connection) as captured:
        office.get(LIST)
    asked = [sql for sql in (query["sql"] for query in captured) if sql.startswith(f"SELECT {COLUMN} AS")]
    assert [sql.rpartition(" ORDER BY ")[2] for sql in asked] == ["1 ASC LIMIT 1", "1 DESC LIMIT 1"]
