"""Customers from a file: who is known again, and where he lives."""

from typing import Any

from django.db.models import F

from invoicing.choices import PartnerKind
from invoicing.models import Address, Company, Partner
from invoicing.models.parties.partners import TELEPHONE_KEYS
from invoicing.services.records.history import record_many
from openfire_billing.db.people import By
from openfire_billing.office.importing.writer import Faults, Rows, Writer, given

_PLACE = ("street", "street2", "zip", "city")


class Partners(Writer):
    """Known by the shop's code, else by name and postcode. One merged into another is known, and left alone.

    A file gives one address: it is the customer's when he has no other. Of several, none is changed, and it is said.
    """

    def __init__(self, company: Company) -> None:
        super().__init__(company)
        self.moved: list[Address] = []
        for partner in Partner.objects.order_by(F("merged_into").asc(nulls_first=True)).prefetch_related("addresses"):
            address = partner.default_address()
            if partner.store_code:
                self.there.setdefault(("code", partner.store_code.lower()), partner)
            else:
                self.there.setdefault((partner.name.lower(), address.zip if address else ""), partner)

    def key(self, row: dict[str, Any]) -> Any:
        if row["store_code"]:
            return ("code", row["store_code"].lower())
        return ((row["name"] or "").lower(), row["zip"] or "")

    def changes(self, row: dict[str, Any]) -> dict[str, Any]:
        return {} if self.there[self.key(row)].merged_into_id else super().changes(row)

    def is_changed(self, row: dict[str, Any]) -> bool:
        return super().is_changed(row) or bool(self.place(row))

    def place(self, row: dict[str, Any]) -> dict[str, str]:
        """What a row changes of the customer's only address. Another street leaves no old complement behind."""
        known = self.there[self.key(row)]
        addresses = known.addresses.all()
        if known.merged_into_id or len(addresses) > 1:
            return {}
        there = addresses[0] if addresses else Address()
        said = ({} if there.street == row["street"] else {"street2": ""}) | given(row, *_PLACE)
        return {name: value for name, value in said.items() if getattr(there, name) != value}

    def notes(self, rows: Rows) -> Faults:
        found: Faults = []
        for row in rows:
            known = self.there.get(self.key(row))
            addresses = known.addresses.all() if known and not known.merged_into_id else ()
            said = given(row, *_PLACE)
            if len(addresses) > 1 and not any(all(getattr(a, n) == said[n] for n in said) for a in addresses):
                text = ", ".join(Address(**said).lines)
                found.append(
                    (
                        row["line"],
                        "Rue",
                        f"« {text} » n'est aucune des {len(addresses)} adresses de {known} : "
                        "elles restent comme elles sont. Corrigez celle qui a changé sur sa fiche.",
                    )
                )
        return found

    def values(self, row: dict[str, Any]) -> dict[str, Any]:
        return given(row, "name", "kind", "store_code", "phone", "mobile", "email", "siren", "vat_number")

    def take(self, row: dict[str, Any]) -> dict[str, list[str]]:
        taken = super().take(row)
        known, changes = self.there[self.key(row)], self.place(row)
        if changes:
            found = next(iter(known.addresses.all()), None)
            address = found or Address(partner=known, is_default=True, is_billing=True)
            was = ", ".join(address.lines)
            for name, value in changes.items():
                setattr(address, name, value)
            if set(changes) != {"street2"}:
                address.latitude = address.longitude = None  # those of the place before
            taken["addresses"] = [was or "–", ", ".join(address.lines)]
            self.moved.append(address)
        return taken

    def change(self, rows: Rows, *, by: By) -> None:
        self.moved = []
        super().change(rows, by=by)
        Address.objects.bulk_create([address for address in self.moved if not address.pk])
        Address.objects.bulk_update(
            [address for address in self.moved if address.pk], (*_PLACE, "latitude", "longitude")
        )
        _follow(self.moved)

    def check(self, rows: Rows, faults: Faults) -> None:
        super().check(rows, faults)
        for row in rows:
            if row["kind"] == PartnerKind.BUSINESS and not row["siren"]:
                faults.append((row["line"], "SIREN", "une entreprise a un SIREN : remplissez la colonne."))

    def add(self, rows: Rows, *, by: By) -> None:
        made = Partner.objects.bulk_create([Partner(**self.values(row)) for row in rows])
        places = [
            Address(partner=partner, is_default=True, is_billing=True, **given(row, *_PLACE))
            for partner, row in zip(made, rows, strict=True)
        ]
        Address.objects.bulk_create(places)
        _follow(places)
        record_many([(partner, "Importé", None) for partner in made], "imported", by=by)


def _follow(places: list[Address]) -> None:
    """Derive the keys of telephones again where the number plan of the address is another."""
    moved = [place.partner_id for place in places if place.partner.has_keys_of_other_plan(place.telephone_region)]
    Partner.objects.filter(pk__in=moved).derive(TELEPHONE_KEYS)
