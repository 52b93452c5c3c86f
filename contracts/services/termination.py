"""« Résilier »: the service stops on a day."""

from collections.abc import Sequence
from datetime import date

from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractState
from contracts.models import Contract, ContractRequest, PeriodClaim
from contracts.models.lines import billed_per_visit
from contracts.services.days_served import exceptions_left_out
from contracts.services.locks import lock_contract
from contracts.services.next_dates import rewrite_due
from contracts.services.visits import cancel_visits, with_kept_visits
from interventions.models import InterventionRequest
from interventions.services.promises import stop_covering
from invoicing.services.records.history import move
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import money_text


def terminate_contract(
    contract: Contract, *, last_day: date, reason: str, seen: int | None = None, on: date, by: By
) -> Contract:
    """« Résilier » at `last_day`, the last day served. Later visits without an open RDV are cancelled.

    Those that are kept are no longer covered, unless the contract bills them visit by visit. What falls due until then
    is still billed; the journal names what is billed beyond, which is not refunded, and the exceptions left out.
    """
    with atomic():
        contract = lock_contract(contract, seen=seen)
        if last_day < contract.start_on:
            raise BusinessError(
                _("%(contract)s commence le %(start)s : le dernier jour servi ne le précède pas.")
                % {"contract": contract, "start": date_format(contract.start_on, "d/m/Y")}
            )
        if not contract.auto_renew and contract.end_on and last_day > contract.end_on:
            raise BusinessError(
                _("%(contract)s finit déjà le %(end)s : choisissez un jour avant.")
                % {"contract": contract, "end": date_format(contract.end_on, "d/m/Y")}
            )
        contract.terminated_on, contract.termination_reason = last_day, reason[:200]
        kept = cancel_visits(ContractRequest.objects.filter(line__contract=contract), after=last_day, on=on, by=by)
        _uncover(kept, contract, last_day, by=by)
        text = with_kept_visits(_("Résilié au %s") % date_format(last_day, "d/m/Y"), kept)
        move(
            contract,
            ContractState.TERMINATED,
            by=by,
            act="terminated",
            text=". ".join(filter(None, (text, _beyond(contract, last_day), exceptions_left_out(contract)))),
            save=("terminated_on", "termination_reason"),
        )
        rewrite_due([contract.pk], on=on)
    return contract


def _uncover(kept: Sequence[InterventionRequest], contract: Contract, last_day: date, *, by: By) -> None:
    """Uncover the visits kept after the last day served: no period pays for them, so their DI bills them.

    A visit of a line billed per visit is still billed by the contract, once it is done.
    """
    requests = ContractRequest.objects.filter(intervention__in=kept).exclude(billed_per_visit("line__"))
    values = {"contract": contract, "day": date_format(last_day, "d/m/Y")}
    reason = _("%(contract)s résilié au %(day)s : ses lignes ne sont plus couvertes, elles se facturent ici") % values
    stop_covering(dict.fromkeys(requests.values_list("intervention", flat=True), str(reason)), by=by)


def _beyond(contract: Contract, last_day: date) -> str:
    billed = (
        PeriodClaim.objects.live()
        .filter(Q(invoice_line__isnull=False), article__line__contract=contract, end__gt=last_day)
        .order_by("-end")
        .first()
    )
    if billed is None or billed.invoice_line is None or (billed.end - last_day).days <= 1:
        return ""
    return str(
        _("Déjà facturé jusqu'au %(day)s (%(net)s HT de la dernière ligne) : faites un avoir si besoin.")
        % {
            "day": date_format(date.fromordinal(billed.end.toordinal() - 1), "d/m/Y"),
            "net": money_text(billed.invoice_line.net, contract.company.currency),
        }
    )
