"""Who: companies, partners and their addresses; and what every record carries: journal, files, messages, link."""

from invoicing.models.parties.organisations import Address, Company, CompanyAccess, Partner, Tag
from invoicing.models.parties.records import Attachment, HistoryLine, Message, PublicLink

__all__ = [
    "Address",
    "Attachment",
    "Company",
    "CompanyAccess",
    "HistoryLine",
    "Message",
    "Partner",
    "PublicLink",
    "Tag",
]
