"""What the page of a DI or of an RDV says of its customer."""

from typing import Any

from django.contrib import admin
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext_lazy as _

from openfire_billing.web.summary import broken_after_at

CUSTOMER_FACTS = ("customer_email", "store_code", "customer_tags")
_NOTHING = "–"


class CustomerFactsMixin:
    """Read-only fields of the `partner` of a document."""

    @admin.display(description=_("E-mail"))
    def customer_email(self, document: Any) -> Any:
        return broken_after_at(document.partner.email if document.partner_id else "") or _NOTHING

    @admin.display(description=_("Code magasin"))
    def store_code(self, document: Any) -> str:
        return (document.partner.store_code if document.partner_id else "") or _NOTHING

    @admin.display(description=_("Étiquettes client"))
    def customer_tags(self, document: Any) -> str:
        if not document.partner_id:
            return _NOTHING
        prefetch_related_objects([document.partner], "tags")  # a page reads them several times
        tags = document.partner.tags.all()
        return ", ".join(tag.name for tag in tags) or _NOTHING
