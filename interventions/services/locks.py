"""Locks of DIs: each act locks the DI, then all its quotes, live or not.

The acts that take a DI back, or finish it, lock first what promised it; saving it locks nothing more.
"""

from collections.abc import Collection, Iterable

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from interventions.models import AddressSector, InterventionRequest, Promise, QuotedLine
from invoicing.models import Quote
from invoicing.models.documents.claims import sources_of
from invoicing.services.records.history import refuse_stale
from openfire_billing.db.locks import Wanted, lock, lock_rows, lockable
from openfire_billing.kernel.errors import BusinessError


def _quotes_of(interventions: Collection[int]) -> Wanted:
    """Return all the quotes that hold or held lines of these DIs."""
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


def promises_of(interventions: Collection[int]) -> Wanted:
    """Return the documents that promised these DIs."""
    found: dict[type[Model], set[int]] = {}
    for promise, sources in sources_of(Promise.children(), intervention__in=interventions).items():
        found.setdefault(promise.source_model(), set()).update(sources)
    return found


def lock_interventions(
    interventions: Iterable[InterventionRequest], *, promises: bool = False
) -> list[InterventionRequest]:
    """Lock DIs and their quotes; with `promises`, the documents that promised them first. DIs that are gone are left
    out.
    """
    ids = {intervention.pk for intervention in interventions}

    def find() -> Wanted:
        return {InterventionRequest: ids, **(promises_of(ids) if promises else {})}

    return [row for pk, row in lock(find)[InterventionRequest].items() if pk in ids]


def lock_intervention(
    intervention: InterventionRequest, *, seen: int | None = None, promises: bool = False
) -> InterventionRequest:
    """Lock one DI and its quotes; with `promises`, the documents that promised it first.

    Raises BusinessError when it is gone, StaleForm when it changed since `seen`.
    """
    locked = lock_interventions([intervention], promises=promises)
    if not locked:
        raise BusinessError(_("Cette DI n'existe plus : elle a été supprimée entre-temps. Revenez à la liste."))
    if seen is not None:
        refuse_stale(locked[0], seen)
    return locked[0]


def lock_found_sectors(addresses: Collection[int]) -> None:
    """Lock the sectors that « Actualiser les secteurs » wrote of these addresses: an act that locks nothing else."""
    lock_rows(AddressSector.objects.filter(is_manual=False, address__in=addresses))
