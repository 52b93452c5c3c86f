"""Locks of DIs: each act locks the DI, then all its quotes, live or not."""

from collections.abc import Collection, Iterable

from django.utils.translation import gettext_lazy as _

from interventions.models import InterventionRequest, QuotedLine
from invoicing.models import Quote
from invoicing.services.records.history import refuse_stale
from openfire_billing.db.locks import Wanted, lock, lockable
from openfire_billing.kernel.errors import BusinessError


def _quotes_of(interventions: Collection[int]) -> Wanted:
    """All the quotes that hold or held lines of these DIs."""
    quotes = QuotedLine.objects.filter(request_line__intervention__in=interventions)
    return {Quote: set(quotes.order_by().values_list("quote_line__quote", flat=True))}


lockable(
    InterventionRequest,
    "intervention",
    rows=lambda: InterventionRequest.objects.select_related(
        "company", "partner__bill_to", "bill_to", "address", "task", "fiscal_position", "template"
    ),
    first=_quotes_of,
)


def lock_interventions(interventions: Iterable[InterventionRequest]) -> list[InterventionRequest]:
    """Lock DIs and their quotes; those that are gone are left out."""
    ids = {intervention.pk for intervention in interventions}
    return [row for pk, row in lock(lambda: {InterventionRequest: ids})[InterventionRequest].items() if pk in ids]


def lock_intervention(intervention: InterventionRequest, *, seen: int | None = None) -> InterventionRequest:
    """Lock one DI and its quotes. Raises BusinessError when it is gone, StaleForm when it changed since `seen`."""
    locked = lock_interventions([intervention])
    if not locked:
        raise BusinessError(_("Cette DI n'existe plus : elle a été supprimée entre-temps. Revenez à la liste."))
    if seen is not None:
        refuse_stale(locked[0], seen)
    return locked[0]
