"""What is done on the board: a card moved, copied or resized, a DI placed. Each answers the cells it touched."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from appointments.models import Appointment
from appointments.planning.reader import asked_in, board_of, cells_with, day_of
from appointments.planning.shown import answered, planner_page
from appointments.services.calendars import local
from appointments.services.days import days_by_technician
from appointments.services.moving import Place, copy_to, drop_appointment, place_intervention, resize_appointment
from interventions.models import InterventionRequest, Technician
from invoicing.services.records.acts import Once, perform
from openfire_billing.db.scope import visible
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import day_text, read_id
from openfire_billing.web.actions import DocumentAction, already_done
from openfire_billing.web.refusals import shown_refusal
from openfire_billing.web.undo import Undo, undo_tag, values_before
from openfire_billing.web.users import user_of

CHANGE, ADD = "appointments.change_appointment", "appointments.add_appointment"
# refusals that a reason may override
OVERRIDABLE = {"slot_taken", "technician_absent"}


@planner_page
@require_POST
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a card, add its RDV to another row, or copy it there (`copy`)."""
    appointment = _appointment(request, pk)
    place = _place(request)
    is_copy = request.POST.get("copy") == "1"

    def act() -> Appointment:
        override, on, by = request.POST.get("override", "")[:200], timezone.localdate(), user_of(request)
        if is_copy:
            from_row = _technician(request, "leaving")
            return copy_to(appointment, place=place, from_row=from_row, override=override, on=on, by=by)
        return drop_appointment(
            appointment,
            place=place,
            from_row=_technician(request, "leaving"),
            from_day=day_of(request.POST.get("from_day", "")),
            is_added=request.POST.get("add") == "1",
            override=override,
            seen=_seen(request),
            on=on,
            by=by,
        )

    return _done(request, appointment, act, ADD if is_copy else CHANGE, "place" if is_copy else "move")


@planner_page
@require_POST
def resize(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an RDV the end that the edge of its card was dragged to."""
    appointment = _appointment(request, pk)
    day, end = day_of(request.POST.get("day", "")), _minutes(request, "end")
    if day is None or end is None:
        raise Http404

    def act() -> Appointment:
        return resize_appointment(
            appointment,
            ends_at=moment_at(day, end),
            override=request.POST.get("override", "")[:200],
            seen=_seen(request),
            on=timezone.localdate(),
            by=user_of(request),
        )

    return _done(request, appointment, act, CHANGE, "move")


@planner_page
@require_POST
def place(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the RDV of a DI where its row of the list was dropped."""
    intervention = get_object_or_404(visible(InterventionRequest.objects.all(), user_of(request)), pk=pk)
    where = _place(request)

    def act() -> Appointment:
        return place_intervention(
            intervention,
            place=where,
            override=request.POST.get("override", "")[:200],
            seen=read_id(request.POST.get("seen")),
            on=timezone.localdate(),
            by=user_of(request),
        )

    return _done(request, intervention, act, ADD, "place")


def _done(
    request: HttpRequest, document: Any, act: Callable[[], Appointment], permission: str, undo: str
) -> HttpResponse:
    """Perform an act once, and answer the cells it touched with its message; a refusal as JSON, with its code."""
    if not request.user.has_perm(permission):
        raise PermissionDenied
    asked = asked_in(request.POST)
    is_new = undo == "place"
    before = _cells_of(document) if not is_new else set()
    values = {} if is_new else values_before(move_undo(), document)
    key = request.POST.get("key", "")[:60]
    try:
        once = Once(f"user:{request.user.pk}", f"board:{key}") if key else None
        done = perform(act, once=once, answer=lambda made: (0, made.pk))
    except BusinessError as refusal:
        return _refused(request, refusal, document)
    if done.result is None:
        messages.info(request, already_done(document))
        made = read_id(done.answer) or 0
        return answered(request, cells_with(request.user, asked, [made]), touched=[made])
    appointment = done.result
    say_placed(request, appointment, undo=undo, before=values or {})
    board = board_of(request.user, asked, only=before | _cells_of(appointment))
    return answered(request, board, touched=[appointment.pk])


def act_named(name: str) -> DocumentAction:
    """Return an act of RDVs."""
    page: Any = admin.site.get_model_admin(Appointment)
    found: DocumentAction = next(action for action in page.all_actions() if action.name == name)
    return found


def move_undo() -> Undo | None:
    """Return how the move of an RDV is undone."""
    return act_named("move").undo


def say_placed(
    request: HttpRequest, appointment: Appointment, *, undo: str = "place", before: dict[str, str | None] | None = None
) -> None:
    """Say when and with whom an RDV is, with « Annuler ». `undo`: the act that is undone; `before`: see `values_before`."""
    tag = undo_tag(request, appointment, undo, before or {})
    messages.success(request, _sentence(appointment, is_new=undo == "place"), extra_tags=tag)


def _sentence(appointment: Appointment, *, is_new: bool) -> str:
    if appointment.starts_at is None:
        return _("%s : à placer.") % appointment
    begins = local(appointment.starts_at)
    names = ", ".join(person.name for person in appointment.technicians.all())
    text = _("%(rdv)s : créé le %(when)s, %(who)s.") if is_new else _("%(rdv)s : %(when)s, %(who)s.")
    return text % {"rdv": appointment, "when": f"{day_text(begins)} {begins:%H:%M}", "who": names}


def _refused(request: HttpRequest, refusal: BusinessError, document: Any) -> JsonResponse:
    shown = shown_refusal(refusal, request, document)
    return JsonResponse(
        {
            "code": refusal.code,
            "detail": str(shown),
            "may_override": refusal.code in OVERRIDABLE,
            "steps": [
                {"label": str(step.label), "url": step.url, "opens_dialog": step.opens_dialog} for step in shown.steps
            ],
            "links": [{"label": label, "url": url} for label, url in shown.links],
        },
        status=409,
    )


def _cells_of(appointment: Appointment) -> set[tuple[int, date]]:
    """Return the cells that an RDV takes: (id of a technician, day)."""
    return {
        (person, day.day) for (_pk, person), days in days_by_technician([appointment]).items() for day in days if person
    }


def _appointment(request: HttpRequest, pk: int) -> Appointment:
    return get_object_or_404(visible(Appointment.objects.select_related("lead", "template"), user_of(request)), pk=pk)


def _place(request: HttpRequest) -> Place:
    """Read the cell of a drop. 404 for another company's technician, a missing or far day, a wrong hour."""
    technician, day = _technician(request, "to"), day_of(request.POST.get("day", ""))
    if technician is None or day is None:
        raise Http404
    minutes = _minutes(request, "start")
    start = None if minutes is None else time(minutes // 60 % 24, minutes % 60)
    return Place(technician, day, start, earliest=timezone.localtime())


def _technician(request: HttpRequest, name: str) -> Technician | None:
    pk = read_id(request.POST.get(name))
    if pk is None:
        return None
    return get_object_or_404(visible(Technician.objects.select_related("company"), user_of(request)), pk=pk)


def _minutes(request: HttpRequest, name: str) -> int | None:
    minutes = read_id(request.POST.get(name)) if request.POST.get(name) != "0" else 0
    return minutes if minutes is not None and minutes <= 1440 else None


def _seen(request: HttpRequest) -> int:
    return read_id(request.POST.get("seen")) or 0


def moment_at(day: date, minutes: int) -> datetime:
    """Return the moment of a day, in minutes since its midnight, on the clock of France."""
    zone = timezone.get_default_timezone()
    if minutes == 1440:
        return datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    return datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=zone)
