"""The page of a billing run: its progress, and what it set aside."""

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from contracts.admin.actions import BILL
from contracts.admin.run_rows import VIEW_INVOICE, OutcomeRow, length_of
from contracts.choices import Result
from contracts.models import BillingRun
from contracts.services.manual_runs import retry_run, selection_of, start_manual
from contracts.services.night import night_alarm
from contracts.services.runs import totals_seen
from contracts.services.takeover import STILL
from invoicing.admin.base import OfficeAdmin
from invoicing.admin.filters import ChipFilter
from invoicing.choices import InvoiceState
from invoicing.models import Invoice
from invoicing.querysets import signed
from invoicing.services.records.shared import works_for_all
from openfire_billing.db.scope import visible
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.money import ZERO
from openfire_billing.web.columns import column, state_column
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.refusals import refusals_shown
from openfire_billing.web.tags import badge_of_state, euros, nothing, on_right
from openfire_billing.web.users import user_of

SHOWN = 200  # outcomes on the page; the rest by the filter of its list


def _total_column(name: str, label: Any) -> Any:
    """Return the column of a total in the companies of the user, as written when the run was finished."""

    def value(run: BillingRun) -> int:
        return sum(getattr(total, name) for total in run.seen_totals)

    @column(label, export=value)
    def shown(_admin: Any, run: BillingRun) -> Any:
        return on_right(value(run))

    return shown


def _nets(run: BillingRun) -> dict[str, Decimal]:
    """Return {currency: net} of what a run billed in the companies of the user, as written when it was finished."""
    nets: dict[str, Decimal] = {}
    for total in run.seen_totals:
        if total.net:
            nets[total.company.currency] = nets.get(total.company.currency, ZERO) + total.net
    return nets


class RunChips(ChipFilter):
    chips = (
        ("nights", _("Nuits"), lambda q, r: q.nights()),
        ("by-hand", _("À la main"), lambda q, r: q.by_hand()),
        ("running", _("En cours"), lambda q, r: q.running()),
        ("refused", _("Avec des refus"), lambda q, r: q.with_refusals(user_of(r))),
    )
    uncounted = frozenset({"nights", "by-hand"})


@admin.register(BillingRun)
class BillingRunAdmin(OfficeAdmin):
    change_form_template = "contracts/run_form.html"
    list_before_template = "contracts/run_list_before.html"
    list_display = (
        *("__str__", "kind", "expected_count", "billed_count", "skipped_count", "refused_count", "visits_count"),
        *("net_text", "state_badge", "by"),
    )
    list_rights: ClassVar = {"net_text": VIEW_INVOICE}
    list_card = ("net_text", "kind", "state_badge", "billed_count", "refused_count")
    list_filter = (RunChips, "kind", "state", "is_dry")
    list_select_related = ("by",)
    date_hierarchy = "on"
    has_journal = False
    empty_text = _("Un passage par nuit, à 5 h : les visites, puis les factures de contrats. Aucun encore.")

    class Media:
        css = {"all": ["openfire/contracts.css"]}

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).with_totals(user_of(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("launch/", view(self.launch_view), name="contracts_billingrun_launch"),
            path("<int:run_id>/progress/", view(self.progress_view), name="contracts_billingrun_progress"),
            path("<int:run_id>/retry/", view(self.retry_view), name="contracts_billingrun_retry"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {
            **(extra_context or {}),
            "run_alarm": night_alarm(timezone.now())[1],
            "run_may": request.user.has_perm(BILL),
            "run_today": timezone.localdate(),
            "run_once": uuid4(),
        }
        return super().changelist_view(request, context)

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        run = self.get_object(request, object_id) if object_id else None
        return context | progress_of(run, request) if run is not None else context

    def progress_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Return the part of the page that is refreshed while the run goes on."""
        return render(request, "contracts/run_progress.html", progress_of(self._run(request, run_id), request))

    def launch_view(self, request: HttpRequest) -> HttpResponse:
        """« Lancer un passage »: start a run over all that is due."""
        if request.method != "POST" or not request.user.has_perm(BILL):
            raise PermissionDenied
        page = reverse("admin:contracts_billingrun_changelist")
        with refusals_shown(request):
            on = _day(request.POST.get("on", ""))
            if on is None:
                raise BusinessError(_("Passage non lancé : donnez une date."))
            selection = selection_of(user_of(request), on=on)
            once = self.once(request, "dry" if "dry" in request.POST else "run")
            run = start_manual(
                on=on,
                by=user_of(request),
                is_dry="dry" in request.POST,
                selection=selection,
                key=once.name if once else None,
            )
            page = reverse_change(run)
        return HttpResponseRedirect(page)

    def retry_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """« Réessayer »: start a run over what this one set aside or left."""
        run = self._run(request, run_id)
        if request.method != "POST" or not request.user.has_perm(BILL):
            raise PermissionDenied
        with refusals_shown(request):
            once = self.once(request, "retry")
            run = retry_run(run, on=timezone.localdate(), by=user_of(request), key=once.name if once else None)
            messages.success(request, _("%s : nouvel essai lancé.") % run)
        return HttpResponseRedirect(reverse_change(run))

    def _run(self, request: HttpRequest, run_id: int) -> BillingRun:
        run = self.get_object(request, str(run_id))
        if run is None:
            raise Http404
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        return run

    state_badge = state_column()
    expected_count = _total_column("expected", _("Attendus"))
    billed_count = _total_column("billed", _("Facturés"))
    skipped_count = _total_column("skipped", _("Sans rien à facturer"))
    refused_count = _total_column("refused", _("Mis de côté"))
    visits_count = _total_column("visits", _("Visites créées"))

    @column(_("Net facturé"), export=lambda run: sum(_nets(run).values(), ZERO))
    def net_text(self, run: BillingRun) -> Any:
        nets = _nets(run)
        return on_right(" + ".join(f"{euros(nets[code], code)} HT" for code in sorted(nets))) if nets else nothing()


def _day(text: str) -> date | None:
    """Return the day typed; today for an empty text, None for any other text."""
    try:
        return forms.DateField(required=False).clean(text) or timezone.localdate()
    except ValidationError:
        return None


def progress_of(run: BillingRun, request: HttpRequest) -> dict[str, Any]:
    """Return the counters of a run in the user's companies as they are now, and its outcomes, refusals first."""
    user = user_of(request)
    totals = totals_seen(run, user)
    done = sum(totals[result.value] for result in Result)
    seen = run.outcomes.visible_to(user)
    invoices = visible(Invoice.objects.filter(pk__among=seen.invoice_ids()), user)
    wanted = request.GET.get("result", "")
    shown = seen.filter(result=wanted) if wanted in Result.values else seen.refused_first()
    outcomes = list(shown.select_related("contract__payer")[:SHOWN])
    drafts = _drafts(run, invoices, request)
    found = invoices.in_bulk({pk for outcome in outcomes for pk in outcome.invoices})
    return {
        "run": run,
        "run_badge": badge_of_state(run),
        "run_length": length_of(run),
        "counts": totals,
        "run_done": done,
        "run_total": max(totals["expected"], done),
        "run_note": run.note if works_for_all(user) else "",  # it names contracts of any company
        "is_still": run.is_still(STILL),
        "outcomes": [OutcomeRow(outcome, found, request) for outcome in outcomes],
        "invoice_count": invoices.count() if request.user.has_perm(VIEW_INVOICE) else None,
        "progress_url": reverse("admin:contracts_billingrun_progress", args=[run.pk]),
        "retry_url": reverse("admin:contracts_billingrun_retry", args=[run.pk]),
        "retry_once": uuid4(),
        "amounts": _amounts(invoices) if request.user.has_perm(VIEW_INVOICE) else (),
        "drafts": drafts,
        "may_retry": request.user.has_perm(BILL) and (not run.is_running or run.is_still(STILL)),
    }


def _amounts(invoices: Any) -> list[tuple[str, Decimal, Decimal]]:
    """Return (currency, net, gross) of what a run billed, credit notes taken off, cancelled drafts left out."""
    rows = invoices.exclude(state=InvoiceState.CANCELLED).order_by().values_list("currency")
    return list(rows.annotate(net=Sum(signed("net")), gross=Sum(signed("gross"))).order_by("currency"))


def _drafts(run: BillingRun, invoices: Any, request: HttpRequest) -> dict[str, Any] | None:
    """Return how many drafts a run left, the address of their list, one of them, and whether the user may post them.

    None without any, or for a user who sees no invoices.
    """
    left = invoices.drafts()
    count = left.count() if request.user.has_perm(VIEW_INVOICE) else 0
    if not count:
        return None
    query = urlencode({"from": f"{run._meta.label_lower}-{run.pk}", "view": "drafts"})
    return {
        "count": count,
        "url": f"{reverse('admin:invoicing_invoice_changelist')}?{query}",
        "one": left.order_by("pk").values_list("pk", flat=True)[0],
        "may_post": request.user.has_perm("invoicing.post_invoice"),
    }
