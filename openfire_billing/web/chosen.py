"""What the confirmation of an act on many documents shows of them: customers, amounts, the total."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from openfire_billing.kernel.formats import money_text

MOST_NAMED = 20


def amounts_of(model_admin: Any, documents: Sequence[Any], *, with_amounts: bool) -> dict[str, Any]:
    """Return `chosen`, (document, customer, amount) of the first ones, `chosen_left`, how many more there are, and
    `chosen_total`, the total of all; "" over several currencies or without amounts.

    `with_amounts`: whether the act is about the total of each document, not about a part of it.
    """
    lead = getattr(model_admin, "list_lead", "")
    amounts = [(document, model_admin.gross_of(document) if with_amounts else None) for document in documents]
    currencies = {_currency_of(document) for document, gross in amounts if gross is not None}
    total = sum((gross for _document, gross in amounts if gross is not None), Decimal(0))
    return {
        "chosen": [
            (
                document,
                getattr(document, lead) if lead else "",
                "" if gross is None else money_text(gross, _currency_of(document)),
            )
            for document, gross in amounts[:MOST_NAMED]
        ],
        "chosen_left": max(len(documents) - MOST_NAMED, 0),
        "chosen_total": money_text(total, currencies.pop()) if len(currencies) == 1 else "",
    }


def _currency_of(document: Any) -> str:
    return str(getattr(document, "currency", None) or document.company.currency)
