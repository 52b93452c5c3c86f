"""Rows attached to any record: journal, files, messages, public link, follow-ups. Saved filters, idempotency keys."""

from invoicing.models.records.attachments import Attachment
from invoicing.models.records.follow_ups import FollowUp
from invoicing.models.records.history import HistoryLine
from invoicing.models.records.idempotency import IdempotencyKey
from invoicing.models.records.imports import ImportTurn
from invoicing.models.records.links import PublicLink
from invoicing.models.records.messages import Message
from invoicing.models.records.saved_filters import SavedFilter
from invoicing.models.records.text_messages import SmsStop, SmsTemplate

__all__ = [
    "Attachment",
    "FollowUp",
    "HistoryLine",
    "IdempotencyKey",
    "ImportTurn",
    "Message",
    "PublicLink",
    "SavedFilter",
    "SmsStop",
    "SmsTemplate",
]
