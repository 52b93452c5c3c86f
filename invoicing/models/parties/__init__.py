"""Companies, the users who work for them, partners and their addresses."""

from invoicing.models.parties.companies import Company, CompanyAccess, Logo
from invoicing.models.parties.partners import Address, Partner, Tag

__all__ = ["Address", "Company", "CompanyAccess", "Logo", "Partner", "Tag"]
