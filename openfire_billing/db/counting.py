"""The rows of several questions counted in one query."""

from collections.abc import Mapping

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet

Question = QuerySet[Model]


def counted_together(questions: Mapping[str, Question], *, most: int) -> dict[str, int]:
    """Return how many rows each question finds, in one query. A count stops at `most`.

    The counts are rows of a union: as columns they would stand a level deeper, and SQLite's parser refuses deep
    expressions.
    """
    names, parts, params = list(questions), [], []
    for rank, question in enumerate(questions.values()):
        try:
            sql, its = question.order_by().values("pk")[:most].query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        except EmptyResultSet:
            continue
        parts.append(f"SELECT {rank}, COUNT(*) FROM ({sql}) AS counted")  # noqa: S608 (made by Django)
        params.extend(its)
    counts = dict.fromkeys(names, 0)
    if parts:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), params)
            counts |= {names[rank]: count for rank, count in cursor.fetchall()}
    return counts
