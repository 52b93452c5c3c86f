"""The back office of appointments."""

from appointments.admin import appointments, availability, on_interventions, on_invoicing, tours, weeks

__all__ = ["appointments", "availability", "on_interventions", "on_invoicing", "tours", "weeks"]
