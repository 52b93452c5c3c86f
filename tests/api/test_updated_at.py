"""`updated_at`, `updated_after` and `ordering=updated_at`: what a program reads of what changed since its last visit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db.models import F
from django.urls import get_resolver

from contracts.services.lines import save_line
from invoicing.choices import PaymentKind
from invoicing.models import Allocation, Invoice, Partner, Product
from invoicing.services.documents.lines import LineEdit
from invoicing.services.documents.purchases import check_bill
from invoicing.services.settlement.payments import pay_invoice
from invoicing.services.settlement.supplier_payments import pay_supplier
from openfire_billing.db import bulk
from openfire_billing.db.stamps import Stamped, StampedQuerySet
from openfire_billing.db.versions import Versioned
from tests.api.subjects import addresses, contract, one_of_each
from tests.factories import PartnerFactory, ProductFactory, World
from tests.factories.api import Api

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # after the firm of the fixture was made
LATER = START + timedelta(hours=1)


def at(moment: datetime) -> Any:
    return time_machine.travel(moment, tick=False)


def text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def read(api: Api, path: str) -> datetime:
    return datetime.fromisoformat(api.get(path).json()["updated_at"])


COMPUTED = {"slots"}  # lists of what is worked out, not of records


def resources() -> set[str]:
    return {
        path.removesuffix("/") for method, path, action, _view in addresses() if (method, action) == ("get", "list")
    } - COMPUTED


def models() -> dict[Any, str]:
    """{model: resource} of those whose record the fixture makes."""
    found = {
        view.cls.queryset.model: path.split("/")[0]
        for _method, path, action, view in addresses()
        if action == "list" and path.split("/")[0] not in COMPUTED
    }
    return {model: name for model, name in found.items() if issubclass(model, Versioned)}


def test_every_resource_has_the_moment_the_filter_and_the_order(world: World) -> None:
    with at(START):
        records = {name: pk for name, pk in one_of_each(world).items() if name not in COMPUTED}
        for model, name in models().items():
            model._default_manager.filter(pk=records[name], updated_at__lt=START).update(
                version=F("version")
            )  # of the fixture
    assert set(records) == resources()
    api = Api(world.manager)
    for name, pk in records.items():
        shown = api.get(f"{name}/{pk}/").json()
        assert datetime.fromisoformat(shown["updated_at"]) == START, name
        listed = api.get(f"{name}/", ordering="updated_at", updated_after=text(START - timedelta(seconds=1))).json()
        assert (pk, shown["updated_at"]) in [(row["id"], row["updated_at"]) for row in listed["results"]], name
        assert api.get(f"{name}/", updated_after=text(START)).json()["count"] == 0, name


@pytest.mark.parametrize(
    "value", ["hier", "2026-11-24", "2026-11-24T08:00:00", "2026-13-24T08:00:00Z", "", "0001-01-01T00:00:00Z"]
)
def test_moment_that_cannot_be_read_is_refused(world: World, value: str) -> None:
    answer = Api(world.manager).get("partners/", updated_after=value)

    assert (answer.status_code, answer.json()["code"], list(answer.json()["fields"])) == (
        400,
        "invalid",
        ["updated_after"],
    )


def test_moment_of_another_zone_is_the_same_moment(world: World) -> None:
    with at(START):
        PartnerFactory(name="Le Goff")
    api = Api(world.manager)

    assert api.get("partners/", search="le goff", updated_after="2026-11-24T12:59:59+01:00").json()["count"] == 1
    assert api.get("partners/", search="le goff", updated_after="2026-11-24T13:00:00+01:00").json()["count"] == 0


def test_records_of_one_moment_are_ordered_by_id(world: World) -> None:
    with at(LATER):
        last = ProductFactory(code="c")
    with at(START):
        first, second = ProductFactory(code="b"), ProductFactory(code="a")
    api = Api(world.manager)
    asked = {"updated_after": text(START - timedelta(seconds=1))}

    up = api.get("products/", ordering="updated_at", **asked).json()["results"]
    down = api.get("products/", ordering="-updated_at", **asked).json()["results"]

    assert [row["id"] for row in up] == [first.pk, second.pk, last.pk]
    assert [row["id"] for row in down] == [last.pk, second.pk, first.pk]


def test_every_way_of_writing_moves_it(world: World) -> None:
    with at(START):
        saved, changed, bulky, copied = (ProductFactory(code=code) for code in "abcd")
    with at(LATER):
        saved.name = "Ramonage"
        saved.save(update_fields=["name"])
        Product.objects.filter(pk=changed.pk).update(version=F("version") + 1)
        bulky.name = "Pose"
        Product.objects.bulk_update([bulky], ["name"])
        bulk.update(Product, ["name"], [(copied.pk, "Dépose")])
        names = [
            "id",
            *(field.attname for field in Product._meta.concrete_fields if field.attname not in ("id", "updated_at")),
        ]
        new = bulk.take_ids(Product, 1)[0]
        bulk.insert(Product, names, [[{"id": new, "code": "e"}.get(name, getattr(copied, name)) for name in names]])

    rows = Product.objects.filter(updated_at=LATER).order_by("pk").values_list("pk", flat=True)
    assert list(rows) == [saved.pk, changed.pk, bulky.pk, copied.pk, new]


def test_save_of_nothing_writes_nothing(world: World) -> None:
    with at(START):
        product = ProductFactory(code="a")
    with at(LATER):
        product.save(update_fields=[])

    assert Product.objects.get(pk=product.pk).updated_at == START


def test_search_words_still_follow_an_update(world: World) -> None:
    with at(START):
        partner = PartnerFactory(name="Aubry")
    with at(LATER):
        Partner.objects.filter(pk=partner.pk).update(name="Élodie")

    partner.refresh_from_db()
    assert ("elodie" in partner.search_text, partner.updated_at) == (True, LATER)


def test_payment_moves_the_invoice_and_what_is_left_of_the_payment(world: World) -> None:
    api = Api(world.accountant)
    with at(START):
        invoice, other = world.posted(), world.posted()
        payment = api.made("payments/", {"customer": invoice.customer_id, "on": "2026-11-24", "amount": "50.00"})
    with at(LATER):
        body = {"invoices": [{"invoice": invoice.pk, "amount": "50.00"}]}
        api.made(f"payments/{payment['id']}/allocate/", body, status=200)

    assert Allocation.objects.get().at == LATER
    assert (read(api, f"invoices/{invoice.pk}/"), read(api, f"invoices/{other.pk}/")) == (LATER, START)
    assert read(api, f"payments/{payment['id']}/") == LATER
    assert Invoice.objects.get(pk=invoice.pk).updated_at == START  # its own row stays as posted
    for name, pk in (("invoices", invoice.pk), ("payments", payment["id"])):
        found = api.get(f"{name}/", updated_after=text(START)).json()["results"]
        assert [row["id"] for row in found] == [pk]
    ordered = api.get("invoices/", ordering="-updated_at").json()["results"]
    assert [row["id"] for row in ordered] == [invoice.pk, other.pk]


def test_refund_moves_the_payment_that_it_pays_back(world: World) -> None:
    api = Api(world.accountant)
    with at(START):
        payment = api.made("payments/", {"customer": world.customer.pk, "on": "2026-11-24", "amount": "50.00"})
    with at(LATER):
        back = api.made(f"payments/{payment['id']}/refund/", {"on": "2026-11-24", "amount": "20.00"})

    assert read(api, f"payments/{payment['id']}/") == LATER
    found = api.get("payments/", updated_after=text(START), ordering="id").json()["results"]
    assert [row["id"] for row in found] == [payment["id"], back["id"]]


def test_credit_used_moves_both_documents(world: World) -> None:
    api = Api(world.accountant)
    with at(START):
        invoice, other = world.posted(), world.posted()
        pay_invoice(invoice, amount=invoice.gross.amount, on=world.today, kind=PaymentKind.CARD, by=world.accountant)
        note = api.made(f"invoices/{invoice.pk}/credit/", {"on": "2026-11-24", "all": True})
    with at(LATER):
        body = {"invoices": [{"invoice": other.pk, "amount": "10.00"}]}
        api.made(f"invoices/{note['id']}/allocate/", body, status=200)

    found = api.get("invoices/", updated_after=text(START), ordering="id").json()["results"]
    assert [row["id"] for row in found] == [other.pk, note["id"]]


def test_payment_of_a_supplier_moves_his_bill(world: World) -> None:
    api = Api(world.manager)
    with at(START):
        pk = one_of_each(world)["supplier-bills"]
        from invoicing.models import SupplierBill

        bill = check_bill(SupplierBill.objects.get(pk=pk), by=world.biller)
    with at(LATER):
        pay_supplier(bill, amount=Decimal(10), on=world.today, kind="transfer", by=world.accountant)

    assert read(api, f"supplier-bills/{pk}/") == LATER


def test_lines_move_their_document(world: World) -> None:
    api = Api(world.manager)
    with at(START):
        intervention = world.intervention()
        di = api.get(f"interventions/{intervention.pk}/").json()
        deal = contract(world, is_active=False)
        address = world.customer.default_address()
    with at(LATER):
        line = {"id": di["lines"][0]["id"], "quantity": "2"}
        assert api.patch(f"interventions/{di['id']}/", {"lines": [line]}).status_code == 200
        assert api.patch(f"addresses/{address.pk}/", {"city": "Nantes"}).status_code == 200
        article = LineEdit(values={"product": ProductFactory(code="x"), "label": "Pose", "unit_price": Decimal(1)})
        save_line(
            None,
            {"contract": deal, "task": world.task, "repeat": 1},
            articles=[article],
            on=world.today,
            by=world.manager,
        )

    assert read(api, f"interventions/{di['id']}/") == LATER
    assert read(api, f"partners/{world.customer.pk}/") == LATER
    assert read(api, f"contracts/{deal.pk}/") == LATER


def test_every_record_that_has_the_moment_is_updated_through_its_queryset() -> None:
    assert get_resolver().url_patterns
    stamped = [model for model in apps.get_models() if issubclass(model, Stamped)]
    assert len(stamped) >= 30

    assert [m for m in stamped if not isinstance(m._default_manager.get_queryset(), StampedQuerySet)] == []
