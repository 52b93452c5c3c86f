"""« Annuler » after a harmless act: the inverse service, under the version that the act left, for one minute.

A signed token says what is undone. It travels with the message of the act, which shows it as a button.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.fetched import go_to

SECONDS = 60
_SALT = "undo"
_TAG = "undo:"


@dataclass(frozen=True)
class Undo:
    """How an act is undone.

    `fields`: the fields of the document that the act changes; `run` gets their values from before the act, and "seen", the
    version that the act left. `offered`: a condition on the document before the act; always when it is None. `back`: returns
    the address to go to when undoing deleted the document. `run_many`: undoes the act on several documents, given with
    their values, on all or on none, and returns them.
    """

    fields: tuple[str, ...]
    run: Callable[[HttpRequest, Any, dict[str, Any]], Any]
    offered: Callable[[Any], bool] | None = None
    back: Callable[[Any], str] | None = None
    run_many: Callable[[HttpRequest, Sequence[tuple[Any, dict[str, Any]]]], list[Any]] | None = None


def values_before(undo: Undo | None, document: Any) -> dict[str, str | None] | None:
    """Return {field: value as text} of a document about to change; None when its act cannot be undone."""
    if undo is None or (undo.offered is not None and not undo.offered(document)):
        return None
    return {name: _text_of(document._meta.get_field(name), document) for name in undo.fields}


def _text_of(field: Any, document: Any) -> str | None:
    value = field.value_from_object(document)
    if value is None:
        return None
    return " ".join(str(one.pk) for one in value) if field.many_to_many else str(field.value_to_string(document))


def _value_of(field: Any, text: str | None) -> Any:
    """Return the value of a field from its text: records for a relation, those that still exist for several."""
    if text is None:
        return None
    if field.many_to_many:
        return list(field.related_model._default_manager.filter(pk__in=text.split()))
    if field.is_relation:
        return field.related_model._default_manager.filter(pk=text).first()
    return field.to_python(text)


def undo_tag(request: HttpRequest, document: Any, act: str, before: dict[str, str | None]) -> str:
    """Return the tag of a message that offers to undo an act. `document`: as the act left it."""
    return undo_tag_of_many(request, [(document, before)], act)


def undo_tag_of_many(request: HttpRequest, done: Sequence[tuple[Any, dict[str, str | None]]], act: str) -> str:
    """Return the tag of a message that offers to undo an act on several documents of one kind, on all or on none.

    `done`: each document as the act left it, with its values from before.
    """
    asked = [[document.pk, document.version, before] for document, before in done]
    return _TAG + signing.dumps([request.user.pk, done[0][0]._meta.label_lower, act, asked], salt=_SALT, compress=True)


def undo_token(message: Any) -> str:
    """Return the token that a message carries; "" for none."""
    tags = str(message.extra_tags or "")
    return tags.removeprefix(_TAG) if tags.startswith(_TAG) else ""


class UndoMixin:
    """Gives a ModelAdmin with acts the undoing of those that can be."""

    def undo_acts(
        self, request: HttpRequest, name: str, acts: Sequence[tuple[Any, int, dict[str, str | None]]]
    ) -> None:
        """Undo an act on all of these documents or on none, once, and say so. `acts`: (document, version that the act
        left, values from before: see `values_before`).
        """
        action = next((a for a in self.all_actions() if a.name == name and a.undo), None)  # type: ignore[attr-defined]
        if action is None or not action.is_allowed(request.user):
            raise PermissionDenied

        def run() -> list[Any]:
            wanted = [(row, {**_values(row, before), "seen": version}) for row, version, before in acts]
            if len(wanted) > 1:
                return list(action.undo.run_many(request, wanted))
            return [action.undo.run(request, *wanted[0])]

        try:
            done = self.perform(request, run, once=self.once(request, "undo"))  # type: ignore[attr-defined]
        except BusinessError as refusal:
            messages.error(request, _("« %(act)s » n'est pas annulé. %(why)s") % {"act": action.label, "why": refusal})
            return
        text = _("%(document)s : « %(act)s » est annulé.")
        if not done.is_repeat:
            names = ", ".join(str(document) for document in done.result)
            messages.info(request, text % {"document": names, "act": action.label})


def _values(document: Any, before: dict[str, str | None]) -> dict[str, Any]:
    return {name: _value_of(document._meta.get_field(name), text) for name, text in before.items()}


@require_POST
def undo_view(request: HttpRequest) -> HttpResponse:
    """Undo the act that the posted token names, and go to the page of its document."""
    token = request.POST.get("token", "")
    try:
        user, label, act, asked = signing.loads(token, salt=_SALT)
    except signing.BadSignature as forged:
        raise PermissionDenied from forged
    if user != request.user.pk:
        raise PermissionDenied
    page: Any = admin.site.get_model_admin(apps.get_model(label))
    acts = [(page.get_object(request, str(pk)), version, before) for pk, version, before in asked]
    document = acts[0][0]
    if any(found is None for found, _version, _before in acts):
        raise Http404
    try:
        signing.loads(token, salt=_SALT, max_age=SECONDS)
    except signing.SignatureExpired:
        text = _("%s : plus d'une minute a passé, rien n'est annulé. Le menu Action dit ce qui est possible.")
        messages.error(request, text % document)
    else:
        page.undo_acts(request, act, acts)
    meta = document._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[document.pk])
    undone = next((action.undo for action in page.all_actions() if action.name == act), None)
    if undone is not None and undone.back is not None and page.get_object(request, str(document.pk)) is None:
        url = undone.back(document)
    return go_to(request, url)
