"""Lines of documents: read with the quantities left, written as edits for the services."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Subquery
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from invoicing.api.base import OfficeSerializer
from invoicing.choices import LineKind
from invoicing.models import Company, Product, PublicLink, Tax
from invoicing.services.documents.lines import LineEdit
from openfire_billing.kernel.money import to_quantity
from openfire_billing.web.api.counts import CountsField, with_counts
from openfire_billing.web.api.fields import Amount, Id, id_field
from openfire_billing.web.contributions import contributions_to


class TaxTotalSerializer(serializers.Serializer):
    """VAT of one category and rate."""

    category = serializers.CharField()
    rate = serializers.DecimalField(max_digits=5, decimal_places=2)
    base = Amount()
    amount = Amount()


def number_field(places: int, digits: int, **options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=digits, decimal_places=places, **options)


class LineSerializer(serializers.Serializer):
    """A line. A PATCH changes a line with `id`, adds one without, deletes one with `delete`, and leaves the others.

    An article fills the values left out: text, price, unit, and the tax under the fiscal position. A given tax is kept.
    """

    document = ""  # the field of the line that names its document
    least_quantity: Decimal | None = Decimal("0.001")

    id = id_field(required=False)
    delete = serializers.BooleanField(required=False, write_only=True)
    kind = serializers.ChoiceField(LineKind.choices, required=False)
    position = serializers.IntegerField(required=False, min_value=0, max_value=100_000)
    product = Id(queryset=Product.objects.select_related("tax__replaced_by", "unit"), required=False, allow_null=True)
    label = serializers.CharField(required=False, allow_blank=True, max_length=4000)
    quantity = number_field(3, 12, required=False)
    unit = serializers.CharField(read_only=True)
    unit_price = number_field(4, 14, required=False, min_value=0)
    discount = number_field(2, 5, required=False, min_value=0, max_value=100)
    tax = Id(queryset=Tax.objects.all(), required=False, allow_null=True)
    tax_rate = number_field(2, 5, read_only=True, allow_null=True)
    net = Amount()
    left_to_bill = number_field(3, 18, read_only=True, allow_null=True)
    covered = serializers.BooleanField(read_only=True)
    origin_line = serializers.IntegerField(read_only=True, allow_null=True)

    def validate_quantity(self, quantity: Decimal) -> Decimal:
        if self.least_quantity is not None and quantity < self.least_quantity:
            raise serializers.ValidationError(_("La quantité est supérieure à zéro."))
        if self.least_quantity is None and quantity == 0:
            raise serializers.ValidationError(_("La quantité n'est pas nulle."))
        return quantity

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data.get("delete") and "id" not in data:
            raise serializers.ValidationError({"id": [_("Dites quelle ligne supprimer.")]})
        return data

    # Reading without the fields of the serializer, which are slow on hundreds of lines ---------------------------

    def to_representation(self, line: Any) -> dict[str, Any]:
        terms = getattr(line, "terms", line)
        tax, left = terms.tax, self.left_of(line) if terms.is_article else None
        return {
            "id": line.pk,
            "kind": terms.kind,
            "position": line.position,
            "product": terms.product_id,
            "label": terms.label,
            "quantity": str(line.quantity),
            "unit": str(terms.unit or ""),
            "unit_price": str(terms.unit_price),
            "discount": str(terms.discount),
            "tax": terms.tax_id,
            "tax_rate": str(tax.rate) if tax else None,
            "net": str(self.net_of(line)),
            "left_to_bill": None if left is None else str(to_quantity(left)),
            "covered": bool(getattr(line, "covered", False)),
            "origin_line": self.origin_of(line),
        }

    def net_of(self, line: Any) -> Decimal:
        return line.net_amount(getattr(line, self.document).company.rounding)

    def left_of(self, line: Any) -> Decimal | None:
        """The quantity left to bill; of left_to_bill()."""
        return line.left

    def origin_of(self, line: Any) -> int | None:
        """The id of the line it was copied from; of with_origin()."""
        return getattr(line, "origin_line", None)


class SaleLineSerializer(LineSerializer):
    """A line of a document that is sold. A negative unit price is a fixed deduction: positive quantity, no discount."""

    unit_price = number_field(4, 14, required=False)


def with_origin(lines: Any) -> Any:
    """Annotate `origin_line`: id of the line each was copied from, contributed by the app of that line; null without one."""
    return with_first(lines, "line", "origin_line")


def with_first(queryset: Any, origin: str, name: str) -> Any:
    """Annotate as `name` the first id that the upper apps contribute for `origin`."""
    for ids_of in contributions_to(queryset.model).origins.get(origin, ()):
        queryset = queryset.annotate(**{name: Subquery(ids_of(OuterRef("pk"))[:1])})
    return queryset


def edits_of(body: Iterable[Mapping[str, Any]], lines: Any = (), *, price: str = "unit_price") -> list[LineEdit]:
    """Return the edits of the lines of a body.

    `lines`: the lines of the document. `price`: the field of the article that gives the price of a new line.
    """
    by_pk = {line.pk: line for line in lines}
    last = max((line.position for line in by_pk.values()), default=0)
    edits = []
    for rank, line in enumerate(body, 1):
        values = {name: value for name, value in line.items() if name not in ("id", "delete")}
        pk = line.get("id")
        if line.get("delete"):
            edits.append(LineEdit(pk=pk, delete=True))
            continue
        if pk is None:
            values.setdefault("position", last + rank)
        _fill_from_product(values, by_pk.get(pk), price)
        if "tax" in values:
            values["tax_is_manual"] = values["tax"] is not None
        edits.append(LineEdit(pk=pk, values=values))
    return edits


def _fill_from_product(values: dict[str, Any], before: Any, price: str) -> None:
    """Fill text, price and unit from a new article, unless they are given."""
    product = values.get("product")
    if product is None or (before is not None and before.product_id == product.pk):
        return
    values.setdefault("unit_price", getattr(product, price))
    if not values.get("label"):
        values["label"] = product.label
    if before is not None:
        values.setdefault("unit", product.unit)


class DocumentSerializer(OfficeSerializer):
    """Base serializer of documents: state, company, currency, totals, counts of documents created from it, `published`.

    `published`: whether the customer can open the document's public page. Subclasses add `lines`.
    Raises a validation error when the company of an existing document changes.
    """

    state = serializers.CharField(read_only=True)
    company = Id(queryset=Company.objects.all(), required=False)
    currency = serializers.CharField(read_only=True)
    net = Amount(source="totals_read.net")
    tax = Amount(source="totals_read.tax")
    gross = Amount(source="totals_read.gross")
    taxes = TaxTotalSerializer(source="totals_read.taxes", many=True, read_only=True)
    counts = CountsField()
    published = serializers.BooleanField(read_only=True)

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        links = PublicLink.objects.filter(
            content_type=ContentType.objects.get_for_model(queryset.model), object_id=OuterRef("pk"), is_published=True
        )
        return with_counts(queryset, request.user).select_related("company").annotate(published=Exists(links))

    def validate_company(self, company: Company) -> Company:
        if self.instance is not None and company != self.instance.company:
            raise serializers.ValidationError(_("La société d'un document ne change pas."))
        return company

    def to_representation(self, document: Any) -> Any:
        document.totals_read = document.totals
        return super().to_representation(document)


class CompanyCurrency(serializers.CharField):
    """The company's currency, for documents without a column for it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(source="company.currency", read_only=True, **options)
