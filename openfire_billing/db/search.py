"""Words searched in columns of several tables.

Each table is queried by itself and gives ids, so that its own index serves (PostgreSQL, by three letters). One
condition over columns of two tables would read every row of both.
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, TypeVar

from django.db.models import DecimalField, F, ManyToOneRel, Model, Q, QuerySet
from django.utils.text import smart_split, unescape_string_literal

from openfire_billing.db.fields import SearchTextField, TelephoneKeyField
from openfire_billing.db.narrowing import asked_once
from openfire_billing.kernel.folding import fold
from openfire_billing.kernel.formats import read_amount
from openfire_billing.kernel.telephones import LAST, WHOLE, searched_digits, split_numbers

if TYPE_CHECKING:
    from django.db.models.options import _AnyField

Rows = TypeVar("Rows", bound=QuerySet[Model])
MOST_WORDS = 10
LONGEST = 200  # letters of a search
_AS_TYPED = {"number", "reference", "code", "origin", "document"}  # without accents, mostly capitals


def words_of(text: str) -> list[str]:
    """Split a search text into at most ten words. A quoted phrase is one word, and so is a telephone number. A text
    that is only an amount is one word, spaces included.
    """
    text = text[:LONGEST]
    if read_amount(text) is not None:
        return [text.strip()]
    words: list[str] = []
    for part, is_telephone in split_numbers(text):
        words += [part] if is_telephone else map(_unquoted, smart_split(part))
    return words[:MOST_WORDS]


def _unquoted(bit: str) -> str:
    is_quoted = bit[0] in "\"'" and bit[0] == bit[-1] and len(bit) > 1
    return unescape_string_literal(bit) if is_quoted else bit


def holding(queryset: Rows, columns: Iterable[str], words: Iterable[str]) -> Rows:
    """Narrow to the rows that hold every word, as `narrowed` does. The search is run here and now, once, for a page
    that counts and sums what it finds."""
    searched, columns = list(words), list(columns)
    if not searched or not columns:
        return queryset
    if len(searched) == 1 and _of_several_tables(columns):
        return asked_once(_holders(queryset.model, columns, searched[0]), of=queryset)
    return asked_once(narrowed(queryset.model._base_manager.all(), columns, searched), of=queryset)


def narrowed(queryset: Rows, columns: Iterable[str], words: Iterable[str]) -> Rows:
    """Narrow to the rows that hold every word, each in any of `columns` (« number », « customer__search_text »).

    A column of words and one of telephones compare as their kind does, an amount by its value, any other column by
    the letters it contains. No query is run.
    """
    columns = list(columns)
    for word in words:
        if _of_several_tables(columns):
            queryset = queryset.filter(pk__in=_holders(queryset.model, columns, word))
        else:
            condition = reduce(or_, (_holds(queryset.model._meta.get_field(column), word) for column in columns), Q())
            queryset = queryset.filter(condition) if condition else queryset.none()
    return queryset


def _of_several_tables(columns: Iterable[str]) -> bool:
    return any("__" in column for column in columns)


def _holders(model: type[Model], columns: Iterable[str], word: str) -> QuerySet[Model, dict[str, object]]:
    """Return the ids of the rows that hold a word, as `pk`, one part of a union for each table."""
    tables: defaultdict[str, Q] = defaultdict(Q)
    for column in columns:
        path, _dash, name = column.rpartition("__")
        tables[path] |= _holds(_model_at(model, path)._meta.get_field(name), word)
    everything = model._base_manager.order_by()
    parts = [_ids_at(model, path, condition) for path, condition in tables.items() if condition]
    if not parts:
        return everything.none().values("pk")
    first, *others = parts
    return first.union(*others) if others else first


def _ids_at(model: type[Model], path: str, condition: Q) -> QuerySet[Model, dict[str, object]]:
    """Return the ids, as `pk`, of the rows of `model` whose related rows at `path` fulfil a condition."""
    everything = model._base_manager.order_by()
    if not path:
        return everything.filter(condition).values("pk")
    related = _model_at(model, path)._base_manager.order_by().filter(condition)
    relation = None if "__" in path else model._meta.get_field(path)
    if isinstance(relation, ManyToOneRel):  # the related rows have the key: the table of `model` is not read
        return related.values(pk=F(relation.field.attname))
    return everything.filter(**{f"{path}__in": related}).values("pk")


def _holds(field: "_AnyField", word: str) -> Q:
    """Return the condition that a column holds a word; an empty one when it cannot."""
    if isinstance(field, TelephoneKeyField):
        return _holds_telephone(field.name, searched_digits(word))
    if isinstance(field, DecimalField):
        amount: Decimal | None = read_amount(word)
        return Q() if amount is None else Q(**{field.name: amount})
    if isinstance(field, SearchTextField):
        return Q(**{f"{field.name}__contains": fold(word)})
    if field.name in _AS_TYPED:  # two comparisons of the column itself cost less than one of its capitals
        return Q(**{f"{field.name}__contains": word}) | Q(**{f"{field.name}__contains": word.upper()})
    return Q(**{f"{field.name}__folded": word})


def _holds_telephone(name: str, digits: str) -> Q:
    if not digits:
        return Q()
    condition = Q(**{f"{name}__contains": digits})
    return condition | Q(**{f"{name}__endswith": digits[-LAST:]}) if len(digits) >= WHOLE else condition


def _model_at(model: type[Model], path: str) -> type[Model]:
    for name in path.split("__") if path else ():
        related = model._meta.get_field(name).related_model
        assert related is not None
        model = related
    return model
