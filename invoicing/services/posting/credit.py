"""Credit notes: compute, then create and post in one act. A line is never credited beyond what is left of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from django.db.models import F
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from invoicing.choices import InvoiceKind, InvoiceState, LineKind, VatCategory
from invoicing.models import Invoice, InvoiceLine, InvoiceTax
from invoicing.services.documents.intents import DraftIntent, line_intent
from invoicing.services.documents.writing import write_draft
from invoicing.services.locks import HeldClaims, lock_with_claims
from invoicing.services.posting.checks import net_left_of
from invoicing.services.posting.post import number_drafts, write_posted
from invoicing.services.records.history import record
from invoicing.services.settlement.payments import use_credit
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel import money
from openfire_billing.kernel.errors import BusinessError, NothingToBill
from openfire_billing.kernel.formats import money_text, names_text, number_text
from openfire_billing.kernel.money import TaxTotal, Totals


@dataclass(frozen=True)
class CreditPlan:
    """The content of a credit note: (line, quantity, net) of each credited line, and the totals. Amounts are positive."""

    lines: tuple[tuple[InvoiceLine, Decimal, Decimal], ...]
    totals: Totals


def is_creditable(invoice: Invoice) -> bool:
    """Return whether a credit note is possible: a posted invoice, with a line and an amount left to credit."""
    if not invoice.is_posted or invoice.is_credit_note:
        return False
    lines = InvoiceLine.objects.filter(invoice=invoice, kind=LineKind.ARTICLE).left_to_credit()
    if not lines.exclude(credited=F("quantity")).exists():
        return False
    if not invoice.net.amount or net_left_of(invoice) != 0:
        return True
    # with a deduction, lines that are worth nothing together without VAT may still bear VAT
    return lines.filter(unit_price__lt=0).exclude(credited=F("quantity")).exists()


def plan_credit(invoice: Invoice, *, quantities: Mapping[int, Decimal] | None = None) -> CreditPlan:
    """Compute the credit note of `quantities` ({line id: quantity}; None for all that is left). Writes nothing.

    A credit note that finishes a line takes the net left of it, one that finishes a rate takes the tax left, and an
    earlier one takes at most the tax left: credit notes of a whole invoice add up to it. Raises BusinessError: not a
    posted invoice, unknown line, more than what is left, nothing chosen (NothingToBill).
    """
    if not invoice.is_posted or invoice.is_credit_note:
        raise BusinessError(_("%s : seule une facture validée se corrige par un avoir.") % invoice, code="wrong_state")
    lines = [
        line
        for line in InvoiceLine.objects.filter(invoice=invoice)
        .left_to_credit()
        .select_related("product", "tax", "unit")
        if line.is_article
    ]
    unknown = set(quantities or {}) - {line.pk for line in lines}
    if unknown:
        raise BusinessError(_("Une ligne choisie n'est pas sur %s. Rechargez la page.") % invoice, code="stale")
    chosen = []
    for line in lines:
        left = line.quantity - line.credited
        wanted = left if quantities is None else quantities.get(line.pk, Decimal(0))
        if wanted == 0:
            continue
        if abs(wanted) > abs(left) or (wanted > 0) != (left > 0):
            raise BusinessError(
                _("« %(line)s » : il reste %(left)s à créditer. Baissez la quantité.")
                % {"line": line, "left": number_text(left, 0)},
                code="credit_beyond_left",
            )
        net_left = line.net - line.credited_net
        net = net_left if wanted == left else _within(line.net_amount(invoice.rounding, wanted), net_left)
        chosen.append((line, wanted, net))
    if not chosen:
        raise NothingToBill(_("%s : rien à créditer. Choisissez au moins une quantité.") % invoice, code="nothing_left")
    net_left = net_left_of(invoice)
    if (
        sum(net for _line, _quantity, net in chosen) > net_left
    ):  # a credit note without credited lines took a part of it, or a deduction is left out
        raise BusinessError(
            _("%(invoice)s : il reste %(left)s HT à créditer, ses avoirs compris. %(advice)s")
            % {"invoice": invoice, "left": money_text(net_left, invoice.currency), "advice": _advice(lines)},
            code="credit_beyond_left",
        )
    plan = CreditPlan(tuple(chosen), _totals(invoice, chosen))
    _refuse_beyond_rate(invoice, plan, lines)
    return plan


def _advice(lines: Sequence[InvoiceLine]) -> str:
    """Return what to do about a credit note above what is left: credit the deductions left with it, or less."""
    left = [f"« {line} »" for line in lines if line.is_deduction and line.quantity != line.credited]
    if not left:
        return str(_("Baissez les quantités."))
    return str(_("Baissez les quantités, ou créditez aussi la remise fixe (%s).") % names_text(left))


def _key(line: InvoiceLine) -> tuple[str, Decimal]:
    """Return the category and rate of an article line."""
    assert line.tax is not None
    return line.tax.category, line.tax.rate


def _refuse_beyond_rate(invoice: Invoice, plan: CreditPlan, lines: Sequence[InvoiceLine]) -> None:
    """Refuse a credit note that, at a rate with a deduction, credits more than its base left, or the deduction alone.

    The base of a rate is at least zero on the invoice, on its credit notes and on what is left. A deduction without VAT
    is taken off the total alone.
    """
    deducted = {_key(line) for line in lines if line.is_deduction}
    if not deducted:
        return
    done = _credited(invoice)
    bases = {(row.category, row.rate): row.base for row in invoice.taxes.all()}
    for tax in plan.totals.taxes:
        key = (tax.category, tax.rate)
        if key not in deducted or tax.category in VatCategory.untaxed:
            continue
        left = bases[key] - done.get(key, (money.ZERO, money.ZERO))[0]
        names = {"invoice": invoice, "rate": number_text(tax.rate, 0), "left": money_text(left, invoice.currency)}
        if tax.base > left:
            raise BusinessError(
                _("%(invoice)s : il reste %(left)s HT à créditer à %(rate)s %% de TVA, remise fixe déduite. %(advice)s")
                % {**names, "advice": _advice([line for line in lines if _key(line) == key])},
                code="credit_beyond_left",
            )
        if tax.base < 0:
            raise BusinessError(
                _(
                    "%(invoice)s : à %(rate)s %% de TVA, l'avoir reprend plus de remise fixe que de lignes. Créditez "
                    "aussi les lignes qu'elle réduit, ou baissez la quantité de la remise."
                )
                % names
            )


def _credited(invoice: Invoice) -> dict[tuple[str, Decimal], tuple[Decimal, Decimal]]:
    """Return {(category, rate): (base, tax)} of the posted credit notes of an invoice."""
    credited: dict[tuple[str, Decimal], tuple[Decimal, Decimal]] = {}
    for row in InvoiceTax.objects.filter(invoice__credits=invoice, invoice__state=InvoiceState.POSTED):
        base, amount = credited.get((row.category, row.rate), (money.ZERO, money.ZERO))
        credited[row.category, row.rate] = base + row.base, amount + row.amount
    return credited


def _within(amount: Decimal, left: Decimal) -> Decimal:
    """Return `amount`, or `left` when `amount` exceeds it. Both have the same sign."""
    return min(amount, left) if left >= 0 else max(amount, left)


def _totals(invoice: Invoice, chosen: list[tuple[InvoiceLine, Decimal, Decimal]]) -> Totals:
    bases: dict[tuple[str, Decimal], Decimal] = {}
    for line, _quantity, net in chosen:
        bases[_key(line)] = bases.get(_key(line), money.ZERO) + net
    credited = _credited(invoice)
    taxes = []
    for row in invoice.taxes.all():
        key = (row.category, row.rate)
        if key not in bases:
            continue
        base_done, tax_done = credited.get(key, (money.ZERO, money.ZERO))
        base_left, tax_left = row.base - base_done, row.amount - tax_done
        amount = (
            tax_left
            if bases[key] == base_left
            else _within(money.tax_of(bases[key], row.rate, invoice.rounding), tax_left)
        )
        taxes.append(TaxTotal(row.category, row.rate, bases[key], amount))
    return money.with_taxes(tuple(taxes))


def credit_invoice(
    invoice: Invoice,
    *,
    on: date,
    by: By,
    quantities: Mapping[int, Decimal] | None = None,
    rebill: bool,
    reason: str = "",
    seen: int | None = None,
) -> Invoice:
    """Create and post the credit note of `quantities` (as `plan_credit`), and settle the invoice with it.

    `rebill`: whether the sources of the credited lines become billable again. Raises as `plan_credit`, and
    BusinessError: date refused, negative total, part of a thing to bill again; StaleForm.
    """
    if on > timezone.localdate():
        raise BusinessError(
            _("Un avoir ne se date pas dans le futur : choisissez aujourd'hui ou avant."), code="date_in_future"
        )
    with atomic():
        (invoice,), claims = lock_with_claims([invoice], seen=seen)
        plan = plan_credit(invoice, quantities=quantities)
        if plan.totals.gross < 0:
            raise BusinessError(_("%s : le total de l'avoir serait négatif. Choisissez d'autres lignes.") % invoice)
        credit_note = _write_credit(invoice, plan, on=on, rebill=rebill, reason=reason, by=by)
        (outcome,) = number_drafts([credit_note], on=on)
        if outcome.is_refused:
            raise outcome.error or BusinessError(outcome.refusal)
        write_posted([credit_note], by=by)
        record(
            invoice,
            "credited",
            by=by,
            text=_("Avoir %(number)s de %(gross)s%(rebill)s")
            % {
                "number": credit_note.number,
                "gross": money_text(plan.totals.gross, invoice.currency),
                "rebill": _(", remis à facturer") if rebill else "",
            },
        )
        use_credit(credit_note, invoice=invoice, on=on, by=by)
        if rebill:
            _release(credit_note, plan, claims, by=by)
    return credit_note


def _release(credit_note: Invoice, plan: CreditPlan, claims: HeldClaims, *, by: By) -> None:
    """Call the hooks of the claims of the credited lines. Raises BusinessError when a thing would be released in part."""
    credited = {line.pk: (line, quantity) for line, quantity, _net in plan.lines}
    credit_lines = {line.credits_id: line for line in credit_note.lines.all() if line.credits_id is not None}
    for kind, held in claims:
        released = [claim for claim in held if claim.invoice_line_id in credited]
        if not released:
            continue
        if not kind.IS_QUANTITY:
            for claim in released:
                _refuse_part(*credited[claim.invoice_line_id])
            kind.check_freed(released)
            kind.released(released, credit_lines=credit_lines, by=by)
        kind.freed(released, by=by)


def _refuse_part(line: InvoiceLine, quantity: Decimal) -> None:
    if quantity == line.quantity:
        return
    if line.credited:
        raise BusinessError(
            _(
                "« %s » a déjà un avoir sans remise à facturer : sa période ne redevient pas à facturer. Décochez « Remettre à facturer »."
            )
            % line
        )
    raise BusinessError(
        _(
            "« %s » : une période, une visite ou une exception ne se remet à facturer qu'entière. Créditez toute la ligne, ou décochez « Remettre à facturer »."
        )
        % line
    )


def _write_credit(invoice: Invoice, plan: CreditPlan, *, on: date, rebill: bool, reason: str, by: By) -> Invoice:
    """Write the draft credit note of a plan. Returns it with the relations that posting reads."""
    intent = DraftIntent(
        company=invoice.company_id,
        kind=InvoiceKind.CREDIT_NOTE.value,
        customer=invoice.customer_id,
        billing_address=invoice.billing_address_id,
        site=invoice.site_id,
        fiscal_position=invoice.fiscal_position_id,
        proposed_on=on,
        credits=invoice.pk,
        reason=reason[:200],
        origin=_("%(number)s du %(day)s")
        % {"number": invoice.number, "day": date_format(invoice.issued_on or on, "d/m/Y")},
        purchase_order=invoice.purchase_order,
        currency=invoice.currency,
        taxes=plan.totals.taxes,
        lines=[
            replace(
                line_intent(line, quantity, supplied_on=line.supplied_on),
                net=net,
                period_start=line.period_start,
                period_end=line.period_end,
                credits=line.pk,
                rebill=rebill,
            )
            for line, quantity, net in plan.lines
        ],
    )
    written = write_draft(intent, by=by, at=timezone.now())
    return Invoice.objects.select_related(
        "company", "customer", "billing_address", "site", "journal", "payment_term", "fiscal_position"
    ).get(pk=written.invoice)
