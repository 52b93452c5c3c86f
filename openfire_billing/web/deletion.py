"""The way to the page that asks before a deletion, and what that page shows."""

from collections import defaultdict
from typing import Any

from django.apps import apps
from django.contrib.admin.utils import NestedObjects, get_deleted_objects
from django.db import router
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from openfire_billing.db.scope import visible
from openfire_billing.web.place import with_place


def deletion_entry(request: Any, record: Any) -> dict[str, Any]:
    """Return the entry of the Action menu that leads to the page of Django that asks before it deletes a record."""
    meta = record._meta
    url = with_place(request, reverse(f"admin:{meta.app_label}_{meta.model_name}_delete", args=[record.pk]))
    return {"label": _("Supprimer"), "icon": "delete", "url": url, "is_page": True, "is_danger": True}


def deleted_objects(objects: Any, request: Any, admin_site: Any) -> Any:
    """Return what Django's page asks: (nested names, counts by kind, permissions missing, names that forbid it).

    Records of companies that the user does not work for are counted, not named.
    """
    nested, counts, missing, protected = get_deleted_objects(objects, request, admin_site)
    nested, counts = _without_links(nested, counts)
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
    shown = collector.nested(lambda row: "" if id(row) in hidden or row._meta.auto_created else str(row))
    number = sum(id(row) in hidden for row in collector.protected)
    names = [str(row) for row in collector.protected if id(row) not in hidden]
    if number:
        names.append(ngettext("%d fiche d'une autre société", "%d fiches d'autres sociétés", number) % number)
    return _without_blanks(shown), counts, missing, names


def _without_links(nested: list[Any], counts: dict[Any, int]) -> tuple[list[Any], dict[Any, int]]:
    """Leave out the rows that only link two records (a customer and his tags): they have no name of their own."""
    metas = [model._meta for model in apps.get_models(include_auto_created=True) if model._meta.auto_created]
    starts = tuple(f"{capfirst(meta.verbose_name)}: " for meta in metas)
    plurals = {str(meta.verbose_name_plural) for meta in metas}
    return _blanked(nested, starts), {name: count for name, count in counts.items() if str(name) not in plurals}


def _blanked(nested: list[Any], starts: tuple[str, ...]) -> list[Any]:
    return _without_blanks(
        [
            _blanked(item, starts) if isinstance(item, list) else "" if item.startswith(starts) else item
            for item in nested
        ]
    )


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
