"""The templates of text messages under /api/v1/."""

from typing import Any

from rest_framework import serializers

from invoicing.api.base import OfficeView, ReadMixin, WriteMixin
from invoicing.api.catalogue import RecordSerializer
from invoicing.models import Company, SmsTemplate
from invoicing.services.documents.text_subjects import subjects
from invoicing.services.documents.texts import refuse_other_use, refuse_unknown
from openfire_billing.web.api.fields import Id


class SmsTemplateSerializer(RecordSerializer):
    """A text message with variables. `about`: the records it is for, « appointments.appointment »."""

    example = {"name": "À bientôt", "about": "invoicing.partner", "body": "Bonjour {client}, à bientôt."}
    changes = {"body": "Bonjour {client}."}

    company = Id(queryset=Company.objects.all(), required=False, allow_null=True)

    class Meta:
        model = SmsTemplate
        fields = ("id", "name", "about", "use", "body", "is_commercial", "is_active", "company")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        about = data.get("about", getattr(self.instance, "about", ""))
        found = subjects().get(about)
        if found is None:
            raise serializers.ValidationError({"about": [f"Donnez l'un de ceux-ci : {', '.join(subjects())}."]})
        refuse_unknown(data.get("body", getattr(self.instance, "body", "")), found[1])
        refuse_other_use(
            data.get("use", getattr(self.instance, "use", "")),
            found[1],
            is_commercial=data.get("is_commercial", getattr(self.instance, "is_commercial", False)),
        )
        return data


class SmsTemplateView(ReadMixin, WriteMixin, OfficeView):
    """Modèles de SMS."""

    queryset = SmsTemplate.objects.all()
    serializer_class = SmsTemplateSerializer
    filterset_fields = ("about", "use", "is_active", "is_commercial")
    search_fields = ("name", "body")
    ordering_fields = ("name", "id")
