"""What the customer of an RDV answers on his page: he confirms, or he is not there and wishes another half day."""

from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from appointments.choices import AppointmentState, CustomerAnswer
from appointments.models import Appointment
from appointments.reminding import is_worked
from appointments.services.calendars import closed_days
from appointments.services.locks import lock_appointment
from invoicing.models import Company
from invoicing.services.records.history import record
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import day_text
from openfire_billing.kernel.french_days import department_of

DAYS_OFFERED = 10
_HALVES = (("am", "le matin"), ("pm", "l'après-midi"))
_COLUMNS = ("customer_answer", "answered_at", "wish")


def half_days(company: Company, today: date) -> dict[str, str]:
    """Return {« 2026-12-03-am »: « jeudi 3 décembre, le matin »} of the half days offered to a customer, in order."""
    closed, department = closed_days(company, today), department_of(company.zip)
    found, day = dict[str, str](), today
    while len(found) < DAYS_OFFERED * len(_HALVES):
        day += timedelta(days=1)
        if is_worked(day, department=department, closed=closed):
            found |= {f"{day}-{half}": f"{day_text(day)}, {words}" for half, words in _HALVES}
    return found


def awaits_answer(rdv: Appointment, now: datetime) -> bool:
    """Return whether the customer may answer: the RDV is confirmed and to come, and he has not answered."""
    is_ahead = rdv.starts_at is not None and rdv.starts_at > now
    return is_ahead and rdv.state == AppointmentState.CONFIRMED and not rdv.customer_answer


def answer_appointment(
    rdv: Appointment, *, answer: CustomerAnswer, half_day: str = "", note: str = "", seen: int, now: datetime
) -> Appointment:
    """Store the customer's answer to the RDV as he saw it. The version stays: open forms of the office remain valid.

    `half_day`: a key of `half_days`, wanted with « No ». The same answer again changes nothing. Raises BusinessError when
    the RDV changed since, is over or given up, when he answered otherwise before, or wishes no half day that is offered.
    """
    with atomic():
        rdv = lock_appointment(rdv)
        if rdv.customer_answer == answer and rdv.version == seen:
            return rdv
        if rdv.version != seen:
            raise BusinessError(
                _("Le rendez-vous a changé depuis que vous avez ouvert cette page : relisez-le, puis répondez."),
                code="stale",
            )
        if not awaits_answer(rdv, now):
            raise BusinessError(_refusal(rdv))
        rdv.customer_answer, rdv.answered_at, rdv.wish = answer, now, ""
        if answer == CustomerAnswer.NO:
            rdv.wish = _wish(rdv, half_day, note, now)
        rdv.save(update_fields=_COLUMNS)
        record(rdv, "answered", by=None, text=answer_of(rdv))
    return rdv


def _refusal(rdv: Appointment) -> str:
    call = _("appelez-nous au %s") % rdv.company.phone if rdv.company.phone else _("appelez-nous")
    if rdv.customer_answer:
        return _("Vous avez déjà répondu : pour changer, %s.") % call
    return _("Ce rendez-vous n'attend plus de réponse : %s.") % call


def _wish(rdv: Appointment, half_day: str, note: str, now: datetime) -> str:
    wished = half_days(rdv.company, timezone.localdate(now)).get(half_day)
    if wished is None:
        raise BusinessError(_("Choisissez la demi-journée qui vous convient."), field="half_day", code="missing_field")
    return " · ".join(filter(None, [wished, " ".join(note.split())]))[:200]


def answer_of(rdv: Appointment) -> str:
    """Return « Le client confirme », « Le client n'est pas là : jeudi 3 décembre, le matin », "" without an answer."""
    if not rdv.customer_answer:
        return ""
    return " : ".join(filter(None, [str(rdv.get_customer_answer_display()), rdv.wish]))
