"""Lines of an RDV: what is read and written of them, and what was used on site."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from appointments.models import AppointmentLine
from interventions.api.requests import RequestLineSerializer
from openfire_billing.web.api.description import MAY_MISS
from openfire_billing.web.api.fields import id_field

LINE_PRICES = ("unit_price", "discount", "tax", "tax_rate", "net", "left_to_bill")  # not shown to technicians


@extend_schema_serializer(extensions={MAY_MISS: list(LINE_PRICES)})
class AppointmentLineSerializer(RequestLineSerializer):
    """A line taken over from the DI owns its quantity alone: the rest is the DI line's (`origin_line`).

    `on_site`: added on site, by a technician.
    """

    document = "appointment"
    on_site = serializers.BooleanField(read_only=True)

    def origin_of(self, line: Any) -> int | None:
        return line.request_line_id

    def to_representation(self, line: AppointmentLine) -> dict[str, Any]:
        return {**super().to_representation(line), "on_site": line.on_site}


class UsedLineSerializer(serializers.Serializer):
    """A line of the RDV: the quantity used, or `delete` when it was added on site."""

    line = id_field()
    quantity = serializers.DecimalField(max_digits=12, decimal_places=3, min_value=Decimal(0), required=False)
    delete = serializers.BooleanField(required=False, default=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["delete"] is ("quantity" in data):
            raise serializers.ValidationError({"quantity": [_("Donnez la quantité, ou « delete » : l'un des deux.")]})
        return data


class UsedSerializer(serializers.Serializer):
    """What was used on site. Lines left out keep their quantity."""

    lines = UsedLineSerializer(many=True, allow_empty=False, max_length=1000)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({line["line"] for line in lines}) < len(lines):
            raise serializers.ValidationError(_("Une ligne est donnée deux fois : donnez-la une seule fois."))
        return lines
