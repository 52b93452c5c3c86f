"""Charges become drafts: keys, credit notes, what waits, what is free, what is broken."""

from dataclasses import replace
from decimal import Decimal

import pytest

from contracts.planner.facts import (
    DAY,
    IN_ARREARS,
    ON_DATE,
    ON_VISIT,
    ONE_INVOICE,
    ONE_PER_PERIOD,
    PER_VISIT,
    WEEK,
    CreditableInvoice,
    Frequency,
)
from contracts.planner.intents import CREDIT_NOTE, FREE, INVOICE
from tests.contracts.planner_builders import (
    TEN,
    article,
    bill,
    claims_of,
    contract,
    day,
    drafts,
    exception,
    line,
    reasons,
)

# Grouping.


def two(**second):
    """Two contracts of one payer that go together, the second with these values of its own."""
    one = contract("01/01/26", line(1, TEN), id=1, group_by_payer=True)
    values = {"id": 2, "group_by_payer": True} | second
    lines = values.pop("lines", (line(2, article(2, price="240.00")),))
    return one, contract("01/01/26", *lines, **values)


def test_contracts_of_a_payer_share_a_draft_when_asked():
    made = bill(*two(), on="01/01/26")
    assert drafts(made) == [(INVOICE, "01/01/26", ["10.00", "20.00"])]
    assert made.groups[0].contracts == (1, 2)
    assert made.groups[0].total == Decimal("30.00")


@pytest.mark.parametrize(
    "second",
    [
        {"payer": 11},
        {"billing_address": 21},
        {"company": 31},
        {"currency": "CHF"},
        {"fiscal_position": 41},
        {"payment_term": 51},
        {"journal": 61},
        {"auto_post": True},
        {"purchase_order": "BC-7"},
        {"group_by_payer": False},
        {"timing": IN_ARREARS},  # another day
    ],
)
def test_a_difference_in_the_key_makes_two_drafts(second):
    made = bill(*two(**second), on="31/01/26")
    assert [len(group.charges) for group in made.groups] == [1, 1]


def test_lines_of_a_contract_share_a_draft_unless_told_otherwise():
    lines = (line(1, TEN), line(2, article(2, price="240.00")))
    assert drafts(bill(contract("01/01/26", *lines), on="01/01/26")) == [(INVOICE, "01/01/26", ["10.00", "20.00"])]
    apart = bill(contract("01/01/26", *lines, grouped=False), on="01/01/26")
    assert drafts(apart) == [(INVOICE, "01/01/26", ["10.00"]), (INVOICE, "01/01/26", ["20.00"])]
    payer = bill(contract("01/01/26", *lines, grouped=False, group_by_payer=True), on="01/01/26")
    assert drafts(payer) == [(INVOICE, "01/01/26", ["10.00", "20.00"])]


def test_contracts_of_one_payer_stay_apart_by_default():
    one, other = two()
    made = bill(replace(one, group_by_payer=False), replace(other, group_by_payer=False), on="01/01/26")
    assert [group.contracts for group in made.groups] == [(1,), (2,)]


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (ONE_PER_PERIOD, [("01/01/26", 2), ("01/02/26", 2)]),
        (ONE_INVOICE, [("15/02/26", 4)]),
        (ON_DATE, [("15/02/26", 2), ("15/02/26", 2)]),
    ],
)
def test_late_periods_of_two_contracts_together(late, expected):
    one, other = two(late_billing=late)
    made = bill(replace(one, late_billing=late), other, on="15/02/26")
    assert [(proposed, len(amounts)) for _, proposed, amounts in drafts(made)] == expected


def test_what_is_due_on_the_day_goes_together_whatever_the_late_methods():
    one, other = two(late_billing=ON_DATE)
    third = contract("01/01/26", line(3, article(3)), id=3, group_by_payer=True, late_billing=ONE_INVOICE)
    assert [group.contracts for group in bill(one, other, third, on="01/01/26").groups] == [(1, 2, 3)]


def test_drafts_come_in_the_order_of_their_dates():
    late = contract("01/01/26", line(1, TEN), id=1, late_billing=ONE_INVOICE)
    early = contract("01/01/26", line(2, article(2)), id=2)
    made = bill(late, early, on="15/02/26")
    assert [(group.contracts, proposed) for group, (_, proposed, _) in zip(made.groups, drafts(made), strict=True)] == [
        ((2,), "01/01/26"),
        ((2,), "01/02/26"),
        ((1,), "15/02/26"),
    ]


# Edge case 14: negative groups.


def test_negative_exception_reduces_the_draft_of_its_day():
    facts = contract("01/01/26", line(1, TEN, exceptions=(exception(5, "01/01/26", "-1", "4.00"),)))
    assert drafts(bill(facts, on="01/01/26")) == [(INVOICE, "01/01/26", ["10.00", "-4.00"])]


def test_negative_group_becomes_a_credit_note_of_an_invoice_with_enough_left():
    facts = contract(
        "01/01/26",
        line(1, TEN, exceptions=(exception(5, "15/01/26", "-2", "20.00"),)),
        auto_post=True,
        creditable=(CreditableInvoice(900, Decimal("39.99")), CreditableInvoice(901, Decimal("40.00"))),
    )
    month, credit = bill(facts, on="15/01/26").groups
    assert (month.kind, month.auto_post, month.sign, month.credits) == (INVOICE, True, 1, None)
    assert (credit.kind, credit.auto_post, credit.sign, credit.credits) == (CREDIT_NOTE, False, -1, 901)
    assert (credit.total, credit.proposed_on) == (Decimal("-40.00"), day("15/01/26"))
    charge = credit.charges[0]
    assert (charge.quantity * credit.sign, charge.unit_price, charge.discount) == (2, Decimal("20.00"), 0)


def test_two_negative_groups_do_not_credit_the_same_euros():
    reductions = (exception(5, "10/01/26", "-1", "30.00"), exception(6, "11/01/26", "-1", "30.00"))
    facts = contract("01/02/26", line(1, TEN, exceptions=reductions), creditable=(CreditableInvoice(9, Decimal(50)),))
    facts = replace(facts, start_on=day("02/01/26"))
    made = bill(facts, on="15/01/26")
    assert drafts(made) == [(CREDIT_NOTE, "10/01/26", ["-30.00"])]
    assert [code for _, code, _ in reasons(made)] == ["held_back"]


def test_negative_group_without_invoice_is_held_back_and_said_then_goes_with_the_next():
    facts = contract("02/01/26", line(1, TEN, exceptions=(exception(5, "15/01/26", "-1", "4.00"),)))
    held = bill(facts, on="20/01/26")
    assert held.groups == ()
    assert reasons(held) == [
        (
            1,
            "held_back",
            (
                "Contrat CONT/000001 : total négatif (-4,00 €) sans facture validée à créditer d'autant ; "
                "retenu jusqu'à la prochaine échéance."
            ),
        )
    ]
    assert drafts(bill(facts, on="01/02/26")) == [(INVOICE, "01/02/26", ["-4.00", "10.00"])]


def test_contracts_held_back_together_say_their_common_total():
    one, other = two(lines=(line(2, TEN, exceptions=(exception(5, "01/01/26", "-1", "50.00"),)),))
    held = bill(replace(one, lines=(line(1, article(1, price="120.00")),)), other, on="01/01/26")
    assert held.groups == ()
    assert [(skip.contract, "(-30,00 €)" in skip.reason) for skip in held.skips] == [(1, True), (2, True)]


def test_what_is_held_back_waits_until_the_draft_is_not_negative():
    facts = contract("02/01/26", line(1, TEN, exceptions=(exception(5, "15/01/26", "-1", "15.00"),)))
    assert bill(facts, on="01/02/26").groups == ()
    march = bill(facts, on="01/03/26")
    assert drafts(march) == [(INVOICE, "01/03/26", ["-15.00", "10.00", "10.00"])]
    assert march.skips == ()
    assert bill(facts, on="01/03/26", claimed=claims_of(march)).groups == ()


# Edge case 24: free lines.


def test_a_free_line_is_printed_and_a_free_group_has_no_document():
    free = article(2, price="0.00", label="Ramonage offert")
    both = bill(contract("01/01/26", line(1, TEN, free)), on="01/01/26")
    assert drafts(both) == [(INVOICE, "01/01/26", ["10.00", "0.00"])]
    alone = bill(contract("01/01/26", line(1, free)), on="01/01/26")
    assert drafts(alone) == [(FREE, "01/01/26", ["0.00"])]
    assert bill(contract("01/01/26", line(1, free)), on="01/01/26", claimed=claims_of(alone)).groups == ()


def test_a_discount_of_everything_is_free_and_a_free_group_does_not_carry_what_waits():
    gift = article(1, price="120.00", discount="100")
    facts = contract("02/01/26", line(1, gift, exceptions=(exception(5, "15/01/26", "-1", "4.00"),)))
    made = bill(facts, on="01/02/26")
    assert drafts(made) == [(FREE, "01/02/26", ["0.00"])]
    assert [code for _, code, _ in reasons(made)] == ["held_back"]


def test_lines_that_cancel_out_still_have_a_document():
    facts = contract("01/01/26", line(1, TEN, exceptions=(exception(5, "01/01/26", "-1", "10.00"),)))
    assert drafts(bill(facts, on="01/01/26")) == [(INVOICE, "01/01/26", ["10.00", "-10.00"])]


# What is broken is left out alone.


@pytest.mark.parametrize(
    ("broken", "code", "reason"),
    [
        ({"fiscal_position": None}, "incomplete", "position fiscale à renseigner avant de facturer."),
        ({"payer": None, "journal": None}, "incomplete", "client payeur, journal à renseigner avant de facturer."),
        (
            {"auto_renew": False},
            "incomplete",
            "date de fin à renseigner, ou renouvellement tacite à cocher.",
        ),
        ({"proration": "moon"}, "inconsistent", "le prorata est inconnu (moon)."),
        ({"anchor_day": 32}, "inconsistent", "le jour d'ancrage (32) doit être compris entre 1 et 31."),
        (
            {"timing": ON_VISIT},
            "inconsistent",
            "avec cette fréquence, la facturation doit être à échoir ou échu.",
        ),
        (
            {"frequency": PER_VISIT},
            "inconsistent",
            "avec cette fréquence, la facturation doit être au jour de la visite ou échu.",
        ),
        ({"frequency": Frequency(0, DAY)}, "inconsistent", "la fréquence (0 day) est inconnue."),
        ({"frequency": Frequency(1, "moon")}, "inconsistent", "la fréquence (1 moon) est inconnue."),
        (
            {"frequency": Frequency(1, WEEK)},
            "inconsistent",
            "l'alignement calendaire demande une fréquence en mois ou en années, sinon anniversaire.",
        ),
    ],
)
def test_broken_contract_in_a_group_is_left_out_alone(broken, code, reason):
    one, other = two(**broken)
    made = bill(one, other, on="01/01/26")
    assert drafts(made) == [(INVOICE, "01/01/26", ["10.00"])]
    assert reasons(made) == [(2, code, f"Contrat CONT/000002 : {reason}")]


def test_broken_data_of_a_line_is_refused_with_its_name():
    one, other = two()
    no_price = replace(other, lines=(line(2, article(2, prices=()), label="Poêle"),))
    assert reasons(bill(one, no_price, on="01/01/26")) == [
        (2, "inconsistent", "Contrat CONT/000002 : ligne Poêle : l'article Entretien n'a pas de prix.")
    ]
    not_a_number = replace(other, lines=(line(2, article(2, price="NaN")),))
    made = bill(one, not_a_number, on="01/01/26")
    assert drafts(made) == [(INVOICE, "01/01/26", ["10.00"])]
    [(which, code, reason)] = reasons(made)
    assert (which, code) == (2, "inconsistent")
    assert reason.startswith("Contrat CONT/000002 : données incohérentes")


def test_nothing_due_is_a_skip_with_its_reason():
    assert reasons(bill(contract("01/02/26"), on="31/01/26")) == [
        (1, "nothing_due", "Contrat CONT/000001 : rien à facturer au 31/01/2026.")
    ]
