"""Sectors and the postcodes they cover."""

from typing import Any

from rest_framework import serializers

from interventions.models import Sector, SectorRange
from interventions.services.sectors import save_sector
from invoicing.api.base import OfficeSerializer, OfficeView, ReadMixin, WriteMixin


class SectorRangeSerializer(serializers.ModelSerializer):
    """Postcodes from `first` to `last`, both included. « 35 » alone is written 35000 to 35999."""

    example = {"first": "35000", "last": "35999"}

    last = serializers.CharField(
        max_length=5,
        required=False,
        allow_blank=True,
        validators=SectorRange._meta.get_field("last").validators,
    )

    class Meta:
        model = SectorRange
        fields = ("first", "last")

    def validate(self, data: dict[str, str]) -> dict[str, str]:
        if "first" not in data:  # a PATCH makes no field of its rows mandatory
            self.fields["first"].fail("required")
        return data


class SectorSerializer(OfficeSerializer):
    """A sector. `ranges` replaces the postcodes it had, as a whole."""

    example = {"name": "Rennes", "code": "R", "colour": "blue", "ranges": [{"first": "35000", "last": "35299"}]}
    changes = {"colour": "green"}

    ranges = SectorRangeSerializer(many=True, required=False)

    class Meta:
        model = Sector
        fields = ("id", "name", "code", "colour", "is_active", "ranges")

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        return queryset.prefetch_related("ranges")

    def create(self, data: dict[str, Any]) -> Sector:
        return self._saved(Sector(), data)

    def update(self, sector: Sector, data: dict[str, Any]) -> Sector:
        return self._saved(sector, data, seen=self.seen)

    def _saved(self, sector: Sector, data: dict[str, Any], **seen: Any) -> Sector:
        given = data.pop("ranges", None)
        ranges = None if given is None else [(one["first"], one.get("last", "")) for one in given]
        return save_sector(sector, values=data, ranges=ranges, by=self.user, **seen)


class SectorView(ReadMixin, WriteMixin, OfficeView):
    """Secteurs géographiques, par codes postaux."""

    queryset = Sector.objects.all()
    serializer_class = SectorSerializer
    filterset_fields = ("code", "is_active")
    search_fields = ("name", "code")
    ordering_fields = ("name", "id")
