"""An expensive query run once for a whole page, which counts, sums, dates and shows what it finds."""

from typing import TypeVar

from django.db.models import Model, QuerySet

Rows = TypeVar("Rows", bound=QuerySet[Model])

MOST = 50_000  # ids of that many are quickly read and given back


def asked_once(question: QuerySet[Model], *, of: Rows) -> Rows:
    """`of` narrowed to what `question` finds: asked here and now, then named by its ids.

    Of more than `MOST` the question itself stays in each query.
    """
    asked = question.order_by()
    ids = list(asked.values_list("pk", flat=True)[: MOST + 1])
    return of.filter(pk__among=ids) if len(ids) <= MOST else of.filter(pk__in=asked.values("pk"))
