"""Races on a real PostgreSQL: numbers without a gap, everything billed once, whoever clicks."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from interventions.models import InterventionRequest
from interventions.services.billing import invoice_intervention, quote_intervention
from invoicing.models import Allocation, Entry, Invoice, JournalCounter, Payment, Quote
from invoicing.services.documents.quotes import accept_quote, invoice_quote
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from invoicing.services.settlement.payments import allocate_payment, pay_invoice, record_payment
from invoicing.services.settlement.refunds import refund_payment, reject_payment
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT
from tests.factories import World, item, make_world
from tests.factories.pages import Office, typed

Threads = Callable[..., list[Any]]


def by_kind(outcomes: list[Any]) -> Counter[str]:
    """How many made something, how many were refused by a sentence; anything else by its name."""
    return Counter(
        "refused" if isinstance(o, BusinessError) else type(o).__name__ if isinstance(o, Exception) else "made"
        for o in outcomes
    )


def ready(world: World, intervention: InterventionRequest) -> tuple[InterventionRequest, date]:
    return InterventionRequest.objects.get(pk=intervention.pk), timezone.localdate()


def test_twenty_posts_at_once_are_consecutive(in_threads: Threads) -> None:
    world = make_world()
    drafts = [world.draft().pk for _n in range(20)]
    today = world.today

    outcomes = in_threads(
        20, lambda n: post_invoice(Invoice.objects.get(pk=drafts[n]), on=today, by=world.accountant).number
    )

    assert sorted(outcomes) == [f"FA{today.year}-{n:05d}" for n in range(1, 21)]
    assert JournalCounter.objects.get().last_number == 20
    balance = Entry.objects.aggregate(debit=Sum("lines__debit"), credit=Sum("lines__credit"))
    assert balance == {"debit": Decimal("3692.40"), "credit": Decimal("3692.40")}


def test_one_draft_posted_by_eight_has_one_number(in_threads: Threads) -> None:
    world = make_world()
    draft, today = world.draft().pk, world.today

    outcomes = in_threads(8, lambda n: post_invoice(Invoice.objects.get(pk=draft), on=today, by=world.accountant))

    assert by_kind(outcomes) == {"made": 1, "refused": 7}
    assert (JournalCounter.objects.get().last_number, Entry.objects.count()) == (1, 1)


def test_two_clerks_invoicing_one_intervention_make_one_invoice(in_threads: Threads) -> None:
    world = make_world()
    intervention, today = ready(world, world.intervention())

    outcomes = in_threads(2, lambda n: invoice_intervention(intervention, on=today, by=world.biller))

    assert by_kind(outcomes) == {"made": 1, "refused": 1}
    (refusal,) = (str(outcome) for outcome in outcomes if isinstance(outcome, BusinessError))
    assert refusal == "DI/000001 : tout est déjà facturé. Voyez ses factures."
    assert Invoice.objects.count() == 1


def test_two_clerks_on_the_pages_make_one_invoice(in_threads: Threads) -> None:
    world = make_world()
    intervention, today = ready(world, world.intervention())
    offices = [Office(world.biller), Office(world.accountant)]

    answers = in_threads(
        2, lambda n: offices[n].confirm(intervention, "invoice", {"on": today.isoformat()}).status_code
    )

    assert sorted(answers) == [302, 409]
    assert Invoice.objects.count() == 1


def test_invoice_and_quote_of_one_intervention_at_once_are_one(in_threads: Threads) -> None:
    world = make_world()
    intervention, today = ready(world, world.intervention())
    acts = [invoice_intervention, quote_intervention] * 3

    outcomes = in_threads(6, lambda n: acts[n](intervention, on=today, by=world.biller))

    assert by_kind(outcomes) == {"made": 1, "refused": 5}
    assert Invoice.objects.count() + Quote.objects.count() == 1


def test_one_quote_invoiced_by_four_is_billed_once(in_threads: Threads) -> None:
    world = make_world()
    quote, today = world.quote(item(2)), world.today
    accept_quote(quote, on=today, by=world.biller)

    outcomes = in_threads(4, lambda n: invoice_quote(quote, on=today, by=world.biller))

    assert by_kind(outcomes) == {"made": 1, "refused": 3}
    assert [line.left for line in quote.lines.left_to_bill()] == [Decimal(0)]


def test_full_credit_twice_at_once_is_one(in_threads: Threads) -> None:
    world = make_world()
    invoice, today = world.posted(), world.today

    outcomes = in_threads(4, lambda n: credit_invoice(invoice, on=today, by=world.accountant, rebill=True))

    assert by_kind(outcomes) == {"made": 1, "refused": 3}
    assert Invoice.objects.get(kind="credit_note").gross == invoice.gross
    assert world.left(InterventionRequest.objects.get()) == [Decimal(1)]


def test_credits_in_parts_at_once_never_pass_the_invoice(in_threads: Threads) -> None:
    world = make_world()
    invoice, today = world.posted(item(3, price="33.3333")), world.today
    line = invoice.lines.get().pk

    outcomes = in_threads(
        5,
        lambda n: credit_invoice(invoice, on=today, by=world.accountant, rebill=False, quantities={line: Decimal(1)}),
    )

    assert by_kind(outcomes) == {"made": 3, "refused": 2}
    notes = Invoice.objects.filter(kind="credit_note")
    assert sorted(note.number for note in notes) == [f"AV{today.year}-{n:05d}" for n in (1, 2, 3)]
    assert sum(note.gross.amount for note in notes) == invoice.gross.amount


def test_payments_at_once_never_pass_what_is_due(in_threads: Threads) -> None:
    world = make_world()
    invoice, today = world.posted(), world.today

    outcomes = in_threads(
        4, lambda n: pay_invoice(invoice, amount=Decimal(100), on=today, kind="card", by=world.accountant)
    )

    assert by_kind(outcomes) == {"made": 1, "refused": 3}
    assert (Payment.objects.count(), Allocation.objects.get().amount) == (1, Decimal(100))


def test_payment_rejected_while_it_is_allocated_and_given_back_leaves_no_cent(in_threads: Threads) -> None:
    world = make_world()
    by, today = world.accountant, world.today
    for _turn in range(6):
        invoice = world.posted()
        payment = record_payment(
            company=world.company, customer=world.customer, amount=Decimal(100), on=today, kind="card", by=by
        )
        acts = [
            lambda p=payment: reject_payment(p, on=today, reason="Rejet", by=by),
            lambda p=payment, i=invoice: allocate_payment(p, parts={i.pk: Decimal(60)}, on=today, by=by),
            lambda p=payment: refund_payment(p, amount=Decimal(40), on=today, kind="card", by=by),
            lambda p=payment: reject_payment(p, on=today, reason="Rejet", by=by),
        ]

        outcomes = in_threads(4, lambda n, acts=acts: acts[n]())

        assert set(by_kind(outcomes)) <= {"made", "refused"}
        back = Payment.objects.filter(pays_back=payment).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
        settled = Allocation.objects.filter(payment=payment).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
        found = Payment.objects.with_left().get(pk=payment.pk)
        assert found.left == Decimal(100) - back - settled >= 0
        rejections = (outcomes[0], outcomes[3])
        assert back == 100 or all(isinstance(outcome, BusinessError) for outcome in rejections)


def test_two_saves_of_one_form_at_once_keep_one(in_threads: Threads) -> None:
    world = make_world()
    intervention = world.intervention()
    offices = [Office(world.planner), Office(world.accountant)]
    forms = [office.open(intervention) for office in offices]

    answers = in_threads(
        2, lambda n: offices[n].send(intervention, typed(forms[n], title=f"Titre {n}", lines__0__quantity=n + 2))
    )

    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [200, 302]
    intervention.refresh_from_db()
    winner = statuses.index(302)
    assert (intervention.title, intervention.lines.get().quantity) == (f"Titre {winner}", Decimal(winner + 2))
    assert "Modifié entre-temps par" in answers[1 - winner].content.decode()


def test_draft_deleted_while_posted_is_one_or_the_other(in_threads: Threads) -> None:
    world = make_world()
    intervention = world.intervention()
    draft = world.draft(intervention=intervention)
    offices = [world.office(ACCOUNTANT), Office(world.manager)]
    acts = [("post", {"on": world.today.isoformat()}), ("delete", {})]

    answers = in_threads(2, lambda n: offices[n].confirm(draft, *acts[n]).status_code)

    assert answers.count(302) == 1
    left = world.left(intervention)
    assert (Invoice.objects.posted().count(), left) in [(1, [Decimal(0)]), (0, [Decimal(1)])]
    assert Invoice.objects.drafts().count() == 0
