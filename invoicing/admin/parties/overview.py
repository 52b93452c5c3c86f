"""« Vue d'ensemble » of a customer: what he owes, where he is, what is open with him, and the timeline."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from invoicing.models import Company, Partner
from invoicing.services.settlement.balances import account_of
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.contributions import OpenItems
from openfire_billing.web.open_items import open_items_of
from openfire_billing.web.record_links import link_to
from openfire_billing.web.summary import map_url
from openfire_billing.web.tags import euros
from openfire_billing.web.timeline import timeline_of
from openfire_billing.web.users import user_of

KIND, PAGE = "kind", "older"  # of the address: the kind shown, the page of the timeline


def overview_of(partner: Partner, request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows. The address says which kind of the timeline, and which of its pages."""
    user = user_of(request)
    timeline = timeline_of(partner, user, kind=request.GET.get(KIND, ""), page=read_id(request.GET.get(PAGE)) or 1)
    account = None
    if user.has_perm("invoicing.view_invoice"):
        account = account_of(partner, companies=Company.objects.visible_to(user))
    return {
        "balance": _balance_button(partner, account.balance) if account else None,
        "late": account.late if account else None,
        "places": [(place, map_url(place)) for place in partner.addresses.all()],
        "open": [(kind, _said(kind, rows)) for kind, rows in open_items_of([partner], user)[partner.pk]],
        "timeline": timeline,
        "filters": [
            ("", _("Tout"), _address(request, kind="")),
            *((kind.name, kind.label, _address(request, kind=kind.name)) for kind in timeline.kinds),
        ],
        "older": _address(request, kind=timeline.kind, page=timeline.page + 1) if timeline.has_older else "",
        "newer": _address(request, kind=timeline.kind, page=timeline.page - 1) if timeline.page > 1 else "",
    }


def _said(kind: OpenItems, rows: Sequence[Any]) -> list[tuple[Any, str]]:
    """Return each row as a link, with its sentence."""
    on_page = kind.say_on_page(rows)
    return [(link_to(row), on_page.get(row.pk) or kind.say(row)) for row in rows]


def _address(request: HttpRequest, *, kind: str, page: int = 1) -> str:
    """Return the address of the page with a kind of the timeline. It keeps the list that the customer was opened from."""
    query: QueryDict = request.GET.copy()
    for name, value in ((KIND, kind), (PAGE, str(page) if page > 1 else "")):
        query.pop(name, None)
        if value:
            query[name] = value
    return f"?{query.urlencode()}#timeline"


def _balance_button(partner: Partner, balance: Decimal) -> dict[str, Any]:
    """Return the counter of what a customer owes the companies of the user."""
    url = f"{reverse('admin:invoicing_invoice_changelist')}?view=unpaid&q={quote_plus(partner.name)}"
    return {"label": _("Solde dû"), "icon": "account_balance_wallet", "text": euros(balance), "url": url}
