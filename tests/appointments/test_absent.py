"""« X est absent »: the absence, the places of the RDVs that it leaves alone, each placed, all placed, all undone."""

import re
from datetime import date, datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from appointments.models import Absence, Appointment
from appointments.services.absences import left_alone, record_absence, replace_technician
from appointments.services.moves import FoundMove, find_moves
from appointments.services.moving import put_all_back, put_back
from appointments.services.planning import people_for
from appointments.services.saving import move_appointment, save_appointment
from appointments.services.states import confirm_appointment, finish_appointment
from interventions.models import InterventionRequest, Technician
from invoicing.models import Address, CompanyAccess, HistoryLine
from openfire_billing.kernel.errors import BusinessError, StaleForm
from tests.factories import AddressFactory, CompanyFactory, TaskFactory, TechnicianFactory, World
from tests.factories.appointments import at, book, technician
from tests.factories.pages import address as page_of

WEDNESDAY, THURSDAY = date(2026, 11, 25), date(2026, 11, 26)


@pytest.fixture
def luc(world: World) -> Technician:
    Address.objects.update(city="Rennes", zip="35000", latitude=None, longitude=None)
    return technician(world, name="Luc")


@pytest.fixture
def ana(world: World, luc: Technician) -> Technician:
    return technician(world, name="Ana")


def rdv_of(
    world: World, who: Technician, hour: int = 9, *, day: int = 25, hours: Any = 1, **values: Any
) -> Appointment:
    """A confirmed RDV at an address of its own in Rennes, whose DI ends in sixty days."""
    site = AddressFactory(partner=world.customer, zip="35000", city="Rennes")
    di = world.intervention(address=site, duration=Decimal(hours), to_on=date(2027, 1, 23), **values)
    return book(world, di, who=who, starts_at=at(hour, day=day), state="confirmed")


def ends_on(rdv: Appointment, day: date) -> Appointment:
    """The RDV, whose DI has that day as its last."""
    InterventionRequest.objects.filter(pk=rdv.intervention_id).update(to_on=day)
    return rdv


def moves(rdv: Appointment, leaving: Technician, *, now: datetime | None = None, **values: Any) -> list[FoundMove]:
    rdv = Appointment.objects.get(pk=rdv.pk)
    return find_moves(rdv, people_for([rdv]), leaving=leaving, not_before=now or at(8, day=24), **values)


def shown(found: list[FoundMove]) -> list[tuple[str, str]]:
    return [(one.technician.name, f"{one.starts_at:%d %H:%M}") for one in found]


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def when(rdv: Appointment) -> tuple[str, list[str], str]:
    rdv = Appointment.objects.get(pk=rdv.pk)
    assert rdv.starts_at is not None
    names = sorted(person.name for person in rdv.technicians.all())
    return f"{rdv.starts_at.astimezone(at(9).tzinfo):%d/%m %H:%M}", names, rdv.lead.name if rdv.lead else ""


# The places of an RDV


def test_places_are_somebody_else_s_from_its_day_on(world: World, luc: Technician, ana: Technician) -> None:
    """Ana works 8–12 and 13:30–17:30, and has nobody on Wednesday: two half days, then Thursday morning."""
    rdv = rdv_of(world, luc)
    found = moves(rdv, luc)
    assert shown(found) == [("Ana", "25 08:00"), ("Ana", "25 13:30"), ("Ana", "26 08:00")]
    assert found[0].ranked is not None
    assert found[0].ranked.reasons == ("sur le chemin", "premier jour possible", "remplit 25 % du créneau")
    assert shown(moves(rdv, luc, count=1)) == [("Ana", "25 08:00")]
    assert shown(moves(rdv, luc, now=at(14, 5), count=1)) == [("Ana", "25 14:15")]


def test_way_between_stops_is_counted_as_for_an_intervention(world: World, luc: Technician, ana: Technician) -> None:
    """Ana leaves a customer in Rennes at 9:00: ten minutes in town, then the next quarter of an hour."""
    rdv_of(world, ana, 8)
    rdv_of(world, ana, 11)
    rdv = ends_on(rdv_of(world, luc), WEDNESDAY)
    found = moves(rdv, luc)
    assert shown(found) == [("Ana", "25 09:15"), ("Ana", "25 13:45")]
    assert [(one.ranked.detour, one.ranked.score) for one in found if one.ranked] == [(10, 92), (10, 86)]


def test_who_may_not_come_is_left_out(world: World, luc: Technician, ana: Technician) -> None:
    ana.tasks.add(TaskFactory(name="Pose"))
    technician(world, name="Parti", is_active=False)
    TechnicianFactory(company=CompanyFactory(name="Autre Foyer"), name="Yann")
    rdv = rdv_of(world, luc)
    assert moves(rdv, luc) == []
    leo = technician(world, name="Léo")
    assert {one.technician for one in moves(rdv, luc)} == {leo}


def test_technicians_that_the_request_names_come_first(world: World, luc: Technician, ana: Technician) -> None:
    leo, rdv = technician(world, name="Léo"), rdv_of(world, luc)
    assert rdv.intervention is not None
    rdv.intervention.technicians.set([luc, leo])
    assert {one.technician for one in moves(rdv, luc)} == {leo}
    rdv.intervention.technicians.set([luc])
    assert {one.technician for one in moves(rdv, luc, count=9)} == {ana}


def test_place_is_free_for_the_technicians_who_stay(world: World, luc: Technician, ana: Technician) -> None:
    leo, rdv = technician(world, name="Léo"), rdv_of(world, luc)
    rdv = move_appointment(rdv, starts_at=at(9), technicians=[luc, leo], on=world.today, by=world.planner)
    rdv_of(world, leo, 8)
    rdv_of(world, leo, 14, hours=1, day=26)
    Absence.objects.create(technician=leo, starts_at=at(13), ends_at=at(0, day=26))
    assert shown(moves(rdv, luc)) == [("Ana", "25 09:00"), ("Ana", "26 15:00"), ("Ana", "26 08:00")]
    assert shown(moves(rdv, leo, count=1)) == [("Ana", "25 08:00")]  # Luc stays, and has nothing else


def test_period_of_the_request_and_the_length_are_kept(world: World, luc: Technician, ana: Technician) -> None:
    rdv = ends_on(rdv_of(world, luc), WEDNESDAY)
    assert shown(moves(rdv, luc, count=9)) == [("Ana", "25 08:00"), ("Ana", "25 13:30")]

    long = rdv_of(world, luc, 8, day=26, hours=6)
    assert shown(moves(long, luc)) == [("Ana", "26 08:00")]
    assert moves(long, luc)[0].ranked is None
    rdv_of(world, ana, 14, day=26)
    assert shown(moves(long, luc)) == [("Ana", "26 15:00")]  # it goes on the next morning

    forced = ends_on(rdv_of(world, luc, 8, day=27), date(2026, 11, 27))
    forced = move_appointment(forced, starts_at=at(8, day=27), ends_at=at(11, day=27), on=world.today, by=world.planner)
    rdv_of(world, ana, 10, day=27)
    assert shown(moves(forced, luc, count=1)) == [("Ana", "27 13:45")]


def test_whole_day_goes_to_a_day_that_is_free(world: World, luc: Technician, ana: Technician) -> None:
    rdv = rdv_of(world, luc, 8, hours=8)
    rdv = save_appointment(rdv.pk, {"is_all_day": True}, on=world.today, by=world.planner)
    rdv_of(world, ana, 16)
    assert shown(moves(rdv, luc)) == [("Ana", "26 08:00")]


# The RDVs that an absence leaves alone


def test_open_rdvs_of_his_days_are_left_alone(world: World, luc: Technician, ana: Technician) -> None:
    first, second = rdv_of(world, luc, 14), rdv_of(world, luc, 9, day=26)
    rdv_of(world, luc, 9, day=27)
    rdv_of(world, ana, 9)
    done = rdv_of(world, luc, 8, day=24)
    finish_appointment(done, at=at(9, day=24), by=world.planner)
    absence = record_absence(luc, first=date(2026, 11, 24), last=THURSDAY, reason="Grippe", by=world.planner)
    assert (absence.starts_at, absence.ends_at) == (at(0, day=24), at(0, day=27))
    assert list(left_alone(absence)) == [first, second]
    line = HistoryLine.objects.of(absence).get()
    assert (line.act, line.text, line.by) == ("created", "Fiche créée", world.planner)


def test_first_place_is_taken_and_the_next_one_takes_another(world: World, luc: Technician, ana: Technician) -> None:
    one, two = rdv_of(world, luc, 9), rdv_of(world, luc, 11)
    record_absence(luc, first=WEDNESDAY, last=WEDNESDAY, by=world.planner)
    for rdv in (one, two):
        people = people_for([rdv])
        replace_technician(rdv, people, leaving=luc, seen=rdv.version, not_before=at(8, day=24), by=world.planner)
    assert [when(one), when(two)] == [("25/11 08:00", ["Ana"], "Ana"), ("26/11 08:00", ["Ana"], "Ana")]
    with pytest.raises(StaleForm):
        replace_technician(one, people, leaving=ana, seen=one.version, not_before=at(8, day=24), by=world.planner)


def test_nobody_free_is_refused_and_nothing_changes(world: World, luc: Technician) -> None:
    rdv = rdv_of(world, luc)
    with pytest.raises(BusinessError) as refusal:
        replace_technician(rdv, [luc], leaving=luc, seen=rdv.version, not_before=at(8, day=24), by=world.planner)
    assert (refusal.value.code, when(rdv)) == ("no_free_slot", ("25/11 09:00", ["Luc"], "Luc"))
    assert str(refusal.value).startswith(f"{rdv} : aucun autre intervenant qui sait faire « Dépannage » n'a la place")


def test_move_is_put_back_into_the_absence_but_not_over_another_rdv(
    world: World, luc: Technician, ana: Technician
) -> None:
    rdv = rdv_of(world, luc)
    names = ("starts_at", "ends_at", "is_end_forced", "duration", "override", "lead")
    before = {**{name: getattr(rdv, name) for name in names}, "technicians": [luc]}
    record_absence(luc, first=WEDNESDAY, last=WEDNESDAY, by=world.planner)
    moved = replace_technician(
        rdv, [luc, ana], leaving=luc, seen=rdv.version, not_before=at(8, day=24), by=world.planner
    )
    back = put_back(moved, **before, seen=moved.version, on=world.today, by=world.planner)
    assert (when(back), back.override) == (("25/11 09:00", ["Luc"], "Luc"), "")

    again = replace_technician(
        back, [luc, ana], leaving=luc, seen=back.version, not_before=at(8, day=24), by=world.planner
    )
    Absence.objects.all().delete()
    rdv_of(world, luc, 9)
    with pytest.raises(BusinessError) as refusal:
        put_all_back([(again, {**before, "seen": again.version})], on=world.today, by=world.planner)
    assert (refusal.value.code, when(rdv)) == ("slot_taken", ("25/11 08:00", ["Ana"], "Ana"))


# The dialogs


def ask(who: Technician, first: str = "2026-11-25") -> str:
    return f"/planning/absent/?technician={who.pk}&first={first}"


def record(client: Client, who: Technician, last: str = "25/11/2026", **values: Any) -> Any:
    body = {"_confirmed": "1", "_once": "k", "act-first": "25/11/2026", "act-last": last, "act-reason": "Grippe"}
    return client.post(ask(who), {**body, **values})


def test_absence_is_recorded_once_and_undone(world: World, luc: Technician) -> None:
    client = client_of(world.planner)
    page = unescape(client.get(ask(luc)).content.decode())
    assert "Luc est absent" in page
    assert 'name="act-first" value="25/11/2026"' in page
    for _ in range(2):
        assert record(client, luc).headers["Location"] == "/planning/"
    assert Absence.objects.count() == 1
    board = unescape(client.get("/planning/?from=2026-11-25").content.decode())
    assert "Absence : Luc, le 25 novembre (Grippe)" in board
    token = re.findall(r'name="token" value="([^"]+)"', board)[0]
    answer = client.post("/admin/undo/", {"token": token, "_once": "undo"}, headers={"X-Requested-With": "fetch"})
    assert (answer.json()["location"], Absence.objects.count()) == ("/planning/", 0)


@pytest.mark.parametrize(
    ("last", "sentence"),
    [("24/11/2026", "Le dernier jour précède le premier"), ("25/12/2027", "Une année à la fois au plus")],
)
def test_days_that_make_no_sense_are_refused(world: World, luc: Technician, last: str, sentence: str) -> None:
    answer = record(client_of(world.planner), luc, last=last)
    assert (sentence in unescape(answer.content.decode()), Absence.objects.count()) == (True, 0)


def test_one_is_placed_by_its_button_and_undone(world: World, luc: Technician, ana: Technician) -> None:
    rdv, client = rdv_of(world, luc, day=30, hour=9), client_of(world.planner)
    rdv = move_appointment(rdv, starts_at=at(9, day=30), on=world.today, by=world.planner)
    url = record(client, luc, last="30/11/2026").headers["Location"]
    page = unescape(client.get(url).content.decode())
    assert "Absence : Luc, du 25 novembre au 30 novembre (Grippe)" in page
    spots = re.findall(r'name="_choose" value="([^"]+)"', page)
    assert [spot.split("_")[:3] for spot in spots] == [[str(rdv.pk), str(rdv.version), str(ana.pk)]] * 3
    body = {"_once": "one", "_choose": spots[1]}
    assert client.post(url, body).headers["Location"] == "/planning/"
    moved = when(rdv)
    assert moved == (f"{datetime.fromisoformat(spots[1].split('_')[3]):%d/%m %H:%M}", ["Ana"], "Ana")
    board = client.get("/planning/").content.decode()
    assert f"{rdv} : " in board
    token = re.findall(r'name="token" value="([^"]+)"', board)[-1]
    client.post("/admin/undo/", {"token": token, "_once": "undo"})
    assert when(rdv) == ("30/11 09:00", ["Luc"], "Luc")


def test_refusal_is_said_on_its_row(world: World, luc: Technician, ana: Technician) -> None:
    rdv, client = rdv_of(world, luc, day=30), client_of(world.planner)
    url = record(client, luc, last="30/11/2026").headers["Location"]
    spot = re.findall(r'name="_choose" value="([^"]+)"', client.get(url).content.decode())[0]
    start = datetime.fromisoformat(spot.split("_")[3])
    di = world.intervention(duration=Decimal(1))
    book(world, di, who=ana, starts_at=start, state="confirmed")
    answer = client.post(url, {"_once": "one", "_choose": spot})
    row = re.findall(r'<li class="of-absent-row".*?role="alert">(.*?)</div>', answer.content.decode(), re.DOTALL)
    assert (answer.status_code, len(row)) == (409, 1)
    assert unescape(row[0]).startswith(f"Ana est déjà pris le {start:%d/%m/%Y} de {start:%H:%M}")
    assert when(rdv)[1] == ["Luc"]


def test_all_are_placed_and_one_undo_takes_all_back(world: World, luc: Technician, ana: Technician) -> None:
    one, two = rdv_of(world, luc, 9, day=30), rdv_of(world, luc, 11, day=30)
    pose = TaskFactory(name="Pose")
    odd = rdv_of(world, luc, 14, day=30)
    Appointment.objects.filter(pk=odd.pk).update(task=pose)
    ana.tasks.add(world.task)
    client = client_of(world.planner)
    url = record(client, luc, last="30/11/2026").headers["Location"]
    page = client.get(url).content.decode()
    sent = re.findall(r'name="rdv" value="([^"]+)"', page)
    assert sent == [f"{rdv.pk}_{rdv.version}" for rdv in (one, two, odd)]
    for _press in range(2):
        answer = client.post(url, {"_once": "all", "_all": "1", "rdv": sent})
        assert answer.status_code == 409
    left = unescape(answer.content.decode())
    assert re.findall(r'name="rdv" value="([^"]+)"', left) == [f"{odd.pk}_{odd.version}"]
    assert f"{odd} : aucun autre intervenant qui sait faire « Pose » n'a la place dans sa période." in left
    taken = [when(rdv) for rdv in (one, two)]
    assert [names for _start, names, _lead in taken] == [["Ana"], ["Ana"]]
    assert len({start for start, _names, _lead in taken}) == 2
    assert when(odd)[1] == ["Luc"]


def test_one_undo_takes_all_back_or_nothing(world: World, luc: Technician, ana: Technician) -> None:
    rdvs = [rdv_of(world, luc, hour, day=30) for hour in (9, 11)]
    before = [when(rdv) for rdv in rdvs]
    client = client_of(world.planner)
    url = record(client, luc, last="30/11/2026").headers["Location"]
    sent = re.findall(r'name="rdv" value="([^"]+)"', client.get(url).content.decode())

    def replaced(key: str) -> str:
        versions = {rdv.pk: Appointment.objects.get(pk=rdv.pk).version for rdv in rdvs}
        values = [f"{pk}_{version}" for pk, version in versions.items()]
        assert client.post(url, {"_once": key, "_all": "1", "rdv": values}).headers["Location"] == "/planning/"
        page = unescape(client.get("/planning/").content.decode())
        assert f"2 RDV replacés : {rdvs[0]} (" in page
        return re.findall(r'name="token" value="([^"]+)"', page)[-1]

    assert len(sent) == 2
    token = replaced("a")
    after = [when(rdv) for rdv in rdvs]
    assert all(names == ["Ana"] for _start, names, _lead in after)
    client.post("/admin/undo/", {"token": token, "_once": "undo"})
    assert [when(rdv) for rdv in rdvs] == before
    assert f"{rdvs[0]}, {rdvs[1]} : « Déplacer » est annulé." in unescape(client.get("/planning/").content.decode())

    token = replaced("b")
    confirmed = Appointment.objects.get(pk=rdvs[0].pk)
    start = confirmed.starts_at
    assert start is not None
    save_appointment(confirmed.pk, {"title": "Rappelé"}, on=world.today, by=world.biller)
    client.post("/admin/undo/", {"token": token, "_once": "undo"})
    assert [when(rdv)[1] for rdv in rdvs] == [["Ana"], ["Ana"]]


def test_who_may_and_of_which_company(world: World, luc: Technician) -> None:
    other = TechnicianFactory(company=CompanyFactory(name="Autre Foyer"), name="Yann")
    theirs = Absence.objects.create(technician=other, starts_at=at(0), ends_at=at(0, day=26))
    client = client_of(world.planner)
    assert client.get(ask(other)).status_code == 404
    assert client.get(f"/planning/absent/?absence={theirs.pk}").status_code == 404
    assert record(client, other).status_code == 404
    reader = User.objects.create_user("lecture", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_appointment"))
    CompanyAccess.objects.create(user=reader, company=world.company)
    assert client_of(reader).get(ask(luc)).status_code == 403
    assert record(client_of(reader), luc).status_code == 403
    assert Absence.objects.count() == 1
    assert "est absent</a>" not in client_of(reader).get("/planning/?from=2026-11-25").content.decode()
    assert "Luc est absent</a>" in client.get("/planning/?from=2026-11-25").content.decode()


@pytest.mark.parametrize(
    "choice",
    ["x", "1_1_1", "{rdv}_1_{ana}_hier", "{rdv}_1_{ana}_2026-11-26T08:00:00", "{rdv}_1_9999_2026-11-26T08:00+01:00"],
)
def test_forged_place_is_not_found(world: World, luc: Technician, ana: Technician, choice: str) -> None:
    rdv = rdv_of(world, luc)
    absence = record_absence(luc, first=WEDNESDAY, last=WEDNESDAY, by=world.planner)
    url = f"/planning/absent/?absence={absence.pk}"
    choice = choice.format(rdv=rdv.pk, ana=ana.pk)
    assert client_of(world.planner).post(url, {"_choose": choice, "_once": "x"}).status_code == 404
    assert when(rdv) == ("25/11 09:00", ["Luc"], "Luc")


def test_absence_deleted_says_so_of_the_right_gender(world: World, luc: Technician) -> None:
    absence = record_absence(luc, first=WEDNESDAY, last=WEDNESDAY, by=world.planner)
    client = client_of(world.manager)
    client.post(f"{page_of(absence, 'delete')}", {"post": "yes"})
    assert Absence.objects.count() == 0
    assert HistoryLine.objects.filter(act="deleted").get().text == "Fiche supprimée : Luc"


def test_confirmed_one_keeps_its_number(world: World, luc: Technician, ana: Technician) -> None:
    rdv = rdv_of(world, luc)
    number = confirm_appointment(rdv, by=world.planner).number if rdv.state == "draft" else rdv.number
    record_absence(luc, first=WEDNESDAY, last=WEDNESDAY, by=world.planner)
    replace_technician(rdv, [ana], leaving=luc, seen=rdv.version, not_before=at(8, day=24), by=world.planner)
    rdv.refresh_from_db()
    assert (rdv.number, rdv.state) == (number, "confirmed")
