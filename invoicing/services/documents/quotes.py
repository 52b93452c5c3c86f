"""Quotes: create, edit, send, accept, refuse, prolong, settle, invoice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from invoicing.choices import QuoteState
from invoicing.models import (
    Address,
    Company,
    FiscalPosition,
    Hold,
    Invoice,
    Partner,
    PaymentTerm,
    Quote,
    QuoteLine,
    QuoteLineClaim,
)
from invoicing.services.catalogue import take_number, usual_terms
from invoicing.services.documents.deductions import parts_of, refuse_deductions
from invoicing.services.documents.intents import DraftIntent, line_intent
from invoicing.services.documents.lines import (
    COPIED,
    Item,
    LineEdit,
    apply_edits,
    complete_line,
    item_of,
    refuse_unbillable,
    remap_taxes,
    unbillable,
)
from invoicing.services.documents.writing import write_draft
from invoicing.services.locks import lock_quote, lock_quotes
from invoicing.services.records.changes import LineChange
from invoicing.services.records.history import move, record
from invoicing.services.records.saving import describe_changes
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import columns_of, raise_version, save_changed, save_columns
from openfire_billing.kernel.errors import BusinessError, NothingToBill, Step, WrongState


@dataclass(frozen=True)
class QuoteDraft:
    """A new quote and its lines, in the order of the items."""

    quote: Quote
    lines: list[QuoteLine]


def draft_quote(
    *,
    company: Company,
    partner: Partner,
    items: Sequence[Item],
    on: date,
    by: By,
    origin: str = "",
    title: str = "",
    bill_to: Partner | None = None,
    site: Address | None = None,
    fiscal_position: FiscalPosition | None = None,
    payment_term: PaymentTerm | None = None,
    valid_until: date | None = None,
    notes: str = "",
) -> QuoteDraft:
    """Create a draft quote. `valid_until`: None for the company's usual validity. Raises as `refuse_unbillable`."""
    with atomic():
        refuse_unbillable(items, company=company, position=fiscal_position, name=origin or _("Devis"))
        quote = Quote(
            company=company,
            partner=partner,
            bill_to=bill_to,
            site=site,
            title=title,
            fiscal_position=fiscal_position,
            payment_term=payment_term or usual_terms(bill_to or partner).payment_term,
            issued_on=on,
            valid_until=valid_until or on + timedelta(days=company.quote_validity_days),
            notes=notes,
            currency=company.currency,
            origin=origin[:80],
            number=take_number(company, "DV"),
        )
        quote.save()
        lines = QuoteLine.objects.bulk_create(_lines_of(quote, items))
        record(quote, "created", by=by, text=_("Devis créé depuis %s") % origin if origin else _("Devis créé"))
        return QuoteDraft(quote, lines)


def _lines_of(quote: Quote, items: Iterable[Item]) -> list[QuoteLine]:
    """Return the lines of a new quote, unsaved."""
    return [
        QuoteLine(
            quote=quote,
            position=position,
            kind=item.kind,
            product=item.product,
            label=item.label,
            quantity=item.quantity,
            unit=item.unit,
            unit_price=item.unit_price,
            discount=item.discount,
            tax=item.tax,
            tax_is_manual=item.tax_is_manual,
        )
        for position, item in enumerate(items, 1)
    ]


def number_new_quote(quote: Quote, *, by: By) -> Quote:
    """Set the number of a quote typed by hand, before its first save."""
    quote.number = take_number(quote.company, "DV")
    return quote


def edit_quote(
    quote: Quote,
    *,
    edits: Sequence[LineEdit],
    values: Mapping[str, object] | None = None,
    seen: int | None = None,
    by: By,
) -> Quote:
    """Change a draft quote's header and lines. Deleting a line releases its holds. Raises WrongState, StaleForm."""
    with atomic():
        quote = lock_quote(quote, seen=seen)
        if quote.state != QuoteState.DRAFT:
            raise WrongState(
                _("%(quote)s est à l'état « %(state)s » : remettez-le en brouillon pour le modifier.")
                % {"quote": quote, "state": quote.get_state_display()},
                step=Step(_("Remettre en brouillon"), quote, act="reset"),
            )
        before = columns_of(quote)
        for name, value in (values or {}).items():
            setattr(quote, name, value)
        if not save_changed(quote, before) and edits:
            raise_version(quote)
        changes = _write_lines(quote, edits)
        is_remapped = quote.fiscal_position_id != before["fiscal_position_id"]
        if is_remapped:
            _remap(quote)
        if changes or is_remapped:
            _refuse_too_deducted(quote)
        header = describe_changes(quote, before, values or {})
        if header:
            record(quote, "changed", by=by, text=_("Fiche modifiée"), changes=header)
        if changes:
            record(quote, "edited", by=by, text=_("Lignes modifiées"), changes={"lines": changes})
    return quote


def _write_lines(quote: Quote, edits: Sequence[LineEdit]) -> list[LineChange]:
    """Apply a form's edits to the lines of a locked quote. Returns the changes, for its journal."""
    lines = {line.pk: line for line in quote.lines.select_related("product__tax", "tax", "unit")}
    if any(edit.pk and edit.pk not in lines for edit in edits):
        raise BusinessError(_("Une ligne modifiée n'est plus sur ce devis. Rechargez la page."), code="stale")

    def save(line: QuoteLine, _before: object) -> None:
        complete_line(line, position=quote.fiscal_position, company=quote.company, on=quote.issued_on)
        line.save()

    deleted, changes = apply_edits(lines, edits, new=lambda: QuoteLine(quote=quote), save=save)
    if deleted and QuoteLineClaim.objects.filter(quote_line__in=deleted).exists():
        raise BusinessError(_("%s : une ligne facturée ne se supprime pas.") % quote)
    QuoteLine.objects.filter(pk__in=[line.pk for line in deleted]).delete()
    return changes


def _remap(quote: Quote) -> None:
    """Give the lines the taxes of the new fiscal position."""
    lines = quote.lines.select_related("product__tax", "tax")
    remapped = remap_taxes(lines, position=quote.fiscal_position, on=quote.issued_on)
    QuoteLine.objects.bulk_update(remapped, ["tax", "tax_is_manual"])


def _refuse_too_deducted(quote: Quote) -> None:
    """Raise BusinessError when the fixed deductions of a quote exceed what they reduce."""
    rounding, currency = quote.company.rounding, quote.currency
    parts = parts_of(quote.lines.select_related("tax"), rounding)
    step = Step(_("Corriger les lignes"), quote, tab="lines")
    refuse_deductions(parts, name=quote, rounding=rounding, currency=currency, step=step)


def send_quote(quote: Quote, *, seen: int | None = None, by: By) -> Quote:
    """Mark a quote as sent. Raises BusinessError without lines, WrongState (also when it expired), StaleForm."""
    with atomic():
        quote = lock_quote(quote, seen=seen)
        if refusal := refusal_to_send(quote):
            raise refusal
        _refuse_too_deducted(quote)
        move(quote, QuoteState.SENT, by=by, act="sent", text=_("Devis envoyé"))
    return quote


def refusal_to_send(quote: Quote) -> BusinessError | None:
    """Return all that keeps a quote from being sent; None when nothing does."""
    faults = [fault] if (fault := refusal_of_expired(quote)) else []
    if not quote.lines.exists():
        text = _("%s : aucune ligne. Ajoutez-en une avant d'envoyer le devis.") % quote
        faults.append(BusinessError(text, step=Step(_("Ajouter une ligne"), quote, tab="lines"), code="no_lines"))
    return BusinessError.all(faults) if faults else None


def refusal_of_expired(quote: Quote) -> BusinessError | None:
    """Return why a quote is not sent any more; None while it is valid."""
    if not quote.is_expired(timezone.localdate()):
        return None
    return WrongState(
        _("%(quote)s a expiré le %(day)s : prolongez-le (Action › Prolonger) avant de l'envoyer.")
        % {"quote": quote, "day": date_format(quote.valid_until, "d/m/Y")},
        step=_prolonging(quote),
        code="quote_expired",
    )


def _prolonging(quote: Quote) -> Step:
    return Step(_("Prolonger"), quote, act="prolong")


def accept_quote(quote: Quote, *, seen: int | None = None, on: date, by: By) -> Quote:
    """Accept a quote, which becomes the order. Raises BusinessError: expired, not billable, line billed or quoted elsewhere."""
    with atomic():
        quote = lock_quote(quote, seen=seen)
        if refusal := refusal_to_accept(quote, on=on):
            raise refusal
        _check_revival(quote)
        quote.accepted_on = on
        move(quote, QuoteState.ACCEPTED, by=by, act="accepted", text=_("Devis accepté"), save=("accepted_on",))
    return quote


def refusal_to_accept(quote: Quote, *, on: date) -> BusinessError | None:
    """Return all that keeps a quote from being accepted on `on`, but for lines taken elsewhere; None when nothing does."""
    faults: list[BusinessError] = []
    if quote.is_expired(on):
        text = _("%(quote)s a expiré le %(day)s : prolongez-le (Action › Prolonger) avant de l'accepter.")
        values = {"quote": quote, "day": date_format(quote.valid_until, "d/m/Y")}
        faults.append(WrongState(text % values, step=_prolonging(quote), code="quote_expired"))
    items = [item_of(line) for line in quote.lines.select_related("product", "tax", "unit")]
    faults += unbillable(items, company=quote.company, position=quote.fiscal_position, name=quote)
    return BusinessError.all(faults) if faults else None


def prolong_quote(quote: Quote, *, until: date, seen: int | None = None, on: date, by: By) -> Quote:
    """Set a later end of validity on a draft or sent quote. Raises WrongState, BusinessError, StaleForm."""
    with atomic():
        quote = lock_quote(quote, seen=seen)
        if quote.state not in QuoteState.expiring:
            raise WrongState(_("%s n'attend plus de réponse : il n'y a rien à prolonger.") % quote)
        if until < on or until <= quote.valid_until:
            raise BusinessError(
                _("%(quote)s est valable jusqu'au %(day)s : choisissez une date ultérieure, à partir d'aujourd'hui.")
                % {"quote": quote, "day": date_format(quote.valid_until, "d/m/Y")}
            )
        _check_revival(quote)
        before, quote.valid_until = quote.valid_until, until
        save_columns(quote, ["valid_until"])
        record(
            quote,
            "prolonged",
            by=by,
            text=_("Validité prolongée"),
            changes={"valid_until": [before.strftime("%d/%m/%Y"), until.strftime("%d/%m/%Y")]},
        )
    return quote


def _check_revival(quote: Quote) -> None:
    for hold in Hold.children():
        hold.check_revival(quote)


def refuse_quote(quote: Quote, *, seen: int | None = None, by: By, reason: str = "") -> Quote:
    """Mark a quote as refused by the customer, and release its holds. Raises WrongState when a part of it is billed."""
    return _end(quote, QuoteState.REFUSED, act="refused", text=_("Devis refusé. %s") % reason, seen=seen, by=by)


def cancel_quote(quote: Quote, *, seen: int | None = None, by: By) -> Quote:
    """Cancel a quote on our side, and release its holds. Raises WrongState when a part of it is billed."""
    return _end(quote, QuoteState.CANCELLED, act="cancelled", text=_("Devis annulé"), seen=seen, by=by)


def _end(quote: Quote, state: QuoteState, *, act: str, text: Text, seen: int | None, by: By) -> Quote:
    with atomic():
        quote = lock_quote(quote, seen=seen)
        if any(line.billed for line in quote.lines.left_to_bill()):
            raise WrongState(
                _("%s est facturé, au moins en partie : soldez-le (Action › Solder), ou supprimez d'abord la facture.")
                % quote,
                documents=_invoices_of(quote),
                step=Step(_("Solder"), quote, act="settle") if quote.state == QuoteState.ACCEPTED else None,
            )
        move(quote, state, by=by, act=act, text=str(text).strip())
    return quote


def _invoices_of(quote: Quote) -> list[Invoice]:
    """Return the first invoices that bill lines of a quote, which refusals name."""
    claims = QuoteLineClaim.objects.filter(quote_line__quote=quote)
    return list(Invoice.objects.filter(lines__in=claims.values("invoice_line")).order_by("pk").distinct()[:5])


def settle_quote(quote: Quote, *, seen: int | None = None, by: By) -> Quote:
    """Close an accepted quote billed in part, and release its holds on the rest."""
    with atomic():
        quote = lock_quote(quote, seen=seen)
        move(quote, QuoteState.SETTLED, by=by, act="settled", text=_("Devis soldé : le reste n'est plus dû par lui"))
    return quote


def reset_quote(quote: Quote, *, seen: int | None = None, by: By) -> Quote:
    """Put a quote back to draft. Raises BusinessError when a line was billed or quoted elsewhere."""
    with atomic():
        quote = lock_quote(quote, seen=seen)
        if quote.state not in QuoteState.live:
            _check_revival(quote)
        move(quote, QuoteState.DRAFT, by=by, act="reset", text=_("Remis en brouillon"))
    return quote


def delete_quotes(quotes: Iterable[Quote], *, by: By) -> int:
    """Delete all these quotes, drafts or cancelled, or none, and release their holds. Returns how many were deleted."""
    with atomic():
        locked = lock_quotes(quotes)
        for quote in locked:
            if quote.state not in (QuoteState.DRAFT, QuoteState.CANCELLED):
                raise WrongState(
                    _("%(quote)s est à l'état « %(state)s » : seul un devis en brouillon ou annulé se supprime.")
                    % {"quote": quote, "state": quote.get_state_display()}
                )
            record(quote, "deleted", by=by, text=_("Devis supprimé"))
        Quote.objects.filter(pk__in=[quote.pk for quote in locked]).delete()
    return len(locked)


def duplicate_quote(quote: Quote, *, on: date, by: By) -> Quote:
    """Create a draft quote with the same lines. It holds no DI line."""
    with atomic():
        lines = list(quote.lines.all())
        copy = Quote(
            company=quote.company,
            partner=quote.partner,
            bill_to=quote.bill_to,
            site=quote.site,
            title=quote.title,
            fiscal_position=quote.fiscal_position,
            payment_term=quote.payment_term,
            issued_on=on,
            valid_until=on + timedelta(days=quote.company.quote_validity_days),
            currency=quote.currency,
            notes=quote.notes,
            number=take_number(quote.company, "DV"),
        )
        copy.save()
        QuoteLine.objects.bulk_create(
            QuoteLine(quote=copy, position=line.position, **{name: getattr(line, name) for name in COPIED})
            for line in lines
        )
        record(copy, "created", by=by, text=_("Copie de %s") % quote)
    return copy


def invoice_quote(quote: Quote, *, seen: int | None = None, on: date, by: By) -> Invoice:
    """Create the draft invoice of the lines of an accepted quote that are left to bill.

    Raises WrongState (not accepted), NothingToBill, BusinessError (the draft could never be posted), StaleForm.
    """
    with atomic():
        quote = lock_quote(quote, seen=seen)
        if quote.state != QuoteState.ACCEPTED:
            raise WrongState(
                _("%(quote)s est à l'état « %(state)s » : seul un devis accepté se facture.")
                % {"quote": quote, "state": quote.get_state_display()},
                step=Step(_("Marquer accepté"), quote, act="accept") if quote.state in QuoteState.expiring else None,
            )
        lines = list(quote.lines.left_to_bill().select_related("product", "tax", "unit"))
        billable = [line for line in lines if line.left > 0 or not line.is_article]
        if not any(line.is_article for line in billable):
            raise NothingToBill(
                _("%s est déjà entièrement facturé : voyez ses factures.") % quote,
                documents=_invoices_of(quote),
                code="already_billed",
            )
        intent = DraftIntent(
            company=quote.company_id,
            customer=quote.payer.pk,
            lines=[line_intent(line, line.left if line.is_article else None) for line in billable],
            proposed_on=on,
            origin=str(quote),
            currency=quote.currency,
            fiscal_position=quote.fiscal_position_id,
            site=quote.site_id,
            payment_term=quote.payment_term_id,
        )
        draft = write_draft(intent, by=by, at=timezone.now())
        QuoteLineClaim.objects.bulk_create(
            QuoteLineClaim(invoice_line_id=pk, quote_line=line)
            for pk, line in zip(draft.lines, billable, strict=True)
            if line.is_article
        )
        record(quote, "invoiced", by=by, text=_("Facture en brouillon générée"))
    return Invoice.objects.select_related("company", "customer").get(pk=draft.invoice)
