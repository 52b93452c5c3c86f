"""Types, tasks, templates, technicians, and the installed base."""

from typing import Any

import django_filters

from interventions.models import InstalledProduct, InterventionTemplate, InterventionType, Task, Technician
from invoicing.api.base import OfficeSerializer, OfficeView, ReadMixin, WriteMixin
from invoicing.api.catalogue import RecordSerializer
from invoicing.models import Address, Partner, Product
from openfire_billing.web.api.fields import DayField, Id, IdFilter


class InterventionTypeSerializer(OfficeSerializer):
    class Meta:
        model = InterventionType
        fields = ("id", "name", "is_active")


class TypeView(ReadMixin, OfficeView):
    """Types d'intervention."""

    queryset = InterventionType.objects.all()
    serializer_class = InterventionTypeSerializer
    filterset_fields = ("is_active",)
    search_fields = ("name",)
    ordering_fields = ("name", "id")


class TaskSerializer(OfficeSerializer):
    class Meta:
        model = Task
        fields = ("id", "name", "type", "duration", "product", "fiscal_position", "granularity", "is_active")


class TaskView(ReadMixin, OfficeView):
    """Tâches."""

    queryset = Task.objects.all()
    serializer_class = TaskSerializer
    filterset_fields = ("is_active",)
    search_fields = ("name",)
    ordering_fields = ("name", "id")


class InterventionTemplateSerializer(OfficeSerializer):
    class Meta:
        model = InterventionTemplate
        fields = ("id", "name", "type", "task", "fiscal_position", "company", "description", "is_active")


class TemplateView(ReadMixin, OfficeView):
    """Modèles d'intervention."""

    queryset = InterventionTemplate.objects.all()
    serializer_class = InterventionTemplateSerializer
    filterset_fields = ("is_active",)
    search_fields = ("name",)
    ordering_fields = ("name", "id")


class TechnicianSerializer(OfficeSerializer):
    class Meta:
        model = Technician
        fields = (
            "id",
            "name",
            "company",
            "phone",
            "tasks",
            "sectors",
            "street",
            "zip",
            "city",
            "latitude",
            "longitude",
            "is_active",
        )

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        return queryset.prefetch_related("tasks", "sectors")


class TechnicianFilter(django_filters.FilterSet):
    company = IdFilter()
    sector = IdFilter(field_name="sectors")

    class Meta:
        model = Technician
        fields = ("is_active",)


class TechnicianView(ReadMixin, OfficeView):
    """Intervenants. `tasks` vide : il sait tout faire."""

    queryset = Technician.objects.all()
    serializer_class = TechnicianSerializer
    filterset_class = TechnicianFilter
    search_fields = ("name",)
    ordering_fields = ("name", "id")


class InstalledProductSerializer(RecordSerializer):
    """A piece of equipment at a customer's."""

    example = {"partner": 12, "address": 14, "name": "Poêle à granulés", "brand": "Fictif", "serial_number": "PG-4411"}
    changes = {"note": "Posé par un confrère"}

    partner = Id(queryset=Partner.objects.all())
    address = Id(queryset=Address.objects.all())
    product = Id(queryset=Product.objects.all(), required=False, allow_null=True)
    installed_on = DayField(required=False, allow_null=True)
    warranty_until = DayField(required=False, allow_null=True)

    class Meta:
        model = InstalledProduct
        fields = (
            "id",
            "partner",
            "address",
            "name",
            "product",
            "brand",
            "serial_number",
            "installed_on",
            "warranty_until",
            "note",
            "is_active",
        )


class InstalledProductFilter(django_filters.FilterSet):
    partner = IdFilter()
    address = IdFilter()

    class Meta:
        model = InstalledProduct
        fields = ("serial_number", "is_active")


class InstalledProductView(ReadMixin, WriteMixin, OfficeView):
    """Parc installé."""

    queryset = InstalledProduct.objects.all()
    serializer_class = InstalledProductSerializer
    filterset_class = InstalledProductFilter
    search_fields = InstalledProduct.SEARCHED
    ordering_fields = ("id", "name")
