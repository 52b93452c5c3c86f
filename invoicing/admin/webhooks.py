"""Pages of webhooks: the addresses of programs that are told what happens, and the log of what they were sent."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.widgets import INPUT_CLASSES

from invoicing.admin.base import OfficeAdmin
from invoicing.admin.filters import ChipFilter
from invoicing.admin.saving import seen_by
from invoicing.choices import DeliveryState
from invoicing.models import WebhookDelivery, WebhookEndpoint
from invoicing.services.parties.webhooks import (
    delete_endpoint,
    renew_secret,
    replay,
    resume_endpoint,
    save_endpoint,
    secret_of,
    stop_endpoint,
)
from invoicing.services.records.acts import perform_each
from openfire_billing.db.areas import PROGRAMS, areas
from openfire_billing.web.actions import ActionsMixin, DocumentAction
from openfire_billing.web.columns import column, state_column
from openfire_billing.web.users import user_of

CHANGE = "invoicing.change_webhookendpoint"


class EndpointForm(forms.ModelForm):
    """An address, and the areas that it is told about."""

    url = forms.URLField(
        label=_("Adresse (https)"),
        max_length=500,
        assume_scheme="https",
        widget=forms.URLInput(attrs={"class": " ".join(INPUT_CLASSES)}),
    )
    areas = forms.MultipleChoiceField(
        label=_("Parties"),
        required=False,
        help_text=_("Rien de coché : tout ce qui arrive."),
        widget=forms.CheckboxSelectMultiple(attrs={"class": "of-checks"}),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "areas" in self.fields:
            told = [(area.code, area.label) for area in areas() if area.code != PROGRAMS]
            self.fields["areas"].choices = told  # type: ignore[attr-defined]  # of its own class


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ActionsMixin, OfficeAdmin):
    """An endpoint. Its secret is shown to who may change it."""

    new_title = _("Nouveau webhook")
    form = EndpointForm
    is_saved_by_service = True
    has_checking_service = True
    list_display = ("name", "company", "url", "state_badge")
    list_select_related = ("company",)
    search_fields = ("name", "url")
    fields = ("name", "company", "url", "areas", "secret_text", "state_text", "log_text")
    readonly_fields = ("secret_text", "state_text", "log_text")
    empty_text = _("Les adresses des programmes à prévenir de ce qui arrive ici : facture validée, RDV confirmé…")
    document_actions = (
        DocumentAction(
            name="resume",
            label=_("Reprendre"),
            icon="play_arrow",
            permission=CHANGE,
            offered=lambda endpoint: not endpoint.is_listening,
            primary_when=lambda endpoint: not endpoint.is_listening,
            explain=_(
                "Ce qui attendait ou avait échoué part dans son ordre. Ce qui est arrivé depuis l'arrêt n'est pas envoyé."
            ),
            confirm=_("Reprendre"),
            run=lambda request, endpoint, data: resume_endpoint(endpoint, seen=data["seen"], by=user_of(request)),
            done=_("webhook repris"),
        ),
        DocumentAction(
            name="renew-secret",
            label=_("Nouveau secret"),
            icon="key",
            permission=CHANGE,
            explain=_("Le programme doit recevoir le nouveau secret : l'ancien ne signe plus rien dès maintenant."),
            confirm=_("Changer le secret"),
            run=lambda request, endpoint, data: renew_secret(endpoint, seen=data["seen"], by=user_of(request)),
            done=_("secret changé"),
        ),
        DocumentAction(
            name="stop",
            label=_("Arrêter"),
            icon="stop",
            permission=CHANGE,
            offered=lambda endpoint: endpoint.is_listening,
            explain=_("Plus rien n'y est envoyé. Ce qui attend reste, et part à la reprise."),
            confirm=_("Arrêter"),
            is_danger=True,
            run=lambda request, endpoint, data: stop_endpoint(endpoint, seen=data["seen"], by=user_of(request)),
            done=_("webhook arrêté"),
        ),
        DocumentAction(
            name="delete",
            label=_("Supprimer"),
            icon="delete",
            permission="invoicing.delete_webhookendpoint",
            offered=lambda endpoint: not endpoint.is_listening,
            explain=_("Le webhook est supprimé avec le journal de ses envois."),
            confirm=_("Supprimer"),
            is_danger=True,
            leave=True,
            run=lambda request, endpoint, data: delete_endpoint(endpoint, by=user_of(request)),
            done=_("webhook supprimé"),
        ),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deleting is an act, for a stopped one."""
        return False

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        endpoint = self.get_object(request, object_id) if object_id else None
        return context | {"office_menu": self.actions_for(request, endpoint) if endpoint else ()}

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        values = {name: form.cleaned_data[name] for name in ("name", "company", "url", "areas")}
        saved = save_endpoint(
            obj if change else None, values, seen=seen_by(request) if change else None, by=user_of(request)
        )
        obj.pk, obj.version, obj.nonce = saved.pk, saved.version, saved.nonce

    def write_journal(self, request: HttpRequest, form: Any, change: bool) -> None:
        """Do nothing: the service writes it."""

    @admin.display(description=_("Secret"))
    def secret_text(self, endpoint: WebhookEndpoint) -> Any:
        return (
            format_html('<code class="of-code">{}</code>', secret_of(endpoint))
            if endpoint.pk
            else _("Donné à l'enregistrement.")
        )

    @admin.display(description=_("État"))
    def state_text(self, endpoint: WebhookEndpoint) -> Any:
        return _("À l'écoute.") if endpoint.is_listening else endpoint.stop_reason or _("Arrêté.")

    @admin.display(description=_("Envois"))
    def log_text(self, endpoint: WebhookEndpoint) -> Any:
        """Return the link to the log of the endpoint, with the number of what waits and what failed."""
        if endpoint.pk is None:
            return "–"
        counts = {state: endpoint.deliveries.filter(state=state).count() for state in DeliveryState}
        text = _("%(waiting)d à envoyer, %(failed)d en échec, %(sent)d reçus") % counts
        return format_html(
            '<a class="of-link" href="/admin/invoicing/webhookdelivery/?endpoint__id__exact={}">{}</a>',
            endpoint.pk,
            text,
        )

    state_badge = state_column(
        lambda endpoint: ("green", _("À l'écoute")) if endpoint.is_listening else ("red", _("Arrêté"))
    )


class DeliveryChips(ChipFilter):
    chips = (
        ("waiting", _("À envoyer"), lambda q, r: q.filter(state=DeliveryState.WAITING)),
        ("failed", _("En échec"), lambda q, r: q.filter(state=DeliveryState.FAILED)),
    )


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ActionsMixin, OfficeAdmin):
    """The log: read only, but for sending again."""

    has_journal = False
    list_display = ("kind", "object_id", "endpoint", "happened_at", "state_badge", "attempts", "status", "sent_at")
    list_filter = (DeliveryChips, "endpoint", "state")
    list_select_related = ("endpoint", "event")
    search_fields = ("event__kind", "error")
    readonly_fields = (
        "endpoint", "kind", "object_id", "event_key", "happened_at", "state", "attempts", "next_try_at", "status", "error",
        "sent_at",
    )  # fmt: skip
    fields = readonly_fields
    empty_text = _("Ce qui a été envoyé aux webhooks, et ce qu'ils ont répondu.")
    document_actions = (
        DocumentAction(
            name="replay",
            label=_("Renvoyer"),
            icon="replay",
            permission=CHANGE,
            offered=lambda delivery: delivery.state != DeliveryState.WAITING,
            explain=_(
                "Le même événement repart, sous le même identifiant : le programme reconnaît ce qu'il a déjà reçu."
            ),
            confirm=_("Renvoyer"),
            run=lambda request, delivery, data: replay(delivery),
            run_many=lambda request, deliveries, data: perform_each(deliveries, replay, once=data["once"]),
            done=_("remis à l'envoi"),
        ),
    )

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        delivery = self.get_object(request, object_id) if object_id else None
        return context | {"office_menu": self.actions_for(request, delivery) if delivery else ()}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @column(_("Événement"), export=lambda delivery: delivery.event.kind)
    def kind(self, delivery: WebhookDelivery) -> str:
        return format_html('<code class="of-code">{}</code>', delivery.event.kind)

    @admin.display(description=_("Identifiant"))
    def event_key(self, delivery: WebhookDelivery) -> Any:
        return delivery.event.key

    @admin.display(description=_("Arrivé le"))
    def happened_at(self, delivery: WebhookDelivery) -> Any:
        return delivery.event.at

    state_badge = state_column(lambda delivery: (DeliveryState.colours[delivery.state], delivery.get_state_display()))
