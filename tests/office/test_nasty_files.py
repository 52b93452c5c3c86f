"""Files that people really send: leading zeros, encodings, separators, spreadsheet errors, our own exports. By value."""

import csv
from collections.abc import Callable
from datetime import date, datetime
from html import unescape
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from openpyxl import Workbook, load_workbook

from interventions.models import InstalledProduct
from invoicing.models import HistoryLine, Partner, Product, Tax
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.importing import KINDS, Preview, apply_import, prepare_import
from openfire_billing.office.roles import ACCOUNTANT, MANAGER
from tests.factories import (
    AddressFactory,
    InstalledProductFactory,
    PartnerFactory,
    ProductFactory,
    World,
    nothing_changed,
)
from tests.factories.pages import address, errors_of

HEAD = ("Nom", "Rue", "CP", "Ville")
EVEN = ("Even Katell", "2 rue", "35000", "Rennes")


def csv_of(*rows: tuple[str, ...], separator: str = ";", end: str = "\n") -> str:
    return "".join(separator.join(row) + end for row in rows)


def xlsx_of(*rows: tuple[Any, ...], formats: dict[str, str] | None = None, also: tuple[str, ...] = ()) -> bytes:
    """A workbook of these rows. `formats`: {cell: number format}; `also`: more sheets."""
    book, out = Workbook(), BytesIO()
    for row in rows:
        book.active.append(row)
    for cell, shape in (formats or {}).items():
        book.active[cell].number_format = shape
    for name in also:
        book.create_sheet(name).append(["autre"])
    book.save(out)
    return out.getvalue()


def prepared(world: World, content: bytes | str, *, kind: str = "clients", name: str = "", **answers: str) -> Preview:
    content = content.encode() if isinstance(content, str) else content
    name = name or ("f.xlsx" if content.startswith(b"PK") else "f.csv")
    found = prepare_import(KINDS[kind], name=name, content=content, company=world.company, by=world.manager)
    found.answers = answers
    return found


def imported(world: World, content: bytes | str, **options: Any) -> tuple[int, int, int]:
    only_good = options.pop("only_good", False)
    done = apply_import(
        prepared(world, content, **options), company=world.company, by=world.manager, only_good=only_good
    )
    return done.new, done.changed, done.same


PHONE = (*HEAD, "Téléphone")
ERROR = "« {} » est une erreur du tableur : corrigez la formule, ou tapez la valeur."
READ: dict[str, tuple[Callable[[], bytes | str], dict[str, Any]]] = {
    "postcode of a number format": (
        lambda: xlsx_of(HEAD, ("Even", "2 rue", 1000, "Bourg"), formats={"C2": "00000"}),
        {"zip": "01000"},
    ),
    "telephone of a number format": (
        lambda: xlsx_of(PHONE, (*EVEN, 261913011), formats={"E2": '0#" "##" "##" "##" "##'}),
        {"phone": "02 61 91 30 11"},
    ),
    "telephone with its zeros in the format": (
        lambda: xlsx_of(PHONE, (*EVEN, 639980001), formats={"E2": "0000000000"}),
        {"phone": "0639980001"},
    ),
    "code of a number format": (
        lambda: xlsx_of((*HEAD, "Code"), (*EVEN, 7), formats={"E2": "0000"}),
        {"store_code": "0007"},
    ),
    "no-break spaces": (
        lambda: csv_of(HEAD, ("Even\u00a0Katell", "2\u202frue\u2009du\u3000Moulin", "35000", "Rennes")),
        {"name": "Even Katell", "street": "2 rue du Moulin"},
    ),
    "line breaks in a cell": (
        lambda: xlsx_of(HEAD, ("Even\nKatell", "2 rue\r\nbâtiment B\tporte 3", "35000", "Rennes")),
        {"name": "Even Katell", "street": "2 rue bâtiment B porte 3"},
    ),
    "zero-width characters and a soft hyphen": (
        lambda: csv_of(HEAD, ("\u200bEven\ufeff Ka\u00adtell", *EVEN[1:])),
        {"name": "Even Katell"},
    ),
    "UTF-8 with its mark": (lambda: "\ufeff" + csv_of(HEAD, ("Jégou", *EVEN[1:])), {"name": "Jégou"}),
    "UTF-16 with its mark": (lambda: csv_of(HEAD, ("Jégou", *EVEN[1:])).encode("utf-16"), {"name": "Jégou"}),
    "UTF-16, the other end first": (
        lambda: b"\xfe\xff" + csv_of(HEAD, ("Jégou", *EVEN[1:])).encode("utf-16-be"),
        {"name": "Jégou"},
    ),
    "Windows": (lambda: csv_of(HEAD, ("Jégou Œuvre", *EVEN[1:])).encode("cp1252"), {"name": "Jégou Œuvre"}),
    "commas, CRLF": (lambda: csv_of(HEAD, EVEN, separator=",", end="\r\n"), {"name": "Even Katell", "zip": "35000"}),
    "tabs, CR alone": (lambda: csv_of(HEAD, EVEN, separator="\t", end="\r"), {"name": "Even Katell", "city": "Rennes"}),
    "sep=": (lambda: "sep=|\r\n" + csv_of(HEAD, EVEN, separator="|"), {"name": "Even Katell", "line": 3}),
    "sep= where another separator is more frequent": (
        lambda: "sep=;\n" + csv_of(HEAD, ("Even, Katell", "2, rue, du, Moulin", "35000", "Rennes")),
        {"name": "Even, Katell", "street": "2, rue, du, Moulin"},
    ),
    "quotes within quotes": (
        lambda: 'Nom;Rue;CP;Ville\n"Even ""Kat""";"2; rue";35000;Rennes\n',
        {"name": 'Even "Kat"', "street": "2; rue"},
    ),
    "decimals as a spreadsheet holds them": (
        lambda: xlsx_of((*HEAD, "Complément"), (*EVEN, 0.1 + 0.2)),
        {"street2": "0,3"},
    ),
    "a text that our exports guard": (lambda: csv_of(HEAD, ("'=Even", *EVEN[1:])), {"name": "=Even"}),
    "a name that begins with an apostrophe": (lambda: csv_of(HEAD, ("'t Hooft", *EVEN[1:])), {"name": "'t Hooft"}),
    "label of the screen": (
        lambda: csv_of((*HEAD, "Nature", "SIREN"), (*EVEN, "Entreprise française", "732 829 320")),
        {"kind": "business", "siren": "732829320"},
    ),
    "country by its name": (
        lambda: csv_of((*HEAD, "Pays"), ("Even", "2 rue", "1000", "Bruxelles", "BELGIQUE")),
        {"zip": "1000", "country": "BE"},
    ),
    "country by its code, before the postcode is read": (
        lambda: csv_of(("Pays", *HEAD), ("ch", "Even", "2 rue", "1200", "Genève")),
        {"zip": "1200", "country": "CH"},
    ),
    "workbook named as a CSV": (lambda: xlsx_of(HEAD, EVEN), {"name": "Even Katell"}),
    "columns of blanks to the right": (
        lambda: "Nom;Rue;CP;Ville;;;;\nEven;2 rue;35000;Rennes;;;; \n",
        {"city": "Rennes"},
    ),
}


@pytest.mark.parametrize("case", READ)
def test_read_as_it_was_meant(world: World, case: str) -> None:
    content, values = READ[case]

    found = prepared(world, content(), name="f.csv" if case == "workbook named as a CSV" else "")

    assert found.faults == []
    assert {name: found.rows[0][name] for name in values} == values
    assert (len(found.rows), found.new, found.changes) == (1, 1, [])


ZERO = "zéro de tête rendu"
RESTORED: dict[str, tuple[Callable[[], bytes | str], tuple[str, str, str]]] = {
    "postcode, a number without a format": (
        lambda: xlsx_of(HEAD, ("Even", "2 rue", 1000, "Bourg")),
        ("Code postal", "1000", "01000"),
    ),
    "postcode in a CSV": (lambda: csv_of(HEAD, ("Even", "2 rue", "1000", "Bourg")), ("Code postal", "1000", "01000")),
    "telephone": (lambda: xlsx_of(PHONE, (*EVEN, 261913011)), ("Téléphone", "261913011", "0261913011")),
    "SIREN": (
        lambda: csv_of((*HEAD, "SIREN"), (*EVEN, "5520135")),
        ("SIREN", "5520135", "005520135"),
    ),
}


@pytest.mark.parametrize("case", RESTORED)
def test_zeros_that_a_spreadsheet_took_are_given_back_and_shown(world: World, case: str) -> None:
    content, (title, old, new) = RESTORED[case]

    found = prepared(world, content())

    assert (found.faults, found.new) == ([], 1)
    assert [(c.line, c.title, c.old, c.new, c.why) for c in found.changes] == [(2, title, old, new, ZERO)]


FAULTS: dict[str, tuple[Callable[[], bytes | str], tuple[int, str, str]]] = {
    "error of a formula": (
        lambda: xlsx_of(HEAD, ("Even", "#REF!", "35000", "Rennes")),
        (2, "Rue", ERROR.format("#REF!")),
    ),
    "French error in a CSV": (
        lambda: csv_of(HEAD, ("#NOM?", *EVEN[1:])),
        (2, "Nom", ERROR.format("#NOM?")),
    ),
    "column too narrow": (
        lambda: csv_of(HEAD, ("Even", "2 rue", "#####", "Rennes")),
        (2, "Code postal", ERROR.format("#####")),
    ),
    "formula without a result": (
        lambda: xlsx_of(HEAD, ("Even", "2 rue", "=1000+1", "Rennes")),
        (
            2,
            "Code postal",
            "« ? » est une formule sans résultat : ouvrez le classeur dans le tableur et enregistrez-le.",
        ),
    ),
    "lost letters": (
        lambda: csv_of(HEAD, ("J\ufffdgou", *EVEN[1:])),
        (2, "Nom", "« J\ufffdgou » a perdu des lettres : retapez-les, ou enregistrez de nouveau le fichier en XLSX."),
    ),
    "UTF-8 read as Windows": (
        lambda: (
            csv_of(
                HEAD,
                ("Jégou", *EVEN[1:]),
            )
            .encode()
            .decode("cp1252")
        ),
        (
            2,
            "Nom",
            "« JÃ©gou » a des accents abîmés (« Jégou » ?) : enregistrez de nouveau le fichier en XLSX.",
        ),
    ),
    "DOS": (
        lambda: csv_of(HEAD, ("Jégou", *EVEN[1:])).encode("cp850"),
        (2, "Nom", "« J‚gou » a des accents abîmés : enregistrez de nouveau le fichier en XLSX."),
    ),
    "old Macintosh": (
        lambda: csv_of(HEAD, ("Jégou", *EVEN[1:])).encode("mac_roman"),
        (2, "Nom", "« JŽgou » a des accents abîmés : enregistrez de nouveau le fichier en XLSX."),
    ),
    "number shortened": (
        lambda: csv_of(PHONE, (*EVEN, "2,62E+08")),
        (
            2,
            "Téléphone",
            "« 2,62E+08 » est un nombre que le tableur a abrégé : mettez la cellule en texte, puis retapez-le.",
        ),
    ),
    "number too long to be kept": (
        lambda: xlsx_of((*HEAD, "Code"), (*EVEN, 12345678901234567)),
        (
            2,
            "Code magasin",
            "« 12345678901234570 » est un nombre trop long, le tableur n'en garde que 15 chiffres : mettez la cellule en "
            "texte, puis retapez-le.",
        ),
    ),
    "code turned into a day": (
        lambda: xlsx_of((*HEAD, "Code"), (*EVEN, datetime(2026, 2, 1))),  # noqa: DTZ001 as a spreadsheet has it
        (
            2,
            "Code magasin",
            "« 01/02/2026 » est une date pour le tableur : mettez la cellule en texte, puis retapez-la.",
        ),
    ),
    "unknown country": (
        lambda: csv_of((*HEAD, "Pays"), (*EVEN, "Bretagne")),
        (2, "Pays", "« Bretagne » n'est pas un pays connu, par exemple Belgique ou BE."),
    ),
    "a separator too many": (
        lambda: csv_of(HEAD, ("Even", "Katell", "2 rue", "35000", "Rennes")),
        (2, "", "« Rennes » est dans une colonne sans titre : donnez-lui un titre, ou ôtez un séparateur de trop."),
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_is_spoilt_is_named_not_taken(world: World, case: str) -> None:
    content, fault = FAULTS[case]

    with nothing_changed():
        found = prepared(world, content())

    assert (found.faults, found.new) == ([fault], 0)


REFUSED: dict[str, tuple[bytes, str]] = {
    "quote that never ends": (
        b'Nom;Rue;CP;Ville\n"Even;2 rue;35000;Rennes\n',
        "À partir de la ligne 2, un guillemet est mal placé ou n'est pas refermé : corrigez-le, ou enregistrez le "
        "fichier en XLSX.",
    ),
    "unknown encoding": (
        b"Nom;Rue;CP;Ville\nJ\x8f\x81gou;2 rue;35000;Rennes\n",
        "L'encodage de ce fichier n'est pas connu : enregistrez-le en « CSV UTF-8 » ou en XLSX, puis réessayez.",
    ),
    "old workbook": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512,
        "Ce classeur est de l'ancien format XLS, ou protégé par un mot de passe : enregistrez-le en XLSX, sans mot de "
        "passe, puis réessayez.",
    ),
    "UTF-16 without its mark": (
        csv_of(HEAD, EVEN).encode("utf-16-le"),
        "Ce fichier n'est pas un tableau : enregistrez-le en CSV ou en XLSX, puis réessayez.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused(world: World, case: str) -> None:
    content, sentence = REFUSED[case]

    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        prepared(world, content)

    assert str(refusal.value) == sentence


def test_first_visible_sheet_is_read_and_the_others_are_told(world: World) -> None:
    found = prepared(world, xlsx_of(HEAD, EVEN, also=("Notes", "Archives")))

    assert found.remarks == [
        "Le classeur a 3 feuilles : seule « Sheet » est lue. Pour une autre, enregistrez-la dans un classeur à elle."
    ]


# Our own exports


def exported(world: World, model: type[Any], kind: str) -> bytes:
    answer = world.office(ACCOUNTANT).get(address(model, "export"), format=kind)
    return b"".join(answer.streaming_content) if kind == "csv" else answer.content


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_our_own_export_of_customers_changes_nothing(world: World, form: str) -> None:
    Partner.objects.filter(pk=world.customer.pk).update(store_code="0007", phone="02 61 91 30 11")
    PartnerFactory(name="Fonderie", kind="business")  # typed without its SIREN
    PartnerFactory(name="=Somme", kind="eu", vat_number="BE0428759497", address=False)
    AddressFactory(
        partner=Partner.objects.get(name="=Somme"), street="1 rue", zip="1000", city="Bruxelles", country="BE"
    )
    count = Partner.objects.count()

    found = prepared(world, exported(world, Partner, form))

    assert (found.faults, found.questions, found.changes) == ([], [], [])
    assert (found.new, found.changed, found.same) == (0, 0, count)
    assert found.ignored == ["facturer a", "actif"]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_our_own_export_of_articles_and_equipment_changes_nothing(world: World, form: str) -> None:
    ProductFactory(code="0042", name="Joint", kind="goods", unit_price="12.4567")
    InstalledProductFactory(partner=world.customer, serial_number="0001", installed_on=date(2021, 3, 15))

    articles = prepared(world, exported(world, Product, form), kind="articles")
    equipment = prepared(world, exported(world, InstalledProduct, form), kind="parc")

    assert (articles.faults, articles.questions, articles.changes) == ([], [], [])
    assert (articles.new, articles.changed, articles.same) == (0, 0, Product.objects.count())
    assert (equipment.faults, equipment.new, equipment.changed, equipment.same) == ([], 0, 0, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_sample_of_each_kind_is_imported(world: World, kind: str) -> None:
    office = world.office(MANAGER)
    for before in list(KINDS)[: list(KINDS).index(kind) + 1]:
        answer = office.get(f"/admin/import/{KINDS[before].slug}/sample/")
        assert load_workbook(BytesIO(answer.content)).active["A2"].number_format == "@"
        assert imported(world, answer.content, kind=before) == (1, 0, 0)

    if kind == "clients":
        bellec = Partner.objects.get(name="Bellec Ronan")
        assert (bellec.store_code, bellec.default_address().zip) == ("B0001", "01000")


# What changes, what is asked

HOME = "Nom;Rue;CP;Ville;Téléphone\n{}\n"


def test_each_change_of_a_record_is_shown_before_it_is_made(world: World) -> None:
    Partner.objects.filter(pk=world.customer.pk).update(store_code="A1", phone="02 61 91 30 11", version=4)
    home = world.customer.default_address()
    text = "Code;Nom;Rue;CP;Ville;Téléphone\na1;AUBRY Maëlle;9 quai Neuf;35200;Rennes;02 61 91 30 99\n"

    found = prepared(world, text)

    assert [(change.title, change.old, change.new) for change in found.changes] == [
        ("Nom", "Aubry Maëlle", "AUBRY Maëlle"),
        ("Code magasin", "A1", "a1"),
        ("Téléphone", "02 61 91 30 11", "02 61 91 30 99"),
        ("Adresse", ", ".join(home.lines), "9 quai Neuf, 35200 Rennes"),
    ]
    assert imported(world, text) == (0, 1, 0)
    world.customer.refresh_from_db()
    home.refresh_from_db()
    assert (world.customer.version, home.version, home.street) == (5, 2, "9 quai Neuf")
    assert HistoryLine.objects.of(world.customer).first().changes["name"] == ["Aubry Maëlle", "AUBRY Maëlle"]


def namesake() -> Partner:
    partner = PartnerFactory(name="Le Goff Yann", phone="02 61 91 30 11", address=False)
    AddressFactory(partner=partner, street="1 rue A", zip="35000", city="Rennes", is_default=True)
    return partner


@pytest.mark.parametrize(
    ("answer", "counts", "places"),
    [
        ("same", (0, 1, 0), ["9 rue B"]),
        ("new", (1, 0, 0), ["1 rue A", "9 rue B"]),
        ("skip", (0, 0, 0), ["1 rue A"]),
    ],
)
def test_namesake_of_the_same_postcode_is_asked_about(
    world: World, answer: str, counts: tuple[int, int, int], places: list[str]
) -> None:
    """He was overwritten: another Le Goff Yann of Rennes got the street of the first."""
    yann = namesake()
    text = HOME.format("Le Goff Yann;9 rue B;35000;Rennes;06 39 98 00 01")

    found = prepared(world, text)
    (question,) = found.questions
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        apply_import(found, company=world.company, by=world.manager)

    assert str(refusal.value) == (
        "1 question(s) sans réponse, d'abord à la ligne 2 : rien n'est écrit. Répondez, puis réessayez."
    )
    assert (question.key, question.line) == ("ligne-2", 2)
    assert question.text == (
        "« Le Goff Yann », 9 rue B, 35000 Rennes : un client a ce nom et ce code postal, et rien d'autre en commun."
    )
    assert list(question.choices) == [
        (str(yann.pk), "C'est Le Goff Yann, 1 rue A, 35000 Rennes"),
        ("new", "C'est un autre client"),
        ("skip", "Laisser cette ligne"),
    ]
    chosen = str(yann.pk) if answer == "same" else answer
    assert imported(world, text, **{"ligne-2": chosen}) == counts
    streets = Partner.objects.filter(name="Le Goff Yann").values_list("addresses__street", flat=True)
    assert sorted(streets) == places


@pytest.mark.parametrize(
    "row",
    ["Le Goff Yann;1 RUE A;35000;Rennes;06 39 98 00 01", "LE GOFF YANN;9 rue B;35000;Rennes;+33 2 61 91 30 11"],
    ids=["street", "telephone"],
)
def test_customer_with_one_more_thing_in_common_is_himself(world: World, row: str) -> None:
    namesake()

    found = prepared(world, HOME.format(row))

    assert (found.questions, found.new, found.changed) == ([], 0, 1)


def test_two_namesakes_of_one_file_are_two_and_stay_two(world: World) -> None:
    rows = "Le Goff Yann;1 rue A;35000;Rennes;02 61 91 30 11\nLe Goff Yann;9 rue B;35000;Rennes;06 39 98 00 01"
    text = HOME.format(rows)

    (question,) = prepared(world, text).questions
    assert [choice for choice, _label in question.choices] == ["new", "skip"]
    assert question.text.endswith("la ligne 2 a ce nom et ce code postal.")
    assert imported(world, text, **{"ligne-3": "new"}) == (2, 0, 0)
    with nothing_changed():
        assert imported(world, text) == (0, 0, 2)


TWINS = {
    "one has a code": (("Le Goff Anne;B9;1 rue A;", "Le Goff Anne;;1 rue A;"), [(3, 2)], []),
    "the other has it": (("Le Goff Anne;;1 rue A;", "Le Goff Anne;B9;1 rue A;"), [(3, 2)], []),
    "each has its own": (("Le Goff Anne;B8;1 rue A;", "Le Goff Anne;B9;1 rue A;"), [], []),
    "one code, two names": (("Le Goff Anne;B9;1 rue A;", "Le Gall Anne;b9;2 rue B;"), [(3, 2)], []),
    "nothing else in common": (("Le Goff Anne;B9;1 rue A;", "Le Goff Anne;;2 rue B;"), [], ["ligne-3"]),
    "the third as the second": (
        ("Le Goff Anne;;1 rue A;", "Le Goff Anne;;2 rue B;", "Le Goff Anne;;2 rue B;"),
        [(4, 3)],
        ["ligne-3"],
    ),
    "the third has the telephone of the second": (
        ("Le Goff Anne;;1 rue A;", "Le Goff Anne;;2 rue B;06 39 98 00 01", "Le Goff Anne;B9;3 rue C;06 39 98 00 01"),
        [(4, 3)],
        ["ligne-3"],
    ),
}


@pytest.mark.parametrize("case", TWINS)
def test_rows_of_one_customer_are_named(world: World, case: str) -> None:
    """A code in one row hid the other, and a third row was compared with the first alone."""
    rows, twice, asked = TWINS[case]
    text = "Nom;Code magasin;Rue;Téléphone;CP;Ville\n" + "".join(f"{row};35000;Rennes\n" for row in rows)

    found = prepared(world, text)

    assert found.faults == [(line, "", f"déjà à la ligne {first} du fichier.") for line, first in twice]
    assert [question.key for question in found.questions] == asked


def test_business_without_a_siren_is_refused_once_it_is_known_to_be_new(world: World) -> None:
    namesake()
    text = "Nom;Nature;Rue;CP;Ville\nLe Goff Yann;Entreprise;9 rue B;35000;Rennes\n"

    assert prepared(world, text).faults == []
    with nothing_changed(), pytest.raises(BusinessError, match="1 défaut"):
        imported(world, text, **{"ligne-2": "new"})


def test_shop_code_is_given_to_the_customer_who_has_none(world: World) -> None:
    """A second record was made of everybody typed by hand before the shop's file came."""
    yann = namesake()

    assert imported(world, "Code;Nom;Rue;CP;Ville\nK7;Le Goff Yann;1 rue A;35000;Rennes\n") == (0, 1, 0)

    yann.refresh_from_db()
    assert yann.store_code == "K7"


def test_rate_alone_is_the_tax_of_that_rate_and_of_two_one_is_asked_for(world: World) -> None:
    Tax.objects.filter(rate=20).update(is_active=False)
    goods, works = (Tax.objects.create(name=name, rate=20, account="445710") for name in ("TVA 20 % A", "TVA 20 % B"))
    text = "Code;Nom;Prix;TVA\nbougie;Bougie;64,00;{}\n"

    (question,) = prepared(world, text.format("20"), kind="articles").questions
    assert (question.key, question.text) == ("tva-20", "« 20 » : laquelle de ces TVA ?")
    assert list(question.choices) == [(str(goods.pk), "TVA 20 % A"), (str(works.pk), "TVA 20 % B")]
    assert prepared(world, text.format("TVA 20% b"), kind="articles").questions == []
    assert imported(world, text.format("20"), kind="articles", **{"tva-20": str(works.pk)}) == (1, 0, 0)
    assert Product.objects.get(code="bougie").tax == works
    assert imported(world, text.format("20 %"), kind="articles") == (0, 0, 1)  # as the article has it


def test_of_two_customers_of_one_name_one_is_asked_for(world: World) -> None:
    first, second = namesake(), PartnerFactory(name="le goff yann")
    text = "Client;Appareil;N° de série\nLe Goff Yann;Poêle;S-1\nLe Goff Yann;Chaudière;S-2\n"

    (question,) = prepared(world, text, kind="parc").questions
    assert {choice for choice, _label in question.choices} == {str(first.pk), str(second.pk)}
    assert imported(world, text, kind="parc", **{"client-le goff yann": str(second.pk)}) == (2, 0, 0)
    assert set(InstalledProduct.objects.values_list("partner", flat=True)) == {second.pk}


def test_names_that_differ_by_an_accent_are_two_questions(world: World) -> None:
    plain = [PartnerFactory(name="Andre") for _each in range(2)]
    accented = [PartnerFactory(name="André") for _each in range(2)]
    text = "Client;Appareil;N° de série\nAndre;Poêle;S-1\nANDRÉ;Chaudière;S-2\n"

    found = prepared(world, text, kind="parc").questions
    asked = {question.key: {choice for choice, _label in question.choices} for question in found}

    assert asked == {
        "client-andre": {str(partner.pk) for partner in plain},
        "client-andré": {str(partner.pk) for partner in accented},
    }
    with nothing_changed(), pytest.raises(BusinessError, match=r"1 question\(s\) sans réponse, d'abord à la ligne 3"):
        imported(world, text, kind="parc", **{"client-andre": str(plain[1].pk)})
    answers = {"client-andre": str(plain[1].pk), "client-andré": str(accented[1].pk)}
    assert imported(world, text, kind="parc", **answers) == (2, 0, 0)
    assert dict(InstalledProduct.objects.values_list("serial_number", "partner")) == {
        "S-1": plain[1].pk,
        "S-2": accented[1].pk,
    }


def test_names_of_taxes_that_differ_by_an_accent_are_two_questions(world: World) -> None:
    plain, accented = (
        [Tax.objects.create(name=name, rate=20, account="445710", company=seller) for seller in (None, world.company)]
        for name in ("TVA debit", "TVA débit")
    )
    text = "Code;Nom;Prix;TVA\na;A;1,00;TVA debit\nb;B;1,00;TVA débit\n"

    found = prepared(world, text, kind="articles").questions
    asked = {question.key: {choice for choice, _label in question.choices} for question in found}

    assert asked == {
        "tva-tva debit": {str(tax.pk) for tax in plain},
        "tva-tva débit": {str(tax.pk) for tax in accented},
    }
    answers = {"tva-tva debit": str(plain[1].pk), "tva-tva débit": str(accented[1].pk)}
    assert imported(world, text, kind="articles", **answers) == (2, 0, 0)
    assert [Product.objects.get(code=code).tax for code in "ab"] == [plain[1], accented[1]]


# Good lines taken, the others given back

MIXED = "Nom;Rue;CP;Ville;E-mail\nÉven;1 rue;35000;Rennes;\n;2 rue;35000;Rennes;pas une adresse\n'=Court;3 rue;1000;Bourg;x\n"


def test_good_lines_are_taken_and_the_others_given_back_with_reasons(world: World) -> None:
    office, url = world.office(MANAGER), "/admin/import/customers/"
    with nothing_changed():
        page = office.client.post(url, {"file": SimpleUploadedFile("c.csv", MIXED.encode())})
    text = unescape(page.content.decode())
    assert "ou prenez les 1 lignes sans défaut" in text
    token = page.context["token"]

    done = office.client.post(url, {"token": token, "good": "1"})

    assert Partner.objects.filter(name="Éven").count() == 1
    assert Partner.objects.filter(addresses__street__in=["2 rue", "3 rue"]).count() == 0
    after = office.client.get(done.url)
    assert "téléchargez-les avec leur raison" in unescape(after.content.decode())
    left = office.get(f"{url}left/", token=after.context["left"])
    assert left["Content-Disposition"] == 'attachment; filename="clients-a-corriger.csv"'
    mail = "E-mail : Saisissez une adresse e-mail valide."
    assert list(csv.reader(StringIO(left.content.decode("utf-8-sig")), delimiter=";")) == [
        ["Nom", "Rue", "CP", "Ville", "E-mail", "Raison"],
        ["", "2 rue", "35000", "Rennes", "pas une adresse", f"Nom : à remplir. {mail}"],
        ["'=Court", "3 rue", "1000", "Bourg", "x", mail],
    ]
    mended = (
        left.content.decode("utf-8-sig")
        .replace("pas une adresse", "")
        .replace("\r\n;", "\r\nNaour;")
        .replace(";x;", ";;")
    )
    assert imported(world, mended) == (2, 0, 0)
    assert Partner.objects.get(name="=Court").default_address().zip == "01000"
    for other in (world.office(ACCOUNTANT), office):
        wrong = token + "x" if other is office else token
        assert other.client.get(f"{url}left/", {"token": wrong}).status_code in (403, 404)


def test_a_contract_with_a_bad_line_is_left_whole(world: World) -> None:
    text = (
        "Référence;Client;Début;Fréquence;Article\nC-1;Aubry Maëlle;01/02/2024;Annuelle;ram_pose\n"
        "C-1;Aubry Maëlle;01/02/2024;Annuelle;inconnu\nC-2;Aubry Maëlle;01/02/2024;Annuelle;ram_pose\n"
    )

    found = prepared(world, text, kind="contrats")

    assert (found.bad, found.good, found.new) == ({2, 3}, 1, 1)
    assert imported(world, text, kind="contrats", only_good=True) == (1, 0, 0)


def test_page_takes_answers_one_by_one_and_for_the_rest(world: World) -> None:
    office, url, yann = world.office(MANAGER), "/admin/import/customers/", namesake()
    PartnerFactory(name="Even Katell", address=False)
    text = HOME.format("Le Goff Yann;9 rue B;35000;Rennes;\nEven Katell;2 rue;35000;Rennes;")
    page = office.client.post(url, {"file": SimpleUploadedFile("c.csv", text.encode())})
    token = page.context["token"]
    assert [question.key for question in page.context["questions"]] == ["ligne-2", "ligne-3"]

    with nothing_changed():
        refused = office.client.post(url, {"token": token, "answer-ligne-2": str(yann.pk)})
    assert (refused.status_code, "1 question(s) sans réponse" in refused.context["refusal"]) == (409, True)
    assert refused.context["token"] == token
    assert [(question.key, answer) for question, answer in refused.context["answered"]] == [
        ("ligne-2", str(yann.pk)),
        ("ligne-3", ""),
    ]
    typed = {"token": token, "answer-ligne-2": str(yann.pk), "rest": "new"}
    with nothing_changed():
        page = office.client.post(url, typed)
        other = office.client.post(url, {**typed, "shown": page.context["shown"], "rest": "skip"})
    assert (page.status_code, page.context["refusal"], other.status_code) == (200, "", 200)
    assert [(c.line, c.title, c.old, c.new) for c in page.context["changes"]] == [
        (2, "Adresse", "1 rue A, 35000 Rennes", "9 rue B, 35000 Rennes")
    ]
    found = page.context["preview"]
    assert (found.new, found.changed, found.same) == (1, 1, 0)
    assert page.context["shown"] != other.context["shown"]

    done = office.client.post(url, {**typed, "shown": page.context["shown"]})

    assert done.status_code == 302
    assert yann.addresses.get().street == "9 rue B"
    assert Partner.objects.filter(name="Even Katell").count() == 2


def test_refused_import_keeps_its_preview_and_answers(world: World) -> None:
    """An answer that makes a fault: the page had neither the preview nor the file any more."""
    office, url, yann = world.office(MANAGER), "/admin/import/customers/", namesake()
    text = HOME.format("Le Goff Yann;9 rue B;35000;Rennes;\nLe Goff Yann;8 rue C;35000;Rennes;")
    token = office.client.post(url, {"file": SimpleUploadedFile("c.csv", text.encode())}).context["token"]
    typed = {"token": token, "file_name": "c.csv", "answer-ligne-2": str(yann.pk), "answer-ligne-3": str(yann.pk)}
    shown = office.client.post(url, typed).context["shown"]

    with nothing_changed():
        page = office.client.post(url, {**typed, "shown": shown})

    said = "1 défaut(s) dans le fichier : rien n'est écrit. Corrigez, puis réessayez."
    assert (page.status_code, page.context["refusal"]) == (409, said)
    assert (page.context["token"], page.context["file_name"], page.context["shown"]) == (token, "c.csv", shown)
    assert [answer for _question, answer in page.context["answered"]] == [str(yann.pk)] * 2
    assert f'<option value="{yann.pk}" selected>' in page.content.decode()
    assert office.client.post(url, {**typed, "shown": shown, "good": "1"}).status_code == 302
    assert yann.addresses.get().street == "9 rue B"


ANSWERED = """Nom;Rue;CP;Ville;Raison
Le Goff Yann;8 rue C;35000;Rennes;c'est le client de la ligne 2 du fichier : gardez-en une.
;2 rue;35000;Rennes;Nom : à remplir.
Even Katell;2 rue;35000;Rennes;laissée par votre réponse à l'aperçu.
"""  # what is left of the file below


def test_lines_that_answers_leave_are_given_back(world: World) -> None:
    """They were neither written nor in the file of the lines left, which was made before the answers."""
    office, url, yann = world.office(MANAGER), "/admin/import/customers/", namesake()
    PartnerFactory(name="Even Katell", address=False)
    rows = ("Le Goff Yann;9 rue B", "Le Goff Yann;8 rue C", ";2 rue", "Even Katell;2 rue", "Naour;4 rue")
    text = "Nom;Rue;CP;Ville\n" + "".join(f"{row};35000;Rennes\n" for row in rows)
    page = office.client.post(url, {"file": SimpleUploadedFile("c.csv", text.encode())})
    answers = {"answer-ligne-2": str(yann.pk), "answer-ligne-3": str(yann.pk), "answer-ligne-5": "skip"}
    typed = {"token": page.context["token"], "good": "1", **answers}
    page = office.client.post(url, typed)
    assert [fault[0] for fault in page.context["faults"]] == [4, 3]

    done = office.client.post(url, {**typed, "shown": page.context["shown"]})

    after = office.client.get(done.url)
    said = [str(message) for message in after.context["messages"]]
    assert said == ["Importé : 1 nouveau(x), 1 modifié(s), 0 inchangé(s). 3 ligne(s) laissée(s)."]
    left = office.get(f"{url}left/", token=after.context["left"]).content.decode("utf-8-sig")
    assert left.replace("\r\n", "\n") == ANSWERED
    assert (yann.addresses.get().street, Partner.objects.filter(name="Naour").count()) == ("9 rue B", 1)
    assert Partner.objects.filter(name="Even Katell").count() == 1


def test_command_gives_back_the_lines_that_answers_leave(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, left, yann = tmp_path / "c.csv", tmp_path / "left.csv", namesake()
    rows = ("Le Goff Yann;9 rue B", "Le Goff Yann;8 rue C", "Naour;4 rue")
    file.write_text("Nom;Rue;CP;Ville\n" + "".join(f"{row};35000;Rennes\n" for row in rows))

    call_command("import_data", "clients", str(file), "--left", str(left), "--answer", f"*={yann.pk}")

    assert left.read_text(encoding="utf-8-sig").splitlines() == ANSWERED.splitlines()[:2]
    assert capsys.readouterr().out.endswith("1 nouveau(x), 1 modifié(s), 0 inchangé(s).\n1 ligne(s) laissée(s).\n")


def test_command_asks_answers_and_gives_back(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, left = tmp_path / "c.csv", tmp_path / "left.csv"
    file.write_text(HOME.format("Le Goff Yann;9 rue B;35000;Rennes;\n;2 rue;35000;Rennes;"))
    yann = namesake()

    with nothing_changed(), pytest.raises(CommandError, match="1 question"):
        call_command("import_data", "clients", str(file), "--left", str(left))
    assert f"ligne-2={yann.pk} : C'est Le Goff Yann, 1 rue A, 35000 Rennes" in capsys.readouterr().out
    call_command("import_data", "clients", str(file), "--left", str(left), "--answer", f"ligne-2={yann.pk}")

    assert yann.addresses.get().street == "9 rue B"
    assert left.read_text(encoding="utf-8-sig").splitlines()[1] == ";2 rue;35000;Rennes;;Nom : à remplir."


# Codes are unique


def test_codes_are_one_records_whatever_their_case(world: World) -> None:
    office = world.office(MANAGER)
    PartnerFactory(name="Un", store_code="k7")
    ProductFactory(code="Bougie")
    Partner.objects.filter(pk=world.customer.pk).update(store_code="")

    for record, field, code, said in (
        (world.customer, "store_code", "K7", "Ce code magasin est celui de « Un » : cherchez sa fiche"),
        (ProductFactory(code="autre"), "code", "BOUGIE", "Ce code est celui d'un autre article"),
    ):
        with nothing_changed():
            faults = errors_of(office.save(record, **{field: code}))
        assert [said in text for texts in faults.values() for text in texts] == [True]


def test_find_doubles_says_that_there_is_none(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("find_doubles")

    assert capsys.readouterr().out == "Aucun code n'est porté deux fois.\n"
