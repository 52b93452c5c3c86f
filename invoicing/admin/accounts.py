"""Pages of the ledger, read-only."""

from collections.abc import Collection
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from invoicing.admin.base import OfficeAdmin
from invoicing.admin.lists import Table
from invoicing.models import Entry, EntryLine
from openfire_billing.web.columns import amount_column


class EntryLineInline(TabularInline):
    model = EntryLine
    extra = 0
    fields = ("account", "partner", "label", "debit", "credit")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


@admin.register(Entry)
class EntryAdmin(OfficeAdmin):
    has_journal = False
    list_display = ("number", "on", "journal", "document", "label", "amount_text")
    list_card = ("amount_text", "label", "journal", "document", "on")
    list_filter = ("journal",)
    search_fields = ("number", "document", "label")
    list_select_related = ("journal",)
    date_hierarchy = "on"
    inlines = (EntryLineInline,)
    empty_text = _("Les écritures naissent de la validation des factures et des paiements.")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("lines")

    def table_of(self, queryset: Any, *, but: Collection[str] = ()) -> Table:
        """Return a row for each line of an entry, in the order of writing, for the accountant's software."""
        lines = EntryLine.objects.filter(entry__in=queryset).select_related("entry__journal", "partner")
        titles = ("Date", "Journal", "Numéro", "Pièce", "Compte", "Auxiliaire", "Libellé", "Débit", "Crédit")
        rows = (
            [
                line.entry.on,
                line.entry.journal.code,
                line.entry.number,
                line.entry.document,
                line.account,
                str(line.partner or ""),
                line.label,
                line.debit,
                line.credit,
            ]
            for line in lines.order_by("entry__on", "entry", "pk").iterator(chunk_size=1000)
        )
        return list(titles), rows

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission

    amount_text = amount_column(_("Montant"), lambda entry: sum(line.debit for line in entry.lines.all()))
