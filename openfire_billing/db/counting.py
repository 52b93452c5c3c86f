"""Several questions asked in one query: how many rows each has, or the rows themselves."""

from collections.abc import Iterator, Mapping

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet

Question = QuerySet[Model]
Value = int | str
Rows = QuerySet[Model, tuple[Value, ...]]


def counted_together(questions: Mapping[str, Question], *, most: int) -> dict[str, int]:
    """Return how many rows each question finds, in one query. A count stops at `most`.

    The counts are rows of a union: as columns they would stand a level deeper, and SQLite's parser refuses deep
    expressions.
    """
    narrowed = {name: question.order_by().values("pk")[:most] for name, question in questions.items()}
    counts = dict.fromkeys(questions, 0)
    for name, (count,) in _asked(narrowed, "COUNT(*)"):
        counts[name] = int(count)
    return counts


def rows_together(questions: Mapping[str, Rows]) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """Yield (name of the question, row) for the rows of all questions, in one query.

    The questions give columns of the same types, in the same order; each may have an order and a limit of its own.
    """
    return _asked(questions, "found.*")


def _asked(
    questions: Mapping[str, QuerySet[Model, dict[str, object]] | Rows], columns: str
) -> Iterator[tuple[str, tuple[Value, ...]]]:
    names, parts, params = list(questions), [], []
    for rank, question in enumerate(questions.values()):
        try:
            sql, its = question.query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        except EmptyResultSet:
            continue
        parts.append(f"SELECT {rank}, {columns} FROM ({sql}) AS found")  # noqa: S608 (made by Django)
        params.extend(its)
    if parts:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), params)
            for rank, *row in cursor.fetchall():
                yield names[rank], tuple(row)
