"""Each measure runs on a small firm: what is measured is there, whatever columns the product's tables gain."""

from datetime import UTC, datetime

import pytest
import time_machine

from tests.bench import billing, office, planning, visits


def _silent(text: str) -> None:
    """Show no progress."""


@pytest.mark.parametrize(
    ("day", "demonstration"),
    [(datetime(2026, 11, 24, 9, tzinfo=UTC), 9), (datetime(2026, 11, 30, 9, tzinfo=UTC), 10)],
)
@pytest.mark.parametrize(("is_backlog", "invoices"), [(False, 20), (True, 120)])
def test_billing_measured(
    transactional_db: None, is_backlog: bool, invoices: int, day: datetime, demonstration: int
) -> None:
    with time_machine.travel(day):
        figures = billing.measure(20, is_backlog=is_backlog, say=_silent)
    assert figures.invoices == invoices + demonstration
    assert figures.floor_per_second > 0
    assert figures.naive_per_second > 0


def test_visits_measured(transactional_db: None) -> None:
    figures = visits.measure(20, say=_silent)
    assert figures.visits == 20
    assert figures.queries > 0


def test_doors_of_the_office_measured(transactional_db: None) -> None:
    figures = office.measure(60, 40, 30, times=1, imported=20)
    assert {"api invoices", "search a name", "list of DI", "customer's page of an invoice"} <= {
        door.door for door in figures.doors
    }
    assert all(door.queries > 0 for door in figures.doors)
    assert figures.import_rows == 20


def test_planning_measured(transactional_db: None) -> None:
    figures = planning.measure(5, 100, 600, times=12, customers=600, is_drawn=False, addresses=50)
    assert (figures.technicians, figures.appointments, figures.waiting) == (5, 100, 600)
    assert [door.door for door in figures.doors] == [
        "page of the week",
        "page of a day",
        "page of a month",
        "what is to place",
        "Remplir un créneau",
        "Chercher un créneau",
        "Visites du mois",
        "Optimiser la tournée",
        "changes, none",
        "changes, one",
        "a drop",
        "reminders of a day",
        "100 stops of 10 technicians",
        "50 addresses located",
    ]
    assert {door.door: door.journal for door in figures.doors}["changes, none"] == 1
    assert [door.door for door in figures.doors if not door.queries] == ["100 stops of 10 technicians"]
    assert [door.beyond for door in figures.doors if door.beyond] == []
