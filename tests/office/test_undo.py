"""« Annuler » after a harmless act: what it gives back, whom it serves, and what it refuses."""

from datetime import date
from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.urls import reverse

from appointments.services.states import (
    cancel_appointment,
    confirm_appointment,
    finish_appointment,
    leave_unfinished,
    postpone_appointment,
    reset_appointment,
)
from appointments.services.states import undo_move as undo_rdv
from interventions.models import InterventionRequest
from interventions.services.billing import invoice_intervention
from interventions.services.states import (
    cancel_intervention,
    finish_intervention,
    reset_intervention,
    undo_move,
    validate_intervention,
)
from invoicing.models import HistoryLine, Invoice
from openfire_billing.kernel.errors import BusinessError, StaleForm
from openfire_billing.web.undo import undo_token
from tests.factories import World, nothing_changed
from tests.factories.appointments import at, book, technician
from tests.factories.pages import Office, fields_of, typed

pytestmark = pytest.mark.django_db
DRAFT = {"state": "draft", "done_on": None}


def pressed(office: Office, document: Any, name: str) -> str:
    """Do an act from the page's form at once; return the token of its « Annuler », "" without one."""
    answer = office.act_typed(document, name, office.open(document))
    assert answer.status_code == 302
    office.client.cookies.pop("messages")
    return next((undo_token(message) for message in get_messages(answer.wsgi_request)), "")


def undo(office: Office, token: str) -> list[str]:
    """Press « Annuler »; return what the page then says."""
    answer = office.client.post(reverse("undo"), {"token": token, "_once": "undo"})
    assert answer.status_code == 302, answer.status_code
    return [str(message) for message in get_messages(answer.wsgi_request)]


# The services ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "before", "after"),
    [
        ("validate", ("draft", None), "to_plan"),
        ("finish", ("to_plan", None), "done"),
        ("cancel", ("to_plan", None), "cancelled"),
        ("cancel done", ("done", date(2026, 11, 2)), "cancelled"),
        ("reset", ("cancelled", None), "draft"),
    ],
)
def test_request_goes_back_to_its_state_and_day(world: World, act: str, before: tuple[str, Any], after: str) -> None:
    di = world.intervention(is_validated=act != "validate")
    other = world.intervention()
    if act == "cancel done":
        di = finish_intervention(di, on=date(2026, 11, 2), by=world.planner)
    if act == "reset":
        di = cancel_intervention(di, on=world.today, by=world.planner)
    assert (di.state, di.done_on) == before
    number = di.number
    if act == "validate":
        di = validate_intervention(di, by=world.planner)
        number = di.number
    elif act == "finish":
        di = finish_intervention(di, on=world.today, by=world.planner)
    elif act == "reset":
        di = reset_intervention(di, by=world.planner)
    else:
        di = cancel_intervention(di, on=world.today, by=world.planner)
    assert di.state == after
    left = di.version

    undone = undo_move(di, state=before[0], done_on=before[1], seen=left, by=world.planner)

    di.refresh_from_db()
    assert (di.state, di.done_on, di.number, di.version) == (*before, number, left + 1)
    assert undone == di
    line = HistoryLine.objects.of(di).first()
    assert line is not None
    labels = dict(InterventionRequest._meta.get_field("state").choices)
    assert (line.act, line.text) == ("undone", f"« {labels[after]} » annulé")
    other.refresh_from_db()
    assert other.state == "to_plan"


def test_request_planned_or_billed_since_stays_validated(world: World) -> None:
    planned, billed = world.intervention(), world.intervention()
    book(world, planned, state="draft")
    invoice_intervention(billed, on=world.today, by=world.biller)
    planned.refresh_from_db()
    billed.refresh_from_db()

    with nothing_changed(), pytest.raises(BusinessError, match="a un RDV ouvert : annulez-le d'abord"):
        undo_move(planned, **DRAFT, seen=planned.version, by=world.planner)
    with nothing_changed(), pytest.raises(BusinessError, match="est facturée, au moins en partie"):
        undo_move(billed, **DRAFT, seen=billed.version, by=world.planner)


def test_appointment_goes_back_to_its_state_hour_and_words(world: World) -> None:
    rdv = book(world, world.intervention(), state="draft")
    before = {"state": "draft", "done_at": None, "reason": "", "report": ""}
    acts = [
        (confirm_appointment, {}, "confirmed"),
        (finish_appointment, {"at": at(9, day=24), "report": "Fait"}, "done"),
        (leave_unfinished, {"reason": "Absent", "report": "Vu"}, "unfinished"),
        (postpone_appointment, {"reason": "Neige"}, "postponed"),
        (cancel_appointment, {"reason": "Vendu"}, "cancelled"),
    ]
    for act, answers, after in acts:
        moved = act(rdv, by=world.planner, **answers)  # type: ignore[operator]
        assert moved.state == after
        rdv = undo_rdv(moved, **before, seen=moved.version, by=world.planner)
        rdv.refresh_from_db()
        assert {name: getattr(rdv, name) for name in before} == before
        assert rdv.intervention is not None
        rdv.intervention.refresh_from_db()
        assert rdv.intervention.state == "planned", act
        if after == "confirmed":
            assert rdv.number == "RDV/000001"
            rdv = confirm_appointment(rdv, by=world.planner)
            before["state"] = "confirmed"

    done = finish_appointment(rdv, at=at(9, day=24), report="Fait", by=world.planner)
    again = reset_appointment(done, by=world.planner)
    rdv = undo_rdv(
        again, state="done", done_at=at(9, day=24), reason="", report="Fait", seen=again.version, by=world.planner
    )
    rdv.refresh_from_db()
    assert (rdv.state, rdv.done_at, rdv.report) == ("done", at(9, day=24), "Fait")


def test_time_of_a_postponed_appointment_taken_since_is_not_taken_twice(world: World) -> None:
    who = technician(world)
    first = book(world, world.intervention(), who=who, state="confirmed")
    first = postpone_appointment(first, by=world.planner)
    book(world, world.intervention(), who=who, state="confirmed")
    before = {"state": "confirmed", "done_at": None, "reason": "", "report": ""}

    with nothing_changed(), pytest.raises(BusinessError, match="est déjà pris"):
        undo_rdv(first, **before, seen=first.version, by=world.planner)


# The page -------------------------------------------------------------------------------------------------------


def test_page_offers_to_undo_and_a_second_press_says_nothing_more(world: World) -> None:
    di, office = world.intervention(is_validated=False), Office(world.planner)
    token = pressed(office, di, "validate")

    assert undo(office, token) == ["DI/000001 : « Valider » est annulé."]
    di.refresh_from_db()
    assert (di.state, di.number) == ("draft", "DI/000001")
    office.client.cookies.pop("messages")
    with nothing_changed():
        assert undo(office, token) == []


def test_archived_request_is_back_in_the_lists(world: World) -> None:
    di, office = world.intervention(), Office(world.planner)
    token = pressed(office, di, "archive")
    assert not InterventionRequest.objects.get().is_active

    assert undo(office, token) == ["DI/000001 : « Archiver » est annulé."]
    assert InterventionRequest.objects.get().is_active


def test_colleague_changed_it_since_nothing_is_undone(world: World) -> None:
    di, office = world.intervention(is_validated=False), Office(world.planner)
    token = pressed(office, di, "validate")
    Office(world.manager).save(di, title="Autre titre")

    with nothing_changed():
        (said,) = undo(office, token)

    assert said.startswith("« Valider » n'est pas annulé. ")
    di.refresh_from_db()
    assert (di.state, di.title) == ("to_plan", "Autre titre")
    with nothing_changed(), pytest.raises(StaleForm):
        undo_move(di, **DRAFT, seen=di.version - 1, by=world.planner)


def test_undone_in_one_tab_the_other_does_nothing_twice_and_keeps_what_was_typed(world: World) -> None:
    """Two tabs of one person: the second still has its form open, with the version of before."""
    di, office = world.intervention(is_validated=False), Office(world.planner)
    token = pressed(office, di, "validate")
    other = typed(office.open(di), title="Tapé ici")
    assert undo(office, token) == ["DI/000001 : « Valider » est annulé."]

    office.client.cookies.pop("messages")
    with nothing_changed():
        again = undo(office, token)
        acted = office.open_act(di, "finish", other)
        saved = office.send(di, other)

    assert again == []
    for answer in (acted, saved):
        assert answer.content.decode().count("Modifié entre-temps par") == 1
        assert fields_of(answer, "interventionrequest_form")["title"] == "Tapé ici"
    assert InterventionRequest.objects.get().state == "draft"


def test_after_a_minute_it_is_too_late(world: World, on_an_ordinary_day: time_machine.Traveller) -> None:
    di, office = world.intervention(is_validated=False), Office(world.planner)
    token = pressed(office, di, "validate")
    on_an_ordinary_day.shift(62)

    with nothing_changed():
        said = undo(office, token)

    assert said == ["DI/000001 : plus d'une minute a passé, rien n'est annulé. Le menu Action dit ce qui est possible."]
    di.refresh_from_db()
    assert di.state == "to_plan"


def test_token_serves_who_acted_and_nobody_else(world: World) -> None:
    di, office = world.intervention(is_validated=False), Office(world.planner)
    token = pressed(office, di, "validate")
    url = reverse("undo")

    with nothing_changed():
        assert Office(world.manager).client.post(url, {"token": token}).status_code == 403
        assert office.client.post(url, {"token": token[:-2] + "xx"}).status_code == 403
        assert office.client.post(url).status_code == 403
        assert office.client.get(url).status_code == 405


def test_acts_that_cannot_be_undone_offer_nothing(world: World) -> None:
    draft = world.draft()
    assert pressed(Office(world.accountant), draft, "post") == ""
    assert Invoice.objects.get().state == "posted"


def test_message_of_an_undoable_act_holds_its_button(world: World) -> None:
    di, office = world.intervention(is_validated=False), Office(world.planner)
    answer = office.act_typed(di, "validate", office.open(di))
    page = office.client.get(answer.url)
    token = fields_of(page)["token"]

    undo(office, token)

    assert InterventionRequest.objects.get().state == "draft"
