"""Taxes: mapped from the article's by the position, kept when chosen by hand, replaced from a date, never changed."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError

from interventions.services.requests import save_intervention
from invoicing.models import FiscalPositionTax, Invoice, Journal, PaymentTerm, Tax
from invoicing.services.catalogue import (
    TaxBook,
    default_term,
    is_number,
    journal_of,
    open_journals,
    take_number,
    take_numbers,
    tax_for,
)
from invoicing.services.documents.drafts import update_taxes
from invoicing.services.documents.lines import LineEdit
from invoicing.services.posting.post import post_invoice
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.reference import REDUCED_55
from openfire_billing.office.roles import ACCOUNTANT, BILLING, PLANNER
from tests.factories import CompanyFactory, ProductFactory, TaxFactory, World, item, nothing_changed, position, tax
from tests.factories.pages import address, errors_of, new_line, refusal, typed

PARIS = ZoneInfo("Europe/Paris")


def taxes(document: Any) -> list[str]:
    return [line.tax.name for line in document.lines.select_related("tax")]


@pytest.mark.parametrize(
    ("code", "works", "goods"),
    [
        ("VEN-5.5", "TVA collectée (vente) 5,5%", "TVA 20 %"),
        ("VEN-10", "TVA collectée (vente) 10%", "TVA 20 %"),
        ("VEN-20", "TVA 20 % travaux", "TVA 20 %"),
        ("VEN-FRANCHISE", "Franchise en base", "Franchise en base"),
        ("VEN-AUTOLIQ", "Autoliquidation", "Autoliquidation"),
        ("VEN-INTRACOM", "Autoliquidation UE (prestations)", "Livraison intracommunautaire"),
    ],
)
def test_position_maps_works_and_leaves_goods_alone(world: World, code: str, works: str, goods: str) -> None:
    product = item().product
    assert product is not None
    assert tax_for(product, position(code), world.today).name == works
    product.tax = tax("TVA 20 %")
    assert tax_for(product, position(code), world.today).name == goods


def test_position_changed_back_and_forth_gives_the_first_tax_again(world: World) -> None:
    intervention = world.intervention(item(), code="VEN-5.5")
    office = world.office(PLANNER)

    seen = []
    for code in ("VEN-10", "VEN-AUTOLIQ", "VEN-20", "VEN-5.5"):
        office.save(intervention, fiscal_position=position(code))
        seen += taxes(intervention)

    assert seen == [
        "TVA collectée (vente) 10%",
        "Autoliquidation",
        "TVA 20 % travaux",
        "TVA collectée (vente) 5,5%",
    ]


def test_tax_chosen_by_hand_is_kept_until_the_position_changes(world: World) -> None:
    intervention = world.intervention()
    office = world.office(PLANNER)
    office.save(intervention, lines__0__tax=tax("TVA 20 %").pk, lines__0__tax_is_manual="True")

    office.save(intervention, lines__0__quantity="3")
    assert taxes(intervention) == ["TVA 20 %"]
    assert intervention.lines.get().tax_is_manual is True

    office.save(intervention, fiscal_position=position("VEN-10"))
    assert taxes(intervention) == ["TVA collectée (vente) 10%"]
    assert intervention.lines.get().tax_is_manual is False


def test_another_article_takes_its_own_tax_in_place_of_one_chosen_by_hand(world: World) -> None:
    intervention = world.intervention(item(tax=tax("TVA 20 %"), tax_is_manual=True))
    line = intervention.lines.get()
    other = ProductFactory(code="joint")

    for values, kept in (({"quantity": Decimal(2)}, ("TVA 20 %", True)), ({"product": other}, (REDUCED_55, False))):
        save_intervention(
            intervention.pk, {}, edits=[LineEdit(pk=line.pk, values=values)], on=world.today, by=world.planner
        )
        line.refresh_from_db()
        assert (line.tax.name, line.tax_is_manual) == kept


def test_tax_chosen_by_hand_is_kept_until_the_article_changes(world: World) -> None:
    other = ProductFactory(code="joint", tax=tax("TVA 20 %"))
    intervention = world.intervention()
    office = world.office(PLANNER)
    office.save(intervention, lines__0__tax=tax("TVA collectée (vente) 10%").pk, lines__0__tax_is_manual="True")

    fields = typed(office.open(intervention), lines__0__product=other.pk)
    office.send(intervention, typed(fields, lines__0__tax=""))

    assert taxes(intervention) == ["TVA 20 %"]


def test_position_of_a_draft_changed_remaps_its_lines(world: World) -> None:
    draft = world.draft()

    world.office(BILLING).save(draft, fiscal_position=position("VEN-10"))

    draft.refresh_from_db()
    assert taxes(draft) == ["TVA collectée (vente) 10%"]
    assert (draft.tax.amount, draft.gross.amount) == (Decimal("17.50"), Decimal("192.50"))


def test_line_without_article_has_its_own_tax(world: World) -> None:
    office = world.office(PLANNER)
    intervention = world.intervention()

    fields = office.open(intervention)
    office.send(intervention, new_line(fields, label="Fourniture diverse", unit_price="12,5", tax=tax("TVA 20 %").pk))
    assert taxes(intervention) == ["TVA collectée (vente) 5,5%", "TVA 20 %"]

    with nothing_changed():
        answer = office.send(intervention, new_line(office.open(intervention), label="Sans TVA", unit_price="1"))
    assert refusal(answer) == "« Sans TVA » : choisissez un article ou une TVA."


# Immutable once used


@pytest.mark.parametrize(
    ("field", "value"), [("rate", "21"), ("category", "Z"), ("account", "445799"), ("mention", "x")]
)
def test_tax_is_immutable_once_used(world: World, field: str, value: str) -> None:
    world.intervention(code="VEN-20")
    office = world.office("Gestionnaire")

    with nothing_changed():
        answer = office.save(tax(), **{field: value})

    assert (
        "« TVA 20 % travaux » est déjà utilisée : créez une nouvelle taxe qui la remplace à partir d'une date."
        in str(errors_of(answer))
    )


def test_tax_may_change_before_it_is_used_and_its_name_after(world: World) -> None:
    office = world.office("Gestionnaire")
    office.save(tax(), rate="21,5")
    assert tax().rate == Decimal("21.5")

    world.intervention(code="VEN-20")
    office.save(tax(), name="TVA travaux")
    assert Tax.objects.get(name="TVA travaux").rate == Decimal("21.5")


def test_positive_rate_needs_an_account(world: World) -> None:
    with pytest.raises(ValidationError) as refused:
        TaxFactory.build(account="").full_clean()

    sentence = "Une taxe à taux positif a un compte de TVA, par exemple 445711."
    assert refused.value.message_dict == {"account": [sentence]}


# Replaced from a date


def raised(from_on: date) -> Tax:
    """5,5 % becomes 6 % on that day."""
    old = tax("TVA collectée (vente) 5,5%")
    return TaxFactory(name="TVA 6 %", rate=Decimal(6), account="445713", replaces=old, valid_from=from_on)


def test_line_takes_the_tax_of_the_day_it_is_written(world: World, on_an_ordinary_day: time_machine.Traveller) -> None:
    raised(date(2027, 1, 1))
    assert taxes(world.intervention()) == ["TVA collectée (vente) 5,5%"]

    on_an_ordinary_day.move_to(datetime(2027, 1, 1, 9, 0, tzinfo=PARIS))

    assert taxes(world.intervention()) == ["TVA 6 %"]


def test_posting_across_a_rate_change_is_refused_and_updating_the_taxes_mends_it(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    world.posted()
    draft = world.draft()
    raised(date(2026, 12, 1))
    Invoice.objects.filter(pk=draft.pk).update(proposed_on=date(2026, 11, 20))
    on_an_ordinary_day.move_to(datetime(2026, 12, 2, 9, 0, tzinfo=PARIS))
    office = world.office(ACCOUNTANT)

    with nothing_changed():
        answer = office.act(draft, "post")
    assert refusal(answer) == (
        f"Facture en brouillon n° {draft.pk} : le taux de « [ram_pose] Forfait Pose » a changé avant le 02/12/2026. "
        "Action › Mettre à jour les taxes, puis validez."
    )

    office.act(draft, "taxes")
    office.act(draft, "post")

    draft.refresh_from_db()
    assert (draft.number, taxes(draft), draft.tax.amount) == ("FA2026-00002", ["TVA 6 %"], Decimal("10.50"))


def test_taxes_of_a_proposal_that_will_be_kept_are_those_of_its_day(world: World) -> None:
    """The journal stands at that day: the draft would be issued on it, before the rate changes."""
    world.posted()
    draft = world.draft()
    raised(date(2026, 12, 1))

    with nothing_changed():
        update_taxes(draft, by=world.accountant, on=date(2026, 12, 2))
        update_taxes(draft, by=world.accountant, on=draft.proposed_on)
        update_taxes(draft, by=world.accountant)
    update_taxes(overtaken(draft), by=world.accountant, on=date(2026, 12, 2))

    assert taxes(draft) == ["TVA 6 %"]


def overtaken(draft: Invoice) -> Invoice:
    """The draft, of which the journal has passed the proposal."""
    Invoice.objects.filter(pk=draft.pk).update(proposed_on=date(2026, 11, 23))
    return draft


def test_work_done_before_the_change_posts_at_its_rate_whenever_it_is_issued(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    world.posted()
    draft = world.draft()
    raised(date(2026, 12, 1))
    Invoice.objects.filter(pk=draft.pk).update(proposed_on=date(2026, 11, 20))
    draft.lines.update(supplied_on=date(2026, 11, 20))
    on_an_ordinary_day.move_to(datetime(2026, 12, 2, 9, 0, tzinfo=PARIS))

    world.office(ACCOUNTANT).act(draft, "post")

    draft.refresh_from_db()
    assert (draft.issued_on, taxes(draft), draft.tax.amount) == (
        date(2026, 12, 2),
        ["TVA collectée (vente) 5,5%"],
        Decimal("9.62"),
    )


def test_proposal_kept_before_the_change_posts_at_the_old_rate(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    draft = world.draft()
    raised(date(2026, 12, 1))
    on_an_ordinary_day.move_to(datetime(2026, 12, 2, 9, 0, tzinfo=PARIS))

    world.office(ACCOUNTANT).act(draft, "post")

    draft.refresh_from_db()
    assert (draft.issued_on, draft.tax.amount) == (date(2026, 11, 24), Decimal("9.62"))


def test_credit_bears_the_rate_of_what_it_credits(world: World, on_an_ordinary_day: time_machine.Traveller) -> None:
    invoice = world.posted()
    raised(date(2026, 12, 1))
    on_an_ordinary_day.move_to(datetime(2026, 12, 2, 9, 0, tzinfo=PARIS))

    world.office(ACCOUNTANT).act(invoice, "credit")

    assert Invoice.objects.get(kind="credit_note").tax.amount == Decimal("9.62")


def test_replacement_says_from_when(world: World) -> None:
    with pytest.raises(ValidationError) as refused:
        TaxFactory.build(replaces=tax()).full_clean()

    assert "Une taxe qui en remplace une autre dit à partir de quand." in str(refused.value)


def test_mapping_twice_the_same_tax_is_refused(world: World) -> None:
    with pytest.raises(ValidationError) as refused:
        FiscalPositionTax(position=position(), source=tax(), target=tax("TVA 20 %")).full_clean()

    assert "Une seule ligne par taxe d'article." in str(refused.value)


@pytest.mark.parametrize("is_new", [True, False])
def test_line_offers_the_taxes_of_its_company_that_are_in_use(world: World, is_new: bool) -> None:
    """To a manager of two companies as well; what a line bears already stays in its list."""
    other = CompanyFactory(name="Autre Foyer")
    other.accesses.create(user=world.accountant)
    TaxFactory(name="TVA d'ailleurs", company=other)
    TaxFactory(name="TVA d'ici", company=world.company)
    TaxFactory(name="TVA d'avant", company=world.company, is_active=False)
    borne = TaxFactory(name="TVA de la ligne", company=world.company)
    draft = world.draft(item(tax=borne, tax_is_manual=True))
    Tax.objects.filter(pk=borne.pk).update(is_active=False)
    office = world.office(ACCOUNTANT)
    page = address(Invoice, "add") + f"?company={world.company.pk}" if is_new else address(draft)

    choices = office.get(page).context["inline_admin_formsets"][0].formset.empty_form.fields["tax"].choices

    names = {name.rpartition(" · ")[2] for _pk, name in choices if " · TVA d" in name}
    assert names == ({"TVA d'ici"} if is_new else {"TVA d'ici", "TVA de la ligne"})


# Numbers, terms, journals


def test_numbers_of_a_series_follow_each_other_by_company(world: World) -> None:
    other = CompanyFactory()

    taken = [take_number(world.company, "X"), *take_numbers(world.company, "X", 2), take_number(other, "X")]
    passed = take_number(world.company, "X", is_taken=lambda number: number in ("X/000004", "X/000005"))

    assert taken == ["X/000001", "X/000002", "X/000003", "X/000001"]
    assert (passed, take_numbers(world.company, "X", 1)) == ("X/000006", ["X/000007"])
    assert [is_number(text, "DI") for text in ("DI/000001", "DI/1234567", "DI/00001", "DV/000001", "xDI/000001")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_term_of_who_has_none_is_thirty_days_or_the_nearest_below(world: World) -> None:
    PaymentTerm.objects.create(name="Un mois et un jour", days=31)
    PaymentTerm.objects.create(name="Vingt jours puis fin de mois", days=20, counted="then_end")
    near = PaymentTerm.objects.create(name="Dix-neuf jours", days=19)
    thirty = default_term()
    PaymentTerm.objects.filter(days=30).update(days=45)

    assert thirty is not None
    assert (thirty.days, default_term()) == (30, near)


def test_journals_a_company_lacks_are_opened_and_the_first_of_a_kind_is_used(world: World) -> None:
    Journal.objects.filter(company=world.company, kind="cash").delete()
    with nothing_changed(), pytest.raises(BusinessError) as refused:
        journal_of(world.company, "cash")
    assert str(refused.value) == "Flammes d'Armor n'a pas de journal « Caisse » : ajoutez-le dans Réglages › Journaux."

    open_journals(world.company)
    first = journal_of(world.company, "cash")
    Journal.objects.create(
        company=world.company, code="C2", kind="cash", name="Caisse 2", prefix="C2", account="531000"
    )

    assert (first.code, first.account, journal_of(world.company, "cash")) == ("CA", "530000", first)
    assert Journal.objects.filter(company=world.company).count() == 6


def test_book_of_taxes_says_what_a_tax_says_of_each_day(world: World) -> None:
    old, new = tax("TVA collectée (vente) 5,5%"), raised(date(2026, 12, 1))
    book = TaxBook()

    days = [date(2026, 11, 30), date(2026, 12, 1), date(2027, 1, 1)]
    assert [book.on(old.pk, day).id for day in days] == [old.on(day).pk for day in days] == [old.pk, new.pk, new.pk]
    assert (book[new.pk].rate, book[new.pk].category, book[new.pk].name) == (Decimal(6), "S", "TVA 6 %")


def test_mention_of_a_reduced_rate_is_printed_when_a_line_bears_that_rate(world: World) -> None:
    """A paper whose lines were all at 20 % bore the certificate of the reduced rate."""
    position_10 = position("VEN-10")
    normal = Tax.objects.get(name="TVA 20 % travaux")
    reduced = ProductFactory(code="reduit", tax=normal)

    def mentions(*lines: Any) -> list[str]:
        draft = world.draft(intervention=world.intervention(*lines, code="VEN-10"))
        posted = post_invoice(draft, on=world.today, by=world.accountant)
        return [text for text in posted.texts["mentions"] if text == position_10.mention]

    by_hand = item(code="reduit", tax=normal, tax_is_manual=True)
    assert mentions(by_hand) == []
    assert mentions(by_hand, item(code="reduit")) == [position_10.mention]
    old = Tax.objects.get(name="TVA collectée (vente) 10%")
    Tax.objects.create(
        name="TVA 10,5 %", rate=Decimal("10.5"), category="S", account=old.account, replaces=old, valid_from=world.today
    )
    assert mentions(item(code="reduit")) == [position_10.mention]
    assert reduced.tax == normal
