"""Acts on a DI are checked by what promised it first."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from django.db.models import Exists, OuterRef, Q

from interventions.models import InterventionRequest, RequestLine
from interventions.models.promises import Promise, PromiseAct
from interventions.services.locks import lock_interventions
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.versions import raise_version


def check_promises(interventions: Iterable[InterventionRequest], act: PromiseAct, *, by: By) -> None:
    """Refuse an act that breaks a promise of these DIs; uncover the lines that are no longer covered.

    The DIs are locked with what promised them. Raises BusinessError.
    """
    ids = sorted(intervention.pk for intervention in interventions)
    for promise in Promise.children():
        stop_covering(promise.check_act(ids, act), by=by)


def last_days_of(interventions: Collection[int]) -> dict[int, date]:
    """Return {id of a DI: the last day that what promised it is served}, of those that have an end. One query for each
    kind of promise.
    """
    return {pk: day for promise in Promise.children() for pk, day in promise.last_days(interventions).items()}


def is_visit() -> Q:
    """Return the condition of a DI to be a visit that was foreseen: of a contract, not a call-out."""
    found = Q(pk__in=())
    for promise in Promise.children():
        found |= Q(Exists(promise.visits().filter(intervention=OuterRef("pk"))))
    return found


def stop_covering(reasons: Mapping[int, str], *, by: By) -> None:
    """Uncover the covered lines of these DIs, so that their DI bills them. `reasons`: by DI id, for its journal."""
    if not reasons:
        return
    for intervention in lock_interventions(InterventionRequest.objects.filter(pk__in=reasons)):
        RequestLine.objects.filter(intervention=intervention, covered=True).update(covered=False)
        raise_version(intervention)
        record(intervention, "uncovered", by=by, text=reasons[intervention.pk])
