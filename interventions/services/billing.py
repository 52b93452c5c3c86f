"""From a DI: a draft invoice of its lines, or a quote that holds them while it is live."""

from collections.abc import Iterable, Sequence
from datetime import date

from django.utils.translation import gettext_lazy as _

from interventions.models import InterventionRequest, QuotedLine, RequestLine, RequestLineClaim
from interventions.services.documents import invoices_of, live_quotes_of
from interventions.services.locks import lock_intervention, lock_interventions
from interventions.services.states import validation_of
from invoicing.models import Invoice, Quote
from invoicing.services.documents.batches import Billable, bill_in_groups, bill_one
from invoicing.services.documents.deductions import refuse_deductions
from invoicing.services.documents.intents import DraftIntent, line_intent
from invoicing.services.documents.lines import Item, item_of
from invoicing.services.documents.quotes import draft_quote
from invoicing.services.records.acts import Once
from invoicing.services.records.history import record, record_many
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError, NothingToBill, Step, WrongState
from openfire_billing.kernel.outcome import Outcome


def _billable(intervention: InterventionRequest, *, on: date) -> list[RequestLine]:
    """Return the lines of a locked DI to put on a document: articles left to bill, with the sections and notes above
    them.

    Raises WrongState (not validated), NothingToBill saying where the lines went, BusinessError otherwise.
    """
    if not intervention.is_validated:
        raise WrongState(
            _("%(document)s est à l'état « %(state)s » : validez-la avant de la facturer ou d'en faire un devis.")
            % {"document": intervention, "state": intervention.get_state_display()},
            step=validation_of(intervention),
        )
    lines = list(intervention.lines.left_to_bill(on).select_related("product", "tax", "unit"))
    articles = [line for line in lines if line.is_article and line.quantity > 0]
    if not articles:
        raise BusinessError(
            _("%s : aucune ligne d'article. Ajoutez-en une dans l'onglet Facturation.") % intervention,
            step=Step(_("Ajouter une ligne"), intervention, tab="billing"),
        )
    if not any(line.left > 0 for line in articles):
        raise _nothing_left(intervention, articles, on=on)
    return _with_titles(lines)


def _nothing_left(intervention: InterventionRequest, articles: Sequence[RequestLine], *, on: date) -> NothingToBill:
    if any(line.is_quoted for line in articles):
        return NothingToBill(
            _("%s : tout est sur un devis en cours. Facturez depuis le devis, ou refusez-le.") % intervention,
            documents=live_quotes_of(intervention, on=on),
        )
    if all(line.covered for line in articles):
        return NothingToBill(
            _("%s : tout est couvert par le contrat, qui le facture. Rien à facturer ici.") % intervention
        )
    return NothingToBill(
        _("%s : tout est déjà facturé. Voyez ses factures.") % intervention, documents=invoices_of(intervention)
    )


def _with_titles(lines: Sequence[RequestLine]) -> list[RequestLine]:
    """Return the articles left to bill, and each section or note followed by one of them before the next section."""
    kept: list[RequestLine] = []
    pending: list[RequestLine] = []
    for line in lines:
        if not line.is_article:
            pending = [line] if line.kind == "section" else [*pending, line]
        elif line.left > 0:
            kept += [*pending, line]
            pending = []
    return kept


def _items(lines: Sequence[RequestLine]) -> list[Item]:
    return [item_of(line, line.left if line.is_article else None) for line in lines]


def _billable_intent(intervention: InterventionRequest, *, on: date) -> Billable:
    """Return the draft of a locked DI, proposed at `on`. Raises what `_billable` raises."""
    lines = _billable(intervention, on=on)
    _refuse_too_deducted(intervention, lines)
    intent = DraftIntent(
        company=intervention.company_id,
        customer=intervention.payer.pk,
        lines=[line_intent(line, line.left if line.is_article else None) for line in lines],
        proposed_on=on,
        origin=str(intervention),
        fiscal_position=intervention.fiscal_position_id,
        site=intervention.address_id,
    )
    sources = [line if line.is_article else None for line in lines]
    return Billable(intervention, intent, sources, title=f"{intervention} {intervention.title}".strip())


def _refuse_too_deducted(intervention: InterventionRequest, lines: Sequence[RequestLine]) -> None:
    """Refuse fixed deductions above what is left to bill with them: they wait for the lines that they reduce."""
    items = [item for item in _items(lines) if item.is_article and item.tax is not None]
    rounding = intervention.company.rounding
    refuse_deductions(
        [item.part(rounding) for item in items],
        name=_("%s, pour ce qui reste à facturer") % intervention,
        rounding=rounding,
        currency=intervention.company.currency,
        step=Step(_("Corriger les lignes"), intervention, tab="billing"),
    )


def _claim(billed: Sequence[tuple[int, RequestLine]]) -> None:
    RequestLineClaim.objects.bulk_create(RequestLineClaim(invoice_line_id=pk, request_line=line) for pk, line in billed)


def invoice_intervention(intervention: InterventionRequest, *, seen: int | None = None, on: date, by: By) -> Invoice:
    """Make the draft invoice of the DI's lines that are left to bill.

    Never takes lines on a live quote (the quote bills them) or covered by a contract (the contract bills them).
    """
    with atomic():
        intervention = lock_intervention(intervention, seen=seen)
        invoice = bill_one(_billable_intent(intervention, on=on), claim=_claim, by=by)
        record(intervention, "invoiced", by=by, text=_("Facture en brouillon générée"))
    return invoice


def invoice_interventions(
    interventions: Iterable[InterventionRequest],
    *,
    on: date,
    by: By,
    group_by_customer: bool = False,
    once: Once | None = None,
) -> list[Outcome]:
    """Invoice many DIs, one draft each or one per payer. One refusal never stops the others."""

    def write_journals(billed: Sequence[Billable]) -> None:
        text = _("Facture en brouillon générée")
        record_many([(billable.document, text, None) for billable in billed], "invoiced", by=by)

    return bill_in_groups(
        interventions,
        key=lambda i: (i.company_id, i.payer.pk, i.fiscal_position_id) if group_by_customer else i.pk,
        lock=lock_interventions,
        billable=lambda i: _billable_intent(i, on=on),
        claim=_claim,
        billed=write_journals,
        by=by,
        once=once,
    )


def quote_intervention(intervention: InterventionRequest, *, seen: int | None = None, on: date, by: By) -> Quote:
    """Make a draft quote of the DI's lines that are left to bill. It holds them while it is live."""
    with atomic():
        intervention = lock_intervention(intervention, seen=seen)
        lines = _billable(intervention, on=on)
        draft = draft_quote(
            company=intervention.company,
            partner=intervention.partner,
            bill_to=intervention.payer,
            items=_items(lines),
            on=on,
            by=by,
            origin=str(intervention),
            title=intervention.title or str(intervention.task),
            site=intervention.address,
            fiscal_position=intervention.fiscal_position,
        )
        QuotedLine.objects.bulk_create(
            QuotedLine(quote_line=made, request_line=line)
            for made, line in zip(draft.lines, lines, strict=True)
            if line.is_article
        )
        record(intervention, "quoted", by=by, text=_("Devis %s généré") % draft.quote)
    return draft.quote
