"""Guards: triggers that refuse to change, delete or complete rows that never change, on PostgreSQL and on SQLite.

A model declares its guard beside it, with `guard`. `make_guards` creates the triggers of all models after `migrate`;
`drop_guards` removes them before it, because SQLite rebuilds a table, and loses its triggers, when a column changes.
The name of a trigger ends with a digest of its text: a guard whose text changed is a missing one.

A guard bounds mistakes of programs and of people with a SQL shell. The owner of the database may remove it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.db import DatabaseError, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from openfire_billing.db.transactions import atomic

PREFIX: Final = "guard_"


@dataclass(frozen=True)
class Guard:
    """The rows of a model that never change.

    `frozen`: the lookup from a row to the column that freezes it (`invoice__state`), frozen when it equals `value`;
    empty: every row is frozen as soon as it is written. `updates`: whether UPDATE is refused. `inserts`: whether INSERT
    of a frozen row is refused too. `once`: a column that an UPDATE of nothing else may still fill, once.
    `written_with`: a foreign key; a row is inserted in the transaction that inserts the row it names, or not at all. SQLite
    does not know that transaction: there, an INSERT is refused once the sums of the two columns `sides` are equal.
    """

    model: type[models.Model]
    frozen: str = ""
    value: str = ""
    updates: bool = True
    inserts: bool = False
    once: str = ""
    written_with: str = ""
    sides: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        if self.once and "__" not in self.frozen:
            raise TypeError("`once` needs a `frozen` lookup through a foreign key.")

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def message(self) -> str:
        """The text of the database's error, an IntegrityError on both databases."""
        return f"{self.model._meta.verbose_name} ({self.table}) : une écriture définitive ne change pas.".replace(
            "'", "’"
        )


_GUARDS: list[Guard] = []


def guard(
    model: type[models.Model],
    *,
    frozen: str = "",
    value: str = "",
    updates: bool = True,
    inserts: bool = False,
    once: str = "",
    written_with: str = "",
    sides: tuple[str, str] = ("", ""),
) -> None:
    """Declare the guard of a model; the arguments are those of `Guard`."""
    _GUARDS.append(Guard(model, frozen, value, updates, inserts, once, written_with, sides))


def guarded_models() -> list[type[models.Model]]:
    """Return the models that have a guard, in the order of their declarations."""
    return [each.model for each in _GUARDS]


def missing_guards(using: str = "default") -> list[str]:
    """Return the names of the triggers that the database lacks, or has disabled; none while it has no tables."""
    connection = connections[using]
    if not {each.table for each in _GUARDS} <= set(connection.introspection.table_names()):
        return []
    return sorted(set(_wanted(connection)) - set(_installed(connection)))


def make_guards(using: str = "default") -> None:
    """Create the missing triggers, enable the disabled ones, and drop those that no model declares any more."""
    connection = connections[using]
    if not {each.table for each in _GUARDS} <= set(connection.introspection.table_names()):
        return  # a database migrated to an older state has not all tables
    wanted, installed = _wanted(connection), _installed(connection, disabled=True)
    is_disabled = bool(set(installed) - set(_installed(connection)))
    _drop(connection, {name: table for name, table in installed.items() if name not in wanted})
    if is_disabled:
        _switch(connection, "ENABLE")
    missing = [statement for name, (_table, statement) in wanted.items() if name not in installed]
    if missing:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(_REFUSE)
            for statement in missing:
                cursor.execute(statement)


def drop_guards(using: str = "default") -> None:
    """Drop all triggers."""
    connection = connections[using]
    _drop(connection, _installed(connection))


def guard_statements(using: str = "default") -> dict[str, tuple[str, list[str]]]:
    """Return {name: (table, statements that create it)} of the triggers in the database, whatever version made them."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgname, relname, ARRAY[pg_get_functiondef(tgfoid), pg_get_triggerdef(pg_trigger.oid)] "
                f"{_ENABLED}",
                [PREFIX, False],
            )
        else:
            cursor.execute(f"SELECT name, tbl_name, sql {_TRIGGERS}", [len(PREFIX), PREFIX])
        return {
            name: (table, statements if isinstance(statements, list) else [statements])
            for name, table, statements in cursor.fetchall()
        }


def put_back(statements: dict[str, tuple[str, list[str]]], using: str = "default") -> None:
    """Create the triggers of `guard_statements` that are gone, after a migration that failed.

    A trigger that does not fit the tables any more is left out: it would refuse all that is written there.
    """
    connection = connections[using]
    present = set(_installed(connection, disabled=True))
    for name, (table, texts) in statements.items():
        if name in present:
            continue
        try:
            with atomic(using=using), connection.cursor() as cursor:
                for text in texts:
                    cursor.execute(text)
                if connection.vendor == "sqlite":  # which reads a trigger when it fires
                    cursor.execute(f"EXPLAIN {_FIRING[_event_of(name)].format(connection.ops.quote_name(table))}")
        except DatabaseError:
            continue  # `check --database` names it


@contextmanager
def without_guards(using: str = "default") -> Iterator[None]:
    """Run a block in one transaction without guards, for a flush, a restore or rows written with their past.

    The guards are back when the transaction ends, committed or not. On PostgreSQL, writes of other connections to the
    guarded tables wait until then; SQLite has one writer.
    """
    connection = connections[using]
    with atomic(using=using):
        if connection.vendor == "postgresql":
            _switch(connection, "DISABLE")
            yield
            _switch(connection, "ENABLE")
        else:
            drop_guards(using)
            yield
            make_guards(using)


def _switch(connection: BaseDatabaseWrapper, verb: str) -> None:
    tables = sorted(set(_installed(connection, disabled=True).values()))
    if tables:
        quoted = map(connection.ops.quote_name, tables)
        with connection.cursor() as cursor:
            # a table with foreign keys still to be checked cannot be altered
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            cursor.execute("; ".join(f"ALTER TABLE {table} {verb} TRIGGER USER" for table in quoted))


def _drop(connection: BaseDatabaseWrapper, triggers: dict[str, str]) -> None:
    with connection.cursor() as cursor:
        for name, table in sorted(triggers.items()):
            trigger, on = connection.ops.quote_name(name), connection.ops.quote_name(table)
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP TRIGGER {trigger} ON {on}")
                cursor.execute(f"DROP FUNCTION IF EXISTS {trigger}()")
            else:
                cursor.execute(f"DROP TRIGGER {trigger}")


_ENABLED: Final = (  # PostgreSQL: the guards; the second value: the disabled ones too
    "FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
    "WHERE NOT tgisinternal AND starts_with(tgname, %s) AND pg_table_is_visible(tgrelid) "
    "AND (%s OR tgenabled <> 'D')"
)
_TRIGGERS: Final = "FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, %s) = %s"  # SQLite: the guards
_FIRING: Final = {  # SQLite: a statement that compiles the triggers of an event, and those alone
    "delete": "DELETE FROM {}",
    "update": "UPDATE {} SET id = id",
    "insert": "INSERT INTO {} DEFAULT VALUES",
}


def _event_of(name: str) -> str:
    """Return the event of a trigger, from its name: guard_<table>_<event>_<digest>."""
    return name.rsplit("_", 2)[1]


def _installed(connection: BaseDatabaseWrapper, *, disabled: bool = False) -> dict[str, str]:
    """Return {name: table} of the triggers in the database; those that are disabled only when asked for."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SELECT tgname, relname {_ENABLED}", [PREFIX, disabled])
        else:
            cursor.execute(f"SELECT name, tbl_name {_TRIGGERS}", [len(PREFIX), PREFIX])
        return dict(cursor.fetchall())


def _wanted(connection: BaseDatabaseWrapper) -> dict[str, tuple[str, str]]:
    """Return {name: (table, statement)} of the triggers of all models."""
    build = _postgresql if connection.vendor == "postgresql" else _sqlite
    found = {}
    for each in _GUARDS:
        for event, statement in build(each):
            name = f"{PREFIX}{each.table}_{event}_{hashlib.sha256(statement.encode()).hexdigest()[:8]}"
            found[name] = (each.table, statement.replace("{name}", name))
    return found


def _events(each: Guard) -> list[str]:
    inserts = each.inserts or bool(each.written_with)
    return ["delete", *(["update"] if each.updates else []), *(["insert"] if inserts else [])]


def _path(each: Guard) -> tuple[list[tuple[str, str, str]], str]:
    """Return the joins of a guard's lookup, [(column, table, its key)], and the column that freezes."""
    model, joins = each.model, []
    *names, last = each.frozen.split("__")
    for name in names:
        field = model._meta.get_field(name)
        assert isinstance(field, models.ForeignKey)
        related = field.related_model
        assert isinstance(related, type)
        joins.append((str(field.column), related._meta.db_table, str(related._meta.pk.column)))
        model = related
    frozen = model._meta.get_field(last)
    assert isinstance(frozen, models.Field)
    return joins, str(frozen.column)


# PostgreSQL


_REFUSE: Final = """CREATE OR REPLACE FUNCTION guard_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$"""


def _postgresql(each: Guard) -> Iterator[tuple[str, str]]:
    """Yield (event, statement) of a model's triggers.

    A row that freezes itself has triggers by row, which cost nothing else. A row frozen by another one has triggers by
    statement, which read all its rows with one query.
    """
    refuse = f"EXECUTE FUNCTION guard_refuse('{each.message}')"
    yield "truncate", f'CREATE TRIGGER {{name}} BEFORE TRUNCATE ON "{each.table}" {refuse}'
    joins, column = _path(each) if each.frozen else ([], "")
    for event in _events(each):
        if event == "insert" and each.written_with:
            yield event, _trigger_by_statement(each, event, _written_later(each))
        elif joins:
            yield event, _by_statement(each, event, joins, column)
        else:
            when = f"WHEN (OLD.\"{column}\" = '{each.value}') " if column else ""
            yield event, f'CREATE TRIGGER {{name}} BEFORE {event.upper()} ON "{each.table}" FOR EACH ROW {when}{refuse}'


_TRANSITIONS: Final = {
    "insert": "NEW TABLE AS written",
    "update": "OLD TABLE AS replaced NEW TABLE AS written",
    "delete": "OLD TABLE AS replaced",
}


def _by_statement(each: Guard, event: str, joins: Sequence[tuple[str, str, str]], column: str) -> str:
    rows = {"insert": ["written"], "update": ["replaced", "written"], "delete": ["replaced"]}[event]
    return _trigger_by_statement(
        each, event, " OR ".join(_frozen_rows(each, event, name, joins, column) for name in rows)
    )


def _trigger_by_statement(each: Guard, event: str, found: str) -> str:
    """Return the statements that refuse `event` when the condition `found` holds of its rows."""
    return (
        f"CREATE FUNCTION {{name}}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {found} THEN "
        f"RAISE EXCEPTION '{each.message}' USING ERRCODE = 'integrity_constraint_violation'; "
        f"END IF; RETURN NULL; END $$; "
        f'CREATE TRIGGER {{name}} AFTER {event.upper()} ON "{each.table}" REFERENCING {_TRANSITIONS[event]} '
        f"FOR EACH STATEMENT EXECUTE FUNCTION {{name}}()"
    )


def _written_later(each: Guard) -> str:
    """Return the condition: a row names one that another transaction inserted.

    A row that is seen and whose transaction (`xmin`, 32 bits; a savepoint has its own) is in progress was inserted by
    this transaction. `pg_xact_status` takes 64 bits: the value nearest to the current transaction.
    """
    field = each.model._meta.get_field(each.written_with)
    assert isinstance(field, models.ForeignKey)
    related = field.related_model
    assert isinstance(related, type)
    near = "(pg_current_xact_id()::text::bigint + 2147483648)"
    whole = f"({near} - ({near} - writers.xmin::text::bigint) % 4294967296)"
    return (
        f"EXISTS (SELECT 1 FROM (SELECT DISTINCT t0.xmin FROM written "
        f'JOIN "{related._meta.db_table}" t0 ON t0."{related._meta.pk.column}" = written."{field.column}") writers '
        f"WHERE pg_xact_status({whole}::text::xid8) IS DISTINCT FROM 'in progress')"
    )


def _frozen_rows(each: Guard, event: str, rows: str, joins: Sequence[tuple[str, str, str]], column: str) -> str:
    """Return the condition: one of the rows is frozen, and its change is not the one that `once` allows."""
    source, alias, last = rows, rows, rows
    for place, (key, table, target) in enumerate(joins):
        alias = f"t{place}"
        source += f' JOIN "{table}" {alias} ON {alias}."{target}" = {last}."{key}"'
        last = alias
    condition = f"{alias}.\"{column}\" = '{each.value}'"
    if each.once and event == "update":
        other = "written" if rows == "replaced" else "replaced"
        pk = each.model._meta.pk.column
        source += f' LEFT JOIN {other} ON {other}."{pk}" = {rows}."{pk}"'
        condition += (
            f' AND (replaced."{each.once}" IS NULL AND '
            f"to_jsonb(replaced) - '{each.once}' = to_jsonb(written) - '{each.once}') IS NOT TRUE"
        )
    return f"EXISTS (SELECT 1 FROM {source} WHERE {condition})"


# SQLite


def _sqlite(each: Guard) -> Iterator[tuple[str, str]]:
    """Yield (event, statement) of a model's triggers. SQLite has triggers by row only."""
    for event in _events(each):
        rows = {"insert": ["NEW"], "update": ["OLD", "NEW"], "delete": ["OLD"]}[event]
        conditions = [_sqlite_frozen(each, row) for row in rows] if each.frozen else []
        if each.frozen and "__" not in each.frozen and event == "update":
            conditions = conditions[:1]  # a row may become frozen
        if event == "insert" and each.written_with:
            conditions = [_sqlite_complete(each)]
        when = f"({' OR '.join(conditions)})" if conditions else ""
        if each.once and event == "update":
            columns = [field.column for field in each.model._meta.concrete_fields if field.column != each.once]
            same = " AND ".join(f'OLD."{column}" IS NEW."{column}"' for column in columns)
            when += f' AND NOT (OLD."{each.once}" IS NULL AND {same})'
        yield (
            event,
            f'CREATE TRIGGER {{name}} BEFORE {event.upper()} ON "{each.table}" FOR EACH ROW '
            f"{f'WHEN {when} ' if when else ''}BEGIN SELECT RAISE(ABORT, '{each.message}'); END",
        )


def _sqlite_complete(each: Guard) -> str:
    """Return the condition: the rows that name the same one as NEW have equal sums on both sides."""
    key, (left, right) = each.model._meta.get_field(each.written_with), each.sides
    assert isinstance(key, models.ForeignKey)
    return (
        f'(SELECT ROUND(SUM(w."{left}") - SUM(w."{right}"), 4) FROM "{each.table}" w '
        f'WHERE w."{key.column}" = NEW."{key.column}") = 0'
    )


def _sqlite_frozen(each: Guard, row: str) -> str:
    joins, column = _path(each)
    value = f'{row}."{column}"'
    if joins:
        (key, table, target), *rest = joins
        source, last = f'"{table}" t0', "t0"
        for place, (next_key, next_table, next_target) in enumerate(rest, 1):
            source += f' JOIN "{next_table}" t{place} ON t{place}."{next_target}" = {last}."{next_key}"'
            last = f"t{place}"
        return (
            f'EXISTS (SELECT 1 FROM {source} WHERE t0."{target}" = {row}."{key}" '
            f"AND {last}.\"{column}\" = '{each.value}')"
        )
    return f"{value} = '{each.value}'"
