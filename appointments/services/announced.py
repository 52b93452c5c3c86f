"""What is announced of an RDV to its customer: by the setting of its company, or by its own hours."""

from datetime import date, datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from appointments.announced import Announced, announced_of, holds
from appointments.models import Appointment


def announced(rdv: Appointment, starts_at: datetime | None = None) -> Announced | None:
    """Return what is announced to the customer of an RDV; None without a date.

    Its own hours count while it begins within them. `starts_at`: as if it began then.
    """
    start = starts_at or rdv.starts_at
    if start is None:
        return None
    local = timezone.localtime(start)
    own = (rdv.announced_from, rdv.announced_to)
    return announced_of(
        local,
        how=rdv.company.announce,
        minutes=rdv.company.window_minutes,
        own_from=own[0] if holds(*own, local) else None,
        own_to=own[1],
    )


def is_same_for_customer(rdv: Appointment, one: datetime, other: datetime) -> bool:
    """Return whether an RDV that begins at either moment is announced in the same words, on the same day."""
    return _told(rdv, one) == _told(rdv, other)


def _told(rdv: Appointment, starts_at: datetime) -> tuple[date, str]:
    found = announced(rdv, starts_at)
    assert found is not None
    return found.starts.date(), found.words


def when_text(rdv: Appointment) -> str:
    """Return « le 24/11/2026 à 9 h », « le 24/11/2026 entre 8 h et 10 h », « du 24/11/2026 à 9 h au 26/11/2026 »."""
    found = announced(rdv)
    if found is None or rdv.day is None:
        return _("à une date à fixer")
    begins = f"{rdv.day:%d/%m/%Y}{', ' if found.half else ' '}{found.words}"
    if rdv.last_day is None or rdv.last_day == rdv.day:
        return f"le {begins}"
    return f"du {begins} au {rdv.last_day:%d/%m/%Y}"
