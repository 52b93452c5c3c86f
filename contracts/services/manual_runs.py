"""Runs started by somebody: over all that is due, over a selection, over what another run set aside."""

from collections.abc import Sequence
from datetime import date

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from contracts.choices import RunState
from contracts.models import BillingRun, Contract
from contracts.services.runs import finish_run, remaining, start_run
from contracts.services.takeover import STILL, hand_out
from invoicing.models import Company
from invoicing.services.records.shared import works_for_all
from openfire_billing.db.people import By
from openfire_billing.kernel.errors import BusinessError


def start_manual(
    *,
    on: date,
    by: By,
    is_dry: bool = False,
    force: bool = False,
    selection: list[int] | None = None,
    key: str | None = None,
) -> BillingRun:
    """Start a run and hand its chunks to the workers; its page shows its progress. `key`: as for `start_run`."""
    earlier = BillingRun.objects.filter(key=key).first() if key else None
    if earlier is not None and not earlier.is_still(STILL):
        return earlier  # its chunks are queued already, or done
    return hand_out(start_run(on=on, by=by, is_dry=is_dry, force=force, selection=selection, key=key))


def selection_of(user: User, *, on: date, contracts: Sequence[int] | None = None) -> list[int] | None:
    """Return the ids of the contracts that a run asked for by `user` looks at: those given, else those due.

    Only contracts of his companies. None = all those due, when he works for every company.
    """
    wanted = Contract.objects.filter(company__in=Company.objects.visible_to(user))
    if contracts is not None:
        return sorted(wanted.filter(pk__in=contracts).values_list("pk", flat=True))
    return None if works_for_all(user) else sorted(wanted.due(on).values_list("pk", flat=True))


def retry_run(run: BillingRun, *, on: date, by: User, key: str | None = None) -> BillingRun:
    """Start another run over what this one set aside, or left when it stopped. `key`: as for `start_run`."""
    if run.is_running and not run.is_still(STILL):
        raise BusinessError(_("%s est en cours : attendez sa fin.") % run)
    ids = list(run.outcomes.filter(result="refused").values_list("contract_id", flat=True))
    ids += list(remaining(run).values_list("pk", flat=True)) if run.state != RunState.DONE else []
    ids = selection_of(by, on=on, contracts=ids) or []
    if not ids:
        raise BusinessError(_("%s n'a rien mis de côté : rien à réessayer.") % run)
    if run.is_running:
        finish_run(run, state=RunState.SHORT)
    return start_manual(on=on, by=by, selection=ids, key=key)
