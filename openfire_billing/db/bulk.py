"""Many rows at once: COPY with ids taken first on PostgreSQL, executemany on SQLite. The only module that does it.

Rows are tuples in the order of `columns`, which are the attribute names of concrete fields (`customer_id`, `net`).
Nothing is checked but what the database checks; no default is filled but the moment of the last write, when the caller
gives none; the caller holds the transaction. Taken ids may be used or not: a gap in ids means nothing.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from openfire_billing.db.stamps import STAMP, is_stamped_apart

if TYPE_CHECKING:
    AnyField: TypeAlias = models.Field[Any, Any]  # type: ignore[explicit-any]  # of any column
    ColumnWriter: TypeAlias = Callable[[Sequence[object]], list[str]]


def take_ids(model: type[models.Model], count: int, *, using: str = "default") -> list[int]:
    """Return `count` ids that no other process gets. On SQLite it relies on the write lock of the open transaction."""
    if not count:
        return []
    connection = connections[using]
    table = model._meta.db_table
    column = model._meta.pk.column
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
                [f'"{table}"', column, count],
            )
            return [row[0] for row in cursor.fetchall()]
        if not connection.in_atomic_block:
            raise transaction.TransactionManagementError("take_ids needs a transaction on SQLite.")
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        found = cursor.fetchone()
        first = (found[0] if found else 0) + 1
        return list(range(first, first + count))


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[object]], *, using: str = "default"
) -> None:
    """Insert rows. Raises IntegrityError as a single INSERT would.

    All rows are made before the first is written: one made during COPY that queries the database (a content type, a
    related record) would wait for ever for the connection that COPY holds.
    """
    all_rows = rows if isinstance(rows, Sequence) else list(rows)
    if is_stamped_apart(model, columns):
        at = timezone.now()
        columns, all_rows = [*columns, STAMP], [(*row, at) for row in all_rows]
    connection = connections[using]
    names = [_column(model, name, connection) for name in columns]
    table = connection.ops.quote_name(model._meta.db_table)
    if connection.vendor == "postgresql":
        statement = f"COPY {table} ({', '.join(names)}) FROM STDIN"
        writers = [_copy_writer(_field(model, name)) for name in columns]
        with (
            connection.cursor() as cursor,
            connection.wrap_database_errors,
            cursor.copy(statement) as copy,
        ):
            for first in range(0, len(all_rows), ROWS_OF_A_MESSAGE):
                copy.write(_copied(writers, all_rows[first : first + ROWS_OF_A_MESSAGE]))
        return
    adapt = _adapters(model, columns)
    marks = ", ".join(["?"] * len(names))
    with connection.wrap_database_errors:
        connection.connection.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", map(adapt, all_rows)
        )


def update(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[object]], *, using: str = "default"
) -> None:
    """Update rows by primary key: each row is (id, value, value, …), `columns` naming the values.

    A row that has these values already is not written: the moment of its last change stays.
    """
    all_rows = list(rows)
    if not all_rows:
        return
    connection = connections[using]
    names = [_column(model, name, connection) for name in columns]
    table = connection.ops.quote_name(model._meta.db_table)
    key = connection.ops.quote_name(str(model._meta.pk.column))
    stamp = ""
    if is_stamped_apart(model, columns):
        at = timezone.now()
        stamp = f", {STAMP} = '{at.isoformat() if connection.vendor == 'postgresql' else _utc(at)}'"
    if connection.vendor == "postgresql":
        types = [_field(model, name).db_type(connection) for name in columns]
        sets = ", ".join(f"{name} = s.c{i}" for i, name in enumerate(names))
        cells = ", ".join(["k bigint", *(f"c{i} {type_}" for i, type_ in enumerate(types))])
        keys = ["k", *(f"c{i}" for i in range(len(names)))]
        values = _json_of_anything([dict(zip(keys, row, strict=True)) for row in all_rows])
        differs = " OR ".join(f"t.{name} IS DISTINCT FROM s.c{i}" for i, name in enumerate(names))
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} AS t SET {sets}{stamp} FROM json_to_recordset(%s::json) AS s({cells}) "
                f"WHERE t.{key} = s.k AND ({differs})",
                [values],
            )
        return
    adapt = _adapters(model, columns)
    sets = ", ".join(f"{name} = ?" for name in names)
    differs = " OR ".join(f"{name} IS NOT ?" for name in names)
    with connection.wrap_database_errors:
        connection.connection.executemany(
            f"UPDATE {table} SET {sets}{stamp} WHERE {key} = ? AND ({differs})",
            ((*adapted, row[0], *adapted) for row in all_rows for adapted in [adapt(row[1:])]),
        )


def _column(model: type[models.Model], name: str, connection: BaseDatabaseWrapper) -> str:
    return connection.ops.quote_name(str(_field(model, name).column))


def _field(model: type[models.Model], name: str) -> "AnyField":
    return next(field for field in model._meta.concrete_fields if name in (field.attname, field.name))


ROWS_OF_A_MESSAGE = 500
_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_needs_escape = re.compile(r"[\\\t\n\r]").search
_WRITTEN_WITH_STR = (
    models.BooleanField,
    models.DateField,  # a moment too
    models.DecimalField,
    models.ForeignKey,
    models.IntegerField,
    models.TimeField,
    models.UUIDField,
)
_json = json.JSONEncoder(ensure_ascii=False).encode


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


_json_of_anything = json.JSONEncoder(ensure_ascii=False, default=_plain).encode


# PostgreSQL: the text format of COPY (https://www.postgresql.org/docs/current/sql-copy.html)


def _copied(writers: "Sequence[ColumnWriter]", rows: Sequence[Sequence[object]]) -> str:
    """Return rows as lines of COPY. Each of `writers` writes the values of one column."""
    columns = [write(values) for write, values in zip(writers, zip(*rows, strict=True), strict=True)]
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def _copy_writer(field: "AnyField") -> "ColumnWriter":
    if isinstance(field, (models.CharField, models.TextField)):
        return _copy_texts
    if isinstance(field, models.JSONField):
        return _copy_json
    if isinstance(field, _WRITTEN_WITH_STR):
        return _copy_plain
    raise TypeError(f"COPY of {field} is not written: {type(field).__name__}.")


def _copy_plain(values: Sequence[object]) -> list[str]:
    return [_NULL if value is None else str(value) for value in values]


def _copy_texts(values: Sequence[object]) -> list[str]:
    texts = ["" if value is None else str(value) for value in values]  # a choice or a lazy text too
    return _escaped(texts, values)


def _copy_json(values: Sequence[object]) -> list[str]:
    texts = ["" if value is None else "{}" if value == {} else _json(value) for value in values]
    return _escaped(texts, values)  # most are {}: five of an invoice


def _escaped(texts: list[str], values: Sequence[object]) -> list[str]:
    """Return the texts of the values of a column with special characters escaped, and NULL for each None."""
    if _needs_escape("".join(texts)):
        texts = [text.translate(_ESCAPES) if _needs_escape(text) else text for text in texts]
    if None in values:
        texts = [_NULL if value is None else text for text, value in zip(texts, values, strict=True)]
    return texts


# SQLite


def _adapters(model: type[models.Model], columns: Sequence[str]) -> Callable[[Sequence[object]], list[object]]:
    """Return the function that converts a row to what SQLite stores.

    Decimals as Django writes them, days and instants as text, JSON as text.
    """
    writers = [_writer(_field(model, name)) for name in columns]
    plain = [index for index, writer in enumerate(writers) if writer is not None]

    def adapt(row: Sequence[object]) -> list[object]:
        found = list(row)
        for index in plain:
            if found[index] is not None:
                found[index] = writers[index](found[index])  # type: ignore[misc]  # `plain` names no None
        return found

    return adapt


def _writer(field: "AnyField") -> Callable[[Any], object] | None:  # type: ignore[explicit-any]  # of its column's type
    if isinstance(field, models.ForeignKey):
        return None
    if isinstance(field, models.DecimalField):
        return str
    if isinstance(field, models.DateTimeField):
        return _utc
    if isinstance(field, models.DateField):
        return date.isoformat
    if isinstance(field, models.JSONField):
        return _json
    if isinstance(field, models.UUIDField):
        return attrgetter("hex")
    if isinstance(field, (models.CharField, models.TextField)):
        return str  # a choice or a lazy text
    return None


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
