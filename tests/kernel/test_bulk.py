"""Rows written together hold what rows written one by one hold, on both databases."""

from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, models
from django.db.transaction import atomic
from django.utils import timezone

from invoicing.models import HistoryLine, Partner, Product
from invoicing.services.records.history import COLUMNS
from openfire_billing.db import bulk
from tests.factories import PartnerFactory, ProductFactory, World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    return make_world()


NASTY = ["\\N", "\\.", "a\tb", "a\nb", "a\r\nb", "\\", "\\\\t", "'\"", "é € 🔥", "a\\nb", "", "0", "\x0b\x1c\u2028"]


@pytest.mark.parametrize("text", NASTY)
def test_text_and_json_are_kept_as_they_are(text: str) -> None:
    kind = ContentType.objects.get_for_model(Partner)
    changes: list[Any] = [{"name": [text, "\\N"]}, {}, [], [text]]
    rows = [
        dict.fromkeys(COLUMNS) | {"content_type_id": kind.pk, "object_id": 1, "at": timezone.now(), "act": "x"}
        for _ in changes
    ]
    for row, value in zip(rows, changes, strict=True):
        row |= {"text": text, "changes": value}

    bulk.insert(HistoryLine, COLUMNS, [[row[name] for name in COLUMNS] for row in rows])

    kept = list(HistoryLine.objects.order_by("pk").values_list("text", "changes"))
    assert kept == [(text, row["changes"]) for row in rows]
    assert list(HistoryLine.objects.order_by("pk").values_list("at", flat=True)) == [row["at"] for row in rows]


@pytest.mark.parametrize("make", [ProductFactory, PartnerFactory])
def test_a_copy_of_every_column_is_the_same_row(make: Any, world: World) -> None:
    row: models.Model = make()
    model = type(row)
    names = [field.attname for field in model._meta.concrete_fields]
    with atomic():
        (pk,) = bulk.take_ids(model, 1)
        other = {"id": pk, "code": "autre"} if model is Product else {"id": pk}
        bulk.insert(model, names, [[other.get(name, getattr(row, name)) for name in names]])

    before, after = (model._default_manager.values(*names).get(pk=key) for key in (row.pk, pk))
    assert {**before, **other} == after


def test_numbers_days_and_truths_are_read_back_exactly(world: World) -> None:
    product = ProductFactory(unit_price=Decimal("1234567.8901"), is_active=False)
    names = [field.attname for field in Product._meta.concrete_fields]
    with atomic():
        (pk,) = bulk.take_ids(Product, 1)
        values = {name: getattr(product, name) for name in names} | {"id": pk, "code": "autre"}
        bulk.insert(Product, names, [[values[name] for name in names]])

    copy = Product.objects.get(code="autre")
    assert (copy.unit_price, copy.is_active, copy.tax_id) == (Decimal("1234567.8901"), False, product.tax_id)


def test_more_rows_than_one_message_holds_are_all_there() -> None:
    kind = ContentType.objects.get_for_model(Partner)
    row = dict.fromkeys(COLUMNS) | {
        "content_type_id": kind.pk,
        "at": timezone.now(),
        "act": "x",
        "text": "",
        "changes": {},
    }
    count = 2 * bulk.ROWS_OF_A_MESSAGE + 1

    bulk.insert(HistoryLine, COLUMNS, [[{**row, "object_id": n + 1}[name] for name in COLUMNS] for n in range(count)])
    bulk.insert(HistoryLine, COLUMNS, [])

    assert list(HistoryLine.objects.order_by("pk").values_list("object_id", flat=True)) == list(range(1, count + 1))


def test_what_the_database_refuses_is_an_integrity_error_and_writes_nothing() -> None:
    kind = ContentType.objects.get_for_model(Partner)
    row = dict.fromkeys(COLUMNS) | {
        "content_type_id": kind.pk,
        "object_id": 1,
        "at": timezone.now(),
        "act": "x",
        "text": "",
        "changes": {},
    }
    rows = [[row[name] for name in COLUMNS], [{**row, "text": None}[name] for name in COLUMNS]]

    with pytest.raises(IntegrityError), atomic():
        bulk.insert(HistoryLine, COLUMNS, rows)

    assert not HistoryLine.objects.exists()


def test_a_field_that_copy_does_not_write_is_named() -> None:
    field = models.DurationField(name="length")
    with pytest.raises(TypeError, match="DurationField"):
        bulk._copy_writer(field)
    assert bulk._copy_writer(models.DateField())([date(2026, 3, 29), None]) == ["2026-03-29", "\\N"]
    assert bulk._copy_writer(models.TimeField())([time(8, 30), None]) == ["08:30:00", "\\N"]


def test_update_writes_the_rows_that_differ_and_those_alone(world: World) -> None:
    same, other, emptied = (ProductFactory(code=code, unit_price=Decimal("12.50")) for code in ("a", "b", "c"))
    long_ago = timezone.now().replace(year=2020)
    Product.objects.update(updated_at=long_ago, supplier=world.customer)
    supplier = world.customer.pk

    bulk.update(
        Product,
        ["unit_price", "supplier"],
        [
            (same.pk, Decimal("12.5000"), supplier),
            (other.pk, Decimal("13.00"), supplier),
            (emptied.pk, Decimal("12.50"), None),
        ],
    )

    found = {row.code: row for row in Product.objects.filter(code__in=("a", "b", "c"))}
    assert [(row.unit_price, row.supplier_id) for _code, row in sorted(found.items())] == [
        (Decimal("12.50"), supplier),
        (Decimal("13.00"), supplier),
        (Decimal("12.50"), None),
    ]
    assert found["a"].updated_at == long_ago
    assert min(found["b"].updated_at, found["c"].updated_at) > long_ago
