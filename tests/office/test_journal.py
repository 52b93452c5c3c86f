"""The journal keeps the names of what changed, and says it as people read it: labels, French numbers, words for choices."""

import re
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from invoicing.choices import LineKind
from invoicing.models import HistoryLine, InvoiceLine, Partner, Product
from invoicing.services.documents.lines import changes_of
from invoicing.services.documents.quotes import prolong_quote, send_quote
from invoicing.services.records.changes import shown_changes
from invoicing.services.records.history import record
from invoicing.services.records.saving import save_record
from openfire_billing.office.roles import ACCOUNTANT, MANAGER, PLANNER
from tests.contracts.contract_builders import make_contract
from tests.factories import World, item, nothing_changed, position, tax
from tests.factories.appointments import alone, at
from tests.factories.pages import Office, address, new_line


def journal(document: Any, act: str) -> dict[str, Any]:
    """What the journal of a record keeps of its latest act of that name."""
    line = HistoryLine.objects.of(document).filter(act=act).first()
    assert line is not None
    return line.changes


def shown(office: Office, document: Any) -> list[str]:
    """What the page of a record says changed, the latest first."""
    page = unescape(office.get(address(document)).content.decode())
    return re.findall(r"<li>([^<]* : [^<]* → [^<]*)</li>", page)


def line(row: Any, act: str, name: str = "[ram_pose] Forfait Pose", **changes: list[str]) -> dict[str, Any]:
    return {"id": row.pk, "line": name, "act": act, "changes": changes}


def test_request(world: World) -> None:
    intervention, office = world.intervention(title="Avant"), world.office(PLANNER)

    office.save(intervention, title="Après", lines__0__quantity="2")

    row = intervention.lines.get()
    assert journal(intervention, "changed") == {"title": ["Avant", "Après"]}
    assert journal(intervention, "edited") == {"lines": [line(row, "changed", quantity=["1", "2"])]}
    assert journal(intervention, "validated") == {"state": ["Brouillon", "À planifier"]}
    assert shown(office, intervention) == [
        "Titre : Avant → Après",
        "[ram_pose] Forfait Pose : Qté : 1 → 2",
        "État : Brouillon → À planifier",
    ]


def test_quote(world: World) -> None:
    quote, office = send_quote(world.quote(), by=world.biller), world.office(ACCOUNTANT)
    until = quote.valid_until

    prolong_quote(quote, until=until + timedelta(days=30), on=world.today, by=world.biller)

    days = [f"{day:%d/%m/%Y}" for day in (until, until + timedelta(days=30))]
    assert journal(quote, "prolonged") == {"valid_until": days}
    assert shown(office, quote)[0] == f"Valable jusqu'au : {days[0]} → {days[1]}"


def test_lines_added_and_removed(world: World) -> None:
    quote, office = world.quote(), world.office(ACCOUNTANT)
    (old,) = quote.lines.all()
    form = new_line(office.open(quote), product=old.product, label="Plaque", tax=old.tax, unit_price="12")

    answer = office.send(quote, {**form, "lines-0-DELETE": "on"})

    assert answer.status_code == 302
    (new,) = quote.lines.all()
    assert journal(quote, "edited") == {"lines": [line(old, "removed"), line(new, "added", "Plaque")]}
    assert shown(office, quote)[:2] == [
        "Ligne « [ram_pose] Forfait Pose » : présente → supprimée",
        "Ligne « Plaque » : – → ajoutée",
    ]


def test_invoice(world: World) -> None:
    draft, office = world.draft(item("2.35", price="1234.5")), world.office(ACCOUNTANT)

    answer = office.save(
        draft,
        lines__0__quantity="2,25",
        lines__0__unit_price="0,083",
        lines__0__discount="12,5",
        lines__0__label="Pose",
    )

    assert answer.status_code == 302
    changes = {
        "label": ["[ram_pose] Forfait Pose", "Pose"],
        "quantity": ["2,35", "2,25"],
        "unit_price": ["1\xa0234,50", "0,083"],
        "discount": ["0", "12,5"],
    }
    assert journal(draft, "edited") == {"lines": [line(draft.lines.get(), "changed", "Pose", **changes)]}
    assert sorted(shown(office, draft)) == [
        "Pose : Description : [ram_pose] Forfait Pose → Pose",
        "Pose : Prix unitaire : 1\xa0234,50 → 0,083",
        "Pose : Qté : 2,35 → 2,25",
        "Pose : Remise % : 0 → 12,5",
    ]


def test_taxes_of_an_invoice_under_another_position(world: World) -> None:
    draft, office = world.draft(), world.office(ACCOUNTANT)
    row = draft.lines.get()

    office.save(draft, fiscal_position=position("VEN-10"))

    before, after = str(tax("TVA collectée (vente) 5,5%")), str(draft.lines.get().tax)
    assert before != after
    assert journal(draft, "changed") == {"fiscal_position": [str(position("VEN-5.5")), str(position("VEN-10"))]}
    assert journal(draft, "taxes_updated") == {"lines": [line(row, "changed", tax=[before, after])]}
    assert f"[ram_pose] Forfait Pose : TVA : {before} → {after}" in shown(office, draft)


def test_line_that_changes_in_every_way() -> None:
    stove, filter_ = Product(code="p", name="Poêle"), Product(code="f", name="Filtre")
    before = InvoiceLine(product=stove, kind="article", quantity=Decimal("1000.000"), unit_price=Decimal("64.0000"))
    after = InvoiceLine(product=filter_, kind="note", quantity=Decimal(0), unit_price=Decimal(0), tax_is_manual=True)
    after.period_start = date(2026, 11, 30)
    names = ("product", "kind", "quantity", "unit_price", "discount", "tax_is_manual", "period_start")

    assert changes_of(before, after, names) == {
        "product": [str(stove), str(filter_)],
        "kind": [LineKind.ARTICLE.label, LineKind.NOTE.label],
        "quantity": ["1\xa0000", "0"],
        "unit_price": ["64,00", "0,00"],
        "period_start": ["–", "30/11/2026"],
    }


def test_rdv_moved_by_an_hour(world: World) -> None:
    rdv, office = alone(world, starts_at=at(8, day=30)), world.office(PLANNER)

    office.save(rdv, starts_at_1="09:00", duration="2")

    assert journal(rdv, "changed") == {
        "starts_at": ["30/11/2026 08:00", "30/11/2026 09:00"],
        "duration": ["1,50", "2,00"],
    }
    assert sorted(shown(office, rdv)) == [
        "Durée (h) : 1,50 → 2,00",
        "Début : 30/11/2026 08:00 → 30/11/2026 09:00",
    ]


def test_contract(world: World) -> None:
    contract, office = make_contract(world, is_active=False), world.office(MANAGER)

    assert office.save(contract, frequency="quarterly").status_code == 302

    assert journal(contract, "changed") == {"frequency": ["Mensuelle", "Trimestrielle"]}
    assert shown(office, contract) == ["Fréquence de facturation : Mensuelle → Trimestrielle"]


def test_contract_line_with_its_months_and_articles(world: World) -> None:
    contract = make_contract(world, visits=(1, (3, 9)), is_active=False)
    row, office = contract.lines.get(), world.office(MANAGER)
    (article,) = row.articles.all()

    answer = office.save(row, visit_months=["3", "10"], articles__0__quantity="2")

    assert (answer.status_code, journal(row, "changed")) == (
        302,
        {"visit_months": ["mars, septembre", "mars, octobre"]},
    )
    assert journal(row, "edited") == {"articles": [line(article, "changed", str(article), quantity=["1", "2"])]}
    assert shown(office, row) == [
        f"{article} : Qté : 1 → 2",
        "Mois de visite : mars, septembre → mars, octobre",
    ]


def test_partner(world: World) -> None:
    office = world.office(MANAGER)

    office.save(world.customer, name="Aubry Maëlys", kind="business", siren="732829320")

    assert journal(world.customer, "changed") == {
        "name": ["Aubry Maëlle", "Aubry Maëlys"],
        "kind": ["Particulier", "Entreprise française"],
        "siren": ["–", "732829320"],
    }
    assert sorted(shown(office, world.customer)) == [
        "Nature : Particulier → Entreprise française",
        "Nom : Aubry Maëlle → Aubry Maëlys",
        "SIREN : – → 732829320",
    ]


def test_address_of_a_partner(world: World) -> None:
    record(world.customer, "imported", by=None, changes={"addresses": ["1 rue A", "2 rue B"]})
    assert shown(world.office(MANAGER), world.customer) == ["Adresse : 1 rue A → 2 rue B"]


def test_account_is_told_as_its_page_calls_it(world: World) -> None:
    office, user = world.office(MANAGER), world.users[PLANNER]

    office.save(user, is_staff=None, groups=[Group.objects.get(name=ACCOUNTANT).pk])

    assert journal(user, "changed") == {"is_staff": ["oui", "non"], "groups": [PLANNER, ACCOUNTANT]}
    assert sorted(shown(office, user)) == [
        f"Rôles : {PLANNER} → {ACCOUNTANT}",
        "Travaille au bureau : oui → non",
    ]


def test_label_of_today_is_shown_and_a_field_that_is_gone_shows_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Partner._meta.get_field("name"), "verbose_name", "raison sociale")
    gone = {"id": 3, "line": "Pose", "act": "changed", "changes": {"quantity": ["1", "2"]}}
    kept = {"name": ["A", "B"], "fax": ["1", "2"], "boxes": [gone]}

    assert shown_changes(kept, Partner, {}) == [
        ("Raison sociale", "A", "B"),
        ("fax", "1", "2"),
        ("Pose : quantity", "1", "2"),
    ]


def test_record_saved_with_a_fault_is_not_saved(world: World) -> None:
    with nothing_changed(), pytest.raises(ValidationError):
        save_record(world.customer, values={"name": "Aubry", "email": "pas une adresse"}, by=world.manager)

    saved = save_record(world.customer, values={"name": "Aubry", "email": "a@exemple.example"}, by=world.manager)
    made = save_record(Partner(), values={"name": "Bellec Ronan"}, by=world.manager)

    saved.refresh_from_db()
    assert (saved.name, saved.email) == ("Aubry", "a@exemple.example")
    assert [line.text for line in HistoryLine.objects.of(saved)[:1]] == ["Fiche modifiée"]
    assert [line.text for line in HistoryLine.objects.of(made)] == ["Fiche créée"]
