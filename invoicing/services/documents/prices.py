"""The unit price of a line as it was typed: with tax, or negative for a fixed deduction."""

from decimal import Decimal
from typing import cast

from django.utils.translation import gettext as _

from invoicing.models import BillableLine, Company
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import money_text, number_text
from openfire_billing.kernel.money import IncludingTax, price_without_tax


def settle_price(line: BillableLine, company: Company) -> None:
    """Replace a price typed with tax by the one without, at the tax of the line; check a deduction. Does not save.

    Raises BusinessError: the line cannot be worth that price to the cent, a deduction with a discount or a negative
    quantity.
    """
    typed = cast("Decimal | IncludingTax", line.unit_price)
    if isinstance(typed, IncludingTax):
        line.unit_price = _without_tax(line, typed.amount, company)
    if line.unit_price >= 0:
        return
    if line.discount:
        raise BusinessError(
            _("« %s » : une remise fixe (prix négatif) n'a pas de remise en %%. Laissez « Remise %% » à 0.") % line
        )
    if line.quantity < 0:
        raise BusinessError(
            _("« %s » : une remise fixe (prix négatif) a une quantité positive. Ôtez l'un des deux signes moins.")
            % line
        )


def _without_tax(line: BillableLine, price: Decimal, company: Company) -> Decimal:
    assert line.tax is not None
    found = price_without_tax(
        price, line.tax.rate, quantity=line.quantity, discount=line.discount, rounding=company.rounding
    )
    if found.is_exact:
        return found.unit_price
    raise BusinessError(
        _(
            "« %(line)s » : avec %(rate)s %% de TVA, la ligne ne peut pas valoir %(wanted)s TTC au centime : elle vaut "
            "%(below)s ou %(above)s. Changez le prix TTC, ou tapez le prix HT."
        )
        % {
            "line": line,
            "rate": number_text(line.tax.rate, 0),
            "wanted": money_text(found.wanted, company.currency),
            "below": money_text(found.below, company.currency),
            "above": money_text(found.above, company.currency),
        }
    )
