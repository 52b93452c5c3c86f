"""What third parties put in the back office, kept to what people need: which automatic tasks run, and when.

The hour of a task is in the code; here it is only turned on or off, and a deploy never turns it back on.
"""

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from django_celery_results.models import GroupResult, TaskResult
from knox.models import AuthToken

from invoicing.admin.base import OfficeAdmin

admin.site.site_title = "OpenFire Billing"
admin.site.index_title = _("Le travail du jour")

for model in (
    AccessAttempt,
    AccessFailureLog,
    AccessLog,
    AuthToken,
    ClockedSchedule,
    CrontabSchedule,
    GroupResult,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
    TaskResult,
):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(OfficeAdmin):
    """On or off; the rest is read."""

    list_display = ("name", "when", "enabled", "last_run_at")
    list_filter = ("enabled",)
    search_fields = ("name",)
    list_select_related = ("interval", "crontab")
    readonly_fields = ("name", "task", "when", "last_run_at", "total_run_count")
    fields = ("name", "task", "when", "enabled", "last_run_at", "total_run_count")
    empty_text = _("Les tâches automatiques apparaissent au premier démarrage de l'horloge.")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("Quand"))
    def when(self, task: PeriodicTask) -> str:
        crontab = task.crontab
        if crontab is None:
            return _("toutes les %s secondes") % (task.interval.every if task.interval else "–")
        if crontab.minute.startswith("*/"):
            return _("toutes les %s minutes") % crontab.minute.removeprefix("*/")
        return _("chaque jour à %(hour)s h %(minute)s") % {"hour": crontab.hour, "minute": crontab.minute.zfill(2)}
