"""Each refusal that a program tells apart has its own code, at the address where it arises."""

from datetime import date
from typing import Any

import pytest

from contracts.planner.intents import INCOMPLETE, INCONSISTENT, TOO_MANY_PERIODS
from contracts.services.billing import UNEXPECTED
from contracts.services.days_served import PAST_PERIODS
from invoicing.models import Quote
from openfire_billing.web.api.codes import CODES
from tests.api.ready import accepted_quote, credit_note, free_payment
from tests.api.subjects import contract, purchase_order
from tests.factories import CompanyFactory, PartnerFactory, World, item, nothing_changed
from tests.factories.api import Api
from tests.factories.appointments import at, book, technician

TODAY = "2026-11-24"


@pytest.fixture
def manager(world: World) -> Api:
    return Api(world.manager)


def code_of(api: Api, path: str, body: Any = None, *, method: str = "post") -> str:
    """The code of a demand that a rule refuses. Nothing changes."""
    with nothing_changed():
        answer = api.write(method, path, body)
    assert answer.status_code == 409, (answer.status_code, answer.data)
    return str(answer.json()["code"])


def test_codes_of_the_planner_are_listed() -> None:
    assert {INCOMPLETE, INCONSISTENT, TOO_MANY_PERIODS, PAST_PERIODS, UNEXPECTED} <= set(CODES)


def test_wrong_state_and_stale_version(manager: Api, world: World) -> None:
    draft, posted = world.draft(), world.posted()
    failed = world.quote()

    assert code_of(manager, f"invoices/{posted.pk}/post/") == "wrong_state"
    assert code_of(manager, f"invoices/{draft.pk}/pay/", {"amount": "1.00"}) == "wrong_state"
    assert code_of(manager, f"invoices/{draft.pk}/credit/", {"all": True}) == "wrong_state"
    assert code_of(manager, f"quotes/{failed.pk}/invoice/") == "wrong_state"
    assert code_of(manager, f"invoices/{draft.pk}/", {"notes": "a", "version": 99}, method="patch") == "stale"


def test_line_that_left_its_document_is_stale(manager: Api, world: World) -> None:
    line = {"lines": [{"id": 999_999, "quantity": "1"}]}

    assert code_of(manager, f"quotes/{world.quote().pk}/", line, method="patch") == "stale"
    assert code_of(manager, f"interventions/{world.intervention().pk}/", line, method="patch") == "stale"
    charges = {"keys": ["period-1-2026-01-01"]}
    assert code_of(manager, f"contracts/{contract(world).pk}/waive/", charges) == "stale"
    credited = {"lines": [{"line": 999_999, "quantity": "1"}]}
    assert code_of(manager, f"invoices/{world.posted().pk}/credit/", credited) == "stale"


def test_what_is_not_to_bill_says_why(manager: Api, world: World) -> None:
    billed, quoted = world.intervention(), world.intervention()
    world.draft(intervention=billed)
    world.quote(intervention=quoted)
    bought = purchase_order(world)
    manager.made(f"purchase-orders/{bought.pk}/bill/", {"on": TODAY, "number": "F-1"})

    assert code_of(manager, f"interventions/{billed.pk}/invoice/") == "already_billed"
    assert code_of(manager, f"interventions/{quoted.pk}/invoice/") == "held_by_quote"
    again = {"on": TODAY, "number": "F-2"}
    assert code_of(manager, f"purchase-orders/{bought.pk}/bill/", again) == "already_billed"


def test_lines_are_wanted(manager: Api, world: World) -> None:
    draft, quote = world.draft(), world.quote()
    for document in (draft, quote):
        document.lines.all().delete()

    assert code_of(manager, f"invoices/{draft.pk}/post/") == "no_lines"
    assert code_of(manager, f"quotes/{quote.pk}/send/") == "no_lines"


def test_field_that_posting_or_confirming_needs(manager: Api, world: World) -> None:
    business = PartnerFactory(kind="business", siren="")
    draft = world.draft(partner=business)
    rdv = manager.made("appointments/", {"intervention": world.intervention().pk})
    body = {"customer": world.customer.pk, "lines": [{"product": draft.lines.get().product_id, "quantity": "1"}]}

    assert code_of(manager, f"invoices/{draft.pk}/post/") == "missing_field"
    assert code_of(manager, f"appointments/{rdv['id']}/confirm/") == "missing_field"
    assert code_of(manager, "invoices/", body) == "missing_field"


def test_more_than_what_is_left(manager: Api, world: World) -> None:
    posted = world.posted()
    line = posted.lines.get().pk
    note, _body = credit_note(world)
    payment, _body = free_payment(world)
    part = {"invoices": [{"invoice": posted.pk, "amount": "50.01"}]}

    too_many = {"lines": [{"line": line, "quantity": "1.001"}]}
    assert code_of(manager, f"invoices/{posted.pk}/credit/", too_many) == "credit_beyond_left"
    assert code_of(manager, f"invoices/{posted.pk}/pay/", {"amount": "184.63"}) == "payment_beyond_residual"
    beyond = {"invoices": [{"invoice": posted.pk, "amount": "184.63"}]}
    assert code_of(manager, f"invoices/{note}/allocate/", beyond) == "payment_beyond_residual"
    assert code_of(manager, f"payments/{payment}/allocate/", part) == "beyond_what_is_left"
    assert code_of(manager, f"payments/{payment}/refund/", {"amount": "50.01"}) == "beyond_what_is_left"
    assert code_of(manager, f"invoices/{note}/refund/", {"amount": "184.63"}) == "beyond_what_is_left"


def test_paid_and_used_up(manager: Api, world: World) -> None:
    posted = world.posted()
    paid = manager.made(f"invoices/{posted.pk}/pay/", {"amount": "184.62"})

    assert code_of(manager, f"invoices/{posted.pk}/pay/", {"amount": "1.00"}) == "already_paid"
    assert code_of(manager, f"payments/{paid['id']}/refund/", {"amount": "1.00"}) == "nothing_left"
    part = {"invoices": [{"invoice": world.posted().pk, "amount": "1.00"}]}
    assert code_of(manager, f"payments/{paid['id']}/allocate/", part) == "nothing_left"


def test_supplier_paid_too_much_or_billed_twice(manager: Api, world: World) -> None:
    supplier = PartnerFactory(name="Fonderie Fictive")
    body = {"supplier": supplier.pk, "number": "F-9", "net": "100.00", "tax": "20.00"}
    bill = manager.made("supplier-bills/", body)
    manager.made(f"supplier-bills/{bill['id']}/check/", status=200)

    assert code_of(manager, "supplier-bills/", body) == "conflict"
    assert code_of(manager, f"supplier-bills/{bill['id']}/pay/", {"amount": "120.01"}) == "payment_beyond_residual"


def test_slot_taken_and_technician_absent(manager: Api, world: World) -> None:
    who = technician(world)
    book(world, world.intervention(), who=who, starts_at=at(9), state="confirmed")
    wanted = {"intervention": world.intervention().pk, "technicians": [who.pk]}
    sunday = at(9, day=29)

    assert code_of(manager, "appointments/", {**wanted, "starts_at": at(9).isoformat()}) == "slot_taken"
    assert code_of(manager, "appointments/", {**wanted, "starts_at": sunday.isoformat()}) == "technician_absent"


def test_technician_of_another_company(manager: Api, world: World) -> None:
    stranger = technician(world)
    stranger.company = CompanyFactory(name="Autre Foyer")
    rdv = book(world, world.intervention(), who=stranger, starts_at=at(9), state="draft")
    stranger.save()

    assert code_of(manager, f"appointments/{rdv.pk}/confirm/") == "other_company"


def test_quote_expired(manager: Api, world: World) -> None:
    quote = world.quote()
    Quote.objects.filter(pk=quote.pk).update(issued_on=date(2026, 10, 1), valid_until=date(2026, 11, 1))

    assert code_of(manager, f"quotes/{quote.pk}/send/") == "quote_expired"
    assert code_of(manager, f"quotes/{quote.pk}/accept/") == "quote_expired"


def test_contract_not_due_incomplete_or_billed(manager: Api, world: World) -> None:
    made = contract(world)
    manager.made(f"contracts/{made.pk}/bill/")
    empty = contract(world, is_active=False)
    empty.lines.get().articles.all().delete()
    article = made.lines.get().articles.get()
    change = {"lines": [{"id": made.lines.get().pk, "articles": [{"id": article.pk, "quantity": "3"}]}]}

    assert code_of(manager, f"contracts/{made.pk}/bill/") == "period_not_due"
    assert code_of(manager, f"contracts/{empty.pk}/activate/") == "incomplete"
    assert code_of(manager, f"contracts/{made.pk}/", change, method="patch") == "already_billed"
    assert code_of(manager, f"contracts/{made.pk}/bill/", {"on": "2199-01-01"}) == "date_too_far"


def test_days_to_come(manager: Api, world: World) -> None:
    tomorrow = {"on": "2026-11-25"}

    assert code_of(manager, f"invoices/{world.draft().pk}/post/", tomorrow) == "date_in_future"
    posted = world.posted()
    assert code_of(manager, f"invoices/{posted.pk}/pay/", {**tomorrow, "amount": "1.00"}) == "date_in_future"
    assert code_of(manager, f"invoices/{posted.pk}/credit/", {**tomorrow, "all": True}) == "date_in_future"
    assert code_of(manager, f"interventions/{world.intervention().pk}/finish/", tomorrow) == "date_in_future"


def test_address_of_a_webhook_that_is_inside(manager: Api, world: World) -> None:
    assert code_of(manager, "webhooks/", {"name": "Site", "url": "https://127.0.0.1/"}) == "address_refused"


def test_line_of_many_says_its_code(manager: Api, world: World) -> None:
    billed, free = world.intervention(), world.intervention(item(2))
    world.draft(intervention=billed)

    report = manager.made("interventions/invoice/", {"ids": [billed.pk, free.pk, 999_999]}, status=200)

    assert [line["code"] for line in report["results"]] == ["already_billed", "", "not_found"]
    sent = manager.made("invoices/send/", {"ids": [world.draft().pk, 999_999]}, status=200)
    assert [line["code"] for line in sent["results"]] == ["wrong_state", "not_found"]


def test_follow_up_of_another_record(manager: Api, world: World) -> None:
    assert code_of(manager, f"partners/{world.customer.pk}/follow-up-done/", {"follow_up": 999_999}) == "not_found"


def test_accepted_quote_billed_whole(manager: Api, world: World) -> None:
    pk, _body = accepted_quote(world)
    manager.made(f"quotes/{pk}/invoice/")

    assert code_of(manager, f"quotes/{pk}/invoice/") == "already_billed"
