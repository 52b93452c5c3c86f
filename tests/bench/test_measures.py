"""Each measure runs on a small firm: what is measured is there, whatever columns the product's tables gain."""

import pytest

from tests.bench import billing, office, visits


def _silent(text: str) -> None:
    """Show no progress."""


@pytest.mark.parametrize(("is_backlog", "invoices"), [(False, 30), (True, 130)])
def test_billing_measured(transactional_db: None, is_backlog: bool, invoices: int) -> None:
    figures = billing.measure(20, is_backlog=is_backlog, say=_silent)
    assert figures.invoices == invoices
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
