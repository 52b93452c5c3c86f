"""What waits for something at a customer's: on his page, and under his name in the search."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from openfire_billing.db.scope import visible
from openfire_billing.web.contributions import OpenItems, contributions_to


def open_items_of(
    partners: Sequence[Any], user: Any, *, for_search: bool = False
) -> dict[int, list[tuple[OpenItems, list[Any]]]]:
    """Return {partner id: [(kind, rows)]} of what these customers have open and `user` may see, in one query a kind.

    `for_search`: the kinds that the search shows.
    """
    found: dict[int, list[tuple[OpenItems, list[Any]]]] = {partner.pk: [] for partner in partners}
    if not partners:
        return found
    today = timezone.localdate()
    for kind in contributions_to(type(partners[0])).open_items:
        if not user.has_perm(kind.permission) or (for_search and not kind.is_searched):
            continue
        rows: dict[int, list[Any]] = {pk: [] for pk in found}
        for row in visible(kind.rows(list(found), today), user)[: MOST_READ * len(found)]:
            for pk in {getattr(row, column) for column in kind.partners} & rows.keys():
                if len(rows[pk]) < kind.most:
                    rows[pk].append(row)
        for pk, mine in rows.items():
            if mine:
                found[pk].append((kind, mine))
    return found


MOST_READ = 20  # rows of a kind read for each customer
