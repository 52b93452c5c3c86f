"""The first page, by role: today's appointments, what is to be done, what is to bill and to collect, the last night, what
was billed. Each number links to its list.
"""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from invoicing.choices import QuoteState
from invoicing.models import Quote
from openfire_billing.kernel.formats import day_text
from openfire_billing.office.dashboard.amounts import stock_of, to_bill, to_collect
from openfire_billing.office.dashboard.billed import billed_of
from openfire_billing.office.dashboard.kinds import FOLLOW_UPS, ToPlan, follow_ups_of, to_plan_of, waiting_of
from openfire_billing.office.dashboard.night import last_run_of
from openfire_billing.office.dashboard.reader import Reader, Work, list_url, reader_of
from openfire_billing.office.dashboard.today import today_of
from openfire_billing.office.dashboard.waiting import Waiting
from openfire_billing.office.first_steps import first_steps, is_left


def first_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the context of the first page, of what this user may see and does."""
    reader = reader_of(request)
    steps = first_steps(request)
    stock, to_plan = stock_of(reader), to_plan_of(reader)
    only_follow_ups = request.GET.get(FOLLOW_UPS) == "all"
    waiting = follow_ups_of(reader) if only_follow_ups else waiting_of(reader, stock, to_plan)
    return context | {
        "office_date": reader.today,
        "office_day": capfirst(day_text(reader.today)),
        "office_button": _button(reader),
        "office_stocks": _stocks(reader, to_plan),
        "office_steps": steps,
        "office_next_step": next((one for group in steps for one in group["steps"] if is_left(one)), None),
        "office_today": today_of(reader),
        "office_waiting": [(row, _age(row, reader)) for row in waiting],
        "office_only_follow_ups": only_follow_ups,
        "office_amounts": _amounts(reader, stock),
        "office_run": last_run_of(reader),
        "office_billed": billed_of(reader),
        "office_has_work": bool(reader.works) and bool(reader.user.get_all_permissions()),
    }


def _age(row: Waiting, reader: Reader) -> str:
    """Return for how long a row has been waiting: « 12 j », « dans 3 j »."""
    if row.since is None:
        return ""
    days = (reader.today - row.since).days
    return _("%s j") % days if days > 0 else _("aujourd'hui") if not days else _("dans %s j") % -days


def _amounts(reader: Reader, stock: Any) -> list[dict[str, Any]]:
    """Return the parts « À facturer » and « À encaisser » that have something in them."""
    parts = (
        (_("À facturer"), "HT", to_bill(stock, reader.today)),
        (_("À encaisser"), "TTC", to_collect(stock, reader.today)),
    )
    return [{**part, "title": title, "unit": unit} for title, unit, part in parts if part]


def _button(reader: Reader) -> dict[str, str] | None:
    """Return the one usual act of the reader: the first of these that is his work and that he may do."""
    acts = (
        (Work.PLANNING, "interventions.add_interventionrequest", _("Nouvelle DI"), "interventions_interventionrequest"),
        (Work.BILLING, "invoicing.add_quote", _("Nouveau devis"), "invoicing_quote"),
        (Work.ACCOUNTS, "invoicing.add_payment", _("Nouveau paiement"), "invoicing_payment"),
    )
    for work, permission, label, name in acts:
        if reader.does(work, permission=permission):
            return {"label": label, "url": reverse(f"admin:{name}_add")}
    return None


def _stocks(reader: Reader, to_plan: ToPlan | None) -> list[dict[str, Any]]:
    """Return what is counted beside the list « À traiter », without the counts of zero."""
    found = []
    if to_plan is not None:
        url = list_url("interventions_interventionrequest", view="to-plan")
        found.append({"count": to_plan.count, "label": _("DI à planifier"), "url": url})
    if reader.does(Work.BILLING, permission="invoicing.change_quote"):
        sent = Quote.objects.filter(company__in=reader.companies, state=QuoteState.SENT).count()
        found.append(
            {"count": sent, "label": _("devis sans réponse"), "url": list_url("invoicing_quote", view="waiting")}
        )
    return [stock for stock in found if stock["count"]]
