"""Absences of technicians."""

from datetime import date
from typing import Any

import django_filters

from appointments.models import Absence
from appointments.querysets import day_bounds
from appointments.services.absences import delete_absence
from interventions.models import Technician
from invoicing.api.base import DeleteMixin, OfficeView, ReadMixin, WriteMixin
from invoicing.api.catalogue import RecordSerializer
from openfire_billing.db.people import By
from openfire_billing.kernel.periods import FIRST_DAY, LAST_DAY
from openfire_billing.web.api.fields import Id, IdFilter, MomentField


class AbsenceSerializer(RecordSerializer):
    """A technician is away."""

    example = {
        "technician": 4,
        "starts_at": "2026-12-21T08:00:00+01:00",
        "ends_at": "2026-12-24T18:00:00+01:00",
        "reason": "Congés",
    }
    changes = {"reason": "Formation"}

    technician = Id(queryset=Technician.objects.all())
    starts_at = MomentField()
    ends_at = MomentField()

    class Meta:
        model = Absence
        fields = ("id", "technician", "starts_at", "ends_at", "reason")


class AbsenceFilter(django_filters.FilterSet):
    """`since`, `until`: days, both included; the absences that touch one of them."""

    technician = IdFilter()
    since = django_filters.DateFilter(method="ending_since")
    until = django_filters.DateFilter(method="begun_until")

    class Meta:
        model = Absence
        fields = ()

    def ending_since(self, queryset: Any, name: str, value: date) -> Any:
        """Not over before that day, in France."""
        return queryset.filter(ends_at__gt=_bounds(value)[0])

    def begun_until(self, queryset: Any, name: str, value: date) -> Any:
        """Begun on that day or before, in France."""
        return queryset.filter(starts_at__lt=_bounds(value)[1])


def _bounds(day: date) -> Any:
    """Return the first instants of a day and of the next; of a day out of the calendar, those of its first or last."""
    return day_bounds(min(max(day, FIRST_DAY), LAST_DAY))


class AbsenceView(ReadMixin, WriteMixin, DeleteMixin, OfficeView):
    """Absences des intervenants."""

    queryset = Absence.objects.all()
    serializer_class = AbsenceSerializer
    filterset_class = AbsenceFilter
    search_fields = ("technician__name", "reason")
    ordering_fields = ("id", "starts_at", "ends_at")

    def delete_document(self, document: Absence, by: By) -> None:
        delete_absence(document, seen=self.seen, by=by)
