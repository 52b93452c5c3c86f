"""One grammar on the form of every record: its name and its acts in the header, deletion last, nothing at the foot."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import RequestFactory

from invoicing.models import Partner, Tag
from openfire_billing.office.roles import MANAGER
from openfire_billing.web.smart_buttons import listed_button
from tests.contracts.contract_builders import make_contract
from tests.factories import Office, PartnerFactory, ProductFactory, TemplateFactory, World, item, make_world, position
from tests.factories.appointments import book
from tests.factories.pages import address, texts_of
from tests.office.subjects import one_of_each, our_pages


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def root(world: World) -> Office:
    """Somebody who may do everything."""
    office = world.office(MANAGER)
    office.user.is_superuser = True
    office.user.save(update_fields=["is_superuser"])
    return office


def header_of(page: Any) -> tuple[list[str], list[tuple[str, bool]]]:
    """(words of the buttons in the header, entries of the Action menu as (words, is red))."""
    html = unescape(page.content.decode()).partition('class="of-head-acts"')[2].partition("</header>")[0]
    before, _menu, rest = html.partition('class="of-menu-list"')
    entries, _end, after = rest.partition("</nav>") if rest else ("", "", before)
    buttons = re.findall(r'class="of-button[^"]*"[^>]*>(.*?)</(?:a|button)>', f"{before if rest else ''}{after}")
    menu = re.findall(r'class="((?:of-danger)?)"><span[^>]*>\w+</span>(.*?)</a>', entries)
    return [re.sub(r"<span.*?</span>", "", text) for text in buttons], [(text, bool(css)) for css, text in menu]


def test_a_record_is_deleted_at_the_foot_of_its_menu_and_never_beside_its_save_button(
    world: World, root: Office
) -> None:
    asked = RequestFactory().get("/")
    asked.user = root.user
    deleted = {
        model._meta.label: header_of(root.get(address(record)))
        for model, record in one_of_each(world).items()
        if our_pages()[model].has_delete_permission(asked, record)
    }
    assert {label: menu[-1] for label, (_buttons, menu) in deleted.items()} == dict.fromkeys(
        deleted, ("Supprimer", True)
    )
    assert [label for label, (buttons, _menu) in deleted.items() if "Supprimer" in buttons] == []
    assert {"invoicing.Partner", "invoicing.Product", "interventions.InstalledProduct"} <= set(deleted)
    assert deleted["invoicing.Partner"][1] == [
        ("Envoyer un SMS", False),
        ("Fusionner dans une autre fiche", True),
        ("Supprimer", True),
    ]


def test_who_may_not_delete_a_record_has_no_way_to_it(world: World) -> None:
    product = world.draft().lines.first().product
    page = world.office("Facturation").get(address(product))
    assert page.status_code == 200
    assert "Supprimer" not in [text for text, _red in header_of(page)[1]]
    assert world.office("Facturation").get(address(product, "delete")).status_code == 403


def pages_of(world: World, root: Office) -> dict[str, Any]:
    """{« invoicing.Tax add » or « invoicing.Tax change »: its page} of every record."""
    found = {}
    for model, record in one_of_each(world).items():
        for kind, url in (("add", address(model, "add")), ("change", address(record))):
            page = root.get(url)
            if page.status_code == 200:
                found[f"{model._meta.label} {kind}"] = page
    return found


def test_every_form_has_its_name_and_its_save_button_in_the_header_and_no_bar_at_its_foot(
    world: World, root: Office
) -> None:
    pages = pages_of(world, root)
    html = {name: page.content.decode() for name, page in pages.items()}

    assert {"invoicing.Tax add", "invoicing.Tax change", "auth.User add", "auth.Group change"} <= set(pages)
    assert [name for name, text in html.items() if text.count('class="of-head"') != 1] == [
        "contracts.BillingRun change"  # a report of what was done: it has no form
    ]
    assert [name for name, text in html.items() if "field-row" in text or "submit-row" in text] == []
    assert [name for name, page in pages.items() if "Modification de" in "".join(titles_of(page))] == []
    unsaved = [
        name
        for name, page in pages.items()
        if page.context["has_change_permission" if name.endswith("change") else "has_add_permission"]
        and name != "contracts.BillingRun change"
        and not any("nregistrer" in text for text in header_of(page)[0])
    ]
    assert unsaved == []
    assert header_of(pages["auth.User add"])[0] == ["Enregistrer", "Enregistrer et ajouter un nouveau"]
    assert titles_of(pages["auth.User add"]) == ["Nouvel utilisateur | OpenFire Billing"]
    assert titles_of(pages["auth.Group change"]) == ["Comptable | OpenFire Billing"]


def titles_of(page: Any) -> list[str]:
    return [" ".join(text.split()) for text in re.findall(r"<title>(.*?)</title>", page.content.decode(), re.DOTALL)]


def test_a_row_is_added_under_its_own_name(world: World, root: Office) -> None:
    pages = pages_of(world, root)
    added = {
        name: words
        for name, page in pages.items()
        if (words := [re.sub(r"^add", "", text) for text in texts_of(page, "add-row")])
    }
    assert added == {
        "appointments.WorkingWeek add": ["Ajouter une plage"],
        "appointments.WorkingWeek change": ["Ajouter une plage"],
        "auth.User add": ["Ajouter une société"],
        "auth.User change": ["Ajouter une société"],
        "invoicing.FiscalPosition add": ["Ajouter une correspondance"],
        "invoicing.FiscalPosition change": ["Ajouter une correspondance"],
        "interventions.Sector add": ["Ajouter des codes postaux"],
        "interventions.Sector change": ["Ajouter des codes postaux"],
        "invoicing.Partner add": ["Ajouter une adresse", "Ajouter des conditions"],
        "invoicing.Partner change": ["Ajouter une adresse", "Ajouter des conditions"],
    }


def test_a_new_row_is_named_by_its_kind_and_rank_and_a_tab_names_its_rows_alone(world: World, root: Office) -> None:
    page = root.get(address(Partner, "add"))
    assert [text.removesuffix(" delete") for text in texts_of(page, "of-stacked-title")] == [
        "Adresse 1",
        "Adresse 2",  # the model of rows to add
    ]
    assert texts_of(page, "of-heading") == ["Conditions du client"]  # « Adresses » is the name of the tab


def test_lists_and_deletions_speak_the_words_of_the_trade(world: World, root: Office) -> None:
    records = one_of_each(world)
    said = []
    for model, record in records.items():
        for page in (root.get(address(model, "changelist")), root.get(address(record, "delete"))):
            if page.status_code == 200:
                text = unescape(re.sub(r"<(script|style).*?</\1>", "", page.content.decode(), flags=re.DOTALL))
                said += [
                    f"{model._meta.label}: {word}"
                    for word in ("objets", "l’objet", "lectionn", "roupes")
                    if word in text
                ]
    assert said == []
    group = root.get(address(Group, "changelist"))
    assert titles_of(group) == ["Rôles | OpenFire Billing"]


def test_a_deletion_does_not_name_rows_that_only_link_two_records(world: World, root: Office) -> None:
    tag, partner = Tag.objects.create(name="VIP", scope="partner"), PartnerFactory(name="Bellec Ronan")
    partner.tags.add(tag)
    for record in (tag, partner):
        text = unescape(
            re.sub(r"<(script|style).*?</\1>|<[^>]+>", "", root.get(address(record, "delete")).content.decode())
        )
        assert (" object (" in text, "Relation" in text, str(record) in text) == (False, False, True)
    assert "Adresse" in text  # what goes with the customer is named


def test_switches_read_as_sentences_in_the_gender_of_the_record(world: World) -> None:
    office = world.office(MANAGER)
    di = world.intervention(item(1))
    rdv = book(world, di, state="confirmed")
    switches = {
        name: re.findall(r"<b>([^<\d]+)</b> <small>([^<]+)</small>", office.get(url).content.decode())
        for name, url in {
            "di": address(di),
            "rdv": address(rdv),
            "quote": address(world.quote(item(1))),
            "draft": address(world.draft()),
        }.items()
    }
    assert switches == {
        "di": [("Active", "dans les listes"), ("Non publique", "sur le site internet")],
        "rdv": [("Non publié", "sur le site internet")],
        "quote": [("Non publié", "sur le site internet")],
        "draft": [("Non publique", "sur le site internet")],
    }


def test_archived_record_says_so_in_its_gender(world: World) -> None:
    contract, di = make_contract(world), world.intervention(item(1))
    said = [
        (button["text"], button["label"])
        for record, is_feminine in ((contract, False), (di, True))
        for record.is_active in (True, False)
        for button in [listed_button(record, is_feminine=is_feminine)]
    ]
    assert said == [
        ("Actif", "dans les listes"),
        ("Archivé", "hors des listes"),
        ("Active", "dans les listes"),
        ("Archivée", "hors des listes"),
    ]


def test_customer_of_a_di_is_called_partner_on_its_form_and_customer_elsewhere(world: World) -> None:
    office = world.office(MANAGER)
    di = world.intervention(item(1))
    columns = office.get(address(type(di), "changelist"))
    assert "Partenaire" not in columns.content.decode()
    assert columns.context["office_columns"][0]["label"] == "Numéro"  # the leading column, « Client », is not hidden
    assert 'data-label="Client"' in columns.content.decode()
    assert "<dt>Partenaire</dt>" in office.get(address(di)).content.decode()


def test_fiscal_position_is_named_beside_its_code(world: World) -> None:
    office = world.office(MANAGER)
    template = TemplateFactory(fiscal_position=position("VEN-10"))
    di = world.intervention(item(1), code="VEN-10")
    name = "Travaux d'amélioration et d'entretien, logement de plus de deux ans"
    box = unescape(office.get(address(di)).content.decode()).partition("<of-code>")[2].partition("</of-code>")[0]
    [(chosen, text)] = re.findall(r"<option ([^>]*selected[^>]*)>([^<]+)</option>", box)
    assert (text.strip(), f'data-name="{name}"' in chosen) == ("VEN-10", True)
    page = unescape(office.get(address(template)).content.decode())
    assert f'<dd>{name} <small class="of-code-of">VEN-10</small></dd>' in page


def test_price_of_an_article_has_its_unit_on_its_form_and_in_its_list(world: World) -> None:
    office = world.office(MANAGER)
    product = ProductFactory(unit_price="38", purchase_price="12.4567")
    page = unescape(office.get(address(product)).content.decode()).replace("\N{NO-BREAK SPACE}", " ")
    assert re.findall(r"<dt>(Prix[^<]*)</dt><dd>([^<]*)</dd>", page) == [
        ("Prix unitaire", "38,00 € HT"),
        ("Prix d'achat", "12,4567 € HT"),
    ]
    boxes = re.findall(r'<span class="of-priced"><input [^>]*value="([^"]*)"[^>]*>\s*<span>([^<]*)</span>', page)
    assert boxes == [("38,00", "€ HT"), ("12,4567", "€ HT")]
    listed = office.get(address(type(product), "changelist"), q=product.code)
    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts_of(listed, "of-amount")] == ["38,00 €"]
    assert "Prix unitaire HT" in listed.content.decode()
