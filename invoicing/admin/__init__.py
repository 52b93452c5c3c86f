"""The back office of invoicing."""

from invoicing.admin import accounts, catalogue, documents, parties, programs, settlement, users, webhooks
from invoicing.admin.records import messages, text_templates

__all__ = [
    "accounts",
    "catalogue",
    "documents",
    "messages",
    "parties",
    "programs",
    "settlement",
    "text_templates",
    "users",
    "webhooks",
]
