"""Words searched in columns of several tables.

Each table is asked apart and gives ids: there its own index serves (PostgreSQL, by three letters), where « this column
of one table or that of another » would have every row of both read.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import F, Q, Value
from django.db.models.functions import Replace
from django.utils.text import smart_split, unescape_string_literal

from openfire_billing.db.narrowing import asked_once
from openfire_billing.kernel.telephones import telephone_of


def words_of(text: str) -> list[str]:
    """The words typed; « "rue du Four" » between quotes is one, and so is a telephone."""
    if number := telephone_of(text):
        return [number]
    bits = smart_split(text)
    return [unescape_string_literal(b) if b[0] in "\"'" and b[0] == b[-1] and len(b) > 1 else b for b in bits]


def digits_of(column: str) -> Any:
    """The digits of a column of telephones, for the database to compare: « 06 12.34-56 78 » → 0612345678."""
    digits: Any = F(column)
    for mark in " .-/()+\u00a0\u202f":
        digits = Replace(digits, Value(mark), Value(""))
    return digits


def holding(queryset: Any, columns: Iterable[str], words: Iterable[str]) -> Any:
    """Those that hold every word, each in any of `columns` (« number », « customer__name »), small or capital.

    Searched here and now, once.
    """
    asked = list(words)
    columns = list(columns)
    if not asked or not columns:
        return queryset
    found = queryset.model._base_manager.all()
    for word in asked:
        found = found.filter(pk__in=_holders(queryset.model, columns, word))
    return asked_once(found, of=queryset)


def _holders(model: Any, columns: Iterable[str], word: str) -> Any:
    """The ids of those that hold a word, one part of a union for each table asked."""
    tables: defaultdict[str, Q] = defaultdict(Q)
    for column in columns:
        path, _dash, name = column.rpartition("__")
        tables[path] |= Q(**{f"{name}__icontains": word})
    everything = model._base_manager.order_by()
    parts = [
        everything.filter(**{f"{path}__in": _model_at(model, path)._base_manager.order_by().filter(condition)})
        if path
        else everything.filter(condition)
        for path, condition in tables.items()
    ]
    first, *others = (part.values("pk") for part in parts)
    return first.union(*others) if others else first


def _model_at(model: Any, path: str) -> Any:
    for name in path.split("__"):
        model = model._meta.get_field(name).related_model
    return model
