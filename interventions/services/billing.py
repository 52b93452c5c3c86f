"""Roads A and A' from an intervention request: a draft invoice, or a quote that keeps its lines while it lives."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from interventions.models import InterventionRequest, QuotedLine, RequestLineClaim
from interventions.models.claims import lock_interventions, lock_quotes_of
from interventions.services.requests import lock_intervention
from invoicing.models import Invoice, Quote
from invoicing.services.documents.batches import bill_in_groups
from invoicing.services.documents.drafts import draft_invoice
from invoicing.services.documents.lines import Item, item_of, refuse_unbillable, section
from invoicing.services.documents.quotes import draft_quote
from invoicing.services.records.history import record
from openfire_billing.kernel.errors import BusinessError, NothingToBill, WrongState
from openfire_billing.kernel.outcome import Outcome


def _billable(intervention: InterventionRequest, *, on: date) -> list[Any]:
    """The lines of a locked DI to put on a document: articles left to bill, with the sections and notes about them.

    Raises WrongState (not validated), NothingToBill saying where the lines went, BusinessError otherwise.
    """
    if not intervention.is_validated:
        raise WrongState(
            _("%(document)s est à l'état « %(state)s » : validez-la avant de la facturer ou d'en faire un devis.")
            % {"document": intervention, "state": intervention.get_state_display()}
        )
    lines = list(intervention.lines.left_to_bill(on).select_related("product", "tax", "unit"))
    articles = [line for line in lines if line.is_article and line.quantity > 0]
    if not articles:
        raise BusinessError(_("%s : aucune ligne d'article. Ajoutez-en une dans l'onglet Facturation.") % intervention)
    if not any(line.left > 0 for line in articles):
        raise NothingToBill(_nothing_left(intervention, articles))
    refuse_unbillable(
        [item_of(line) for line in articles if line.left > 0],
        company=intervention.company,
        position=intervention.fiscal_position,
        name=intervention,
    )
    return _with_titles(lines)


def _nothing_left(intervention: InterventionRequest, articles: Sequence[Any]) -> Any:
    if any(line.is_quoted for line in articles):
        return _("%s : tout est sur un devis en cours. Facturez depuis le devis, ou refusez-le.") % intervention
    if all(line.covered for line in articles):
        return _("%s : tout est couvert par le contrat, qui le facture. Rien à facturer ici.") % intervention
    return _("%s : tout est déjà facturé. Voyez ses factures.") % intervention


def _with_titles(lines: Sequence[Any]) -> list[Any]:
    """Articles left to bill; a section or note stays when an article left to bill follows it before the next section."""
    kept: list[Any] = []
    pending: list[Any] = []
    for line in lines:
        if not line.is_article:
            pending = [line] if line.kind == "section" else [*pending, line]
        elif line.left > 0:
            kept += [*pending, line]
            pending = []
    return kept


def _items(lines: Sequence[Any]) -> list[Item]:
    return [item_of(line, line.left if line.is_article else None) for line in lines]


def invoice_intervention(intervention: InterventionRequest, *, on: date, by: Any) -> Invoice:
    """Road A: the draft invoice of the DI's lines that are left to bill.

    Never takes lines on a live quote (the quote bills them) or covered by a contract (the contract bills them).
    """
    with transaction.atomic():
        intervention = lock_intervention(intervention)
        return _invoice_group([(intervention, _billable(intervention, on=on))], on=on, by=by)


def _invoice_group(group: Sequence[tuple[InterventionRequest, list[Any]]], *, on: date, by: Any) -> Invoice:
    """One draft for several locked DIs of one payer, a section title for each when there are several."""
    first = group[0][0]
    items: list[Item] = []
    sources: list[Any] = []
    for intervention, lines in group:
        if len(group) > 1:
            items.append(section(f"{intervention} {intervention.title}".strip()))
            sources.append(None)
        items += _items(lines)
        sources += lines
    sites = {intervention.address_id: intervention.address for intervention, _lines in group}
    draft = draft_invoice(
        company=first.company,
        customer=first.payer,
        items=items,
        on=on,
        by=by,
        origin=", ".join(str(intervention) for intervention, _lines in group),
        fiscal_position=first.fiscal_position,
        site=first.address if len(sites) == 1 else None,
    )
    RequestLineClaim.objects.bulk_create(
        RequestLineClaim(invoice_line=made, request_line=line)
        for made, line in zip(draft.lines, sources, strict=True)
        if line is not None and line.is_article
    )
    for intervention, _lines in group:
        record(intervention, "invoiced", by=by, text=_("Facture en brouillon générée"))
    return draft.invoice


def invoice_interventions(
    interventions: Iterable[InterventionRequest], *, on: date, by: Any, group_by_customer: bool = False
) -> list[Outcome]:
    """Invoice many DIs, one draft each or one per payer. One refusal never stops the others."""
    return bill_in_groups(
        interventions,
        key=lambda i: (i.company_id, i.payer.pk, i.fiscal_position_id) if group_by_customer else i.pk,
        lock=_lock_all,
        billable=lambda i: _billable(i, on=on),
        make=lambda group: _invoice_group(group, on=on, by=by),
    )


def _lock_all(interventions: Sequence[InterventionRequest]) -> list[InterventionRequest]:
    locked = lock_interventions(interventions)
    lock_quotes_of(locked)
    return locked


def quote_intervention(intervention: InterventionRequest, *, on: date, by: Any) -> Quote:
    """Road A': a draft quote of the DI's lines that are left to bill; while it lives, it holds them."""
    with transaction.atomic():
        intervention = lock_intervention(intervention)
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


def quote_interventions(interventions: Iterable[InterventionRequest], *, on: date, by: Any) -> list[Outcome]:
    """Quote many DIs; one refusal never stops the others."""
    return [_outcome(i, lambda i=i: quote_intervention(i, on=on, by=by)) for i in interventions]


def _outcome(intervention: InterventionRequest, act: Any) -> Outcome:
    try:
        return Outcome(intervention, made=act())
    except BusinessError as refusal:
        return Outcome(intervention, refusal=str(refusal))
