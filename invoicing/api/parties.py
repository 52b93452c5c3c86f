"""Customers and their addresses; tags; the outbox."""

from typing import Any

import django_filters
from rest_framework import serializers

from invoicing.api.acts import sms_act
from invoicing.api.base import OfficeSerializer, OfficeView, ReadMixin, WriteMixin, act
from invoicing.api.records import JournalMixin
from invoicing.choices import LocationSource, LocationState, TagScope
from invoicing.models import Address, Partner, Tag
from invoicing.services.documents.text_subjects import CUSTOMER_TEXT
from invoicing.services.parties.customers import create_customer
from invoicing.services.parties.duplicates import merge_partners
from invoicing.services.parties.places import accept_place
from invoicing.services.records.saving import save_record
from openfire_billing.web.api.fields import Id, IdFilter


class AddressSerializer(OfficeSerializer):
    example = {"partner": 12, "street": "3 rue de la Forge", "zip": "35000", "city": "Rennes", "country": "FR"}
    changes = {"phone": "02 99 00 00 01"}
    partner = Id(queryset=Partner.objects.all())
    location_source = serializers.ChoiceField(LocationSource.choices, allow_blank=True, read_only=True)
    location_state = serializers.ChoiceField(LocationState.choices, allow_blank=True, read_only=True)

    class Meta:
        model = Address
        fields = (
            "id",
            "partner",
            "label",
            "street",
            "street2",
            "zip",
            "city",
            "country",
            "phone",
            "is_default",
            "is_billing",
            "latitude",
            "longitude",
            "location_source",
            "location_state",
            "location_score",
            "located_at",
        )
        read_only_fields = ("location_source", "location_state", "location_score", "located_at")

    def create(self, data: dict[str, Any]) -> Address:
        return save_record(Address(), values=data, by=self.user)

    def update(self, address: Address, data: dict[str, Any]) -> Address:
        return save_record(address, values=data, seen=self.seen, by=self.user)


class OwnAddressSerializer(AddressSerializer):
    """An address of a customer, in the customer's body."""

    example = {"street": "3 rue de la Forge", "zip": "35000", "city": "Rennes"}

    partner = Id(read_only=True)


class PartnerSerializer(OfficeSerializer):
    """A customer or supplier. `addresses` may be given at creation; afterwards they are a resource of their own.

    `merged_into`: the partner into which this duplicate was merged.
    """

    example = {
        "name": "Le Goff Anne",
        "email": "anne@exemple.example",
        "phone": "02 99 00 00 00",
        "addresses": [{"street": "3 rue de la Forge", "zip": "35000", "city": "Rennes"}],
    }
    changes = {"phone": "02 99 00 00 01"}

    tags = serializers.SlugRelatedField(
        slug_field="name", many=True, required=False, queryset=Tag.objects.filter(scope=TagScope.PARTNER)
    )
    bill_to = Id(queryset=Partner.objects.all(), required=False, allow_null=True)
    addresses = OwnAddressSerializer(many=True, required=False)

    class Meta:
        model = Partner
        fields = (
            "id",
            "name",
            "kind",
            "email",
            "billing_email",
            "phone",
            "mobile",
            "store_code",
            "tags",
            "vat_number",
            "siren",
            "bill_to",
            "is_active",
            "merged_into",
            "note",
            "sms_consent_on",
            "sms_consent_source",
            "addresses",
        )
        read_only_fields = ("merged_into",)

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        return queryset.prefetch_related("tags", "addresses")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if self.instance is not None and "addresses" in data:
            raise serializers.ValidationError({"addresses": ["Changez-les à leur adresse : /api/v1/addresses/."]})
        return data

    def create(self, data: dict[str, Any]) -> Partner:
        return create_customer(data, addresses=data.pop("addresses", ()), by=self.user)

    def update(self, partner: Partner, data: dict[str, Any]) -> Partner:
        return save_record(partner, values=data, seen=self.seen, by=self.user)


class PartnerFilter(django_filters.FilterSet):
    bill_to = IdFilter()

    class Meta:
        model = Partner
        fields = ("kind", "is_active", "bill_to", "store_code", "siren")


class MergeSerializer(serializers.Serializer):
    """The partner to keep."""

    example = {"into": 15}

    into = Id(queryset=Partner.objects.all())


class PartnerView(JournalMixin, ReadMixin, WriteMixin, OfficeView):
    """Clients et fournisseurs."""

    queryset = Partner.objects.all()
    serializer_class = PartnerSerializer
    filterset_class = PartnerFilter
    search_fields = Partner.SEARCHED
    ordering_fields = ("name", "id")

    @act("invoicing.delete_partner", asks=MergeSerializer)
    def merge(self, partner: Partner, body: dict[str, Any]) -> Partner:
        """Donne à une autre fiche tout ce qui est à celle-ci, et l'archive ; répond la fiche gardée."""
        return merge_partners(partner, into=body["into"], by=self.request.user)

    sms = sms_act(CUSTOMER_TEXT)


class AddressFilter(django_filters.FilterSet):
    partner = IdFilter()

    class Meta:
        model = Address
        fields = ("partner", "zip", "city", "country", "location_state")


class AddressView(ReadMixin, WriteMixin, OfficeView):
    """Adresses."""

    queryset = Address.objects.all()
    serializer_class = AddressSerializer
    filterset_class = AddressFilter
    search_fields = Address.SEARCHED
    ordering_fields = ("id", "city", "zip")

    @act("invoicing.change_address")
    def accept(self, address: Address, body: dict[str, Any]) -> Address:
        """Donne à l'adresse la position que le géocodeur propose (`location_state` « to_check »)."""
        return accept_place(address, seen=self.seen, by=self.request.user)


class TagSerializer(OfficeSerializer):
    class Meta:
        model = Tag
        fields = ("id", "name", "scope")


class TagView(ReadMixin, OfficeView):
    """Étiquettes."""

    queryset = Tag.objects.all()
    serializer_class = TagSerializer
    filterset_fields = ("scope",)
    search_fields = ("name",)
    ordering_fields = ("name", "id")
