"""Slots searched both ways: the best places of an intervention, what fits into the holes of a technician's day."""

from collections.abc import Sequence
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from appointments.services.places import MOST, find_places
from appointments.services.planning import people_for
from appointments.services.slots import Found, fill_proposals, free_gaps
from interventions.models import InterventionRequest, Technician
from invoicing.api.base import OfficeView
from openfire_billing.db.scope import visible
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.api.fields import DayField, id_field


class SlotSerializer(serializers.Serializer):
    """A place of an intervention, which `POST /interventions/{id}/appointment/` takes."""

    intervention = id_field(source="intervention.pk", read_only=True)
    technician = id_field(source="technician.pk", read_only=True)
    starts_at = serializers.DateTimeField(read_only=True)
    duration = serializers.DecimalField(max_digits=6, decimal_places=2, read_only=True)
    score = serializers.IntegerField(source="ranked.score", read_only=True)
    detour = serializers.IntegerField(source="ranked.detour", read_only=True, help_text="Minutes.")
    reasons = serializers.ListField(child=serializers.CharField(), source="ranked.reasons", read_only=True)


class SlotView(OfficeView):
    """Créneaux proposés."""

    queryset = InterventionRequest.objects.all()
    serializer_class = SlotSerializer
    permission = "appointments.add_appointment"

    def known_parameters(self) -> set[str]:
        return {"page", "page_size", "intervention", "technician", "day"}

    @extend_schema(
        parameters=[
            OpenApiParameter("intervention", int, description="Les meilleures places de cette DI."),
            OpenApiParameter("technician", int, description="Avec `day` : ce qui remplit ses créneaux libres."),
            OpenApiParameter("day", {"type": "string", "format": "date"}),
        ]
    )
    def list(self, request: Any) -> Response:
        """Places d'une DI (`intervention`), ou DI qui remplissent une journée (`technician` et `day`)."""
        asked = request.query_params
        found: Sequence[Found]
        if not {"intervention", "technician", "day"} & asked.keys():
            found = []  # as the other lists, it answers something to every reader
        elif "intervention" in asked and not {"technician", "day"} & asked.keys():
            found = self._places(read_id(asked["intervention"]))
        elif "technician" in asked and "day" in asked and "intervention" not in asked:
            found = self._proposals(read_id(asked["technician"]), asked["day"])
        else:
            text = _("Donnez une DI (intervention), ou un intervenant et un jour (technician, day).")
            raise ValidationError({"intervention": [text]})
        page = self.paginate_queryset(found)  # type: ignore[arg-type]
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def _places(self, pk: int | None) -> Sequence[Found]:
        intervention = get_object_or_404(self.get_queryset().select_related("address", "task", "company"), pk=pk)
        people = people_for([intervention])
        return find_places(intervention, people, not_before=timezone.localtime(), count=MOST)

    def _proposals(self, pk: int | None, text: str) -> Sequence[Found]:
        try:
            day = DayField().run_validation(text)
        except ValidationError as wrong:
            raise ValidationError({"day": wrong.detail}) from wrong
        people: Any = visible(Technician.objects.select_related("company").prefetch_related("tasks"), self.request.user)
        person = get_object_or_404(people, pk=pk)
        found: list[Found] = []
        for gap in free_gaps(person, day, not_before=timezone.localtime()):
            found += fill_proposals(gap, on=timezone.localdate())
        return found
