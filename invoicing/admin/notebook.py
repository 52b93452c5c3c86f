"""The layout of a record's page: header, notebook at the left, summary at the right."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from openfire_billing.web.contributions import contributions_to
from openfire_billing.web.summary import Heading, heading_of


class NotebookMixin:
    """A page with a header that names the record, a notebook, and the other fields read as text.

    The fields of a new record stand above the notebook.

    `notebook`: (slug, title, members), in order; a member is a fieldset of the class "notebook" by its name, or an
    inline by "inline:PREFIX". Upper apps contribute more pages.
    """

    change_form_template = "admin/document_form.html"
    notebook: Sequence[tuple[str, Any, Sequence[Any]]] = ()
    opened_tab = ""  # where the work is; the first tab without it
    has_fields_first = True  # a saved record without lines shows its fields above the notebook, not at its right

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context: dict[str, Any] = super().page_context(request, object_id)  # type: ignore[misc]
        document = self.get_object(request, object_id) if object_id else None  # type: ignore[attr-defined]
        if document is None:
            return context | {"office_opened_tab": self.opened_tab}
        return context | {
            "office_fields_first": self.has_fields_first,
            "office_fields_lead": self.is_visit_ahead(document),
            "office_heading": self.heading(document),
            "office_tabs": self.tabs(request, document),
            "office_opened_tab": self.tab_opened_for(request.user, document),
        }

    def tab_opened_for(self, user: Any, document: Any) -> str:
        """Return the page of the notebook on which a saved record opens; "" for the first."""
        return self.opened_tab

    def is_visit_ahead(self, document: Any) -> bool:
        """Return whether work on site is still to be done: a narrow screen then shows the fields above the notebook."""
        return False

    def heading(self, document: Any) -> Heading:
        """Return what names the record in the header of its page."""
        return heading_of(document)

    def tabs(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        """Return the pages of the notebook that upper apps contribute."""
        return [
            notebook_page(tab.slug, tab.title, tab.template, tab.context(document, request.user), order=tab.order)
            for tab in contributions_to(self.model).tabs  # type: ignore[attr-defined]
        ]


def tab_of_work(user: Any, document: Any) -> str:
    """Return where a DI opens: on what is to be done, if it is written, for who does not bill; else on its lines."""
    return "description" if document.description and not user.has_perm("invoicing.bill") else "billing"


def notebook_page(slug: str, title: Any, template: str, context: dict[str, Any], *, order: int = 100) -> dict[str, Any]:
    """Return a page of a notebook that is rendered from a template. `order`: the pages of a class are 10, 20, 30…"""
    page = {"slug": slug, "title": title, "template": template, "context": context, "order": order}
    return page | {"items": [], "errors": 0}
