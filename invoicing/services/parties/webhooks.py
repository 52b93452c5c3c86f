"""Webhooks: endpoints made, stopped and resumed; deliveries sent in order, tried again, replayed, forgotten."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from invoicing.choices import DeliveryState
from invoicing.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from invoicing.services.locks import lock_record
from invoicing.services.records.events import wake_after_commit
from invoicing.services.records.follow_ups import add_follow_up
from invoicing.services.records.history import record
from invoicing.services.records.messages import queue_message
from invoicing.services.records.saving import save_record
from openfire_billing.db.fields import new_link_key
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.outgoing import AddressRefused, NoAnswer, post, refuse_address

# Waits between the tries of a delivery: eight tries over a day.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 780))
MOST_TRIES = len(WAITS) + 1
LEASE = timedelta(minutes=1)  # a worker has a delivery for so long: more than a request may last
PAUSE = timedelta(seconds=30)  # without an answer, an endpoint is left alone: the others do not wait for it
KEPT = timedelta(days=30)  # what was received or given up is forgotten after so long


def save_endpoint(
    endpoint: WebhookEndpoint | None, values: Mapping[str, object], *, seen: int | None = None, by: By
) -> WebhookEndpoint:
    """Save an endpoint. Raises ValidationError; AddressRefused for an address that nothing is sent to; StaleForm."""
    if "url" in values:
        refuse_address(str(values["url"]))
    return save_record(endpoint or WebhookEndpoint(owner=by), values=values, seen=seen, by=by)


def secret_of(endpoint: WebhookEndpoint) -> str:
    """Return the secret that signs what is sent to an endpoint. It is derived: the database alone does not give it."""
    return "whsec_" + salted_hmac("webhooks", f"{endpoint.pk}.{endpoint.nonce}", algorithm="sha256").hexdigest()


def renew_secret(endpoint: WebhookEndpoint, *, seen: int | None = None, by: By) -> WebhookEndpoint:
    """Give an endpoint another secret: the old one signs nothing any more. Raises StaleForm."""
    return _written(endpoint, {"nonce": new_link_key()}, "secret_renewed", _("Nouveau secret"), seen=seen, by=by)


def stop_endpoint(endpoint: WebhookEndpoint, *, seen: int | None = None, by: By) -> WebhookEndpoint:
    """Stop an endpoint: it is told nothing more, and what waits stays. Raises BusinessError when it is stopped, StaleForm."""
    values = {"stopped_at": timezone.now(), "stop_reason": str(_("Arrêté par %s") % by)}
    return _written(endpoint, values, "stopped", _("Webhook arrêté"), is_listening=True, seen=seen, by=by)


def resume_endpoint(endpoint: WebhookEndpoint, *, seen: int | None = None, by: By) -> WebhookEndpoint:
    """Resume a stopped endpoint: what had failed or waited is sent, in its order.

    What happened meanwhile was written for nobody: the program reads it by `updated_after`. Raises BusinessError when it
    listens, StaleForm.
    """
    with atomic():
        values = {"stopped_at": None, "stop_reason": "", "not_before": None}
        resumed = _written(endpoint, values, "resumed", _("Webhook repris"), is_listening=False, seen=seen, by=by)
        left = resumed.deliveries.filter(state__in=[DeliveryState.FAILED, DeliveryState.WAITING])
        left.update(state=DeliveryState.WAITING, attempts=0, next_try_at=timezone.now(), error="")
        wake_after_commit()
    return resumed


def _written(
    endpoint: WebhookEndpoint,
    values: Mapping[str, object],
    act: str,
    text: Text,
    *,
    is_listening: bool | None = None,
    seen: int | None,
    by: By,
) -> WebhookEndpoint:
    with atomic():
        locked = lock_record(endpoint, seen=seen)
        if is_listening is not None and locked.is_listening != is_listening:
            raise BusinessError(_("%s est déjà arrêté.") % locked if is_listening else _("%s écoute déjà.") % locked)
        for name, value in values.items():
            setattr(locked, name, value)
        locked.version += 1
        locked.save(update_fields=[*values, "version"])
        record(locked, act, by=by, text=text)
    return locked


def delete_endpoint(endpoint: WebhookEndpoint, *, by: By) -> None:
    """Delete an endpoint with its log. Raises BusinessError while it listens."""
    with atomic():
        locked = lock_record(endpoint)
        if locked.is_listening:
            raise BusinessError(_("%s écoute encore : arrêtez-le d'abord.") % locked)
        locked.delete()


def replay(delivery: WebhookDelivery) -> WebhookDelivery:
    """Send an event to its endpoint again, under the same id. Raises BusinessError while it waits, or its endpoint is stopped."""
    with atomic():
        locked = lock_record(delivery)
        if locked.state == DeliveryState.WAITING:
            raise BusinessError(_("Cet envoi attend déjà son tour."))
        if not locked.endpoint.is_listening:
            raise BusinessError(_("%s est arrêté : reprenez-le d'abord.") % locked.endpoint)
        locked.state, locked.attempts, locked.next_try_at, locked.error = DeliveryState.WAITING, 0, timezone.now(), ""
        locked.save(update_fields=["state", "attempts", "next_try_at", "error"])
        wake_after_commit()
    return locked


def body_of(event: WebhookEvent) -> bytes:
    """Return what is sent of an event: what happened to which document, and when. The program reads the rest."""
    model = event.content_type.model
    try:
        url = reverse(f"{model}-detail", args=[event.object_id])
    except NoReverseMatch:
        url = ""
    body = {
        "id": str(event.key),
        "kind": event.kind,
        "document": {"type": model, "id": event.object_id, "url": url},
        "version": event.version,
        "at": event.at.isoformat(),
    }
    return json.dumps(body).encode()


def signature(secret: str, body: bytes, *, at: datetime) -> str:
    """Return the header that signs a body: « t=<seconds>,v1=<HMAC-SHA256 of "seconds.body">, in hexadecimal »."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def deliver_next(*, at: datetime) -> bool | None:
    """Send the oldest delivery that is due. Returns whether it was received; None when none is due.

    An UPDATE that names the row as it was read takes it, so that one worker sends it, and counts the try before the
    request leaves. A worker that dies leaves it to another after LEASE: an event is received at least once.
    """
    delivery = WebhookDelivery.objects.due(at).select_related("endpoint", "event__content_type").order_by("pk").first()
    if delivery is None:
        return None
    as_read = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=DeliveryState.WAITING, next_try_at=delivery.next_try_at
    )
    if not as_read.update(next_try_at=at + LEASE, attempts=F("attempts") + 1):
        return False
    endpoint, body = delivery.endpoint, body_of(delivery.event)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "OpenFire-Billing",
        "X-OpenFire-Event": str(delivery.event.key),
        "X-OpenFire-Signature": signature(secret_of(endpoint), body, at=at),
    }
    try:
        status = post(endpoint.url, body, headers)
    except (NoAnswer, AddressRefused) as failure:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(not_before=timezone.now() + PAUSE)
        _note_failure(delivery, str(failure), status=None)
        return False
    if not 200 <= status < 300:
        _note_failure(delivery, str(_("Réponse %d.") % status), status=status)
        return False
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=DeliveryState.SENT, status=status, error="", sent_at=timezone.now()
    )
    return True


def _note_failure(delivery: WebhookDelivery, why: str, *, status: int | None) -> None:
    """Store why a try failed and when the next one is; after the last one, stop the endpoint and tell its owner."""
    tries = delivery.attempts + 1
    row = WebhookDelivery.objects.filter(pk=delivery.pk)
    if tries < MOST_TRIES:
        row.update(next_try_at=timezone.now() + WAITS[tries - 1], status=status, error=why)
        return
    with atomic():
        row.update(state=DeliveryState.FAILED, status=status, error=why)
        reason = _("%(tries)d essais en un jour sans réponse valable. Le dernier : %(why)s") % {
            "tries": MOST_TRIES,
            "why": why,
        }
        stopped = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id, stopped_at__isnull=True)
        if stopped.update(stopped_at=timezone.now(), stop_reason=reason, version=F("version") + 1):
            _tell_owner(WebhookEndpoint.objects.get(pk=delivery.endpoint_id), reason)


def _tell_owner(endpoint: WebhookEndpoint, reason: str) -> None:
    """Write in the journal of a stopped endpoint why, and tell its owner: to do today, and a mail when he has an address."""
    record(endpoint, "stopped", by=None, text=_("Webhook arrêté : %s") % reason)
    owner, subject = endpoint.owner, _("Webhook arrêté : %s") % endpoint
    if owner is not None and owner.is_staff:
        add_follow_up(endpoint, text=str(subject), due_on=timezone.localdate(), user=owner, by=None)
    to = (owner.email if owner is not None else "") or endpoint.company.email
    if to:
        text = _("%(reason)s\n\nVérifiez le programme, puis reprenez le webhook : Réglages › Webhooks, « %(name)s ».")
        queue_message(
            endpoint,
            key=f"webhook-{endpoint.pk}-stopped-{endpoint.version}",
            to=to,
            subject=str(subject),
            body=str(text % {"reason": reason, "name": endpoint}),
            by=None,
        )


def forget_events(*, now: datetime) -> int:
    """Delete the events of which nothing waits any more, received or given up long ago. Returns how many."""
    old = WebhookEvent.objects.filter(at__lt=now - KEPT).exclude(
        Q(deliveries__state=DeliveryState.WAITING) | Q(deliveries__state=DeliveryState.FAILED)
    )
    return old.delete()[1].get(WebhookEvent._meta.label, 0)
