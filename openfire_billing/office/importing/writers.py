"""How the rows of an import find their records, are checked and written."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Q
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
from openfire_billing.office.importing.customers import Partners, described
from openfire_billing.office.importing.kinds import KINDS
from openfire_billing.office.importing.tables import simple
from openfire_billing.office.importing.writer import Change, Faults, Progress, Question, Rows, Writer, filled

_RATE = re.compile(r"(?:tva\s*)?(\d{1,2}(?:[.,]\d{1,2})?)\s*%?", re.IGNORECASE)


class Products(Writer):
    """Found by their code."""

    def __init__(self, company: Company, *, by: By, answers: Mapping[str, str]) -> None:
        super().__init__(company, by=by, answers=answers)
        self.existing = {product.code.lower(): product for product in Product.objects.select_related("tax")}
        self.taxes = list(Tax.objects.filter(Q(company=None) | Q(company=company), is_active=True))
        units = list(Unit.objects.all())
        self.units = {simple(name): u for u in units for name in (u.name, u.symbol, u.code) if name}

    def key(self, row: dict[str, Any]) -> Any:
        return (row["code"] or "").lower()

    def check(self, rows: Rows, faults: Faults) -> None:
        super().check(rows, faults)
        for row in rows:
            if row["tax"] and not self._taxes_named(row["tax"]):
                names = ", ".join(tax.name for tax in self.taxes)
                faults.append((row["line"], "TVA", f"« {row['tax']} » n'existe pas : {names}."))
            if row["unit"] and simple(row["unit"]) not in self.units:
                faults.append((row["line"], "Unité", f"« {row['unit']} » n'existe pas, par exemple u, h, m."))

    def ask(self, rows: Rows, faults: Faults) -> list[Question]:
        asked: dict[str, Question] = {}
        for row in rows:
            meant = self._taxes_meant(row)
            key = _tax_key(row)
            if len(meant) > 1 and key not in asked:
                choices = [(str(tax.pk), tax.name) for tax in meant]
                asked[key] = Question(key, row["line"], "TVA", f"« {row['tax']} » : laquelle de ces TVA ?", choices)
        return list(asked.values())

    def _taxes_named(self, text: str) -> list[Tax]:
        """Return the tax of this name, else those of this rate: « TVA 20 % », « 20 », « 5,5 % »."""
        if exact := [tax for tax in self.taxes if tax.name.lower() == text.lower()]:
            return exact
        if similar := [tax for tax in self.taxes if simple(tax.name) == simple(text)]:
            return similar
        rate = _RATE.fullmatch(text)
        return [tax for tax in self.taxes if rate and tax.rate == Decimal(rate[1].replace(",", "."))]

    def _taxes_meant(self, row: dict[str, Any]) -> list[Tax]:
        """Return the taxes that a row may mean: of several, the one that its article has already."""
        meant, product = self._taxes_named(row["tax"]), self.record_of(row)
        return [product.tax] if product and product.tax in meant else meant

    def _tax_of(self, row: dict[str, Any]) -> Tax:
        meant = self._taxes_meant(row)
        answer = self.answers.get(_tax_key(row))
        return next((tax for tax in meant if str(tax.pk) == answer), meant[0])

    def values(self, row: dict[str, Any]) -> dict[str, Any]:
        found = filled(row, "code", "name", "kind", "unit_price", "purchase_price", "income_account")
        found["tax"] = self._tax_of(row)
        if row["unit"]:
            found["unit"] = self.units[simple(row["unit"])]
        return found

    def add(self, rows: Rows, *, by: By) -> None:
        usual = {"unit": self.units["c62"], "kind": ProductKind.SERVICE}
        made = Product.objects.bulk_create([Product(**(usual | self.values(row))) for row in rows])
        record_many([(product, "Importé", None) for product in made], "imported", by=by)


def _tax_key(row: dict[str, Any]) -> str:
    """Return the key of a row's question: the rows that share it have the same candidates, or an article that decides."""
    return f"tva-{row['tax'].lower()}"


class _OfCustomers(Writer):
    """Base of the kinds whose rows name a customer: by his shop's code, else by his name. Of several, one is asked for."""

    def __init__(self, company: Company, *, by: By, answers: Mapping[str, str]) -> None:
        super().__init__(company, by=by, answers=answers)
        self.customers: dict[str, list[Partner]] = {}
        for partner in Partner.objects.filter(is_active=True).prefetch_related("addresses"):
            for word in {partner.name.lower(), partner.store_code.lower()} - {""}:
                self.customers.setdefault(word, []).append(partner)
        known = set(self.customers)
        for merged in Partner.objects.filter(merged_into__isnull=False).select_related("merged_into"):
            for word in {merged.name.lower(), merged.store_code.lower()} - known - {""}:
                if merged.merged_into not in self.customers.setdefault(word, []):
                    self.customers[word].append(merged.merged_into)

    def customer_of(self, row: dict[str, Any]) -> Partner | None:
        """Return the customer that a row names; of several the one answered, else the first."""
        found = self.customers.get((row["partner"] or "").lower(), [])
        answer = self.answers.get(_customer_key(row))
        return next((partner for partner in found if str(partner.pk) == answer), found[0] if found else None)

    def check_customer(self, row: dict[str, Any], faults: Faults) -> None:
        """Report a customer that does not exist, or has no address."""
        partner = self.customer_of(row)
        if row["partner"] and partner is None:
            faults.append((row["line"], "Client", f"« {row['partner']} » n'existe pas : importez d'abord les clients."))
        elif partner and partner.default_address() is None:
            faults.append((row["line"], "Client", f"« {row['partner']} » n'a pas d'adresse : ajoutez-la sur sa fiche."))

    def ask(self, rows: Rows, faults: Faults) -> list[Question]:
        asked: dict[str, Question] = {}
        for row in rows:
            found, key = self.customers.get(row["partner"].lower(), []), _customer_key(row)
            if len(found) > 1 and key not in asked:
                text = f"« {row['partner']} » : lequel de ces {len(found)} clients ?"
                choices = [(str(partner.pk), described(partner)) for partner in found]
                asked[key] = Question(key, row["line"], "Client", text, choices)
        return list(asked.values())


def _customer_key(row: dict[str, Any]) -> str:
    """Return the key of a row's question: the rows that share it have the same candidates."""
    return f"client-{(row['partner'] or '').lower()}"


class Equipment(_OfCustomers):
    """Found by serial number, else by customer and name. A file never moves a piece from one customer to another."""

    def __init__(self, company: Company, *, by: By, answers: Mapping[str, str]) -> None:
        super().__init__(company, by=by, answers=answers)
        for item in InstalledProduct.objects.select_related("partner"):
            key = ("serial", item.serial_number.lower()) if item.serial_number else (item.partner_id, item.name.lower())
            self.existing.setdefault(key, item)

    def key(self, row: dict[str, Any]) -> Any:
        if row["serial_number"]:
            return ("serial", row["serial_number"].lower())
        partner = self.customer_of(row)
        return (partner.pk if partner else row["partner"], (row["name"] or "").lower())

    def check(self, rows: Rows, faults: Faults) -> None:
        super().check(rows, faults)
        for row in rows:
            self.check_customer(row, faults)
            self._check_owner(row, faults)

    def _check_owner(self, row: dict[str, Any], faults: Faults) -> None:
        """Report a serial number that is at another customer's: the appliance moved, or one of the two is wrong."""
        customer = self.customer_of(row)
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
            "partner": self.customer_of(row),
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


class Contracts(_OfCustomers):
    """Found by reference. A row is an article; rows of one reference make one contract. An existing contract is left as
    it is.
    """

    def __init__(self, company: Company, *, by: By, answers: Mapping[str, str]) -> None:
        super().__init__(company, by=by, answers=answers)
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
            self.check_customer(row, faults)
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
            return self.customer_of(row) or row[name]
        return row[name] or (_USUAL if name == "timing" else None)

    def bad_lines(self, rows: Rows, faults: Faults) -> set[int]:
        """A contract with a bad row is left whole."""
        bad = super().bad_lines(rows, faults)
        references = {self.key(row) for row in rows if row["line"] in bad}
        return bad | {row["line"] for row in rows if self.key(row) in references}

    def shown(self, rows: Rows, titles: Mapping[str, str]) -> list[Change]:
        return []

    def lock(self, rows: Rows) -> None:
        """An existing contract is left as it is."""

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
        payer = self.customer_of(first)
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
