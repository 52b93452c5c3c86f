"""Refusals shown on a page of the office: sentences, a button for the missing step, links to what they name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from openfire_billing.kernel.errors import BusinessError, Step
from openfire_billing.web.access import may_see
from openfire_billing.web.users import user_of


@dataclass(frozen=True)
class StepLink:
    """The button of a step: its label and address. `opens_dialog`: it is an act. `target`: id of an element of the page."""

    label: object
    url: str
    opens_dialog: bool = False
    target: str = ""


@dataclass(frozen=True)
class ShownRefusal:
    """A refusal as a page shows it. `links`: the documents it names that the user may see, (text, address)."""

    sentences: tuple[str, ...]
    steps: tuple[StepLink, ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join(self.sentences)


def shown_refusal(error: BusinessError, request: HttpRequest, document: Any = None) -> ShownRefusal:
    """Return a refusal as the page of `document` shows it.

    A fault about a field of the document, without a step of its own, leads to that field. A step that the user may not
    take, and a document that he may not see, have no link.
    """
    steps: dict[str, StepLink] = {}
    links: dict[str, str] = {}
    for fault in error.faults:
        step = fault.step or _step_to_field(fault, document)
        shown = _step_link(step, request) if step else None
        if shown:
            steps.setdefault(shown.url, shown)
        for named in fault.documents:
            if isinstance(named, Model) and (url := _page_of(named, request)):
                links.setdefault(url, str(named))
    return ShownRefusal(
        tuple(str(fault) for fault in error.faults),
        tuple(steps.values()),
        tuple((text, url) for url, text in links.items() if url not in {step.partition("#")[0] for step in steps}),
    )


def _step_to_field(fault: BusinessError, document: Any) -> Step | None:
    if not fault.field or not isinstance(document, Model):
        return None
    try:
        field = document._meta.get_field(fault.field)
    except FieldDoesNotExist:
        return None
    label = getattr(field, "verbose_name", fault.field)
    return Step(_("Remplir « %s »") % capfirst(str(label)), document, field=fault.field)


def _step_link(step: Step, request: HttpRequest) -> StepLink | None:
    """Return the button of a step; None when the user may not take it, or the document has no page."""
    document: Any = step.document
    url = _page_of(document, request)
    if not url:
        return None
    page = admin.site.get_model_admin(type(document))
    if step.act:
        acts: Any = page
        action = next((a for a in acts.all_actions() if a.name == step.act and a.run), None)
        if action is None or not action.is_allowed(request.user) or not _is_of_state(action, document):
            return None
        return StepLink(step.label, acts.action_url(document, action), opens_dialog=True)
    target = f"id_{step.field}" if step.field else f"tab-{step.tab}" if step.tab else ""
    return StepLink(step.label, f"{url}#{target}" if target else url, target=target)


def _is_of_state(action: Any, document: Any) -> bool:
    return action.states is None or document.state in action.states


def _page_of(document: Any, request: HttpRequest) -> str:
    """Return the address of a document's page; "" when it has none, or the user may not open it."""
    if not admin.site.is_registered(type(document)) or document.pk is None:
        return ""
    page = admin.site.get_model_admin(type(document))
    if not page.has_view_permission(request, document) or not may_see(user_of(request), document):
        return ""
    meta = document._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[document.pk])


@contextmanager
def refusals_shown(request: Any) -> Iterator[None]:
    """Show a refusal as a message on the page, with links to what it names, instead of an error page."""
    try:
        yield
    except BusinessError as refusal:
        shown = shown_refusal(refusal, request)
        text: Any = str(shown)
        for label, url in (*((step.label, step.url) for step in shown.steps), *shown.links):
            text = format_html('{} <a class="of-link" href="{}">{}</a>', text, url, label)
        messages.error(request, text)
