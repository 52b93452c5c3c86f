"""The back office of invoicing."""

from invoicing.admin import accounts, catalogue, documents, parties, settlement, users

__all__ = ["accounts", "catalogue", "documents", "parties", "settlement", "users"]
