"""Customers from a file: how a row finds its customer and his address."""

from collections.abc import Mapping
from typing import Any

from django.db.models import F
from django.utils import timezone

from invoicing.choices import LocationSource, LocationState, PartnerKind
from invoicing.models import Address, Company, Partner
from invoicing.models.parties.partners import TELEPHONE_KEYS
from invoicing.models.parties.places import COORDINATES, KNOWN
from invoicing.services.records.history import record_many
from openfire_billing.db.people import By
from openfire_billing.kernel.countries import HOME, country_name
from openfire_billing.kernel.folding import fold
from openfire_billing.kernel.telephones import key_of, region_of
from openfire_billing.office.importing.writer import NEW, SKIP, Faults, Question, Rows, Writer, filled, lock_again

_PLACE = ("street", "street2", "zip", "city", "country")
_LEFT = (SKIP, "Laisser cette ligne")


class Partners(Writer):
    """Found by the shop's code, else by name and postcode with one more thing in common: street, telephone, e-mail, SIREN.

    A namesake at the same postcode who has nothing else in common is asked about. A customer merged into another is
    left as he is. A file gives one address: it becomes the customer's when he has one at most. Of several, none is
    changed, and a note says so.
    """

    titles: Mapping[str, str] = {"addresses": "Adresse"}

    def __init__(self, company: Company, *, by: By, answers: Mapping[str, str]) -> None:
        super().__init__(company, by=by, answers=answers)
        self.moved: list[Address] = []
        self.namesakes: dict[tuple[str, str], list[Partner]] = {}
        self.found: dict[int, Partner] = {}  # by line
        self.twins: dict[int, int] = {}  # lines whose name and postcode an earlier line has, and that line
        self.skipped: set[int] = set()
        for partner in Partner.objects.order_by(F("merged_into").asc(nulls_first=True)).prefetch_related("addresses"):
            address = partner.default_address()
            self.namesakes.setdefault((fold(partner.name), address.zip if address else ""), []).append(partner)
            if partner.store_code:
                self.existing.setdefault(("code", partner.store_code.lower()), partner)

    def key(self, row: dict[str, Any]) -> Any:
        if row["store_code"]:
            return ("code", row["store_code"].lower())
        return (fold(row["name"] or ""), row["zip"] or "")

    def record_of(self, row: dict[str, Any]) -> Any:
        return self.found.get(row["line"])

    def check(self, rows: Rows, faults: Faults) -> None:
        """Report the rows that are one customer's twice, and note those that may be: of one name and postcode, unless each
        has a code of its own.
        """
        codes: dict[str, int] = {}
        places: dict[tuple[str, str], Rows] = {}
        for row in rows:
            if (row["latitude"] is None) != (row["longitude"] is None):
                missing = "Latitude" if row["latitude"] is None else "Longitude"
                faults.append((row["line"], missing, "une position a une latitude et une longitude : donnez les deux."))
            code, place = (row["store_code"] or "").lower(), (fold(row["name"] or ""), row["zip"] or "")
            others = [each for each in places.setdefault(place, []) if not (code and each["store_code"])]
            first = codes.get(code) or next((each["line"] for each in others if _in_common(each, row)), None)
            if first:
                faults.append((row["line"], "", f"déjà à la ligne {first} du fichier."))
            elif others:
                self.twins[row["line"]] = others[0]["line"]
            if code:
                codes.setdefault(code, row["line"])
            places[place].append(row)

    def ask(self, rows: Rows, faults: Faults) -> list[Question]:
        asked, taken = [], dict[int, int]()
        for row in rows:
            candidates = self._candidates(row)
            same = [partner for partner in candidates if _is_same(partner, row)]
            partner = self.existing.get(self.key(row)) if row["store_code"] else None
            is_decided = True
            if partner is None and len(same) == 1:
                partner = same[0]
            elif partner is None and (candidates or row["line"] in self.twins):
                question = self._question(row, same or candidates)
                partner = self._answered(row, question, candidates)
                asked.append(question)
                is_decided = partner is not None or self.answers.get(question.key) == NEW
            if is_decided and _lacks_siren(row, partner):
                faults.append((row["line"], "SIREN", "une entreprise a un SIREN : remplissez la colonne."))
            if partner is None:
                continue
            self.found[row["line"]] = partner
            first = taken.setdefault(partner.pk, row["line"])
            if first != row["line"]:
                faults.append((row["line"], "", f"c'est le client de la ligne {first} du fichier : gardez-en une."))
        return asked

    def _candidates(self, row: dict[str, Any]) -> list[Partner]:
        """Return the customers of this name at this postcode, or without an address. A code is one customer's alone."""
        name = fold(row["name"])
        found = [*self.namesakes.get((name, row["zip"]), ()), *self.namesakes.get((name, ""), ())]
        if row["store_code"]:
            found = [partner for partner in found if not partner.store_code]
        return [partner for partner in found if not partner.merged_into_id] or found

    def _question(self, row: dict[str, Any], candidates: list[Partner]) -> Question:
        place = ", ".join(filter(None, (row["street"], f"{row['zip']} {row['city']}")))
        if candidates:
            text = f"« {row['name']} », {place} : un client a ce nom et ce code postal, et rien d'autre en commun."
        else:
            text = f"« {row['name']} », {place} : la ligne {self.twins[row['line']]} a ce nom et ce code postal."
        known = [(str(partner.pk), f"C'est {described(partner)}") for partner in candidates]
        return Question(
            f"ligne-{row['line']}", row["line"], "Nom", text, [*known, (NEW, "C'est un autre client"), _LEFT]
        )

    def _answered(self, row: dict[str, Any], question: Question, candidates: list[Partner]) -> Partner | None:
        answer = self.answers.get(question.key)
        if answer == SKIP:
            self.skipped.add(row["line"])
        return next((partner for partner in candidates if str(partner.pk) == answer), None)

    def left(self, rows: Rows) -> set[int]:
        return self.skipped

    def changes(self, row: dict[str, Any]) -> dict[str, Any]:
        return {} if self.found[row["line"]].merged_into_id else super().changes(row)

    def is_changed(self, row: dict[str, Any]) -> bool:
        return super().is_changed(row) or bool(self.place(row))

    def place(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return what a row changes of the customer's only address. Another street empties the old complement.

        Coordinates placed by hand stay while the address is the same.
        """
        partner = self.found[row["line"]]
        addresses = partner.addresses.all()
        if partner.merged_into_id or len(addresses) > 1:
            return {}
        address = addresses[0] if addresses else Address()
        values = ({} if address.street == row["street"] else {"street2": ""}) | filled(row, *_PLACE)
        changes = {name: value for name, value in values.items() if getattr(address, name) != value}
        if _is_elsewhere(changes) or address.location_source != LocationSource.HAND:
            found = filled(row, *COORDINATES)
            changes |= {name: value for name, value in found.items() if changes or getattr(address, name) != value}
        return changes

    def notes(self, rows: Rows) -> Faults:
        found: Faults = []
        for row in rows:
            partner = self.found.get(row["line"])
            addresses = partner.addresses.all() if partner and not partner.merged_into_id else ()
            values = filled(row, *_PLACE)
            if len(addresses) > 1 and not any(all(getattr(a, n) == values[n] for n in values) for a in addresses):
                found.append(
                    (
                        row["line"],
                        "Rue",
                        f"« {_text_of(Address(**values))} » n'est aucune des {len(addresses)} adresses de {partner} : "
                        "elles restent comme elles sont. Corrigez celle qui a changé sur sa fiche.",
                    )
                )
        return found

    def values(self, row: dict[str, Any]) -> dict[str, Any]:
        return filled(row, "name", "kind", "store_code", "phone", "mobile", "email", "siren", "vat_number")

    def texts(self, row: dict[str, Any]) -> dict[str, list[str]]:
        texts, changes = super().texts(row), self.place(row)
        if changes:
            address = next(iter(self.found[row["line"]].addresses.all()), None)
            shown = _PLACE if changes.keys().isdisjoint(COORDINATES) else (*_PLACE, *COORDINATES)
            columns = {name: getattr(address, name) for name in shown} if address else {}
            was = _text_of(Address(**columns)) if address else ""
            texts["addresses"] = [was or "–", _text_of(Address(**columns | changes))]
        return texts

    def take(self, row: dict[str, Any]) -> dict[str, list[str]]:
        partner, changes = self.found[row["line"]], self.place(row)
        texts = super().take(row)
        if changes:
            found = next(iter(partner.addresses.all()), None)
            address = found or Address(partner=partner, is_default=True, is_billing=True)
            _settle(address, changes)
            address.version += bool(found)
            self.moved.append(address)
        return texts

    def lock(self, rows: Rows) -> None:
        super().lock(rows)
        known = [row for row in rows if row["line"] in self.found]
        lock_again(address for row in known if self.place(row) for address in self.found[row["line"]].addresses.all())

    def change(self, rows: Rows, *, by: By) -> None:
        self.moved = []
        super().change(rows, by=by)
        Address.objects.bulk_create([address for address in self.moved if not address.pk])
        Address.objects.bulk_update(
            [address for address in self.moved if address.pk], (*_PLACE, *COORDINATES, *KNOWN, "version")
        )
        _follow(self.moved)

    def add(self, rows: Rows, *, by: By) -> None:
        made = Partner.objects.bulk_create([Partner(**self.values(row)) for row in rows])
        places = [
            _settle(Address(partner=partner, is_default=True, is_billing=True), filled(row, *_PLACE, *COORDINATES))
            for partner, row in zip(made, rows, strict=True)
        ]
        Address.objects.bulk_create(places)
        _follow(places)
        record_many([(partner, "Importé", None) for partner in made], "imported", by=by)


def _lacks_siren(row: dict[str, Any], partner: Partner | None) -> bool:
    """Return whether a row makes a French business of a customer whose SIREN nobody says. One that is so already stays."""
    is_so_already = partner is not None and (partner.siren or partner.kind == PartnerKind.BUSINESS)
    return row["kind"] == PartnerKind.BUSINESS and not row["siren"] and not is_so_already


def _in_common(first: dict[str, Any], row: dict[str, Any]) -> bool:
    """Return whether two rows of one name and postcode are one customer's: a street, a telephone, an e-mail, a SIREN."""
    region = region_of(row["country"] or HOME, row["zip"] or "")

    def marks(one: dict[str, Any]) -> set[tuple[str, str]]:
        phones = {("phone", key_of(one[name] or "", region)) for name in ("phone", "mobile")}
        texts = {(name, fold(one[name] or "")) for name in ("street", "email", "siren")}
        return {mark for mark in phones | texts if mark[1]}

    return bool(marks(first) & marks(row))


def _is_same(partner: Partner, row: dict[str, Any]) -> bool:
    """Return whether a row has more in common with a namesake than the postcode."""
    if any(fold(address.street) == fold(row["street"]) for address in partner.addresses.all()):
        return True
    region = region_of(row["country"] or HOME, row["zip"])
    keys = {key_of(row[name] or "", region) for name in ("phone", "mobile")} - {""}
    if keys & {partner.phone_key, partner.mobile_key}:
        return True
    return any(row[name] and row[name].lower() == getattr(partner, name).lower() for name in ("email", "siren"))


def described(partner: Partner) -> str:
    """Return a customer as people tell him from a namesake."""
    address = partner.default_address()
    code = f"[{partner.store_code}]" if partner.store_code else ""
    return ", ".join(filter(None, (f"{partner} {code}".strip(), _text_of(address) if address else "sans adresse")))


def _text_of(address: Address) -> str:
    """Return an address on one line, with its country when it is abroad, and its coordinates."""
    abroad = [country_name(address.country)] if address.country != HOME else []
    place = [f"({address.latitude:f} ; {address.longitude:f})"] if address.latitude is not None else []
    return ", ".join([*(line for line in address.lines if line), *abroad, *place])


def _is_elsewhere(changes: Mapping[str, Any]) -> bool:
    """Return whether these changes make an address another place: a complement alone does not."""
    return not changes.keys().isdisjoint(set(_PLACE) - {"street2"})


def _settle(address: Address, changes: Mapping[str, Any]) -> Address:
    """Set columns of an address. Coordinates of the place before are emptied, those of the file are kept as its own."""
    for name in _PLACE:
        if name in changes:
            setattr(address, name, changes[name])
    if _is_elsewhere(changes):
        address.forget_place()
    if changes.get("latitude") is not None or changes.get("longitude") is not None:
        address.forget_place(keeps_coordinates=True)
        for name in COORDINATES:
            setattr(address, name, changes.get(name, getattr(address, name)))
        address.location_source, address.location_state = LocationSource.IMPORT, LocationState.LOCATED
        address.located_at, address.located_text = timezone.now(), address.place_text
    return address


def _follow(places: list[Address]) -> None:
    """Derive the telephone keys of customers whose address has another number plan."""
    moved = [place.partner_id for place in places if place.partner.has_keys_of_other_plan(place.telephone_region)]
    Partner.objects.filter(pk__in=moved).derive(TELEPHONE_KEYS)
