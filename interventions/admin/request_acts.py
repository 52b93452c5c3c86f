"""The Action menu and the state buttons of an intervention request."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from interventions.admin.forms import FinishForm
from interventions.choices import InterventionState
from interventions.models import InterventionRequest
from interventions.services import billing, states
from interventions.services import requests as services
from interventions.services.letters import INTERVENTION_LETTER
from interventions.services.purchases import order_supplies
from interventions.services.texts import INTERVENTION_TEXT
from invoicing.admin.documents.mailing import mail_action
from invoicing.admin.forms import GroupedInvoiceForm, InvoiceForm, OnForm
from invoicing.admin.records.texts import text_action
from invoicing.services.records.acts import perform_each
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.undo import Undo
from openfire_billing.web.users import user_of

S = InterventionState
CHANGE, BILL = "interventions.change_interventionrequest", "invoicing.bill"


def _order(request: HttpRequest, di: InterventionRequest, data: dict[str, Any]) -> Outcome:
    """The first order made; the others, and the lines left out with why, are named beside it."""
    purchases = order_supplies(di, seen=data["seen"], on=timezone.localdate(), by=user_of(request))
    first, *others = purchases.orders
    return Outcome(di, made=first, also=tuple(others), notes=(f"· {purchases.note}",) if purchases.note else ())


def _has_lines_to_bill(di: InterventionRequest) -> bool:
    """Return whether an article of a validated DI is not covered by a contract. Reads the lines once for the page."""
    return di.state in S.validated and any(line.is_article and not line.covered for line in di.lines.all())


_UNDO_MOVE = Undo(
    fields=("state", "done_on"),
    run=lambda request, di, data: states.undo_move(di, **data, by=user_of(request)),
    offered=states.is_move_undoable,
)
_UNDO_ARCHIVE = Undo(
    fields=("is_active",),
    run=lambda request, di, data: states.set_active(
        di, active=data["is_active"], seen=data["seen"], by=user_of(request)
    ),
)
INTERVENTION_ACTIONS = (
    DocumentAction(
        name="validate",
        label=_("Valider"),
        icon="check",
        permission=CHANGE,
        states=frozenset({S.DRAFT}),
        primary_in=frozenset({S.DRAFT}),
        is_direct=True,
        explain=_("La DI reçoit son numéro : elle peut être planifiée et facturée."),
        run=lambda request, di, data: states.validate_intervention(di, seen=data["seen"], by=user_of(request)),
        run_many=lambda request, dis, data: perform_each(
            dis, lambda di: states.validate_intervention(di, by=user_of(request)), once=data["once"]
        ),
        done=_("validée"),
        undo=_UNDO_MOVE,
    ),
    DocumentAction(
        name="quote",
        opens=True,
        is_of_whole=False,
        order=10,
        label=_("Générer le devis"),
        icon="request_quote",
        permission="invoicing.add_quote",
        states=S.validated,
        explain=_(
            "Un devis en brouillon reprend les lignes à facturer. Tant qu'il vit, elles se facturent par lui seul."
        ),
        form=OnForm,
        run=lambda request, di, data: billing.quote_intervention(
            di, on=data["on"], seen=data["seen"], by=user_of(request)
        ),
        run_many=lambda request, dis, data: perform_each(
            dis, lambda di: billing.quote_intervention(di, on=data["on"], by=user_of(request)), once=data["once"]
        ),
        done=_("Devis créé"),
    ),
    DocumentAction(
        name="invoice",
        opens=True,
        order=20,
        label=_("Générer la facture"),
        icon="receipt_long",
        permission=BILL,
        states=S.validated,
        primary_when=_has_lines_to_bill,
        button=_("Facturer"),
        explain=_("Une facture en brouillon reprend les lignes qui restent à facturer."),
        form=InvoiceForm,
        run=lambda request, di, data: billing.invoice_intervention(
            di, on=data["on"], seen=data["seen"], by=user_of(request)
        ),
        done=_("Créée"),
    ),
    DocumentAction(
        name="invoice-many",
        is_of_whole=False,
        label=_("Générer les factures"),
        permission=BILL,
        form=GroupedInvoiceForm,
        run_many=lambda request, dis, data: billing.invoice_interventions(
            dis, on=data["on"], group_by_customer=data["group_by_customer"], by=user_of(request), once=data["once"]
        ),
    ),
    DocumentAction(
        name="purchase",
        opens=True,
        is_of_whole=False,
        order=40,
        label=_("Générer la commande fournisseur"),
        icon="shopping_cart",
        permission="invoicing.add_purchaseorder",
        states=S.validated,
        explain=_(
            "Une commande en brouillon par fournisseur : celui de l'article, ou le prestataire pour une prestation."
        ),
        run=_order,
        run_many=lambda request, dis, data: perform_each(dis, lambda di: _order(request, di, data), once=data["once"]),
        done=_("Commande créée"),
    ),
    DocumentAction(
        name="finish",
        label=_("Terminer"),
        icon="task_alt",
        permission=CHANGE,
        states=S.planning,
        primary_in=frozenset({S.PLANNED}),
        button_rank=10,
        explain=_("Le travail est fait, sans passer par un RDV."),
        form=FinishForm,
        run=lambda request, di, data: states.finish_intervention(
            di, on=data["on"], seen=data["seen"], by=user_of(request)
        ),
        done=_("terminée"),
        undo=_UNDO_MOVE,
    ),
    mail_action(INTERVENTION_LETTER, permission=CHANGE),
    text_action(InterventionRequest, INTERVENTION_TEXT),
    DocumentAction(
        name="duplicate",
        opens=True,
        label=_("Dupliquer"),
        icon="content_copy",
        permission="interventions.add_interventionrequest",
        explain=_(
            "Une nouvelle DI en brouillon, à partir d'aujourd'hui : mêmes client, travail et lignes, rien de facturé."
        ),
        run=lambda request, di, data: services.duplicate_intervention(di, on=timezone.localdate(), by=user_of(request)),
        done=_("Copie créée"),
    ),
    DocumentAction(
        name="reset",
        label=_("Remettre en brouillon"),
        icon="undo",
        permission=CHANGE,
        is_direct=True,
        states=frozenset({S.CANCELLED}),
        primary_in=frozenset({S.CANCELLED}),
        explain=_("La DI se modifie de nouveau, puis se valide. Elle garde son numéro."),
        run=lambda request, di, data: states.reset_intervention(di, seen=data["seen"], by=user_of(request)),
        done=_("remise en brouillon"),
        undo=_UNDO_MOVE,
    ),
    DocumentAction(
        name="archive",
        label=_("Archiver"),
        icon="archive",
        permission=CHANGE,
        is_direct=True,
        offered=lambda di: di.is_active,
        explain=_("La DI quitte les listes ; rien n'est perdu. Elle se retrouve sous « Archivées »."),
        run=lambda request, di, data: states.set_active(di, active=False, seen=data["seen"], by=user_of(request)),
        done=_("archivée"),
        undo=_UNDO_ARCHIVE,
    ),
    DocumentAction(
        name="restore",
        label=_("Remettre en service"),
        icon="unarchive",
        permission=CHANGE,
        is_direct=True,
        offered=lambda di: not di.is_active,
        explain=_("La DI revient dans les listes."),
        run=lambda request, di, data: states.set_active(di, active=True, seen=data["seen"], by=user_of(request)),
        done=_("remise en service"),
        undo=_UNDO_ARCHIVE,
    ),
    DocumentAction(
        name="cancel",
        label=_("Annuler"),
        icon="block",
        permission=CHANGE,
        offered=lambda di: di.state != S.CANCELLED,
        explain=_(
            "La DI ne se planifie ni ne se facture plus. Refusé tant qu'un RDV est ouvert ou que quelque chose est facturé."
        ),
        is_danger=True,
        run=lambda request, di, data: states.cancel_intervention(
            di, on=timezone.localdate(), seen=data["seen"], by=user_of(request)
        ),
        done=_("annulée"),
        undo=_UNDO_MOVE,
    ),
    DocumentAction(
        name="delete",
        label=_("Supprimer"),
        icon="delete",
        permission="interventions.delete_interventionrequest",
        states=frozenset({S.DRAFT}),
        explain=_("Cette DI en brouillon disparaît."),
        is_danger=True,
        leave=True,
        run=lambda request, di, data: services.delete_interventions([di], by=user_of(request)) and None,
        run_many=lambda request, dis, data: perform_each(
            dis, lambda di: services.delete_interventions([di], by=user_of(request)) and None, once=data["once"]
        ),
        done=_("supprimée"),
    ),
)
