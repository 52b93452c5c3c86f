"""Customers from a file: how a row finds its customer and his address."""

from typing import Any

from django.db.models import F

from invoicing.choices import PartnerKind
from invoicing.models import Address, Company, Partner
from invoicing.models.parties.partners import TELEPHONE_KEYS
from invoicing.services.records.history import record_many
from openfire_billing.db.people import By
from openfire_billing.office.importing.writer import Faults, Rows, Writer, filled

_PLACE = ("street", "street2", "zip", "city")


class Partners(Writer):
    """Found by the shop's code, else by name and postcode. A customer merged into another is left as he is.

    A file gives one address: it becomes the customer's when he has one at most. Of several, none is changed, and a note
    says so.
    """

    def __init__(self, company: Company, *, by: By) -> None:
        super().__init__(company, by=by)
        self.moved: list[Address] = []
        for partner in Partner.objects.order_by(F("merged_into").asc(nulls_first=True)).prefetch_related("addresses"):
            address = partner.default_address()
            if partner.store_code:
                self.existing.setdefault(("code", partner.store_code.lower()), partner)
            else:
                self.existing.setdefault((partner.name.lower(), address.zip if address else ""), partner)

    def key(self, row: dict[str, Any]) -> Any:
        if row["store_code"]:
            return ("code", row["store_code"].lower())
        return ((row["name"] or "").lower(), row["zip"] or "")

    def changes(self, row: dict[str, Any]) -> dict[str, Any]:
        return {} if self.existing[self.key(row)].merged_into_id else super().changes(row)

    def is_changed(self, row: dict[str, Any]) -> bool:
        return super().is_changed(row) or bool(self.place(row))

    def place(self, row: dict[str, Any]) -> dict[str, str]:
        """Return what a row changes of the customer's only address. Another street empties the old complement."""
        partner = self.existing[self.key(row)]
        addresses = partner.addresses.all()
        if partner.merged_into_id or len(addresses) > 1:
            return {}
        address = addresses[0] if addresses else Address()
        values = ({} if address.street == row["street"] else {"street2": ""}) | filled(row, *_PLACE)
        return {name: value for name, value in values.items() if getattr(address, name) != value}

    def notes(self, rows: Rows) -> Faults:
        found: Faults = []
        for row in rows:
            partner = self.existing.get(self.key(row))
            addresses = partner.addresses.all() if partner and not partner.merged_into_id else ()
            values = filled(row, *_PLACE)
            if len(addresses) > 1 and not any(all(getattr(a, n) == values[n] for n in values) for a in addresses):
                text = ", ".join(Address(**values).lines)
                found.append(
                    (
                        row["line"],
                        "Rue",
                        f"« {text} » n'est aucune des {len(addresses)} adresses de {partner} : "
                        "elles restent comme elles sont. Corrigez celle qui a changé sur sa fiche.",
                    )
                )
        return found

    def values(self, row: dict[str, Any]) -> dict[str, Any]:
        return filled(row, "name", "kind", "store_code", "phone", "mobile", "email", "siren", "vat_number")

    def take(self, row: dict[str, Any]) -> dict[str, list[str]]:
        changes_of_customer = super().take(row)
        partner, changes = self.existing[self.key(row)], self.place(row)
        if changes:
            found = next(iter(partner.addresses.all()), None)
            address = found or Address(partner=partner, is_default=True, is_billing=True)
            was = ", ".join(address.lines)
            for name, value in changes.items():
                setattr(address, name, value)
            if set(changes) != {"street2"}:
                address.latitude = address.longitude = None  # those of the place before
            changes_of_customer["addresses"] = [was or "–", ", ".join(address.lines)]
            self.moved.append(address)
        return changes_of_customer

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
            Address(partner=partner, is_default=True, is_billing=True, **filled(row, *_PLACE))
            for partner, row in zip(made, rows, strict=True)
        ]
        Address.objects.bulk_create(places)
        _follow(places)
        record_many([(partner, "Importé", None) for partner in made], "imported", by=by)


def _follow(places: list[Address]) -> None:
    """Derive the telephone keys of customers whose address has another number plan."""
    moved = [place.partner_id for place in places if place.partner.has_keys_of_other_plan(place.telephone_region)]
    Partner.objects.filter(pk__in=moved).derive(TELEPHONE_KEYS)
