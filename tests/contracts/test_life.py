"""The life of a contract: what activation refuses and tells, termination, withdrawal and return of its lines."""

from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages

from contracts.models import Contract
from contracts.services.activation import activate_contract, activate_line
from contracts.services.cancellation import cancel_contract, cancel_line, reset_contract, reset_line
from contracts.services.contracts import save_contract
from contracts.services.termination import terminate_contract
from contracts.services.visits import plan_visits
from contracts.services.waivers import charges_due
from invoicing.models import HistoryLine
from openfire_billing.kernel.errors import BusinessError, WrongState
from openfire_billing.office.roles import MANAGER
from tests.contracts.contract_builders import bill, day, make_contract, periods
from tests.factories import World, nothing_changed


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
