"""The journal says what changed as people read it: French numbers, days with their hour, words for choices."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from invoicing.choices import LineKind
from invoicing.models import HistoryLine, InvoiceLine, Partner, Product
from invoicing.services.documents.lines import changes_of
from invoicing.services.records.saving import save_record
from openfire_billing.office.roles import MANAGER, PLANNER
from tests.contracts.contract_builders import make_contract
from tests.factories import World, item, nothing_changed
from tests.factories.appointments import alone, at


def journal(document: Any, act: str) -> dict[str, list[str]]:
    return HistoryLine.objects.of(document).get(act=act).changes


def test_line_of_a_document(world: World) -> None:
    draft = world.draft(item("2.35", price="1234.5"))

    answer = world.office(MANAGER).save(
        draft,
        lines__0__quantity="2,25",
        lines__0__unit_price="0,083",
        lines__0__discount="12,5",
        lines__0__label="Pose",
    )

    assert answer.status_code == 302
    assert journal(draft, "edited") == {
        "Pose : Description": ["[ram_pose] Forfait Pose", "Pose"],
        "Pose : Qté": ["2,35", "2,25"],
        "Pose : Prix unitaire": ["1\xa0234,50", "0,083"],
        "Pose : Remise %": ["0", "12,5"],
    }


def test_line_that_changes_in_every_way() -> None:
    stove, filter_ = Product(code="p", name="Poêle"), Product(code="f", name="Filtre")
    before = InvoiceLine(product=stove, kind="article", quantity=Decimal("1000.000"), unit_price=Decimal("64.0000"))
    after = InvoiceLine(product=filter_, kind="note", quantity=Decimal(0), unit_price=Decimal(0), tax_is_manual=True)
    after.period_start = date(2026, 11, 30)
    names = ("product", "kind", "quantity", "unit_price", "discount", "tax_is_manual", "period_start")

    assert changes_of(before, after, names) == {
        "Article": [str(stove), str(filter_)],
        "Type": [LineKind.ARTICLE.label, LineKind.NOTE.label],
        "Qté": ["1\xa0000", "0"],
        "Prix unitaire": ["64,00", "0,00"],
        "Du": ["–", "30/11/2026"],
    }


def test_rdv_moved_by_an_hour(world: World) -> None:
    rdv = alone(world, starts_at=at(8, day=30))

    world.office(PLANNER).save(rdv, starts_at_1="09:00", duration="2")

    assert journal(rdv, "changed") == {
        "Début": ["30/11/2026 08:00", "30/11/2026 09:00"],
        "Durée (h)": ["1,50", "2,00"],
    }


def test_months_of_visit(world: World) -> None:
    contract = make_contract(world, visits=(1, (3, 9)), is_active=False)
    line = contract.lines.get()

    answer = world.office(MANAGER).save(line, visit_months=["3", "10"])

    assert (answer.status_code, journal(line, "changed")) == (
        302,
        {"Mois de visite": ["mars, septembre", "mars, octobre"]},
    )


def test_record_saved_with_a_fault_is_not_saved(world: World) -> None:
    with nothing_changed(), pytest.raises(ValidationError):
        save_record(world.customer, values={"name": "Aubry", "email": "pas une adresse"}, by=world.manager)

    saved = save_record(world.customer, values={"name": "Aubry", "email": "a@exemple.example"}, by=world.manager)
    made = save_record(Partner(), values={"name": "Bellec Ronan"}, by=world.manager)

    saved.refresh_from_db()
    assert (saved.name, saved.email) == ("Aubry", "a@exemple.example")
    assert [line.text for line in HistoryLine.objects.of(saved)[:1]] == ["Fiche modifiée"]
    assert [line.text for line in HistoryLine.objects.of(made)] == ["Fiche créée"]
