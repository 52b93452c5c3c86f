"""The models of third parties in the back office, reduced to what people need: which periodic tasks run, and when.

The hour of a task is in the code; here it is only turned on or off, and a deploy never turns it back on.
"""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from django_otp.plugins.otp_totp.models import TOTPDevice
from knox.models import AuthToken

from invoicing.admin.base import OfficeAdmin
from openfire_billing.office import account_acts, account_pages

__all__ = ["account_acts", "account_pages"]  # what it contributes is known to workers too, which open no page

admin.site.site_title = "OpenFire Billing"
admin.site.index_title = _("Le travail du jour")

for model in (
    AuthToken,
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
    TOTPDevice,
):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


# As people call them; celery-beat keeps the names of the code.
NAMES = {
    "beat-heartbeat": _("Battement de l'horloge"),
    "bill-night": _("Visites et factures des contrats, la nuit"),
    "answer-password-requests": _("Mots de passe oubliés : envoi des adresses"),
    "forget-access": _("Ménage des sessions terminées et des connexions refusées"),
    "forget-imports": _("Ménage des fichiers importés qui n'ont pas été confirmés"),
    "forget-idempotency-keys": _("Ménage des clés de l'API"),
    "render-waiting-documents": _("PDF qui manquent"),
    "print-waiting": _("Impressions de plusieurs factures"),
    "forget-prints": _("Ménage des impressions de la veille"),
    "resume-billing-runs": _("Reprise des passages de facturation arrêtés"),
    "deliver-webhooks": _("Envoi de ce que les programmes écoutent (webhooks)"),
    "forget-webhooks": _("Ménage des webhooks reçus"),
    "send-reminders": _("Rappels des RDV"),
    "locate-places": _("Positions des adresses"),
    "forget-travel": _("Ménage des trajets"),
    "send-waiting-messages": _("Envoi des e-mails et SMS en attente"),
}


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(OfficeAdmin):
    """A periodic task, turned on or off; the rest is read only."""

    field_labels: ClassVar[Any] = {"enabled": _("En marche")}
    list_display = ("name_text", "when", "is_on", "last_time")
    list_filter = ("enabled",)
    list_select_related = ("interval", "crontab")
    readonly_fields = ("name_text", "when", "last_time", "times")
    fields = ("name_text", "when", "enabled", "last_time", "times")
    empty_text = _("Les tâches automatiques apparaissent au premier démarrage de l'horloge.")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The night bills every company: who works for all of them stops and starts it."""
        return super().has_change_permission(request, obj) and self.works_for_all(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        task = self.get_object(request, object_id) if object_id else None
        return context | {"original": str(self.name_text(task))} if task else context

    @admin.display(description=_("Tâche"), ordering="name")
    def name_text(self, task: PeriodicTask) -> Any:
        return NAMES.get(task.name, task.name)

    @admin.display(description=_("En marche"), ordering="enabled", boolean=True)
    def is_on(self, task: PeriodicTask) -> bool:
        return bool(task.enabled)

    @admin.display(description=_("Dernière fois"), ordering="last_run_at")
    def last_time(self, task: PeriodicTask) -> datetime | None:
        return task.last_run_at

    @admin.display(description=_("Nombre de fois"))
    def times(self, task: PeriodicTask) -> Any:
        return task.total_run_count

    @admin.display(description=_("Quand"))
    def when(self, task: PeriodicTask) -> str:
        crontab = task.crontab
        if crontab is None:
            return _("toutes les %s secondes") % (task.interval.every if task.interval else "–")
        if crontab.minute.startswith("*/"):
            return _("toutes les %s minutes") % crontab.minute.removeprefix("*/")
        return _("chaque jour à %(hour)s h %(minute)s") % {"hour": crontab.hour, "minute": crontab.minute.zfill(2)}
