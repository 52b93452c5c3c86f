"""The contracts that are measured."""

from datetime import date

from openfire_billing.kernel.periods import day_of_month
from openfire_billing.office.demonstration_volume import ARTICLES, Kind


def bench_kinds(on: date) -> list[Kind]:
    """Each has exactly one instalment due on `on`: an invoice of three lines for each contract."""
    return [Kind(on.replace(day=1), "monthly", "in_advance"), Kind(on.replace(day=1), "quarterly", "in_advance")]


BACKLOG_ARTICLES = (*ARTICLES, "deplacement")


def backlog_kinds(on: date) -> list[Kind]:
    """Each has six monthly instalments due on `on`, a draft for each: a firm that takes over its contracts late."""
    return [Kind(day_of_month(on, -5, 1), "monthly", "in_advance")]
