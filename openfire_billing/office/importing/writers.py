"""How the rows of an import find their records, are checked and written."""

from decimal import Decimal
from typing import Any

from django.utils import timezone

from contracts.models import Contract
from contracts.services.activation import SERIES
from contracts.services.contracts import save_contract
from contracts.services.lines import save_line
from interventions.models import InstalledProduct
from invoicing.choices import ProductKind
from invoicing.models import Company, Partner, Product, Tax, Unit
from invoicing.services.catalogue import is_number
from invoicing.services.documents.lines import LineEdit
from invoicing.services.records.history import record_many
from openfire_billing.db.people import By
from openfire_billing.office.importing.customers import Partners
from openfire_billing.office.importing.kinds import KINDS
from openfire_billing.office.importing.writer import Faults, Progress, Rows, Writer, filled


class Products(Writer):
    """Found by their code."""

    def __init__(self, company: Company, *, by: By) -> None:
        super().__init__(company, by=by)
        self.existing = {product.code.lower(): product for product in Product.objects.all()}
        self.taxes = {tax.name.lower(): tax for tax in Tax.objects.filter(is_active=True)}
        units = list(Unit.objects.all())
        self.units = {u.code.lower(): u for u in units} | {u.symbol.lower(): u for u in units if u.symbol}

    def key(self, row: dict[str, Any]) -> Any:
        return (row["code"] or "").lower()

    def check(self, rows: Rows, faults: Faults) -> None:
        super().check(rows, faults)
        for row in rows:
            if row["tax"] and row["tax"].lower() not in self.taxes:
                faults.append(
                    (
                        row["line"],
                        "TVA",
                        f"« {row['tax']} » n'existe pas : {', '.join(t.name for t in self.taxes.values())}.",
                    )
                )
            if row["unit"] and row["unit"].lower() not in self.units:
                faults.append((row["line"], "Unité", f"« {row['unit']} » n'existe pas, par exemple u, h, m."))

    def values(self, row: dict[str, Any]) -> dict[str, Any]:
        found = filled(row, "code", "name", "kind", "unit_price", "purchase_price", "income_account")
        found["tax"] = self.taxes[row["tax"].lower()]
        if row["unit"]:
            found["unit"] = self.units[row["unit"].lower()]
        return found

    def add(self, rows: Rows, *, by: By) -> None:
        usual = {"unit": self.units["c62"], "kind": ProductKind.SERVICE}
        made = Product.objects.bulk_create([Product(**(usual | self.values(row))) for row in rows])
        record_many([(product, "Importé", None) for product in made], "imported", by=by)


def _customers() -> dict[str, Partner | None]:
    """Return customers by shop code and by name; a name shared by several gives None. A merged one gives the one kept."""
    found: dict[str, Partner | None] = {}
    for partner in Partner.objects.filter(is_active=True).prefetch_related("addresses"):
        for word in {partner.name.lower(), partner.store_code.lower()} - {""}:
            found[word] = None if word in found else partner
    for merged in Partner.objects.filter(merged_into__isnull=False).select_related("merged_into"):
        for word in {merged.name.lower(), merged.store_code.lower()} - {""}:
            found.setdefault(word, merged.merged_into)
    return found


def _check_customer(row: dict[str, Any], customers: dict[str, Partner | None], faults: Faults) -> None:
    word = (row["partner"] or "").lower()
    if not word:
        return
    if word not in customers:
        faults.append((row["line"], "Client", f"« {row['partner']} » n'existe pas : importez d'abord les clients."))
    elif customers[word] is None:
        faults.append((row["line"], "Client", f"plusieurs clients « {row['partner']} » : mettez leur code magasin."))
    elif customers[word].default_address() is None:  # type: ignore[union-attr]
        faults.append((row["line"], "Client", f"« {row['partner']} » n'a pas d'adresse : ajoutez-la sur sa fiche."))


class Equipment(Writer):
    """Found by serial number, else by customer and name. A file never moves a piece from one customer to another."""

    def __init__(self, company: Company, *, by: By) -> None:
        super().__init__(company, by=by)
        self.customers = _customers()
        for item in InstalledProduct.objects.select_related("partner"):
            key = ("serial", item.serial_number.lower()) if item.serial_number else (item.partner_id, item.name.lower())
            self.existing.setdefault(key, item)

    def key(self, row: dict[str, Any]) -> Any:
        if row["serial_number"]:
            return ("serial", row["serial_number"].lower())
        partner = self.customers.get((row["partner"] or "").lower())
        return (partner.pk if partner else row["partner"], (row["name"] or "").lower())

    def check(self, rows: Rows, faults: Faults) -> None:
        super().check(rows, faults)
        for row in rows:
            _check_customer(row, self.customers, faults)
            self._check_owner(row, faults)

    def _check_owner(self, row: dict[str, Any], faults: Faults) -> None:
        """Report a serial number that is at another customer's: the appliance moved, or one of the two is wrong."""
        customer = self.customers.get((row["partner"] or "").lower())
        item = self.existing.get(self.key(row)) if row["serial_number"] else None
        if item and customer and item.partner_id != customer.pk:
            faults.append(
                (
                    row["line"],
                    "N° de série",
                    f"« {row['serial_number']} » est déjà celui de « {item.name} » chez {item.partner} : corrigez la "
                    "ligne ou, si l'appareil a changé de client, mettez client et adresse sur sa fiche.",
                )
            )

    def values(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            **filled(row, "name", "brand", "serial_number", "installed_on", "warranty_until"),
            "partner": self.customers[row["partner"].lower()],
        }

    def add(self, rows: Rows, *, by: By) -> None:
        made = InstalledProduct.objects.bulk_create(
            [
                InstalledProduct(**values, address=values["partner"].default_address())
                for values in map(self.values, rows)
            ]
        )
        record_many([(item, "Importé", None) for item in made], "imported", by=by)


_HEADER = [
    column
    for column in KINDS["contrats"].columns
    if column.name in ("partner", "start_on", "frequency", "timing", "billed_until")
]  # what the rows of one contract have in common
_USUAL = "in_advance"


class Contracts(Writer):
    """Found by reference. A row is an article; rows of one reference make one contract. An existing contract is left as
    it is.
    """

    def __init__(self, company: Company, *, by: By) -> None:
        super().__init__(company, by=by)
        self.customers = _customers()
        self.products = {p.code.lower(): p for p in Product.objects.select_related("tax", "unit")}
        contracts = Contract.objects.filter(company=company, reference__isnull=False)
        self.existing = {(contract.reference or "").lower(): contract for contract in contracts}

    def key(self, row: dict[str, Any]) -> Any:
        return (row["reference"] or "").lower()

    def values(self, row: dict[str, Any]) -> dict[str, Any]:
        return {}

    def check(self, rows: Rows, faults: Faults) -> None:
        first: dict[str, dict[str, Any]] = {}
        for row in rows:
            if row["reference"] and self.key(row) not in self.existing:
                self._check_new(row, first.setdefault(self.key(row), row), faults)
            _check_customer(row, self.customers, faults)
            if row["product"] and row["product"].lower() not in self.products:
                faults.append(
                    (row["line"], "Article", f"« {row['product']} » n'existe pas : importez d'abord les articles.")
                )

    def _check_new(self, row: dict[str, Any], first: dict[str, Any], faults: Faults) -> None:
        """Report a reference that activation would give to another contract, and what differs from its first row."""
        if row is first and is_number(row["reference"].upper(), SERIES):
            faults.append(
                (
                    row["line"],
                    "Référence",
                    f"« {row['reference']} » est un numéro que le logiciel donne lui-même à l'activation : "
                    f"mettez-en une autre, par exemple A-{row['reference']}.",
                )
            )
        for column in _HEADER:
            is_read = row[column.name] is not None and not (column.is_required and first[column.name] is None)
            if is_read and self._value_of(row, column.name) != self._value_of(first, column.name):
                faults.append(
                    (
                        row["line"],
                        column.title,
                        f"n'est pas comme à la ligne {first['line']}, du même contrat : "
                        "mettez la même chose, ou une autre référence.",
                    )
                )

    def _value_of(self, row: dict[str, Any], name: str) -> Any:
        """Return what a cell means: a customer by any of his names, « à échoir » for an empty timing."""
        if name == "partner":
            return self.customers.get(row[name].lower(), row[name])
        return row[name] or (_USUAL if name == "timing" else None)

    def counts(self, rows: Rows) -> tuple[int, int, int]:
        references = {self.key(row) for row in rows}
        new = len(references - self.existing.keys())
        return new, 0, len(references) - new

    def write(self, rows: Rows, *, by: By, progress: Progress) -> None:
        wanted: dict[str, Rows] = {}
        for row in rows:
            if self.key(row) not in self.existing:
                wanted.setdefault(self.key(row), []).append(row)
        for done, members in enumerate(wanted.values(), 1):
            self._contract(members, by=by)
            progress(done, len(wanted))

    def _contract(self, members: Rows, *, by: By) -> None:
        first, today = members[0], timezone.localdate()
        payer = self.customers[first["partner"].lower()]
        assert payer is not None
        values = {
            "company": self.company,
            "reference": first["reference"],
            "payer": payer,
            "start_on": first["start_on"],
            "frequency": first["frequency"],
            "timing": first["timing"] or _USUAL,
        }
        contract = save_contract(None, values, on=today, by=by)
        address = payer.default_address()
        assert address is not None
        line = {"contract": contract, "address": address, "billed_elsewhere_until": first["billed_until"]}
        save_line(None, line, articles=[LineEdit(values=self._article(row)) for row in members], on=today, by=by)

    def _article(self, row: dict[str, Any]) -> dict[str, Any]:
        product = self.products[row["product"].lower()]
        return {
            "product": product,
            "label": product.label,
            "quantity": Decimal(1) if row["quantity"] is None else row["quantity"],
            "unit_price": product.unit_price if row["unit_price"] is None else row["unit_price"],
            "discount": row["discount"] or Decimal(0),
        }


WRITERS: dict[str, type[Writer]] = {
    "clients": Partners,
    "articles": Products,
    "parc": Equipment,
    "contrats": Contracts,
}
