"""Pages of the phone: check the technician, call one service, show one answer."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from functools import wraps
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth.views import LoginView, LogoutView
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from appointments.choices import AppointmentState
from appointments.mobile.forms import DoneForm, PartForm, PhoneLoginForm, UnfinishedForm
from appointments.mobile.lines import Used, read_used, rows_of, save_used, typed_too_late
from appointments.models import Appointment, AppointmentLine
from appointments.services.days import DayOf, days_of, nearest_day
from appointments.services.lines import add_part
from appointments.services.states import finish_appointment, leave_unfinished, write_report
from interventions.models import Technician
from invoicing.models import Product
from invoicing.services.records.acts import Once, perform
from invoicing.services.records.attachments import attach, attachments_of
from openfire_billing.db.search import LONGEST, narrowed, words_of
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.summary import map_url
from openfire_billing.web.users import user_of

MOST_PRODUCTS = 30  # articles shown at once
FARTHEST = 3660  # days: ten years


class MobileLogin(LoginView):
    """A login that lasts three months on the phone."""

    template_name = "mobile/login.html"
    form_class = PhoneLoginForm
    next_page = reverse_lazy("mobile:today")  # type: ignore[assignment]  # an address found when it is used


class MobileLogout(LogoutView):
    next_page = reverse_lazy("mobile:login")  # type: ignore[assignment]  # an address found when it is used


def technician_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Give the view the row of an active technician; show others a page that says what to do."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect(f"{reverse('mobile:login')}?next={quote_plus(request.path)}")
        technician = Technician.objects.filter(user=request.user, is_active=True).first()
        if technician is None:
            return render(request, "mobile/no_technician.html", status=403)
        return view(request, technician, *args, **options)

    return page


def _own(technician: Technician) -> Any:
    return Appointment.objects.shown_to(technician).select_related(
        "partner", "address", "task", "equipment", "intervention", "company"
    )


def _one(technician: Technician, pk: int) -> Appointment:
    """Return the technician's own RDV; another's is not found."""
    appointment = _own(technician).filter(pk=pk).first()
    if appointment is None:
        raise Http404
    return appointment


def _day(text: str) -> date:
    """Return the day asked for; today when it is no day, or out of range."""
    today = timezone.localdate()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return today
    return day if abs((day - today).days) <= FARTHEST else today


def _visits(technician: Technician, day: date, days: int = 1) -> dict[date, list[DayOf]]:
    """Return {day: the technician's RDVs of that day, by hour} of `days` days from `day`."""
    found = days_of(_own(technician).on_day(day, days, technician=technician), technician)
    visits: dict[date, list[DayOf]] = defaultdict(list)
    for visit in sorted((v for of_one in found.values() for v in of_one), key=lambda v: (v.starts, v.appointment.pk)):
        visits[visit.day].append(visit)
    return visits


@require_GET
@technician_page
def today(request: HttpRequest, technician: Technician) -> HttpResponse:
    """Show the RDVs of one day."""
    day = _day(request.GET.get("on", ""))
    context = {
        "technician": technician,
        "day": day,
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1),
        "is_today": day == timezone.localdate(),
        "visits": _visits(technician, day)[day],
    }
    return render(request, "mobile/day.html", context)


@require_GET
@technician_page
def week(request: HttpRequest, technician: Technician) -> HttpResponse:
    """Show the RDVs of a week, day by day."""
    day = _day(request.GET.get("from", ""))
    monday = day - timedelta(days=day.weekday())
    visits = _visits(technician, monday, 7)
    days = [{"day": day, "visits": visits[day]} for day in (monday + timedelta(days=n) for n in range(7))]
    context = {
        "technician": technician,
        "days": days,
        "monday": monday,
        "before": monday - timedelta(days=7),
        "after": monday + timedelta(days=7),
    }
    return render(request, "mobile/week.html", context)


@require_GET
@technician_page
def appointment_page(request: HttpRequest, technician: Technician, pk: int) -> HttpResponse:
    """Show one RDV: address, telephone, work, history, parts, photos, and its two ends."""
    return _page(request, technician, _one(technician, pk))


def _page(
    request: HttpRequest, technician: Technician, appointment: Appointment, used: Used | None = None, **more: Any
) -> HttpResponse:
    """Return the page of an RDV. `used`: what was sent of its lines and is not saved."""
    used = used or Used()
    is_open = appointment.state == AppointmentState.CONFIRMED
    lines = appointment.lines.select_related("product", "request_line__product", "unit", "request_line__unit")
    rows = rows_of(lines, used, is_open=is_open)
    about = Q(equipment=appointment.equipment_id) if appointment.equipment_id else Q(address=appointment.address_id)
    history = (
        Appointment.objects.filter(about, company=appointment.company_id)
        .filter(state__in=[AppointmentState.DONE, AppointmentState.UNFINISHED])
        .exclude(pk=appointment.pk)
        .select_related("task")
        .order_by("-starts_at")[:10]
    )
    reason_kept = request.session.get(_REASON % appointment.pk, "")
    reason = request.POST.get("reason", reason_kept)
    days = days_of([appointment], technician)[appointment.pk]
    context = {
        "technician": technician,
        "rdv": appointment,
        "days": days,
        "visit": nearest_day(days, timezone.localdate()),
        "rows": rows,
        "has_boxes": any(row.has_box for row in rows),
        "once": uuid4(),  # a second tap on a slow network changes nothing
        "history": history,
        "files": attachments_of(appointment),
        "done_form": DoneForm(initial={"report": request.POST.get("report", appointment.report)}),
        "unfinished_form": UnfinishedForm(initial={"reason": reason}),
        "reason_kept": reason_kept,
        "open_unfinished": bool(reason),
        "written": [] if is_open else [*_written_too_late(request, appointment), *typed_too_late(rows, used)],
        "is_open": is_open,
        "map_url": map_url(appointment.address),
        **more,
    }
    return render(request, "mobile/appointment.html", context, status=more.get("status", 200))


def _back(appointment: Appointment, anchor: str = "") -> HttpResponse:
    return redirect(reverse("mobile:appointment", args=[appointment.pk]) + anchor)


@require_POST
@technician_page
def done(request: HttpRequest, technician: Technician, pk: int) -> HttpResponse:
    """« Réalisé ». For an RDV of another day, ask for a confirmation first."""
    appointment, form, used = _one(technician, pk), DoneForm(request.POST), read_used(request.POST)
    _join_photos(request, appointment)
    if not form.is_valid() or used.faults:
        return _page(request, technician, appointment, used, done_form=form, status=400)
    days = days_of([appointment], technician)[appointment.pk]
    is_todays = timezone.localdate() in [visit.day for visit in days]
    if appointment.state == AppointmentState.CONFIRMED and not is_todays and "sure" not in request.POST:
        return _page(request, technician, appointment, used, ask_if_sure=True)

    def end() -> None:
        save_used(request, appointment, used)
        finish_appointment(appointment, at=timezone.now(), report=_typed_report(request) or "", by=user_of(request))

    try:
        perform(end)
    except BusinessError as refusal:
        return _page(request, technician, _one(technician, pk), used, refusal=refusal, status=409)
    request.session.pop(_REASON % appointment.pk, None)
    messages.success(request, _("Réalisé : le bureau est prévenu."))
    return _back(appointment)


@require_POST
@technician_page
def unfinished(request: HttpRequest, technician: Technician, pk: int) -> HttpResponse:
    """« Inachevé », with a reason."""
    appointment, form, used = _one(technician, pk), UnfinishedForm(request.POST), read_used(request.POST)
    _join_photos(request, appointment)
    if not form.is_valid() or used.faults:
        return _page(request, technician, appointment, used, unfinished_form=form, open_unfinished=True, status=400)

    def end() -> None:
        save_used(request, appointment, used)
        reason = form.cleaned_data["reason"]
        leave_unfinished(appointment, reason=reason, report=_typed_report(request) or "", by=user_of(request))

    try:
        perform(end)
    except BusinessError as refusal:
        return _page(request, technician, _one(technician, pk), used, refusal=refusal, status=409)
    request.session.pop(_REASON % appointment.pk, None)
    messages.success(request, _("Inachevé : le bureau est prévenu."))
    return _back(appointment)


@require_POST
@technician_page
def note(request: HttpRequest, technician: Technician, pk: int) -> HttpResponse:
    """Save what is typed without ending the RDV; then show the articles, when that button was pressed."""
    appointment = _one(technician, pk)
    _join_photos(request, appointment)
    if refused := _keep(request, technician, appointment):
        return refused
    if "articles" in request.POST:
        return redirect("mobile:parts", pk=appointment.pk)
    messages.success(request, _("Compte rendu enregistré."))
    return _back(appointment)


@require_POST
@technician_page
def lines(request: HttpRequest, technician: Technician, pk: int) -> HttpResponse:
    """Save the quantities used, and remove the line added on site whose bin was pressed."""
    appointment = _one(technician, pk)
    _join_photos(request, appointment)
    if refused := _keep(request, technician, appointment):
        return refused
    messages.success(request, _("Ligne retirée.") if "remove" in request.POST else _("Quantités enregistrées."))
    return _back(appointment, "#lines")


# Why it is not finished, typed but not sent yet: the RDV has a reason only once it is left unfinished.
_REASON = "why_unfinished_%s"


def _keep(request: HttpRequest, technician: Technician, appointment: Appointment) -> HttpResponse | None:
    """Save what is typed, whichever button of the page was pressed. Return the page with what is refused of the lines,
    None when all is saved.
    """
    used, refusal = read_used(request.POST), None
    if not used.faults:
        try:
            save_used(request, appointment, used)
        except BusinessError as error:
            refusal = error
    _keep_texts(request, appointment)
    if not used.faults and not refusal:
        return None
    status = 400 if used.faults else 409
    return _page(request, technician, _one(technician, appointment.pk), used, refusal=refusal, status=status)


def _keep_texts(request: HttpRequest, appointment: Appointment) -> None:
    report = _typed_report(request)
    if report is not None:
        write_report(appointment, report=report, by=user_of(request))
    reason = request.POST.get("reason", "")[:200]
    if reason:
        request.session[_REASON % appointment.pk] = reason
    elif "reason" in request.POST:
        request.session.pop(_REASON % appointment.pk, None)


def _typed_report(request: HttpRequest) -> str | None:
    """Return the report typed; None when it is the one the page showed, since a colleague may have changed it
    meanwhile.
    """
    typed = request.POST.get("report")
    return None if typed is None or _is_same(typed, request.POST.get("report_shown")) else typed[:5000].strip()


def _is_same(typed: str, stored: str | None) -> bool:
    """Return whether two texts are the same but for spaces and line ends."""
    return stored is not None and typed.split() == stored.split()


def _written_too_late(request: HttpRequest, appointment: Appointment) -> list[str]:
    """Return the texts typed for an RDV that ended meanwhile, whose page has no field for them any more."""
    typed = [(request.POST.get(name, ""), getattr(appointment, name)) for name in ("reason", "report")]
    return [text for text, stored in typed if text.strip() and not _is_same(text, stored)]


@technician_page
def parts(request: HttpRequest, technician: Technician, pk: int) -> HttpResponse:
    """Search the articles, and add one with its quantity. Shows no prices."""
    appointment = _one(technician, pk)
    refusal = None
    if request.method == "POST":
        try:
            done = perform(lambda: _add_part(request, appointment), once=_once(request, "parts"))
        except BusinessError as error:
            refusal = error
        else:
            if not done.is_repeat:
                messages.success(request, _("Ajouté : %s") % done.result)
            return _back(appointment, "#lines")
    words = request.GET.get("q", request.POST.get("q", "")).strip()[:LONGEST]
    found = Product.objects.filter(is_active=True)
    found = narrowed(found, ("code", "name"), words_of(words))
    products = list(found[: MOST_PRODUCTS + 1])
    context = {
        "technician": technician,
        "rdv": appointment,
        "q": words,
        "products": products[:MOST_PRODUCTS],
        "has_more": len(products) > MOST_PRODUCTS,
        "refusal": refusal,
        "typed": {"product": read_id(request.POST.get("product")), "quantity": request.POST.get("quantity", "")},
        "once": uuid4(),  # a second tap on a slow network adds nothing
    }
    return render(request, "mobile/parts.html", context, status=400 if refusal else 200)


def _once(request: HttpRequest, act: str) -> Once | None:
    """Return the key of what a page asks, the same when its button is pressed twice; None when the page gives none."""
    token = request.POST.get("_once", "")
    return Once(f"phone:{request.user.pk}", f"{act}:{token}") if token else None


def _add_part(request: HttpRequest, appointment: Appointment) -> AppointmentLine:
    form = PartForm(request.POST)
    form.is_valid()
    product = Product.objects.filter(pk=form.cleaned_data.get("product") or 0, is_active=True).first()
    if product is None:
        raise BusinessError(_("Choisissez un article dans la liste."))
    if "quantity" not in form.cleaned_data:
        raise BusinessError(_("La quantité est un nombre supérieur à zéro, par exemple 1 ou 2,5."))
    quantity = form.cleaned_data["quantity"]
    return add_part(appointment, product=product, quantity=quantity, on=timezone.localdate(), by=user_of(request))


@require_POST
@technician_page
def photos(request: HttpRequest, technician: Technician, pk: int) -> HttpResponse:
    """Attach the uploaded photos to the RDV and keep the text typed on the page. Redirect to the RDV's page; without a
    file, show an error there.
    """
    appointment = _one(technician, pk)
    has_photos = bool(request.FILES.getlist("photos"))
    if not has_photos:
        messages.error(request, _("Choisissez au moins une photo."))
    are_joined = _join_photos(request, appointment)
    if refused := _keep(request, technician, appointment):
        return refused
    return _back(appointment, "#photos" if has_photos and are_joined else "")


def _join_photos(request: HttpRequest, appointment: Appointment) -> bool:
    """Attach the photos chosen on the page, whichever of its buttons was pressed. Return False, with a message, when
    one is refused.
    """
    refused = False
    for upload in request.FILES.getlist("photos"):
        try:
            attachment = attach(appointment, upload, by=request.user)
        except BusinessError as refusal:
            refused = True
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Photo jointe : %s") % attachment.name)
    return not refused
