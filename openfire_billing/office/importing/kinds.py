"""What can be imported: the columns of each kind, how a cell is read, and how a row finds its record."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.fr import siren as siren_number

from invoicing.choices import PartnerKind, ProductKind
from invoicing.models import Partner, Product
from openfire_billing.kernel.countries import HOME, country_code
from openfire_billing.kernel.formats import read_decimal
from openfire_billing.kernel.periods import FIRST_DAY, LAST_DAY
from openfire_billing.office.importing.tables import simple


class Fault(Exception):
    """A cell that cannot be read: the sentence says what is expected."""


def text(value: str) -> str:
    return value


def _number(value: str, *, digits: int, places: int) -> Decimal:
    """Read a number not below zero: `digits` in all, `places` of them decimals. Raise Fault otherwise."""
    try:
        found = read_decimal(value)
    except ValueError:
        found = None
    if found is None or found < 0:
        raise Fault(f"« {value} » n'est pas un nombre positif, par exemple 12,5")
    if found >= Decimal(10) ** (digits - places):
        raise Fault(f"« {value} » est trop grand")
    if found != found.quantize(Decimal(1).scaleb(-places)):
        raise Fault(f"« {value} » a plus de {places} décimales")
    return found


def price(value: str) -> Decimal:
    return _number(value, digits=14, places=4)


def quantity(value: str) -> Decimal:
    found = _number(value, digits=12, places=3)
    if not found:
        raise Fault("une quantité est supérieure à zéro")
    return found


def percent(value: str) -> Decimal:
    found = _number(value.replace("%", ""), digits=5, places=2)
    if found > 100:
        raise Fault(f"« {value} » dépasse 100 %")
    return found


def as_the_form(model: type[Model], name: str) -> Callable[[str], str]:
    """Return a function that validates a cell's text with the validators of field `name` and `model.clean()`, and
    returns it. It raises Fault for an invalid text.
    """

    def read(value: str) -> str:
        record = model(**{name: value})
        try:
            model._meta.get_field(name).run_validators(value)  # type: ignore[union-attr]
            record.clean()
        except ValidationError as wrong:
            raise Fault(wrong.messages[0].rstrip(".")) from None
        return value

    return read


def day(value: str) -> date:
    for shape in ("%d/%m/%Y", "%Y-%m-%d", "%d/%m/%y"):
        try:
            found = datetime.strptime(value, shape).date()  # noqa: DTZ007 (a calendar day)
        except ValueError:
            continue
        if not FIRST_DAY <= found <= LAST_DAY:
            raise Fault(f"« {value} » : choisissez une date entre {FIRST_DAY.year} et {LAST_DAY.year}")
        return found
    raise Fault(f"« {value} » n'est pas une date, par exemple 24/11/2026")


def siren(value: str) -> str:
    compact = value.replace(" ", "")
    try:
        return siren_number.validate(compact)
    except StdnumError:
        raise Fault(f"« {value} » n'est pas un SIREN valable, par exemple 732829320") from None


def country(value: str) -> str:
    found = country_code(value)
    if not found:
        raise Fault(f"« {value} » n'est pas un pays connu, par exemple Belgique ou BE")
    return found


def restored(name: str, value: str, home: str) -> str:
    """Return the text of a cell with the zero that a spreadsheet took from before a number.

    `home`: the country of the row, for French post codes (four digits) and telephones (nine). A SIREN gets its zeros
    when it is valid with them.
    """
    digits = value.replace(" ", "")
    if not (digits.isascii() and digits.isdigit()):
        return value
    is_french_zip = name == "zip" and len(digits) == 4
    is_french_phone = name in ("phone", "mobile") and len(digits) == 9 and not digits.startswith("0")
    if home == HOME and (is_french_zip or is_french_phone):
        return f"0{digits}"
    if name == "siren" and 6 <= len(digits) < 9 and siren_number.is_valid(digits.zfill(9)):
        return digits.zfill(9)
    return value


def degrees(most: int) -> Callable[[str], Decimal]:
    """Return a reader of coordinates in degrees, from -`most` to `most`. It raises Fault for any other text."""

    def read(value: str) -> Decimal:
        try:
            found = read_decimal(value)
        except ValueError:
            found = None
        if found is None or abs(found) > most:
            raise Fault(f"« {value} » n'est pas un nombre de degrés entre -{most} et {most}, par exemple 48,1173")
        return round(found, 6)

    return read


def choice(words: Mapping[str, str], *, labels: Iterable[tuple[str, str]] = ()) -> Callable[[str], str]:
    """Return a reader of these words and of the labels on screen, without accents or case. It raises Fault for any
    other text.
    """
    known = {simple(str(label)): value for value, label in labels} | dict(words)

    def read(value: str) -> str:
        found = known.get(simple(value))
        if found is None:
            raise Fault(f"« {value} » n'est pas prévu ici ; choisissez parmi : {', '.join(words)}")
        return found

    return read


@dataclass(frozen=True)
class Column:
    """A column: its title, other titles accepted, how its cells are read, whether it must be filled, and what the sample
    file has in it.
    """

    name: str
    title: str
    read: Callable[[str], Any] = text
    is_required: bool = False
    also: Sequence[str] = ()
    longest: int = 160
    example: str = ""

    def titles(self) -> list[str]:
        return [simple(title) for title in (self.title, *self.also)]


@dataclass(frozen=True)
class Kind:
    """Something to import. `code` names it in commands, `slug` in addresses; `hint` says how a row finds its record."""

    code: str
    slug: str
    label: str
    permission: str
    columns: Sequence[Column] = field(default_factory=tuple)
    hint: str = ""


_NATURES = {
    "particulier": PartnerKind.PRIVATE,
    "entreprise": PartnerKind.BUSINESS,
    "syndic": PartnerKind.NON_TAXABLE,
    "association": PartnerKind.NON_TAXABLE,
    "public": PartnerKind.PUBLIC,
    "union europeenne": PartnerKind.EU,
    "etranger": PartnerKind.OTHER,
}
_FREQUENCIES = {
    "mensuelle": "monthly",
    "trimestrielle": "quarterly",
    "semestrielle": "half_yearly",
    "annuelle": "yearly",
}
KINDS = {
    kind.code: kind
    for kind in (
        Kind(
            "clients",
            "customers",
            "Clients",
            "invoicing.add_partner",
            (
                Column("name", "Nom", is_required=True, longest=120, example="Bellec Ronan"),
                Column("kind", "Nature", choice(_NATURES, labels=PartnerKind.choices), example="Particulier"),
                Column("store_code", "Code magasin", also=("Code", "Code client"), longest=40, example="B0001"),
                Column("phone", "Téléphone", longest=30, example="02 61 91 30 11"),
                Column("mobile", "Mobile", also=("Portable",), longest=30, example="06 39 98 00 01"),
                Column(
                    "email",
                    "E-mail",
                    as_the_form(Partner, "email"),
                    also=("Mail", "Courriel"),
                    example="ronan@exemple.example",
                ),
                Column("siren", "SIREN", siren),
                Column("vat_number", "N° TVA", as_the_form(Partner, "vat_number"), longest=20),
                Column("street", "Rue", is_required=True, also=("Adresse",), longest=120, example="18 rue du Moulin"),
                Column("street2", "Complément", longest=120),
                Column("zip", "Code postal", is_required=True, also=("CP",), longest=10, example="01000"),
                Column("city", "Ville", is_required=True, longest=80, example="Bourg-en-Bresse"),
                Column("country", "Pays", country, example="France"),
                Column("latitude", "Latitude", degrees(90), also=("Lat",), example="46,2052"),
                Column("longitude", "Longitude", degrees(180), also=("Lon", "Lng"), example="5,2255"),
            ),
            "Un client est reconnu à son code magasin, sinon à son nom et son code postal, avec la rue, un téléphone, "
            "l'e-mail ou le SIREN en commun ; sans rien d'autre en commun, l'aperçu demande. Ce que dit le fichier "
            "remplace ce qu'il y a, l'adresse aussi. S'il a plusieurs adresses, elles restent, et l'aperçu le dit. "
            "Les factures validées gardent la leur.",
        ),
        Kind(
            "articles",
            "products",
            "Articles",
            "invoicing.add_product",
            (
                Column("code", "Code", is_required=True, also=("Référence",), longest=40, example="ramonage"),
                Column("name", "Nom", is_required=True, also=("Désignation",), example="Ramonage d'un poêle"),
                Column(
                    "kind",
                    "Catégorie",
                    choice({"bien": ProductKind.GOODS, "service": ProductKind.SERVICE}, labels=ProductKind.choices),
                    also=("Catégorie d'opération",),
                    example="Service",
                ),
                Column("unit", "Unité", longest=60, example="u"),
                Column(
                    "unit_price",
                    "Prix unitaire",
                    price,
                    is_required=True,
                    also=("Prix", "Prix de vente", "Prix unitaire HT"),
                    example="64,00",
                ),
                Column("purchase_price", "Prix d'achat", price),
                Column("tax", "TVA", is_required=True, example="TVA 20 % travaux"),
                Column(
                    "income_account",
                    "Compte de produit",
                    as_the_form(Product, "income_account"),
                    also=("Compte",),
                    longest=12,
                    example="706000",
                ),
            ),
        ),
        Kind(
            "parc",
            "equipment",
            "Parc installé",
            "interventions.add_installedproduct",
            (
                Column(
                    "partner",
                    "Client",
                    is_required=True,
                    also=("Code magasin", "Nom du client"),
                    example="Bellec Ronan",
                ),
                Column(
                    "name",
                    "Désignation",
                    is_required=True,
                    also=("Appareil", "Nom"),
                    longest=120,
                    example="Poêle à bois",
                ),
                Column("brand", "Marque", longest=60, example="Fonderie Fictive"),
                Column("serial_number", "N° de série", longest=60, example="FF-0001"),
                Column("installed_on", "Posé le", day, example="15/03/2021"),
                Column("warranty_until", "Garantie jusqu'au", day, example="15/03/2026"),
            ),
            "Un appareil est reconnu à son n° de série, sinon à son client et sa désignation. S'il est déjà chez un "
            "autre client, c'est un défaut : il ne change de client que sur sa fiche, avec son adresse.",
        ),
        Kind(
            "contrats",
            "contracts",
            "Contrats",
            "contracts.add_contract",
            (
                Column("reference", "Référence", is_required=True, longest=35, example="C-0001"),
                Column("partner", "Client", is_required=True, also=("Client payeur",), example="Bellec Ronan"),
                Column("start_on", "Début", day, is_required=True, example="01/02/2024"),
                Column("frequency", "Fréquence", choice(_FREQUENCIES), is_required=True, example="Annuelle"),
                Column("timing", "Type", choice({"a echoir": "in_advance", "echu": "in_arrears"}), example="À échoir"),
                Column("billed_until", "Facturé ailleurs jusqu'au", day, example="31/12/2026"),
                Column("product", "Article", is_required=True, example="ramonage"),
                Column("quantity", "Quantité", quantity, example="1"),
                Column("unit_price", "Prix annuel", price, also=("Prix unitaire", "Prix"), example="180,00"),
                Column("discount", "Remise", percent),
            ),
        ),
    )
}
