"""« Annuler » after a harmless act: the inverse service, under the version that the act left, for one minute.

A signed token says what is undone. It travels with the message of the act, which shows it as a button.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from openfire_billing.kernel.errors import BusinessError

SECONDS = 60
_SALT = "undo"
_TAG = "undo:"


@dataclass(frozen=True)
class Undo:
    """How an act is undone.

    `fields`: the fields of the document that the act changes; `run` gets their values from before the act, and "seen", the
    version that the act left. `offered`: a condition on the document before the act; always when it is None.
    """

    fields: tuple[str, ...]
    run: Callable[[HttpRequest, Any, dict[str, Any]], Any]
    offered: Callable[[Any], bool] | None = None


def values_before(undo: Undo | None, document: Any) -> dict[str, str | None] | None:
    """Return {field: value as text} of a document about to change; None when its act cannot be undone."""
    if undo is None or (undo.offered is not None and not undo.offered(document)):
        return None
    fields = [document._meta.get_field(name) for name in undo.fields]
    return {f.name: None if f.value_from_object(document) is None else f.value_to_string(document) for f in fields}


def undo_tag(request: HttpRequest, document: Any, act: str, before: dict[str, str | None]) -> str:
    """Return the tag of a message that offers to undo an act. `document`: as the act left it."""
    asked = [request.user.pk, document._meta.label_lower, document.pk, act, document.version, before]
    return _TAG + signing.dumps(asked, salt=_SALT)


def undo_token(message: Any) -> str:
    """Return the token that a message carries; "" for none."""
    tags = str(message.extra_tags or "")
    return tags.removeprefix(_TAG) if tags.startswith(_TAG) else ""


class UndoMixin:
    """Gives a ModelAdmin with acts the undoing of those that can be."""

    def undo_act(
        self, request: HttpRequest, document: Any, name: str, version: int, before: dict[str, str | None]
    ) -> None:
        """Undo an act that left `version` on the document, once, and say so. `before`: see `values_before`."""
        action = next((a for a in self.all_actions() if a.name == name and a.undo), None)  # type: ignore[attr-defined]
        if action is None or not action.is_allowed(request.user):
            raise PermissionDenied
        values = {
            field: None if text is None else document._meta.get_field(field).to_python(text)
            for field, text in before.items()
        }

        def run() -> Any:
            return action.undo.run(request, document, {**values, "seen": version})

        try:
            done = self.perform(request, run, once=self.once(request, "undo"))  # type: ignore[attr-defined]
        except BusinessError as refusal:
            messages.error(request, _("« %(act)s » n'est pas annulé. %(why)s") % {"act": action.label, "why": refusal})
            return
        text = _("%(document)s : « %(act)s » est annulé.")
        if not done.is_repeat:
            messages.info(request, text % {"document": done.result, "act": action.label})


@require_POST
def undo_view(request: HttpRequest) -> HttpResponse:
    """Undo the act that the posted token names, and go to the page of its document."""
    token = request.POST.get("token", "")
    try:
        user, label, pk, act, version, before = signing.loads(token, salt=_SALT)
    except signing.BadSignature as forged:
        raise PermissionDenied from forged
    if user != request.user.pk:
        raise PermissionDenied
    page: Any = admin.site.get_model_admin(apps.get_model(label))
    document = page.get_object(request, str(pk))
    if document is None:
        raise Http404
    try:
        signing.loads(token, salt=_SALT, max_age=SECONDS)
    except signing.SignatureExpired:
        text = _("%s : plus d'une minute a passé, rien n'est annulé. Le menu Action dit ce qui est possible.")
        messages.error(request, text % document)
    else:
        page.undo_act(request, document, act, version, before)
    meta = document._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[document.pk])
    if request.headers.get("X-Requested-With") == "fetch":
        return JsonResponse({"location": url})
    return HttpResponseRedirect(url)
