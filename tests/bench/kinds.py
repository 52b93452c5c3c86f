"""The contracts that are measured."""

from datetime import date

from openfire_billing.office.demonstration_volume import Kind


def bench_kinds(on: date) -> list[Kind]:
    """Each has exactly one instalment due on `on`: an invoice of three lines for each contract."""
    return [Kind(on.replace(day=1), "monthly", "in_advance"), Kind(on.replace(day=1), "quarterly", "in_advance")]
