"""Draft invoices: made, edited, cancelled, deleted. All writes to a draft's lines go through here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from invoicing.choices import InvoiceKind, InvoiceState, JournalKind
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
from invoicing.models.documents.claims import children_of
from invoicing.models.documents.lines import lines_totals
from invoicing.services.catalogue import default_term, journal_of, usual_terms
from invoicing.services.documents.lines import Item, LineEdit, apply_edits, complete_line, refuse_unbillable
from invoicing.services.records.history import move, record
from openfire_billing.kernel.errors import BusinessError, WrongState
from openfire_billing.kernel.money import Totals

_JOURNALS = {
    InvoiceKind.INVOICE: JournalKind.INVOICE,
    InvoiceKind.CREDIT_NOTE: JournalKind.CREDIT_NOTE,
    InvoiceKind.DEPOSIT: JournalKind.DEPOSIT,
}


@dataclass(frozen=True)
class Draft:
    """A draft just made and its lines, in the order of the items it was made from."""

    invoice: Invoice
    lines: list[InvoiceLine]


def draft_invoice(
    *,
    company: Company,
    customer: Partner,
    items: Sequence[Item],
    on: date,
    by: Any,
    origin: str,
    fiscal_position: FiscalPosition | None,
    site: Address | None = None,
    payment_term: PaymentTerm | None = None,
    kind: str = InvoiceKind.INVOICE,
    purchase_order: str = "",
) -> Draft:
    """Make a draft proposed at `on`. The caller claims the lines, in the same transaction.

    Raises BusinessError: no article line, no fiscal position, article without income account, another company's tax.
    """
    refuse_unbillable(items, company=company, position=fiscal_position, name=origin)
    invoice = Invoice(
        company=company,
        kind=kind,
        journal=journal_of(company, _JOURNALS[InvoiceKind(kind)]),
        customer=customer,
        billing_address=customer.billing_address(),
        site=site,
        fiscal_position=fiscal_position,
        payment_term=payment_term or usual_terms(customer).payment_term or default_term(),
        proposed_on=on,
        origin=origin[:160],
        purchase_order=purchase_order,
        rounding=company.rounding,
        currency=company.currency,
    )
    lines = [_line_of(item, position, on, company.rounding) for position, item in enumerate(items, 1)]
    _put_totals(invoice, lines_totals(lines, company.rounding))
    invoice.save()
    for line in lines:
        line.invoice = invoice
    lines = InvoiceLine.objects.bulk_create(lines)
    write_taxes(invoice, lines_totals(lines, company.rounding))
    record(invoice, "created", by=by, text=_("Brouillon créé depuis %s") % origin)
    return Draft(invoice, lines)


def _line_of(item: Item, position: int, on: date, rounding: str) -> InvoiceLine:
    line = InvoiceLine(
        kind=item.kind,
        position=position,
        product=item.product,
        label=item.label,
        quantity=item.quantity,
        unit=item.unit,
        unit_price=item.unit_price,
        discount=item.discount,
        tax=item.tax.on(item.supply_day or on) if item.tax else None,
        tax_is_manual=item.tax_is_manual,
        period_start=item.period_start,
        period_end=item.period_end,
        supplied_on=item.supplied_on,
    )
    line.net = line.net_amount(rounding)
    return line


def _put_totals(invoice: Invoice, totals: Totals) -> None:
    invoice.net, invoice.tax, invoice.gross = totals.net, totals.tax, totals.gross


def write_taxes(invoice: Invoice, totals: Totals) -> None:
    """Replace the stored taxes of a document that is not posted yet."""
    InvoiceTax.objects.filter(invoice=invoice).delete()
    InvoiceTax.objects.bulk_create(
        InvoiceTax(invoice=invoice, category=t.category, rate=t.rate, base=t.base, amount=t.amount)
        for t in totals.taxes
    )


def refresh_totals(invoice: Invoice) -> None:
    """Recompute a draft's stored amounts from its lines."""
    lines = list(invoice.lines.select_related("tax"))
    totals = lines_totals(lines, invoice.rounding)
    _put_totals(invoice, totals)
    invoice.save(update_fields=["net", "tax", "gross"])
    write_taxes(invoice, totals)


def claims_on(lines: Any) -> list[tuple[type[Claim], list[Any]]]:
    """The claims held by invoice lines: (kind of claim, claims), in the order in which their sources are locked."""
    found = []
    for claim in children_of(Claim):
        claims = list(claim.objects.filter(invoice_line__in=lines).select_related("invoice_line").order_by("pk"))
        if claims:
            found.append((claim, claims))
    return found


def lock_claimed(lines: Any) -> list[tuple[type[Claim], list[Any]]]:
    """Lock what these invoice lines bill (DI first, then quotes, then RDVs) and return their claims."""
    claims = claims_on(lines)
    for kind, held in claims:
        kind.lock(held)
    return claims


def _lock_drafts(invoices: Sequence[Invoice]) -> list[Invoice]:
    ids = [invoice.pk for invoice in invoices]
    locked = list(
        Invoice.objects.select_for_update(of=("self",)).select_related("company").filter(pk__in=ids).order_by("pk")
    )
    if len(locked) < len(ids):
        raise BusinessError(_("Ce brouillon n'existe plus : il a été supprimé entre-temps. Revenez à la liste."))
    for invoice in locked:
        if not invoice.is_draft:
            raise WrongState(
                _("%(invoice)s est à l'état « %(state)s » : seul un brouillon se modifie. Corrigez-la par un avoir.")
                % {"invoice": invoice, "state": invoice.get_state_display()}
            )
    return locked


def edit_draft(
    invoice: Invoice, *, edits: Sequence[LineEdit], values: Mapping[str, Any] | None = None, by: Any
) -> Invoice:
    """Change a draft's header and lines.

    A line that bills a quantity may fall (never to zero), or rise to what its source has left; its article is
    fixed. A line that bills a whole thing keeps its quantity. Deleting a line frees what it billed.
    """
    with transaction.atomic():
        claims = lock_claimed(InvoiceLine.objects.filter(invoice=invoice))
        (invoice,) = _lock_drafts([invoice])
        position_was = invoice.fiscal_position_id
        for name, value in (values or {}).items():
            setattr(invoice, name, value)
        if values:
            invoice.save()
        lines = {line.pk: line for line in invoice.lines.select_related("product", "tax", "unit")}
        claimed = {claim.invoice_line_id: kind for kind, held in claims for claim in held}
        _check_edits(lines, claimed, claims, edits)

        def save(line: InvoiceLine, before: Any) -> None:
            complete_line(
                line,
                position=invoice.fiscal_position,
                company=invoice.company,
                on=line.supply_day or invoice.proposed_on,
            )
            line.net = line.net_amount(invoice.rounding)
            line.save()

        doomed, changes = apply_edits(lines, edits, new=lambda: InvoiceLine(invoice=invoice), save=save)
        _delete_lines(doomed, claims, by=by)
        for kind, held in claims:
            kind.priced(held, {pk: line for pk, line in lines.items() if line not in doomed})
        if invoice.fiscal_position_id != position_was:
            update_taxes(invoice, by=by)
        refresh_totals(invoice)
        if changes:
            record(invoice, "edited", by=by, text=_("Lignes modifiées"), changes=changes)
    return invoice


def _check_edits(
    lines: Mapping[int, InvoiceLine],
    claimed: Mapping[int, type[Claim]],
    claims: Sequence[tuple[type[Claim], list[Any]]],
    edits: Sequence[LineEdit],
) -> None:
    wanted: dict[int, Decimal] = {}
    for edit in edits:
        if edit.pk is None:
            continue
        if edit.pk not in lines:
            raise BusinessError(_("Une ligne modifiée n'est plus sur ce brouillon. Rechargez la page."))
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
    """The quantity a form wants of a line that bills something. Refuses another article, or a part of a thing."""
    if "product" in edit.values and edit.values["product"] != line.product:
        raise BusinessError(
            _("« %s » : l'article d'une ligne qui vient d'un autre document ne change pas. Supprimez la ligne.") % line
        )
    quantity = edit.values.get("quantity", line.quantity)
    if quantity != line.quantity and not kind.IS_QUANTITY:
        raise BusinessError(_("« %s » : la quantité d'une période ou d'une visite ne change pas.") % line)
    if quantity <= 0 and quantity != line.quantity:
        raise BusinessError(
            _("« %s » : la quantité reste supérieure à zéro. Pour ne pas facturer la ligne, supprimez-la.") % line
        )
    return Decimal(quantity)


def _delete_lines(doomed: Sequence[InvoiceLine], claims: Sequence[tuple[type[Claim], list[Any]]], *, by: Any) -> None:
    ids = {line.pk for line in doomed}
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
    """The day a draft would be issued if it was posted `on`: its proposal, unless the journal is past it."""
    last = JournalCounter.objects.filter(journal=invoice.journal_id).aggregate(last=Max("last_issued_on"))["last"]
    return invoice.proposed_on if (last or date.min) <= invoice.proposed_on <= on else on


def update_taxes(invoice: Invoice, *, by: Any, on: date | None = None) -> Invoice:
    """Give a draft's lines the tax of their article, of the fiscal position and of the day.

    The day of a line without period or visit is that of issue, if the draft was posted `on`; else the proposed one.
    """
    with transaction.atomic():
        (invoice,) = _lock_drafts([invoice])
        issued_on = _issued_if_posted(invoice, on) if on else invoice.proposed_on
        changed = []
        for line in invoice.lines.select_related("product__tax", "tax"):
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
                changed.append((line, before))
        InvoiceLine.objects.bulk_update([line for line, _before in changed], ["tax", "tax_is_manual"])
        refresh_totals(invoice)
        if changed:
            record(
                invoice,
                "taxes_updated",
                by=by,
                text=_("Taxes mises à jour"),
                changes={str(line): [str(before), str(line.tax)] for line, before in changed},
            )
    return invoice


def cancel_draft(invoice: Invoice, *, by: Any) -> Invoice:
    """Cancel a draft: it stays for the record, what it billed is free again."""
    with transaction.atomic():
        claims = lock_claimed(InvoiceLine.objects.filter(invoice=invoice))
        (invoice,) = _lock_drafts([invoice])
        for kind, held in claims:
            kind.check_freed(held)
            kind._default_manager.filter(pk__in=[claim.pk for claim in held]).delete()
            kind.freed(held, by=by)
        move(invoice, InvoiceState.CANCELLED, by=by, act="cancelled", text=_("Brouillon annulé"))
    return invoice


def delete_drafts(invoices: Sequence[Invoice], *, by: Any) -> int:
    """Delete drafts; what they billed is free again. All or none. Returns how many."""
    with transaction.atomic():
        claims = lock_claimed(InvoiceLine.objects.filter(invoice__in=invoices))
        locked = _lock_drafts(invoices)
        for kind, held in claims:
            kind.check_freed(held)
        for invoice in locked:
            record(invoice, "deleted", by=by, text=_("Brouillon supprimé"))
        Invoice.objects.filter(pk__in=[invoice.pk for invoice in locked]).delete()
        for kind, held in claims:
            kind.freed(held, by=by)
    return len(locked)
