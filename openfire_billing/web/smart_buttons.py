"""Smart buttons: the documents made from a document, counted exactly and all in one query."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db.models import OuterRef, Subquery, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from openfire_billing.db.functions import CountOfUnion
from openfire_billing.db.scope import company_path, visible
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.contributions import SmartButton, contributions_to


def made_from(button: SmartButton, model: type, ref: Any) -> Any:
    """Return the documents of a button's target that come from one document of `model` (`ref`: its id, or an OuterRef)."""
    targets = apps.get_model(button.target)._default_manager
    found = [ids_of(ref).order_by() for ids_of in contributions_to(model).origins.get(button.origin, [])]
    if not found:
        return targets.none()
    first, *others = found
    return targets.filter(pk__in=first.union(*others) if others else first)  # « or » would read all of them


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
    """Return the buttons of a document's page for this user."""
    return [
        {"label": button.label, "icon": button.icon, "count": count, "url": _url(button, document)}
        for button, count in counted_buttons(document, request)
    ]


def counted_buttons(document: Any, request: HttpRequest) -> list[tuple[SmartButton, int]]:
    """Return the counters of a document's page for this user: one query for all, asked once by a GET."""
    kept = request.__dict__.setdefault("office_counts", {}) if request.method == "GET" else {}
    key = (type(document), document.pk)
    if key not in kept:
        kept[key] = _counted(document, request.user)
    return kept[key]


def _counted(document: Any, user: Any) -> list[tuple[SmartButton, int]]:
    model = type(document)
    buttons = buttons_for(model, user)
    if not buttons:
        return []
    counts = (
        model._default_manager.filter(pk=document.pk)
        .annotate(**{f"count_{index}": counter(button, model, user) for index, button in enumerate(buttons)})
        .values(*(f"count_{index}" for index in range(len(buttons))))
        .first()
    ) or {}
    return [(button, counts.get(f"count_{index}", 0)) for index, button in enumerate(buttons)]


def listed_button(document: Any, *, is_feminine: bool) -> dict[str, Any]:
    """Return the switch of a document that leaves the lists and comes back: « Active dans les listes »."""
    meta, act = document._meta, "archive" if document.is_active else "restore"
    if is_feminine:
        text = _("Active") if document.is_active else _("Archivée")
    else:
        text = _("Actif") if document.is_active else _("Archivé")
    return {
        "label": _("dans les listes") if document.is_active else _("hors des listes"),
        "icon": "inventory_2",
        "text": text,
        "is_sentence": True,
        "is_usual": document.is_active,
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
