"""New customers, with their addresses."""

from collections.abc import Iterable, Mapping

from invoicing.models import Address, Partner
from invoicing.services.records.saving import save_record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic


def create_customer(values: Mapping[str, object], *, addresses: Iterable[Mapping[str, object]] = (), by: By) -> Partner:
    """Save a new customer with its addresses, and return it. Raises as `save_record` does, and saves nothing."""
    with atomic():
        partner = save_record(Partner(), values=values, by=by)
        for address in addresses:
            save_record(Address(), values={**address, "partner": partner}, by=by)
    return partner
