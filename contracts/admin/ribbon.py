"""The twelve months of a contract's page: each instalment and each visit with its state, linked for who may open it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractState
from contracts.models import Contract, ContractLine
from contracts.services.outlook import Instalment, Outlook, Visit, past_text
from interventions.choices import InterventionState
from invoicing.admin.documents.invoice_state import state_of_invoice
from openfire_billing.kernel.formats import place_text
from openfire_billing.web.record_links import link_to
from openfire_billing.web.tags import stored_state


@dataclass(frozen=True)
class Item:
    """What stands in a month. `link`: the document that it became, "" before; `what`: an amount, or a visit."""

    on: date
    colour: str
    state: Any
    link: Any
    net: Decimal | None = None
    what: str = ""


@dataclass(frozen=True)
class ShownMonth:
    first: date
    instalments: list[Item]
    visits: list[Item]


def ribbon_of(
    contract: Contract, outlook: Outlook, lines: list[ContractLine], user: Any, *, today: date
) -> dict[str, Any]:
    """Return what the page shows of a contract's outlook. `lines`: those of the contract; the visits of several bear the
    name of theirs.
    """
    names = {line.pk: line.title or str(line.equipment or line.address) for line in lines} if len(lines) > 1 else {}
    sees_invoices = user.has_perm("invoicing.view_invoice")
    sees_interventions = user.has_perm("interventions.view_interventionrequest")
    is_draft = contract.state == ContractState.DRAFT
    return {
        "past": past_text(outlook),
        "past_visits": outlook.past_visits,
        "refusal": outlook.refusal,
        "currency": outlook.currency,
        "months": [
            ShownMonth(
                month.first,
                [_instalment(one, sees_invoices, is_draft=is_draft, today=today) for one in month.instalments],
                [_visit(one, names.get(one.line, ""), sees_interventions, today=today) for one in month.visits],
            )
            for month in outlook.months
        ],
    }


def _instalment(instalment: Instalment, may_open: bool, *, is_draft: bool, today: date) -> Item:
    invoice = instalment.invoice
    if invoice is not None and may_open:
        colour, state = state_of_invoice(invoice)
        return Item(instalment.on, colour, state, link_to(invoice), instalment.net)
    if invoice is not None:  # whether it is paid is for who may see invoices
        state = _("Brouillon") if invoice.is_draft else _("Facturée")
        return Item(instalment.on, "grey", state, invoice, instalment.net)
    if instalment.without:
        colour, state = "grey", instalment.without
    elif instalment.is_late:
        colour, state = ("amber", _("Passée")) if is_draft else ("red", _("En retard"))
    elif is_draft:
        colour, state = "grey", _("Prévue")
    else:
        colour, state = ("amber", _("À facturer")) if instalment.on <= today else ("blue", _("À venir"))
    return Item(instalment.on, colour, state, "", instalment.net)


def _visit(visit: Visit, line: str, may_open: bool, *, today: date) -> Item:
    what = place_text(_("visite"), visit.rank, visit.of)
    what = f"{what}, {line}" if line else what
    intervention = visit.intervention
    if intervention is None:
        return Item(visit.on, "grey", _("À créer"), "", what=what)
    colour, state = stored_state(intervention)
    if intervention.state in InterventionState.planning and intervention.to_on < today:
        colour, state = "red", _("En retard")
    return Item(visit.on, colour, state, link_to(intervention) if may_open else intervention, what=what)
