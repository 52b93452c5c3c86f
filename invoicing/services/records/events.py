"""Events of webhooks: what the journal writes, for the endpoints that listen, in the transaction of the act."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import uuid4

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model

from invoicing.choices import DeliveryState
from invoicing.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from openfire_billing.celery import app
from openfire_billing.db import bulk
from openfire_billing.db.areas import PROGRAMS, area_of
from openfire_billing.db.transactions import atomic, on_commit
from openfire_billing.db.versions import Versioned

EVENT_COLUMNS = ("id", "key", "kind", "content_type_id", "object_id", "version", "at")
DELIVERY_COLUMNS = (
    "endpoint_id", "event_id", "content_type_id", "object_id", "state", "attempts", "next_try_at", "error",
)  # fmt: skip
Act = tuple[int, int, int | None, str, datetime]  # content type, document, company, act, moment


def note_events(acts: Iterable[Act]) -> None:
    """Write an event for each act that an endpoint listens to, and its deliveries, in bulk.

    An act on a record that companies share is told to the endpoints of every company. The caller holds the transaction.
    """
    endpoints = list(WebhookEndpoint.objects.listening().values_list("pk", "company_id", "areas"))
    if not endpoints:
        return
    heard: list[tuple[Act, list[int]]] = []
    for act in acts:
        kind, _pk, company, _name, _at = act
        model = ContentType.objects.get_for_id(kind).model_class()
        area = area_of(model) if model else ""
        if not area or area == PROGRAMS:
            continue
        listeners = [pk for pk, owner, areas in endpoints if company in (None, owner) and (not areas or area in areas)]
        if listeners:
            heard.append((act, listeners))
    if heard:
        with atomic():
            _write(heard)
            wake_after_commit()


def _write(heard: Sequence[tuple[Act, Sequence[int]]]) -> None:
    """Write the events and their deliveries."""
    versions = _versions(act for act, _listeners in heard)
    events, deliveries = [], []
    for pk, ((kind, document, _company, name, at), listeners) in zip(
        bulk.take_ids(WebhookEvent, len(heard)), heard, strict=True
    ):
        model = ContentType.objects.get_for_id(kind).model
        events.append((pk, uuid4(), f"{model}.{name}", kind, document, versions.get((kind, document)), at))
        deliveries += [(one, pk, kind, document, DeliveryState.WAITING.value, 0, at, "") for one in listeners]
    bulk.insert(WebhookEvent, EVENT_COLUMNS, events)
    bulk.insert(WebhookDelivery, DELIVERY_COLUMNS, deliveries)


def _versions(acts: Iterable[Act]) -> dict[tuple[int, int], int]:
    """Return {(content type, document): version}, with one query for each model that has versions."""
    documents: dict[int, set[int]] = defaultdict(set)
    for kind, document, *_rest in acts:
        documents[kind].add(document)
    found: dict[tuple[int, int], int] = {}
    for kind, keys in documents.items():
        model: type[Model] | None = ContentType.objects.get_for_id(kind).model_class()
        if model is not None and issubclass(model, Versioned):
            rows = model._default_manager.filter(pk__in=keys).values_list("pk", "version")
            found |= {(kind, pk): version for pk, version in rows}
    return found


def _wake() -> None:
    app.send_task("invoicing.tasks.deliver_webhooks")


def wake_after_commit() -> None:
    """Queue one task that sends what is due, when the transaction commits, however often it is asked for."""
    if all(waiting[1] is not _wake for waiting in connection.run_on_commit):
        on_commit(_wake, robust=True)
