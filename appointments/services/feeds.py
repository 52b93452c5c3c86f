"""The calendar feed of a technician: its key is made, revoked, recognised."""

import secrets
from hashlib import sha256

from django.utils.translation import gettext as _

from appointments.models import CalendarLink
from interventions.models import Technician
from invoicing.services.locks import lock_record
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError


def make_feed(technician: Technician, *, seen: int | None = None, by: By) -> str:
    """Return a new key of a technician's calendar feed, stored nowhere as text. The key before is worth nothing.

    Raises BusinessError for a technician who is not active, StaleForm.
    """
    with atomic():
        locked = lock_record(technician, seen=seen)
        if not locked.is_active:
            raise BusinessError(_("%s n'est plus actif : réactivez d'abord sa fiche.") % locked)
        key = secrets.token_urlsafe(32)
        CalendarLink.objects.filter(technician=locked).delete()
        CalendarLink.objects.create(technician=locked, digest=_digest(key))
        record(locked, "feed_made", by=by, text=_("Agenda en ligne : nouvelle adresse, l'ancienne ne répond plus"))
    return key


def revoke_feed(technician: Technician, *, seen: int | None = None, by: By) -> Technician:
    """Revoke the key of a technician's calendar feed, at once. Raises BusinessError when he has none, StaleForm."""
    with atomic():
        locked = lock_record(technician, seen=seen)
        deleted, _rows = CalendarLink.objects.filter(technician=locked).delete()
        if not deleted:
            raise BusinessError(_("%s n'a pas d'agenda en ligne : rien à révoquer.") % locked)
        record(locked, "feed_revoked", by=by, text=_("Agenda en ligne révoqué"))
    return locked


def technician_at(key: str) -> Technician | None:
    """Return the active technician whose feed has this key; None for a wrong key and a revoked one."""
    link = CalendarLink.objects.filter(digest=_digest(key), technician__is_active=True).select_related("technician")
    return next((one.technician for one in link), None)


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()
