"""The models of interventions."""

from interventions.models.claims import PurchasedLine, QuotedLine, RequestLineClaim
from interventions.models.equipment import InstalledProduct
from interventions.models.promises import Promise
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
    "Promise",
    "PurchasedLine",
    "QuotedLine",
    "RequestLine",
    "RequestLineClaim",
    "Sector",
    "Task",
    "Team",
    "Technician",
    "TemplateLine",
]
