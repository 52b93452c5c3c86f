"""The life of a contract: what activation refuses and tells, termination, withdrawal and return of its lines."""

from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied

from contracts.models import Contract
from contracts.services.activation import activate_contract, activate_line
from contracts.services.cancellation import cancel_contract, cancel_line, delete_contracts, reset_contract, reset_line
from contracts.services.contracts import save_contract, set_active
from contracts.services.lines import save_line
from contracts.services.termination import terminate_contract
from contracts.services.visits import plan_visits
from contracts.services.waivers import charges_due
from interventions.services.states import finish_intervention
from invoicing.models import HistoryLine, Journal, PartnerTerms, PaymentTerm
from openfire_billing.kernel.errors import BusinessError, WrongState
from openfire_billing.office.roles import MANAGER
from tests.contracts.contract_builders import article, bill, day, exception, make_contract, periods
from tests.factories import AddressFactory, PartnerFactory, World, nothing_changed, position


def test_termination_cancels_later_visits_and_bills_until_the_last_day(world: World) -> None:
    contract = make_contract(world, visits=(2, (3, 10)))
    march, october = [
        outcome.made for outcome in plan_visits(until=day("31/12/26"), on=day("01/01/26"), by=world.planner)
    ]
    terminate_contract(contract, last_day=day("30/04/26"), reason="vente", on=day("01/02/26"), by=world.manager)

    march.refresh_from_db()
    october.refresh_from_db()
    assert (march.state, october.state) == ("to_plan", "cancelled")
    bill(world, on="01/12/26")
    assert [line[:8] for line in periods(contract)] == ["01/01/26", "01/02/26", "01/03/26", "01/04/26"]
    with pytest.raises(WrongState):
        terminate_contract(contract, last_day=day("30/05/26"), reason="", on=day("01/02/26"), by=world.manager)


NEVER_BILLED: list[tuple[dict[str, Any], str]] = [
    ({"fiscal_position": None}, "position fiscale à renseigner"),
    ({"frequency": "monthly", "timing": "on_visit"}, "doit être à échoir ou échu"),
    ({"frequency": "every", "every": 10, "unit": "day"}, "l'alignement calendaire demande"),
    ({"auto_renew": False, "end_on": day("20/01/26"), "start": "15/01/26"}, "rien ne serait jamais facturé"),
    ({"visits": (2, ())}, "Mois de visite à renseigner"),
    ({"visits": (0, (3,))}, "Répéter N fois à renseigner"),
    ({"frequency": "per_visit", "timing": "on_visit"}, "Répéter N fois, Mois de visite, Tâche à renseigner"),
]


@pytest.mark.parametrize(("terms", "sentence"), NEVER_BILLED, ids=[sentence for _terms, sentence in NEVER_BILLED])
def test_activation_refuses_what_could_never_be_billed(world: World, terms: dict[str, Any], sentence: str) -> None:
    contract = make_contract(world, is_active=False, **terms)

    with pytest.raises(BusinessError, match=sentence), nothing_changed():
        activate_contract(contract, on=contract.start_on, by=world.manager)


def test_activation_refuses_a_contract_without_line(world: World) -> None:
    contract = make_contract(world, is_active=False)
    contract.lines.all().delete()

    with pytest.raises(BusinessError, match="n'a pas de ligne"):
        activate_contract(contract, on=contract.start_on, by=world.manager)


def test_activation_tells_of_the_visits_that_are_over(world: World) -> None:
    """Two a year, in March and September: activated on 24 November of the second, four are past."""
    contract, office = make_contract(world, "01/01/25", visits=(2, (3, 9)), is_active=False), world.office(MANAGER)

    told = [unescape(str(m)) for m in get_messages(office.act(contract, "activate").wsgi_request)]

    said = (
        "4 visites d'avant l'activation ne sont pas créées (la dernière, du 01/09/2026 au 30/09/2026) : "
        "si elles restent à faire, créez leurs DI."
    )
    assert HistoryLine.objects.of(contract)[0].text == said
    assert told == [f"CONT/000001 : activé. {said}"]
    made = plan_visits([contract], until=day("30/04/27"), on=world.today, by=world.manager)
    assert [outcome.made.from_on for outcome in made] == [day("01/03/27")]


@pytest.mark.parametrize(
    ("on", "said", "first"),
    [
        ("31/03/26", "", "01/03/26"),
        (
            "01/04/26",
            "1 visite d'avant l'activation n'est pas créée (du 01/03/2026 au 31/03/2026) : "
            "si elle reste à faire, créez sa DI.",
            "01/03/27",
        ),
    ],
)
def test_visit_is_over_the_day_after_its_last_one(world: World, on: str, said: str, first: str) -> None:
    contract = make_contract(world, visits=(1, (3,)), is_active=False)

    outcome = activate_contract(contract, on=day(on), by=world.manager)

    made = plan_visits([contract], until=day("31/03/27"), on=day(on), by=world.manager)
    assert (outcome.note, made[0].made.from_on) == (said, day(first))


def test_activation_on_the_first_day_tells_of_none(world: World) -> None:
    contract = make_contract(world, visits=(1, (3,)))

    assert HistoryLine.objects.of(contract)[0].act == "validated"


@pytest.mark.parametrize("what", ["contract", "line"])
def test_what_is_withdrawn_and_put_back_promises_its_visits_anew(world: World, what: str) -> None:
    contract = make_contract(world, "01/01/27", visits=(1, (3,)))
    line, on = contract.lines.get(), contract.start_on
    (before,) = plan_visits([contract], until=day("31/12/27"), on=on, by=world.manager)
    acts: dict[str, list[Any]] = {
        "contract": [(cancel_contract, contract, {"on": on}), (reset_contract, contract, {})],
        "line": [(cancel_line, line, {"on": on}), (reset_line, line, {})],
    }
    for act, thing, options in acts[what]:
        act(thing, by=world.manager, **options)
    if what == "contract":
        activate_contract(contract, on=on, by=world.manager)
    else:
        activate_line(line, on=on, by=world.manager)

    (again,) = plan_visits([contract], until=day("31/12/27"), on=on, by=world.manager)

    before.made.refresh_from_db()
    assert (before.made.state, again.made.state, again.made.from_on) == ("cancelled", "to_plan", day("01/03/27"))
    assert plan_visits([contract], until=day("31/12/27"), on=on, by=world.manager) == []


def test_lines_of_a_contract_that_ended_stay_as_they_are(world: World) -> None:
    """Six months are due on it: cancelled, the line could never be put back, and they would be lost."""
    contract = make_contract(world)
    line = contract.lines.get()
    terminate_contract(contract, last_day=day("30/06/26"), reason="Vendu", on=day("01/07/26"), by=world.manager)

    for act in (lambda: cancel_line(line, on=day("01/07/26"), by=world.manager), lambda: reset_line(line, by=None)):
        with (
            pytest.raises(WrongState, match="est à l'état « Résilié » : ses lignes ne changent plus"),
            nothing_changed(),
        ):
            act()
    assert len(charges_due(contract, on=day("01/07/26"))) == 6


def test_activation_passes_over_references_taken_by_hand(world: World) -> None:
    for reference in ("CONT/000001", "CONT/000002", "cont/000003"):
        Contract.objects.create(
            company=world.company, payer=world.customer, start_on=day("01/01/26"), reference=reference
        )

    assert [make_contract(world).reference for _contract in range(2)] == ["CONT/000003", "CONT/000004"]


def test_terms_are_fixed_once_billed(world: World) -> None:
    contract = make_contract(world)
    bill(world, on="02/01/26")

    with pytest.raises(BusinessError, match="Fréquence de facturation n'y change plus"), nothing_changed():
        save_contract(contract.pk, {"frequency": "yearly"}, on=day("02/01/26"), by=world.manager)
    with pytest.raises(WrongState, match="résiliez-le"), nothing_changed():
        cancel_contract(contract, on=day("02/01/26"), by=world.manager)


@pytest.mark.parametrize(
    ("start", "end", "terminated", "is_running", "is_ending"),
    [
        ("24/11/26", None, None, True, False),
        ("25/11/26", None, None, False, False),
        ("01/01/26", "23/11/26", None, False, False),
        ("01/01/26", "24/11/26", None, True, True),
        ("01/01/26", "22/02/27", None, True, True),
        ("01/01/26", "23/02/27", None, True, False),
        ("01/01/26", "31/12/26", "23/11/26", False, False),
        ("01/01/26", "31/12/26", "24/11/26", True, True),
    ],
)
def test_running_is_within_its_days_and_ending_within_ninety(
    world: World, start: str, end: str | None, terminated: str | None, is_running: bool, is_ending: bool
) -> None:
    contract = make_contract(world, start)
    Contract.objects.filter(pk=contract.pk).update(
        auto_renew=end is None,
        end_on=end and day(end),
        terminated_on=terminated and day(terminated),
    )

    on = day("24/11/26")
    assert (Contract.objects.running(on).exists(), Contract.objects.ending(on).exists()) == (is_running, is_ending)
    Contract.objects.update(state="draft")
    assert not Contract.objects.running(on).exists()


def test_lists_of_contracts_look_at_states_days_and_reasons(world: World) -> None:
    first, second = make_contract(world, visits=(1, (3,))), make_contract(world, is_active=False)
    second = set_active(second, active=False, by=world.manager)
    Contract.objects.filter(pk=second.pk).update(set_aside_reason="Incomplet", next_due_on=day("01/01/26"))

    def found(contracts: Any) -> list[Contract]:
        return list(contracts.order_by("pk"))

    assert found(Contract.objects.active()) == found(Contract.objects.billable()) == [first]
    assert found(Contract.objects.set_aside()) == [second]
    assert [found(Contract.objects.due(day(on))) for on in ("31/12/25", "01/01/26")] == [[], [first]]
    assert [found(Contract.objects.due_visits(day(on))) for on in ("28/02/26", "01/03/26")] == [[], [first]]


def test_contract_is_archived_and_brought_back(world: World) -> None:
    contract = make_contract(world)

    seen = [set_active(contract, active=active, by=world.manager).is_active for active in (False, True)]

    assert seen == [False, True]
    assert [line.text for line in HistoryLine.objects.of(contract)[:2]] == ["Remis en service", "Archivé"]


def test_drafts_alone_are_deleted_all_or_none(world: World) -> None:
    draft, active = make_contract(world, is_active=False), make_contract(world)
    withdrawn = reset_contract(
        cancel_contract(make_contract(world), on=day("01/01/26"), by=world.manager), by=world.manager
    )

    for kept in (active, withdrawn):
        with nothing_changed(), pytest.raises(WrongState) as refused:
            delete_contracts([draft, kept], by=world.manager)
        assert str(refused.value) == f"{kept} a été activé : il se résilie ou s'annule, il ne se supprime pas."
    assert delete_contracts([draft], by=world.manager) == 1

    assert list(Contract.objects.order_by("pk")) == [active, withdrawn]
    with pytest.raises(BusinessError) as gone:
        activate_contract(draft, on=day("01/01/26"), by=world.manager)
    assert str(gone.value) == "Ce contrat n'existe plus : il a été supprimé entre-temps. Revenez à la liste."


@pytest.mark.parametrize(("last_day", "is_beyond"), [("31/03/26", False), ("30/03/26", True), ("01/01/26", True)])
def test_termination_says_what_is_billed_beyond_its_last_day(world: World, last_day: str, is_beyond: bool) -> None:
    contract = make_contract(world)
    bill(world, on="02/03/26")

    contract = terminate_contract(
        contract, last_day=day(last_day), reason="r" * 201, on=day("02/03/26"), by=world.manager
    )

    said = HistoryLine.objects.of(contract)[0].text
    beyond = "Déjà facturé jusqu'au 31/03/2026 (10,00 € HT de la dernière ligne) : faites un avoir si besoin."
    assert said.startswith(f"Résilié au {day(last_day):%d/%m/%Y}")
    assert (said.endswith(f". {beyond}"), "Déjà facturé" in said) == (is_beyond, is_beyond)
    assert (contract.terminated_on, contract.termination_reason) == (day(last_day), "r" * 200)


def test_termination_is_within_the_days_of_the_contract(world: World) -> None:
    contract = make_contract(world, auto_renew=False, end_on=day("31/12/26"))

    def end(last_day: str) -> Contract:
        return terminate_contract(contract, last_day=day(last_day), reason="", on=world.today, by=world.manager)

    for last_day, said in (
        ("31/12/25", f"{contract} commence le 01/01/2026 : le dernier jour servi ne le précède pas."),
        ("01/01/27", f"{contract} finit déjà le 31/12/2026 : choisissez un jour avant."),
    ):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            end(last_day)
        assert str(refused.value) == said
    assert end("31/12/26").state == "terminated"


def test_position_changed_gives_its_taxes_to_articles_and_exceptions(world: World) -> None:
    contract = make_contract(world, exceptions=[exception("15/02/26", "40.00")])
    line = contract.lines.get()

    save_contract(contract.pk, {"fiscal_position": position("VEN-10")}, on=day("01/01/26"), by=world.manager)

    rates = [row.tax.rate for rows in (line.articles, line.exceptions) for row in rows.select_related("tax")]
    assert rates == [10, 10]
    assert list(HistoryLine.objects.of(contract)[0].changes) == ["fiscal_position"]


def test_line_billed_is_not_cancelled_and_kept_visits_are_named(world: World) -> None:
    contract = make_contract(world, visits=(2, (3, 10)))
    line = contract.lines.get()
    march, october = (
        outcome.made for outcome in plan_visits([contract], until=day("31/12/26"), on=day("01/01/26"), by=world.planner)
    )
    finish_intervention(march, on=day("12/03/26"), by=world.planner)

    cancelled = cancel_line(line, on=day("01/04/26"), by=world.manager)

    october.refresh_from_db()
    march.refresh_from_db()
    assert (cancelled.state, march.state, october.state) == ("cancelled", "done", "cancelled")
    assert HistoryLine.objects.of(line)[0].text == (
        f"Ligne annulée. Visites gardées, un RDV y est ouvert ou le travail est fait : {march}."
    )
    contract.refresh_from_db()
    assert contract.next_due_on is None

    other = make_contract(world)
    bill(world, other, on="02/01/26")
    with nothing_changed(), pytest.raises(WrongState, match="donnez-lui un dernier jour"):
        cancel_line(other.lines.get(), on=day("02/01/26"), by=world.manager)


def test_line_added_to_an_active_contract_is_validated_and_told_on_both(world: World) -> None:
    contract = make_contract(world)
    values = {"contract": contract, "title": "Deuxième", "repeat": 1, "repeat_unit": "year", "visit_months": [3]}
    line = save_line(
        None, {**values, "task": world.task}, articles=[article("240.00")], on=world.today, by=world.manager
    )

    outcome = activate_line(line, bill_past=True, on=day("24/11/26"), by=world.manager)

    past = "1 visite d'avant l'activation n'est pas créée (du 01/03/2026 au 31/03/2026) : si elle reste à faire, créez sa DI."
    line.refresh_from_db()
    assert (line.state, line.validated_on, outcome.note) == ("validated", day("24/11/26"), past)
    assert [one.text for one in HistoryLine.objects.of(line)] == [past, "Ligne validée", "Ligne créée"]
    assert [one.text for one in HistoryLine.objects.of(contract)[:2]] == [
        f"Ligne « {line} » validée",
        f"Ligne « {line} » ajoutée",
    ]
    with nothing_changed(), pytest.raises(WrongState, match="est déjà validée ou annulée"):
        activate_line(line, on=day("24/11/26"), by=world.manager)


def test_line_of_a_draft_is_validated_with_its_contract_alone(world: World) -> None:
    draft = make_contract(world, is_active=False)

    with nothing_changed(), pytest.raises(WrongState) as refused:
        activate_line(draft.lines.get(), on=world.today, by=world.manager)

    assert str(refused.value) == f"{draft} n'est pas actif : activez le contrat, ses lignes le seront avec lui."
    active = activate_contract(draft, on=day("02/01/26"), by=world.manager).made
    assert (active.validated_on, active.next_due_on) == (day("02/01/26"), day("01/01/26"))
    with nothing_changed(), pytest.raises(WrongState, match="est déjà activé, résilié ou annulé"):
        activate_contract(active, on=world.today, by=world.manager)


def test_journal_of_a_contract_says_made_changed_and_deleted(world: World) -> None:
    contract = make_contract(world, is_active=False)
    save_contract(contract.pk, {"notes": "Portail"}, on=world.today, by=world.manager)
    delete_contracts([contract], by=world.manager)

    assert [line.text for line in HistoryLine.objects.of(contract).exclude(act="line_created").order_by("pk")] == [
        "Contrat créé",
        "Fiche modifiée",
        "Contrat supprimé",
    ]


def test_what_is_left_empty_comes_from_the_payer_and_the_company_and_what_is_given_stays(world: World) -> None:
    payer = PartnerFactory(name="Syndic Exemple")
    cash, thirty = PaymentTerm.objects.create(name="Comptant bis", days=0), PaymentTerm.objects.get(name="30 jours")
    plain = {"company": world.company, "start_on": day("01/01/26"), "frequency": "monthly"}
    journal = Journal.objects.create(company=world.company, code="V2", kind="invoice", name="Ventes 2", prefix="V2")
    site = AddressFactory(partner=payer)

    def made(**values: Any) -> Contract:
        return save_contract(None, plain | {"payer": payer} | values, on=day("05/01/26"), by=world.manager)

    bare = made()
    PartnerTerms.objects.create(partner=payer, fiscal_position=position("VEN-10"), payment_term=cash)
    usual = made()
    given = made(
        fiscal_position=position("VEN-20"),
        payment_term=thirty,
        journal=journal,
        billing_address=site,
        subscribed_on=day("02/01/26"),
        manager=world.planner,
    )

    def terms(contract: Contract) -> tuple[Any, ...]:
        return (
            contract.fiscal_position and contract.fiscal_position.code,
            contract.payment_term,
            contract.journal.code,
            contract.billing_address,
            contract.subscribed_on,
            contract.manager,
        )

    home = payer.billing_address()
    assert terms(bare) == (None, thirty, "VE", home, day("05/01/26"), world.manager)
    assert terms(usual) == ("VEN-10", cash, "VE", home, day("05/01/26"), world.manager)
    assert terms(given) == ("VEN-20", thirty, "V2", site, day("02/01/26"), world.planner)


def test_automatic_posting_is_ticked_by_who_may_post(world: World) -> None:
    contract = make_contract(world)

    def tick(by: Any) -> bool:
        save_contract(contract.pk, {"auto_post": False}, on=world.today, by=world.manager)
        return save_contract(contract.pk, {"auto_post": True}, on=world.today, by=by).auto_post

    assert [tick(by) for by in (None, world.accountant, world.manager)] == [True] * 3
    with pytest.raises(PermissionDenied):
        tick(world.biller)
