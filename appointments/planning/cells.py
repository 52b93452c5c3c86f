"""The cells and the cards of the board, as HTML. Drawn here, not by a template each: a week has a thousand cards."""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from html import escape

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from appointments.availability import Stretch
from appointments.choices import AppointmentState, CustomerAnswer
from appointments.planning.links import CARD, link_of
from appointments.planning.reader import DAY, MONTH, Board, Card, Cell, minutes_of
from openfire_billing.kernel.formats import day_text

FIRST_HOUR, LAST_HOUR = 7, 20  # of the bar of a day
_QUARTERS = (LAST_HOUR - FIRST_HOUR) * 4


def cells_of(board: Board) -> SafeString:
    """Return the cells of a board, without the rows around them."""
    return mark_safe("".join(cell_html(cell, board.asked.view) for cell in board.cells()))  # noqa: S308 (each is escaped)


def cell_html(cell: Cell, view: str) -> SafeString:
    """Return one cell: hours of the day, load, cards. Its attributes are what the script reads."""
    classes = ["of-cell"]
    day = day_text(cell.day)
    if not cell.worked and not cell.is_on_call:
        classes.append("is-off")
    inside = {DAY: _bar, MONTH: _nothing}.get(view, _cards)(cell)
    return mark_safe(  # noqa: S308 (texts are escaped; the rest are numbers, days and names of states)
        f'<td id="{cell.key}" class="{" ".join(classes)}" data-technician="{cell.technician.pk}" data-day="{cell.day}"'
        f' data-free="{_spans(cell.free, cell.day)}" data-label="{escape(day)}" tabindex="-1"'
        f' aria-label="{escape(cell.technician.name)}, {escape(day)}">{_head(cell, view)}{inside}</td>'
    )


def load_text(cell: Cell, view: str) -> str:
    """Return « 3 h 30 / 7 h »; « 3 h 30 » on a day without work, and in a month; "" without either."""
    booked, capacity = hours_text(cell.booked), hours_text(cell.capacity)
    if view == MONTH or not cell.worked:
        return booked if cell.cards else ""
    return f"{booked} / {capacity}"


def hours_text(length: timedelta) -> str:
    """Return « 3 h 30 », « 7 h », « 0 h »."""
    hours, minutes = divmod(round(length.total_seconds() / 60), 60)
    return f"{hours} h {minutes:02d}" if minutes else f"{hours} h"


def _head(cell: Cell, view: str) -> str:
    text = load_text(cell, view)
    percent = round(cell.booked / cell.capacity * 100) if cell.capacity else 100 if cell.cards else 0
    level = " is-over" if percent > 100 else " is-full" if percent >= 90 else ""
    load = (
        f'<span class="of-load{level}" title="{escape(_load_title(cell))}"><i style="width:{min(percent, 100)}%"></i>{text}</span>'
        if text
        else ""
    )
    count = f'<b class="of-cell-count">{len(cell.cards)}</b>' if view == MONTH and cell.cards else ""
    why = f'<span class="of-cell-why" title="{escape(cell.why)}">{escape(cell.why)}</span>' if cell.why else ""
    on_call = f'<span class="of-cell-call" title="{_("Astreinte")}">{_("Astreinte")}</span>' if cell.is_on_call else ""
    sectors = "".join(
        f'<span class="of-sector of-sector-{escape(sector.colour)}" title="{escape(sector.name)}">'
        f"{escape(sector.code or sector.name)}</span>"
        for sector in cell.sectors
    )
    return f'<div class="of-cell-head">{sectors}{on_call}{count}{load}{why}</div>'


def _load_title(cell: Cell) -> str:
    hours = {"booked": hours_text(cell.booked), "worked": hours_text(cell.capacity)}
    return _("%(booked)s réservées, %(worked)s travaillées") % hours


def _nothing(cell: Cell) -> str:
    return ""


def _cards(cell: Cell) -> str:
    return "".join(card_html(card, cell) for card in cell.cards)


def _bar(cell: Cell) -> str:
    """Return the bar of a day: quarters of an hour are columns; what is not worked is hatched."""
    columns = (_columns(piece, cell.day) for piece in cell.worked)
    worked = "".join(f'<i class="of-bar-work" style="grid-column:{first}/{end}"></i>' for first, end in columns)
    cards = "".join(card_html(card, cell, _columns((card.starts, card.ends), cell.day)) for card in cell.cards)
    return f'<div class="of-bar"><div class="of-bar-works">{worked}</div>{cards}</div>'


def _columns(piece: Stretch, day: date) -> tuple[int, int]:
    """Return the first column that a stretch takes, from 1, and the one after its last: at least one column."""
    start, end = (minutes_of(moment, day) - FIRST_HOUR * 60 for moment in piece)
    first = min(max(start // 15, 0), _QUARTERS - 1)
    return first + 1, max(min(-(-end // 15), _QUARTERS), first + 1) + 1


def card_html(card: Card, cell: Cell, columns: tuple[int, int] | None = None) -> SafeString:
    """Return a card: a link to the RDV, which the script opens over the board and drags.

    Its title is its own text, given by the script when it is pointed at: it would be a fifth of the page.
    """
    rdv, key = card.appointment, f"{cell.technician.pk}-{cell.day}"
    start, end = (minutes_of(moment, cell.day) for moment in (card.starts, card.ends))
    begins, ends = card.hours.split("–")
    style = f' style="grid-column:{columns[0]}/{columns[1]}"' if columns else ""
    rank = f" · {escape(card.rank_text)}" if card.rank_text else ""
    state = _state_names(get_language())[rdv.state]
    is_answered = bool(rdv.answer) and rdv.state == AppointmentState.CONFIRMED
    said = f"<em>{_answers(get_language())[rdv.answer]}</em> · " if is_answered else ""
    answered = f" is-answer-{rdv.answer}" if is_answered else ""
    return mark_safe(  # noqa: S308 (texts are escaped; the rest are numbers, hours and names of states)
        f'<a id="r-{rdv.pk}-{key}" class="of-rdv of-rdv-{rdv.state}{answered}" href="{link_of(CARD, rdv.pk)}" draggable="false"'
        f' data-dialog data-rdv="{rdv.pk}" data-version="{rdv.version}" data-start="{start}" data-end="{end}"{style}>'
        f"<b>{begins}<i>–{ends}</i></b> <span>{escape(rdv.customer)}</span>"
        f"<small>{said}{escape(rdv.city)} · {escape(rdv.task)}{rank}"
        f'<span class="sr-only"> · {state}</span></small><i class="of-grip"></i></a>'
    )


@lru_cache(maxsize=4)
def _state_names(language: str | None) -> dict[str, str]:
    """Return the names of the states, translated and escaped once: a week has a thousand cards."""
    return {state: escape(str(name)) for state, name in AppointmentState.choices}


@lru_cache(maxsize=4)
def _answers(language: str | None) -> dict[str, str]:
    """Return what cards say of the customer's answer, translated and escaped once."""
    return {CustomerAnswer.YES: escape(_("sera là")), CustomerAnswer.NO: escape(_("client absent"))}


def _spans(stretches: Iterable[Stretch], day: date) -> str:
    """Return « 480-720 810-1050 »: stretches in minutes since midnight."""
    return " ".join(f"{minutes_of(start, day)}-{minutes_of(end, day)}" for start, end in stretches)
