"""Acts on a DI ask what promised it first."""

from collections.abc import Iterable, Mapping
from typing import Any

from interventions.models import InterventionRequest, RequestLine
from interventions.models.claims import lock_interventions
from interventions.models.promises import Promise, PromiseAct
from invoicing.models.documents.claims import children_of
from invoicing.services.records.history import record


def ask_promises(interventions: Iterable[InterventionRequest], act: PromiseAct, *, by: Any) -> None:
    """Lock what promised these DIs, then check that they keep it. First of all in the act: contracts are locked before DIs.

    Raises BusinessError when the act is refused.
    """
    ids = sorted(intervention.pk for intervention in interventions)
    lock_promises(ids)
    check_promises(ids, act, by=by)


def lock_promises(ids: Iterable[int]) -> None:
    """Lock what promised these DIs (ids)."""
    wanted = sorted(ids)
    for promise in children_of(Promise):
        promise.lock(wanted)


def check_promises(ids: Iterable[int], act: PromiseAct, *, by: Any) -> None:
    """Refuse an act that breaks what was promised of these DIs (ids); uncover the lines that are covered no longer."""
    wanted = sorted(ids)
    for promise in children_of(Promise):
        stop_covering(promise.check_act(wanted, act), by=by)


def stop_covering(reasons: Mapping[int, str], *, by: Any) -> None:
    """The covered lines of these DIs are billed by their DI from now on. `reasons`: by DI id, for its journal."""
    if not reasons:
        return
    for intervention in lock_interventions(InterventionRequest.objects.filter(pk__in=reasons)):
        record(intervention, "uncovered", by=by, text=reasons[intervention.pk])
    RequestLine.objects.filter(intervention__in=reasons, covered=True).update(covered=False)
