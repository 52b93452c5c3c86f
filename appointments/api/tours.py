"""The sectors of technicians' days."""

from datetime import date
from typing import Any

import django_filters
from django.utils.translation import gettext as _
from rest_framework import serializers

from appointments.models import Tour
from appointments.services.tours import assign_sectors
from interventions.models import Sector, Technician
from invoicing.api.base import OfficeSerializer, OfficeView, ReadMixin, WriteMixin
from openfire_billing.web.api.fields import DayField, Id, IdFilter, SinceFilter, UntilFilter


class TourSerializer(OfficeSerializer):
    """A day of a technician and its sectors, which replace those it had. A POST on a day that has some changes them."""

    example = {"technician": 4, "on": "2026-12-08", "sectors": [2]}
    changes = {"sectors": []}

    technician = Id(queryset=Technician.objects.all())
    on = DayField()
    sectors = Id(queryset=Sector.objects.all(), many=True)

    class Meta:
        model = Tour
        fields = ("id", "technician", "on", "sectors")

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        return queryset.prefetch_related("sectors")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None and not data["sectors"]:
            raise serializers.ValidationError({"sectors": [_("Donnez au moins un secteur.")]})
        for name in ("technician", "on"):
            if self.instance is not None and data.get(name, getattr(self.instance, name)) != getattr(
                self.instance, name
            ):
                raise serializers.ValidationError(
                    {name: [_("L'intervenant et le jour d'une tournée ne changent pas.")]}
                )
        return data

    def create(self, data: dict[str, Any]) -> Tour:
        return self._assigned(data["technician"], data["on"], data["sectors"])

    def update(self, tour: Tour, data: dict[str, Any]) -> Tour:
        if "sectors" not in data:
            return tour
        return self._assigned(tour.technician, tour.on, data["sectors"], seen=self.seen)

    def _assigned(self, technician: Technician, on: date, sectors: list[Sector], **seen: Any) -> Tour:
        assign_sectors([technician], [on], sectors, by=self.user, **seen)
        return Tour.objects.get(technician=technician, on=on)


class TourFilter(django_filters.FilterSet):
    technician = IdFilter()
    sector = IdFilter(field_name="sectors")
    on_after = SinceFilter("on")
    on_before = UntilFilter("on")

    class Meta:
        model = Tour
        fields = ("on",)


class TourView(ReadMixin, WriteMixin, OfficeView):
    """Secteurs des journées des intervenants."""

    queryset = Tour.objects.all()
    serializer_class = TourSerializer
    filterset_class = TourFilter
    ordering_fields = ("on", "id")
