"""The acts on a purchase order: sent, confirmed, received, billed."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.admin.forms import DateInput
from invoicing.choices import OrderState
from invoicing.services.documents import purchases as services
from invoicing.services.records.acts import perform_each
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.users import user_of

CHANGE_ORDER = "invoicing.change_purchaseorder"


class BillNumberForm(forms.Form):
    number = forms.CharField(label=_("Numéro du fournisseur"), max_length=60)
    on = forms.DateField(label=_("Date de la facture"), widget=DateInput, initial=timezone.localdate)


def _to(state: OrderState) -> Any:
    return lambda request, order, data: services.move_order(order, to=state, seen=data["seen"], by=user_of(request))


ORDER_ACTIONS = (
    DocumentAction(
        name="send",
        label=_("Marquer comme envoyée"),
        explain=_(
            "Rien ne part d'ici : vous l'avez envoyée vous-même. Ses lignes ne se modifient plus ; « Remettre en brouillon » les rouvre."
        ),
        icon="send",
        permission=CHANGE_ORDER,
        states=frozenset({OrderState.DRAFT}),
        primary_in=frozenset({OrderState.DRAFT}),
        check=services.refusal_to_send,
        run=_to(OrderState.SENT),
        done=_("envoyée"),
    ),
    DocumentAction(
        name="confirm",
        label=_("Confirmée par le fournisseur"),
        explain=_("Le fournisseur a accepté la commande. Elle attend sa livraison."),
        icon="handshake",
        permission=CHANGE_ORDER,
        states=frozenset({OrderState.SENT}),
        primary_in=frozenset({OrderState.SENT}),
        run=_to(OrderState.CONFIRMED),
        done=_("confirmée"),
    ),
    DocumentAction(
        name="receive",
        label=_("Marchandise reçue"),
        explain=_("Toutes les lignes sont arrivées. La facture du fournisseur peut être rapprochée."),
        icon="inventory",
        permission=CHANGE_ORDER,
        states=frozenset({OrderState.SENT, OrderState.CONFIRMED}),
        primary_in=frozenset({OrderState.CONFIRMED}),
        run=_to(OrderState.RECEIVED),
        run_many=lambda request, orders, data: perform_each(
            orders,
            lambda order: services.move_order(order, to=OrderState.RECEIVED, by=user_of(request)),
            once=data["once"],
        ),
        done=_("reçue"),
    ),
    DocumentAction(
        name="bill",
        label=_("Enregistrer la facture"),
        icon="receipt",
        permission="invoicing.add_supplierbill",
        states=frozenset({OrderState.SENT, OrderState.CONFIRMED, OrderState.RECEIVED}),
        primary_in=frozenset({OrderState.RECEIVED}),
        explain=_(
            "La facture reprend ce qui n'est pas encore facturé de la commande ; ses montants se corrigent ensuite."
        ),
        form=BillNumberForm,
        run=lambda request, order, data: services.bill_order(order, by=user_of(request), **data),
        done=_("Facture fournisseur enregistrée"),
    ),
    DocumentAction(
        name="reset",
        label=_("Remettre en brouillon"),
        explain=_("La commande se modifie de nouveau. Si elle était partie, prévenez le fournisseur."),
        icon="undo",
        permission=CHANGE_ORDER,
        states=frozenset({OrderState.SENT, OrderState.CANCELLED}),
        run=_to(OrderState.DRAFT),
        done=_("remise en brouillon"),
    ),
    DocumentAction(
        name="cancel",
        label=_("Annuler"),
        icon="block",
        permission=CHANGE_ORDER,
        states=frozenset({OrderState.DRAFT, OrderState.SENT, OrderState.CONFIRMED}),
        explain=_("Ses lignes peuvent être commandées de nouveau depuis la DI."),
        is_danger=True,
        run=_to(OrderState.CANCELLED),
        done=_("annulée"),
    ),
    DocumentAction(
        name="delete",
        label=_("Supprimer"),
        icon="delete",
        permission="invoicing.delete_purchaseorder",
        states=frozenset({OrderState.DRAFT, OrderState.CANCELLED}),
        explain=_("Cette commande disparaît."),
        is_danger=True,
        leave=True,
        run=lambda request, order, data: services.delete_orders([order], by=user_of(request)) and None,
        run_many=lambda request, orders, data: perform_each(
            orders, lambda order: services.delete_orders([order], by=user_of(request)) and None, once=data["once"]
        ),
        done=_("supprimée"),
    ),
)
