"""The sectors of technicians' days: « Assigner un secteur » and the menu of an RDV."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Tour
from appointments.services import tours as services
from appointments.services.tours import assign_sectors, sectors_of_days
from invoicing.models import HistoryLine
from openfire_billing.kernel.errors import BusinessError, StaleForm
from openfire_billing.office.roles import BILLING, MANAGER, PLANNER
from tests.factories import CompanyFactory, SectorFactory, UserFactory, World, nothing_changed
from tests.factories.appointments import alone, at, technician
from tests.factories.pages import address, fields_of, texts_of

pytestmark = pytest.mark.django_db
MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)


def kept() -> list[tuple[str, date, list[str], int]]:
    """(technician, day, sectors, version) of every tour."""
    return [
        (tour.technician.name, tour.on, [str(one) for one in tour.sectors.order_by("name")], tour.version)
        for tour in Tour.objects.order_by("technician__name", "on")
    ]


# The service


def test_sectors_replace_those_of_the_days_and_none_opens_them(world: World) -> None:
    alan, bea = technician(world, name="Alan"), technician(world, name="Béa")
    north, south = SectorFactory(name="Nord"), SectorFactory(name="Sud")

    made = assign_sectors([bea, alan], [TUESDAY, MONDAY, MONDAY], [south, north], by=world.planner)
    assert [(tour.technician, tour.on) for tour in made] == [
        (alan, MONDAY),
        (alan, TUESDAY),
        (bea, MONDAY),
        (bea, TUESDAY),
    ]
    assert kept() == [(who, day, ["Nord", "Sud"], 1) for who in ("Alan", "Béa") for day in (MONDAY, TUESDAY)]

    assert len(assign_sectors([alan], [MONDAY], [south], by=world.planner)) == 1
    assert len(assign_sectors([bea], [MONDAY, TUESDAY, WEDNESDAY], [], by=world.planner)) == 2
    assert kept() == [
        ("Alan", MONDAY, ["Sud"], 2),
        ("Alan", TUESDAY, ["Nord", "Sud"], 1),
        ("Béa", MONDAY, [], 2),
        ("Béa", TUESDAY, [], 2),
    ]
    with nothing_changed():
        assert assign_sectors([alan], [MONDAY], [south], by=world.planner) == []


def test_journal_of_a_day_says_its_sectors_before_and_after(world: World) -> None:
    alan, north, south = technician(world), SectorFactory(name="Nord"), SectorFactory(name="Sud")
    for sectors in ([north], [north, south], []):
        assign_sectors([alan], [MONDAY], sectors, by=world.planner)

    lines = HistoryLine.objects.of(Tour.objects.get())
    assert [(line.act, str(line.text), line.changes, line.by, line.company) for line in lines] == [
        ("sectors", f"Secteurs de la journée : {after}", {"sectors": [before, after]}, world.planner, world.company)
        for before, after in (("Nord, Sud", "–"), ("Nord", "Nord, Sud"), ("–", "Nord"))
    ]


def test_readers_give_the_sectors_of_each_day_in_one_query(world: World) -> None:
    alan, bea = technician(world), technician(world)
    north, south = SectorFactory(name="Nord"), SectorFactory(name="Sud")
    assign_sectors([alan], [MONDAY, TUESDAY, WEDNESDAY], [south, north], by=world.planner)
    assign_sectors([bea], [TUESDAY], [south], by=world.planner)
    assign_sectors([alan], [WEDNESDAY], [], by=world.planner)

    with CaptureQueriesContext(connection) as queries:
        found = sectors_of_days([alan, bea], TUESDAY, WEDNESDAY)

    assert found == {(alan.pk, TUESDAY): [north, south], (bea.pk, TUESDAY): [south]}
    assert sectors_of_days([bea], MONDAY, MONDAY) == {}
    assert len(queries) == 1


def test_statements_do_not_depend_on_how_many_days(world: World) -> None:
    people = [technician(world) for _n in range(5)]
    one, other = SectorFactory(), SectorFactory()
    counts = []
    for who, days in ((people[:1], [MONDAY]), (people, [date(2026, 12, n) for n in range(1, 21)])):
        for sector in (one, other):
            with CaptureQueriesContext(connection) as queries:
                assert len(assign_sectors(who, days, [sector], by=world.planner)) == len(who) * len(days)
            counts.append(len(queries))
    assert counts[0] == counts[2]
    assert counts[1] == counts[3]


def test_technician_of_another_company_is_refused_and_nothing_is_written(world: World) -> None:
    ours = technician(world)
    other = CompanyFactory(name="Autre Foyer")
    theirs = technician(world, name="Zoé")
    theirs.company = other
    theirs.save()

    sector = SectorFactory()

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        assign_sectors([ours, theirs], [MONDAY], [sector], by=world.planner)

    assert (refused.value.code, str(refused.value)) == (
        "other_company",
        "Zoé travaille pour Autre Foyer : choisissez un intervenant de votre société.",
    )


def test_nobody_no_day_too_many_days_and_who_is_gone_are_refused(world: World, monkeypatch: Any) -> None:
    who, gone = technician(world), technician(world, name="Zoé")
    monkeypatch.setattr(services, "MOST", 2)
    key, gone_key = [], gone.pk
    gone.delete()
    gone.pk = gone_key
    days = [MONDAY, TUESDAY, WEDNESDAY]
    for people, wanted in (([], days[:1]), ([who], []), ([who], days), ([gone], days[:1])):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            assign_sectors(people, wanted, [], by=world.planner)
        key.append((refused.value.code, str(refused.value)))
    assert key == [
        ("missing_field", "Aucun intervenant n'est choisi : choisissez-en au moins un."),
        (
            "missing_field",
            "La période n'a aucun des jours cochés : élargissez-la, ou cochez d'autres jours de la semaine.",
        ),
        (
            "refused",
            "3 journées à la fois, et 2 au plus sont permises : raccourcissez la période, ou choisissez moins d'intervenants.",
        ),
        ("stale", "Zoé n'existe plus, sa fiche a été supprimée entre-temps : rechargez la page."),
    ]
    assign_sectors([who], days[:2], [SectorFactory()], by=world.planner)
    assert len(kept()) == 2


def test_version_seen_before_another_change_is_refused(world: World) -> None:
    who, sector = technician(world), SectorFactory()
    assign_sectors([who], [MONDAY], [sector], by=world.planner)
    assign_sectors([who], [MONDAY], [SectorFactory()], seen=1, by=world.planner)
    with nothing_changed(), pytest.raises(StaleForm):
        assign_sectors([who], [MONDAY], [sector], seen=1, by=world.planner)


# The dialog


def test_dialog_has_the_technicians_and_the_sectors_of_the_day_of_the_rdv(world: World) -> None:
    who, north = technician(world), SectorFactory(name="Nord")
    SectorFactory(name="Sud")
    rdv = alone(world, who=who, starts_at=at(9, day=28), override="Salon")  # a Saturday
    assign_sectors([who], [date(2026, 11, 28)], [north], by=world.planner)

    fields = fields_of(world.office(PLANNER).get(address(rdv, "act", "sectors")))

    asked = ("technicians", "from_on", "to_on", "sectors")
    assert [fields[f"act-{name}"] for name in asked] == [[str(who.pk)], "28/11/2026", "28/11/2026", [str(north.pk)]]
    form = world.office(PLANNER).get(address(rdv, "act", "sectors")).context["form"]
    assert form.initial["weekdays"] == [0, 1, 2, 3, 4, 5]


def test_sectors_are_assigned_on_the_weekdays_of_a_period(world: World) -> None:
    who, north = technician(world, name="Alan"), SectorFactory(name="Nord")
    rdv = alone(world, who=who)
    office = world.office(PLANNER)

    answer = office.act(
        rdv, "sectors", from_on="23/11/2026", to_on="06/12/2026", weekdays=["0", "2"], sectors=[str(north.pk)]
    )

    assert answer.status_code == 302
    assert kept() == [
        ("Alan", date(2026, month, day), ["Nord"], 1) for month, day in ((11, 23), (11, 25), (11, 30), (12, 2))
    ]
    assert [str(m) for m in office.get(address(rdv)).context["messages"]] == [f"{rdv} : 4 journées en Nord."]
    rdv.refresh_from_db()
    assert rdv.version == 1


def test_no_sector_in_the_dialog_opens_the_day_again(world: World) -> None:
    who = technician(world, name="Alan")
    rdv = alone(world, who=who)
    assign_sectors([who], [WEDNESDAY], [SectorFactory()], by=world.planner)
    office = world.office(PLANNER)
    office.act(rdv, "sectors", sectors=[], weekdays=["2"])
    assert kept() == [("Alan", WEDNESDAY, [], 2)]
    assert [str(m) for m in office.get(address(rdv)).context["messages"]] == [f"{rdv} : 1 journée sans secteur."]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"to_on": "24/11/2026"}, "Le dernier jour précède le premier : corrigez l'un des deux."),
        ({"to_on": "27/11/2027"}, "Une année à la fois au plus : raccourcissez la période."),
        (
            {"weekdays": ["6"]},
            "La période n'a aucun des jours cochés : élargissez-la, ou cochez d'autres jours de la semaine.",
        ),
    ],
)
def test_dialog_refuses_a_period_without_days(world: World, answers: dict[str, Any], error: str) -> None:
    rdv = alone(world)
    with nothing_changed():
        answer = world.office(PLANNER).act(rdv, "sectors", **{"weekdays": ["2"], **answers})
    assert error in answer.content.decode().replace("&#x27;", "'")


def test_several_rdvs_of_the_list_give_their_technicians_and_days(world: World) -> None:
    alan, bea, north = technician(world, name="Alan"), technician(world, name="Béa"), SectorFactory(name="Nord")
    rdvs = [alone(world, who=alan), alone(world, who=bea, starts_at=at(9, day=26))]
    office = world.office(PLANNER)

    page = office.act_on_many(rdvs, "sectors", weekdays=["2", "3"], sectors=[str(north.pk)])

    assert [str(outcome.note) for outcome in page.context["outcomes"]] == ["4 journées en Nord."] * 2
    assert kept() == [(who, day, ["Nord"], 1) for who in ("Alan", "Béa") for day in (WEDNESDAY, date(2026, 11, 26))]


def test_technician_of_another_company_is_no_choice_of_the_dialog(world: World) -> None:
    rdv, other = alone(world), CompanyFactory(name="Autre Foyer")
    theirs = technician(world)
    theirs.company = other
    theirs.save()
    with nothing_changed():
        answer = world.office(PLANNER).act(rdv, "sectors", technicians=[str(theirs.pk)], weekdays=["2"])
    assert answer.status_code == 200
    assert "technicians" in answer.context["form"].errors


def test_dialog_is_for_who_may_change_tours(world: World) -> None:
    rdv = alone(world)
    user = UserFactory(company=world.company, is_staff=True)
    user.user_permissions.add(*_permissions("view_appointment", "change_appointment"))
    office = world.office(PLANNER)
    office.client.force_login(user)
    assert office.get(address(rdv, "act", "sectors")).status_code == 403


def _permissions(*names: str) -> Any:
    return Permission.objects.filter(codename__in=names)


# The menu


MENU = {
    "draft": (
        "Supprimer, Dupliquer, Remplir un créneau, Créer intervention, Assigner un secteur, Générer les factures, "
        "Envoyer un SMS, "
        "| Confirmer, Page du client, Annuler"
    ),
    "confirmed": (
        "Dupliquer, Remplir un créneau, Créer intervention, Assigner un secteur, Générer les factures, "
        "Envoyer un SMS, "
        "| Marquer réalisé, Marquer inachevé, Reporter, Remettre en brouillon, Envoyer par e-mail, Page du client, Annuler"
    ),
}


@pytest.mark.parametrize("state", sorted(MENU))
def test_menu_of_an_rdv_is_the_known_one_in_its_order_then_a_rule_then_ours(world: World, state: str) -> None:
    rdv = alone(world)
    office = world.office(MANAGER)
    if state == "confirmed":
        office.act(rdv, "confirm")
    page = office.get(address(rdv))

    menu = page.context["office_menu"]
    assert ", ".join(f"{'| ' * act['is_parted']}{act['label']}" for act in menu) == MENU[state]
    red = {"draft": ["Supprimer", "Annuler"], "confirmed": ["Annuler"]}
    assert [str(act["label"]) for act in menu if act["is_danger"]] == red[state]
    assert len(texts_of(page, "of-parted")) == 1
    icons = {"Supprimer": "delete", "Annuler": "block"}
    assert texts_of(page, "of-danger") == [icons[name] + name for name in red[state]]


def test_menu_without_the_known_entries_has_no_rule(world: World) -> None:
    rdv = alone(world)
    user = UserFactory(company=world.company, is_staff=True)
    user.user_permissions.add(*_permissions("view_appointment", "change_appointment"))
    office = world.office(BILLING)
    office.client.force_login(user)
    menu = office.get(address(rdv)).context["office_menu"]
    assert [(str(act["label"]), act["is_parted"]) for act in menu] == [
        ("Confirmer", False),
        ("Page du client", False),
        ("Annuler", False),
    ]


def test_days_with_sectors_are_listed_with_their_names(world: World) -> None:
    assign_sectors([technician(world, name="Alan")], [MONDAY], [SectorFactory(name="Nord", colour="blue")], by=None)
    office = world.office(PLANNER)
    page = office.get(address(Tour, "changelist")).content.decode()
    assert '<span class="of-badge of-blue">Nord</span>' in page
    assert office.get(address(Tour.objects.get())).status_code == 200
