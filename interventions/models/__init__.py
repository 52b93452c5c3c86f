"""The models of interventions."""

from django.utils.translation import gettext_lazy as _

from interventions.models.claims import PurchasedLine, QuotedLine, RequestLineClaim
from interventions.models.equipment import InstalledProduct
from interventions.models.promises import Promise
from interventions.models.requests import InterventionRequest, RequestLine
from interventions.models.sectors import AddressSector, Sector, SectorRange
from interventions.models.work import InterventionTemplate, InterventionType, Task, Team, Technician, TemplateLine
from openfire_billing.db.areas import declare_area

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
    "SectorRange",
    "Task",
    "Team",
    "Technician",
    "TemplateLine",
]

declare_area("customers", _("Clients et adresses"), InstalledProduct, AddressSector)
declare_area(
    "catalogue",
    _("Articles, taxes et règlements"),
    InterventionType,
    InterventionTemplate,
    Task,
    Sector,
    SectorRange,
    Team,
    Technician,
)
declare_area("work", _("Interventions et RDV"), InterventionRequest, RequestLine)
