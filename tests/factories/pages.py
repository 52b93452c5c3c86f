"""The back office through its pages: forms read from the HTML as a browser reads them, then sent back."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from html.parser import HTMLParser
from typing import Any

from django.apps import apps
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils.formats import localize_input

from openfire_billing.web.actions import FORM_ALONG, PREFIX

OURS = ("invoicing", "interventions", "appointments", "contracts")
LOGINS = ("invoicing.UserSession",)  # somebody who logs in changes no record of the firm
VOID = {"input", "br", "hr", "img", "meta", "link", "col"}


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of ours (and who may do what), to compare before and after."""
    models = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in OURS and model._meta.label not in LOGINS
    ]
    models += [apps.get_model("auth", "Group"), apps.get_model("auth", "User").groups.through]
    return {model._meta.label: list(model._default_manager.order_by("pk").values_list()) for model in models}


@contextmanager
def nothing_changed() -> Iterator[None]:
    """Whatever is done in there leaves every row of ours as it was."""
    before = everything()
    yield
    after = everything()
    changed = [label for label, rows in after.items() if rows != before[label]]
    assert not changed, changed


class _Reader(HTMLParser):
    """Reads the fields of one form, or the text of what bears a class. What stands in a <template> is not there."""

    def __init__(self, form: str = "", css: str = "") -> None:
        super().__init__()
        self.form, self.css = form, css
        self.fields: dict[str, Any] = {}
        self.texts: list[str] = []
        self.hidden = 0  # depth inside <template>, <script>, <style>
        self.inside = False
        self.depth = 0  # depth inside the element whose text is read
        self.select: tuple[str, bool] | None = None
        self.area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value if value is not None else "" for name, value in attrs}
        if tag in ("template", "script", "style"):
            self.hidden += 1
        if self.hidden:
            return
        if self.css and tag not in VOID:
            if self.depth:
                self.depth += 1
            elif self.css in found.get("class", "").split():
                self.depth = 1
                self.texts.append("")
        if tag == "form":
            self.inside = self.form in (found.get("id", ""), "*")
        elif self.form in (found["form"], "*") if "form" in found else self.inside:
            self._field(tag, found)

    def _field(self, tag: str, found: dict[str, str]) -> None:
        name = found.get("name", "")
        if tag == "input" and name:
            kind = found.get("type", "text")
            if kind in ("submit", "button", "file") or (kind in ("checkbox", "radio") and "checked" not in found):
                return
            self.fields[name] = found.get("value", "on" if kind == "checkbox" else "")
        elif tag == "select" and name:
            self.select = (name, "multiple" in found)
            self.fields[name] = [] if "multiple" in found else ""
        elif tag == "option" and self.select and "selected" in found:
            name, many = self.select
            self.fields[name] = [*self.fields[name], found.get("value", "")] if many else found.get("value", "")
        elif tag == "textarea" and name:
            self.area = name
            self.fields[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("template", "script", "style"):
            self.hidden -= 1
        if self.hidden:
            return
        if tag == "select":
            self.select = None
        elif tag == "textarea":
            self.area = None
        elif tag == "form":
            self.inside = False
        if self.depth and tag not in VOID:
            self.depth -= 1

    def handle_data(self, data: str) -> None:
        if self.hidden:
            return
        if self.area is not None:
            self.fields[self.area] += data.removeprefix("\n") if not self.fields[self.area] else data
        if self.depth:
            self.texts[-1] += data


def fields_of(response: Any, form: str = "*") -> dict[str, Any]:
    """What a browser would send back of a form (by its id; "*" = all of them, the last one's field winning)."""
    reader = _Reader(form=form)
    reader.feed(response.content.decode())
    return reader.fields


def texts_of(response: Any, css: str) -> list[str]:
    """The texts of the elements of a class, blanks joined."""
    reader = _Reader(css=css)
    reader.feed(response.content.decode())
    return [" ".join(text.split()) for text in reader.texts]


_LINKS = re.compile(r'<a class="of-[^"]+" href="([^"]+)"[^>]*>([^<]+)</a>')


def line_states(response: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    """(state, links as (address, text)) of each line on a document's page."""
    page = response.content.decode().split("data-empty-row")[0]
    cells = re.findall(r'<div class="of-line-state">(.*?)</div>', page, re.DOTALL)
    return [(unescape(re.sub("<[^>]+>", "|", cell)).split("|")[1], _LINKS.findall(cell)) for cell in cells]


def address(document: Any, page: str = "change", *args: Any) -> str:
    """Address of a page of a document (an object), or of a list or a new one (a model)."""
    meta = document._meta
    ids = [] if isinstance(document, type) else [document.pk]
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=[*ids, *args])


def file_address(file: Any) -> str:
    """Address of an attached file."""
    return reverse("attached_file", args=[file.pk, file.name])


class Office:
    """One user before the back office."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self.client = Client()
        self.client.force_login(user)

    def get(self, url: str, **query: Any) -> Any:
        return self.client.get(url, query)

    def open(self, document: Any) -> dict[str, Any]:
        """The form of a document's page (of a new one for a model), as its fields."""
        page = "add" if isinstance(document, type) else "change"
        response = self.client.get(address(document, page))
        assert response.status_code == 200, response.status_code
        return fields_of(response, f"{document._meta.model_name}_form")

    def send(self, document: Any, fields: dict[str, Any]) -> Any:
        """Press « Enregistrer » on a form already open."""
        page = "add" if isinstance(document, type) else "change"
        return self.client.post(address(document, page), {**fields, "_save": "1"})

    def save(self, document: Any, **changes: Any) -> Any:
        """Open a document's page, type, save. `lines__0__quantity` is the field « lines-0-quantity »."""
        return self.send(document, typed(self.open(document), **changes))

    def act(self, document: Any, name: str, **answers: Any) -> HttpResponse:
        """Open the dialog of an action, answer, confirm."""
        url = address(document, "act", name)
        question = self.client.get(url)
        assert question.status_code == 200, question.status_code
        return self.confirm(document, name, {**fields_of(question), **answers_of(answers)})

    def open_act(self, document: Any, name: str, fields: dict[str, Any]) -> Any:
        """Open the dialog of an action from a form on which something may be typed, as the page's script does."""
        return self.client.post(address(document, "act", name), fields)

    def act_typed(self, document: Any, name: str, fields: dict[str, Any], **answers: Any) -> Any:
        """Open the dialog of an action from a form, answer, confirm."""
        question = self.open_act(document, name, fields)
        assert question.status_code == 200, question.status_code
        return self.confirm(document, name, {**fields_of(question), **answers_of(answers)})

    def confirm(self, document: Any, name: str, fields: dict[str, Any] | None = None) -> Any:
        """Confirm an action's dialog already open."""
        return self.client.post(address(document, "act", name), {"_confirmed": "1", **answers_of(fields or {})})

    def act_on_many(self, documents: list[Any], name: str, **answers: Any) -> Any:
        """Tick documents in their list, choose an action, answer, confirm."""
        url = address(type(documents[0]), "changelist")
        chosen = {"action": f"act_{name}", ACTION_CHECKBOX_NAME: [document.pk for document in documents]}
        question = self.client.post(url, chosen)
        assert question.status_code == 200, question.status_code
        return self.client.post(url, {**fields_of(question), **chosen, "_confirmed": "1", **answers_of(answers)})


def answers_of(answers: dict[str, Any]) -> dict[str, Any]:
    """The answers of a dialog by the names of its form: `on` is « act-on ». A whole form stays as it is."""
    if FORM_ALONG in answers:
        return answers
    as_sent = ("csrfmiddlewaretoken", "action")
    return {
        name if name[0] == "_" or "-" in name or name in as_sent else f"{PREFIX}-{name}": value
        for name, value in answers.items()
    }


def typed(fields: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The fields of a form after somebody typed. None unticks a box."""
    found = dict(fields)
    for name, value in changes.items():
        key = name.replace("__", "-")
        if value is None:
            found.pop(key, None)
        else:
            found[key] = (
                value.pk if hasattr(value, "_meta") else value if isinstance(value, int) else localize_input(value)
            )
    return found


def new_line(fields: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The fields of a form after « Ajouter une ligne » and what was typed in it."""
    index = int(fields["lines-TOTAL_FORMS"])
    row = {"position": index + 1, "kind": "article", "quantity": "1", "discount": "", "label": "", "tax": ""}
    return typed(
        fields,
        **{f"lines__{index}__{name}": value for name, value in {**row, **values}.items()},
        lines__TOTAL_FORMS=index + 1,
    )


def refusal(response: Any) -> str:
    """The sentence that says no: in a dialog, or at the head of a form."""
    assert response.status_code in (200, 409), response.status_code
    dialog = texts_of(response, "of-refusal")
    if dialog:
        return dialog[0]
    form = response.context["adminform"].form
    return " ".join(form.non_field_errors())


def errors_of(response: Any) -> dict[str, list[str]]:
    """{field: sentences} of a form that was not accepted; « lines-0-quantity » for a line's."""
    found = {name: list(errors) for name, errors in response.context["adminform"].form.errors.items()}
    for inline in response.context["inline_admin_formsets"]:
        for form in inline.formset.forms:
            found |= {f"{form.prefix}-{name}": list(errors) for name, errors in form.errors.items()}
    return found


def report(response: Any) -> list[tuple[str, str]]:
    """(document, what became of it) of an act on many: « » when done, else the refusal."""
    return [(str(outcome.document), outcome.refusal) for outcome in response.context["outcomes"]]
