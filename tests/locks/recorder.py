"""A recorder of the locks an act takes: what it locks, in which order, and what it writes without having locked it.

Locks are read from the records of `openfire_billing.db.locks` (SQLite knows no row lock; the order is logged there
too), writes and foreign keys from the SQL itself. The act runs alone, so a document whose id is above the highest one
at the beginning of a transaction was made in it: nobody else sees it, it needs no lock.

Three things bypass the wrapper of Django's cursors and are not seen: COPY, executemany on SQLite, and cascades that
the database does by itself (there are none).
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import connection, models

from appointments.models import Appointment
from contracts.models import Contract
from interventions.models import InterventionRequest
from invoicing.models import Counter, Invoice, JournalCounter, PurchaseOrder, Quote
from openfire_billing.db import locks
from openfire_billing.db.stamps import STAMP, is_stamped

# Kinds that acts delete: a row that names one (a foreign key) waits for whoever is deleting it.
DELETED = (Contract, InterventionRequest, Quote, Appointment, PurchaseOrder, Invoice)
COUNTERS = {Counter: locks.ORDER.index("counter"), JournalCounter: locks.ORDER.index("journal counter")}

# {(name of the act, model): why it may write rows that it did not lock}; "*" = any act.
Allowed = dict[tuple[str, type[models.Model]], str]

_UPDATE = re.compile(r'^UPDATE "(\w+)" SET (.*?)(?: WHERE (.*))?$', re.DOTALL)
_BULK_UPDATE = re.compile(r'^UPDATE "(\w+)" AS t SET .* FROM json_to_recordset', re.DOTALL)
_DELETE = re.compile(r'^DELETE FROM "(\w+)"(?: WHERE (.*))?$', re.DOTALL)
_INSERT = re.compile(r'^INSERT INTO "(\w+)" \(([^)]*)\) (.*)$', re.DOTALL)
_FOR = re.compile(r"\bFOR (NO KEY UPDATE|UPDATE|SHARE|KEY SHARE)\b")
_SAVEPOINT = re.compile(r'^(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) "?(\w+)"?')


def place(model: type[models.Model]) -> int | None:
    """The place of a model in the order of locks, counters included; None when no act locks it."""
    found = locks.place_of(model)
    return COUNTERS.get(model) if found is None else found


def _tables() -> dict[str, type[models.Model]]:
    return {model._meta.db_table: model for model in apps.get_models()}


@dataclass
class Taken:
    """Rows locked, by the statement that locked them."""

    model: type[models.Model]
    ids: frozenset[int]
    how: str  # "lock", "write" or "key"

    @property
    def place(self) -> int:
        found = place(self.model)
        assert found is not None
        return found

    def __str__(self) -> str:
        return f"{self.how} {locks.ORDER[self.place]} {sorted(self.ids)}"


@dataclass
class Recorder:
    """What an act took, and what was wrong with it. `faults` is empty when it kept to the rules."""

    name: str = ""
    allowed: Allowed = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    excused: set[tuple[str, type[models.Model]]] = field(default_factory=set)
    transactions: int = 0
    _highest: dict[type[models.Model], int] = field(default_factory=dict)
    _savepoints: list[str] = field(default_factory=list)
    _tables: dict[str, type[models.Model]] = field(default_factory=_tables)
    _is_looking: bool = False
    _selects: int = 0  # SELECT … FOR of which no record was seen yet

    # Reading statements

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self._is_looking:
            return execute(sql, params, many, context)
        if mark := _SAVEPOINT.match(sql):
            self._transaction(*mark.groups())
            return execute(sql, params, many, context)
        self._is_looking = True
        try:
            for one in params if many else [params]:
                self._statement(sql, list(one or ()))
        finally:
            self._is_looking = False
        return execute(sql, params, many, context)

    def _transaction(self, verb: str, name: str) -> None:
        """The outermost savepoint in the transaction of the test is the act's own transaction."""
        if verb == "SAVEPOINT":
            if not self._savepoints:
                self._begin()
            self._savepoints.append(name)
        elif verb == "RELEASE SAVEPOINT" and name in self._savepoints:
            del self._savepoints[self._savepoints.index(name) :]

    def _begin(self) -> None:
        self.transactions += 1
        self.taken = []
        was, self._is_looking = self._is_looking, True
        self._highest = {
            model: model._base_manager.order_by("-pk").values_list("pk", flat=True).first() or 0
            for model in self._tables.values()
            if place(model) is not None
        }
        self._is_looking = was

    def _statement(self, sql: str, params: list[Any]) -> None:
        if not self._savepoints and sql.startswith(("UPDATE", "DELETE", "INSERT")):
            self._begin()  # by itself: a transaction of its own
        if (found := _FOR.search(sql)) and sql.startswith("SELECT"):
            if self._selects:
                self.faults.append("a lock that says nothing to the logger")
            self._selects += 1
            if found[1] != "NO KEY UPDATE":
                self.faults.append(f"FOR {found[1]}: {sql[:200]}")
        elif found := _BULK_UPDATE.match(sql):
            model = self._tables[found[1]]
            self._write(model, {row["k"] for row in json.loads(params[0])})
            self._refuse_undated(found[1], sql)
        elif found := _UPDATE.match(sql):
            self._refuse_undated(found[1], found[2])
            self._write_where(found[1], found[3], params[found[2].count("%s") :])
        elif found := _DELETE.match(sql):
            self._write_where(found[1], found[2], params)
        elif found := _INSERT.match(sql):
            self._insert(found[1], re.findall(r'"(\w+)"', found[2]), found[3], params)

    # Judging them

    def _refuse_undated(self, table: str, columns: str) -> None:
        """A write that leaves the moment of the last change hides itself from the programs that ask for changes."""
        if is_stamped(self._tables[table]) and STAMP not in columns:
            self.faults.append(f"an UPDATE of {table} without {STAMP}: {columns[:200]}")

    def locked(self, record: logging.LogRecord) -> None:
        """A record of the logger: these rows are locked now."""
        self._selects = 0
        model, ids = record.model, set(record.ids)  # type: ignore[attr-defined]
        if place(model) is not None:
            self._take(model, ids, "lock")

    def _held(self, model: type[models.Model]) -> set[int]:
        return {pk for one in self.taken if one.model is model and one.how != "key" for pk in one.ids}

    def _fresh(self, model: type[models.Model], ids: set[int]) -> set[int]:
        """Those of these rows that were there before, and are not locked yet."""
        return {pk for pk in ids if pk <= self._highest.get(model, 0)} - self._held(model)

    def _take(self, model: type[models.Model], ids: set[int], how: str) -> None:
        new = self._fresh(model, ids)
        if not new:
            return
        one = Taken(model, frozenset(new), how)
        before = [earlier for earlier in self.taken if earlier.place > one.place]
        before += [e for e in self.taken if e.model is model and e.how != "key" and max(e.ids) > min(new)]
        if before:
            self.faults.append(f"{one} after {', '.join(map(str, before))}")
        self.taken.append(one)

    def _write_where(self, table: str, condition: str | None, params: Sequence[Any]) -> None:
        model = self._tables.get(table)
        if model is None or place(model) is None:
            return
        where = f" WHERE {condition}" if condition else ""
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT "{model._meta.pk.column}" FROM "{table}"{where}', params)
            self._write(model, {row[0] for row in cursor.fetchall()})

    def _write(self, model: type[models.Model], ids: set[int]) -> None:
        if place(model) is None:
            return
        new = self._fresh(model, ids)
        if not new:
            return
        excuse = next((key for key in ((self.name, model), ("*", model)) if key in self.allowed), None)
        if excuse is None:
            self.faults.append(f"{model.__name__} {sorted(new)} written, not locked before")
        else:
            self.excused.add(excuse)
        self._take(model, new, "write")

    def _insert(self, table: str, columns: list[str], values: str, params: list[Any]) -> None:
        """Foreign keys to documents that somebody might be deleting."""
        model = self._tables.get(table)
        if model is None:
            return
        for named in model._meta.concrete_fields:
            target = named.related_model
            if target not in DELETED or named.column not in columns:
                continue
            index = columns.index(named.column)
            if "UNNEST" in values:
                ids = set(params[index])
            else:
                marks = values.count("%s")
                ids = set(params[index : marks : len(columns)]) if marks % len(columns) == 0 else set()
            if new := self._fresh(target, {int(pk) for pk in ids - {None}}):
                self._take(target, new, "key")


@contextmanager
def recorded(name: str = "", allowed: Allowed | None = None) -> Iterator[Recorder]:
    """Whatever is done in there is recorded, each outermost transaction for itself."""
    recorder = Recorder(name, allowed or {})
    handler = logging.Handler()
    handler.emit = recorder.locked  # type: ignore[method-assign]
    level = locks.log.level
    locks.log.addHandler(handler)
    locks.log.setLevel(logging.DEBUG)
    try:
        recorder._begin()
        with connection.execute_wrapper(recorder):
            yield recorder
        if recorder._selects:
            recorder.faults.append("a lock that says nothing to the logger")
    finally:
        locks.log.removeHandler(handler)
        locks.log.setLevel(level)
