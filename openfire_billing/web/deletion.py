"""What the page that asks before a deletion shows."""

from collections import defaultdict
from typing import Any

from django.contrib.admin.utils import NestedObjects, get_deleted_objects
from django.db import router
from django.utils.translation import ngettext

from openfire_billing.db.scope import visible


def deleted_objects(objects: Any, request: Any, admin_site: Any) -> Any:
    """Return what Django's page asks: (nested names, counts by kind, permissions missing, names that forbid it).

    Records of companies that the user does not work for are counted, not named.
    """
    nested, counts, missing, protected = get_deleted_objects(objects, request, admin_site)
    if request.user.is_superuser:
        return nested, counts, missing, protected
    collector = NestedObjects(
        using=router.db_for_write(objects.model if hasattr(objects, "model") else type(objects[0]))
    )
    collector.collect(objects)
    met = [row for rows in collector.data.values() for row in rows]
    hidden = {id(row) for row in _hidden([*met, *collector.protected], request.user)}
    if not hidden:
        return nested, counts, missing, protected
    shown = collector.nested(lambda row: "" if id(row) in hidden else str(row))
    number = sum(id(row) in hidden for row in collector.protected)
    names = [str(row) for row in collector.protected if id(row) not in hidden]
    if number:
        names.append(ngettext("%d fiche d'une autre société", "%d fiches d'autres sociétés", number) % number)
    return _without_blanks(shown), counts, missing, names


def _hidden(rows: list[Any], user: Any) -> list[Any]:
    """Return the rows that `user` may not see: one query for each model."""
    by_model = defaultdict(list)
    for row in rows:
        by_model[type(row)].append(row)
    hidden = []
    for model, of_model in by_model.items():
        keys = {row.pk for row in of_model}
        seen = set(visible(model._default_manager.filter(pk__in=keys), user).values_list("pk", flat=True))
        hidden += [row for row in of_model if row.pk not in seen]
    return hidden


def _without_blanks(nested: list[Any]) -> list[Any]:
    """Return nested names without the blank ones; what stood under a blank one is left out too."""
    kept: list[Any] = []
    is_under_blank = False
    for item in nested:
        if isinstance(item, list):
            if not is_under_blank:
                kept.append(_without_blanks(item))
            continue
        is_under_blank = item == ""
        if not is_under_blank:
            kept.append(item)
    return [item for item in kept if item != []]
