"""Draft invoices: created by hand, edited, cancelled, deleted."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import cast

from django.db.models import Max, Model
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import InvoiceKind, InvoiceState
from invoicing.models import (
    Address,
    Claim,
    Company,
    FiscalPosition,
    Invoice,
    InvoiceLine,
    InvoiceTax,
    JournalCounter,
    Partner,
    PaymentTerm,
)
from invoicing.models.documents.lines import lines_totals
from invoicing.services.documents.deductions import parts_of, refuse_deductions
from invoicing.services.documents.intents import DraftIntent
from invoicing.services.documents.lines import PRINTED, Item, LineEdit, apply_edits, complete_line, copy_printed
from invoicing.services.documents.writing import refusal_of_day, write_draft
from invoicing.services.locks import HeldClaims, lock_drafts
from invoicing.services.records.changes import line_change
from invoicing.services.records.history import move, record, record_many
from invoicing.services.records.saving import describe_changes
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import columns_of, raise_version, save_changed
from openfire_billing.kernel.errors import BusinessError, Step
from openfire_billing.kernel.money import Totals


def draft_invoice(
    *,
    company: Company,
    customer: Partner,
    items: Sequence[Item],
    on: date,
    by: By,
    origin: str,
    fiscal_position: FiscalPosition | None,
    site: Address | None = None,
    billing_address: Address | None = None,
    payment_term: PaymentTerm | None = None,
    kind: str = InvoiceKind.INVOICE,
    purchase_order: str = "",
    notes: str = "",
) -> Invoice:
    """Create a draft invoice typed by hand, proposed for the day `on`. It bills no other document.

    Raises BusinessError: no article line, no fiscal position, article without income account, another company's tax.
    """
    intent = DraftIntent(
        company=company.pk,
        customer=customer.pk,
        lines=[item.intent() for item in items],
        proposed_on=on,
        origin=origin,
        fiscal_position=fiscal_position.pk if fiscal_position else None,
        kind=str(kind),
        site=site.pk if site else None,
        billing_address=billing_address.pk if billing_address else None,
        payment_term=payment_term.pk if payment_term else None,
        purchase_order=purchase_order,
        notes=notes,
    )
    with atomic():
        written = write_draft(intent, by=by, at=timezone.now())
    return Invoice.objects.select_related("company", "customer").get(pk=written.invoice)


def _set_totals(invoice: Invoice, totals: Totals) -> None:
    invoice.net, invoice.tax, invoice.gross = totals.net, totals.tax, totals.gross


def write_taxes(invoice: Invoice, totals: Totals) -> None:
    """Replace the stored taxes of a document that is not posted."""
    InvoiceTax.objects.filter(invoice=invoice).delete()
    InvoiceTax.objects.bulk_create(
        InvoiceTax(invoice=invoice, category=t.category, rate=t.rate, base=t.base, amount=t.amount)
        for t in totals.taxes
    )


def refresh_totals(invoice: Invoice) -> None:
    """Compute a draft's amounts from its lines and write its taxes. The caller saves the columns of the draft.

    Raises BusinessError when its deductions exceed what they reduce.
    """
    lines = list(invoice.lines.select_related("tax"))
    refuse_deductions(
        parts_of(lines, invoice.rounding),
        name=invoice,
        rounding=invoice.rounding,
        currency=invoice.currency,
        step=Step(_("Corriger les lignes"), invoice, tab="lines"),
    )
    totals = lines_totals(lines, invoice.rounding)
    _set_totals(invoice, totals)
    write_taxes(invoice, totals)


def edit_draft(
    invoice: Invoice,
    *,
    edits: Sequence[LineEdit],
    values: Mapping[str, object] | None = None,
    seen: int | None = None,
    by: By,
) -> Invoice:
    """Change a draft's header and lines.

    The quantity of a line with a quantity claim may fall, but not to zero, or rise by what its source has left. A line
    with a thing claim keeps its quantity. A claimed line keeps its article. Deleting a line makes its source billable
    again.
    """
    with atomic():
        (invoice,), claims = lock_drafts([invoice], seen=seen)
        before = columns_of(invoice)
        for name, value in (values or {}).items():
            setattr(invoice, name, value)
        if invoice.proposed_on != before["proposed_on"] and (far := refusal_of_day(invoice, invoice.proposed_on)):
            raise far
        lines = {line.pk: line for line in invoice.lines.select_related("product", "tax", "unit")}
        claimed = {claim.invoice_line_id: kind for kind, held in claims for claim in held}
        _check_edits(lines, claimed, claims, edits)

        def save(line: InvoiceLine, _before: object) -> None:
            complete_line(
                line,
                position=invoice.fiscal_position,
                company=invoice.company,
                on=line.supply_day or invoice.proposed_on,
            )
            line.net = line.net_amount(invoice.rounding)
            copy_printed(line)
            line.save()

        deleted, changes = apply_edits(lines, edits, new=lambda: InvoiceLine(invoice=invoice), save=save)
        _delete_lines(deleted, claims, by=by)
        if invoice.fiscal_position_id != before["fiscal_position_id"]:
            _map_taxes(invoice, by=by, issued_on=invoice.proposed_on)
        for kind, held in claims:
            kind.priced(held, {pk: line for pk, line in lines.items() if line not in deleted})
        refresh_totals(invoice)
        if not save_changed(invoice, before) and edits:
            raise_version(invoice)
        header = describe_changes(invoice, before, values or {})
        if header:
            record(invoice, "changed", by=by, text=_("Fiche modifiée"), changes=header)
        if changes:
            record(invoice, "edited", by=by, text=_("Lignes modifiées"), changes={"lines": changes})
    return invoice


def _check_edits(
    lines: Mapping[int, InvoiceLine],
    claimed: Mapping[int, type[Claim]],
    claims: HeldClaims,
    edits: Sequence[LineEdit],
) -> None:
    wanted: dict[int, Decimal] = {}
    for edit in edits:
        if edit.pk is None:
            continue
        if edit.pk not in lines:
            raise BusinessError(_("Une ligne modifiée n'est plus sur ce brouillon. Rechargez la page."), code="stale")
        line, kind = lines[edit.pk], claimed.get(edit.pk)
        if edit.delete or kind is None:
            continue
        quantity = _wanted_quantity(line, kind, edit)
        if quantity != line.quantity:
            wanted[line.pk] = quantity
    for kind, held in claims:
        touched = [claim for claim in held if claim.invoice_line_id in wanted]
        if touched:
            kind.check_changes(touched, wanted)


def _wanted_quantity(line: InvoiceLine, kind: type[Claim], edit: LineEdit) -> Decimal:
    """Return the quantity that a form gives a claimed line. Raises BusinessError: another article, a part of a thing."""
    if "product" in edit.values and edit.values["product"] != line.product:
        raise BusinessError(
            _("« %s » : l'article d'une ligne qui vient d'un autre document ne change pas. Supprimez la ligne.") % line
        )
    quantity = cast("Decimal", edit.values.get("quantity", line.quantity))
    if quantity != line.quantity and not kind.IS_QUANTITY:
        raise BusinessError(_("« %s » : la quantité d'une période ou d'une visite ne change pas.") % line)
    if quantity <= 0 and quantity != line.quantity:
        raise BusinessError(
            _("« %s » : la quantité reste supérieure à zéro. Pour ne pas facturer la ligne, supprimez-la.") % line
        )
    return Decimal(quantity)


def _delete_lines(deleted: Sequence[InvoiceLine], claims: HeldClaims, *, by: By) -> None:
    ids = {line.pk for line in deleted}
    if not ids:
        return
    freed = [(kind, [c for c in held if c.invoice_line_id in ids]) for kind, held in claims]
    for kind, held in freed:
        kind.check_freed(held)
    InvoiceLine.objects.filter(pk__in=ids).delete()
    for kind, held in freed:
        if held:
            kind.freed(held, by=by)


def _issued_if_posted(invoice: Invoice, on: date) -> date:
    """Return the issue date of a draft posted `on`: the proposed date, or `on` when the journal has a later document."""
    last = JournalCounter.objects.filter(journal=invoice.journal_id).aggregate(last=Max("last_issued_on"))["last"]
    return invoice.proposed_on if (last or date.min) <= invoice.proposed_on <= on else on


def update_taxes(invoice: Invoice, *, seen: int | None = None, by: By, on: date | None = None) -> Invoice:
    """Set the tax of a draft's lines from article, fiscal position and day of supply.

    A line without a period or a visit is supplied on the day of issue of a draft posted `on`; without `on`, on the
    proposed date.
    """
    with atomic():
        (invoice,), _claims = lock_drafts([invoice], seen=seen)
        before = columns_of(invoice)
        if _map_taxes(invoice, by=by, issued_on=_issued_if_posted(invoice, on) if on else invoice.proposed_on):
            refresh_totals(invoice)
            if not save_changed(invoice, before):
                raise_version(invoice)
    return invoice


def _map_taxes(invoice: Invoice, *, by: By, issued_on: date) -> bool:
    """Write the tax of each line of a locked draft on its day of supply. Returns whether one changed."""
    changed = []
    for line in invoice.lines.select_related("product__tax", "tax", "unit"):
        if not line.is_article:
            continue
        before = line.tax
        day = line.supply_day or issued_on
        if line.product is not None:
            line.tax_is_manual = False
            complete_line(line, position=invoice.fiscal_position, company=invoice.company, on=day)
        elif line.tax is not None:
            line.tax = line.tax.on(day)
        if line.tax != before:
            copy_printed(line)
            changed.append((line, before))
    InvoiceLine.objects.bulk_update([line for line, _before in changed], ["tax", "tax_is_manual", *PRINTED])
    if changed:
        record(
            invoice,
            "taxes_updated",
            by=by,
            text=_("Taxes mises à jour"),
            changes={
                "lines": [
                    line_change(line, "changed", {"tax": [str(before), str(line.tax)]}) for line, before in changed
                ]
            },
        )
    return bool(changed)


def cancel_draft(invoice: Invoice, *, seen: int | None = None, by: By) -> Invoice:
    """Cancel a draft, which is kept. Its sources become billable again."""
    with atomic():
        (invoice,), claims = lock_drafts([invoice], seen=seen)
        _tell_sources(
            _("Brouillon annulé (%s) : ce qu'il facturait est de nouveau à facturer"), [invoice], claims, by=by
        )
        for kind, held in claims:
            kind.check_freed(held)
            kind._default_manager.filter(pk__in=[claim.pk for claim in held]).delete()
            kind.freed(held, by=by)
        move(invoice, InvoiceState.CANCELLED, by=by, act="cancelled", text=_("Brouillon annulé"))
    return invoice


def delete_drafts(invoices: Sequence[Invoice], *, by: By) -> int:
    """Delete all these drafts, or none. Their sources become billable again. Returns how many were deleted."""
    with atomic():
        locked, claims = lock_drafts(invoices)
        for kind, held in claims:
            kind.check_freed(held)
        _tell_sources(
            _("Brouillon supprimé (%s) : ce qu'il facturait est de nouveau à facturer"), locked, claims, by=by
        )
        for invoice in locked:
            record(invoice, "deleted", by=by, text=_("Brouillon supprimé"))
        Invoice.objects.filter(pk__in=[invoice.pk for invoice in locked]).delete()
        for kind, held in claims:
            kind.freed(held, by=by)
    return len(locked)


def _tell_sources(text: Text, drafts: Sequence[Invoice], claims: HeldClaims, *, by: By) -> None:
    """Write in the journals of the documents that these drafts bill that they are billed no more."""
    named = {draft.pk: draft for draft in drafts}
    billed: dict[type[Model], set[tuple[int, int]]] = {}  # (draft, source), once for all the claims on one source
    for kind, held in claims:
        billed.setdefault(kind.source_model(), set()).update(
            kind._default_manager.filter(pk__in=[claim.pk for claim in held])
            .order_by()
            .values_list("invoice_line__invoice", kind.SOURCE)
        )
    told: list[tuple[Model, Text, None]] = []
    for model, pairs in billed.items():
        sources = model._default_manager.in_bulk({source for _draft, source in pairs})
        told += [(sources[source], text % named[draft], None) for draft, source in sorted(pairs)]
    record_many(told, "freed", by=by)
