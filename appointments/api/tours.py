"""The sectors of technicians' days."""

from datetime import date
from typing import Any

import django_filters
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from appointments.models import Tour
from appointments.services.tour_orders import Proposal, apply_order, propose_order
from appointments.services.tours import assign_sectors
from interventions.models import Sector, Technician
from invoicing.api.base import OfficeSerializer, OfficeView, ReadMixin, WriteMixin, act
from openfire_billing.web.api.fields import DayField, Id, IdFilter, SinceFilter, UntilFilter, id_field
from openfire_billing.web.users import user_of

CHANGE = "appointments.change_appointment"


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


class StopSerializer(serializers.Serializer):
    """An RDV of the day, and the way to it. `fixed`: why it stays at its minute, in words; "" when it may move."""

    appointment = id_field(source="appointment.pk", read_only=True)
    version = serializers.IntegerField(source="appointment.version", read_only=True)
    starts_at = serializers.DateTimeField(read_only=True)
    ends_at = serializers.DateTimeField(read_only=True)
    minutes = serializers.IntegerField(source="way.minutes", read_only=True)
    km = serializers.DecimalField(source="way.km", max_digits=8, decimal_places=1, read_only=True, allow_null=True)
    fixed = serializers.CharField(read_only=True)


class DaySerializer(serializers.Serializer):
    """A day on the road, from the base to the base. `is_estimated`: some addresses have no coordinates."""

    minutes = serializers.IntegerField(read_only=True)
    km = serializers.DecimalField(max_digits=8, decimal_places=1, read_only=True)
    is_estimated = serializers.BooleanField(read_only=True)
    stops = StopSerializer(many=True, read_only=True)


class ProposalSerializer(serializers.Serializer):
    """A day as it is, and in an order with less time on the road; `after` null when the present order is the best."""

    before = DaySerializer(read_only=True)
    after = DaySerializer(read_only=True, allow_null=True)


class OrderSerializer(serializers.Serializer):
    """The RDVs of the day in their new order, and the version of each, in the same order, as `optimise` answered them."""

    example = {"order": [31, 28], "versions": [1, 3]}

    order = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=2**62), max_length=100)
    versions = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=2**31), max_length=100)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if len(data["order"]) != len(data["versions"]):
            raise serializers.ValidationError(
                {"versions": [_("Donnez une version pour chaque RDV, dans le même ordre.")]}
            )
        return data


class TourFilter(django_filters.FilterSet):
    technician = IdFilter()
    sector = IdFilter(field_name="sectors")
    on_after = SinceFilter("on")
    on_before = UntilFilter("on")

    class Meta:
        model = Tour
        fields = ("on",)


class TourView(ReadMixin, WriteMixin, OfficeView):
    """Secteurs et trajets des journées des intervenants."""

    queryset = Tour.objects.select_related("technician__company")
    serializer_class = TourSerializer
    filterset_class = TourFilter
    ordering_fields = ("on", "id")

    @extend_schema(responses=ProposalSerializer, filters=False)
    @action(detail=True, methods=["get"], permission=CHANGE)
    def optimise(self, request: Any, pk: str) -> Response:
        """La journée telle qu'elle est, et dans un ordre qui fait moins de route. N'écrit rien."""
        tour = self.get_object()
        proposal = propose_order(tour.technician, tour.on, now=timezone.localtime())
        return Response(ProposalSerializer(proposal).data)

    @act(CHANGE, asks=OrderSerializer, answers=ProposalSerializer)
    def apply(self, tour: Tour, body: dict[str, Any]) -> Proposal:
        """Donne cet ordre à la journée : tous ses RDV, ou aucun. Personne n'est prévenu."""
        versions = dict(zip(body["order"], body["versions"], strict=True))
        return apply_order(
            tour.technician,
            tour.on,
            order=body["order"],
            versions=versions,
            now=timezone.localtime(),
            by=user_of(self.request),
        )
