"""The DIs of visits are made many at a time: the same as one by one, in as many statements for fifty as for one."""

from decimal import Decimal
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from contracts.models import Contract, ContractRequest
from contracts.services.activation import activate_contract
from contracts.services.visits import plan_visits
from interventions.models import InstalledProduct, InterventionRequest, RequestLine
from interventions.services.requests import create_intervention
from interventions.services.states import validate_intervention
from invoicing.models import HistoryLine
from invoicing.services.documents.lines import item_of
from tests.contracts.contract_builders import article, day, make_contract, make_many
from tests.factories import PartnerFactory, World, nothing_changed

SPRING = (1, (3,))


def planned(world: World, *contracts: Contract, until: str = "31/12/26") -> list[Any]:
    return plan_visits(contracts or None, until=day(until), on=day("01/01/26"), by=world.planner)


def values(row: Any, *left_out: str) -> dict[str, Any]:
    fields = [field.attname for field in row._meta.concrete_fields]
    return {name: getattr(row, name) for name in fields if name not in ("id", *left_out)}


def test_visit_is_the_di_that_would_have_been_made_by_itself(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("175.00"), article("60.00"), visits=(2, (3, 9)))
    line = contract.lines.get()

    first, second = (outcome.made for outcome in planned(world, contract))

    alone = create_intervention(
        company=contract.company,
        items=[item_of(a, (a.quantity / 2).quantize(Decimal("0.001"))) for a in line.articles.all()],
        covered=True,
        on=day("01/01/26"),
        by=world.planner,
        partner=line.address.partner,
        bill_to=contract.payer,
        address=line.address,
        task=line.task,
        title=str(line.task),
        fiscal_position=contract.fiscal_position,
        from_on=day("01/09/26"),
        to_on=day("30/09/26"),
    )
    alone = validate_intervention(alone, by=world.planner)
    first, second, alone = (InterventionRequest.objects.get(pk=di.pk) for di in (first, second, alone))
    left_out = ("number", "created_at", "updated_at", "version")
    assert values(second, *left_out) == values(alone, *left_out)
    assert values(first, *left_out, "from_on", "to_on") == values(alone, *left_out, "from_on", "to_on")
    assert (first.from_on, first.to_on) == (day("01/03/26"), day("31/03/26"))
    assert [di.number for di in (first, second, alone)] == ["DI/000001", "DI/000002", "DI/000003"]
    assert [values(row, "intervention_id") for row in second.lines.all()] == [
        values(row, "intervention_id") for row in alone.lines.all()
    ]
    acts = [[(row.act, row.text) for row in HistoryLine.objects.of(di).order_by("pk")] for di in (first, alone)]
    assert acts == [
        [
            ("created", "DI créée"),
            ("contract", f"1re visite sur 2 de {contract}"),
            ("validated", "DI validée sous le numéro DI/000001"),
        ],
        [("created", "DI créée"), ("validated", "DI validée sous le numéro DI/000003")],
    ]
    assert list(ContractRequest.objects.values_list("line", "chain", "year", "rank", "of", "kind", "is_covered")) == [
        (line.pk, line.pk, 1, 1, 2, "visit", True),
        (line.pk, line.pk, 1, 2, 2, "visit", True),
    ]


def test_fifty_are_made_in_as_many_statements_as_one(world: World) -> None:
    warm, one, *fifty = make_many(world, 52, visits=SPRING)
    planned(world, warm)
    counts = []
    for some in ([one], fifty):
        with CaptureQueriesContext(connection) as captured:
            assert len(planned(world, *some)) == len(some)
        counts.append(len(captured))
    assert counts[0] == counts[1] < 45
    assert InterventionRequest.objects.count() == 52
    assert RequestLine.objects.filter(covered=True).count() == 52
    assert planned(world) == []


def test_visit_that_cannot_be_made_leaves_out_its_contract_alone(world: World) -> None:
    good, bad, also_good = make_many(world, 3, visits=SPRING)
    neighbour = PartnerFactory(name="Voisin")
    stove = InstalledProduct.objects.create(partner=neighbour, address=neighbour.default_address(), name="Poêle")
    bad.lines.update(equipment=stove)

    outcomes = planned(world)

    refused = [outcome for outcome in outcomes if outcome.is_refused]
    assert [(o.document, o.refusal) for o in refused] == [
        (
            bad,
            f"{bad} : visites non planifiées. Ce produit est installé chez « Voisin », pas chez ce client.",
        )
    ]
    assert [o.document for o in outcomes if not o.is_refused] == [good, also_good]
    bad.lines.update(equipment=None)
    assert [outcome.document for outcome in planned(world)] == [bad]


REFUSING = {
    "sqlite": [
        "CREATE TRIGGER refusing BEFORE INSERT ON interventions_interventionrequest WHEN NEW.title = 'Refusée' "
        "BEGIN SELECT RAISE(ABORT, 'refused'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$",
        "CREATE TRIGGER refusing BEFORE INSERT ON interventions_interventionrequest FOR EACH ROW "
        "WHEN (NEW.title = 'Refusée') EXECUTE FUNCTION refuse()",
    ],
}


def test_row_that_the_database_refuses_leaves_out_its_contract_alone(world: World) -> None:
    """Found by halving: the others of the chunk are made, numbered without a gap."""
    contracts = make_many(world, 5, visits=SPRING)
    bad = contracts[3]
    bad.lines.update(title="Refusée")
    with connection.cursor() as cursor:
        for statement in REFUSING[connection.vendor]:
            cursor.execute(statement)

    outcomes = planned(world)

    assert [o.document for o in outcomes if not o.is_refused] == [c for c in contracts if c != bad]
    (refused,) = (o for o in outcomes if o.is_refused)
    assert (refused.document, refused.refusal.split(". ")[0]) == (bad, f"{bad} : visites non planifiées")
    assert sorted(InterventionRequest.objects.values_list("number", flat=True)) == [
        f"DI/00000{n}" for n in (1, 2, 3, 4)
    ]


def test_dry_run_makes_nothing_and_names_the_same(world: World) -> None:
    contracts = make_many(world, 3, visits=SPRING)
    with nothing_changed():
        foreseen = plan_visits(until=day("31/12/26"), on=day("01/01/26"), by=None, dry_run=True)
    assert [o.document for o in foreseen] == [o.document for o in planned(world)] == contracts


def test_next_day_of_visits_is_never_of_a_visit_before_activation(world: World) -> None:
    draft = make_contract(world, "01/01/26", is_active=False, visits=SPRING)
    contract = activate_contract(draft, on=day("15/06/26"), by=world.manager).made
    Contract.objects.update(next_visit_on=day("01/01/26"))  # by a clock that ran behind

    assert planned(world, contract, until="31/01/26") == []

    contract.refresh_from_db()
    assert contract.next_visit_on == day("01/03/27")
