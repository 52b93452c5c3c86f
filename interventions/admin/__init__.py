"""The back office of interventions."""

from interventions.admin import equipment, on_invoicing, requests, sectors, work

__all__ = ["equipment", "on_invoicing", "requests", "sectors", "work"]
