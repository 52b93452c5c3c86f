"""Reminders of RDVs: to each customer once, on the last day before that his company works."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from django.contrib.contenttypes.models import ContentType
from django.db.models import prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from appointments.choices import AppointmentState
from appointments.models import Appointment
from appointments.querysets import day_bounds
from appointments.reminding import LATELY, days_due, moments
from appointments.services.calendars import closed_days
from appointments.services.locks import lock_appointments
from appointments.services.notices import MOVED, Notice, key_of_reminder, notice_of, template_of
from appointments.services.texts import APPOINTMENT_TEXT, publish_linked
from invoicing.choices import MessageKind, MessageState, TextUse
from invoicing.models import Company, Message
from invoicing.services.records.history import record_many
from openfire_billing.celery import send_after_commit
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.formats import PARIS
from openfire_billing.kernel.french_days import department_of

CHUNK = 500  # RDVs of one transaction
_Row = TypeVar("_Row")
_TOO_LATE = _("Rappel non envoyé : il n'est pas parti à temps, le %s avant 20 h.")
_NO_ADDRESS = _("Rappel non envoyé : le client n'a ni mobile ni e-mail.")


@dataclass(frozen=True)
class _Reminder:
    """The reminder of an RDV. `notice`: None when it is not sent; `journal_text` says why then."""

    rdv: Appointment
    notice: Notice | None
    journal_text: Text


def send_reminders(*, now: datetime) -> int:
    """Put the reminders that are due in the outbox, and say which ones are not sent. Returns how many will leave.

    Each RDV has one at its hour, whoever runs this and however often: the key of the message says so, and the RDVs are
    locked while their keys are read. A chunk is one transaction.
    """
    return sum(_remind(company, now) for company in Company.objects.filter(sends_reminders=True).order_by("pk"))


def _remind(company: Company, now: datetime) -> int:
    today = timezone.localdate(now)
    closed = closed_days(company, today)
    template, sent = template_of(company, TextUse.REMINDER), 0
    for day, due in days_due(today, department=department_of(company.zip), closed=closed):
        opens, ends = moments(due, company.reminder_hour, PARIS)
        if now < opens:
            continue
        wanted = _confirmed(company, day, now, agreed_by=opens - LATELY)
        for chunk in _chunks(_without_message(wanted)):
            sent += _remind_chunk(chunk, template, ends=ends, now=now)
    return sent


def _chunks(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))


def _confirmed(company: Company, day: date, now: datetime, *, agreed_by: datetime) -> list[Appointment]:
    """Return the RDVs of a day that are confirmed since `agreed_by` at the latest, and to come."""
    starts, ends = day_bounds(day)
    found = Appointment.objects.filter(
        company=company, state=AppointmentState.CONFIRMED, starts_at__gte=max(starts, now), starts_at__lt=ends
    )
    agreed = found.exclude(confirmed_at__gt=agreed_by)
    return list(agreed.order_by("pk").only("pk", "starts_at", "version"))


def _without_message(appointments: Sequence[Appointment]) -> list[Appointment]:
    """Keep the RDVs that have no reminder at their hour, sent or not."""
    keys = {key_of_reminder(rdv): rdv for rdv in appointments}
    for some in _chunks(list(keys)):
        for key in Message.objects.filter(key__in=some).values_list("key", flat=True):
            keys.pop(key)
    return list(keys.values())


def _remind_chunk(chunk: Sequence[Appointment], template: str, *, ends: datetime, now: datetime) -> int:
    """Write the reminders of some RDVs, of one company and day. Returns how many will leave."""
    with atomic():
        hours = {rdv.pk: rdv.starts_at for rdv in chunk}
        locked = [
            rdv
            for rdv in lock_appointments(chunk)
            if rdv.state == AppointmentState.CONFIRMED and rdv.starts_at == hours[rdv.pk]
        ]
        told = _told_of_move(locked, now)
        rows = [rdv for rdv in _without_message(locked) if (rdv.pk, rdv.starts_at) not in told]
        if now >= ends:
            why = _TOO_LATE % f"{timezone.localtime(ends):%d/%m/%Y}"
            made = [_Reminder(rdv, None, why) for rdv in rows]
        else:
            publish_linked(rows, template, None)
            prefetch_related_objects(rows, *APPOINTMENT_TEXT.related)
            made = [_written(rdv, template) for rdv in rows]
        Message.objects.bulk_create(_message(one, ends=ends, now=now) for one in made)
        record_many([(one.rdv, one.journal_text, None) for one in made], "message", by=None)
        send_after_commit("invoicing.tasks.send_waiting_messages")
    return sum(one.notice is not None for one in made)


def _told_of_move(appointments: Sequence[Appointment], now: datetime) -> set[tuple[int | None, datetime | None]]:
    """Return (id, start) of the RDVs whose new hour a message of today tells, or will tell: no reminder says it again."""
    starts, _ends = day_bounds(timezone.localdate(now))
    moved = Message.objects.filter(
        content_type=ContentType.objects.get_for_model(Appointment),
        object_id__in=[rdv.pk for rdv in appointments],
        key__startswith=f"{MOVED}:",
        state__in=MessageState.reached | {MessageState.WAITING},
        created_at__gte=starts,
    )
    return set(moved.values_list("object_id", "announces"))


def _written(rdv: Appointment, template: str) -> _Reminder:
    notice = notice_of(rdv, TextUse.REMINDER, template)
    if not notice.to:
        return _Reminder(rdv, None, _NO_ADDRESS)
    text = _("Rappel à %(to)s : %(text)s") % {"to": notice.to, "text": notice.body[:80]}
    return _Reminder(rdv, notice, text)


def _message(reminder: _Reminder, *, ends: datetime, now: datetime) -> Message:
    rdv, notice = reminder.rdv, reminder.notice
    return Message(
        key=key_of_reminder(rdv),
        kind=notice.kind if notice else MessageKind.SMS,
        to=notice.to if notice else "",
        subject=notice.subject if notice else "",
        body=notice.body if notice else "",
        with_paper=notice is not None and notice.is_mail,
        object=rdv,
        company=rdv.company,
        state=MessageState.WAITING if notice else MessageState.DROPPED,
        error="" if notice else str(reminder.journal_text),
        created_at=now,
        next_try_at=now,
        expires_at=ends,
        announces=rdv.starts_at,
        department=rdv.address.department,
    )
