"""The page of the outbox."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from invoicing.admin.base import OfficeAdmin
from invoicing.admin.filters import ChipFilter
from invoicing.admin.notebook import NotebookMixin
from invoicing.choices import MessageState
from invoicing.models import Message
from invoicing.services.records.messages import retry_message
from openfire_billing.web.actions import ActionsMixin, DocumentAction
from openfire_billing.web.columns import state_column
from openfire_billing.web.users import user_of


class MessageChips(ChipFilter):
    chips = (
        ("waiting", _("À envoyer"), lambda q, r: q.filter(state__in=MessageState.pending)),
        ("failed", _("En échec"), lambda q, r: q.filter(state__in=MessageState.stopped)),
        ("dropped", _("Non envoyés"), lambda q, r: q.filter(state=MessageState.DROPPED)),
    )


@admin.register(Message)
class MessageAdmin(NotebookMixin, ActionsMixin, OfficeAdmin):
    list_display = ("created_at", "kind", "to", "subject", "state_badge", "attempts", "sent_at")
    list_card = ("", "to", "state_badge", "subject", "kind")
    list_filter = (MessageChips, "state", "kind")
    search_fields = ("to", "subject")
    empty_text = _("Les e-mails et SMS envoyés d'ici, avec leur état.")
    readonly_fields = (
        "kind",
        "to",
        "cc",
        "subject",
        "body",
        "state",
        "attempts",
        "error",
        "created_at",
        "send_at",
        "expires_at",
        "sent_at",
        "delivered_at",
        "provider_id",
        "is_commercial",
        "by",
    )
    fields = readonly_fields
    document_actions = (
        DocumentAction(
            name="resend",
            label=_("Renvoyer"),
            icon="replay",
            permission="invoicing.view_message",
            states=MessageState.stopped,
            primary_in=MessageState.stopped,
            explain=_("Le message repart dans les minutes qui viennent."),
            run=lambda request, message, data: retry_message(message, by=user_of(request)),
            done=_("remis dans les messages à envoyer"),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).readable_by(request.user)

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        document = self.get_object(request, object_id) if object_id else None
        if document is not None:
            actions = self.actions_for(request, document)
            context |= {"office_menu": actions, "office_primary": [a for a in actions if a["is_primary"]]}
        return context

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    state_badge = state_column(lambda message: (MessageState.colours[message.state], message.get_state_display()))
