"""« Avoir »: never more than what is left, to the cent, settled on its invoice."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from invoicing.models import Allocation, Entry, Invoice, InvoiceTax
from invoicing.services.documents.intents import DraftIntent, line_intent
from invoicing.services.documents.writing import write_draft
from invoicing.services.posting.credit import credit_invoice, is_creditable, plan_credit
from invoicing.services.posting.post import post_invoice
from invoicing.services.settlement.payments import pay_invoice
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT
from tests.factories import World, item, nothing_changed, tax
from tests.factories.pages import address


def credit(invoice: Invoice, world: World, **options: object) -> Invoice:
    return credit_invoice(invoice, on=world.today, by=world.accountant, **{"rebill": False, **options})  # type: ignore[arg-type]


def residual(invoice: Invoice, world: World) -> Decimal:
    found = Invoice.objects.with_payment_state(world.today).get(pk=invoice.pk).residual
    assert isinstance(found, Decimal)
    return found


def test_full_credit_is_the_invoice_s_mirror(world: World) -> None:
    invoice = world.posted(item(), item(2, price="33.335", discount="10"))

    note = credit(invoice, world, reason="Erreur de client")

    assert (note.number, note.kind, note.state) == ("AV2026-00001", "credit_note", "posted")
    assert note.reason == "Erreur de client"
    assert (note.net, note.tax, note.gross) == (invoice.net, invoice.tax, invoice.gross)
    assert note.credits == invoice
    assert note.due_on is None
    assert note.origin == "FA2026-00001 du 24/11/2026"
    assert (residual(invoice, world), residual(note, world)) == (Decimal(0), Decimal(0))


def test_credit_reverses_the_entry(world: World) -> None:
    note = credit(world.posted(), world)

    lines = [(line.account, line.debit, line.credit) for line in Entry.objects.get(document=note.number).lines.all()]
    assert lines == [
        ("706000", Decimal("175.00"), Decimal(0)),
        ("445712", Decimal("9.62"), Decimal(0)),
        ("411000", Decimal(0), Decimal("184.62")),
    ]


def test_tax_of_an_early_credit_is_capped_by_what_is_left(world: World) -> None:
    """1,00 and 0,91 at 5,5 %: 0,1050 + 0,0500… the rate's last credit takes what is left, never below zero."""
    invoice = world.posted(item(1, price="1.00"), item(1, price="0.91"))
    first, second = invoice.lines.order_by("pk")
    assert invoice.tax.amount == Decimal("0.11")

    notes = [credit(invoice, world, quantities={line.pk: Decimal(1)}) for line in (first, second)]

    assert [note.tax.amount for note in notes] == [Decimal("0.06"), Decimal("0.05")]
    assert sum(note.gross.amount for note in notes) == invoice.gross.amount


@pytest.mark.parametrize("parts", [["1", "1", "1"], ["0.333", "0.333", "2.334"], ["2.999", "0.001"]])
def test_credits_in_parts_leave_nothing(world: World, parts: list[str]) -> None:
    invoice = world.posted(item(3, price="33.3333"))
    (line,) = invoice.lines.all()

    notes = [credit(invoice, world, quantities={line.pk: Decimal(part)}) for part in parts]

    assert sum(note.net.amount for note in notes) == invoice.net.amount
    assert sum(note.tax.amount for note in notes) == invoice.tax.amount
    assert residual(invoice, world) == Decimal(0)


def test_two_rates_are_finished_each_on_its_own(world: World) -> None:
    invoice = world.posted(item(), item(tax=tax("TVA 20 %"), tax_is_manual=True, price="100"))
    reduced, full = invoice.lines.order_by("pk")

    credit(invoice, world, quantities={full.pk: Decimal(1)})
    credit(invoice, world, quantities={reduced.pk: Decimal(1)})

    rows = InvoiceTax.objects.filter(invoice__kind="credit_note").order_by("rate").values_list("rate", "base", "amount")
    assert list(rows) == [
        (Decimal("5.50"), Decimal("175.00"), Decimal("9.62")),
        (Decimal("20.00"), Decimal("100.00"), Decimal("20.00")),
    ]


def test_credit_beyond_what_is_left_is_refused(world: World) -> None:
    invoice = world.posted(item(2))
    (line,) = invoice.lines.all()
    credit(invoice, world, quantities={line.pk: Decimal("1.5")})

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        credit(invoice, world, quantities={line.pk: Decimal("0.501")})

    assert str(refused.value) == "« [ram_pose] Forfait Pose » : il reste 0,5 à créditer. Baissez la quantité."


def credit_of_no_line(invoice: Invoice, world: World, quantity: str) -> Invoice:
    """An avoir of `quantity` of the first line that credits no line in particular, as contracts make them."""
    intent = DraftIntent(
        company=invoice.company_id,
        kind="credit_note",
        customer=invoice.customer_id,
        billing_address=invoice.billing_address_id,
        fiscal_position=invoice.fiscal_position_id,
        proposed_on=world.today,
        credits=invoice.pk,
        origin=str(invoice.number),
        lines=[line_intent(invoice.lines.get(), Decimal(quantity))],
    )
    draft = write_draft(intent, by=world.biller, at=timezone.now()).invoice
    return post_invoice(Invoice.objects.get(pk=draft), on=world.today, by=world.accountant)


def test_lines_are_credited_up_to_the_net_left_of_the_invoice(world: World) -> None:
    """350,00 less an avoir of 175,00 of no line: both pieces are left of the line, 175,00 of the invoice."""
    invoice = world.posted(item(2))
    line = invoice.lines.get()
    credit_of_no_line(invoice, world, "1")

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        credit(invoice, world, quantities={line.pk: Decimal("1.001")})
    note = credit(invoice, world, quantities={line.pk: Decimal(1)})

    assert str(refused.value) == (
        "FA2026-00001 : il reste 175,00 € HT à créditer, ses avoirs compris. Baissez les quantités."
    )
    assert (note.net.amount, residual(invoice, world)) == (Decimal("175.00"), Decimal(0))


def test_draft_and_credit_note_are_not_credited(world: World) -> None:
    draft = world.draft()
    note = credit(world.posted(), world)

    for document in (draft, note):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            credit(document, world)
        assert str(refused.value) == f"{document} : seule une facture validée se corrige par un avoir."


def test_credit_in_the_future_is_refused(world: World) -> None:
    invoice = world.posted()

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        credit_invoice(invoice, on=world.today + timedelta(days=1), by=world.accountant, rebill=True)

    assert str(refused.value) == "Un avoir ne se date pas dans le futur : choisissez aujourd'hui ou avant."


def test_credit_of_a_paid_invoice_is_to_be_refunded(world: World) -> None:
    invoice = world.posted()
    pay_invoice(invoice, amount=Decimal("184.62"), on=world.today, kind="card", by=world.accountant)

    note = credit(invoice, world)

    assert Allocation.objects.filter(credit_note=note).count() == 0
    assert residual(note, world) == Decimal("184.62")
    assert "À rembourser" in world.office(ACCOUNTANT).get(address(note)).content.decode()


def test_credit_of_a_part_paid_invoice_settles_the_rest_of_it(world: World) -> None:
    invoice = world.posted()
    pay_invoice(invoice, amount=Decimal(100), on=world.today, kind="card", by=world.accountant)

    note = credit(invoice, world)

    assert (residual(invoice, world), residual(note, world)) == (Decimal(0), Decimal("100.00"))


def test_preview_writes_nothing_and_says_the_amounts(world: World) -> None:
    invoice = world.posted(item(2))
    (line,) = invoice.lines.all()
    office = world.office(ACCOUNTANT)

    with nothing_changed():
        answer = office.confirm(
            invoice, "credit", {"on": "2026-11-24", "reason": "Geste", f"line_{line.pk}": "1", "_preview": "1"}
        )
        plan = plan_credit(invoice, quantities={line.pk: Decimal(1)})

    assert plan.totals.gross == Decimal("184.62")
    assert "184,62\u00a0€" in answer.content.decode() or "184,62 €" in answer.content.decode()


def test_credit_is_possible_of_a_posted_invoice_with_something_left_of_its_own(world: World) -> None:
    credited, whole, draft, note_of_no_line = world.posted(), world.posted(), world.draft(), world.posted()
    note = credit(credited, world)
    credit_of_no_line(note_of_no_line, world, "1")

    found = [is_creditable(Invoice.objects.get(pk=one.pk)) for one in (credited, note, whole, draft, note_of_no_line)]

    assert found == [False, False, True, False, False]


def test_credit_is_offered_while_something_is_left_and_no_longer(world: World) -> None:
    invoice, office = world.posted(item(2)), world.office(ACCOUNTANT)
    line = invoice.lines.get()

    def offered() -> bool:
        return "Avoir" in [str(act["label"]) for act in office.get(address(invoice)).context["office_menu"]]

    seen = [offered()]
    for _half in range(2):
        credit(invoice, world, quantities={line.pk: Decimal(1)})
        seen.append(offered())

    assert seen == [True, True, False]
