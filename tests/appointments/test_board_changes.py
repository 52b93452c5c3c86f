"""What others changed while a board is open: the cells answered, once, to who may see them."""

import re
import time
from datetime import timedelta
from html import unescape
from threading import Event, Thread
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from appointments.models import Appointment
from appointments.planning import changes
from appointments.services.absences import record_absence
from appointments.services.saving import move_appointment, save_appointment
from invoicing.models import HistoryLine
from tests.appointments.board import ASKED, WEEK, cells, client_of
from tests.factories import CompanyFactory, TechnicianFactory, World, make_world
from tests.factories.appointments import at, book, technician


def test_refused_act_over_the_board_is_answered_once(world: World) -> None:
    """Nothing changed, so no cell comes; the message does."""
    rdv = book(world, world.intervention(), starts_at=at(9), state="draft")
    client = client_of(world.planner)
    cursor = HistoryLine.objects.latest("pk").pk
    client.post(f"/admin/appointments/appointment/{rdv.pk}/act/done/", {"_confirmed": "1"})
    answers = [client.get("/planning/changes/", {**ASKED, "since": cursor, "done": "1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 304]
    assert "« Marquer réalisé » n'est pas possible dans son état actuel" in unescape(answers[0].content.decode())


def test_changes_answer_the_cells_touched_and_nothing_when_nothing_happened(world: World) -> None:
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    client = client_of(world.planner)
    cursor = re.findall(r'data-cursor="([^"]+)"', client.get(WEEK).content.decode())[0]

    def answered() -> Any:
        return client.get("/planning/changes/", {**ASKED, "since": cursor})

    first = answered()
    if first.status_code == 200:  # lines of the last minute, given their ids before the page was read
        cursor = re.findall(r'data-cursor="([^"]+)"', first.content.decode())[0]
    with CaptureQueriesContext(connection) as queries:
        assert answered().status_code == 304
    assert sum("invoicing_historyline" in query["sql"] for query in queries) == 1

    move_appointment(rdv, starts_at=at(14, day=26), on=world.today, by=world.biller)
    answer = answered().content.decode()
    assert list(cells(answer)) == [f"c-{luc.pk}-2026-11-26"]
    assert f'data-touched="{rdv.pk}"' in answer
    cursor = re.findall(r'data-cursor="([^"]+)"', answer)[0]
    assert answered().status_code == 304
    assert len(cells(client.get("/planning/changes/", {**ASKED, "since": "rien"}).content.decode())) == 7


def asked(client: Client, since: Any) -> tuple[int, set[str], str]:
    """The status of an answer, its cells, and the next cursor."""
    answer = client.get("/planning/changes/", {**ASKED, "since": since})
    text = answer.content.decode()
    cursor = answer.headers.get("X-Cursor") or re.findall(r'data-cursor="([^"]+)"', text)[0]
    return answer.status_code, set(cells(text)), cursor


def page_cursor(client: Client) -> str:
    return re.findall(r'data-cursor="([^"]+)"', client.get(WEEK).content.decode())[0]


def line(rdv: Appointment, pk: int, **values: Any) -> None:
    """A line of the journal of an RDV, under that id."""
    kind = ContentType.objects.get_for_model(Appointment)
    wanted = {"company": rdv.company, "act": "changed", "text": "Fiche modifiée", **values}
    HistoryLine.objects.create(pk=pk, content_type=kind, object_id=rdv.pk, **wanted)


def test_line_of_a_transaction_that_lasted_long_is_answered_once(world: World) -> None:
    """Its id and its moment were given two hours before it is seen, and later lines were read meanwhile."""
    luc, ana = technician(world, name="Luc"), technician(world, name="Ana")
    slow = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    fast = book(world, world.intervention(), who=ana, starts_at=at(9), state="draft")
    client = client_of(world.planner)
    last = HistoryLine.objects.latest("pk").pk
    line(fast, last + 5)
    status, found, cursor = asked(client, page_cursor(client))
    assert (status, found) == (304, set())  # the page was read after it

    line(fast, last + 8)
    status, found, cursor = asked(client, cursor)
    assert (status, found) == (200, {f"c-{ana.pk}-2026-11-25"})
    for pk in (last + 3, last + 7):
        line(slow, pk, at=timezone.now() - timedelta(hours=2))
        status, found, cursor = asked(client, cursor)
        assert (status, found) == (200, {f"c-{luc.pk}-2026-11-25"})
        assert asked(client, cursor) == (304, set(), cursor)


def test_missing_line_is_given_up_after_an_hour(world: World) -> None:
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    last = HistoryLine.objects.latest("pk").pk

    def next_cursor(text: object) -> str:
        return str(changes.changes_since(str(text), world.planner).cursor)

    with time_machine.travel(timezone.now(), tick=False) as clock:
        line(rdv, last + 4)
        minute = int(time.time()) // 60
        cursor = next_cursor(last)
        assert cursor == f"{last + 4}.{last + 1}-{last + 3}-{minute}"
        clock.shift(timedelta(minutes=59))
        line(rdv, last + 2)
        cursor = next_cursor(cursor)
        assert cursor == f"{last + 4}.{last + 1}-{last + 1}-{minute}.{last + 3}-{last + 3}-{minute}"
        clock.shift(timedelta(minutes=1))
        line(rdv, last + 5)
        assert next_cursor(cursor) == f"{last + 5}"


def test_many_lines_of_one_minute_are_answered_once(world: World) -> None:
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    client = client_of(world.planner)
    cursor = page_cursor(client)
    last = HistoryLine.objects.latest("pk").pk
    for number in range(1, 151):
        line(rdv, last + number)
    status, _found, cursor = asked(client, cursor)
    assert status == 200
    assert asked(client, cursor) == (304, set(), cursor)


def test_more_than_can_be_read_answers_every_cell(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_MOST", 3)
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    client = client_of(world.planner)
    last = HistoryLine.objects.latest("pk").pk
    for number in (1, 2, 3, 4, 6):
        line(rdv, last + number)
    status, found, cursor = asked(client, last)
    assert (status, len(found), cursor.split("-")[0]) == (200, 7, f"{last + 6}.{last + 5}")
    assert asked(client, cursor) == (304, set(), cursor)


def test_changes_of_another_company_are_none(world: World) -> None:
    """Nor the ids of its RDVs, nor its absences, which would draw every cell anew."""
    other = CompanyFactory(name="Autre Foyer")
    technician(world, name="Luc")
    theirs = TechnicianFactory(company=other, name="Yann")
    client = client_of(world.planner)
    cursor = page_cursor(client)
    rdv = save_appointment(
        None,
        {"company": other, "partner": world.customer, "task": world.task, "starts_at": at(9)},
        technicians=[theirs],
        on=world.today,
        by=None,
    )
    record_absence(theirs, first=at(9).date(), last=at(9).date(), by=None)
    status, found, after = asked(client, cursor)
    assert (status, found) == (304, set())
    assert int(after.split(".")[0]) == HistoryLine.objects.latest("pk").pk
    root = client_of(User.objects.create_superuser("root"))
    answer = root.get("/planning/changes/", {**ASKED, "since": cursor}).content.decode()
    assert (f'data-touched="{rdv.pk}"' in answer, len(cells(answer))) == (True, 14)


@pytest.mark.postgresql
def test_line_committed_after_a_younger_one_is_answered(transactional_db: None) -> None:
    """PostgreSQL gives ids before the commit: the first transaction ends after the second one was read."""
    world = make_world()
    luc, ana = technician(world, name="Luc"), technician(world, name="Ana")
    slow = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    fast = book(world, world.intervention(), who=ana, starts_at=at(9), state="draft")
    client = client_of(world.planner)
    cursor = page_cursor(client)
    written, read = Event(), Event()

    def write_slowly() -> None:
        try:
            with transaction.atomic():
                move_appointment(slow, starts_at=at(14), on=world.today, by=world.biller)
                written.set()
                assert read.wait(20)
        finally:
            connection.close()

    thread = Thread(target=write_slowly)
    thread.start()
    assert written.wait(20)
    move_appointment(fast, starts_at=at(14), on=world.today, by=world.biller)
    status, found, cursor = asked(client, cursor)
    assert (status, found) == (200, {f"c-{ana.pk}-2026-11-25"})
    read.set()
    thread.join(20)
    status, found, cursor = asked(client, cursor)
    assert (status, found) == (200, {f"c-{luc.pk}-2026-11-25"})
    assert asked(client, cursor) == (304, set(), cursor)
