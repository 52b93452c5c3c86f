"""The timeline of a customer: all that was done with him, newest first, a page at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone

from openfire_billing.db.counting import rows_together
from openfire_billing.db.scope import visible
from openfire_billing.web.contributions import TimelineKind, contributions_to
from openfire_billing.web.record_links import link_to

PAGE = 20
MOST_PAGES = 100  # each page reads the ids of all the pages before it


@dataclass(frozen=True)
class Entry:
    """A row of the timeline. `at`: its moment; None for a record that has a day alone."""

    kind: TimelineKind
    row: Any
    on: date
    at: datetime | None
    link: Any
    text: Any
    amount: Any
    colour: str
    state: Any


@dataclass(frozen=True)
class Timeline:
    """A page of the timeline. `kinds`: those that the user may see; `kind`: the name of the one shown, "" for all."""

    entries: list[Entry]
    kinds: list[TimelineKind]
    kind: str
    page: int
    has_older: bool


def timeline_of(record: Any, user: Any, *, kind: str = "", page: int = 1) -> Timeline:
    """Return a page of what `user` may see, in one query, then one or two a kind that it shows. An unknown kind shows all."""
    kinds = [each for each in contributions_to(type(record)).timeline if user.has_perm(each.permission)]
    wanted = [each for each in kinds if each.name == kind] or kinds
    page = min(max(page, 1), MOST_PAGES)
    end = page * PAGE
    found = sorted(_latest(wanted, record, user, end + 1), key=lambda key: key[:3], reverse=True)
    shown = found[end - PAGE : end]
    rows = _rows_of(wanted, shown, record, user)
    entries = [_entry(rows[each.name, pk], each, at) for at, pk, _name, each in shown if (each.name, pk) in rows]
    is_narrowed = len(wanted) < len(kinds)
    return Timeline(entries, kinds, wanted[0].name if is_narrowed else "", page, len(found) > end)


_Key = tuple[datetime, int, str, TimelineKind]


def _latest(kinds: Sequence[TimelineKind], record: Any, user: Any, count: int) -> Iterator[_Key]:
    """Yield the keys of the latest rows of each kind. A day stands for its first moment.

    Days and moments are read as text: a database compares them in one column as it likes.
    """
    by_name = {kind.name: kind for kind in kinds}
    questions = {
        kind.name: visible(kind.rows(record, user), user)
        .annotate(timeline_at=kind.moment)
        .order_by("-timeline_at", "-pk")
        .values_list("pk", Cast("timeline_at", TextField()))[:count]
        for kind in kinds
    }
    for name, (pk, text) in rows_together(questions):
        yield _moment(text), pk, name, by_name[name]


def _moment(text: str) -> datetime:
    """Read « 2026-11-24 », a day here, or « 2026-11-24 08:00:00 », a moment in UTC unless it says otherwise."""
    at = datetime.fromisoformat(text)
    if len(text) == len("2026-11-24"):
        return timezone.make_aware(datetime.combine(at.date(), time.min))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _rows_of(
    kinds: Iterable[TimelineKind], shown: Iterable[_Key], record: Any, user: Any
) -> dict[tuple[str, int], Any]:
    """Return {(name of the kind, id): row} of the rows shown."""
    ids: dict[str, list[int]] = {}
    for _at, pk, name, _kind in shown:
        ids.setdefault(name, []).append(pk)
    return {
        (kind.name, row.pk): row
        for kind in kinds
        if kind.name in ids
        for row in kind.computed(
            kind.rows(record, user).annotate(timeline_at=kind.moment).filter(pk__in=ids[kind.name])
        )
    }


def _entry(row: Any, kind: TimelineKind, moment: datetime) -> Entry:
    colour, state = kind.state(row) or ("", "")
    at = timezone.localtime(moment)
    return Entry(
        kind=kind,
        row=row,
        on=at.date(),
        at=at if isinstance(row.timeline_at, datetime) else None,
        link=(kind.link or link_to)(row),
        text=kind.say(row),
        amount=kind.amount(row),
        colour=colour,
        state=state,
    )
