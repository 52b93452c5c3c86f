"""An expensive query run once for a whole page, whose counts, sums and rows then use the ids found."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model, QuerySet

Rows = TypeVar("Rows", bound=QuerySet[Model])
Question = QuerySet[Model] | QuerySet[Model, dict[str, object]]

MOST = 50_000  # ids of that many are quickly read and given back

_answers: ContextVar[dict[tuple[str, str], list[int]] | None] = ContextVar("answers", default=None)


@contextmanager
def answers_kept() -> Iterator[None]:
    """Have a question that is asked again within this block give the ids found before. For pages that only read."""
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


def kept_ids(key: str, question: Callable[[], Question]) -> list[int] | None:
    """Return the ids that a short question finds, asked once for its key in a block of `answers_kept`; None outside of one."""
    kept = _answers.get()
    if kept is None:
        return None
    if (key, "") not in kept:
        kept[key, ""] = list(question().order_by().values_list("pk", flat=True))
    return kept[key, ""]


def asked_once(question: Question, *, of: Rows) -> Rows:
    """Narrow `of` to the rows that `question` finds, by their ids: `question` runs once, here.

    Beyond `MOST` ids, `question` stays a subquery of `of`.
    """
    found = question.order_by()
    ids = _ids_of(found)
    return of.filter(pk__among=ids) if len(ids) <= MOST else of.filter(pk__in=found.values("pk"))


def _ids_of(question: Question) -> list[int]:
    """Return the ids that a question finds, at most `MOST` + 1: those kept, when it was asked before."""
    wanted = question.values_list("pk", flat=True)[: MOST + 1]
    kept = _answers.get()
    if kept is None:
        return list(wanted)
    try:
        sql, params = wanted.query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
    except EmptyResultSet:
        return []
    key = (sql, repr(params))
    if key not in kept:
        kept[key] = list(wanted)
    return kept[key]
