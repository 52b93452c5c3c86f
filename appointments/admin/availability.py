"""Pages of absences, on-call and closing days."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from appointments.models import Absence, ClosingDay, OnCall, RecurringAbsence
from appointments.services.absences import delete_absence
from invoicing.admin.base import OfficeAdmin
from invoicing.services.records.history import record
from openfire_billing.web.actions import ActionsMixin, DocumentAction
from openfire_billing.web.columns import column
from openfire_billing.web.tags import nowrap
from openfire_billing.web.undo import Undo
from openfire_billing.web.users import user_of


class CalendarAdmin(OfficeAdmin):
    """A record that decides when technicians work. Its deletion too is in the journal, which open boards follow."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        for deleted in queryset:
            record(deleted, "deleted", by=user_of(request), text=_("Fiche supprimée : %s") % deleted)


@admin.register(Absence)
class AbsenceAdmin(ActionsMixin, CalendarAdmin):
    new_title = _("Nouvelle absence")
    list_lead = "technician"
    list_display = ("technician", "starts_at", "ends_at", "reason")
    list_filter = ("technician",)
    search_fields = ("technician__name", "reason")
    list_select_related = ("technician",)
    empty_text = _("Congés, formations, arrêts : un intervenant absent n'est pas proposé.")
    document_actions = (
        DocumentAction(  # of the planning board, no entry of a menu: its undoing stands in its message
            name="absent",
            label=_("Absent"),
            permission="appointments.add_absence",
            undo=Undo(
                fields=(),
                run=lambda request, absence, data: delete_absence(absence, seen=data["seen"], by=user_of(request)),
                back=lambda absence: reverse("planning:board"),
            ),
        ),
    )


@admin.register(RecurringAbsence)
class RecurringAbsenceAdmin(CalendarAdmin):
    new_title = _("Nouvelle absence récurrente")
    list_lead = "technician"
    list_display = ("technician", "weekday", "hours_text", "cycle", "first_on", "until", "reason")
    list_filter = ("technician", "weekday")
    search_fields = ("technician__name", "reason")
    list_select_related = ("technician",)
    fields = ("technician", ("weekday", "cycle"), ("starts", "ends"), ("first_on", "until"), "reason")
    empty_text = _("Ce qui revient chaque semaine, ou une semaine sur deux : école, temps partiel, réunion.")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change=change, **options)
        for name, text in {
            "starts": _("Sans heures : la journée entière."),
            "first_on": _("La première absence est le premier jour choisi à partir de cette date."),
            "until": _("Compris. Vide : sans fin."),
        }.items():
            if name in form.base_fields:
                form.base_fields[name].help_text = text
        return form

    @column(
        _("Heures"),
        export={_("De"): lambda absence: absence.starts, _("À"): lambda absence: absence.ends},
        ordering="starts",
    )
    def hours_text(self, absence: RecurringAbsence) -> Any:
        if absence.starts is None:
            return _("toute la journée")
        return nowrap(f"{absence.starts:%H:%M}–{absence.ends:%H:%M}")


@admin.register(OnCall)
class OnCallAdmin(CalendarAdmin):
    new_title = _("Nouvelle astreinte")
    list_lead = "technician"
    list_display = ("technician", "starts_at", "ends_at")
    list_filter = ("technician",)
    search_fields = ("technician__name",)
    list_select_related = ("technician",)
    empty_text = _(
        "Pendant une astreinte, un RDV se pose hors des horaires sans dérogation. Aucun créneau n'y est proposé."
    )


@admin.register(ClosingDay)
class ClosingDayAdmin(CalendarAdmin):
    new_title = _("Nouveau jour de fermeture")
    list_display = ("name", "from_on", "to_on", "company")
    list_select_related = ("company",)
    empty_text = _("Les jours où la société est fermée. Les jours fériés sont déjà connus.")
