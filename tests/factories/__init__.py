"""What a test starts from: a firm with its reference data and its people, and the pages as they use them."""

from tests.factories.catalogue import ProductFactory, TaxFactory, position, tax
from tests.factories.pages import Office, everything, nothing_changed
from tests.factories.parties import AddressFactory, CompanyFactory, PartnerFactory, UserFactory
from tests.factories.work import (
    InstalledProductFactory,
    SectorFactory,
    TaskFactory,
    TeamFactory,
    TechnicianFactory,
    TemplateFactory,
    TemplateLineFactory,
)
from tests.factories.world import World, item, make_world

__all__ = [
    "AddressFactory",
    "CompanyFactory",
    "InstalledProductFactory",
    "Office",
    "PartnerFactory",
    "ProductFactory",
    "SectorFactory",
    "TaskFactory",
    "TaxFactory",
    "TeamFactory",
    "TechnicianFactory",
    "TemplateFactory",
    "TemplateLineFactory",
    "UserFactory",
    "World",
    "everything",
    "item",
    "make_world",
    "nothing_changed",
    "position",
    "tax",
]
