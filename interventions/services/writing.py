"""Write many validated DIs: rows, lines, numbers and journal in a constant number of statements."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext as _

from interventions.choices import InterventionState
from interventions.models import InterventionRequest, RequestLine
from invoicing.services.catalogue import take_numbers
from invoicing.services.records.history import write_lines
from openfire_billing.db import bulk
from openfire_billing.db.people import By
from openfire_billing.db.stamps import STAMP

_COLUMNS = [field.attname for field in InterventionRequest._meta.concrete_fields if field.name != STAMP]
_LINE_COLUMNS = [field.attname for field in RequestLine._meta.concrete_fields if not field.primary_key]


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A DI to write: unsaved, filled and checked (`new_intervention`, `new_lines`).

    `act`, `text`: a line of its journal, between those of its creation and of its validation.
    """

    intervention: InterventionRequest
    lines: Sequence[RequestLine]
    act: str
    text: str


def write_validated(requests: Sequence[NewRequest], *, by: By, at: datetime) -> None:
    """Write DIs, numbered and ready to be planned; the instances receive id, number and state.

    The caller holds the transaction. The counters of their companies are locked, by company, last of all.
    """
    _number(requests)
    author, kind = by.pk if by else None, ContentType.objects.get_for_model(InterventionRequest).pk
    created, validated = _("DI créée"), _("DI validée sous le numéro %s")
    lines: list[list[object]] = []
    history: list[tuple[object, ...]] = []
    ids = bulk.take_ids(InterventionRequest, len(requests))
    for pk, request in zip(ids, requests, strict=True):
        intervention = request.intervention
        intervention.pk, intervention.state, intervention.created_at = pk, InterventionState.TO_PLAN, at
        for line in request.lines:
            line.intervention_id = pk
            lines.append([getattr(line, name) for name in _LINE_COLUMNS])
        history += [
            (kind, pk, intervention.company_id, "created", created, {}, author, at),
            (kind, pk, intervention.company_id, request.act, request.text, {}, author, at),
            (kind, pk, intervention.company_id, "validated", validated % intervention.number, {}, author, at),
        ]
    bulk.insert(InterventionRequest, _COLUMNS, [[getattr(r.intervention, name) for name in _COLUMNS] for r in requests])
    bulk.insert(RequestLine, _LINE_COLUMNS, lines)
    write_lines(history)


def _number(requests: Sequence[NewRequest]) -> None:
    by_company: dict[int, list[InterventionRequest]] = defaultdict(list)
    for request in requests:
        by_company[request.intervention.company_id].append(request.intervention)
    for _pk, interventions in sorted(by_company.items()):
        numbers = take_numbers(interventions[0].company, "DI", len(interventions))
        for intervention, number in zip(interventions, numbers, strict=True):
            intervention.number = number
