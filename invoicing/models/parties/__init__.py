"""Who: companies, partners and their addresses; and what every record carries: journal, files, messages, link."""

from invoicing.models.parties.notes import FollowUp, SavedFilter
from invoicing.models.parties.organisations import Address, Company, CompanyAccess, Partner, Tag
from invoicing.models.parties.records import Attachment, HistoryLine, IdempotencyKey, Message, PublicLink

__all__ = [
    "Address",
    "Attachment",
    "Company",
    "CompanyAccess",
    "FollowUp",
    "HistoryLine",
    "IdempotencyKey",
    "Message",
    "Partner",
    "PublicLink",
    "SavedFilter",
    "Tag",
]
