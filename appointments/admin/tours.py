"""« Assigner un secteur » to technicians' days, and the page of these days."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from appointments.choices import Weekday
from appointments.models import Appointment, Tour
from appointments.services.calendars import local
from appointments.services.tours import assign_sectors, sectors_of_days
from interventions.models import Sector, Technician
from invoicing.admin.base import OfficeAdmin
from invoicing.services.records.acts import perform_together
from openfire_billing.db.searchable import columns_at
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.columns import column
from openfire_billing.web.date_boxes import DayInput
from openfire_billing.web.record_select import RecordsSelect
from openfire_billing.web.tags import badge, nothing
from openfire_billing.web.users import user_of

_WORKED = (Weekday.MONDAY, Weekday.TUESDAY, Weekday.WEDNESDAY, Weekday.THURSDAY, Weekday.FRIDAY)


class SectorsForm(forms.Form):
    """Technicians, days and sectors, pre-filled with those of the RDVs."""

    technicians = forms.ModelMultipleChoiceField(
        label=_("Intervenants"),
        queryset=Technician.objects.filter(is_active=True),
        widget=RecordsSelect(Appointment._meta.get_field("technicians"), admin.site),
    )
    from_on = forms.DateField(label=_("Du"), widget=DayInput)
    to_on = forms.DateField(label=_("au"), widget=DayInput)
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Jours"), choices=Weekday.choices, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    sectors = forms.ModelMultipleChoiceField(
        label=_("Secteurs"),
        queryset=Sector.objects.active(),
        required=False,
        widget=RecordsSelect(Tour._meta.get_field("sectors"), admin.site),
        help_text=_("Aucun : ces journées n'ont plus de secteur."),
    )

    def prepare(self, request: HttpRequest, documents: Sequence[Appointment]) -> None:
        if self.is_bound:
            return
        people = {person.pk: person for rdv in documents for person in rdv.technicians.all()}
        days = [local(rdv.starts_at).date() for rdv in documents if rdv.starts_at] or [timezone.localdate()]
        weekdays = {*_WORKED, *(day.weekday() for day in days)}
        self.prefill(list(people.values()), first=min(days), last=max(days), weekdays=weekdays)

    def prefill(
        self, people: Sequence[Technician], *, first: date, last: date, weekdays: Collection[int] = _WORKED
    ) -> None:
        """Show these days of these technicians, with their sectors when they all have the same."""
        self.initial = {
            "technicians": [person.pk for person in people],
            "from_on": first,
            "to_on": last,
            "weekdays": sorted(weekdays),
        }
        known = sectors_of_days(people, first, last)
        days = _days(self.initial)
        found = {tuple(sector.pk for sector in known.get((who.pk, day), ())) for who in people for day in days}
        if len(found) > 1:
            self.fields["sectors"].help_text = _(
                "Ces journées n'ont pas toutes les mêmes secteurs : choisissez ceux qu'elles auront. "
                "Aucun : elles n'ont plus de secteur."
            )
        elif found:
            self.initial["sectors"] = list(found.pop())

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        first, last = data.get("from_on"), data.get("to_on")
        if first and last and last < first:
            self.add_error("to_on", _("Le dernier jour précède le premier : corrigez l'un des deux."))
        elif first and last and (last - first).days > 366:
            self.add_error("to_on", _("Une année à la fois au plus : raccourcissez la période."))
        return data


def _days(data: dict[str, Any]) -> list[date]:
    """Return the days of the period that fall on the weekdays chosen."""
    count = (data["to_on"] - data["from_on"]).days + 1
    days = (data["from_on"] + timedelta(days=n) for n in range(count))
    return [day for day in days if day.weekday() in data["weekdays"]]


def _assign(request: HttpRequest, data: dict[str, Any]) -> str:
    """Assign the sectors, and return what changed in a sentence."""
    tours = assign_sectors(data["technicians"], _days(data), data["sectors"], by=user_of(request))
    if not tours:
        return str(_("ces journées avaient déjà ces secteurs."))
    count = len(tours)
    if not data["sectors"]:
        return ngettext("%d journée sans secteur.", "%d journées sans secteur.", count) % count
    names = ", ".join(str(sector) for sector in data["sectors"])
    return ngettext("%(n)d journée en %(names)s.", "%(n)d journées en %(names)s.", count) % {"n": count, "names": names}


def _assign_from(request: HttpRequest, appointments: Sequence[Appointment], data: dict[str, Any]) -> list[Outcome]:
    """Assign the sectors once, whatever the number of RDVs that the days were read from."""

    def act(members: Sequence[Appointment]) -> list[Outcome]:
        note = _assign(request, data)
        return [Outcome(member, notes=(note,)) for member in members]

    return perform_together(appointments, act, once=data["once"])


ASSIGN_SECTORS = DocumentAction(
    name="sectors",
    label=_("Assigner un secteur"),
    icon="map",
    permission="appointments.change_tour",
    section=0,
    order=50,
    is_of_whole=False,
    explain=_("Ces journées de ces intervenants vont dans ces secteurs, à la place des leurs. Les RDV ne bougent pas."),
    form=SectorsForm,
    run=lambda request, rdv, data: Outcome(rdv, notes=(_assign(request, data),)),
    run_many=_assign_from,
    explain_many=_(
        "Les journées choisies de ces intervenants vont dans ces secteurs, à la place des leurs. Les RDV ne bougent pas."
    ),
    confirm=_("Assigner"),
)


def sector_badges(sectors: Iterable[Sector]) -> Any:
    """Return sectors as coloured dots with their names."""
    return format_html_join(" ", "{}", ((badge(one.colour, one.name),) for one in sectors)) or nothing()


@admin.register(Tour)
class TourAdmin(OfficeAdmin):
    """The days that have sectors, and their journal: « Assigner un secteur » writes them."""

    list_display = ("on", "technician", "sectors_text")
    list_filter = ("technician", "sectors")
    search_fields = columns_at("technician", Technician)
    list_select_related = ("technician",)
    empty_text = _("Les secteurs des journées se choisissent depuis un RDV : Action › Assigner un secteur.")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("sectors")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @column(_("Secteurs"), export=lambda tour: ", ".join(str(one) for one in tour.sectors.all()))
    def sectors_text(self, tour: Tour) -> Any:
        return sector_badges(tour.sectors.all())
