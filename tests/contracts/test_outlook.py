"""The next twelve months of a contract: the net of a year, its next bill, what activating it bills of the past."""

import re
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contracts.choices import ContractState
from contracts.models import Contract, ContractLine, ContractRequest, PeriodClaim
from contracts.planner import facts as f
from contracts.planner.outlook import PastDue, net_of_year, nets_of_lines
from contracts.services.activation import activate_contract
from contracts.services.cancellation import cancel_contract
from contracts.services.facts import read_facts
from contracts.services.lines import save_line
from contracts.services.next_bill import worth_of_each, yearly_nets, yearly_nets_of_lines
from contracts.services.outlook import Month, Outlook, activation_text, outlook_of, past_text
from contracts.services.prices import set_price
from contracts.services.termination import terminate_contract
from contracts.services.visits import plan_visits
from contracts.services.waivers import charges_due, waive
from interventions.services.states import cancel_intervention, finish_intervention
from invoicing.models import Invoice
from invoicing.services.posting.post import post_invoice
from invoicing.services.settlement.payments import pay_invoice
from openfire_billing.kernel.formats import place_text
from openfire_billing.office.roles import MANAGER, PLANNER
from tests.contracts.contract_builders import article, bill, day, french, make_contract, reasons
from tests.contracts.planner_builders import contract as facts_of_contract
from tests.factories import World, nothing_changed, position
from tests.factories.appointments import at, book
from tests.factories.pages import address, texts_of

TODAY = day("24/11/26")


def outlook(contract: Contract, on: date = TODAY) -> Outlook:
    with nothing_changed():
        found = outlook_of(Contract.objects.get(pk=contract.pk), on=on)
    assert found is not None
    return found


def due(months: tuple[Month, ...]) -> list[str]:
    """« 01/11/26 10.00 FA2026-00001 » of each instalment, with « late » or the reason why no invoice bears it."""
    return [
        " ".join(filter(None, [french(i.on), str(i.net), str(i.invoice or i.without), "late" if i.is_late else ""]))
        for month in months
        for i in month.instalments
    ]


def visits(months: tuple[Month, ...]) -> list[tuple[str, str, str]]:
    """(month shown, « 1/2 on 01/03/26 », state of its DI or « to make ») of each visit."""
    return [
        (
            french(month.first),
            f"{v.rank}/{v.of} on {french(v.on)}",
            v.intervention.state if v.intervention else "to make",
        )
        for month in months
        for v in month.visits
    ]


def test_active_contract_shows_what_is_billed_then_what_will_be(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("175.00"))
    bill(world, contract, on="24/11/26")
    november = Invoice.objects.get(proposed_on=day("01/11/26"))
    for earlier in Invoice.objects.filter(proposed_on__lt=day("01/11/26")).order_by("proposed_on"):
        post_invoice(earlier, on=TODAY, by=world.accountant)
    posted = post_invoice(november, on=TODAY, by=world.accountant)

    found = outlook(contract)

    assert due(found.months) == [
        f"01/11/26 14.59 {posted.number}",
        "01/12/26 14.58",
        "01/01/27 14.58",
        "01/02/27 14.59",
        "01/03/27 14.58",
        "01/04/27 14.58",
        "01/05/27 14.59",
        "01/06/27 14.58",
        "01/07/27 14.58",
        "01/08/27 14.59",
        "01/09/27 14.58",
        "01/10/27 14.58",
    ]
    assert [french(month.first) for month in found.months][::11] == ["01/11/26", "01/10/27"]
    assert (found.yearly, found.past, found.past_visits, found.refusal) == (Decimal("175.00"), None, "", "")
    assert found.following is not None
    assert (found.following.on, found.following.text) == (
        day("01/12/26"),
        "14,58 € HT + 0,80 € de taxes = 15,38 € TTC",
    )


def test_draft_shows_from_its_start_what_the_night_then_bills(world: World) -> None:
    contract = make_contract(world, "01/01/26", is_active=False)

    before = outlook(contract)
    activate_contract(contract, on=TODAY, by=world.manager)
    bill(world, contract, on="24/11/26")

    assert before.past == PastDue(11, day("01/01/26"), day("01/11/26"), Decimal("110.00"))
    assert past_text(before) == (
        "11 échéances déjà passées, du 01/01/2026 au 01/11/2026, seraient facturées après l'activation : 110,00 € HT."
    )
    assert (before.yearly, before.following and before.following.on) == (Decimal("120.00"), day("01/01/26"))
    assert due(before.months) == [f"01/{month:02}/26 10.00{' late' if month < 12 else ''}" for month in range(1, 13)]
    invoices = Invoice.objects.order_by("proposed_on")
    assert [f"{french(i.proposed_on)} {i.net.amount} late" for i in invoices] == due(before.months)[:11]


def test_draft_with_nothing_past_says_so_and_one_instalment_is_singular(world: World) -> None:
    ahead = make_contract(world, "01/12/26", is_active=False)
    one = make_contract(world, "01/11/26", is_active=False)
    done = "Le contrat reçoit sa référence ; ses visites et ses factures se font dès lors toutes seules."

    assert (outlook(ahead).past, activation_text(ahead, on=TODAY)) == (None, done)
    assert activation_text(one, on=TODAY) == (
        f"{done} 1 échéance déjà passée, du 01/11/2026, serait facturée après l'activation : 10,00 € HT."
    )
    assert outlook(ahead).months[0].first == day("01/12/26")


def test_draft_with_more_periods_past_than_the_night_bills_says_that_it_is_set_aside(world: World) -> None:
    most = make_contract(world, "01/12/23", is_active=False)
    contract = make_contract(world, "01/11/23", is_active=False)
    why = (
        "Contrat %s : plus de 36 périodes échues à facturer. Rien n'est facturé : "
        "vérifiez la date de début, puis « Facturer quand même »."
    )

    before, text = outlook(contract), activation_text(contract, on=TODAY)
    dialog = world.office(MANAGER).get(address(contract, "act", "activate")).context["explain"]
    shown = unescape(page(world, contract).content.decode())
    activate_contract(contract, on=TODAY, by=world.manager)
    run = bill(world, on="24/11/26")

    assert before.past == PastDue(37, day("01/11/23"), day("01/11/26"), Decimal("370.00"))
    assert (
        text
        == dialog
        == (
            "Le contrat reçoit sa référence ; ses visites et ses factures se font dès lors toutes seules. "
            + why % f"provisoire n° {contract.pk}"
        )
    )
    assert why % f"provisoire n° {contract.pk}" in shown
    assert "seraient facturées" not in shown
    assert past_text(outlook(most)) == (
        "36 échéances déjà passées, du 01/12/2023 au 01/11/2026, seraient facturées après l'activation : 360,00 € HT."
    )
    assert reasons(run) == [why % Contract.objects.get(pk=contract.pk).reference]


def test_past_beyond_the_months_shown_is_counted(world: World) -> None:
    contract = make_contract(world, "01/01/24", frequency="quarterly", is_active=False)

    found = outlook(contract)

    assert found.past == PastDue(12, day("01/01/24"), day("01/10/26"), Decimal("360.00"))
    assert due(found.months) == [f"01/{month}/24 30.00 late" for month in ("01", "04", "07", "10")]


def test_what_no_invoice_bears_has_its_reason_and_what_waits_is_late(world: World) -> None:
    contract = make_contract(world, "01/09/26")
    (september, *_others) = charges_due(contract, on=TODAY)
    waive(contract, keys=[september.key], on=TODAY, by=world.biller)
    make_contract(world, "01/11/26", article("0"))
    bill(world, on="24/11/26")
    other = make_contract(world, "01/10/26")

    assert due(outlook(contract, on=day("01/09/26")).months)[0] == "01/09/26 10.00 Ne pas facturer"
    assert due(outlook(Contract.objects.get(lines__articles__unit_price=0)).months)[0] == "01/11/26 0.00 Gratuite"
    assert due(outlook(other).months)[:3] == ["01/10/26 10.00 late", "01/11/26 10.00 late", "01/12/26 10.00"]
    assert outlook(other).months[0].instalments[0].on == day("01/10/26")


def test_visits_to_make_planned_done_and_cancelled(world: World) -> None:
    contract = make_contract(world, "01/01/26", visits=(4, (3, 6, 9, 12)))
    plan_visits([contract], until=day("31/12/26"), on=day("01/01/26"), by=world.planner)
    march, june, september, december = (
        row.intervention for row in ContractRequest.objects.order_by("rank").select_related("intervention")
    )
    finish_intervention(march, on=day("02/11/26"), by=world.planner)
    cancel_intervention(june, on=TODAY, by=world.planner)
    book(world, december, state="confirmed", starts_at=at(8, day=27))

    assert visits(outlook(contract).months) == [
        ("01/11/26", "3/4 on 01/09/26", "to_plan"),
        ("01/11/26", "1/4 on 02/11/26", "done"),
        ("01/11/26", "4/4 on 27/11/26", "planned"),
        ("01/03/27", "1/4 on 01/03/27", "to make"),
        ("01/06/27", "2/4 on 01/06/27", "to make"),
        ("01/09/27", "3/4 on 01/09/27", "to make"),
    ]
    assert ("01/06/26", "2/4 on 01/06/26", "cancelled") in visits(outlook(contract, on=day("01/06/26")).months)
    assert september.state == "to_plan"


def test_visits_of_a_draft_leave_out_those_that_are_past(world: World) -> None:
    contract = make_contract(world, "01/01/26", visits=(2, (3, 12)), is_active=False)

    found = outlook(contract)
    activated = activate_contract(contract, on=TODAY, by=world.manager)

    assert visits(found.months) == [("01/12/26", "2/2 on 01/12/26", "to make")]
    assert (
        found.past_visits
        == activated.notes[0]
        == (
            "1 visite d'avant l'activation n'est pas créée (du 01/03/2026 au 31/03/2026) : si elle reste à faire, créez sa DI."
        )
    )
    assert visits(outlook(contract).months) == [
        ("01/12/26", "2/2 on 01/12/26", "to make"),
        ("01/03/27", "1/2 on 01/03/27", "to make"),
    ]


def test_per_visit_knows_its_year_and_no_day(world: World) -> None:
    contract = make_contract(
        world, "01/01/26", article("175.00"), frequency="per_visit", timing="on_visit", visits=(2, (3, 9))
    )

    found = outlook(contract)

    assert (found.yearly, found.following, due(found.months)) == (Decimal("175.00"), None, [])


def test_why_nothing_can_be_told(world: World) -> None:
    unplaced = make_contract(world, is_active=False, fiscal_position=None)
    cancelled, empty = make_contract(world, is_active=False), make_contract(world, is_active=False)
    cancel_contract(cancelled, on=TODAY, by=world.manager)
    empty.lines.all().delete()

    assert outlook(unplaced) == Outlook(
        "EUR",
        refusal=f"Contrat provisoire n° {unplaced.pk} : position fiscale à renseigner avant de facturer.",
        wrong_field="fiscal_position",
    )
    assert [outlook_of(Contract.objects.get(pk=c.pk), on=TODAY) for c in (cancelled, empty)] == [None, None]


def test_terminated_contract_bills_to_its_last_day_and_visits_no_more(world: World) -> None:
    contract = make_contract(world, "01/01/26", visits=(1, (12,)))
    bill(world, contract, on="24/11/26")
    terminate_contract(contract, last_day=day("31/12/26"), reason="Vente", on=TODAY, by=world.manager)

    found = outlook(contract)

    assert due(found.months)[1:] == ["01/12/26 10.00"]
    assert (found.yearly, visits(found.months)) == (Decimal("120.00"), [])
    assert outlook(contract, on=day("01/01/27")).yearly == 0


def test_next_bill_of_lines_apart_is_taxed_apart(world: World) -> None:
    """Each draft rounds its own tax: 0,55 + 0,55, and 1,10 on one; of 10,05 it is 0,55 each, and 1,11 on one."""
    terms: dict[str, Any] = {"is_active": False, "frequency": "yearly"}
    apart, together = (
        make_contract(world, "01/12/26", article("10.05"), grouped=grouped, **terms) for grouped in (False, True)
    )
    for contract in (apart, together):
        line = {"contract": contract, "address": contract.lines.get().address, "title": "Deuxième"}
        save_line(None, line, articles=[article("10.05")], on=TODAY, by=world.manager)

    texts = [found.text for c in (apart, together) if (found := outlook(c).following)]

    assert texts == [
        "20,10 € HT + 1,10 € de taxes = 21,20 € TTC",
        "20,10 € HT + 1,11 € de taxes = 21,21 € TTC",
    ]


def test_worth_of_many_in_as_many_queries_as_of_one(world: World) -> None:
    contracts = [make_contract(world, "01/12/26", article("175.00")) for _n in range(4)]
    broken = make_contract(world, "01/12/26")
    Contract.objects.filter(pk=broken.pk).update(fiscal_position=None)
    set_price(
        contracts[1].lines.get().articles.get(),
        from_on=day("01/12/26"),
        unit_price=Decimal(300),
        discount=Decimal(50),
        on=TODAY,
        by=world.manager,
    )

    counts = []
    for ids in ([contracts[0].pk], [c.pk for c in (*contracts, broken)]):
        with CaptureQueriesContext(connection) as captured:
            worth = worth_of_each(ids, on=TODAY)
        counts.append(len(captured))

    assert counts[0] == counts[1]
    assert [worth[c.pk].yearly for c in contracts] == [Decimal(n) for n in ("175.00", "150.00", "175.00", "175.00")]
    assert [w.following.text for w in worth.values() if w.following][:2] == [
        "14,58 € HT + 0,80 € de taxes = 15,38 € TTC",
        "12,50 € HT + 0,69 € de taxes = 13,19 € TTC",
    ]
    assert broken.pk not in worth


def test_lists_show_the_net_of_a_year_in_as_many_queries_as_for_one(world: World) -> None:
    """The figure of the contract's page, at the prices of today; a draft counts, what cannot be billed shows none."""
    contracts = [
        make_contract(world, "01/01/26", article("175.00"), article("10.05", quantity="2"), is_active=number != 2)
        for number in range(4)
    ]
    broken = make_contract(world, "01/01/26")
    Contract.objects.filter(pk=broken.pk).update(fiscal_position=None)
    set_price(
        contracts[1].lines.get().articles.first(),
        from_on=day("01/11/26"),
        unit_price=Decimal(300),
        discount=Decimal(50),
        on=TODAY,
        by=world.manager,
    )
    ids = [contract.pk for contract in (*contracts, broken)]
    for read in (yearly_nets, yearly_nets_of_lines):
        counts = []
        for chosen in (ids[:1], ids):
            with CaptureQueriesContext(connection) as captured:
                read(chosen, on=TODAY)
            counts.append(len(captured))
        assert counts[0] == counts[1]

    nets = [Decimal(net) for net in ("195.10", "170.10", "195.10", "195.10")]
    assert yearly_nets(ids, on=TODAY) == dict(zip(ids, nets, strict=False))
    lines = [contract.lines.get().pk for contract in contracts]
    assert yearly_nets_of_lines(ids, on=TODAY) == dict(zip(lines, nets, strict=True))
    assert [outlook(contract).yearly for contract in contracts] == nets
    shown = ["–", *(f"{net} / an" for net in ("195,10 €", "195,10 €", "170,10 €", "195,10 €"))]
    office = world.office(MANAGER)
    rows = {row: row.yearly_net for row in office.get(address(Contract, "changelist")).context["cl"].result_list}
    assert rows == dict(zip((*contracts, broken), (*nets, None), strict=True))
    page = office.get(address(Contract, "changelist"))
    assert page.context["office_totals"] == [("HT par an de la page", Decimal("755.40"))]
    assert sorted(cells(page, "yearly_text")) == sorted(shown)
    assert sorted(cells(office.get(address(ContractLine, "changelist")), "yearly_text")) == sorted(shown)
    table = office.get(address(Contract, "export"), format="csv").getvalue().decode().splitlines()
    column = table[0].split(";").index("HT par an")
    assert sorted(row.split(";")[column] for row in table[1:]) == ["", "170,10", "195,10", "195,10", "195,10"]


def test_cancelled_and_ended_contracts_are_worth_nothing_in_lists(world: World) -> None:
    cancelled, ended, kept = make_contract(world, is_active=False), make_contract(world), make_contract(world)
    cancel_contract(cancelled, on=TODAY, by=world.manager)
    bill(world, ended, on="24/11/26")
    terminate_contract(ended, last_day=day("31/12/26"), reason="Vente", on=TODAY, by=world.manager)
    ids = [cancelled.pk, ended.pk, kept.pk]

    assert yearly_nets(ids, on=TODAY) == {ended.pk: Decimal("120.00"), kept.pk: Decimal("120.00")}
    assert yearly_nets(ids, on=day("01/01/27")) == {ended.pk: Decimal(0), kept.pk: Decimal("120.00")}
    assert yearly_nets_of_lines(ids, on=day("01/01/27")) == {kept.lines.get().pk: Decimal("120.00")}


def cells(page: Any, name: str) -> list[str]:
    """What a column of a list shows, line by line."""
    found = re.findall(rf'<td class="field-{name} [^>]*>(.*?)</td>', page.content.decode(), re.DOTALL)
    return [unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in found]


# The net of a year, of facts alone


def yearly(*lines: f.LineFacts, start: str = "01/01/26", on: str = "24/11/26", **terms: Any) -> Decimal:
    return net_of_year(facts_of_contract(start, *lines, **terms), on=day(on))


def line_of(pk: int, price: str, **values: Any) -> f.LineFacts:
    priced = f.ArticleFacts(pk, "Entretien", Decimal(2), (f.PriceVersion(day("01/01/00"), Decimal(price)),))
    return f.LineFacts(**{"id": pk, "chain": pk, "articles": (priced,), **values})


def test_year_counts_one_line_of_a_chain() -> None:
    old = line_of(1, "100", end=day("01/12/26"))
    new = line_of(2, "150", chain=1, start=day("01/12/26"))

    assert yearly(old, new) == yearly(new, old) == Decimal("200.00")
    assert yearly(old, new, on="01/12/26") == Decimal("300.00")
    assert yearly(old, line_of(3, "7.5")) == Decimal("215.00")


def test_year_of_a_line_that_ended_and_of_a_contract_to_come() -> None:
    ended = line_of(1, "100", chain_end=day("24/11/26"))

    assert (yearly(ended), yearly(ended, on="23/11/26")) == (Decimal(0), Decimal("200.00"))
    chain = facts_of_contract("01/01/26", ended, line_of(2, "150"))
    assert nets_of_lines(chain, on=day("24/11/26")) == {2: Decimal("300.00")}
    assert nets_of_lines(chain, on=day("23/11/26")) == {1: Decimal("200.00"), 2: Decimal("300.00")}
    assert yearly(line_of(1, "100"), start="01/01/30") == Decimal("200.00")


@pytest.mark.parametrize(
    ("every", "unit", "net"),
    [(1, f.WEEK, "10400.00"), (10, f.DAY, "7200.00"), (400, f.DAY, "200.00"), (2, f.YEAR, "200.00")],
)
def test_year_of_days_and_weeks_counts_whole_instalments(every: int, unit: str, net: str) -> None:
    frequency = f.Frequency(every, unit)

    assert yearly(line_of(1, "100"), frequency=frequency, alignment=f.ANNIVERSARY) == Decimal(net)


def test_outlook_reads_the_claims_of_its_months_and_of_what_is_not_settled(world: World) -> None:
    """Of thirty months billed; a claim before the months shown is not asked for, whatever it holds."""
    contract = make_contract(world, "01/06/24")
    bill(world, contract, on="24/11/26")
    before = outlook(contract)
    everything = read_facts([contract.pk], lock=False, settled=False).claimed.charges
    assert [len(starts) for starts in everything.values()] == [30]

    assert read_facts([contract.pk], lock=False).claimed.charges == {}
    PeriodClaim.objects.filter(start=day("01/07/24")).delete()

    assert outlook(contract) == before
    assert due(before.months)[:2] == [f"01/11/26 10.00 {before.months[0].instalments[0].invoice}", "01/12/26 10.00"]
    assert before.following is not None
    assert before.following.on == day("01/12/26")


# The page


def page(world: World, contract: Contract, role: str = MANAGER) -> Any:
    return world.office(role).get(address(contract))


def test_page_shows_the_card_and_the_months(world: World) -> None:
    contract = make_contract(world, "01/10/26", visits=(1, (12,)))
    bill(world, contract, on="31/10/26")
    plan_visits([contract], until=day("31/12/26"), on=TODAY, by=world.planner)
    visit = ContractRequest.objects.get().intervention

    shown = page(world, contract)

    assert texts_of(shown, "of-money") == [
        "Montants Net annuel HT120,00 € Prochaine facture Jour01/11/2026 HT10,00 € Taxes0,55 € TTC10,55 €"
    ]
    months = texts_of(shown, "of-month")
    assert months[:3] == [
        "novembre 2026 10,00 € HT le 01/11 En retard",
        f"décembre 2026 10,00 € HT le 01/12 À venir Visite unique le 01/12 À planifier {visit.number}",
        "janvier 2027 10,00 € HT le 01/01 À venir",
    ]
    assert len(months) == 12
    assert f'href="{address(visit)}"' in shown.content.decode()


def test_card_awaits_a_visit_while_a_line_billed_per_visit_is_served(world: World) -> None:
    per_visit: dict[str, Any] = {"frequency": "per_visit", "timing": "on_visit"}
    visits: dict[str, Any] = {"visits": (2, (3, 9))}

    def card(contract: Contract) -> str:
        (text,) = texts_of(page(world, contract), "of-money")
        return text.partition("Prochaine facture ")[2]

    inherited = make_contract(world, **per_visit, **visits)
    of_its_own = make_contract(world, frequency="yearly", line=per_visit, **visits)
    ended = make_contract(world, end_on=day("23/11/26"), auto_renew=False, **per_visit, **visits)
    last_day = make_contract(world, end_on=TODAY, auto_renew=False, **per_visit, **visits)
    terminated = make_contract(world, **per_visit, **visits)
    terminate_contract(terminated, last_day=day("23/11/26"), reason="Vente", on=TODAY, by=world.manager)
    line_ended = make_contract(world, line={"ends_on": day("23/11/26")}, **per_visit, **visits)

    awaited, nothing = "À la prochaine visite réalisée.", "Plus rien à facturer."
    assert [card(c) for c in (inherited, of_its_own, last_day)] == [awaited] * 3
    assert [card(c) for c in (ended, terminated, line_ended)] == [nothing] * 3


def test_who_may_not_open_an_invoice_reads_its_name(world: World) -> None:
    contract = make_contract(world, "01/11/26")
    bill(world, contract, on="24/11/26")
    invoice = Invoice.objects.get()
    draft = str(invoice)

    def november(role: str) -> str:
        return texts_of(page(world, contract, role), "of-month")[0]

    drafted = november(PLANNER)
    post_invoice(invoice, on=TODAY, by=world.accountant)
    pay_invoice(invoice, amount=Decimal("10.55"), on=TODAY, kind="card", by=world.accountant)
    invoice.refresh_from_db()
    pages = {role: page(world, contract, role).content.decode() for role in (MANAGER, PLANNER)}

    assert drafted == f"novembre 2026 10,00 € HT le 01/11 Brouillon {draft}"
    assert november(MANAGER) == f"novembre 2026 10,00 € HT le 01/11 Payée {invoice.number}"
    assert november(PLANNER) == f"novembre 2026 10,00 € HT le 01/11 Facturée {invoice.number}"
    assert f'<a class="of-link" href="{address(invoice)}">{invoice}</a>' in pages[MANAGER]
    assert f'href="{address(invoice)}"' not in pages[PLANNER]


def test_page_of_a_contract_set_aside_says_why_and_leads_to_what_is_missing(world: World) -> None:
    contract = make_contract(world, "01/11/26")
    Contract.objects.filter(pk=contract.pk).update(fiscal_position=None)
    late = make_contract(world, "01/11/23", line={"title": "Chalet"})
    bill(world, on="24/11/26")

    def banner(shown: Contract, role: str = MANAGER) -> list[str]:
        return [text for text in texts_of(page(world, shown, role), "of-padded") if text]

    why, step = "Mis de côté : position fiscale à renseigner avant de facturer.", "Remplir « Position fiscale »"
    link = f'href="{address(contract)}#id_fiscal_position" data-target="id_fiscal_position">{step}</a>'
    assert banner(contract) == [why + step]
    assert link in page(world, contract).content.decode()
    assert banner(contract, PLANNER) == [why]
    too_many = (
        "Mis de côté, ligne Chalet : plus de 36 périodes échues à facturer. Rien n'est facturé : vérifiez la date de "
        "début, puis « Facturer quand même »."
    )
    assert banner(late) == [too_many + "Facturer quand même"]
    assert (
        f'href="{address(late, "act", "bill")}" data-dialog>Facturer quand même</a>'
        in page(world, late).content.decode()
    )
    assert banner(late, PLANNER) == [too_many]
    Contract.objects.filter(pk=contract.pk).update(fiscal_position=position("VEN-5.5"))
    assert banner(contract) == [why]
    Contract.objects.filter(pk=contract.pk).update(set_aside_reason="Incomplet")
    assert banner(contract) == ["Mis de côté : Incomplet"]


def filled_of(shown: Any) -> list[str]:
    """Return the words of the filled buttons of a page."""
    found = re.findall(
        r'class="of-button of-button-main"[^>]*>(.*?)</(?:a|button)>', unescape(shown.content.decode()), re.DOTALL
    )
    return [re.sub(r"<span.*?</span>", "", text).strip() for text in found]


def acts_of(shown: Any) -> list[str]:
    return [act["name"] for act in shown.context["office_menu"]]


def test_contract_that_cannot_be_billed_offers_what_mends_it_instead(world: World) -> None:
    sound, contract = make_contract(world, "01/11/26"), make_contract(world, "01/11/26")
    late = make_contract(world, "01/11/23")
    Contract.objects.filter(pk=contract.pk).update(fiscal_position=None)
    before = page(world, contract)
    bill(world, on="24/11/26")
    shown = {name: page(world, one) for name, one in (("sound", sound), ("contract", contract), ("late", late))}

    mend = 'class="of-button of-button-main" href="{}#id_fiscal_position" data-target="id_fiscal_position">{}</a>'
    assert mend.format(address(contract), "Remplir « Position fiscale »") in shown["contract"].content.decode()
    assert [act["name"] for act in shown["contract"].context["office_primary"]] == []
    assert "bill" not in acts_of(shown["contract"])
    assert filled_of(before) == ["Remplir « Position fiscale »"]  # not set aside yet: under « Douze mois »
    assert "bill" not in acts_of(before)
    assert [act["name"] for act in shown["sound"].context["office_primary"]] == ["bill"]
    assert [act["name"] for act in shown["late"].context["office_primary"]] == ["bill"]  # « Facturer quand même »
    Contract.objects.filter(pk=contract.pk).update(fiscal_position=position("VEN-5.5"))
    assert [act["name"] for act in page(world, contract).context["office_primary"]] == ["bill"]


def test_draft_is_filled_in_before_it_is_activated(world: World) -> None:
    ready, empty = make_contract(world, is_active=False), make_contract(world, is_active=False)
    unplaced = make_contract(world, is_active=False, fiscal_position=None)
    empty.lines.all().delete()

    assert filled_of(page(world, ready)) == ["Activer"]
    assert filled_of(page(world, unplaced)) == ["Remplir « Position fiscale »"]
    assert "activate" in acts_of(page(world, unplaced))  # its dialog says all that is missing
    assert filled_of(page(world, empty)) == ["Ajouter une ligne"]
    assert filled_of(page(world, empty, PLANNER)) == []


def test_dialog_says_what_activation_bills_of_the_past(world: World) -> None:
    contract = make_contract(world, "01/01/26", is_active=False)

    dialog = world.office(MANAGER).get(address(contract, "act", "activate"))

    said = (
        "11 échéances déjà passées, du 01/01/2026 au 01/11/2026, seraient facturées après l'activation : 110,00 € HT."
    )
    assert said in dialog.context["explain"]
    assert said in unescape(page(world, contract).content.decode())
    assert Contract.objects.get(pk=contract.pk).state == ContractState.DRAFT


def test_page_takes_as_many_queries_with_many_lines(world: World) -> None:
    few, many = (make_contract(world, "01/10/26", visits=(1, (12,)), is_active=False) for _n in range(2))
    first = many.lines.get()
    for number in range(12):
        values = {"contract": many, "address": first.address, "title": f"Site {number}", "task": first.task}
        planned = {"repeat": 1, "repeat_unit": "year", "visit_months": [12]}
        save_line(None, values | planned, articles=[article("120.00")], on=TODAY, by=world.manager)
    office, counts = world.office(MANAGER), []
    for contract in (few, many):
        activate_contract(contract, on=day("01/10/26"), by=world.manager)
        bill(world, contract, on="31/10/26")
        plan_visits([contract], until=day("31/12/26"), on=TODAY, by=world.planner)
        office.get(address(contract))
        with CaptureQueriesContext(connection) as captured:
            assert office.get(address(contract)).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1] <= 40, counts


@pytest.mark.parametrize(
    ("noun", "rank", "of", "text"),
    [
        ("visite", 1, 1, "visite unique"),
        ("visite", 1, 2, "1re visite sur 2"),
        ("échéance", 3, 12, "3e échéance sur 12"),
        ("échéance", 11, 12, "11e échéance sur 12"),
    ],
)
def test_place_within_a_year_is_written_in_words(noun: str, rank: int, of: int, text: str) -> None:
    assert place_text(noun, rank, of) == text


def test_screens_say_the_place_of_an_instalment_and_of_a_visit_in_words(world: World) -> None:
    contract = make_contract(world, "01/10/26", article("120.00"), visits=(2, (3, 9)))
    plan_visits([contract], until=day("31/12/27"), on=TODAY, by=world.manager)
    office = world.office(MANAGER)

    asked = unescape(office.get(address(contract, "act", "waive")).content.decode())
    assert "du 01/10/2026 au 31/10/2026, 1re échéance sur 12, base annuelle 120,00 € : 10,00 €" in asked
    assert re.findall(r"échéance \d+/\d+", asked) == []

    request = ContractRequest.objects.order_by("pk").first()
    assert request is not None
    assert (request.place, str(request)) == (
        "1re visite sur 2",
        f"{request.intervention} (1re visite sur 2, année {request.year})",
    )
    shown = [unescape(office.get(address(one)).content.decode()) for one in (request.line, request.intervention)]
    assert f"<td>1re visite sur 2, année {request.year}</td>" in shown[0]
    assert f"1re visite sur 2 de l'année {request.year}" in shown[1]
    ribbon = texts_of(page(world, contract), "of-visit-item")
    assert ribbon != []
    assert [text for text in ribbon if not re.match(r"(1re|2e) visite sur 2 le \d\d/\d\d ", text)] == []
