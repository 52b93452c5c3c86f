"""RDVs as events of calendars (RFC 5545): of a technician's feed, or attached to the mail of a customer. No prices."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from icalendar import Calendar, Event

from appointments.choices import AppointmentState
from appointments.models import Appointment
from appointments.services.announced import announced
from appointments.services.days import DayOf, days_of
from interventions.models import Technician
from openfire_billing.kernel.formats import PARIS

MIME_TYPE = "text/calendar"
_BEHIND, _AHEAD = timedelta(days=30), timedelta(days=120)  # of what a technician's calendar holds
_LEAST = timedelta(hours=1)  # of an event whose end is unknown, or when one hour is announced of an RDV without an end
_GIVEN_UP = frozenset({AppointmentState.CANCELLED, AppointmentState.POSTPONED})


def customer_calendar(rdv: Appointment) -> bytes:
    """Return the calendar attached to a mail about an RDV: an event a day, the first at what is announced."""
    return _calendar([event for day in days_of([rdv])[rdv.pk] for event in [_customer_event(day)]])


def technician_calendar(technician: Technician, *, now: datetime) -> bytes:
    """Return the calendar that a technician subscribes to: an event for each day of each of his RDVs. No prices.

    His RDVs from 30 days ago to 120 days ahead, those given up in the last 30 days as cancelled.
    """
    mine = Appointment.objects.filter(
        technicians=technician,
        starts_at__gte=now - _BEHIND,
        starts_at__lt=now + _AHEAD,
    ).filter(Q(state__in=AppointmentState.on_phone) | Q(state__in=_GIVEN_UP, updated_at__gte=now - _BEHIND))
    rows = list(
        mine.select_related("partner", "address", "task", "equipment", "company")
        .prefetch_related("technicians")
        .order_by("starts_at", "pk")
    )
    days = days_of(rows, technician)
    events = [_technician_event(day) for row in rows for day in days[row.pk]]
    return _calendar(events, name=_("RDV de %s") % technician)


def _technician_event(day: DayOf) -> Event:
    rdv = day.appointment
    event = _event(day, day.starts, day.ends)
    event.add("summary", f"{rdv.partner} · {rdv.title or rdv.task}")
    people = [str(person) for person in rdv.technicians.all()]
    lines = [
        day.rank_text,
        " / ".join(filter(None, [rdv.partner.phone, rdv.partner.mobile])),
        str(rdv.equipment or ""),
        _("Avec %s") % ", ".join(people) if len(people) > 1 else "",
        settings.SITE_URL + reverse("mobile:appointment", args=[rdv.pk]),
    ]
    event.add("description", "\n".join(filter(None, lines)))
    return event


def _customer_event(day: DayOf) -> Event:
    rdv, starts, ends = day.appointment, day.starts, day.ends
    told = announced(rdv)
    if told is not None and day.rank == 1:
        starts, ends = told.starts, told.ends or ends
    event = _event(day, starts, ends)
    event.add("summary", f"{rdv.company} : {rdv.title or rdv.task}")
    lines = [rdv.company.name, rdv.company.phone, day.rank_text]
    event.add("description", "\n".join(filter(None, lines)))
    return event


def _event(day: DayOf, starts: datetime, ends: datetime | None) -> Event:
    """Return the event of one day of an RDV, without its words."""
    rdv, event = day.appointment, Event()
    starts = starts.astimezone(PARIS)
    ends = ends.astimezone(PARIS) if ends is not None and ends > starts else starts + _LEAST
    event.add("uid", uid_of(rdv, day.rank))
    event.add("sequence", rdv.version)
    event.add("dtstamp", rdv.updated_at)
    event.add("last-modified", rdv.updated_at)
    event.add("dtstart", starts)
    event.add("dtend", ends)
    event.add("location", str(rdv.address))
    event.add("status", "CANCELLED" if rdv.state in _GIVEN_UP else "CONFIRMED")
    return event


def uid_of(rdv: Appointment, rank: int = 1) -> str:
    """Return the identity of an event: the same in every calendar. `rank`: 2 on the second day of an RDV."""
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    return f"rdv-{rdv.pk}{'' if rank == 1 else f'-{rank}'}@{host}"


def _calendar(events: Iterable[Event], name: str = "") -> bytes:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//openfire-billing//rdv//FR")
    calendar.add("method", "PUBLISH")
    if name:
        calendar.add("x-wr-calname", name)
    for event in events:
        calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def paper_of(rdv: Appointment) -> tuple[str, bytes, str]:
    """Return the file attached to a mail about an RDV."""
    return f"{_('rendez-vous')}.ics", customer_calendar(rdv), MIME_TYPE
