"""The column of what a contract or one of its lines is worth a year."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext_lazy as _

from contracts.models import Contract
from openfire_billing.web.columns import column
from openfire_billing.web.tags import euros, nothing, on_right


def yearly_column(contract_of: Callable[[Any], Contract]) -> Any:
    """Make a display method for `yearly_net` of a record, « 180,00 € / an ». `contract_of` gives its contract."""

    @column(_("HT par an"), export=lambda record: record.yearly_net)
    def shown(model_admin: Any, record: Any) -> Any:
        net = record.yearly_net
        return on_right(_("%s / an") % euros(net, contract_of(record).company.currency)) if net else nothing()

    return shown
