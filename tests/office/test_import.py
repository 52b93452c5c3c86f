"""Import: each row's fault in French and nothing written; mended, all written; twice, nothing doubled."""

import os
import time
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from openpyxl import Workbook

from contracts.models import Contract
from interventions.models import InstalledProduct
from invoicing.models import HistoryLine, Partner, Product
from invoicing.services.parties.duplicates import merge_partners
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.importing import KINDS, Preview, apply_import, prepare_import
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER
from openfire_billing.office.tasks import forget_imports
from tests.factories import CompanyFactory, PartnerFactory, ProductFactory, World, nothing_changed

CLIENTS = """Nom;Nature;Code magasin;Téléphone;E-mail;SIREN;Rue;Code postal;Ville
Bellec Ronan;Particulier;B001;02 61 91 30 11;ronan@exemple.example;;18 rue du Moulin;35510;Cesson-Sévigné
Fonderie Fictive;Entreprise;;;;732829320;2 quai Imaginaire;35000;Rennes
"""
BAD = """Nom;Nature;SIREN;E-mail;Rue;CP;Ville
;Particulier;;;1 rue;35000;Rennes
Even;Martien;;;2 rue;35000;Rennes
Flochet;Entreprise;123;pas une adresse;3 rue;35000;Rennes
Even;Particulier;;;2 rue;35000;Rennes
"""


def prepared(world: World, kind: str, text: str) -> Preview:
    return prepare_import(KINDS[kind], name="f.csv", content=text.encode(), company=world.company, by=world.manager)


def imported(world: World, kind: str, text: str) -> tuple[int, int, int]:
    preview = apply_import(prepared(world, kind, text), company=world.company, by=world.manager)
    return preview.new, preview.changed, preview.same


def test_bad_file_names_each_fault_and_writes_nothing(world: World) -> None:
    with nothing_changed():
        preview = prepared(world, "clients", BAD)
        with pytest.raises(BusinessError, match="rien n'est écrit"):
            apply_import(preview, company=world.company, by=world.manager)
    assert preview.faults[:4] == [
        (2, "Nom", "à remplir."),
        (
            3,
            "Nature",
            "« Martien » n'est pas prévu ici ; choisissez parmi : particulier, entreprise, syndic, association, "
            "public, union europeenne, etranger.",
        ),
        (4, "E-mail", "Saisissez une adresse e-mail valide."),
        (4, "SIREN", "« 123 » n'est pas un SIREN valable, par exemple 732829320."),
    ]
    assert (5, "", "déjà à la ligne 3 du fichier.") in preview.faults


def test_mended_all_written_twice_nothing_doubled(world: World) -> None:
    assert imported(world, "clients", CLIENTS) == (2, 0, 0)
    ronan = Partner.objects.get(store_code="B001")
    assert (ronan.phone, ronan.default_address().city) == ("02 61 91 30 11", "Cesson-Sévigné")
    with nothing_changed():
        assert imported(world, "clients", CLIENTS) == (0, 0, 2)
    assert imported(world, "clients", CLIENTS.replace("30 11", "30 99")) == (0, 1, 1)
    ronan.refresh_from_db()
    assert ronan.phone == "02 61 91 30 99"


MOVED = "Nom;Code magasin;Rue;Code postal;Ville\nZoé Even;Z1;{}\n"


def test_customer_who_moved_has_the_address_of_the_file(world: World) -> None:
    assert imported(world, "clients", MOVED.format("1 rue A;35000;Rennes")) == (1, 0, 0)
    partner = Partner.objects.get(store_code="Z1")
    partner.addresses.update(street2="Bât. B", latitude="48.1", longitude="-1.6")
    invoice = world.posted(intervention=world.intervention(partner=partner))
    assert imported(world, "clients", MOVED.format("1 rue A;35000;Rennes")) == (0, 0, 1)

    assert imported(world, "clients", MOVED.format("99 rue B;75001;Paris")) == (0, 1, 0)

    (address,) = partner.addresses.all()
    assert (address.lines, address.latitude, address.longitude) == (["99 rue B", "75001 Paris"], None, None)
    assert (address.is_default, address.is_billing) == (True, True)
    assert HistoryLine.objects.of(partner).first().changes == {
        "addresses": ["1 rue A, Bât. B, 35000 Rennes", "99 rue B, 75001 Paris"]
    }
    invoice.refresh_from_db()
    assert invoice.buyer["lines"] == invoice.delivery["lines"] == ["1 rue A", "Bât. B", "35000 Rennes"]
    assert imported(world, "clients", MOVED.format("99 rue B;75001;Paris")) == (0, 0, 1)


def test_empty_complement_is_left_while_the_street_is_the_same(world: World) -> None:
    imported(world, "clients", MOVED.format("1 rue A;35000;Rennes"))
    partner = Partner.objects.get(store_code="Z1")
    partner.addresses.update(street2="Bât. B")

    assert imported(world, "clients", MOVED.format("1 rue A;35200;Rennes")) == (0, 1, 0)

    assert partner.addresses.get().lines == ["1 rue A", "Bât. B", "35200 Rennes"]


def test_customer_without_an_address_is_given_that_of_the_file(world: World) -> None:
    partner = Partner.objects.create(name="Zoé Even", store_code="Z1")

    assert imported(world, "clients", MOVED.format("1 rue A;35000;Rennes")) == (0, 1, 0)

    address = partner.addresses.get()
    assert (address.lines, address.is_default, address.is_billing) == (["1 rue A", "35000 Rennes"], True, True)


def test_of_several_addresses_none_is_changed_and_it_is_said(world: World) -> None:
    imported(world, "clients", MOVED.format("1 rue A;35000;Rennes"))
    partner = Partner.objects.get(store_code="Z1")
    partner.addresses.create(street="2 quai C", zip="35000", city="Rennes")
    places = [address.lines for address in partner.addresses.all()]
    office, file = world.office(MANAGER), MOVED.format("99 rue B;75001;Paris").replace("Zoé", "Zoë")

    assert prepared(world, "clients", MOVED.format("2 quai C;35000;Rennes")).notes == []
    with nothing_changed():
        page = office.client.post("/admin/import/customers/", {"file": SimpleUploadedFile("c.csv", file.encode())})

    said = (
        "« 99 rue B, 75001 Paris » n'est aucune des 2 adresses de Zoé Even : elles restent comme elles sont. "
        "Corrigez celle qui a changé sur sa fiche."
    )
    assert page.context["notes"] == [(2, "Rue", said)]
    assert said in unescape(page.content.decode())
    assert imported(world, "clients", file) == (0, 1, 0)
    assert HistoryLine.objects.of(partner).first().changes == {"name": ["Zoé Even", "Zoë Even"]}
    assert [address.lines for address in partner.addresses.all()] == places


def test_shop_file_that_still_names_a_merged_customer_makes_no_new_one(world: World) -> None:
    kept = PartnerFactory(name="Un", store_code="B001")
    merge_partners(PartnerFactory(name="Deux", store_code="B002", phone="02"), into=kept, by=world.manager)

    with nothing_changed():
        counts = imported(world, "clients", CLIENTS.splitlines()[0] + "\nDeux Ter;;B002;03;;;3 rue;35000;Rennes\n")
    equipment = imported(world, "parc", "Client;Appareil;N° de série\nB002;Poêle;S-1\n")

    assert (counts, equipment) == ((0, 0, 1), (1, 0, 0))
    assert InstalledProduct.objects.get().partner == kept


def test_articles_and_equipment(world: World) -> None:
    text = "Code;Nom;Catégorie;Unité;Prix;TVA;Compte\nbougie;Bougie;bien;u;64,00;TVA 20 % travaux;707000\n"
    assert imported(world, "articles", text) == (1, 0, 0)
    assert Product.objects.get(code="bougie").unit_price == Decimal("64.00")
    wrong = prepared(world, "articles", text.replace("TVA 20 % travaux", "TVA 19,6 %"))
    assert wrong.faults[0][:2] == (2, "TVA")
    park = "Client;Appareil;Marque;N° de série;Posé le\nAubry Maëlle;Poêle;Fonderie;FF-1;15/03/2021\n"
    assert imported(world, "parc", park) == (1, 0, 0)
    assert InstalledProduct.objects.get(serial_number="FF-1").installed_on == date(2021, 3, 15)
    assert imported(world, "parc", park) == (0, 0, 1)
    assert prepared(world, "parc", park.replace("Aubry", "Inconnu")).faults == [
        (2, "Client", "« Inconnu Maëlle » n'existe pas : importez d'abord les clients.")
    ]


def test_equipment_of_another_customer_is_named_and_stays_where_it_is(world: World) -> None:
    """Moved in silence, it would keep the address of the one who had it."""
    bellec = PartnerFactory(name="Bellec Ronan")
    park = "Client;Désignation;N° de série\n{};Poele;{}\n"
    assert imported(world, "parc", park.format("Aubry Maëlle", "SER-A1")) == (1, 0, 0)

    with nothing_changed():
        preview = prepared(world, "parc", park.format("Bellec Ronan", "ser-a1"))

    assert preview.faults == [
        (
            2,
            "N° de série",
            "« ser-a1 » est déjà celui de « Poele » chez Aubry Maëlle : corrigez la ligne ou, si l'appareil a changé "
            "de client, mettez client et adresse sur sa fiche.",
        )
    ]
    item = InstalledProduct.objects.get()
    assert (item.partner, item.address) == (world.customer, world.customer.default_address())
    InstalledProduct.objects.update(partner=bellec, address=bellec.default_address())  # as on its page
    assert imported(world, "parc", park.format("Bellec Ronan", "SER-A1")) == (0, 0, 1)


REFUSED_CELLS = [
    ("articles", "Prix", "99999999999", "« 99999999999 » est trop grand."),
    ("articles", "Prix", "1e400", "« 1e400 » est trop grand."),
    ("articles", "Prix", "12,34567", "« 12,34567 » a plus de 4 décimales."),
    ("articles", "Compte", "706<b>é", "Un compte commence par trois chiffres, par exemple 706000."),
    ("clients", "E-mail", "a@b", "Saisissez une adresse e-mail valide."),
    ("clients", "N° TVA", "FRZZ", "« FRZZ » n'est pas valable, par exemple FR44732829320."),
    ("contrats", "Quantité", "0", "une quantité est supérieure à zéro."),
    ("contrats", "Quantité", "-1", "« -1 » n'est pas un nombre positif, par exemple 12,5."),
]
ROWS = {
    "articles": {"Code": "b", "Nom": "Bougie", "Prix": "64", "TVA": "TVA 20 % travaux"},
    "clients": {"Nom": "Even", "Rue": "2 rue", "Code postal": "35000", "Ville": "Rennes"},
    "contrats": {"Référence": "C-1", "Client": "Aubry Maëlle", "Début": "01/02/2024", "Fréquence": "Mensuelle"}
    | {"Article": "ram_pose"},
}


@pytest.mark.parametrize(("kind", "title", "cell", "sentence"), REFUSED_CELLS)
def test_cell_that_its_column_does_not_hold_is_named(
    world: World, kind: str, title: str, cell: str, sentence: str
) -> None:
    ProductFactory(code="ram_pose")
    row = ROWS[kind] | {title: cell}

    with nothing_changed():
        found = prepared(world, kind, f"{';'.join(row)}\n{';'.join(row.values())}\n")

    assert [(line, said) for line, _column, said in found.faults] == [(2, sentence)]


def test_titles_that_say_nothing_are_told(world: World) -> None:
    text = "Nom;tel portable;Rue;Code postal;Ville\nEven;06;2 rue;35000;Rennes\n"

    found = prepared(world, "clients", text)

    assert (found.faults, found.new, found.ignored) == ([], 1, ["tel portable"])


def test_contracts_with_their_articles(world: World) -> None:
    text = (
        "Référence;Client;Début;Fréquence;Type;Facturé ailleurs jusqu'au;Article;Prix annuel\n"
        "C-77;Aubry Maëlle;01/02/2024;Mensuelle;à échoir;31/12/2026;ram_pose;180\n"
        "C-77;Aubry Maëlle;01/02/2024;Mensuelle;à échoir;31/12/2026;ram_pose;24\n"
    )
    assert imported(world, "contrats", text) == (1, 0, 0)
    line = Contract.objects.get(reference="C-77").lines.get()
    assert [a.unit_price for a in line.articles.all()] == [Decimal(180), Decimal(24)]
    assert line.billed_elsewhere_until == date(2026, 12, 31)
    assert imported(world, "contrats", text) == (0, 0, 1)


@pytest.mark.parametrize("day", ["24/11/0026", "01/01/9999"])
def test_far_day_is_named(world: World, day: str) -> None:
    text = f"Client;Appareil;Posé le\nAubry Maëlle;Poêle;{day}\n"

    assert prepared(world, "parc", text).faults == [
        (2, "Posé le", f"« {day} » : choisissez une date entre 1990 et 2199.")
    ]


def test_rows_of_one_contract_that_disagree_are_named(world: World) -> None:
    Partner.objects.filter(pk=world.customer.pk).update(store_code="M001")
    text = (
        "Référence;Client;Début;Fréquence;Type;Facturé ailleurs jusqu'au;Article\n"
        "C-78;Aubry Maëlle;01/02/2024;Mensuelle;;31/12/2026;ram_pose\n"
        "C-78;m001;2024-02-01;mensuelle;à échoir;;ram_pose\n"
        "C-79;Aubry Maëlle;01/02/2024;Annuelle;échu;;ram_pose\n"
        "c-78;Aubry Maëlle;01/03/2024;Annuelle;échu;31/12/2026;ram_pose\n"
        "C-79;Aubry Maëlle;pas un jour;Annuelle;échu;30/06/2026;ram_pose\n"
    )
    with nothing_changed():
        preview = prepared(world, "contrats", text)
    told = "n'est pas comme à la ligne {}, du même contrat : mettez la même chose, ou une autre référence."
    assert preview.faults == [
        (6, "Début", "« pas un jour » n'est pas une date, par exemple 24/11/2026."),
        (5, "Début", told.format(2)),
        (5, "Fréquence", told.format(2)),
        (5, "Type", told.format(2)),
        (6, "Facturé ailleurs jusqu'au", told.format(4)),
    ]
    first_three = "\n".join(text.split("\n")[:4])
    assert imported(world, "contrats", first_three) == (2, 0, 0)
    assert Contract.objects.get(reference="C-78").lines.get().articles.count() == 2
    assert imported(world, "contrats", text.replace("pas un jour", "01/02/2024")) == (0, 0, 2)  # left alone


def test_reference_of_our_own_series_refused(world: World) -> None:
    head = "Référence;Client;Début;Fréquence;Article\n"
    row = "{};Aubry Maëlle;01/02/2024;Mensuelle;ram_pose\n"
    with nothing_changed():
        preview = prepared(world, "contrats", head + row.format("cont/000048") * 2 + row.format("CONT/48"))
    assert preview.faults == [
        (
            2,
            "Référence",
            "« cont/000048 » est un numéro que le logiciel donne lui-même à l'activation : "
            "mettez-en une autre, par exemple A-cont/000048.",
        )
    ]
    Contract.objects.create(
        company=world.company, reference="CONT/000048", payer=world.customer, start_on=date(2024, 2, 1)
    )
    assert imported(world, "contrats", head + row.format("CONT/000048")) == (0, 0, 1)


def test_faults_bear_the_line_of_the_file(world: World) -> None:
    rows = [
        "Nom;Rue;Code postal;Ville",
        "",
        'Even Katell;"2 Le Champ\nbâtiment B";35770;Vern',
        ";;;",
        ";1 rue;35000;Rennes",
        "Court;1 rue;35000",
    ]
    faults = [(6, "Nom", "à remplir."), (7, "Ville", "à remplir.")]
    for end in ("\n", "\r\n"):
        assert prepared(world, "clients", end.join(rows)).faults == faults


def test_two_titles_of_one_column_that_disagree_are_named(world: World) -> None:
    """« CP » is « Code postal »: which of the two is meant? Where they agree, or one is empty, nobody asks."""
    text = "Nom;Rue;CP;Code postal;Ville\nEven;2 Le Champ;35770;35770;Vern\nCourt;1 rue;;35000;Rennes\n"
    assert [row["zip"] for row in prepared(world, "clients", text).rows] == ["35770", "35000"]

    preview = prepared(world, "clients", text + "Tual;3 rue;35000;35200;Rennes\n")

    assert preview.faults == [
        (
            4,
            "Code postal",
            "« 35200 » et « 35000 » dans deux colonnes du fichier qui disent la même chose : gardez-en une.",
        )
    ]


def test_spreadsheet_with_blank_rows_bears_the_line_of_the_sheet(world: World) -> None:
    book = Workbook()
    for row, name in {1: "Nom", 3: "Even Katell", 6: None, 9: " "}.items():
        cells = ("Rue", "CP", "Ville") if row == 1 else ("2 Le Champ", 35770, "Vern") if row < 9 else (" ", "", None)
        for column, value in enumerate((name, *cells), 1):
            book.active.cell(row, column, value)
    content = BytesIO()
    book.save(content)
    preview = prepare_import(
        KINDS["clients"], name="a.xlsx", content=content.getvalue(), company=world.company, by=world.manager
    )
    assert [row["line"] for row in preview.rows] == [3, 6]
    assert preview.faults == [(6, "Nom", "à remplir.")]


def test_first_row_shorter_than_the_titles_lacks_cells_not_columns(world: World) -> None:
    text = "Nom;Rue;Code postal;Ville;Téléphone\nEven;2 Le Champ;35770;Vern\nCourt;1 rue;35000\n"
    preview = prepared(world, "clients", text)
    assert (preview.rows[0]["phone"], preview.faults) == (None, [(3, "Ville", "à remplir.")])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Le fichier est vide"),
        ("\n\n", "Le fichier est vide"),
        ("Nom;Rue;CP;Ville\n\n;;;\n", "Le fichier n'a aucune ligne sous ses titres"),
        ("Nom;Rue;CP;Ville;nom\nX;1 rue;35000;Rennes;Y\n", "Titres en double : Nom"),
        ("Nom\nX\n", "Colonnes manquantes : Rue, Code postal, Ville"),
        ("a\x00b\nc", "n'est pas un tableau"),
    ],
)
def test_what_is_no_table_refused(world: World, text: str, sentence: str) -> None:
    with pytest.raises(BusinessError, match=sentence):
        prepared(world, "clients", text)


def test_spreadsheet_and_windows_text_are_read(world: World) -> None:
    book = Workbook()
    for row in (["Nom", "Rue", "CP", "Ville"], ["Even Katell", "2 Le Champ", 35770, "Vern"]):
        book.active.append(row)
    content = BytesIO()
    book.save(content)
    preview = prepare_import(
        KINDS["clients"], name="a.xlsx", content=content.getvalue(), company=world.company, by=world.manager
    )
    assert (preview.faults, preview.rows[0]["zip"]) == ([], "35770")
    windows = "Nom;Rue;CP;Ville\nJégou;1 rue;35650;Le Rheu\n".encode("cp1252")
    assert (
        prepare_import(KINDS["clients"], name="a.csv", content=windows, company=world.company, by=world.manager).rows[
            0
        ]["name"]
        == "Jégou"
    )


def _workbook(*rows: tuple[str, ...], **parts: str | None) -> bytes:
    """A workbook of these rows, some of its parts (`sheet`, `workbook`, `styles`) replaced by a text, or left out."""
    places = {"xl/worksheets/sheet1.xml": "sheet", "xl/workbook.xml": "workbook", "xl/styles.xml": "styles"}
    book, whole, broken = Workbook(), BytesIO(), BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(whole)
    with ZipFile(whole) as read, ZipFile(broken, "w") as written:
        for name in read.namelist():
            part = parts.get(places.get(name, ""), read.read(name))
            if part is not None:
                written.writestr(name, part)
    return broken.getvalue()


_SHEET = "<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheetData>{}</sheetData>"
_TITLES = "".join(f"<c t='inlineStr'><is><t>{title}</t></is></c>" for title in ("Nom", "Rue", "CP", "Ville"))
BROKEN = {
    "sheet that is no XML": {"sheet": "Nom;Rue"},
    "sheet cut after its titles": {"sheet": _SHEET.format(f"<row r='1'>{_TITLES}</row><row r='2'><c>")},
    "sheet with a row that has no number": {"sheet": _SHEET.format("<row r='un'></row>") + "</worksheet>"},
    "no sheet file": {"sheet": None},
    "workbook that is no XML": {"workbook": "<workbook>"},
    "workbook without a sheet": {
        "workbook": "<workbook xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheets/></workbook>"
    },
    "no workbook file": {"workbook": None},
    "styles that are no XML": {"styles": "<styleSheet>"},
}


@pytest.mark.parametrize("parts", BROKEN.values(), ids=BROKEN)
def test_broken_workbook_refused_at_both_doors(world: World, tmp_path: Path, parts: dict[str, str | None]) -> None:
    said = "Ce classeur ne s'ouvre pas : enregistrez-le de nouveau en XLSX, puis réessayez."
    file = tmp_path / "clients.xlsx"
    file.write_bytes(_workbook(("Nom", "Rue", "CP", "Ville"), ("Even", "2 rue", "35000", "Rennes"), **parts))

    with nothing_changed():
        page = world.office(MANAGER).client.post(
            "/admin/import/customers/", {"file": SimpleUploadedFile("clients.xlsx", file.read_bytes())}
        )
        with pytest.raises(CommandError) as refused:
            call_command("import_data", "clients", str(file))

    assert (page.status_code, page.context["refusal"]) == (409, said)
    assert (str(refused.value), refused.value.returncode) == (said, 1)


def test_page_previews_then_writes(world: World) -> None:
    office = world.office(MANAGER)
    with nothing_changed():
        page = office.client.post("/admin/import/customers/", {"file": SimpleUploadedFile("c.csv", CLIENTS.encode())})
    assert "2 nouveau(x), 0 modifié(s), 0 inchangé(s)" in page.content.decode()
    token = page.context["token"]
    with nothing_changed():
        assert world.office(ACCOUNTANT).client.post("/admin/import/customers/", {"token": token}).status_code in (
            403,
            409,
        )
        assert office.client.post("/admin/import/customers/", {"token": token + "x"}).status_code == 409
    assert office.client.post("/admin/import/customers/", {"token": token}).status_code == 302
    assert Partner.objects.filter(name="Bellec Ronan").count() == 1


def test_command_says_faults_and_exits(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "clients.csv"
    file.write_text(BAD)
    with nothing_changed(), pytest.raises(CommandError, match="rien n'est écrit"):
        call_command("import_data", "clients", str(file))
    assert "ligne 2, Nom : à remplir." in capsys.readouterr().err
    file.write_text(CLIENTS)
    with nothing_changed():
        call_command("import_data", "clients", str(file), "--dry-run")
    call_command("import_data", "clients", str(file))
    assert "2 nouveau(x)" in capsys.readouterr().out


def test_command_says_what_it_leaves_of_a_line(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(world, "clients", MOVED.format("1 rue A;35000;Rennes"))
    Partner.objects.get(store_code="Z1").addresses.create(street="2 quai C", zip="35000", city="Rennes")
    file = tmp_path / "clients.csv"
    file.write_text(MOVED.format("99 rue B;75001;Paris"))

    call_command("import_data", "clients", str(file))

    assert "ligne 2, Rue, laissé : « 99 rue B, 75001 Paris » n'est aucune" in capsys.readouterr().out


def test_command_used_wrongly_exits_with_2(world: World, tmp_path: Path) -> None:
    def told(*words: str) -> tuple[str, int]:
        with nothing_changed(), pytest.raises(CommandError) as refused:
            call_command("import_data", "clients", *words)
        return str(refused.value), refused.value.returncode

    missing, file = tmp_path / "absent.csv", tmp_path / "clients.csv"
    file.write_text(CLIENTS)
    assert told(str(missing)) == (f"{missing} ne se lit pas : vérifiez le nom et les droits.", 2)
    assert told(str(tmp_path)) == (f"{tmp_path} ne se lit pas : vérifiez le nom et les droits.", 2)
    CompanyFactory(name="Autre Foyer")
    assert told(str(file)) == ("Dites pour quelle société : --company « raison sociale ».", 2)
    assert told(str(file), "--company", "Inconnue") == ("Société inconnue : Inconnue.", 2)
    file.write_text(BAD)
    assert told(str(file), "--company", world.company.name)[1] == 1


def test_ten_thousand_customers_in_seconds(world: World) -> None:
    """Under thirty seconds is promised; one pass here takes a few."""
    rows = "".join(f"Client {n};Particulier;K{n};;;;{n} rue;35000;Rennes\n" for n in range(10_000))
    start = time.perf_counter()
    assert imported(world, "clients", CLIENTS.split("\n", 1)[0] + "\n" + rows) == (10_000, 0, 0)
    assert time.perf_counter() - start < 30


def test_files_that_were_shown_and_never_written_are_deleted(world: World, settings: Any, tmp_path: Path) -> None:
    """Files of imports that nobody confirmed stayed in MEDIA_ROOT/imports for ever."""
    settings.MEDIA_ROOT = tmp_path
    folder = tmp_path / "imports"

    def show(role: str) -> str:
        upload = SimpleUploadedFile("c.csv", CLIENTS.encode())
        return str(world.office(role).client.post("/admin/import/customers/", {"file": upload}).context["token"])

    show(MANAGER)
    other = show(BILLING)
    first = {file.name for file in folder.iterdir()}
    last = show(MANAGER)

    kept = {file.name for file in folder.iterdir()}
    assert (len(first), len(kept), len(first & kept)) == (2, 2, 1)
    week = timedelta(days=7).total_seconds()
    now = timezone.now().timestamp()
    for token, age in ((other, week + 60), (last, week - 60)):
        name = token.partition("/")[2].partition(":")[0]
        os.utime(folder / name, (now - age, now - age))
    assert forget_imports() == 1
    assert [file.name for file in folder.iterdir()] == [last.partition("/")[2].partition(":")[0]]
    assert world.office(MANAGER).client.post("/admin/import/customers/", {"token": last}).status_code == 302
    assert list(folder.iterdir()) == []
