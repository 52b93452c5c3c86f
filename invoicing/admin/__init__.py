"""The back office of invoicing."""

from invoicing.admin import accounts, catalogue, documents, parties, settlement, users
from invoicing.admin.records import messages

__all__ = ["accounts", "catalogue", "documents", "messages", "parties", "settlement", "users"]
