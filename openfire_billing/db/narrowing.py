"""An expensive query run once for a whole page, whose counts, sums and rows then use the ids found."""

from typing import TypeVar

from django.db.models import Model, QuerySet

Rows = TypeVar("Rows", bound=QuerySet[Model])

MOST = 50_000  # ids of that many are quickly read and given back


def asked_once(question: QuerySet[Model] | QuerySet[Model, dict[str, object]], *, of: Rows) -> Rows:
    """Narrow `of` to the rows that `question` finds, by their ids: `question` runs once, here.

    Beyond `MOST` ids, `question` stays a subquery of `of`.
    """
    found = question.order_by()
    ids = list(found.values_list("pk", flat=True)[: MOST + 1])
    return of.filter(pk__among=ids) if len(ids) <= MOST else of.filter(pk__in=found.values("pk"))
