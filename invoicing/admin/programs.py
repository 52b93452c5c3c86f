"""Pages of programs that use the API: their accounts, and the keys by which they come in."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from invoicing.admin.base import OfficeAdmin
from invoicing.admin.saving import seen_by
from invoicing.models import ServiceAccount, ServiceKey
from invoicing.services.parties.programs import close_account, make_key, open_account, revoke_key, save_account
from openfire_billing.db.areas import areas
from openfire_billing.kernel.formats import value_text
from openfire_billing.web.actions import ActionsMixin, DocumentAction
from openfire_billing.web.users import user_of

RIGHTS = (("", _("rien")), ("read", _("lire")), ("write", _("lire et écrire")))
_RIGHT_TEXTS = dict(RIGHTS)


class NewKeyForm(forms.Form):
    """The name of a key and its right in each area."""

    name = forms.CharField(label=_("Nom de la clé"), max_length=60)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for area in areas():
            self.fields[f"area_{area.code}"] = forms.ChoiceField(
                label=area.label, choices=RIGHTS, required=False, initial="read"
            )


class RevokeKeyForm(forms.Form):
    """The live keys of the program."""

    key = forms.TypedChoiceField(label=_("Clé"), coerce=int)

    def prepare(self, request: HttpRequest, accounts: Any) -> None:
        live = accounts[0].keys.filter(revoked_at__isnull=True)
        self.fields["key"].choices = [(key.pk, str(key)) for key in live]  # type: ignore[attr-defined]  # of its own class


def new_key(request: HttpRequest, account: ServiceAccount, data: dict[str, Any]) -> None:
    """Make a key, and show it in a message: neither the page nor the answer kept for a second press holds it."""
    rights = {area.code: data[f"area_{area.code}"] for area in areas()}
    key, text = make_key(account, name=data["name"], rights=rights, seen=data["seen"], by=user_of(request))
    messages.warning(
        request,
        format_html(
            '{} <code class="of-code">{}</code>',
            _("Clé « %s », montrée une seule fois, à copier maintenant :") % key.name,
            text,
        ),
    )


def _has_live_key(account: ServiceAccount) -> bool:
    return account.keys.filter(revoked_at__isnull=True).exists()


CHANGE = "invoicing.change_serviceaccount"


@admin.register(ServiceAccount)
class ServiceAccountAdmin(ActionsMixin, OfficeAdmin):
    """A program: what it is called, its company, its role, its keys."""

    new_title = _("Nouveau programme")
    is_saved_by_service = True
    has_checking_service = True
    list_display = ("name", "company", "role", "live_keys", "is_open_shown")
    list_select_related = ("company", "role", "user")
    search_fields = ("name",)
    fields = ("name", "company", "role", "keys_text")
    readonly_fields = ("keys_text",)
    field_labels: ClassVar[Any] = {"role": _("Rôle")}
    empty_text = _(
        "Les programmes qui se servent de l'API (site, standard, comptabilité), chacun avec ses clés. "
        "Créez-en un, puis : Action › Nouvelle clé."
    )
    document_actions = (
        DocumentAction(
            name="new-key",
            label=_("Nouvelle clé"),
            icon="key",
            permission=CHANGE,
            form=NewKeyForm,
            offered=lambda account: account.is_open,
            explain=_(
                "La clé n'expire pas et n'est montrée qu'une fois. Elle ne permet rien que le rôle du programme ne permette."
            ),
            confirm=_("Créer la clé"),
            run=new_key,
            done=_("clé créée"),
        ),
        DocumentAction(
            name="revoke-key",
            label=_("Révoquer une clé"),
            icon="key_off",
            permission=CHANGE,
            form=RevokeKeyForm,
            offered=_has_live_key,
            explain=_("Le programme qui s'en sert est refusé aussitôt."),
            confirm=_("Révoquer"),
            is_danger=True,
            run=lambda request, account, data: revoke_key(account, data["key"], seen=data["seen"], by=user_of(request)),
            done=_("clé révoquée"),
        ),
        DocumentAction(
            name="close",
            label=_("Fermer le programme"),
            icon="block",
            permission=CHANGE,
            offered=lambda account: account.is_open,
            explain=_("Toutes ses clés sont révoquées. Ce qu'il a fait reste au journal, sous son nom."),
            confirm=_("Fermer"),
            is_danger=True,
            run=lambda request, account, data: close_account(account, seen=data["seen"], by=user_of(request)),
            done=_("programme fermé"),
        ),
        DocumentAction(
            name="open",
            label=_("Rouvrir le programme"),
            icon="lock_open",
            permission=CHANGE,
            offered=lambda account: not account.is_open,
            explain=_("Il lui faudra une nouvelle clé."),
            confirm=_("Rouvrir"),
            run=lambda request, account, data: open_account(account, seen=data["seen"], by=user_of(request)),
            done=_("programme rouvert"),
        ),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A program that acted stands in the journal: it is closed, not deleted."""
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user").prefetch_related("keys")

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        account = self.get_object(request, object_id) if object_id else None
        return context | {"office_menu": self.actions_for(request, account) if account else ()}

    def save_model(self, request: HttpRequest, obj: ServiceAccount, form: Any, change: bool) -> None:
        values = {name: form.cleaned_data[name] for name in ("name", "company", "role")}
        seen = seen_by(request) if change else None
        saved = save_account(obj if change else None, values, seen=seen, by=user_of(request))
        obj.pk, obj.user_id, obj.version = saved.pk, saved.user_id, saved.version

    def write_journal(self, request: HttpRequest, form: Any, change: bool) -> None:
        """Do nothing: the service writes it."""

    @admin.display(description=_("Clés"))
    def live_keys(self, account: ServiceAccount) -> int:
        return sum(key.revoked_at is None for key in account.keys.all())

    @admin.display(description=_("Ouvert"), boolean=True)
    def is_open_shown(self, account: ServiceAccount) -> bool:
        return account.is_open

    @admin.display(description=_("Clés"))
    def keys_text(self, account: ServiceAccount) -> Any:
        """Return the keys of a program, one a line: name, rights, when it was last used."""
        if account.pk is None:
            return _("Enregistrez d'abord, puis : Action › Nouvelle clé.")
        lines = [(_key_text(key),) for key in account.keys.all()]
        return format_html_join("", "<div>{}</div>", lines) or _("Aucune : Action › Nouvelle clé.")


def _key_text(key: ServiceKey) -> str:
    rights = ", ".join(
        f"{area.label} : {_RIGHT_TEXTS[key.areas[area.code]]}" for area in areas() if area.code in key.areas
    )
    if key.revoked_at is not None:
        state = _("révoquée le %s") % value_text(key.revoked_at)
    elif key.last_used_at is None:
        state = _("jamais utilisée")
    else:
        state = _("utilisée le %s") % value_text(key.last_used_at)
    return f"{key} · {state} · {rights}"
