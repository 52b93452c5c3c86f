"""Pages of partners, addresses and tags."""

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.widgets import UnfoldAdminSelectWidget

from invoicing.admin.base import OfficeAdmin
from invoicing.admin.creation import CreationMixin
from invoicing.admin.filters import ChipFilter
from invoicing.admin.notebook import NotebookMixin, notebook_page
from invoicing.admin.parties.overview import overview_of
from invoicing.admin.records.texts import text_action
from invoicing.admin.shared_records import kept_refusal
from invoicing.choices import InvoiceKind, InvoiceState, LocationState, PartnerKind
from invoicing.models import Address, Invoice, Partner, PartnerTerms, PurchaseOrder, Quote, Tag
from invoicing.models.parties.places import Located
from invoicing.services.documents.text_subjects import CUSTOMER_TEXT
from invoicing.services.parties.customers import create_customer
from invoicing.services.parties.duplicates import likely_duplicates, merge_partners, similar_customers
from invoicing.services.parties.places import accept_place, outage
from invoicing.services.records.acts import perform_each
from invoicing.services.records.saving import save_record
from openfire_billing.kernel.countries import COUNTRIES
from openfire_billing.kernel.folding import fold
from openfire_billing.kernel.formats import number_text
from openfire_billing.kernel.telephones import searched_digits
from openfire_billing.web.actions import PREFIX, ActionsMixin, DocumentAction
from openfire_billing.web.asked import Asked
from openfire_billing.web.columns import column
from openfire_billing.web.contributions import OpenItems, SmartButton, contribute
from openfire_billing.web.first_acts import first_acts_of
from openfire_billing.web.record_links import link_to
from openfire_billing.web.smart_buttons import smart_buttons
from openfire_billing.web.summary import Heading, heading_of_customer
from openfire_billing.web.tags import badge, euros, nothing
from openfire_billing.web.telephone_field import TelephoneInput, is_telephone
from openfire_billing.web.towns import PostcodeInput
from openfire_billing.web.users import user_of

PLACE = ("street", "zip", "city")  # of an address, in the panels that create one


def country_field(db_field: Any) -> forms.ChoiceField:
    """Return the box of a country."""
    return forms.ChoiceField(
        label=db_field.verbose_name, choices=_countries(), initial="FR", widget=UnfoldAdminSelectWidget
    )


@cache
def _countries() -> tuple[tuple[str, str], ...]:
    """Return the choices of a country: France first, then the others by name."""
    others = sorted(((code, name) for code, name in COUNTRIES.items() if code != "FR"), key=lambda one: fold(one[1]))
    return ("", "–"), ("FR", COUNTRIES["FR"]), *others


class AddressBoxesMixin:
    """Gives the form of an address its boxes: countries by name, towns by post code, telephones."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "country":
            return country_field(db_field)
        if is_telephone(db_field):
            options["widget"] = TelephoneInput()
        if db_field.name == "zip":
            options["widget"] = PostcodeInput()
        return super().formfield_for_dbfield(db_field, request, **options)  # type: ignore[misc]


class PlaceMixin:
    """Shows how well the place of a record is known, and who says so."""

    @column(_("Position"), export=lambda record: record.get_location_state_display() or None, ordering="location_state")
    def place(self, record: Any) -> Any:
        return place_badge(record) if record is not None and record.location_state else nothing()


def place_badge(record: Located) -> Any:
    """Return how well a place is known, by whom and since when."""
    words = [
        record.get_location_source_display().lower(),
        _("note %s") % number_text(record.location_score) if record.location_score is not None else "",
        _("le %s") % date_format(localtime(record.located_at), "d/m/Y") if record.located_at else "",
        _("proposé : %s") % record.proposed_label if record.proposed_label else "",
    ]
    colour = LocationState.colours[record.location_state]
    return format_html(
        "{} {}", badge(colour, record.get_location_state_display()), ", ".join(str(word) for word in words if word)
    )


class AddressInline(PlaceMixin, AddressBoxesMixin, StackedInline):
    model = Address
    hide_title = True
    add_label = _("Ajouter une adresse")
    fields = (
        ("label", "phone"),
        "street",
        "street2",
        "zip",
        "city",
        "country",
        ("is_default", "is_billing"),
        ("latitude", "longitude"),
        "place",
    )
    readonly_fields = ("place",)

    def get_extra(self, request: HttpRequest, obj: Any = None, **options: Any) -> int:
        """Show one empty address to a new customer alone."""
        return 0 if obj else 1


class TermsInline(StackedInline):
    model = PartnerTerms
    hide_title = True
    add_label = _("Ajouter des conditions")
    can_delete = False
    fields = (("fiscal_position", "payment_term"),)

    def get_extra(self, request: HttpRequest, obj: Any = None, **options: Any) -> int:
        return 0 if kept_refusal(request, obj) else super().get_extra(request, obj, **options)

    def has_add_permission(self, request: HttpRequest, obj: Any) -> bool:
        return super().has_add_permission(request, obj) and not kept_refusal(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not kept_refusal(request, obj)


class MergeForm(forms.Form):
    """The record to keep: a likely duplicate, or another record by its exact name."""

    into = forms.ModelChoiceField(
        label=_("Fiche à garder"),
        queryset=Partner.objects.none(),
        required=False,
        help_text=_("Les clients qui ont le même e-mail, téléphone, SIREN, ou nom et code postal."),
    )
    name = forms.CharField(label=_("Ou un autre client (nom exact)"), required=False, max_length=120)

    def prepare(self, request: Any, documents: Any) -> None:
        self.partner = documents[0]
        into = self.fields["into"]
        into.queryset = likely_duplicates(self.partner).prefetch_related("addresses")  # type: ignore[attr-defined]
        into.label_from_instance = lambda same: " · ".join(  # type: ignore[attr-defined]
            filter(None, [same.name, str(same.default_address() or ""), same.phone or same.mobile, same.email])
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("into"):
            named = Partner.objects.filter(name__iexact=data.get("name", "").strip(), merged_into=None)
            others = list(named.exclude(pk=self.partner.pk)[:2])
            if len(others) != 1:
                raise forms.ValidationError(
                    _("Choisissez la fiche à garder dans la liste, ou écrivez le nom exact d'un seul autre client.")
                )
            data["into"] = others[0]
        return data


@admin.register(Partner)
class PartnerAdmin(CreationMixin, NotebookMixin, ActionsMixin, OfficeAdmin):
    new_title = _("Nouveau client")
    creation_fields = ("name", "phone", "email")
    shows_similar = True
    asks: ClassVar = {
        "siren": Asked(
            _("obligatoire pour facturer un professionnel"),
            ("kind", frozenset({PartnerKind.BUSINESS.value, PartnerKind.PUBLIC.value})),
        )
    }
    list_display = ("name", "town", "phone", "mobile", "email", "payer_name", "is_active")
    list_card = ("", "town", "phone", "email", "mobile")
    list_filter = ("is_active", "kind", "tags")
    search_fields = Partner.SEARCHED
    autocomplete_fields = ("bill_to", "tags")
    inlines = (TermsInline, AddressInline)
    empty_text = _("Vos clients et fournisseurs. Commencez par en créer un, ou importez les vôtres.")
    fieldsets = (
        (None, {"fields": (("name", "kind"), ("phone", "mobile"), ("email", "store_code"), "tags")}),
        (_("SMS commerciaux"), {"fields": (("sms_consent_on", "sms_consent_source"),)}),
        (_("État"), {"fields": ("is_active",)}),
        (
            _("Facturation"),
            {"fields": (("bill_to", "billing_email"), ("vat_number", "siren")), "classes": ("notebook",)},
        ),
        (_("Note"), {"fields": ("note",), "classes": ("notebook", "wide")}),
    )
    notebook = (
        ("addresses", _("Adresses"), ("inline:addresses",)),
        ("billing", _("Facturation"), (_("Facturation"), "inline:terms")),
        ("note", _("Note interne"), (_("Note"),)),
    )
    opened_tab = "overview"
    has_fields_first = False  # the overview comes first
    document_actions = (
        text_action(Partner, CUSTOMER_TEXT),
        DocumentAction(
            name="merge",
            label=_("Fusionner dans une autre fiche"),
            icon="merge",
            permission="invoicing.delete_partner",
            form=MergeForm,
            offered=lambda partner: partner.merged_into_id is None,
            is_danger=True,
            explain=_(
                "Tout ce qui est à cette fiche passe à l'autre : adresses, équipements, DI, RDV, devis, contrats et "
                "brouillons. Les factures validées et les paiements gardent leur nom. Cette fiche est archivée ; "
                "on ne revient pas en arrière."
            ),
            confirm=_("Fusionner"),
            run=lambda request, partner, data: merge_partners(partner, into=data["into"], by=user_of(request)),
            done=_("fusionné dans"),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("bill_to", "merged_into", "addresses", "tags")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Search partners. A choice box leaves out archived ones."""
        if request.path.endswith("/autocomplete/"):
            queryset = queryset.filter(is_active=True)
        return super().get_search_results(request, queryset, search_term)

    def choice_details(self, partner: Partner) -> dict[str, Any]:
        return {"name": partner.name, "details": [_place(partner, "city") or "", partner.phone or partner.mobile]}

    def first_values(self, request: HttpRequest, customer: Partner | None) -> dict[str, Any]:
        """Put what was typed where it belongs: a telephone, an e-mail, else a name."""
        term = request.GET.get("term", "").strip()
        return {"phone" if searched_digits(term) else "email" if "@" in term else "name": term}

    def creation_forms(self, request: HttpRequest, customer: Partner | None) -> list[Any]:
        """Return the form of the customer and that of its address, which may be left empty, for who may create one."""
        addresses = self.admin_site.get_model_admin(Address)
        if not addresses.has_add_permission(request):
            return super().creation_forms(request, customer)
        address = addresses.creation_form(request, PLACE, {}, prefix=f"{PREFIX}-address")
        address.empty_permitted, address.use_required_attribute = True, False
        for field in address.fields.values():
            field.label = field.plain_label
            field.widget.attrs.pop("aria-required", None)
        return [*super().creation_forms(request, customer), address]

    def create_record(self, request: HttpRequest, forms: Sequence[Any], customer: Partner | None) -> Partner:
        form, *places = forms
        addresses = [place.cleaned_data for place in places if place.has_changed()]
        return create_customer(form.cleaned_data, addresses=addresses, by=user_of(request))

    def similar_to(self, request: HttpRequest) -> list[Partner]:
        typed = {name: request.POST.get(f"{PREFIX}-{name}", "") for name in self.creation_fields}
        if request.method != "POST":
            typed = self.first_values(request, None)
        return similar_customers(**{"name": "", **typed}, postcode=request.POST.get(f"{PREFIX}-address-zip", ""))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        for same in () if change else likely_duplicates(form.instance)[:3]:
            messages.warning(
                request,
                format_html("{} {}", _("Ce client existe peut-être déjà :"), link_to(same)),
            )

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        partner = self.get_object(request, object_id) if object_id else None
        if partner is None:
            return context
        balance = context["office_tabs"][0]["context"]["balance"]
        buttons = [*([balance] if balance else ()), *smart_buttons(partner, request)]
        actions = self.actions_for(request, partner)
        merge = next((act for act in actions if act["name"] == "merge"), None)
        if merge and (same := likely_duplicates(partner).count()):
            url = merge["url"]
            buttons.append({"label": _("Doublons ?"), "icon": "merge", "count": same, "url": url, "is_dialog": True})
        return context | {
            "office_buttons": buttons,
            "office_menu": actions,
            "office_primary": self.first_acts(request, partner),
            "office_kept": link_to(partner.merged_into) if partner.merged_into else "",
        }

    def heading(self, document: Partner) -> Heading:
        return heading_of_customer(document)

    def tabs(self, request: HttpRequest, document: Partner) -> list[dict[str, Any]]:
        """Return the overview before the pages that upper apps contribute."""
        overview = overview_of(document, request)
        return [
            notebook_page("overview", _("Vue d'ensemble"), "invoicing/customer_overview.html", overview, order=5),
            *super().tabs(request, document),
        ]

    def first_acts(self, request: HttpRequest, partner: Partner) -> list[dict[str, Any]]:
        """Return the buttons that create documents for a customer; upper apps contribute theirs."""
        return [
            {"label": act.label, "icon": act.icon, "url": url, "is_page": True}
            for act, url in first_acts_of(partner, request.user)
        ]

    @column(
        _("Ville"),
        export={
            _("Nature"): lambda partner: partner.get_kind_display(),
            _("Code magasin"): lambda partner: partner.store_code or None,
            _("SIREN"): lambda partner: partner.siren or None,
            _("N° TVA"): lambda partner: partner.vat_number or None,
            _("Rue"): lambda partner: _place(partner, "street"),
            _("Complément"): lambda partner: _place(partner, "street2"),
            _("Code postal"): lambda partner: _place(partner, "zip"),
            _("Ville"): lambda partner: _place(partner, "city"),
            _("Pays"): lambda partner: COUNTRIES.get(_place(partner, "country") or ""),
        },  # what an import of customers reads
    )
    def town(self, partner: Partner) -> str | None:
        return _place(partner, "city")

    @admin.display(description=_("Facturer à"))
    def payer_name(self, partner: Partner) -> str | None:
        return str(partner.bill_to) if partner.bill_to else None


class PlaceChips(ChipFilter):
    chips = (
        ("check", _("À vérifier"), lambda rows, request: rows.filter(location_state=LocationState.TO_CHECK)),
        ("unknown", _("Introuvables"), lambda rows, request: rows.filter(location_state=LocationState.NOT_FOUND)),
        ("town", _("À la ville seulement"), lambda rows, request: rows.filter(location_state=LocationState.TOWN)),
        ("missing", _("Sans position"), lambda rows, request: rows.filter(latitude=None)),
    )


class PlaceForm(forms.Form):
    """Coordinates in degrees, as a map shows them."""

    latitude = forms.DecimalField(
        label=_("Latitude"), min_value=-90, max_value=90, max_digits=9, decimal_places=6, localize=True
    )
    longitude = forms.DecimalField(
        label=_("Longitude"), min_value=-180, max_value=180, max_digits=9, decimal_places=6, localize=True
    )

    def prepare(self, request: Any, documents: Any) -> None:
        """Begin with the place that is known, or proposed."""
        address = documents[0]
        self.initial = {
            "latitude": address.latitude if address.latitude is not None else address.proposed_latitude,
            "longitude": address.longitude if address.longitude is not None else address.proposed_longitude,
        }


@admin.register(Address)
class AddressAdmin(PlaceMixin, AddressBoxesMixin, CreationMixin, ActionsMixin, OfficeAdmin):
    """The page of addresses, for autocompletion and places; users edit addresses on their partner's page."""

    new_title = _("Nouvelle adresse")
    creation_fields = (*PLACE, "label", "phone")
    is_of_customer = True
    list_display = ("__str__", "partner", "place", "phone")
    list_filter = (PlaceChips,)
    fields = ("partner", *AddressInline.fields)
    readonly_fields = ("place",)
    search_fields = Address.SEARCHED
    autocomplete_fields = ("partner",)
    list_select_related = ("partner",)
    document_actions = (
        DocumentAction(
            name="accept",
            label=_("Accepter la position"),
            icon="check",
            permission="invoicing.change_address",
            offered=lambda address: address.is_proposed,
            explain=lambda address: (
                _("L'adresse se trouve là où le géocodeur la propose : %s.") % address.proposed_label
            ),
            explain_many=_("Chaque adresse se trouve là où le géocodeur la propose."),
            confirm=_("Accepter"),
            run=lambda request, address, data: accept_place(address, seen=data["seen"], by=user_of(request)),
            run_many=lambda request, addresses, data: perform_each(
                addresses, lambda address: accept_place(address, by=user_of(request)), once=data["once"]
            ),
            done=_("position acceptée"),
        ),
        DocumentAction(
            name="locate",
            label=_("Placer à la main"),
            icon="map",
            permission="invoicing.change_address",
            form=PlaceForm,
            explain=_("La position donnée à la main reste : le géocodeur ne la remplace pas, même si la rue change."),
            confirm=_("Placer"),
            run=lambda request, address, data: save_record(
                address,
                values={"latitude": data["latitude"], "longitude": data["longitude"]},
                seen=data["seen"],
                by=user_of(request),
            ),
            done=_("placée à la main"),
        ),
    )

    def first_values(self, request: HttpRequest, customer: Partner | None) -> dict[str, Any]:
        return {"street": request.GET.get("term", "").strip()}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        if (known := outage()) and request.method == "GET":
            messages.warning(
                request,
                _(
                    "Le géocodeur ne répond pas depuis le %(since)s (%(reason)s) : un nouvel essai est fait toutes les cinq minutes."
                )
                % {"since": date_format(localtime(known.since), "d/m/Y à H:i"), "reason": known.reason.rstrip(".")},
            )
        return super().changelist_view(request, extra_context)


@admin.register(Tag)
class TagAdmin(OfficeAdmin):
    new_title = _("Nouvelle étiquette")
    list_display = ("name", "scope")
    list_filter = ("scope",)
    search_fields = ("name",)


def _place(partner: Partner, name: str) -> str | None:
    """Return a column of the address that the list shows; None for an empty one."""
    address = partner.default_address()
    return (getattr(address, name) or None) if address else None


def _what_is_left(invoice: Invoice) -> str:
    """Return what is left to pay of an invoice, and since or until when."""
    label = _("en retard depuis le %s") if invoice.is_overdue else _("à payer avant le %s")
    due = label % date_format(invoice.due_on, "d/m/Y") if invoice.due_on else ""
    return " · ".join(filter(None, [euros(invoice.residual), due]))


contribute(
    Partner,
    open_items=[
        OpenItems(
            _("Factures à payer"),
            "receipt_long",
            "invoicing.view_invoice",
            lambda ids, today: (
                Invoice.objects.filter(customer__in=ids, state=InvoiceState.POSTED)
                .exclude(kind=InvoiceKind.CREDIT_NOTE)
                .with_payment_state(today)
                .filter(residual__gt=0)
                .order_by("due_on", "pk")
            ),
            ("customer_id",),
            _what_is_left,
            order=20,
        )
    ],
    smart_buttons=[
        SmartButton("quotes", _("Devis"), "request_quote", "invoicing.Quote", order=30),
        SmartButton("invoices", _("Factures"), "receipt_long", "invoicing.Invoice", order=40),
        SmartButton("purchases", _("Achats"), "shopping_cart", "invoicing.PurchaseOrder", order=80),
    ],
    origins={
        "quotes": lambda partner: Quote.objects.filter(Q(partner=partner) | Q(bill_to=partner)).values("pk"),
        "invoices": lambda partner: Invoice.objects.filter(customer=partner).values("pk"),
        "purchases": lambda partner: PurchaseOrder.objects.filter(supplier=partner).values("pk"),
    },
)
# Each origin is read by an index of its own; a condition « of him, or of one merged into him » reads all the invoices.
contribute(
    Partner,
    origins={"invoices": lambda partner: Invoice.objects.filter(customer__merged_into=partner).values("pk")},
)
