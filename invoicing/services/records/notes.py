"""Notes in the journal of a record."""

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from invoicing.models import HistoryLine
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.kernel.errors import BusinessError


def add_note(document: Model, text: str, *, by: By) -> HistoryLine:
    """Write a note in a record's journal. Raises BusinessError when it is empty."""
    text = text.strip()
    if not text:
        raise BusinessError(_("La note est vide : écrivez quelque chose, ou fermez."))
    return record(document, "note", by=by, text=text[:4000])
