"""A geocoder that takes a CSV file of addresses (addok: the French address service), at the setting GEOCODER_URL.

The request is a multipart POST: `data`, the file `id,street,city,zip`; `columns`, those that make the address; `postcode`,
the one that narrows. The answer is the same file with latitude, longitude, result_label, result_score, result_type,
result_postcode and result_city.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from uuid import uuid4

from django.conf import settings
from django.utils.translation import gettext as _

from openfire_billing.web.outgoing import NoAnswer, post_to_service

MOST_ASKED = 500  # addresses of a request
WITHIN = 60  # seconds of a request
MOST_READ = 4_000_000  # bytes of an answer
_TOO_MANY = 429


class Busy(NoAnswer):
    """The geocoder asks to wait: too many requests."""


@dataclass(frozen=True)
class Asked:
    """An address to search for. `pk`: comes back with the answer."""

    pk: int
    street: str
    zip: str
    city: str


@dataclass(frozen=True)
class Answered:
    """What the geocoder found. `kind`: housenumber, street, locality or municipality. `score`: from 0 to 1."""

    latitude: Decimal
    longitude: Decimal
    score: Decimal
    kind: str
    zip: str
    label: str


def search(places: Sequence[Asked]) -> dict[int, Answered | None]:
    """Return {pk: what was found, None for nothing} of at most MOST_ASKED addresses.

    An address that the answer does not name is left out. Raises Busy when the geocoder asks to wait, NoAnswer when it does
    not answer or answers something else.
    """
    body, kind = _multipart(_csv(places))
    status, content = post_to_service(
        settings.GEOCODER_URL, body, {"Content-Type": kind}, within=WITHIN, most=MOST_READ
    )
    if status == _TOO_MANY:
        raise Busy(_("Trop de demandes (HTTP 429)."))
    if status != 200:
        raise NoAnswer(f"HTTP {status}")
    return _read(content, {place.pk for place in places})


def _csv(places: Sequence[Asked]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "street", "city", "zip"])
    writer.writerows([place.pk, place.street, place.city, place.zip] for place in places)
    return text.getvalue()


def _multipart(file: str) -> tuple[bytes, str]:
    """Return the body of the request, and its content type."""
    mark = uuid4().hex
    parts = [
        'Content-Disposition: form-data; name="data"; filename="addresses.csv"\r\nContent-Type: text/csv; charset=utf-8'
        f"\r\n\r\n{file}",
        *(
            f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'
            for name, value in (("columns", "street"), ("columns", "city"), ("postcode", "zip"))
        ),
    ]
    body = "".join(f"--{mark}\r\n{part}\r\n" for part in parts) + f"--{mark}--\r\n"
    return body.encode(), f"multipart/form-data; boundary={mark}"


def _read(content: bytes, asked: set[int]) -> dict[int, Answered | None]:
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        names = set(rows.fieldnames or ())
        if not {"id", "latitude", "longitude", "result_score", "result_type", "result_postcode"} <= names:
            raise NoAnswer(_("Le géocodeur répond autre chose qu'un fichier d'adresses."))
        found = {int(row["id"]): _answered(row) for row in rows if (row["id"] or "").isdigit()}
    except (UnicodeDecodeError, csv.Error) as failure:
        raise NoAnswer(_("Le géocodeur répond un fichier illisible.")) from failure
    if found.keys().isdisjoint(asked):
        raise NoAnswer(_("Le géocodeur répond sans aucune des adresses demandées."))
    return {pk: answer for pk, answer in found.items() if pk in asked}


def _answered(row: dict[str, str]) -> Answered | None:
    """Return what a row found; None for nothing, or for what is no place."""
    numbers = [_number(row[name]) for name in ("latitude", "longitude", "result_score")]
    latitude, longitude, score = numbers
    if latitude is None or longitude is None or score is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Answered(
        round(latitude, 6),
        round(longitude, 6),
        min(max(round(score, 3), Decimal(0)), Decimal(1)),
        row["result_type"] or "",
        row["result_postcode"] or "",
        (row.get("result_label") or "")[:250],
    )


def _number(text: str | None) -> Decimal | None:
    try:
        found = Decimal(text or "")
    except InvalidOperation:
        return None
    return found if math.isfinite(found) else None
