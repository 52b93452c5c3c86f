"""A forgotten password, and the first one."""

import re
import subprocess
import sys
from datetime import timedelta
from html import unescape
from typing import Any

import time_machine
from django.contrib.auth.models import User
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from knox.models import AuthToken

from invoicing.models import Company, HistoryLine, Message, PasswordRequest
from invoicing.services.access.passwords import answer_requests
from invoicing.services.records.messages import MOST_ATTEMPTS
from invoicing.tasks import send_waiting_messages
from openfire_billing.office.roles import MANAGER, PLANNER
from openfire_billing.office.tasks import answer_password_requests
from tests.factories import CompanyFactory, Office, UserFactory, World, nothing_changed
from tests.factories.fixtures import MORNING
from tests.factories.pages import address

NEW = "brume-du-matin-35"


def ask(email: str) -> None:
    """A demand of a new password, answered by its task."""
    Client().post("/admin/forgotten-password/", {"email": email})
    assert answer_password_requests() == 1


def posted() -> Any:
    """The one mail that the outbox had to send."""
    assert send_waiting_messages() == 1
    return mail.outbox[-1]


def choose(client: Client, mail: Any) -> Any:
    link = re.search(r"http://testserver(/admin/forgotten-password/\S+)", mail.body)
    assert link is not None
    form = client.get(link[1], follow=True)
    assert "Choisir son mot de passe" in form.content.decode()
    return client.post(form.redirect_chain[-1][0], {"new_password1": NEW, "new_password2": NEW}, follow=True), link[1]


def test_a_request_that_fails_stays_and_the_others_are_answered(world: World) -> None:
    for email in ("a@exemple.fr", "b@exemple.fr", "c@exemple.fr"):
        PasswordRequest.objects.create(email=email, at=timezone.now())
    answered = []

    def answer(email: str) -> None:
        if email == "b@exemple.fr":
            raise ValueError(email)
        answered.append(email)

    assert answer_requests(answer) == 2
    assert answered == ["a@exemple.fr", "c@exemple.fr"]
    assert [request.email for request in PasswordRequest.objects.all()] == ["b@exemple.fr"]


def test_forgotten_password_is_chosen_anew_once(world: World) -> None:
    User.objects.filter(pk=world.planner.pk).update(email="fanny@exemple.fr")
    client = Client()
    assert "/admin/forgotten-password/" in client.get("/admin/login/").content.decode()
    sent = client.post("/admin/forgotten-password/", {"email": "fanny@exemple.fr"}, follow=True)
    assert "Si un compte a cet e-mail" in sent.content.decode()
    assert (mail.outbox, answer_password_requests()) == ([], 1)
    AuthToken.objects.create(world.planner)
    theirs, _token = AuthToken.objects.create(world.biller)
    letter = posted()
    assert (letter.to, letter.subject) == (["fanny@exemple.fr"], "Votre mot de passe")
    assert "identifiant : " + world.planner.username in letter.body

    done, link = choose(client, letter)
    assert "Mot de passe changé" in done.content.decode()
    assert User.objects.get(pk=world.planner.pk).check_password(NEW)
    assert AuthToken.objects.get() == theirs  # what was logged in with the password before is not any more
    again = client.get(link, follow=True).content.decode()
    assert "new_password1" not in again
    assert "redemandez-en une" in again


def test_unknown_address_gets_the_same_answer_and_no_mail(world: World) -> None:
    sent = Client().post("/admin/forgotten-password/", {"email": "personne@exemple.fr"}, follow=True)
    assert "Si un compte a cet e-mail" in sent.content.decode()
    assert answer_password_requests() == 1
    assert (Message.objects.count(), send_waiting_messages()) == (0, 0)


def test_manager_invites_somebody_without_a_password(world: World) -> None:
    new = UserFactory(username="gwenn", is_staff=True, company=world.company)
    User.objects.filter(pk=new.pk).update(email="")
    page = address(new, "act", "invite")
    assert world.office(PLANNER).client.get(page).status_code == 403
    manager = world.office(MANAGER)
    assert "n'a pas d'e-mail" in unescape(manager.client.post(page, {"_confirmed": "1"}).content.decode())

    User.objects.filter(pk=new.pk).update(email="gwenn@exemple.fr")
    answer = manager.client.post(page, {"_confirmed": "1"}, follow=True)
    assert "invitation mise à l'envoi" in unescape(answer.content.decode())
    told = HistoryLine.objects.of(new).values_list("act", "text", "by")
    assert list(told) == [("message", "Invitation mise à l'envoi à gwenn@exemple.fr", manager.user.pk)]
    choose(Client(), posted())
    assert User.objects.get(pk=new.pk).check_password(NEW)


def test_address_asked_twice_within_a_minute_leaves_once(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    """Whatever the clock: at 10:00:59, then at 10:01:02. A minute later, or to another e-mail, it leaves again."""
    User.objects.filter(pk=world.planner.pk).update(email="fanny@exemple.fr")
    counts = []
    for second in (59, 62, 125):
        on_an_ordinary_day.move_to(MORNING + timedelta(seconds=second))
        ask("fanny@exemple.fr")
        counts.append(Message.objects.count())
    assert counts == [1, 1, 2]

    User.objects.filter(pk=world.planner.pk).update(email="fanny.le-goff@exemple.fr")
    ask("fanny.le-goff@exemple.fr")
    assert Message.objects.count() == 3


def test_mail_server_down_is_said_in_the_outbox_and_the_mail_leaves_later(world: World, settings: Any) -> None:
    User.objects.filter(pk=world.planner.pk).update(email="fanny@exemple.fr")
    works, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    for _click in range(2):  # pressed twice: one mail
        ask("fanny@exemple.fr")
    for _attempt in range(MOST_ATTEMPTS):
        Message.objects.update(next_try_at=timezone.now())
        assert send_waiting_messages() == 0
    message = Message.objects.get()
    assert (message.state, message.to, message.object) == ("failed", "fanny@exemple.fr", world.planner)

    settings.EMAIL_BACKEND = works
    world.office(MANAGER).act(message, "resend")

    choose(Client(), posted())
    assert User.objects.get(pk=world.planner.pk).check_password(NEW)


def test_whoever_reads_the_outbox_cannot_take_an_account_over(world: World) -> None:
    User.objects.filter(pk=world.manager.pk).update(email="morgane@exemple.fr")
    ask("morgane@exemple.fr")
    message, letter = Message.objects.get(), posted()
    _done, link = choose(Client(), letter)

    message.refresh_from_db()
    colleague = Office(UserFactory(role=MANAGER, company=world.company))
    page = unescape(colleague.get(address(message)).content.decode())
    assert "http://testserver[adresse à usage unique, faite à l'envoi]" in page
    token = link.rstrip("/").rpartition("/")[2]
    assert token not in page
    assert token not in message.body


def test_address_that_changed_before_the_mail_left_gets_nothing(world: World) -> None:
    User.objects.filter(pk=world.manager.pk).update(email="morgane@exemple.fr")
    ask("morgane@exemple.fr")
    User.objects.filter(pk=world.manager.pk).update(email="autre@exemple.fr")

    assert send_waiting_messages() == 0
    assert mail.outbox == []
    assert "ou a changé d'e-mail : envoyez une nouvelle invitation." in Message.objects.get().error


def test_account_deleted_before_the_mail_left_gets_nothing(world: World) -> None:
    User.objects.filter(pk=world.manager.pk).update(email="morgane@exemple.fr")
    ask("morgane@exemple.fr")
    Message.objects.update(object_id=0)

    assert send_waiting_messages() == 0
    assert mail.outbox == []
    assert Message.objects.get().error == "Le compte de ce message n'existe plus : rien à envoyer."


def test_worker_that_opened_no_page_makes_the_address() -> None:
    known = (
        "import django; django.setup();"
        "from django.contrib.auth.models import User; from openfire_billing.web.contributions import contributions_to;"
        "print(contributions_to(User).body_of.__name__)"
    )
    told = subprocess.run([sys.executable, "-c", known], capture_output=True, text=True, check=True)
    assert told.stdout == "with_address\n"


def test_technician_comes_back_to_the_phone(world: World) -> None:
    User.objects.filter(pk=world.technician.pk).update(email="tugdual@exemple.fr")
    client, back = Client(), 'href="/mobile/login/"'
    asked = "/admin/forgotten-password/?for=mobile"
    assert f'href="{asked}"' in client.get("/mobile/login/").content.decode()
    assert back in client.get(asked).content.decode()
    assert back in client.post(asked, {"email": "tugdual@exemple.fr"}, follow=True).content.decode()
    assert answer_password_requests() == 1

    done, _link = choose(Client(), posted())  # in the mail's own browser

    assert "Mot de passe changé" in done.content.decode()
    assert back in done.content.decode()


def test_who_works_in_the_office_comes_back_to_it(world: World) -> None:
    User.objects.filter(pk=world.planner.pk).update(email="fanny@exemple.fr")
    ask("fanny@exemple.fr")

    done, _link = choose(Client(), posted())

    assert 'href="/admin/login/"' in done.content.decode()
    assert "/mobile/" not in done.content.decode()


def test_manager_gives_no_company_he_has_not_and_meets_nobody_of_another(world: World) -> None:
    other = CompanyFactory(name="Autre Foyer")
    theirs = UserFactory(role=MANAGER, company=other)
    manager = Office(theirs)

    assert list(manager.get(address(User, "changelist")).context["cl"].result_list) == [theirs]
    assert manager.get(address(world.manager)).status_code == 302  # Django: it does not exist
    fields = manager.open(theirs) | {
        "company_accesses-TOTAL_FORMS": "2",
        "company_accesses-1-company": world.company.pk,
        "company_accesses-1-user": theirs.pk,
    }
    with nothing_changed():
        refused = manager.send(theirs, fields)
    assert refused.status_code == 200
    assert list(Company.objects.visible_to(theirs)) == [other]


def test_password_of_eleven_characters_or_a_common_one_is_refused(world: World) -> None:
    User.objects.filter(pk=world.planner.pk).update(email="fanny@exemple.fr")
    ask("fanny@exemple.fr")
    link = re.search(r"http://testserver(/admin/forgotten-password/\S+)", posted().body)
    assert link is not None
    client = Client()
    form = client.get(link[1], follow=True).redirect_chain[-1][0]
    refused = {
        typed: unescape(client.post(form, {"new_password1": typed, "new_password2": typed}).content.decode())
        for typed in ("brume-matin", "password1234")
    }

    assert "Il doit contenir au minimum 12 caractères." in refused["brume-matin"]
    assert "Ce mot de passe est trop courant." in refused["password1234"]
    assert User.objects.get(pk=world.planner.pk).check_password("secret")
    assert client.post(form, {"new_password1": "brume-matin1", "new_password2": "brume-matin1"}).status_code == 302


def test_known_and_unknown_address_take_the_same_work_and_get_the_same_answer(world: World) -> None:
    User.objects.filter(pk=world.planner.pk).update(email="fanny@exemple.fr")
    work, answers = [], []
    for email in ("fanny@exemple.fr", "perso@exemple.fr"):
        client = Client()
        with CaptureQueriesContext(connection) as captured:
            answer = client.post("/admin/forgotten-password/", {"email": email})
        work.append([re.sub(r"'[^']*'|\b\d+\b", "''", query["sql"]) for query in captured.captured_queries])
        answers.append((answer.status_code, answer["Location"], answer.content, client.get(answer["Location"]).content))

    assert work[0] == work[1]
    assert sum("INSERT INTO" in query for query in work[0]) == 2  # what is counted, and the demand
    assert answers[0] == answers[1]
