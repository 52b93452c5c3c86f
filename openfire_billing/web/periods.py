"""The menu « Période » of a list: years, then months, then days, each a link that narrows the list."""

import calendar
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import formats, timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from openfire_billing.kernel.formats import day_text

MOST_YEARS = 30  # a date typed wrong (the year 206) would make a link for each year since


def period_menu(changelist: Any) -> dict[str, Any]:
    """Return `back` (the wider period, None at the widest) and `choices`, each a `title` and a `link`.

    Without a chosen year the choices are the years between the first and the last day of all records that the user may
    see, whatever else narrows the list: an index gives these two days, while finding the years that have rows reads the
    whole table. A year gives its months, a month its days.
    """
    field = changelist.date_hierarchy
    names = [f"{field}__{part}" for part in ("year", "month", "day")]
    year, month, day = (_number(changelist.params.get(name)) for name in names)

    def link(*parts: int) -> str:
        chosen = dict(zip(names, parts, strict=False))
        query: str = changelist.get_query_string(chosen, [f"{field}__"])
        return query

    if year and month and day:
        chosen = date(year, month, day)
        return {"back": _choice(_of_month(chosen), link(year, month)), "choices": [{"title": _of_day(chosen)}]}
    if year and month:
        days = (date(year, month, number + 1) for number in range(calendar.monthrange(year, month)[1]))
        choices = [_choice(_of_day(one), link(year, month, one.day)) for one in days]
        return {"back": _choice(str(year), link(year)), "choices": choices}
    if year:
        months = (date(year, number, 1) for number in range(1, 13))
        return {
            "back": _choice(_("Toutes les dates"), link()),
            "choices": [_choice(_of_month(one), link(year, one.month)) for one in months],
        }
    bounds = _bounds(changelist.root_queryset, field)
    years = range(max(bounds[0].year, bounds[1].year - MOST_YEARS + 1), bounds[1].year + 1) if bounds else ()
    return {"back": None, "choices": [_choice(str(one), link(one)) for one in years]}


def _bounds(records: QuerySet[Any], field: str) -> tuple[date, date] | None:
    """Return the first and the last day of the field; None when no record has one."""
    days = records.filter(**{f"{field}__isnull": False}).values_list(field, flat=True)
    first, last = days.order_by(field).first(), days.order_by(f"-{field}").first()
    return (_day(first), _day(last)) if first is not None else None


def _day(value: date | datetime) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value


def _number(value: Any) -> int:
    """Return the number of a parameter, which the list has read before; 0 without one."""
    text = value[-1] if isinstance(value, list) else value
    return int(text) if text else 0


def _choice(title: str, link: str) -> dict[str, str]:
    return {"title": title, "link": link}


def _of_month(day: date) -> str:
    return capfirst(formats.date_format(day, "YEAR_MONTH_FORMAT"))


def _of_day(day: date) -> str:
    return day_text(day, "j F")
