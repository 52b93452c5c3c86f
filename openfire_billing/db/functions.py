"""SQL that Django lacks: sums of decimals, counts of unions, membership of a long list."""

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, Lookup, Subquery, Sum
from django.db.models.lookups import PatternLookup

from openfire_billing.db.fields import DecimalColumn
from openfire_billing.kernel.folding import fold

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable
    from django.db.models.sql.compiler import SQLCompiler

Parameter: TypeAlias = Any  # type: ignore[explicit-any]  # of SQL: of any type that the database's driver knows
# Of a Balance: a sign ("+" or "-") or what is added or taken off.
Term: TypeAlias = "str | Combinable | models.QuerySet[models.Model]"
Sql: TypeAlias = tuple[str, tuple[Parameter, ...]]


class Balance(Func):  # type: ignore[explicit-any]  # in Django's own expressions
    """Signed sum of decimal terms, null counted as zero, rounded once to `places`; never below zero if `floor`.

    SQLite adds decimals as floats: without the rounding, 0.1 + 0.2 would differ from 0.3 in a comparison. Written
    flat, since SQLite's parser refuses deep expressions. `Balance("+", quantity, "-", billed, places=3)`.
    """

    def __init__(self, *signed: Term, places: int, floor: bool = False) -> None:
        self.signs = signed[::2]
        self.places = places
        self.floor = floor
        super().__init__(*signed[1::2], output_field=models.DecimalField(max_digits=18, decimal_places=places))

    def as_sql(
        self,
        compiler: "SQLCompiler",
        connection: BaseDatabaseWrapper,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **extra_context: Parameter,
    ) -> Sql:
        parts: list[str] = []
        params: list[Parameter] = []
        for sign, term in zip(self.signs, self.source_expressions, strict=True):
            sql, term_params = compiler.compile(term)
            parts.append(f"{sign} COALESCE({sql}, 0)")
            params.extend(term_params)
        sql = f"ROUND({' '.join(parts)}, {self.places})"
        if self.floor:
            sql = f"{'MAX' if connection.vendor == 'sqlite' else 'GREATEST'}({sql}, 0)"
        return sql, tuple(params)

    def as_sqlite(self, compiler: "SQLCompiler", connection: BaseDatabaseWrapper, **extra_context: Parameter) -> Sql:
        sql, params = self.as_sql(compiler, connection, **extra_context)
        return f"CAST({sql} AS NUMERIC)", params  # without affinity, SQLite compares it to '0' as text


def sum_of(queryset: models.QuerySet[models.Model], column: str, group: str) -> "Subquery[DecimalColumn]":
    """Return a scalar subquery: the sum of `column` over a correlated queryset, or null. `group`: its correlated
    column.
    """
    field = models.DecimalField(max_digits=18, decimal_places=4)
    sums = queryset.order_by().values(group).annotate(_sum=Sum(column)).values("_sum")
    return Subquery(sums, output_field=field)


class CountOfUnion(Func):  # type: ignore[explicit-any]  # in Django's own expressions
    """The number of different ids that several correlated querysets give together, nulls left out.

    Each queryset is read by its own index. A condition « the id is in one or in the other » would read every document
    for each row of a list.
    """

    output_field = models.IntegerField()

    def as_sql(
        self,
        compiler: "SQLCompiler",
        connection: BaseDatabaseWrapper,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **extra_context: Parameter,
    ) -> Sql:
        parts: list[str] = []
        params: list[Parameter] = []
        for source in self.source_expressions:
            sql, its_params = compiler.compile(source)
            parts.append(sql.removeprefix("(").removesuffix(")"))
            params.extend(its_params)
        union = " UNION ".join([*parts, "SELECT CAST(NULL AS bigint)"])
        return f"(SELECT COUNT(*) FROM ({union} EXCEPT SELECT CAST(NULL AS bigint)) AS _ids)", tuple(params)


class Among(Lookup):  # type: ignore[explicit-any]  # in Django's own expressions
    """`pk__among=ids`: as `__in`, the ids given as one parameter, so that a thousand of them cost nothing to write.

    On PostgreSQL an array, on SQLite a JSON list. Registered for every column by the ground's app.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: "SQLCompiler", connection: BaseDatabaseWrapper) -> Sql:
        left, params = self.process_lhs(compiler, connection)
        ids = list(self.rhs)
        if connection.vendor == "sqlite":
            return f"{left} IN (SELECT value FROM json_each(%s))", (*params, json.dumps(ids))
        if all(type(one) is int for one in ids):  # written here: psycopg takes 2 µs to quote each
            return f"{left} = ANY(%s)", (*params, f"{{{','.join(map(str, ids))}}}")
        return f"{left} = ANY(%s)", (*params, ids)


class Folded(PatternLookup):
    """`name__folded="poele"`: the column holds these letters, whatever the accents and the case of either.

    For tables of a few thousand rows: no index serves it. On PostgreSQL the letters of French are replaced one by one;
    on SQLite the connection has the function `fold` (`add_functions`).
    """

    lookup_name = "folded"
    prepare_rhs = False

    def get_prep_lookup(self) -> str:
        return fold(str(self.rhs))

    def as_sql(self, compiler: "SQLCompiler", connection: BaseDatabaseWrapper) -> Sql:
        left, params = self.process_lhs(compiler, connection)
        pattern = f"%{connection.ops.prep_for_like_query(self.rhs)}%"
        if connection.vendor == "sqlite":
            return f"fold({left}) LIKE %s ESCAPE '\\'", (*params, pattern)
        folded = f"REPLACE(REPLACE(TRANSLATE(LOWER({left}), %s, %s), 'œ', 'oe'), 'æ', 'ae')"
        return f"{folded} LIKE %s", (*params, _ACCENTED, _BARE, pattern)


class WordNearness(Func):  # type: ignore[explicit-any]  # in Django's own expressions
    """How like a text some words of a column are, from 0 to 1, by their letters in threes. PostgreSQL alone (pg_trgm)."""

    function = "word_similarity"
    output_field = models.FloatField()


class HoldsNearWord(Func):  # type: ignore[explicit-any]  # in Django's own expressions
    """Whether a column holds a word like this one, by its index of letters in threes. PostgreSQL alone (pg_trgm)."""

    template = "(%(expressions)s)"
    arg_joiner = " %%> "
    output_field = models.BooleanField()


_ACCENTED, _BARE = "àâäáãåçéèêëíìîïñóòôöõúùûüýÿ-'’", "aaaaaaceeeeiiiinooooouuuuyy   "


def add_functions(connection: BaseDatabaseWrapper) -> None:
    """Give a new SQLite connection what PostgreSQL has or what `Folded` needs."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("fold", 1, _fold_column, deterministic=True)


def _fold_column(value: object) -> str | None:
    return None if value is None else fold(str(value))
