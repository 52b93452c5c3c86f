"""Guards: the database itself refuses to change, delete or complete what is posted, from whatever shell."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import ProtectedError

from appointments.models import AppointmentLineClaim
from contracts.models import ExceptionClaim, PeriodClaim, VisitClaim
from interventions.models import RequestLineClaim
from interventions.services.billing import invoice_intervention
from invoicing.models import (
    Allocation,
    Entry,
    EntryLine,
    HistoryLine,
    Invoice,
    InvoiceDocument,
    InvoiceLine,
    InvoiceTax,
    Journal,
    Payment,
    QuoteLineClaim,
    Receipt,
    ReceivedLine,
)
from invoicing.paper.pdf import paper_of
from invoicing.services.accounts import EntryDraft, Leg, write_entries
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from invoicing.services.settlement.payments import pay_invoice
from openfire_billing.db.guards import drop_guards, guarded_models, make_guards, missing_guards, without_guards
from openfire_billing.kernel.errors import NothingToBill
from tests.contracts.contract_builders import bill, make_contract
from tests.factories import World, item

D = Decimal
Sql = Callable[..., None]

GUARDED = {
    *(Allocation, AppointmentLineClaim, Entry, EntryLine, ExceptionClaim, HistoryLine, Invoice, InvoiceDocument),
    *(
        InvoiceLine,
        InvoiceTax,
        Payment,
        PeriodClaim,
        QuoteLineClaim,
        Receipt,
        ReceivedLine,
        RequestLineClaim,
        VisitClaim,
    ),
}


def sql(statement: str, *params: object) -> None:
    """Run a statement as a shell on the database does."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, params or None)


def refused(statement: str, *params: object) -> bool:
    """Whether a guard refuses a statement."""
    try:
        sql(statement, *params)
    except IntegrityError as refusal:
        # PostgreSQL looks first at the constraint that a claim has one settlement, then at its guard
        return any(
            text in str(refusal) for text in ("une écriture définitive ne change pas", "contracts_period_settled")
        )
    return False


@pytest.fixture
def posted(world: World) -> Invoice:
    """A posted invoice of a DI and of a contract's period, paid in part, with its PDF: a row in each guarded table."""
    invoice = world.posted(item(2), item(1))
    pay_invoice(invoice, amount=D("10.00"), on=world.today, kind="transfer", by=world.accountant)
    paper_of(invoice)
    return invoice


@pytest.fixture
def period(world: World) -> PeriodClaim:
    """The claim of a period whose invoice is posted."""
    contract = make_contract(world, "01/11/26")
    bill(world, contract, on="01/11/26")
    claim = PeriodClaim.objects.get()
    post_invoice(claim.invoice_line.invoice, on=world.today, by=world.accountant)
    return PeriodClaim.objects.get()


def test_every_table_that_never_changes_has_its_guards(db: None) -> None:
    assert set(guarded_models()) == GUARDED
    assert missing_guards() == []


# What a change of a row writes, for the columns of each kind.
def other_value(field: Any) -> str:
    column = f'"{field.column}"'
    if isinstance(field, models.BooleanField):
        return f"NOT {column}"
    if isinstance(field, models.BinaryField):
        return "NULL"
    if isinstance(field, models.JSONField):
        return "'{}'"
    if isinstance(field, models.DecimalField):
        return f"{column} + 1"
    if isinstance(field, models.IntegerField | models.ForeignKey | models.AutoField):
        return f"COALESCE({column}, 0) + 1000000"
    if isinstance(field, models.DateField):
        return f"{column} + INTERVAL '1 day'" if connection.vendor == "postgresql" else f"date({column}, '+1 day')"
    return "'~'"


def test_no_column_of_what_is_posted_changes(posted: Invoice, period: PeriodClaim) -> None:
    walked = 0
    rows = {
        Invoice: posted.pk,
        InvoiceLine: posted.lines.first().pk,
        InvoiceTax: posted.taxes.get().pk,
        InvoiceDocument: posted.document.pk,
        Entry: Entry.objects.get(document=posted.number).pk,
        EntryLine: EntryLine.objects.filter(entry__document=posted.number).first().pk,
        HistoryLine: HistoryLine.objects.of(posted).first().pk,
        Allocation: posted.allocations.get().pk,
        RequestLineClaim: RequestLineClaim.objects.filter(invoice_line__invoice=posted).first().pk,
        PeriodClaim: period.pk,
    }
    for model, pk in rows.items():
        table = model._meta.db_table
        before = model.objects.filter(pk=pk).values().get()
        for field in model._meta.concrete_fields:
            if (model, field.column) == (PeriodClaim, "released_by_id"):
                continue
            assert refused(f'UPDATE "{table}" SET "{field.column}" = {other_value(field)} WHERE id = %s', pk), field
            walked += 1
        assert refused(f'DELETE FROM "{table}" WHERE id = %s', pk)
        assert model.objects.filter(pk=pk).values().get() == before
    assert walked == 107


def test_a_payment_is_neither_changed_nor_deleted(posted: Invoice) -> None:
    payment = Payment.objects.get()

    assert refused("UPDATE invoicing_payment SET amount = 1 WHERE id = %s", payment.pk)
    assert refused("DELETE FROM invoicing_payment WHERE id = %s", payment.pk)


def test_a_row_is_not_replaced_by_another_of_its_key(posted: Invoice) -> None:
    """SQLite's REPLACE deletes the old row in silence unless the connection says otherwise."""
    columns = ", ".join(f'"{field.column}"' for field in Invoice._meta.concrete_fields)
    if connection.vendor == "sqlite":
        assert refused(f"REPLACE INTO invoicing_invoice ({columns}) SELECT {columns} FROM invoicing_invoice")
    assert Invoice.objects.get(pk=posted.pk).number == posted.number


def test_nothing_is_added_to_a_posted_invoice(world: World, posted: Invoice) -> None:
    line, tax = posted.lines.first(), posted.taxes.get()
    draft = world.draft()
    tax.rate += 1

    for copy in (line, tax):
        copy.pk = None
        with pytest.raises(IntegrityError, match="définitive"), transaction.atomic():
            copy.save(force_insert=True)
    assert refused("UPDATE invoicing_invoiceline SET invoice_id = %s WHERE invoice_id = %s", posted.pk, draft.pk)
    draft.taxes.update(rate=D("3.00"))  # the only one of its rate
    assert refused("UPDATE invoicing_invoicetax SET invoice_id = %s WHERE invoice_id = %s", posted.pk, draft.pk)
    assert (posted.lines.count(), posted.taxes.count()) == (2, 1)


def test_no_line_is_added_to_a_written_entry(transactional_db: None, posted: Invoice) -> None:
    """A line was added, by ORM or SQL, to an entry that was written before: it no longer balanced."""
    entry = Entry.objects.get(document=posted.number)
    leg, count = entry.lines.first(), entry.lines.count()
    columns = "entry_id, account, label, debit, credit"

    leg.pk = None
    with pytest.raises(IntegrityError, match="définitive"), transaction.atomic():
        leg.save(force_insert=True)
    with pytest.raises(IntegrityError, match="définitive"), transaction.atomic():
        EntryLine.objects.bulk_create([EntryLine(entry=entry, account="512000", debit=D(1))])
    assert refused(f"INSERT INTO invoicing_entryline ({columns}) VALUES (%s, '512000', '', 0, 1)", entry.pk)
    assert entry.lines.count() == count > 0


@pytest.mark.postgresql
def test_an_entry_without_lines_gets_none_later(transactional_db: None, world: World) -> None:
    """PostgreSQL knows which transaction wrote the entry: savepoints of it may add its lines, a later one may not."""
    journal = Journal.objects.get(company=world.company, code="VE")
    values = {"journal": journal, "on": world.today, "document": "x", "label": "x"}
    with transaction.atomic():
        with transaction.atomic():
            entry = Entry.objects.create(number="1", **values)
        EntryLine.objects.create(entry=entry, account="512000", debit=D(1))
        with transaction.atomic():
            EntryLine.objects.create(entry=entry, account="411000", credit=D(1))
    empty = Entry.objects.create(number="2", **values)

    with pytest.raises(IntegrityError, match="définitive"), transaction.atomic():
        EntryLine.objects.create(entry=empty, account="512000", debit=D(1))

    assert (entry.lines.count(), empty.lines.count()) == (2, 0)


def test_legs_that_add_up_to_nothing_half_way_are_written(world: World) -> None:
    """Debits come first: an entry is closed on SQLite when its sides are equal, at its last leg and not before."""
    journal = Journal.objects.get(company=world.company, code="VE")
    legs = [Leg("411000", D(100)), Leg("706000", D(-100)), Leg("445711", D(-20)), Leg("411000", D(20))]

    write_entries([EntryDraft(journal, "1", world.today, "x", "x", legs)])

    rows = EntryLine.objects.order_by("pk").values_list("account", "debit", "credit")
    assert list(rows) == [
        ("411000", D(100), D(0)),
        ("411000", D(20), D(0)),
        ("706000", D(0), D(100)),
        ("445711", D(0), D(20)),
    ]


def test_a_draft_still_changes(world: World) -> None:
    draft = world.draft()

    sql("UPDATE invoicing_invoice SET notes = 'x' WHERE id = %s", draft.pk)
    sql("UPDATE invoicing_invoiceline SET label = 'y' WHERE invoice_id = %s", draft.pk)
    sql("DELETE FROM interventions_requestlineclaim")
    sql("DELETE FROM invoicing_invoicetax WHERE invoice_id = %s", draft.pk)

    draft.refresh_from_db()
    assert (draft.notes, draft.lines.get().label, draft.taxes.count()) == ("x", "y", 0)


def test_a_posted_line_deleted_from_a_shell_is_billed_no_second_time(world: World) -> None:
    intervention = world.intervention(item(3))
    invoice = post_invoice(world.draft(intervention=intervention), on=world.today, by=world.accountant)
    line = invoice.lines.get()

    with pytest.raises(IntegrityError, match="définitive"), transaction.atomic():
        InvoiceLine.objects.filter(pk=line.pk).delete()

    assert world.left(intervention) == [D(0)]
    with pytest.raises(NothingToBill):
        invoice_intervention(intervention, on=world.today, by=world.biller)


def test_a_claim_is_released_once_and_by_nothing_else(world: World, period: PeriodClaim) -> None:
    other = make_contract(world, "01/11/26")
    bill(world, other, on="01/11/26")
    draft_claim = PeriodClaim.objects.exclude(pk=period.pk).get()
    assert refused(
        "UPDATE contracts_periodclaim SET invoice_line_id = %s WHERE id = %s", period.invoice_line_id, draft_claim.pk
    )
    release = "UPDATE contracts_periodclaim SET released_by_id = %s, net = net + %s WHERE id = %s"
    assert refused(release, period.invoice_line_id, 1, period.pk)

    credit_invoice(period.invoice_line.invoice, on=world.today, by=world.accountant, rebill=True)

    period.refresh_from_db()
    assert period.released_by is not None
    assert refused("UPDATE contracts_periodclaim SET released_by_id = NULL WHERE id = %s", period.pk)
    assert refused(release, draft_claim.invoice_line_id, 0, period.pk)


@pytest.mark.postgresql
def test_no_guarded_table_is_truncated(posted: Invoice) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks to come cannot be truncated
    for model in GUARDED:
        assert refused(f'TRUNCATE "{model._meta.db_table}" CASCADE'), model


def test_a_missing_guard_is_named_by_the_check_and_by_healthz(world: World) -> None:
    drop_guards()

    warnings = run_checks(tags=[Tags.database], databases=["default"])
    answer = world.office().client.get("/healthz").json()

    names = missing_guards()
    assert len(names) == (54 if connection.vendor == "postgresql" else 37)
    assert [w.id for w in warnings] == ["openfire.W001"] * len(names)
    assert all(name in warning.msg for name, warning in zip(names, warnings, strict=True))
    assert answer["guards"] == {"missing": len(names)}
    make_guards()
    assert missing_guards() == []
    assert world.office().client.get("/healthz").json()["guards"] == "ok"


def test_a_trigger_that_no_model_declares_is_dropped(transactional_db: None) -> None:
    """On SQLite, an unknown guard was taken for a disabled one, and the guards could not be made."""
    table = Entry._meta.db_table
    if connection.vendor == "sqlite":
        sql(f"CREATE TRIGGER guard_old BEFORE DELETE ON {table} BEGIN SELECT RAISE(IGNORE); END")
    else:
        sql(f"CREATE TRIGGER guard_old BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION guard_refuse('x')")

    make_guards()

    with pytest.raises(DatabaseError, match="guard_old"):
        sql("DROP TRIGGER guard_old" + (f" ON {table}" if connection.vendor == "postgresql" else ""))
    assert missing_guards() == []


def test_a_guarded_table_rebuilt_by_a_migration_has_its_guards_again(transactional_db: None) -> None:
    drop_guards()  # as `migrate` does before it
    field = Invoice._meta.get_field("reason")
    wider = models.CharField(max_length=201, blank=True)
    wider.set_attributes_from_name("reason")
    with connection.schema_editor() as editor:
        editor.alter_field(Invoice, field, wider)
        editor.alter_field(Invoice, wider, field)

    call_command("migrate", verbosity=0)

    assert missing_guards() == []


def test_a_table_rebuilt_in_silence_is_found_out(transactional_db: None) -> None:
    field = InvoiceTax._meta.get_field("category")
    wider = models.CharField(max_length=3)
    wider.set_attributes_from_name("category")
    with connection.schema_editor() as editor:
        editor.alter_field(InvoiceTax, field, wider)
        editor.alter_field(InvoiceTax, wider, field)

    lost = [] if connection.vendor == "postgresql" else ["delete", "insert", "update"]  # SQLite rebuilds the table
    assert [name.rpartition("_")[0] for name in missing_guards()] == [
        f"guard_invoicing_invoicetax_{event}" for event in lost
    ]
    call_command("migrate", verbosity=0)
    assert missing_guards() == []


def test_flush_empties_guarded_tables_and_keeps_their_guards(transactional_db: None) -> None:
    HistoryLine.objects.create(content_type=ContentType.objects.get_for_model(Invoice), object_id=1, act="x")

    call_command("flush", verbosity=0, interactive=False)

    assert (HistoryLine.objects.count(), missing_guards()) == (0, [])


def test_guards_come_back_after_a_failure(world: World, posted: Invoice) -> None:
    def fail() -> None:
        with without_guards():
            sql("UPDATE invoicing_invoice SET notes = 'x' WHERE id = %s", posted.pk)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert missing_guards() == []
    posted.refresh_from_db()
    assert posted.notes == ""


def test_an_account_that_did_something_is_closed_and_never_deleted(world: World, posted: Invoice) -> None:
    with pytest.raises(ProtectedError):
        User.objects.filter(pk=world.accountant.pk).delete()
