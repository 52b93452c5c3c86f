"""Pages of user accounts: logins, roles, companies."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import ReadOnlyPasswordHashWidget
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from invoicing.admin.base import OfficeAdmin
from invoicing.models import Company, CompanyAccess
from invoicing.services.access import second_factor
from invoicing.services.access.sessions import sessions_of, tokens_of
from openfire_billing.kernel.formats import value_text
from openfire_billing.web.actions import ActionsMixin


class PasswordLink(ReadOnlyPasswordHashWidget):
    """The link to change a password. Shows nothing of the stored hash."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        return format_html('<a class="of-link" href="../password/">{}</a>', _("Changer le mot de passe"))


class AccountForm(UserChangeForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["password"].widget = PasswordLink()
        self.fields["password"].help_text = ""


class NewAccountForm(UserCreationForm):
    """A new account. Without a password, the user chooses one by the link of his invitation."""

    usable_password = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["password1"].help_text = _(
            "Douze caractères au moins. Laissez vide pour que la personne choisisse le sien : Action › Envoyer une "
            "invitation, une fois le compte enregistré."
        )

    def validate_passwords(self, *args: Any, **options: Any) -> None:
        is_given = self.cleaned_data.get("password1") or self.cleaned_data.get("password2")
        self.cleaned_data["usable_password"] = "true" if is_given else "false"
        super().validate_passwords(*args, **options)


class AccessForm(forms.ModelForm):
    """A company of an account. A proposed company is saved even when the user did not change the line."""

    def has_changed(self) -> bool:
        return super().has_changed() or bool(self.instance.pk is None and self["company"].value())


class CompanyAccessInline(TabularInline):
    """The companies of an account. A user gives only companies of his own; his only one is proposed."""

    model = CompanyAccess
    form = AccessForm
    add_label = _("Ajouter une société")

    def get_extra(self, request: HttpRequest, obj: Any = None, **options: Any) -> int:
        return int(obj is None and request.user.is_superuser and only_company(request.user) is not None)

    def get_formset(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        """Ask a company of each account, except of a superuser: an account without one is his alone to open."""
        if not request.user.is_superuser:
            options["validate_min"] = True
        formset = super().get_formset(request, obj, **options)
        formset.default_error_messages = {
            **formset.default_error_messages,
            "too_few_forms": _("Choisissez au moins une société : sans elle, ce compte ne verrait rien."),
        }
        return formset

    def get_min_num(self, request: HttpRequest, obj: Any = None, **options: Any) -> int:
        return int(not request.user.is_superuser)


def only_company(user: Any) -> Company | None:
    """Return the only company of a user; None when he has several or none."""
    companies = list(Company.objects.visible_to(user)[:2])
    return companies[0] if len(companies) == 1 else None


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(ActionsMixin, DjangoUserAdmin, OfficeAdmin):  # type: ignore[misc]  # Django's and Unfold's differ
    new_title = _("Nouvel utilisateur")
    form = AccountForm
    add_form = NewAccountForm
    change_password_form = AdminPasswordChangeForm
    inlines = (CompanyAccessInline,)
    field_labels: ClassVar[Any] = {"is_staff": _("Travaille au bureau"), "groups": _("Rôles")}
    list_display = ("username", "first_name", "last_name", "email", "roles", "is_active")
    list_filter = ("is_active", "groups")
    list_filter_submit = False
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Personne"), {"fields": (("first_name", "last_name"), "email")}),
        (_("Accès"), {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        (_("Sessions et appareils"), {"fields": ("sessions_text", "second_factor_text")}),
    )
    add_form_template = None  # the page of every new record
    add_fieldsets = (
        (
            None,
            {
                "fields": ("username", "email", "is_staff", "password1", "password2"),
                "description": _("Une fois le compte enregistré, sa fiche demande le nom et les rôles."),
            },
        ),
    )
    filter_horizontal: ClassVar[Any] = ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Tick the access to the office, which a technician does not need."""
        return {"is_staff": True}

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        options: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        company = only_company(request.user) if obj.pk is None else None
        return {**options, "initial": [{"company": company.pk, "is_default": True}]} if company else options

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **options)
        if db_field.name == "is_staff":
            field.help_text = _(
                "Sans cette case, le compte n'ouvre que les pages du téléphone : décochez-la pour un technicien."
            )
        elif db_field.name == "groups":
            field.help_text = _("Une personne peut en avoir plusieurs.")
            field.widget = forms.CheckboxSelectMultiple(attrs={"class": "of-checks"}, choices=field.choices)
        return field

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the accounts that the user may manage: all for a superuser; for others, non-superuser accounts with no
        access to a company the user does not see. The accounts of programs have their own page.
        """
        users = super().get_queryset(request).filter(service_account=None).prefetch_related("groups")
        if request.user.is_superuser:
            return users
        others = CompanyAccess.objects.exclude(company__in=Company.objects.visible_to(request.user))
        return users.filter(is_superuser=False).exclude(pk__in=others.values("user"))

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        user = self.get_object(request, object_id) if object_id else None
        return context | {"office_menu": self.actions_for(request, user) if user else ()}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Lock the superuser box for others than superusers."""
        locked = () if request.user.is_superuser else ("is_superuser",)
        return (*locked, "sessions_text", "second_factor_text") if obj else locked

    @admin.display(description=_("Ouvertes"))
    def sessions_text(self, user: User) -> Any:
        """Return the open sessions and the valid tokens of an account, one a line."""
        now = timezone.now()
        lines = [
            (f"{session} · {_('dernière activité')} {value_text(session.last_act_at)} · {session.address}",)
            for session in sessions_of(user, at=now)
        ]
        lines += [(f"{_('Programme')} · {value_text(token.created)}",) for token in tokens_of(user, at=now)]
        return format_html_join("", "<div>{}</div>", lines) or _("Aucune.")

    @admin.display(description=_("Second facteur"))
    def second_factor_text(self, user: User) -> Any:
        return _("En place.") if second_factor.device_of(user) else _("Aucun.")

    @admin.display(description=_("Rôles"))
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, OfficeAdmin):  # type: ignore[misc]  # Django's and Unfold's differ
    """Roles. Every company has the same ones: who works for all of them changes them."""

    new_title = _("Nouveau rôle")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self.works_for_all(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self.works_for_all(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self.works_for_all(request)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:  # type: ignore[override]
        field: Any = super().formfield_for_manytomany(db_field, request, **options)
        if db_field.name == "permissions":
            field.label_from_instance = _permission_text
        return field


_ACTS = {"add": _("ajouter"), "change": _("modifier"), "delete": _("supprimer"), "view": _("voir")}


def _permission_text(permission: Any) -> str:
    """Return « facture : modifier ». Django stores its own names of permissions in English."""
    act, _line, model = permission.codename.partition("_")
    if act in _ACTS and model == permission.content_type.model:
        return f"{permission.content_type.name} : {_ACTS[act]}"
    return f"{permission.content_type.name} : {permission.name}"
