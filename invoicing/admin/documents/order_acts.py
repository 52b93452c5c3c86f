"""The acts on a purchase order: sent, confirmed, received, billed."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.admin.documents.mailing import mail_form
from invoicing.choices import OrderState
from invoicing.services.documents import purchases as services
from invoicing.services.documents.mailing import ORDER_LETTER, send_order
from invoicing.services.documents.receipts import lines_to_receive, receive_order
from invoicing.services.records.acts import perform_each
from openfire_billing.kernel.formats import number_text
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.date_boxes import DayInput
from openfire_billing.web.number_fields import DecimalInputField
from openfire_billing.web.users import user_of

CHANGE_ORDER = "invoicing.change_purchaseorder"


class BillNumberForm(forms.Form):
    number = forms.CharField(label=_("Numéro du fournisseur"), max_length=60)
    on = forms.DateField(label=_("Date de la facture"), widget=DayInput, initial=timezone.localdate)


class ConfirmForm(forms.Form):
    expected_on = forms.DateField(
        label=_("Livraison promise pour le"), widget=DayInput, required=False, help_text=_("Vide : pas de date.")
    )

    def prepare(self, request: Any, documents: Any) -> None:
        self.fields["expected_on"].initial = documents[0].expected_on


class ReceiveForm(forms.Form):
    """The quantity that arrived of each line, all that is left by default."""

    on = forms.DateField(label=_("Reçue le"), widget=DayInput, initial=timezone.localdate)
    note = forms.CharField(label=_("Bon de livraison, remarque"), required=False, max_length=150)

    def prepare(self, request: Any, documents: Any) -> None:
        (order,) = documents
        for line in lines_to_receive(order):
            self.fields[f"line_{line.pk}"] = DecimalInputField(
                label=str(line),
                max_digits=12,
                decimal_places=3,
                least_places=0,
                initial=line.left,
                required=False,
                help_text=_("commandé %(ordered)s, reçu %(received)s, reste %(left)s")
                % {
                    "ordered": number_text(line.quantity, 0),
                    "received": number_text(line.received, 0),
                    "left": number_text(line.left, 0),
                },
            )
        self.fields["closes"] = forms.BooleanField(label=_("Le reste ne viendra pas"), required=False)

    @staticmethod
    def quantities(data: dict[str, Any]) -> dict[int, Decimal]:
        """Return {line id: quantity} of the answers."""
        return {int(name.removeprefix("line_")): value for name, value in data.items() if name[:5] == "line_" and value}


def _to(state: OrderState) -> Any:
    return lambda request, order, data: services.move_order(order, to=state, seen=data["seen"], by=user_of(request))


ORDER_ACTIONS = (
    DocumentAction(
        name="message",
        order=5,
        label=_("Envoyer par e-mail"),
        icon="mail",
        permission=CHANGE_ORDER,
        states=ORDER_LETTER.states,
        primary_in=frozenset({OrderState.DRAFT}),
        check=ORDER_LETTER.refusal,
        explain=lambda order: (
            _("La commande part au fournisseur et passe à « Envoyée ».") if order.state == OrderState.DRAFT else ""
        ),
        form=mail_form(ORDER_LETTER),
        run=lambda request, order, data: send_order(order, by=user_of(request), **data),
        confirm=_("Envoyer"),
        done=_("commande envoyée"),
    ),
    DocumentAction(
        name="send",
        label=_("Marquer comme envoyée"),
        explain=_(
            "Rien ne part d'ici : vous l'avez envoyée vous-même. Ses lignes ne se modifient plus ; « Remettre en brouillon » les rouvre."
        ),
        icon="send",
        permission=CHANGE_ORDER,
        states=frozenset({OrderState.DRAFT}),
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
        primary_when=lambda order: not order.is_partly_received,
        form=ConfirmForm,
        run=lambda request, order, data: services.confirm_order(order, by=user_of(request), **data),
        done=_("confirmée"),
    ),
    DocumentAction(
        name="receive",
        label=_("Réception"),
        explain=_(
            "Tapez ce qui est arrivé. Quand tout est là, la commande passe à « Reçue ». Un nombre négatif reprend une erreur."
        ),
        explain_many=_("Pour chaque commande : tout ce qui restait à recevoir est arrivé aujourd'hui."),
        form=ReceiveForm,
        form_many=forms.Form,
        icon="inventory",
        permission=CHANGE_ORDER,
        states=frozenset({OrderState.SENT, OrderState.CONFIRMED, OrderState.RECEIVED, OrderState.BILLED}),
        primary_in=frozenset({OrderState.CONFIRMED}),
        primary_when=lambda order: order.is_partly_received,
        confirm=_("Noter la réception"),
        run=lambda request, order, data: receive_order(
            order,
            quantities=ReceiveForm.quantities(data),
            on=data["on"],
            note=data["note"],
            closes=data["closes"],
            seen=data["seen"],
            by=user_of(request),
        ),
        run_many=lambda request, orders, data: perform_each(
            orders,
            lambda order: services.move_order(order, to=OrderState.RECEIVED, by=user_of(request)),
            once=data["once"],
        ),
        done=_("réception notée"),
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
        offered=lambda order: not order.is_partly_received,
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
