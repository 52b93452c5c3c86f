"""Where addresses stand: searched for by the geocoder, accepted by a person, never over what somebody placed by hand."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import LocationSource, LocationState
from invoicing.models import Address
from invoicing.models.parties.places import COORDINATES, KNOWN, Located, located_models, to_locate
from invoicing.services.locks import lock_places, lock_record
from invoicing.services.records.history import record, refuse_stale
from openfire_billing.db import bulk
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import save_columns
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.geocoder import MOST_ASKED, Answered, Asked, search
from openfire_billing.web.outgoing import NoAnswer

TAKEN, LEAST = Decimal("0.7"), Decimal("0.4")  # scores: taken as they are, shown to a person
EXACT = frozenset({"housenumber", "street"})
_TURN, _OUTAGE = "geocoder-turn", "geocoder-outage"  # keys of the cache
_BETWEEN = 1  # seconds from one request to the next
_REMEMBERED = 24 * 3600  # seconds
_COLUMNS = (*COORDINATES, *KNOWN)


@dataclass(frozen=True)
class Outage:
    """Since when the geocoder does not answer, and what it says."""

    since: datetime
    reason: str


def locate_waiting(*, until: float) -> tuple[int, bool]:
    """Search for the addresses that nobody located, until `until` of `time.monotonic`, one request a second.

    Returns how many were searched for, and whether some are left. Nothing is asked inside a transaction. A geocoder that
    does not answer, or asks to wait, ends the search: the next one begins again. `outage()` says it.
    """
    searched = 0
    for model in located_models():
        while asked := _read_batch(model):
            if not _take_turn(until):
                return searched, True
            try:
                found = search(list(asked))
            except NoAnswer as failure:
                since = outage()
                cache.set(
                    _OUTAGE,
                    [(since.since if since else timezone.now()).isoformat(), str(failure)],
                    _REMEMBERED,
                )
                return searched, False
            cache.delete(_OUTAGE)
            written = write_found(model, asked, found, at=timezone.now())
            searched += written
            if not written:
                break  # all of them changed meanwhile, or none is named in the answer: the next search takes them
    return searched, False


def outage() -> Outage | None:
    """Return since when the geocoder does not answer; None when it answered the last time."""
    kept = cache.get(_OUTAGE)
    return Outage(datetime.fromisoformat(kept[0]), kept[1]) if kept else None


def _read_batch(model: type[Located]) -> dict[Asked, str]:
    """Return the next addresses to search for, in one query, with the text that is kept of each."""
    rows = to_locate(model).values_list("pk", "street", "zip", "city")[:MOST_ASKED]
    return {
        Asked(pk, street, zip_code, city): model(street=street, zip=zip_code, city=city).place_text
        for pk, street, zip_code, city in rows
    }


def _take_turn(until: float) -> bool:
    """Wait until a second has passed since the last request of any worker. Return whether that is before `until`."""
    while not cache.add(_TURN, 1, _BETWEEN):
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)
    return time.monotonic() < until


def write_found(
    model: type[Located], asked: Mapping[Asked, str], found: Mapping[int, Answered | None], *, at: datetime
) -> int:
    """Write what was found of addresses, in one statement, and return of how many. `asked`: with the text searched for.

    Those placed by hand or changed since they were read are left as they are; those that the answer does not name are not
    found.
    """
    with atomic():
        rows = lock_places(model, [one.pk for one in asked])
        written = [
            (one.pk, *_values(found.get(one.pk), one.zip, text, at))
            for one, text in asked.items()
            if one.pk in rows
            and rows[one.pk].place_text == text
            and rows[one.pk].location_source != LocationSource.HAND
        ]
        bulk.update(model, _COLUMNS, written)
    return len(written)


def _values(answer: Answered | None, zip_code: str, text: str, at: datetime) -> Sequence[object]:
    """Return the columns of _COLUMNS that an answer gives."""
    state = state_of(answer, zip_code)
    place: tuple[Decimal | None, Decimal | None] = (None, None)
    proposed, label = place, ""
    if answer is not None and state in (LocationState.LOCATED, LocationState.TOWN):
        place = answer.latitude, answer.longitude
    elif answer is not None and state == LocationState.TO_CHECK:
        proposed, label = (answer.latitude, answer.longitude), answer.label
    score = answer.score if answer else None
    return (*place, LocationSource.GEOCODER.value, state.value, score, at, text, *proposed, label)


def state_of(answer: Answered | None, zip_code: str) -> LocationState:
    """Return what an answer is worth for an address of this postcode."""
    if answer is None or answer.score < LEAST:
        return LocationState.NOT_FOUND
    is_there = answer.zip == zip_code.replace(" ", "")
    if answer.kind == "municipality":
        return LocationState.TOWN if is_there else LocationState.TO_CHECK
    if answer.kind in EXACT and answer.score >= TAKEN and is_there:
        return LocationState.LOCATED
    return LocationState.TO_CHECK


def accept_place(address: Address, *, seen: int | None = None, by: By) -> Address:
    """Give an address the place that the geocoder proposes.

    Raises BusinessError when it proposes none any more, StaleForm when the address is not at the version `seen`.
    """
    with atomic():
        locked = lock_record(address)
        if seen is not None:
            refuse_stale(locked, seen)
        if not locked.is_proposed:
            raise BusinessError(
                _("%s : le géocodeur ne propose plus de position. Placez l'adresse à la main.") % locked,
                code="wrong_state",
            )
        label = locked.proposed_label
        locked.latitude, locked.longitude = locked.proposed_latitude, locked.proposed_longitude
        locked.location_state, locked.located_at = LocationState.LOCATED, timezone.now()
        locked.proposed_latitude = locked.proposed_longitude = None
        locked.proposed_label = ""
        save_columns(locked, _COLUMNS)
        record(locked, "located", by=by, text=_("Position acceptée : %s") % label)
    return locked


def is_searching() -> bool:
    """Return whether a geocoder is set."""
    return bool(settings.GEOCODER_URL)
