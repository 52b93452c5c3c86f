"""Sessions: how long the office and the phone stay open, the list of one's devices, and how each is ended."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from knox.models import AuthToken

from invoicing.models import HistoryLine, LoginFailure, UserSession
from invoicing.services.access.sessions import tokens_of
from invoicing.services.records.attachments import attach
from openfire_billing.kernel.devices import device_label
from openfire_billing.office.roles import MANAGER, PLANNER
from openfire_billing.office.tasks import forget_access
from tests.factories import Office, UserFactory, World
from tests.factories.api import Api
from tests.factories.appointments import technician
from tests.factories.fixtures import MORNING
from tests.factories.pages import address, file_address

OFFICE, PHONE, LIST = "/admin/", "/mobile/", "/admin/interventions/interventionrequest/"
PLANNING = "/planning/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1"


@pytest.fixture
def jeanne(world: World) -> Any:
    """Somebody of the office, who is a technician too."""
    user = UserFactory(username="jeanne", role=PLANNER, company=world.company)
    technician(world, user=user)
    return user


def login(door: str, *, agent: str = FIREFOX, username: str = "jeanne", password: str = "secret") -> Client:
    client = Client(headers={"user-agent": agent})
    answer = client.post(f"{door}login/", {"username": username, "password": password})
    assert answer.status_code == 302
    return client


def opens(client: Client, page: str, **headers: str) -> bool:
    answer = client.get(page, headers=headers)
    assert answer.status_code == 200 or "/login/?next=" in answer["Location"]
    return answer.status_code == 200  # type: ignore[no-any-return]


@pytest.fixture
def clock(on_an_ordinary_day: time_machine.Traveller) -> Any:
    """`clock(31)`: 31 minutes after ten o'clock."""
    return lambda minutes: on_an_ordinary_day.move_to(MORNING + timedelta(minutes=minutes))


def test_office_is_over_after_thirty_minutes_without_an_act(jeanne: Any, clock: Any) -> None:
    client = login(OFFICE)
    seen = []
    for minutes in (29, 58, 89):
        clock(minutes)
        seen.append(opens(client, LIST))

    assert seen == [True, True, False]


def test_planning_is_a_part_of_the_office(jeanne: Any, clock: Any) -> None:
    """Its drops and pages are acts, its polls are none; it ends with the office, though the phone goes on."""
    client = login(OFFICE)
    seen = []
    for minutes in (29, 58):
        clock(minutes)
        seen.append(opens(client, PLANNING))
    for minutes in (70, 87, 89):
        clock(minutes)
        seen.append(opens(client, f"{PLANNING}waiting/", **{"X-Background": "1"}))
    assert seen == [True, True, True, True, False]

    on_phone = login(PHONE, agent=IPHONE)
    assert (opens(on_phone, PLANNING), opens(on_phone, PHONE)) == (True, True)
    clock(89 + 31)
    assert (opens(on_phone, PLANNING), opens(on_phone, PHONE)) == (False, True)
    assert "no-store" in client.get(PLANNING)["Cache-Control"]


def test_poll_is_no_act(jeanne: Any, clock: Any) -> None:
    client = login(OFFICE)
    seen = []
    for minutes in (10, 20, 29, 31):
        clock(minutes)
        seen.append(opens(client, LIST, **{"X-Background": "1"}))

    assert seen == [True, True, True, False]


def test_office_is_over_after_twelve_hours_whatever_is_done(jeanne: Any, clock: Any) -> None:
    client = login(OFFICE)
    seen = []
    for minutes in [*range(25, 720, 25), 719, 721]:
        clock(minutes)
        seen.append(opens(client, LIST))

    assert seen == [True] * 29 + [False]


def test_phone_stays_when_the_office_is_over(jeanne: Any, clock: Any) -> None:
    client = login(PHONE, agent=IPHONE)
    assert (opens(client, OFFICE), opens(client, PHONE)) == (True, True)

    clock(31)
    assert (opens(client, OFFICE), opens(client, PHONE)) == (False, True)
    clock(89 * 24 * 60)
    assert (opens(client, OFFICE), opens(client, PHONE)) == (False, True)
    clock(90 * 24 * 60 + 1)
    assert (opens(client, OFFICE), opens(client, PHONE)) == (False, False)


def test_office_opened_again_in_the_session_of_a_phone_keeps_its_phone_part(jeanne: Any, clock: Any) -> None:
    client = login(PHONE, agent=IPHONE)
    clock(60)
    assert client.post("/admin/login/", {"username": "jeanne", "password": "secret"}).status_code == 302
    assert (opens(client, OFFICE), UserSession.objects.count()) == (True, 1)

    clock(60 + 13 * 60)
    assert (opens(client, OFFICE), opens(client, PHONE)) == (False, True)


def test_session_of_the_office_opens_no_phone_once_it_is_over(jeanne: Any, clock: Any) -> None:
    client = login(OFFICE)
    assert opens(client, PHONE)

    clock(31)
    assert not opens(client, PHONE)


def test_row_says_who_where_since_when_and_follows_the_acts_to_the_minute(jeanne: Any, clock: Any) -> None:
    client = login(OFFICE)
    row = UserSession.objects.get()
    assert (row.user, row.scope, row.device, row.address) == (jeanne, "office", "Firefox, Windows", "127.0.0.1")
    assert (row.expires_at - row.created_at, row.ended_at) == (timedelta(hours=12), None)

    moments = []
    for minutes in (0.5, 1.5, 2, 3):
        clock(minutes)
        opens(client, LIST)
        row.refresh_from_db()
        moments.append(round((row.last_act_at - MORNING).total_seconds() / 60, 1))
    assert moments == [0.0, 1.5, 1.5, 3.0]


def test_page_takes_no_query_more_for_its_session(jeanne: Any, clock: Any) -> None:
    client = login(OFFICE)
    opens(client, LIST)
    with CaptureQueriesContext(connection) as captured:
        opens(client, LIST)
    assert [query["sql"] for query in captured.captured_queries if "usersession" in query["sql"]] == []

    clock(5)
    with CaptureQueriesContext(connection) as captured:
        opens(client, LIST)
    assert sum("usersession" in query["sql"] for query in captured.captured_queries) == 1


@pytest.mark.parametrize(("door", "page"), [(OFFICE, LIST), (PHONE, PHONE)])
def test_own_sessions_are_listed_and_ended_one_by_one(jeanne: Any, door: str, page: str) -> None:
    mine, other = login(door), login(PHONE, agent=IPHONE)
    shown = unescape(mine.get(f"{door}account/sessions/").content.decode())
    assert [text in shown for text in ("Firefox, Windows", "Safari, iPhone", "cet appareil")] == [True] * 3
    assert f'href="{door}account/sessions/"' in mine.get(page).content.decode()

    row = UserSession.objects.get(device="Safari, iPhone")
    done = mine.post(f"{door}account/sessions/", {"session": row.pk}, follow=True)

    assert "Session terminée : Safari, iPhone · Téléphone." in done.content.decode()
    assert (opens(mine, page), opens(other, PHONE)) == (True, False)
    row.refresh_from_db()
    assert row.ended_at is not None
    assert HistoryLine.objects.of(jeanne).count() == 0


def test_all_other_sessions_are_ended_at_once(jeanne: Any) -> None:
    mine, *others = login(OFFICE), login(OFFICE), login(PHONE)

    done = mine.post("/admin/account/sessions/", {"others": "1"}, follow=True)

    assert "Sessions terminées : 2." in done.content.decode()
    assert (opens(mine, LIST), [opens(client, PHONE) for client in others]) == (True, [False, False])


def test_own_session_ended_leads_to_the_login(jeanne: Any) -> None:
    mine = login(OFFICE)
    answer = mine.post("/admin/account/sessions/", {"session": UserSession.objects.get().pk})

    assert (answer["Location"], opens(mine, LIST)) == ("/admin/login/", False)
    assert UserSession.objects.get().ended_at is not None


def test_session_of_somebody_else_is_not_ended_from_one_s_own_list(world: World, jeanne: Any) -> None:
    mine = login(OFFICE)
    theirs = world.office(MANAGER)
    token = AuthToken.objects.create(world.manager)[0].token_key
    mine.post("/admin/account/sessions/", {"session": UserSession.objects.get(user=world.manager).pk})
    mine.post("/admin/account/sessions/", {"token": token})

    assert theirs.get(LIST).status_code == 200
    assert AuthToken.objects.count() == 1


def test_tokens_are_listed_and_revoked(jeanne: Any) -> None:
    mine, program = login(OFFICE), Api(jeanne)
    token = AuthToken.objects.get().token_key
    assert f"jeton {token[:8]}…" in mine.get("/admin/account/sessions/").content.decode()

    mine.post("/admin/account/sessions/", {"token": token})

    assert program.get("partners/").status_code == 401


def test_a_token_is_valid_until_its_last_moment_and_without_one_for_ever(jeanne: Any) -> None:
    now = timezone.now()
    ends = {"for ever": None, "soon": now + timedelta(seconds=1), "now": now, "over": now - timedelta(days=1)}
    for number, name in enumerate(ends):
        token = AuthToken.objects.create(jeanne)[0]
        AuthToken.objects.filter(pk=token.pk).update(token_key=name, expiry=ends[name], created=now + timedelta(number))

    assert [token.token_key for token in tokens_of(jeanne, at=now)] == ["soon", "for ever"]


def test_manager_sees_the_sessions_of_an_account_and_ends_those_he_ticks(world: World, jeanne: Any) -> None:
    desk, phone, program = login(OFFICE), login(PHONE, agent=IPHONE), Api(jeanne)
    manager = world.office(MANAGER)
    page = unescape(manager.get(address(jeanne)).content.decode())
    assert [text in page for text in ("Firefox, Windows · Bureau", "Safari, iPhone · Téléphone", "Programme ·")] == [
        True
    ] * 3
    row, token = UserSession.objects.get(device="Safari, iPhone"), AuthToken.objects.get().token_key

    refused = manager.confirm(jeanne, "end-sessions")
    assert "Rien n'est coché" in unescape(refused.content.decode())
    manager.confirm(jeanne, "end-sessions", {"ended": [f"session-{row.pk}", f"token-{token}"]})

    assert (opens(desk, LIST), opens(phone, PHONE), program.get("partners/").status_code) == (True, False, 401)
    assert list(HistoryLine.objects.of(jeanne).values_list("act", "text", "by")) == [
        ("token_revoked", f"Programme déconnecté : jeton {token[:8]}…", world.manager.pk),
        ("session_ended", "Session terminée : Safari, iPhone · Téléphone", world.manager.pk),
    ]


def test_password_changed_ends_the_other_sessions_and_keeps_this_one(jeanne: Any) -> None:
    mine, other = login(OFFICE), login(PHONE)
    new = {"old_password": "secret", "new_password1": "brume-du-matin-35", "new_password2": "brume-du-matin-35"}

    assert mine.post("/admin/password_change/", new).status_code == 302

    assert (opens(mine, LIST), opens(other, PHONE)) == (True, False)
    rows = UserSession.objects.order_by("pk").values_list("ended_at", "session_key")
    assert (rows[0], rows[1][0] is None) == ((None, mine.session.session_key), False)


def test_password_set_by_a_manager_ends_every_session(world: World, jeanne: Any) -> None:
    client = login(OFFICE)
    user = User.objects.get(pk=jeanne.pk)
    user.set_password("brume-du-matin-35")
    user.save()

    assert not opens(client, LIST)
    assert (UserSession.objects.live(timezone.now()).count(), Session.objects.count()) == (0, 0)


def test_logout_ends_the_row(jeanne: Any) -> None:
    client = login(OFFICE)
    client.post("/admin/logout/")

    assert UserSession.objects.get().ended_at is not None


def test_another_user_in_the_same_browser_has_a_session_of_his_own(world: World, jeanne: Any) -> None:
    client = login(OFFICE)
    client.post("/admin/login/", {"username": world.planner.username, "password": "secret"})

    rows = UserSession.objects.order_by("pk").values_list("user", "ended_at")
    assert [user for user, _ended in rows] == [jeanne.pk, world.planner.pk]
    assert [ended is None for _user, ended in rows] == [False, True]


def test_session_without_its_parts_asks_the_password(world: World) -> None:
    """As those opened before sessions had parts."""
    office = Office(world.planner)
    session = office.client.session
    for name in ("office_at", "office_until"):
        del session[name]
    session.save()

    assert not opens(office.client, LIST)


def test_state_of_a_session_is_told_and_is_no_act(jeanne: Any, clock: Any) -> None:
    client = login(OFFICE)
    asked = {"user": "jeanne"}
    states = []
    for minutes in (20, 31):
        clock(minutes)
        states.append(client.get("/admin/account/session/", asked, headers={"X-Background": "1"}).json()["is_over"])

    assert states == [False, True]
    assert login(OFFICE).get("/admin/account/session/", {"user": "autre"}).json()["is_over"] is True


def test_login_over_the_page_opens_the_session_again(jeanne: Any, clock: Any) -> None:
    client = login(OFFICE)
    clock(45)
    wrong = client.post("/admin/account/session/", {"username": "jeanne", "password": "faux"})
    assert {**wrong.json(), "csrf": ""} == {
        "is_over": True,
        "errors": ["Identifiant ou mot de passe inconnu. Vérifiez, ou demandez au bureau."],
        "asks_code": False,
        "proof": "",
        "csrf": "",
    }
    assert not opens(client, LIST)

    right = client.post("/admin/account/session/", {"username": "jeanne", "password": "secret"})
    assert (right.json()["is_over"], opens(client, LIST), UserSession.objects.count()) == (False, True, 1)


def test_old_rows_are_forgotten(jeanne: Any, clock: Any) -> None:
    login(OFFICE)
    login(PHONE)
    LoginFailure.objects.create(account="jeanne", address="192.0.2.1")
    clock(23 * 60)
    assert (forget_access(), Session.objects.count()) == (0, 1)

    clock(25 * 60)
    assert forget_access() == 1
    clock((91 * 24 + 12) * 60)
    assert (forget_access(), UserSession.objects.count()) == (1, 1)


def test_sessions_of_nobody_are_not_shown() -> None:
    answer = Client().get("/admin/account/sessions/")
    assert answer["Location"] == "/admin/login/?next=%2Fadmin%2Faccount%2Fsessions%2F"


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        (FIREFOX, "Firefox, Windows"),
        (IPHONE, "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/141.0 Safari/537.36 Edg/141.0", "Edge, Windows"),
        ("curl/8.5", "Appareil inconnu"),
        ("", "Appareil inconnu"),
    ],
)
def test_device_is_called_by_its_browser_and_system(agent: str, label: str) -> None:
    assert device_label(agent) == label


def test_demonstration_s_password_is_accepted(db: None) -> None:
    """It is short, and set without the rules of people's passwords."""
    call_command("load_demo", verbosity=0)
    client = Client()

    assert client.post("/admin/login/", {"username": "gestion", "password": "demo"}).status_code == 302


def test_every_page_that_polls_says_that_it_is_no_act() -> None:
    polls = re.compile(r"<[^<]*hx-trigger=\"every[^>]*>")
    found = {
        str(path.relative_to(settings.BASE_DIR)): all("X-Background" in tag for tag in tags)
        for path in (settings.BASE_DIR / "templates").rglob("*.html")
        if (tags := polls.findall(path.read_text(encoding="utf-8")))
    }

    assert found == {"templates/contracts/run_progress.html": True, "templates/invoicing/print_progress.html": True}


def test_file_of_the_office_is_closed_to_a_phone_whose_office_part_is_over(
    world: World, jeanne: Any, clock: Any
) -> None:
    attached = attach(world.intervention(), ContentFile(b"x", name="devis.txt"), by=world.planner)
    client = login(PHONE, agent=IPHONE)
    before = client.get(file_address(attached))
    assert b"".join(before.streaming_content) == b"x"
    clock(31)

    assert (before.status_code, client.get(file_address(attached)).status_code) == (200, 404)
