"""The back office of contracts."""

from contracts.admin import contracts, lines, on_appointments, on_interventions, on_invoicing, runs

__all__ = ["contracts", "lines", "on_appointments", "on_interventions", "on_invoicing", "runs"]
