"""Helpers of pages with a PDF: opening it, and the amounts of read-only lines."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest

from openfire_billing.kernel.formats import number_text
from openfire_billing.kernel.money import line_gross


def open_paper(model_admin: Any, request: HttpRequest, object_id: str) -> Any:
    """Return the document of a PDF address. Raises Http404, or PermissionDenied when the user may not see it."""
    document = model_admin.get_object(request, object_id)
    if document is None:
        raise Http404
    if not model_admin.has_view_permission(request, document):
        raise PermissionDenied
    return document


def paper_response(content: bytes, name: str) -> FileResponse:
    """Answer a PDF for the browser to show."""
    response = FileResponse(BytesIO(content), content_type="application/pdf", filename=f"{name.replace('/', '-')}.pdf")
    response["Content-Disposition"] = f'inline; filename="{name.replace("/", "-")}.pdf"'
    return response


def amounts_of_lines(lines: Iterable[Any], rounding: str) -> dict[int, dict[str, str]]:
    """Return {line id: {net, gross}} as texts, for read-only lines."""
    amounts = {}
    for line in lines:
        if line.is_article and line.tax:
            net = line.net_amount(rounding)
            amounts[line.pk] = {"net": number_text(net), "gross": number_text(line_gross(net, line.tax.rate, rounding))}
    return amounts
