"""Smart buttons: the documents made from a document, counted exactly and all in one query."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db.models import OuterRef, Q, Subquery, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from openfire_billing.db.functions import CountOfUnion
from openfire_billing.db.scope import company_path, visible
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.contributions import SmartButton, contributions_to


def made_from(button: SmartButton, model: type, ref: Any) -> Any:
    """Return the documents of a button's target that come from one document of `model` (`ref`: its id, or an OuterRef)."""
    target = apps.get_model(button.target)
    condition = Q(pk__in=[])
    for ids_of in contributions_to(model).origins.get(button.origin, []):
        condition |= Q(pk__in=ids_of(ref))
    return target._default_manager.filter(condition)


def counter(button: SmartButton, model: type, user: Any) -> CountOfUnion | Value:
    """Return the annotation of a button on `model` for this user: COUNT DISTINCT over the union of all its origins."""
    origins = contributions_to(model).origins.get(button.origin, [])
    if not origins:
        return Value(0)
    seen = (_seen(ids_of(OuterRef("pk")), model, user) for ids_of in origins)
    return CountOfUnion(*(Subquery(ids.order_by()) for ids in seen))


def _seen(ids: Any, model: Any, user: Any) -> Any:
    """Return what the user sees of these documents: from a record shared by companies, those of his companies; else
    all.
    """
    return ids if company_path(model) else visible(ids, user)


def smart_buttons(document: Any, request: HttpRequest) -> list[dict[str, Any]]:
    """Return the buttons of a document's page for this user: one query for all the counts."""
    model = type(document)
    buttons = buttons_for(model, request.user)
    if not buttons:
        return []
    counts = (
        model._default_manager.filter(pk=document.pk)
        .annotate(**{f"count_{index}": counter(button, model, request.user) for index, button in enumerate(buttons)})
        .values(*(f"count_{index}" for index in range(len(buttons))))
        .first()
    ) or {}
    return [
        {"label": b.label, "icon": b.icon, "count": counts.get(f"count_{i}", 0), "url": _url(b, document)}
        for i, b in enumerate(buttons)
    ]


def listed_button(document: Any) -> dict[str, Any]:
    """Return the switch of a document that leaves the lists and comes back: « Dans les listes »."""
    meta, act = document._meta, "archive" if document.is_active else "restore"
    return {
        "label": _("Dans les listes"),
        "icon": "inventory_2",
        "text": _("Actif") if document.is_active else _("Archivé"),
        "url": reverse(f"admin:{meta.app_label}_{meta.model_name}_act", args=[document.pk, act]),
        "is_dialog": True,
        "is_direct": True,
    }


def buttons_for(model: type, user: Any) -> list[SmartButton]:
    """Return the counters this user sees on a page of `model`."""
    return [button for button in contributions_to(model).smart_buttons if user.has_perm(_permission(button))]


def _permission(button: SmartButton) -> str:
    """Return the permission to see a counter: its own, else that to view what it counts."""
    app, model = button.target.lower().split(".")
    return button.permission or f"{app}.view_{model}"


def _url(button: SmartButton, document: Any) -> str:
    app, model = button.target.lower().split(".")
    meta = document._meta
    return f"{reverse(f'admin:{app}_{model}_changelist')}?from={meta.label_lower}-{document.pk}"


def origin_filter(target: type) -> Callable[[Any, str], Any]:
    """Narrow a list of `target` to what a smart button counts: `value` is "app.model-id"."""

    def narrow(queryset: Any, value: str) -> Any:
        label, _dash, pk = value.rpartition("-")
        try:
            model = apps.get_model(label)
        except (LookupError, ValueError):
            return queryset.none()
        found = read_id(pk)
        if not found:
            return queryset.none()
        for button in contributions_to(model).smart_buttons:
            if apps.get_model(button.target) is target:
                return queryset.filter(pk__in=made_from(button, model, found).values("pk"))
        return queryset.none()

    return narrow
