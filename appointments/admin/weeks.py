"""Pages of working hours: the weeks of technicians and companies, with their hours as rows, and the hours of one day."""

from collections import defaultdict
from datetime import time, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from appointments.admin.availability import CalendarAdmin
from appointments.models import DayHours, WorkingHours, WorkingWeek
from appointments.services.calendars import USUAL_WEEK
from appointments.services.weeks import fill_empty_weeks, refused_when_valid_twice
from invoicing.admin.form_changes import header_changes
from invoicing.admin.lines import RightsOfParentMixin
from invoicing.services.records.changes import LineChange, line_change
from invoicing.services.records.history import record
from openfire_billing.web.columns import column
from openfire_billing.web.date_boxes import HourInput
from openfire_billing.web.tags import hours as hours_text
from openfire_billing.web.tags import nowrap
from openfire_billing.web.users import user_of


class HoursForm(forms.ModelForm):
    """A stretch of work. A proposed one is saved even when the user did not change it; one without hours is left out."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("rank", "weekday", "starts", "ends"):
            self.fields[name].widget.attrs["aria-label"] = self.fields[name].label

    def has_changed(self) -> bool:
        if self.instance.pk is None:
            return bool(self["starts"].value() or self["ends"].value())
        return super().has_changed()


class HoursFormSet(forms.BaseInlineFormSet):
    """The hours of all weeks of a cycle."""

    def clean(self) -> None:
        """Refuse no hours at all, a week that the cycle does not have, and two stretches of a day that overlap."""
        super().clean()
        if any(form.errors for form in self.forms):
            return
        rows = [form for form in self.forms if form not in self.deleted_forms and form.cleaned_data.get("starts")]
        if not rows:
            raise ValidationError(
                _("Donnez au moins une plage. Quelqu'un qui ne travaille pas du tout : saisissez une absence.")
            )
        cycle = self.instance.cycle or 1
        stretches: dict[tuple[int, int], list[tuple[time, time]]] = defaultdict(list)
        for form in rows:
            row = dict(form.cleaned_data)  # a fault takes the value of its field away
            if row["rank"] > cycle:
                text = _("Le rythme de ces horaires n'a pas de semaine %(rank)s : changez le rythme ou la semaine.")
                form.add_error("rank", text % {"rank": row["rank"]})
            same_day = stretches[row["rank"], row["weekday"]]
            if other := next((o for o in same_day if o[0] < row["ends"] and row["starts"] < o[1]), None):
                text = _("Cette plage recouvre celle de %(start)s à %(end)s le même jour : corrigez l'une des deux.")
                form.add_error("starts", text % {"start": f"{other[0]:%H:%M}", "end": f"{other[1]:%H:%M}"})
            same_day.append((row["starts"], row["ends"]))


class HoursInline(RightsOfParentMixin, TabularInline):
    """The hours of a week. A new week is filled with the usual ones. Who may change the week may change them."""

    model = WorkingHours
    form = HoursForm
    formset = HoursFormSet
    fields = ("rank", "weekday", "starts", "ends")
    add_label = _("Ajouter une plage")
    classes = ("of-stretches",)
    formfield_overrides: ClassVar[dict[Any, Any]] = {models.TimeField: {"widget": HourInput}}

    def get_extra(self, request: HttpRequest, obj: Any = None, **options: Any) -> int:
        return 0 if obj else len(usual_rows())


def usual_rows() -> list[dict[str, Any]]:
    """Return the usual hours, as the rows of a new week."""
    return [
        {"rank": 1, "weekday": weekday, "starts": starts, "ends": ends}
        for weekday, hours in USUAL_WEEK.hours.items()
        for starts, ends in hours
    ]


class WeekForm(forms.ModelForm):
    """A working week. `_fill`: copy the hours of its first week to those without hours."""

    _fill = forms.BooleanField(
        label=_("Recopier la semaine 1"),
        required=False,
        help_text=_("Dans les semaines du rythme qui n'ont pas encore de plages."),
    )


@admin.register(WorkingWeek)
class WorkingWeekAdmin(CalendarAdmin):
    new_title = _("Nouvel horaire")
    form = WeekForm
    inlines = (HoursInline,)
    list_lead = "who"
    list_display = ("who", "hours_text", "cycle", "validity_text", "company")
    list_filter = ("technician", "cycle", "company")
    search_fields = ("technician__name", "company__name")
    list_select_related = ("technician", "company")
    empty_text = _("Sans horaires ici : du lundi au vendredi, 8 h – 12 h et 13 h 30 – 17 h 30.")
    fieldsets = (
        (None, {"fields": (("company", "technician"), ("from_on", "to_on"))}),
        (_("Semaines"), {"fields": (("cycle", "first_monday"), "_fill")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("hours")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Propose the Monday of this week as the first one."""
        today = timezone.localdate()
        return {
            "first_monday": today - timedelta(days=today.weekday()),
            **super().get_changeform_initial_data(request),
        }

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change=change, **options)
        for name, text in {
            "from_on": _("Vide : depuis toujours."),
            "to_on": _("Compris. Vide : sans fin."),
            "first_monday": _("Un lundi de semaine 1. Il ne sert que si les semaines alternent."),
        }.items():
            if name in form.base_fields:
                form.base_fields[name].help_text = text
        return form

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        options: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        return options if obj.pk else {**options, "initial": usual_rows()}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with refused_when_valid_twice(obj):
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the hours, fill the weeks without any when asked, and write in the journal what became of the rows."""
        super().save_related(request, form, formsets, change)
        week, user = form.instance, user_of(request)
        lines = [line for formset in formsets for line in _changes_of(formset)]
        if change and lines:
            record(week, "changed", by=user, text=_("Plages horaires modifiées"), changes={"hours": lines})
        if form.cleaned_data.get("_fill"):
            fill_empty_weeks(week, by=user)

    @column(_("Intervenant"), export=lambda week: week.technician, ordering="technician__name")
    def who(self, week: WorkingWeek) -> Any:
        return week.technician or _("Toute la société")

    @column(
        _("Validité"),
        export={_("Valable du"): lambda week: week.from_on, _("Au"): lambda week: week.to_on},
        ordering="from_on",
    )
    def validity_text(self, week: WorkingWeek) -> Any:
        return week.validity

    @admin.display(description=_("Par semaine"))
    def hours_text(self, week: WorkingWeek) -> str:
        """Return the hours worked in each week of the cycle."""
        worked = [Decimal(0)] * week.cycle
        for row in week.hours.all():
            if row.rank <= week.cycle:
                worked[row.rank - 1] += _length(row.starts, row.ends)
        return " / ".join(map(hours_text, worked))


def _length(starts: time, ends: time) -> Decimal:
    """Return the hours between two times of a day."""
    return Decimal((ends.hour - starts.hour) * 60 + ends.minute - starts.minute) / 60


def _changes_of(formset: Any) -> list[LineChange]:
    """Return what a saved formset changed, for the journal."""
    lines = [line_change(row, "added") for row in formset.new_objects]
    lines += [line_change(row, "removed") for row in formset.deleted_objects]
    changed = (form for form in formset.initial_forms if form not in formset.deleted_forms and form.has_changed())
    return [*lines, *(line_change(form.instance, "changed", header_changes(form)) for form in changed)]


@admin.register(DayHours)
class DayHoursAdmin(CalendarAdmin):
    new_title = _("Nouvel horaire d'un jour")
    next_label = _("Enregistrer et ajouter une plage")
    list_lead = "technician"
    list_display = ("technician", "on", "hours_text")
    list_filter = ("technician",)
    date_hierarchy = "on"
    search_fields = ("technician__name",)
    list_select_related = ("technician",)
    fields = ("technician", "on", ("starts", "ends"))
    empty_text = _(
        "Ce qui remplace les horaires d'un intervenant un jour précis, même férié ou de fermeture. "
        "Un jour qu'il ne travaille pas est une absence."
    )

    @column(
        _("Heures"),
        export={_("De"): lambda hours: hours.starts, _("À"): lambda hours: hours.ends},
        ordering="starts",
    )
    def hours_text(self, hours: DayHours) -> Any:
        return nowrap(f"{hours.starts:%H:%M}–{hours.ends:%H:%M}")

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        """Offer one way to add another: that of the same day."""
        return super().page_context(request, object_id) | {"show_save_and_add_another": False}

    def next_page(self, obj: DayHours) -> str:
        """Return the page of another stretch of the same day."""
        day = {"technician": obj.technician_id, "on": f"{obj.on:%d/%m/%Y}"}
        return f"{reverse('admin:appointments_dayhours_add')}?{urlencode(day)}"
