"""The bounds of the description are those that the server holds, field by field of every body."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.validators import MaxLengthValidator
from rest_framework import serializers

from openfire_billing.kernel.periods import FIRST_DAY, LAST_DAY
from openfire_billing.web.api.fields import LARGEST_ID, DayField, Id, MomentField
from tests.api.subjects import addresses
from tests.api.test_schema import description


def written() -> dict[str, serializers.Serializer]:
    """{component: serializer} of every body, those inside others too."""
    found: dict[str, serializers.Serializer] = {}
    for method, _path, action, view in addresses():
        if method not in ("post", "patch"):
            continue
        asked = view.initkwargs.get("asks") or (
            getattr(view.cls, "serializer_class", None) if action in ("create", "partial_update") else None
        )
        if asked is not None:
            _add(asked(), found)
    return found


def _add(serializer: Any, found: dict[str, serializers.Serializer]) -> None:
    name = type(serializer).__name__.removesuffix("Serializer").removesuffix("Request") + "Request"
    if name in found:
        return
    found[name] = serializer
    for field in serializer.fields.values():
        inner = getattr(field, "child", field)
        if isinstance(inner, serializers.Serializer) and not field.read_only:
            _add(inner, found)


def column_of(serializer: Any, field: Any) -> Any:
    model = getattr(getattr(serializer, "Meta", None), "model", None)
    return next((c for c in model._meta.concrete_fields if c.name == field.source), None) if model else None


def held(serializer: Any, field: Any) -> Iterator[tuple[str, Any]]:
    """Each (keyword, value) that the server holds for a field."""
    column = column_of(serializer, field)
    if isinstance(field, Id):
        yield from (("minimum", 1), ("maximum", LARGEST_ID))
    elif isinstance(field, DayField | MomentField):
        yield from (("x-minimum", FIRST_DAY.isoformat()), ("x-maximum", LAST_DAY.isoformat()))
    elif isinstance(field, serializers.DecimalField):
        sign = "" if field.min_value is not None and field.min_value >= 0 else "-?"
        whole = field.max_digits - field.decimal_places
        yield "pattern", rf"^{sign}\d{{0,{whole}}}(?:\.\d{{0,{field.decimal_places}}})?$"
        yield from (
            (k, str(v)) for k, v in (("x-minimum", field.min_value), ("x-maximum", field.max_value)) if v is not None
        )
        if column is not None and hasattr(column, "max_digits"):
            assert (field.max_digits, field.decimal_places) == (column.max_digits, column.decimal_places), field
    elif isinstance(field, serializers.IntegerField):
        yield from (("minimum", field.min_value), ("maximum", field.max_value))  # None: a bound is missing
    elif isinstance(field, serializers.CharField):
        lengths = [v.limit_value for v in field.validators if isinstance(v, MaxLengthValidator)]
        if getattr(column, "max_length", None):
            lengths.append(column.max_length)
        if lengths:
            yield "maxLength", min(lengths)
    elif isinstance(field, serializers.ListField) and field.max_length is not None:
        yield "maxItems", field.max_length


def said(schema: Any, keyword: str) -> Any:
    """What a schema says of a keyword, in a branch too."""
    found = [part[keyword] for part in (schema, *schema.get("oneOf", ())) if keyword in part]
    return max(found) if found else None


def test_every_bound_of_the_server_is_described(db: None) -> None:
    schemas = description()["components"]["schemas"]
    bodies, faults, compared = written(), [], 0
    for name, serializer in bodies.items():
        for key, field in serializer.fields.items():
            if field.read_only or isinstance(field, serializers.ChoiceField | serializers.FileField):
                continue
            schema = schemas[name]["properties"][key]
            for one, part in ((field, schema), (getattr(field, "child_relation", None), schema.get("items", {}))):
                for keyword, value in held(serializer, one) if one is not None else ():
                    compared += 1
                    if value is None or said(part, keyword) != value:
                        faults.append((name, key, keyword, value, said(part, keyword)))

    assert faults == []
    assert (len(bodies) >= 50, compared >= 400) == (True, True), (len(bodies), compared)


@pytest.mark.parametrize(
    ("component", "field", "bounds"),
    [
        ("InvoiceLineRequest", "discount", ("0", "100", r"^\d{0,3}(?:\.\d{0,2})?$")),
        ("InvoiceLineRequest", "unit_price", (None, None, r"^-?\d{0,10}(?:\.\d{0,4})?$")),
        ("SupplierBillRequest", "net", ("0", None, r"^\d{0,12}(?:\.\d{0,2})?$")),
        ("TerminateRequest", "on", ("1990-01-01", "2199-12-31", None)),
    ],
)
def test_bounds_by_hand(db: None, component: str, field: str, bounds: tuple[Any, ...]) -> None:
    schema = description()["components"]["schemas"][component]["properties"][field]

    assert tuple(schema.get(name) for name in ("x-minimum", "x-maximum", "pattern")) == bounds


def test_lengths_by_hand(db: None) -> None:
    schemas = description()["components"]["schemas"]

    assert schemas["LetterRequest"]["properties"]["to"]["maxLength"] == 1300
    assert schemas["AddressRequest"]["properties"]["zip"]["maxLength"] == 10
    assert schemas["ManyRequest"]["properties"]["ids"]["maxItems"] == 1000
    assert schemas["AddressRequest"]["properties"]["partner"]["maximum"] == 2**63 - 1
