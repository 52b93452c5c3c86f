"""The documents that are begun from a record: buttons of its page, entries under its name in the search."""

from collections.abc import Iterator
from typing import Any

from django.urls import reverse

from openfire_billing.web.contributions import FirstAct, contributions_to


def first_acts_of(record: Any, user: Any) -> Iterator[tuple[FirstAct, str]]:
    """Yield each act that `user` may do from a record, with the address of its page."""
    for act in contributions_to(type(record)).first_acts:
        if user.has_perm(act.permission) and act.is_offered(record):
            yield act, f"{reverse(act.url_name)}?{act.parameter}={record.pk}"
