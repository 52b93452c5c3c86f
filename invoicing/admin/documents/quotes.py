"""The page of quotes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Case, F, When
from django.http import FileResponse, HttpRequest
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from invoicing.admin.document_admin import DocumentAdmin, add_defaults, record_of, terms_of, values_of
from invoicing.admin.documents.mailing import mail_action
from invoicing.admin.documents.money_card import origins_of
from invoicing.admin.documents.paper import amounts_of_lines, open_paper, paper_response
from invoicing.admin.documents.published import PublishedMixin
from invoicing.admin.filters import ChipFilter, FromFilter
from invoicing.admin.forms import InvoiceForm, OnForm, ProlongForm, ReasonForm
from invoicing.admin.lines import LinesInline
from invoicing.admin.records.texts import text_action
from invoicing.admin.saving import seen_by
from invoicing.choices import QuoteState
from invoicing.models import Partner, Quote, QuoteLine, QuoteLineClaim
from invoicing.paper.pdf import quote_pdf
from invoicing.services.catalogue import usual_terms
from invoicing.services.documents import quotes as services
from invoicing.services.documents.lines import LineEdit, items_of_edits
from invoicing.services.documents.mailing import QUOTE_LETTER
from invoicing.services.documents.text_subjects import QUOTE_TEXT
from invoicing.services.records.acts import perform_each
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.asked import ASKED_TO_BILL
from openfire_billing.web.columns import age_column, amount_column, state_column
from openfire_billing.web.contributions import SmartButton, contribute
from openfire_billing.web.lines import SaleLineForm
from openfire_billing.web.tags import badge, stored_state
from openfire_billing.web.users import user_of

S = QuoteState
CHANGE, BILL = "invoicing.change_quote", "invoicing.bill"


class QuoteLineForm(SaleLineForm):
    class Meta(SaleLineForm.Meta):
        model = QuoteLine


class QuoteLineInline(LinesInline):
    model = QuoteLine
    form = QuoteLineForm


class QuoteChips(ChipFilter):
    chips = (
        ("waiting", _("Attendent une réponse"), lambda q, r: q.filter(state=S.SENT)),
        ("to-bill", _("À facturer"), lambda q, r: q.to_bill()),
        ("expired", _("Expirés"), lambda q, r: q.expired(timezone.localdate())),
        ("accepted", _("Acceptés"), lambda q, r: q.filter(state=S.ACCEPTED)),
    )
    uncounted = frozenset({"accepted"})
    orders: ClassVar = {"expired": ("valid_until", "pk")}


def _is_settled(quote: Quote) -> bool:
    """Return whether an accepted quote is fully billed, and so shown as settled."""
    return quote.state == S.ACCEPTED and not quote.lines.open().exists()


def _is_lapsed(quote: Quote) -> bool:
    """Return whether a quote was sent and has expired: it is prolonged before anything else is done with it."""
    return quote.state == S.SENT and quote.is_expired(timezone.localdate())


def _act(service: Any) -> Any:
    return lambda request, quote, data: service(quote, by=user_of(request))


QUOTE_ACTIONS = (
    mail_action(
        QUOTE_LETTER,
        permission=CHANGE,
        many=_("Un e-mail par devis, à celui qui paie."),
        primary_when=lambda quote: quote.state in (S.DRAFT, S.SENT) and not _is_lapsed(quote),
        button=lambda quote: _("Relancer") if quote.state == S.SENT else _("Envoyer"),
    ),
    DocumentAction(
        name="send",
        label=_("Marquer comme envoyé"),
        icon="send",
        permission=CHANGE,
        states=frozenset({S.DRAFT}),
        check=services.refusal_to_send,
        explain=_("Le devis ne se modifie plus, sauf à le remettre en brouillon."),
        run=_act(services.send_quote),
        done=_("envoyé"),
    ),
    DocumentAction(
        name="accept",
        label=_("Marquer accepté"),
        icon="check_circle",
        permission=CHANGE,
        states=frozenset({S.DRAFT, S.SENT}),
        offered=lambda quote: not _is_lapsed(quote),
        primary_in=frozenset({S.DRAFT, S.SENT}),
        check=lambda quote: services.refusal_to_accept(quote, on=timezone.localdate()),
        explain=_("Le client est d'accord : le devis devient la commande et se facture."),
        form=OnForm,
        run=lambda request, quote, data: services.accept_quote(
            quote, on=data["on"], seen=data["seen"], by=user_of(request)
        ),
        done=_("accepté"),
    ),
    DocumentAction(
        name="invoice",
        opens=True,
        label=_("Générer la facture"),
        icon="receipt_long",
        permission=BILL,
        states=frozenset({S.ACCEPTED}),
        offered=lambda quote: not _is_settled(quote),
        primary_in=frozenset({S.ACCEPTED}),
        explain=_("Une facture en brouillon reprend ce qui reste à facturer du devis."),
        form=InvoiceForm,
        run=lambda request, quote, data: services.invoice_quote(
            quote, on=data["on"], seen=data["seen"], by=user_of(request)
        ),
        run_many=lambda request, quotes, data: perform_each(
            quotes, lambda quote: services.invoice_quote(quote, on=data["on"], by=user_of(request)), once=data["once"]
        ),
        done=_("Créée"),
    ),
    DocumentAction(
        name="prolong",
        label=_("Prolonger"),
        icon="event_repeat",
        permission=CHANGE,
        states=frozenset({S.DRAFT, S.SENT}),
        primary_when=_is_lapsed,
        form=ProlongForm,
        run=lambda request, quote, data: services.prolong_quote(
            quote, until=data["until"], on=timezone.localdate(), seen=data["seen"], by=user_of(request)
        ),
        done=_("prolongé"),
    ),
    DocumentAction(
        name="reset",
        label=_("Remettre en brouillon"),
        icon="undo",
        permission=CHANGE,
        states=frozenset({S.SENT, S.REFUSED, S.CANCELLED}),
        explain=_("Le devis redevient modifiable et retient de nouveau ses lignes."),
        run=_act(services.reset_quote),
        done=_("remis en brouillon"),
    ),
    text_action(Quote, QUOTE_TEXT),
    DocumentAction(
        name="duplicate",
        opens=True,
        label=_("Dupliquer"),
        icon="content_copy",
        permission="invoicing.add_quote",
        explain=_("Un nouveau devis en brouillon avec les mêmes lignes, sans lien avec la DI."),
        run=lambda request, quote, data: services.duplicate_quote(quote, on=timezone.localdate(), by=user_of(request)),
        done=_("Copie créée"),
    ),
    DocumentAction(
        name="refuse",
        label=_("Marquer refusé"),
        icon="thumb_down",
        permission=CHANGE,
        states=frozenset({S.DRAFT, S.SENT, S.ACCEPTED}),
        primary_in=frozenset({S.SENT}),
        explain=_("Le client dit non : les lignes redeviennent libres sur la DI."),
        form=ReasonForm,
        is_danger=True,
        run=lambda request, quote, data: services.refuse_quote(
            quote, seen=data["seen"], by=user_of(request), reason=data["reason"]
        ),
        done=_("refusé"),
    ),
    DocumentAction(
        name="settle",
        label=_("Solder"),
        icon="task_alt",
        permission=CHANGE,
        states=frozenset({S.ACCEPTED}),
        explain=_("Ce qui n'est pas facturé ne le sera plus par ce devis et redevient libre sur la DI."),
        is_danger=True,
        run=_act(services.settle_quote),
        done=_("soldé"),
    ),
    DocumentAction(
        name="cancel",
        label=_("Annuler"),
        icon="block",
        permission=CHANGE,
        states=frozenset({S.DRAFT, S.SENT, S.ACCEPTED}),
        explain=_("Le devis est retiré : les lignes redeviennent libres sur la DI."),
        is_danger=True,
        run=_act(services.cancel_quote),
        done=_("annulé"),
    ),
    DocumentAction(
        name="delete",
        label=_("Supprimer"),
        icon="delete",
        permission="invoicing.delete_quote",
        states=frozenset({S.DRAFT, S.CANCELLED}),
        explain=_("Le devis disparaît : ses lignes redeviennent libres sur la DI."),
        is_danger=True,
        leave=True,
        run=lambda request, quote, data: services.delete_quotes([quote], by=user_of(request)) and None,
        run_many=lambda request, quotes, data: perform_each(
            quotes, lambda q: services.delete_quotes([q], by=user_of(request)) and None, once=data["once"]
        ),
        done=_("supprimé"),
    ),
)


@admin.register(Quote)
class QuoteAdmin(PublishedMixin, DocumentAdmin):
    new_title = _("Nouveau devis")
    list_display = (
        *(
            "__str__",
            "partner",
            "title",
            "town",
            "issued_on",
            "valid_until",
            "age",
            "net_text",
            "gross_text",
            "state_badge",
        ),
    )
    list_lead = "partner"
    list_card = ("gross_text", "numbered", "state_badge", "issued_on", "age")
    list_filter = (QuoteChips, FromFilter, "state", "company")
    search_fields = Quote.SEARCHED
    date_hierarchy = "issued_on"
    autocomplete_fields = ("partner", "bill_to", "site")
    inlines = (QuoteLineInline,)
    status_path = S.path
    document_actions = QUOTE_ACTIONS
    empty_text = _("Les devis naissent d'une DI (Action › Générer le devis), ou s'écrivent ici.")
    fieldsets = (
        (_("Qui"), {"fields": ("partner", "bill_to", "site")}),
        (_("Quoi"), {"fields": ("title", "origin_text", "company")}),
        (_("Quand"), {"fields": ("issued_on", "valid_until", "accepted_on")}),
        (_("Conditions"), {"fields": ("fiscal_position", "payment_term")}),
        (_("Texte"), {"fields": ("notes",), "classes": ("notebook",)}),
    )
    notebook = (
        ("lines", _("Lignes du devis"), ("inline:lines",)),
        ("text", _("Conditions particulières"), (_("Texte"),)),
    )
    readonly_fields = ("origin_text", "accepted_on")
    asks: ClassVar = {"fiscal_position": ASKED_TO_BILL}

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).with_lines().select_related("partner", "site", "company")

    def list_order(self, view: str) -> Sequence[Any]:
        """Return those that await an answer by the end of their validity, then the drafts, then the others, latest first."""
        rank = Case(When(state=S.SENT, then=0), When(state=S.DRAFT, then=1), default=2)
        awaited_until = Case(When(state=S.SENT, then=F("valid_until")))
        return super().list_order(view) or (rank.asc(), awaited_until.asc(nulls_last=True), "-pk")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        today = timezone.localdate()
        return {
            "issued_on": today,
            "valid_until": today + timedelta(days=30),
            **super().get_changeform_initial_data(request),
        }

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.state == S.DRAFT)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.pdf_view)
        return [path("<path:object_id>/pdf/", view, name="invoicing_quote_pdf"), *super().get_urls()]

    def pdf_view(self, request: HttpRequest, object_id: str) -> FileResponse:
        quote = open_paper(self, request, object_id)
        return paper_response(quote_pdf(quote), f"Devis {quote.number}")

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        quote = self.get_object(request, object_id) if object_id else None
        if quote is not None:
            quote.origin_links = [link for _label, links in origins_of(quote, request.user) for link in links]
            if quote.state == S.SENT:
                self.order_buttons(context, ("prolong", "accept", "message", "refuse"))
            if quote.is_expired(timezone.localdate()):
                context["office_phase"] = badge("red", _("Expiré"))
            elif _is_settled(quote):
                context["office_phase"] = badge("green", _("Entièrement facturé"))
            context["office_amounts"] = amounts_of_lines(quote.lines.all(), quote.company.rounding)
        return context

    def smart_buttons(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        paper = {
            "label": "PDF",
            "icon": "picture_as_pdf",
            "text": _("Voir"),
            "url": reverse("admin:invoicing_quote_pdf", args=[document.pk]),
            "in_tab": True,
        }
        return [*super().smart_buttons(request, document), paper]

    def defaults_from(self, request: HttpRequest, data: Any) -> dict[str, Any]:
        """Return what the customer fills: payer, site, and the payer's fiscal position and payment term."""
        defaults: dict[str, Any] = {}
        partner = record_of(Partner.objects.select_related("bill_to"), data.get("partner"), request.user)
        if partner is not None:
            terms = terms_of(partner.payer)
            add_defaults(defaults, bill_to=partner.bill_to, site=partner.default_address())
            add_defaults(defaults, fiscal_position=terms["fiscal_position"], payment_term=terms["payment_term"])
        return defaults

    def save_document(self, request: HttpRequest, form: Any, edits: list[LineEdit]) -> Quote:
        data = form.cleaned_data
        if form.instance.pk:
            return services.edit_quote(
                form.instance, edits=edits, values=values_of(form), seen=seen_by(request), by=user_of(request)
            )
        made = services.draft_quote(
            company=data["company"],
            partner=data["partner"],
            bill_to=data["bill_to"],
            site=data["site"] or data["partner"].default_address(),
            title=data["title"],
            items=items_of_edits(
                edits, position=data["fiscal_position"], company=data["company"], on=data["issued_on"]
            ),
            on=data["issued_on"],
            by=user_of(request),
            fiscal_position=data["fiscal_position"] or usual_terms(data["partner"]).fiscal_position,
            payment_term=data["payment_term"],
            valid_until=data["valid_until"],
            notes=data["notes"],
        )
        return made.quote

    def totals_of_list(self, request: HttpRequest, cl: Any) -> list[tuple[Any, Any]]:
        totals = [quote.totals for quote in cl.result_list]
        return [
            (_("HT de la page"), sum(t.net for t in totals)),
            (_("TTC de la page"), sum(t.gross for t in totals)),
        ]

    @admin.display(description=_("Origine"))
    def origin_text(self, quote: Quote) -> Any:
        """Return links to the documents that the quote comes from; else its origin as it was written."""
        links = getattr(quote, "origin_links", ())
        return format_html_join(", ", "{}", ((link,) for link in links)) if links else quote.origin

    @admin.display(description=_("Ville"))
    def town(self, quote: Quote) -> str | None:
        return quote.site.city if quote.site else None

    age = age_column(
        lambda quote: (timezone.localdate() - quote.issued_on).days if quote.state == S.SENT else None,
        lambda quote: quote.is_expired(timezone.localdate()),
    )
    net_text = amount_column(_("HT"), lambda quote: quote.totals.net)
    gross_text = amount_column(
        _("TTC"),
        lambda quote: quote.totals.gross,
        export={_("TVA"): lambda quote: quote.totals.tax, _("TTC"): lambda quote: quote.totals.gross},
    )
    state_badge = state_column(
        lambda quote: ("red", _("Expiré")) if quote.is_expired(timezone.localdate()) else stored_state(quote)
    )


def _invoices_of_quote(quote: Any) -> Any:
    return QuoteLineClaim.objects.filter(quote_line__quote=quote).values("invoice_line__invoice")


contribute(
    Quote,
    smart_buttons=[SmartButton("invoices", _("Factures"), "receipt_long", "invoicing.Invoice", order=20)],
    origins={"invoices": _invoices_of_quote},
)
