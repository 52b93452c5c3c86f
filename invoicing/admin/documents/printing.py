"""« Imprimer en un seul PDF »: few stored papers are answered at once, others are joined by a worker, with a page that shows how far it is."""

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from invoicing.admin.documents.paper import paper_response
from invoicing.choices import PrintState
from invoicing.models import Invoice, PrintJob
from invoicing.paper.pdf import invoice_pdf, one_file
from invoicing.services.documents.prints import is_quick, order_print, refuse_too_many
from openfire_billing.web.refusals import refusals_shown
from openfire_billing.web.tags import badge
from openfire_billing.web.users import user_of


class PrintingMixin:
    """Gives the page of invoices the act « Imprimer en un seul PDF » of the list, and the page of a print."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Add « Imprimer », which asks no question."""
        actions = super().get_actions(request)  # type: ignore[misc]
        if self.has_view_permission(request):  # type: ignore[attr-defined]
            act = (lambda _admin, request, chosen: self.print_many(request, chosen), "print_many")
            actions["print_many"] = (*act, _("Imprimer en un seul PDF"))
        return actions

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view  # type: ignore[attr-defined]
        name = "invoicing_print"
        return [
            path("prints/<int:pk>/", view(self.print_view), name=name),
            path("prints/<int:pk>/progress/", view(self.progress_view), name=f"{name}_progress"),
            path("prints/<int:pk>/file/", view(self.file_view), name=f"{name}_file"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def print_many(self, request: HttpRequest, invoices: QuerySet[Invoice]) -> HttpResponse | FileResponse | None:
        """Answer the PDFs of invoices in one file, or the page of the print that a worker does."""
        with refusals_shown(request):
            refuse_too_many(invoices.count())  # before they are loaded
            chosen = list(invoices)
            if is_quick(chosen):
                return paper_response(one_file(invoice_pdf(invoice) for invoice in chosen), "Factures")
            job = order_print(chosen, by=user_of(request))
            return HttpResponseRedirect(reverse("admin:invoicing_print", args=[job.pk]))
        return None

    def print_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show how far a print is, and its file."""
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": Invoice._meta,
            "title": _("Impression de factures"),
            **_progress_of(self._own_job(request, pk)),
        }
        return TemplateResponse(request, "invoicing/print.html", context)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the part of the page that is refreshed while the worker prints."""
        return render(request, "invoicing/print_progress.html", _progress_of(self._own_job(request, pk)))

    def file_view(self, request: HttpRequest, pk: int) -> FileResponse:
        """Answer the file of a print."""
        job = self._own_job(request, pk)
        content = PrintJob.objects.values_list("content", flat=True).get(pk=job.pk)
        if content is None:
            raise Http404
        return paper_response(bytes(content), "Factures")

    def _own_job(self, request: HttpRequest, pk: int) -> PrintJob:
        """Return a print of the user, without its file.

        Raises Http404 for another one, one forgotten since, or one with an invoice that the user may no longer see.
        """
        job = PrintJob.objects.filter(user=user_of(request), pk=pk).defer("content").first()
        if job is None or not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise Http404
        seen = self.get_queryset(request).order_by().values("pk")  # type: ignore[attr-defined]
        if Invoice.objects.filter(pk__in=job.documents).exclude(pk__in=seen).exists():
            raise Http404
        return job


def _progress_of(job: PrintJob) -> dict[str, Any]:
    return {
        "job": job,
        "job_badge": badge(PrintState.colours[job.state], job.get_state_display()),
        "progress_url": reverse("admin:invoicing_print_progress", args=[job.pk]),
        "file_url": reverse("admin:invoicing_print_file", args=[job.pk]) if job.state == PrintState.DONE else "",
        "list_url": reverse("admin:invoicing_invoice_changelist"),
    }
