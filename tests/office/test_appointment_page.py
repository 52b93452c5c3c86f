"""The customer's page of an RDV: what it shows, what he answers, how often, and where the planner sees it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client

from appointments.choices import CustomerAnswer
from appointments.models import Appointment, ClosingDay
from appointments.services.answers import answer_appointment, answer_of, half_days
from appointments.services.saving import move_appointment, save_appointment
from appointments.services.states import cancel_appointment, confirm_appointment, finish_appointment
from invoicing.models import Company, HistoryLine, LoginFailure
from invoicing.services.access.guesses import TooManyAnswers, count_answer
from invoicing.services.records.links import publish, publish_many, token_of
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import BILLING, PLANNER
from tests.factories import World, nothing_changed
from tests.factories.api import Api
from tests.factories.appointments import alone, at, technician
from tests.factories.pages import address, fields_of, texts_of

pytestmark = pytest.mark.django_db
MORNING_26 = "2026-11-26-am"


def confirmed(world: World, **values: Any) -> Appointment:
    values.setdefault("who", technician(world, name="Yann Bellec"))
    return confirm_appointment(alone(world, title="Ramonage", **values), by=world.planner)


def url_of(world: World, rdv: Appointment) -> str:
    return f"/p/{token_of(publish(rdv, by=world.planner, published=True))}/"


def text_of(answer: Any) -> str:
    return " ".join(unescape(answer.content.decode()).split())


def send(url: str, client: Client | None = None, **values: Any) -> Any:
    return (client or Client()).post(f"{url}answer/", values)


def test_shows_when_what_where_and_who(world: World) -> None:
    Company.objects.update(announce="range")
    rdv = confirmed(world)
    answer = Client().get(url_of(world, rdv))
    assert texts_of(answer, "when") == ["mercredi 25 novembre 2026 entre 8 h et 10 h"]
    text = text_of(answer)
    assert "<dt>Pour</dt><dd>Ramonage</dd>" in text
    assert f"<dt>Où</dt><dd>{rdv.address}</dd>" in text
    assert "<dt>Avec</dt><dd>Yann</dd>" in text
    assert "Bellec" not in text
    assert '<meta name="robots" content="noindex, nofollow">' in text
    assert answer["X-Robots-Tag"].startswith("noindex")
    assert "no-store" in answer["Cache-Control"]


def test_following_days_are_named(world: World) -> None:
    rdv = confirmed(world, starts_at=at(8, day=24 + 1), duration=12)
    text = texts_of(Client().get(url_of(world, rdv)), "when")
    assert text == ["mercredi 25 novembre 2026 à 8 h (jour 1 sur 2)jeudi 26 novembre 2026, jour 2 sur 2"]


def test_confirms_once(world: World) -> None:
    rdv = confirmed(world)
    url, version = url_of(world, rdv), rdv.version
    form = fields_of(Client().get(url))
    assert (form["seen"], form["half_day"], form["note"]) == (str(version), "", "")
    answer = send(url, answer="yes", seen=version)
    assert (answer.status_code, answer["Location"]) == (302, url)
    rdv.refresh_from_db()
    assert (rdv.customer_answer, rdv.wish, rdv.version) == ("yes", "", version)
    assert rdv.answered_at is not None
    with nothing_but_attempts():
        assert send(url, answer="yes", seen=version).status_code == 302
        refused = send(url, answer="no", seen=version, half_day=MORNING_26)
    assert refused.status_code == 409
    assert "Vous avez déjà répondu : pour changer, appelez-nous" in text_of(refused)
    page = Client().get(url)
    assert texts_of(page, "state") == ["Vous avez confirmé : merci, à bientôt."]
    assert "Je confirme" not in text_of(page)
    lines = HistoryLine.objects.of(rdv).filter(act="answered")
    assert list(lines.values_list("text", "by")) == [("Le client confirme", None)]


@contextmanager
def nothing_but_attempts() -> Iterator[None]:
    """Whatever is done in there leaves every row of ours as it was, counted answers apart."""
    known = list(LoginFailure.objects.values_list("pk", flat=True))
    with nothing_changed():
        yield
        LoginFailure.objects.exclude(pk__in=known).delete()


def test_says_he_is_not_there_and_what_he_wishes(world: World) -> None:
    rdv = confirmed(world)
    url = url_of(world, rdv)
    send(url, answer="no", seen=rdv.version, half_day=MORNING_26, note="  après   10 h ")
    rdv.refresh_from_db()
    assert (rdv.customer_answer, rdv.wish) == ("no", "jeudi 26 novembre, le matin · après 10 h")
    assert answer_of(rdv) == "Le client n'est pas là : jeudi 26 novembre, le matin · après 10 h"
    assert texts_of(Client().get(url), "state") == [
        "C'est noté, vous n'êtes pas là. Votre souhait : jeudi 26 novembre, le matin · après 10 h. "
        "Nous vous proposons un autre rendez-vous."
    ]


@pytest.mark.parametrize(
    ("values", "status", "why"),
    [
        ({"answer": "no"}, 409, "Choisissez la demi-journée qui vous convient."),
        ({"answer": "no", "half_day": "2026-11-29-am"}, 409, "Choisissez la demi-journée qui vous convient."),
        ({"answer": "maybe"}, 400, "Réponse illisible : recommencez."),
        ({"answer": ""}, 400, "Réponse illisible : recommencez."),
        ({"answer": "yes", "seen": "x"}, 400, "Réponse illisible : recommencez."),
        ({"answer": "yes", "seen": 1}, 409, "Le rendez-vous a changé depuis que vous avez ouvert cette page"),
    ],
)
def test_what_is_refused_changes_nothing_and_says_why(
    world: World, values: dict[str, Any], status: int, why: str
) -> None:
    rdv = confirmed(world)
    url = url_of(world, rdv)
    with nothing_but_attempts():
        answer = send(url, **{"seen": rdv.version, **values})
    assert (answer.status_code, texts_of(answer, "state")[0].startswith(why)) == (status, True)


def test_moved_meanwhile_is_said_and_shows_the_new_hour(world: World) -> None:
    rdv = confirmed(world)
    url, seen = url_of(world, rdv), rdv.version
    move_appointment(rdv, starts_at=at(14), on=world.today, by=world.planner)
    answer = send(url, answer="yes", seen=seen)
    assert answer.status_code == 409
    assert texts_of(answer, "when") == ["mercredi 25 novembre 2026 à 14 h"]


def test_answer_falls_when_the_rdv_moves_and_stays_otherwise(world: World) -> None:
    rdv = confirmed(world)
    send(url_of(world, rdv), answer="yes", seen=rdv.version)
    rdv = save_appointment(rdv.pk, {"title": "Ramonage, conduit"}, on=world.today, by=world.planner)
    assert rdv.customer_answer == "yes"
    rdv = move_appointment(rdv, starts_at=at(14), on=world.today, by=world.planner)
    assert (rdv.customer_answer, rdv.answered_at, rdv.wish) == ("", None, "")


@pytest.mark.parametrize("is_over", [False, True])
def test_over_or_given_up_takes_no_answer(world: World, is_over: bool) -> None:
    rdv = confirmed(world)
    url = url_of(world, rdv)
    if not is_over:
        cancel_appointment(rdv, by=world.planner)
        assert (Client().get(url).status_code, send(url, answer="yes", seen=1).status_code) == (404, 404)
        return
    with time_machine.travel(at(12), tick=False):
        finish_appointment(rdv, at=at(11), by=world.planner)
        rdv.refresh_from_db()
        assert "Je confirme" not in text_of(Client().get(url))
        answer = send(url, answer="yes", seen=rdv.version)
    assert answer.status_code == 409
    assert "Ce rendez-vous n'attend plus de réponse : appelez-nous" in text_of(answer)


def test_doors_of_the_page(world: World) -> None:
    rdv = confirmed(world)
    url = url_of(world, rdv)
    assert Client().get(f"{url}answer/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(f"{url}answer/", {"answer": "yes", "seen": rdv.version}).status_code == 403
    token = fields_of(strict.get(url))["csrfmiddlewaretoken"]
    sent = strict.post(f"{url}answer/", {"answer": "yes", "seen": rdv.version, "csrfmiddlewaretoken": token})
    assert sent.status_code == 302
    assert Client().post("/p/forged.token/answer/", {"answer": "yes"}).status_code == 404
    quote = f"/p/{token_of(publish(world.quote(), by=world.planner, published=True))}/"
    assert Client().post(f"{quote}answer/", {"answer": "yes"}).status_code == 404
    publish(rdv, by=world.planner, published=False)
    assert send(url, answer="yes", seen=rdv.version).status_code == 404


def test_eleventh_try_within_the_hour_waits(world: World) -> None:
    rdv = confirmed(world)
    url = url_of(world, rdv)
    with time_machine.travel(at(10, day=24), tick=False):
        tries = [send(url, answer="no", seen=rdv.version).status_code for _ in range(11)]
        last = send(url, answer="yes", seen=rdv.version)
    assert tries == [409] * 10 + [429]
    assert texts_of(last, "state") == ["Trop de réponses d'affilée : réessayez dans 60 minutes."]
    rdv.refresh_from_db()
    assert rdv.customer_answer == ""
    with time_machine.travel(at(11, 1, day=24), tick=False):
        assert send(url, answer="yes", seen=rdv.version).status_code == 302


def test_answers_are_counted_by_page_and_by_address(world: World) -> None:
    now = at(10, day=24)
    for number in range(50):
        count_answer(page=f"rdv {number}", address="192.0.2.1", at=now)
    with pytest.raises(TooManyAnswers):
        count_answer(page="rdv 99", address="192.0.2.1", at=now)
    count_answer(page="rdv 99", address="192.0.2.2", at=now)
    assert LoginFailure.objects.filter(kind="answer").count() == 51


def test_half_days_offered_are_those_the_company_works(world: World) -> None:
    ClosingDay.objects.create(company=world.company, from_on=date(2026, 11, 27), to_on=date(2026, 11, 27))
    found = half_days(world.company, date(2026, 11, 24))
    assert len(found) == 20
    assert list(found.items())[:3] == [
        ("2026-11-25-am", "mercredi 25 novembre, le matin"),
        ("2026-11-25-pm", "mercredi 25 novembre, l'après-midi"),
        (MORNING_26, "jeudi 26 novembre, le matin"),
    ]
    assert "2026-11-27-am" not in found  # closed
    assert "2026-11-28-am" not in found  # Saturday
    assert list(found)[-1] == "2026-12-09-pm"


def test_answer_by_the_service_says_why_not(world: World) -> None:
    rdv = alone(world)
    with pytest.raises(BusinessError, match="n'attend plus de réponse"):
        answer_appointment(rdv, answer=CustomerAnswer.YES, seen=rdv.version, now=at(10, day=24))


def test_publishing_many_keeps_the_addresses_there_are(world: World) -> None:
    rdvs = [confirmed(world, starts_at=at(9)), confirmed(world, starts_at=at(9, day=26))]
    kept = token_of(publish(rdvs[0], by=world.planner, published=False))
    publish_many(rdvs, by=None)
    publish_many(rdvs, by=None)
    publish_many([], by=None)
    links = [rdv.links.get() for rdv in rdvs]
    assert token_of(links[0]) == kept
    assert [link.is_published for link in links] == [True, True]
    assert [HistoryLine.objects.of(rdv).filter(act="published").count() for rdv in rdvs] == [2, 1]


# Where the planner sees it


def refused(world: World) -> Appointment:
    rdv = confirmed(world)
    send(url_of(world, rdv), answer="no", seen=rdv.version, half_day=MORNING_26)
    rdv.refresh_from_db()
    return rdv


def test_first_page_names_the_customer_who_is_not_there(world: World) -> None:
    rdv = refused(world)
    rows = world.office(PLANNER).get("/admin/").context["office_waiting"]
    found = [(row.what, row.document, row.why, row.url) for row, _age in rows if row.what == "Client absent"]
    assert found == [("Client absent", rdv.number, "Souhaite : jeudi 26 novembre, le matin", address(rdv))]
    assert not [
        row for row, _age in world.office(BILLING).get("/admin/").context["office_waiting"] if row.what == found[0][0]
    ]
    move_appointment(rdv, starts_at=at(9, day=26), on=world.today, by=world.planner)
    rows = world.office(PLANNER).get("/admin/").context["office_waiting"]
    assert "Client absent" not in [row.what for row, _age in rows]


def test_list_form_and_board_show_the_answer(world: World) -> None:
    rdv, office = refused(world), world.office(PLANNER)
    listed = office.get("/admin/appointments/appointment/", view="absent")
    assert [one.pk for one in listed.context["cl"].result_list] == [rdv.pk]
    assert "absent" in " ".join(texts_of(listed, "field-answered"))
    assert "Le client n'est pas là : jeudi 26 novembre, le matin" in text_of(office.get(address(rdv)))
    board = office.get("/planning/", view="day", **{"from": "2026-11-25"}).content.decode()
    assert f'class="of-rdv of-rdv-confirmed is-answer-no" href="/planning/appointments/{rdv.pk}/"' in board
    assert "<em>client absent</em>" in board
    card = text_of(office.get(f"/planning/appointments/{rdv.pk}/"))
    assert "<dt>Annoncé</dt><dd>à 9 h</dd>" in card
    assert "<dt>Réponse</dt><dd>Le client n'est pas là : jeudi 26 novembre, le matin</dd>" in card


def test_answer_is_read_only_by_the_api(world: World) -> None:
    rdv, planner = refused(world), Api(world.planner)
    found = planner.get(f"appointments/{rdv.pk}/").json()
    assert (found["customer_answer"], found["wish"]) == ("no", "jeudi 26 novembre, le matin")
    assert found["answered_at"].startswith("2026-11-24T10:")
    answer = planner.patch(f"appointments/{rdv.pk}/", {"customer_answer": "yes"})
    assert answer.json()["code"] == "read_only"
    changed = planner.patch(f"appointments/{rdv.pk}/", {"announced_from": "08:30", "announced_to": "09:30"})
    assert (changed.json()["announced_from"], changed.json()["announced_to"]) == ("08:30:00", "09:30:00")


def test_messages_of_an_rdv_by_the_api(world: World) -> None:
    world.customer.mobile = "06 39 98 12 34"
    world.customer.save()
    rdv, planner = confirmed(world), Api(world.planner)
    planner.post(f"appointments/{rdv.pk}/sms/", {"text": "Bonjour {client}"})
    planner.post(f"partners/{world.customer.pk}/sms/", {"text": "Bonjour"})
    rows = planner.get(f"messages/?about=appointments.appointment&about_id={rdv.pk}").json()["results"]
    assert [(row["about"], row["about_id"], row["body"]) for row in rows] == [
        ("appointments.appointment", rdv.pk, "Bonjour Aubry Maëlle")
    ]
    assert planner.get("messages/?about=nothing").json()["results"] == []
    assert planner.get("messages/?about_id=x").status_code == 400


def test_answer_waits_until_the_start(world: World) -> None:
    rdv = confirmed(world)
    assert rdv.starts_at is not None
    with time_machine.travel(rdv.starts_at - timedelta(seconds=1), tick=False):
        assert send(url_of(world, rdv), answer="yes", seen=rdv.version).status_code == 302
