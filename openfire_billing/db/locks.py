"""Row locks, taken in one order by every act: find what must be locked, lock it, look again.

Two acts that lock the same documents in different orders wait for each other for ever. So there is one order, and one
function that locks. `services/locks.py` of each app registers its documents here; nothing else calls what is below.

The locks are FOR NO KEY UPDATE: a note, a file or an allocation that names a document (a foreign key) does not wait for
an act that changes it. A DELETE takes the stronger lock by itself, after this one. SQLite has one writer at a time and
ignores row locks; the order is logged there too.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from django.db import OperationalError, models

log = logging.getLogger(__name__)

ORDER = (
    "import",
    "run",
    "contract",
    "contract line",
    "intervention",
    "quote",
    "appointment",
    "tour",
    "technician",
    "purchase order",
    "supplier bill",
    "invoice",
    "payment",
    "customer",
    "message",
    "follow-up",
    "user",
    "counter",
    "journal counter",
)
Wanted = Mapping[type[models.Model], Iterable[int]]
# Rows by model and id; the caller knows that those of a model are of this model.
Locked: TypeAlias = dict[type[models.Model], dict[int, Any]]  # type: ignore[explicit-any]  # no type says it
Column: TypeAlias = Any  # type: ignore[explicit-any]  # the value of a column, known by its name alone
Values: TypeAlias = dict[str, Column]
Row = TypeVar("Row", bound=models.Model)


class Moved(OperationalError):
    """A document that had to be locked first was found while the others were being locked: the act is repeated."""


@dataclass(frozen=True)
class Lockable:
    """How documents of one model are locked.

    `place`: its place in ORDER. `rows`: the queryset read under the lock, with what acts read of it. `first`: ids of
    the documents that an act on these ids locks too, by model.
    """

    model: type[models.Model]
    place: int
    rows: Callable[[], models.QuerySet[models.Model]]
    first: Callable[[Collection[int]], Wanted] | None = None


_lockables: dict[type[models.Model], Lockable] = {}


def lockable(
    model: type[Row],
    name: str,
    *,
    rows: Callable[[], models.QuerySet[Row]] | None = None,
    first: Callable[[Collection[int]], Wanted] | None = None,
) -> None:
    """Register a model under its name in ORDER."""
    _lockables[model] = Lockable(model, ORDER.index(name), rows or model._default_manager.all, first)


def place_of(model: type[models.Model]) -> int | None:
    """Return the place of a model in ORDER; None when it is never locked."""
    found = _lockables.get(model)
    return found.place if found else None


def lock(find: Callable[[], Wanted], *, bare: bool = False) -> Locked:
    """Lock what `find` gives, and what goes with it, all of a model in one query by primary key.

    `bare`: the rows without what acts read of them; of hundreds, the caller reads each relation once for all.

    Returns the rows as they are under the lock: {model: {id: row}}, an empty dict for a model of which nothing is
    found; a document that is gone is left out. The caller holds a transaction. What came up meanwhile is locked too
    when it stands later in the order than all that is locked. Raises Moved when it does not.
    """
    locked: Locked = {entry.model: {} for entry in _lockables.values()}
    wanted: dict[type[models.Model], set[int]] = {}
    last = -1
    while missing := _missing(_with_first(find()), wanted):
        places = sorted(_lockables[model].place for model in missing)
        if places[0] <= last:
            raise Moved("What must be locked changed while it was being locked.")
        for model in sorted(missing, key=lambda model: _lockables[model].place):
            wanted.setdefault(model, set()).update(missing[model])
            rows = model._default_manager.all() if bare else _lockables[model].rows()
            locked[model] = lock_rows(rows.filter(pk__among=sorted(missing[model])))
        last = places[-1]
    return locked


def _missing(now: Wanted, locked: Mapping[type[models.Model], set[int]]) -> dict[type[models.Model], set[int]]:
    """Return the ids of `now` that are not in `locked`."""
    found = {model: set(ids) - locked.get(model, set()) for model, ids in now.items()}
    return {model: ids for model, ids in found.items() if ids}


def lock_rows(rows: models.QuerySet[Row]) -> dict[int, Row]:
    """Lock the rows of one queryset by primary key, in one query: {id: row}."""
    found = {row.pk: row for row in _locking(rows)}
    log.debug("locked", extra={"model": rows.model, "ids": sorted(found)})
    return found


def lock_values(rows: models.QuerySet[Row], columns: Sequence[str]) -> list[Values]:
    """Lock the rows of one queryset by primary key and read these columns of them, `id` among them, in one query."""
    found = [dict(zip(columns, values, strict=True)) for values in _locking(rows).values_list(*columns)]
    log.debug("locked", extra={"model": rows.model, "ids": [row["id"] for row in found]})
    return found


def _locking(rows: models.QuerySet[Row]) -> models.QuerySet[Row]:
    return rows.order_by("pk").select_for_update(of=("self",), no_key=True)


def _with_first(wanted: Wanted) -> dict[type[models.Model], set[int]]:
    """Return the ids wanted and, step by step, those that are locked with them."""
    found: dict[type[models.Model], set[int]] = {}
    waiting = {model: set(ids) for model, ids in wanted.items()}
    while waiting:
        model, ids = waiting.popitem()
        new = ids - found.get(model, set())
        if not new:
            continue
        found.setdefault(model, set()).update(new)
        if (first := _lockables[model].first) is not None:
            for other, others in first(sorted(new)).items():
                waiting.setdefault(other, set()).update(others)
    return found
