"""What was billed in each month of this year, beside the same month of last year; each bar opens its invoices."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.utils.dates import MONTHS, MONTHS_AP
from django.utils.text import capfirst

from invoicing.models import Invoice
from invoicing.querysets import signed
from openfire_billing.kernel.periods import day_of_month
from openfire_billing.office.dashboard.reader import Reader, Work, list_url
from openfire_billing.web.tags import euros

Months = dict[tuple[int, int], Decimal]  # (year, month) → net


def billed_of(reader: Reader) -> list[dict[str, Any]]:
    """Return one chart for each currency, euros first; [] when it is not his work or nothing was billed.

    Net amounts, credit notes deducted. The invoices of a day are added by the database, the days here.
    """
    if not reader.does(Work.BILLING, Work.ACCOUNTS, permission="invoicing.view_invoice"):
        return []
    today = reader.today
    rows = (
        Invoice.objects.posted()
        .filter(company__in=reader.companies, issued_on__gte=date(today.year - 1, 1, 1), issued_on__lte=today)
        .order_by()
        .values_list("currency", "issued_on")
        .annotate(total=Sum(signed("net")))
    )
    months: dict[str, Months] = defaultdict(lambda: defaultdict(Decimal))
    so_far: dict[str, Decimal] = defaultdict(Decimal)  # of last year, up to the day that is today
    same_day = day_of_month(date(today.year - 1, today.month, 1), 0, today.day)
    for currency, day, total in rows:
        months[currency][day.year, day.month] += total
        if day <= same_day:
            so_far[currency] += total
    several = len(months) > 1
    return [
        _chart(today, months[code], so_far[code], code, several=several)
        for code in sorted(months, key=lambda code: (code != "EUR", code))
    ]


def _chart(today: date, months: Months, so_far: Decimal, currency: str, *, several: bool) -> dict[str, Any]:
    """Return the twelve months with their two bars, and the sums from January to today of both years."""
    highest = max([*months.values(), Decimal(0)])
    this = sum((net for (year, _month), net in months.items() if year == today.year), Decimal(0))
    asked = {"currency": currency} if several else {}
    now = (today.year, today.month)

    def bar(year: int, month: int) -> dict[str, Any]:
        net = months.get((year, month), Decimal(0))
        height = max(net, Decimal(0)) * 100 / highest if highest else 0
        return {
            "title": f"{capfirst(str(MONTHS[month]))} {year} : {euros(net, currency)} HT"
            if (year, month) <= now
            else "",
            "percent": f"{height:.1f}",
            "is_this": year == today.year,
            "net": net,
            "url": list_url("invoicing_invoice", issued_on__year=year, issued_on__month=month, **asked) if net else "",
        }

    return {
        "currency": "€" if currency == "EUR" else currency,
        "months": [
            {
                "label": MONTHS_AP[month],
                "is_now": month == today.month,
                "bars": [bar(today.year - 1, month), bar(today.year, month)],
            }
            for month in range(1, 13)
        ],
        "year": today.year,
        "this": euros(this, currency),
        "last": euros(so_far, currency),
        "change": _change(this, so_far),
        "top": euros(highest, currency),
    }


def _change(this: Decimal, last: Decimal) -> str:
    """Return « +12 % » of this year over last year; "" without last year."""
    if last <= 0:
        return ""
    percent = (this - last) * 100 / last
    sign = "+" if percent >= 0 else "\N{MINUS SIGN}"
    return f"{sign}{abs(percent):.0f}\N{NO-BREAK SPACE}%"
