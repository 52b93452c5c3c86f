"""What interventions are made of."""

from interventions.models.claims import QuotedLine, RequestLineClaim
from interventions.models.equipment import InstalledProduct
from interventions.models.requests import InterventionRequest, RequestLine
from interventions.models.work import (
    AddressSector,
    InterventionTemplate,
    InterventionType,
    Sector,
    Task,
    Team,
    Technician,
    TemplateLine,
)

__all__ = [
    "AddressSector",
    "InstalledProduct",
    "InterventionRequest",
    "InterventionTemplate",
    "InterventionType",
    "QuotedLine",
    "RequestLine",
    "RequestLineClaim",
    "Sector",
    "Task",
    "Team",
    "Technician",
    "TemplateLine",
]
