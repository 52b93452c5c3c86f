"""Pages of working hours, absences and closing days."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from appointments.models import Absence, ClosingDay, WorkingHours
from invoicing.admin.base import OfficeAdmin


@admin.register(WorkingHours)
class WorkingHoursAdmin(OfficeAdmin):
    new_title = _("Nouvel horaire")
    list_display = ("weekday", "starts", "ends", "technician", "company")
    list_filter = ("technician", "weekday")
    list_select_related = ("technician", "company")
    empty_text = _("Sans horaires ici : du lundi au vendredi, 8 h – 12 h et 13 h 30 – 17 h 30.")


@admin.register(Absence)
class AbsenceAdmin(OfficeAdmin):
    new_title = _("Nouvelle absence")
    list_display = ("technician", "starts_at", "ends_at", "reason")
    list_filter = ("technician",)
    list_select_related = ("technician",)
    empty_text = _("Congés, formations, arrêts : un intervenant absent n'est pas proposé.")


@admin.register(ClosingDay)
class ClosingDayAdmin(OfficeAdmin):
    new_title = _("Nouveau jour de fermeture")
    list_display = ("name", "from_on", "to_on", "company")
    list_select_related = ("company",)
    empty_text = _("Les jours où la société est fermée. Les jours fériés sont déjà connus.")
