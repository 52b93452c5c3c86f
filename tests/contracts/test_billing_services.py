"""Billing by its services: groups, locks, claims, what is waived, credited, prices dated."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from contracts.models import Article, BillingRun, Contract, ExceptionClaim, PeriodClaim, VisitClaim
from contracts.services.activation import activate_contract
from contracts.services.billing import bill_chunk, bill_contract, bill_contracts, foresee
from contracts.services.callouts import call_out
from contracts.services.cancellation import cancel_line
from contracts.services.contracts import save_contract
from contracts.services.lines import save_line
from contracts.services.next_bill import next_bill, next_days
from contracts.services.next_dates import recheck_due
from contracts.services.prices import set_price
from contracts.services.runs import chunks_of, start_run
from contracts.services.visits import plan_visits
from contracts.services.waivers import charges_due, claim_key, take_back, waive, waived
from interventions.services.states import cancel_intervention, finish_intervention
from invoicing.models import FiscalPosition, HistoryLine, Invoice, Journal, PaymentTerm
from invoicing.services.documents.drafts import edit_draft
from invoicing.services.documents.lines import LineEdit
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from openfire_billing.kernel.errors import BusinessError, NothingToBill, WrongState
from tests.contracts.contract_builders import article, bill, day, drafts, exception, make_contract, make_many, periods
from tests.factories import (
    AddressFactory,
    CompanyFactory,
    InstalledProductFactory,
    ProductFactory,
    TaxFactory,
    TemplateFactory,
    World,
    nothing_changed,
    position,
)
from tests.factories.parties import PartnerFactory


def test_contracts_of_a_payer_share_a_draft_when_they_say_so(world: World) -> None:
    apart = make_contract(world)
    one, two = (make_contract(world, group_by_payer=True) for _n in range(2))

    bill(world, on="02/01/26")

    assert drafts(apart) == [("invoice", "01/01/26", ["10.00"])]
    together = Invoice.objects.get(origin=f"{one.reference}, {two.reference}")
    assert [line.net for line in together.lines.all()] == [Decimal("10.00")] * 2


def test_lines_of_a_contract_have_a_draft_each_when_not_grouped(world: World) -> None:
    contract = make_contract(world, is_active=False, grouped=False)
    line = {"contract": contract, "address": contract.lines.get().address, "title": "Deuxième appareil"}
    save_line(None, line, articles=[article("240.00")], on=day("01/01/26"), by=world.manager)
    activate_contract(contract, on=day("01/01/26"), by=world.manager)

    bill(world, on="02/01/26")

    assert sorted(nets for _kind, _on, nets in drafts()) == [["10.00"], ["20.00"]]


def test_draft_says_period_place_and_yearly_basis(world: World) -> None:
    make_contract(world, "01/01/26", article("175.00", discount=Decimal(10)), purchase_order="BC 12")

    bill(world, on="02/03/26")

    invoice = Invoice.objects.get(proposed_on=day("01/03/26"))
    (line,) = invoice.lines.all()
    assert line.label == (
        "[ram_pose] Forfait Pose, du 01/03/2026 au 31/03/2026, échéance 3/12, base annuelle 157,50 €, remise 10 % déduite"
    )
    assert (line.quantity, line.unit_price, line.discount) == (Decimal(1), Decimal("13.13"), Decimal(0))
    assert (line.period_start, line.period_end) == (day("01/03/26"), day("01/04/26"))
    assert line.tax.rate == Decimal("5.5")
    assert (invoice.net.amount, invoice.tax.amount, invoice.gross.amount) == (
        Decimal("13.13"),
        Decimal("0.72"),
        Decimal("13.85"),
    )
    assert (invoice.purchase_order, invoice.site, invoice.customer) == (
        "BC 12",
        world.customer.default_address(),
        world.customer,
    )


def test_dry_run_writes_nothing(world: World) -> None:
    contract = make_contract(world)
    with nothing_changed():
        (told,) = foresee([contract], on=day("02/02/26"))
    assert [(d["day"], d["net"]) for d in told["drafts"]] == [("01/01/2026", "10.00"), ("01/02/2026", "10.00")]

    run = bill_contracts([contract], on=day("02/02/26"), by=None, dry_run=True)

    assert not Invoice.objects.exists()
    assert run.outcomes.get().drafts == told["drafts"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_run_locks_its_contracts_and_a_dry_run_none(
    world: World, caplog: pytest.LogCaptureFixture, dry_run: bool
) -> None:
    contract = make_contract(world)
    with caplog.at_level("DEBUG", logger="openfire_billing.db.locks"):
        bill_contracts([contract], on=day("02/02/26"), by=None, dry_run=dry_run)

    locked = [record.ids for record in caplog.records if getattr(record, "model", None) is Contract]
    assert [contract.pk] in locked or dry_run
    assert locked == [] or not dry_run


def test_more_than_36_periods_wait_for_somebody(world: World) -> None:
    contract = make_contract(world, "01/01/22")

    run = bill(world, on="01/06/26")

    assert (run.refused, Invoice.objects.count()) == (1, 0)
    contract.refresh_from_db()
    assert contract.set_aside_code == "too_many_periods"
    assert [told["result"] for told in foresee([contract], on=day("01/06/26"))] == ["refused"]
    assert "« Facturer quand même »" in contract.set_aside_reason
    assert bill(world, contract, on="01/06/26", force=True).billed == 1
    assert len(periods(contract)) == 54


def test_contract_that_fails_while_it_is_written_is_set_aside_alone(world: World) -> None:
    """It takes off more than it bills, and its company has lost its journal of credit notes."""
    payer = PartnerFactory()
    terms = {"frequency": "yearly", "payer": payer}
    culprit = make_contract(world, "01/01/26", exceptions=[exception("15/02/26", "50.00", quantity="-1")], **terms)
    bill(world, on="02/01/26")
    post_invoice(Invoice.objects.get(), on=day("02/01/26"), by=world.accountant)
    Journal.objects.filter(kind="credit_note").delete()
    of_the_same_payer, other = make_contract(world, "01/02/26", payer=payer), make_contract(world, "01/02/26")

    run = bill(world, on="28/02/26")

    assert (run.state, run.billed, run.refused, run.skipped) == ("done", 2, 1, 0)
    assert (drafts(of_the_same_payer), drafts(other)) == ([("invoice", "01/02/26", ["10.00"])],) * 2
    outcome = run.outcomes.get(contract=culprit)
    assert (outcome.result, outcome.code) == ("refused", "unexpected")
    assert outcome.reason == (
        f"Contrat {culprit} : la facturation a échoué sans que ses données le laissent prévoir "
        f"(KeyError: ({world.company.pk}, 'credit_note')). "
        "Rien n'est facturé ; corrigez sa fiche ou prévenez votre support."
    )
    culprit.refresh_from_db()
    assert (culprit.set_aside_code, culprit.set_aside_reason) == ("unexpected", outcome.reason)
    assert not ExceptionClaim.objects.exists()


@pytest.mark.parametrize(
    ("size", "periods", "cut"),
    [
        (1, 99, ["a", "bbb", "cc"]),
        (3, 99, ["a", "bbb", "cc"]),
        (4, 99, ["abbb", "cc"]),
        (5, 99, ["abbb", "cc"]),
        (6, 99, ["abbbcc"]),
        (9, 1, ["a", "bbb", "cc"]),
        (9, 11, ["a", "bbb", "cc"]),
        (9, 12, ["abbb", "cc"]),
        (9, 17, ["abbb", "cc"]),
        (9, 18, ["abbbcc"]),
    ],
)
def test_chunk_never_cuts_a_payer(world: World, size: int, periods: int, cut: list[str]) -> None:
    """Six contracts of three payers, each with three months due."""
    payers = {name: PartnerFactory() for name in "abc"}
    owner = {make_contract(world, payer=payers[name]).pk: name for name in "abcbbc"}
    run = start_run(on=day("02/03/26"), by=None)

    chunks = list(chunks_of(run, size, periods))

    assert ["".join(owner[pk] for pk in chunk) for chunk in chunks] == cut
    assert sorted(pk for chunk in chunks for pk in chunk) == sorted(owner)


@pytest.mark.parametrize("size", [2, 20])
def test_queries_of_a_chunk_are_constant(world: World, size: int) -> None:
    make_many(world, size)
    run = start_run(on=day("02/01/26"), by=None)
    (ids,) = chunks_of(run)
    with CaptureQueriesContext(connection) as captured:
        bill_chunk(run, ids)

    assert len(captured) <= 32


def test_unique_key_refuses_a_second_claim_of_a_period(world: World) -> None:
    make_contract(world)
    bill(world, on="02/01/26")
    claim = PeriodClaim.objects.get()

    with pytest.raises(IntegrityError), transaction.atomic():
        PeriodClaim.objects.create(
            article=claim.article,
            start=claim.start,
            end=claim.end,
            net=0,
            due_on=claim.due_on,
            without_document="waived",
        )


@pytest.mark.postgresql
def test_database_refuses_overlapping_claims(world: World) -> None:
    make_contract(world)
    bill(world, on="02/01/26")
    claim = PeriodClaim.objects.get()

    with pytest.raises(IntegrityError, match="contracts_period_no_overlap"), transaction.atomic():
        PeriodClaim.objects.create(
            article=claim.article,
            start=day("15/01/26"),
            end=day("20/01/26"),
            net=0,
            due_on=claim.due_on,
            without_document="waived",
        )


@pytest.mark.parametrize(("line", "without"), [(True, "waived"), (False, "")])
def test_claim_has_a_line_or_a_reason(world: World, line: bool, without: str) -> None:
    make_contract(world)
    bill(world, on="02/01/26")
    claim = PeriodClaim.objects.get()

    with pytest.raises(IntegrityError), transaction.atomic():
        PeriodClaim.objects.filter(pk=claim.pk).update(
            invoice_line=claim.invoice_line if line else None, without_document=without
        )


def test_line_of_a_period_keeps_its_quantity(world: World) -> None:
    make_contract(world)
    bill(world, on="02/01/26")
    invoice = Invoice.objects.get()
    (line,) = invoice.lines.all()

    with pytest.raises(BusinessError, match="quantité d'une période"), nothing_changed():
        edit_draft(invoice, edits=[LineEdit(pk=line.pk, values={"quantity": Decimal(2)})], by=world.biller)


def test_full_credit_a_refacturer_frees_the_period(world: World) -> None:
    contract = make_contract(world)
    bill(world, on="02/01/26")
    invoice = post_invoice(Invoice.objects.get(), on=day("02/01/26"), by=world.accountant)

    credit_note = credit_invoice(invoice, on=day("03/01/26"), by=world.accountant, rebill=True)

    released = PeriodClaim.objects.get()
    assert released.released_by == credit_note.lines.get()
    contract.refresh_from_db()
    assert contract.next_due_on == day("01/01/26")
    assert bill(world, on="04/01/26").billed == 1
    assert periods(contract) == ["01/01/26-31/01/26 10.00"]


def test_credit_of_a_part_may_not_be_rebilled(world: World) -> None:
    make_contract(world)
    bill(world, on="02/01/26")
    invoice = post_invoice(Invoice.objects.get(), on=day("02/01/26"), by=world.accountant)
    (line,) = invoice.lines.all()
    half = {line.pk: Decimal("0.5")}

    with pytest.raises(BusinessError, match="ne se remet à facturer qu'entière"), nothing_changed():
        credit_invoice(invoice, on=day("03/01/26"), by=world.accountant, quantities=half, rebill=True)
    credit_invoice(invoice, on=day("03/01/26"), by=world.accountant, quantities=half, rebill=False)
    with pytest.raises(BusinessError, match="a déjà un avoir sans remise à facturer"), nothing_changed():
        credit_invoice(invoice, on=day("03/01/26"), by=world.accountant, rebill=True)
    credit_invoice(invoice, on=day("03/01/26"), by=world.accountant, rebill=False)
    assert bill(world, on="05/01/26").billed == 0


def test_waived_period_is_not_billed_until_taken_back(world: World) -> None:
    contract = make_contract(world)
    january = [charge.key for charge in charges_due(contract, on=day("02/01/26"))]

    waive(contract, keys=january, on=day("02/01/26"), by=world.biller)
    assert bill(world, on="02/02/26").billed == 1
    assert periods(contract) == ["01/01/26-31/01/26 0", "01/02/26-28/02/26 10.00"]

    take_back(contract, keys=[claim_key(claim) for claim in waived(contract)], on=day("02/02/26"), by=world.biller)
    assert bill(world, on="02/02/26").billed == 1
    assert periods(contract)[0] == "01/01/26-31/01/26 10.00"


def test_billed_elsewhere_until_its_last_day(world: World) -> None:
    contract = make_contract(world, line={"billed_elsewhere_until": day("31/03/26")})

    bill(world, on="05/05/26")

    assert periods(contract) == ["01/04/26-30/04/26 10.00", "01/05/26-31/05/26 10.00"]


def test_price_dated_takes_effect_on_the_first_period_from_its_day(world: World) -> None:
    contract = make_contract(world)
    bill(world, on="05/02/26")
    (row,) = contract.lines.get().articles.all()

    price = {"unit_price": Decimal("240.00"), "discount": Decimal(0)}
    set_price(row, from_on=day("15/03/26"), **price, on=day("05/02/26"), by=world.manager)

    bill(world, on="05/04/26")
    assert [nets for _kind, _on, nets in drafts(contract)] == [["10.00"], ["10.00"], ["10.00"], ["20.00"]]


def test_per_visit_bills_the_visits_done(world: World) -> None:
    contract = make_contract(
        world, "01/01/26", article("175.00"), frequency="per_visit", timing="on_visit", visits=(2, (3, 9))
    )
    made = plan_visits(until=day("31/12/26"), on=day("01/01/26"), by=world.planner)
    assert bill(world, contract, on="31/12/26").billed == 0
    finish_intervention(made[0].made, on=day("12/03/26"), by=world.planner)

    contract.refresh_from_db()
    run = bill(world, contract, on="31/12/26")

    assert run.billed == 1
    assert drafts(contract) == [("invoice", "12/03/26", ["87.50"])]
    assert VisitClaim.objects.get().visit.rank == 1
    assert bill(world, contract, on="31/12/26").billed == 0


def test_visit_done_makes_its_contract_due_for_the_night(world: World) -> None:
    make_contract(world, "01/01/26", frequency="per_visit", timing="on_visit", visits=(1, (3,)))
    (made,) = plan_visits(until=day("31/12/26"), on=day("01/01/26"), by=world.planner)
    finish_intervention(made.made, on=day("12/03/26"), by=world.planner)

    assert bill(world, on="13/03/26").billed == 1


def test_visit_done_is_noticed_whatever_was_billed_of_others(world: World) -> None:
    terms: dict[str, Any] = {"frequency": "per_visit", "timing": "on_visit", "visits": (1, (3,))}
    first, second = (make_contract(world, "01/01/26", **terms) for _n in range(2))
    made = {o.document: o.made for o in plan_visits(until=day("31/12/26"), on=day("01/01/26"), by=world.planner)}

    billed = []
    for contract in (first, second):
        finish_intervention(made[contract], on=day("12/03/26"), by=world.planner)
        run = bill(world, on="13/03/26")
        billed.append([outcome.contract for outcome in run.outcomes.all()])

    assert billed == [[first], [second]]
    assert bill(world, on="14/03/26").expected == 0


def test_visit_cancelled_by_hand_is_not_made_again(world: World) -> None:
    make_contract(world, visits=(1, (3,)))
    (made,) = plan_visits(until=day("31/12/26"), on=day("01/01/26"), by=world.planner)
    cancel_intervention(made.made, on=day("02/01/26"), by=world.planner)

    assert plan_visits(until=day("31/12/26"), on=day("02/01/26"), by=world.planner) == []


def test_auto_post_leaves_drafts_of_tomorrow(world: World, today: Any) -> None:
    contract = make_contract(world, "01/11/26", auto_post=True)

    bill(world, on="05/12/26")

    states = Invoice.objects.filter(origin=contract.reference).order_by("proposed_on").values_list("state", "number")
    assert list(states) == [("posted", "FA2026-00001"), ("draft", None)]


def test_next_bill_is_told_before_it_is_made(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("175.00"))
    bill(world, on="02/01/26")

    told = next_bill(contract.lines.get())

    assert told is not None
    assert (told.on, told.totals.net, told.totals.tax, told.totals.gross) == (
        day("01/02/26"),
        Decimal("14.59"),
        Decimal("0.80"),
        Decimal("15.39"),
    )


def test_due_day_that_is_too_late_is_mended_and_told(world: World) -> None:
    contract = make_contract(world)
    Contract.objects.update(next_due_on=day("01/06/26"))

    late = recheck_due(Contract.objects.values("pk"), on=day("02/01/26"))

    assert late == [contract.reference]
    assert bill(world, on="02/01/26").billed == 1
    assert recheck_due(Contract.objects.values("pk"), on=day("02/01/26")) == []


def test_exception_is_billed_once(world: World) -> None:
    contract = make_contract(world, "01/01/26", frequency="yearly", exceptions=[exception("15/02/26", "40.00")])

    bill(world, on="01/03/26")
    bill(world, on="01/03/26")

    assert drafts(contract) == [("invoice", "01/01/26", ["120.00"]), ("invoice", "15/02/26", ["40.00"])]
    assert ExceptionClaim.objects.count() == 1


def test_run_row_tells_each_contract_once(world: World) -> None:
    payer = PartnerFactory()
    contracts = [make_contract(world, payer=payer) for _n in range(3)]

    run = bill(world, *contracts, on="02/01/26")

    assert isinstance(run, BillingRun)
    assert run.outcomes.count() == run.expected == run.billed == 3
    assert run.state == "done"


# What is refused, and in which words


def refused(act: Any, *args: Any, **options: Any) -> BusinessError:
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        act(*args, **options)
    return refusal.value


def test_billing_one_contract_says_why_it_made_nothing(world: World) -> None:
    active, late, draft = make_contract(world), make_contract(world, "01/01/22"), make_contract(world, is_active=False)

    def billed(contract: Contract, on: str, **options: Any) -> BillingRun:
        return bill_contract(contract, on=day(on), by=world.biller, **options)

    assert billed(active, "02/01/26").billed == 1
    for contract, on, kind, code, said in (
        (active, "03/01/26", NothingToBill, None, f"Contrat {active} : rien à facturer au 03/01/2026."),
        (late, "01/06/26", BusinessError, "too_many_periods", "plus de 36 périodes échues à facturer"),
        (draft, "02/01/26", WrongState, None, f"{draft} est à l'état « Brouillon » : activez-le d'abord."),
    ):
        with pytest.raises(kind) as refusal:
            billed(contract, on)
        assert said in str(refusal.value)
        assert code is None or refusal.value.code == code
    assert billed(late, "01/06/26", force=True).billed == 1


def test_run_started_under_a_key_is_one_run_with_what_it_expects(world: World) -> None:
    contract = make_contract(world)

    first, again = (start_run(on=day("02/01/26"), by=None, key="k") for _twice in range(2))
    other = start_run(on=day("31/12/25"), by=None, key="other")

    assert (first, first.expected, other.expected) == (again, 1, 0)
    assert bill_contracts([contract], on=day("02/01/26"), by=None, key="k").pk == first.pk
    assert bill_contracts([contract], on=day("02/01/26"), by=None, key="k").billed == 1
    assert BillingRun.objects.count() == 2


def test_taxes_and_positions_of_another_company_leave_the_contract_out(world: World) -> None:
    other = CompanyFactory(name="Autre Foyer")
    by_position, by_tax, by_account, sound = (make_contract(world) for _n in range(4))
    FiscalPosition.objects.create(company=other, code="X", name="D'ailleurs")
    Contract.objects.filter(pk=by_position.pk).update(fiscal_position=FiscalPosition.objects.get(code="X"))
    by_tax.lines.get().articles.update(tax=TaxFactory(company=other))
    by_account.lines.get().articles.update(product=ProductFactory(code="sans_compte", income_account=""))

    run = bill(world, on="02/01/26")

    assert (run.billed, run.refused) == (1, 3)
    said = {outcome.contract: outcome.reason for outcome in run.outcomes.filter(result="refused")}
    assert [said[contract] for contract in (by_position, by_tax, by_account)] == [
        f"Contrat {by_position} : sa position fiscale est celle d'une autre société que Flammes d'Armor : choisissez-en une autre.",
        f"Contrat {by_tax} : la TVA de « [ram_pose] Forfait Pose » est celle d'une autre société. Choisissez-en une autre.",
        f"Contrat {by_account} : l'article « [ram_pose] Forfait Pose » n'a pas de compte de produit. Complétez sa fiche.",
    ]
    assert drafts(sound) == [("invoice", "01/01/26", ["10.00"])]
    for contract in (by_position, by_tax, by_account):
        contract.refresh_from_db()
    assert {c.set_aside_code for c in (by_position, by_tax, by_account)} == {"incomplete"}
    assert refused(charges_due, by_tax, on=day("02/01/26")).args[0] == said[by_tax]
    assert next_bill(by_tax.lines.get()) is None


@pytest.mark.parametrize(
    ("addresses", "chosen"),
    [
        ([{"is_default": True}, {"is_billing": True}], 1),
        ([{}, {"is_default": True}], 1),
        ([{}, {}], 0),
        ([{"is_billing": True}, {"is_default": True}], 0),
    ],
)
def test_invoice_goes_to_the_billing_address_else_the_default_one_else_the_first(
    world: World, addresses: list[dict[str, Any]], chosen: int
) -> None:
    payer = PartnerFactory()
    contract = make_contract(world, payer=payer)
    Contract.objects.filter(pk=contract.pk).update(billing_address=None)
    payer.addresses.update(is_default=False, is_billing=False)
    first = payer.addresses.get()
    rows = [first, AddressFactory(partner=payer, is_default=False)]
    for row, values in zip(rows, addresses, strict=True):
        type(row).objects.filter(pk=row.pk).update(**values)

    bill(world, on="02/01/26")

    assert Invoice.objects.get().billing_address == rows[chosen]


# Lines


def test_article_that_is_billed_keeps_what_its_amount_comes_from(world: World) -> None:
    contract = make_contract(world, exceptions=[exception("01/01/26", "40.00")])
    line = contract.lines.get()
    bill(world, on="02/01/26")

    def save(**edits: LineEdit) -> None:
        save_line(line.pk, {}, on=day("02/01/26"), by=world.manager, **{name: [edit] for name, edit in edits.items()})

    for name, row in (("articles", line.articles.get()), ("exceptions", line.exceptions.get())):
        for edit, instead in (
            (
                LineEdit(pk=row.pk, values={"quantity": Decimal(2)}),
                "« Prix daté » change son prix à partir d'un jour ; sinon ajoutez un article.",
            ),
            (LineEdit(pk=row.pk, delete=True), "donnez un dernier jour à la ligne."),
        ):
            said = str(refused(save, **{name: edit}))
            assert said == f"« {row} » est déjà facturé : il ne change plus, {instead}"
        save(**{name: LineEdit(pk=row.pk, values={"label": "Autre texte"})})
        row.refresh_from_db()
        assert row.label == "Autre texte"
    said = str(refused(save, articles=LineEdit(pk=1, values={"label": "x"})))
    assert said == "Un article modifié n'est plus sur cette ligne. Rechargez la page."


def test_terms_of_a_line_that_is_billed_are_fixed(world: World) -> None:
    contract = make_contract(world)
    line = contract.lines.get()
    values = {"billed_elsewhere_until": day("31/01/26")}
    save_line(line.pk, values, on=day("01/01/26"), by=world.manager)
    contract.refresh_from_db()
    assert contract.next_due_on == day("01/02/26")
    bill(world, on="02/02/26")

    said = str(refused(save_line, line.pk, {"billed_elsewhere_until": None}, on=day("02/02/26"), by=world.manager))

    assert said == (
        f"« {line} » est déjà facturée : Facturé ailleurs jusqu'au n'y change plus. Donnez-lui un dernier jour et ajoutez une ligne."
    )


def test_line_takes_its_site_from_its_equipment_or_the_payer_and_its_task_from_its_template(world: World) -> None:
    contract = make_contract(world)
    stove = InstalledProductFactory(partner=PartnerFactory())
    template = TemplateFactory(task=world.task)

    def made(of: Contract = contract, **values: Any) -> Any:
        return save_line(
            None,
            {"contract": of, **values},
            articles=[article("120.00")],
            on=day("01/01/26"),
            by=world.manager,
        )

    with_stove, plain = made(equipment=stove, template=template), made()

    assert (with_stove.address, with_stove.task) == (stove.address, world.task)
    assert (plain.address, plain.task) == (world.customer.default_address(), None)
    nowhere = PartnerFactory(name="Le Goff Yann")
    nowhere.addresses.all().delete()
    terms = {"company": world.company, "payer": nowhere, "start_on": day("01/01/26"), "frequency": "monthly"}
    theirs = save_contract(None, terms, on=day("01/01/26"), by=world.manager)
    assert str(refused(made, of=theirs)) == ("« Le Goff Yann » n'a pas d'adresse : choisissez le site de la ligne.")


def test_change_of_a_line_raises_its_version_and_its_contract_s_once(world: World) -> None:
    contract = make_contract(world, visits=(2, (3, 10)))
    line = contract.lines.get()

    def versions() -> tuple[int, int]:
        line.refresh_from_db()
        contract.refresh_from_db()
        return line.version, contract.version

    before = versions()
    save_line(line.pk, {}, on=day("01/01/26"), by=world.manager)
    same = versions()
    save_line(line.pk, {"visit_months": [4, 11]}, on=day("01/01/26"), by=world.manager)
    header = versions()
    label = LineEdit(pk=line.articles.get().pk, values={"label": "Autre"})
    save_line(line.pk, {}, articles=[label], on=day("01/01/26"), by=world.manager)
    articles = versions()

    assert same == before
    assert header == (before[0] + 1, before[1] + 1)
    assert articles == (before[0] + 2, before[1] + 2)
    edited, changed, created = HistoryLine.objects.of(line).exclude(act="validated")[:3]
    assert created.text == "Ligne créée"
    assert (edited.act, changed.act) == ("edited", "changed")
    assert changed.changes == {"visit_months": ["mars, octobre", "avril, novembre"]}


# Prices, next bill, waivers


def test_price_is_refused_on_a_title_and_on_a_line_that_is_cancelled(world: World) -> None:
    contract = make_contract(world)
    line = contract.lines.get()
    title = Article.objects.create(line=line, kind="section", label="Entretien", quantity=0, position=9)
    row = line.articles.get(kind="article")
    price = {"from_on": day("15/03/26"), "unit_price": Decimal("240.00"), "discount": Decimal(0)}

    assert str(refused(set_price, title, **price, on=day("05/02/26"), by=world.manager)) == (
        f"« {title} » n'a pas de prix : choisissez un article."
    )
    versions = (line.version, line.contract.version)
    first = set_price(row, **price, on=day("05/02/26"), by=world.manager)
    line.refresh_from_db()
    contract.refresh_from_db()
    assert (line.version, contract.version) == (versions[0] + 1, versions[1] + 1)
    again = set_price(row, **price | {"unit_price": Decimal(300)}, on=day("05/02/26"), by=world.manager)
    assert (first, again.unit_price, row.prices.count()) == (again, Decimal(300), 1)
    assert HistoryLine.objects.of(line)[0].text == (
        "« [ram_pose] Forfait Pose » : 300,00 € HT par an à partir du 15/03/2026"
    )
    cancel_line(line, on=day("05/02/26"), by=world.manager)
    assert str(refused(set_price, row, **price, on=day("05/02/26"), by=world.manager)) == (
        f"« {line} » est annulée : remettez-la en brouillon avant d'y changer un prix."
    )


def test_next_bill_is_a_sentence_and_a_day_of_each_line(world: World) -> None:
    contract, draft = make_contract(world), make_contract(world, is_active=False)
    line = contract.lines.get()

    told = next_bill(line)

    assert told is not None
    assert told.text == "10,00 € HT + 0,55 € de taxes = 10,55 € TTC"
    assert next_bill(draft.lines.get()) is None
    assert next_days([contract.pk, draft.pk]) == {line.pk: day("01/01/26")}


def test_waiving_takes_what_is_due_or_falls_due_next_and_nothing_else(world: World) -> None:
    contract, draft = make_contract(world), make_contract(world, is_active=False)
    bill(world, on="02/01/26")
    (february,) = charges_due(contract, on=day("02/01/26"))
    assert february.due_on == day("01/02/26")

    for keys in ([], [february.key, "autre"]):
        said = str(refused(waive, contract, keys=keys, on=day("02/01/26"), by=world.biller))
        assert said == f"{contract} : ce qui était choisi n'est plus dû. Rechargez la page."
        said = str(refused(take_back, contract, keys=keys, on=day("02/01/26"), by=world.biller))
        assert said == f"{contract} : ce qui était choisi n'est plus à remettre. Rechargez la page."
    said = str(refused(waive, draft, keys=[february.key], on=day("02/01/26"), by=world.biller))
    assert said == f"{draft} n'est pas activé : rien n'y est dû."

    waive(contract, keys=[february.key], on=day("02/01/26"), by=world.biller)
    contract.refresh_from_db()
    assert contract.next_due_on == day("01/03/26")


def test_journal_says_what_is_waived_and_taken_back(world: World) -> None:
    contract = make_contract(world)
    (january,) = charges_due(contract, on=day("02/01/26"))

    waive(contract, keys=[january.key], on=day("02/01/26"), by=world.biller)
    (claim,) = waived(contract)
    take_back(contract, keys=[claim_key(claim)], on=day("02/01/26"), by=world.biller)

    assert [line.text for line in HistoryLine.objects.of(contract)[:2]] == [
        f"Remis à facturer : {claim}",
        f"Ne pas facturer : {january.label}",
    ]


def test_call_out_of_a_line_billed_per_visit_is_no_visit(world: World) -> None:
    line = {"uses_callouts": True, "included_callouts": 1, "task": world.task}
    contract = make_contract(world, "01/01/26", line=line, frequency="per_visit", timing="on_visit", visits=(1, (3,)))
    sav = call_out(contract.lines.get(), on=day("02/02/26"), by=world.planner)
    finish_intervention(sav, on=day("02/02/26"), by=world.planner)

    run = bill(world, contract, on="03/02/26")

    assert (run.billed, run.skipped, run.refused) == (0, 1, 0)


def test_draft_has_what_the_header_of_its_contract_says(world: World) -> None:
    site, cash = AddressFactory(partner=world.customer), PaymentTerm.objects.create(name="Comptant bis", days=0)
    journal = Journal.objects.create(company=world.company, code="V2", kind="invoice", name="Ventes 2", prefix="V2")
    contract = make_contract(
        world, billing_address=site, payment_term=cash, journal=journal, fiscal_position=position("VEN-10")
    )

    bill(world, on="02/01/26")

    draft = Invoice.objects.get()
    assert (draft.billing_address, draft.payment_term, draft.journal, draft.fiscal_position) == (
        site,
        cash,
        journal,
        position("VEN-10"),
    )
    assert (draft.origin, draft.currency, draft.company) == (contract.reference, "EUR", world.company)
