"""The outbox: a key is sent once, a failure is kept, tried again, and shown."""

from datetime import timedelta
from smtplib import SMTPAuthenticationError, SMTPRecipientsRefused
from socket import gaierror
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invoicing import tasks
from invoicing.models import Company, HistoryLine, Message
from invoicing.services.records.messages import MOST_ATTEMPTS, queue_message, queue_unless_just_sent, retry_message
from invoicing.tasks import send_message, send_waiting_messages
from openfire_billing.celery import app
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import PLANNER
from openfire_billing.web import transport
from tests.factories import CompanyFactory, World, nothing_changed
from tests.factories.pages import address, fields_of


def queued(world: World, key: str = "rappel-1", **options: Any) -> Message:
    values = {"to": "client@exemple.example", "subject": "Votre DI", "body": "Bonjour", **options}
    return queue_message(None, key=key, by=world.planner, **values)


def broken(to: str, body: str, *, key: str) -> str:
    raise transport.NotSent("la passerelle ne répond pas")


def silent(to: str, body: str, *, key: str) -> str:
    raise TimeoutError("timed out")


BROKEN, SILENT = f"{__name__}.broken", f"{__name__}.silent"
MAY_HAVE_LEFT = "Le SMS est peut-être parti : il n'est pas renvoyé tout seul. Demandez au client, puis renvoyez."


def test_same_key_is_one_message_sent_once(world: World) -> None:
    first, second = queued(world), queued(world, body="Autre texte")

    assert first == second
    assert [send_message(first.pk), send_message(first.pk)] == [True, False]
    assert [(sent.to, sent.subject, sent.body) for sent in mail.outbox] == [
        (["client@exemple.example"], "Votre DI", "Bonjour")
    ]


def test_subject_of_two_lines_leaves_as_one(world: World) -> None:
    assert send_message(queued(world, subject="Votre\nBcc: x@exemple.example  DI").pk)

    assert mail.outbox[0].subject == "Votre Bcc: x@exemple.example DI"
    assert mail.outbox[0].recipients() == ["client@exemple.example"]


def test_answers_to_a_mail_go_to_its_company_when_it_has_an_address(world: World) -> None:
    Company.objects.filter(pk=world.company.pk).update(email="contact@flammes.example")
    without = CompanyFactory(name="Autre Foyer", email="")
    for number, company in enumerate((world.company, without, None)):
        assert send_message(queued(world, key=f"rappel-{number}", company=company).pk)

    assert [letter.reply_to for letter in mail.outbox] == [["Flammes d'Armor <contact@flammes.example>"], [], []]
    assert {letter.from_email for letter in mail.outbox} == {settings.DEFAULT_FROM_EMAIL}


def test_sweep_sends_what_waits(world: World) -> None:
    for number in range(3):
        queued(world, key=f"rappel-{number}")

    assert (send_waiting_messages(), send_waiting_messages()) == (3, 0)
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}


def test_sweep_queues_itself_again_while_messages_are_due(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "MOST_SENT", 2)
    for number in range(3):
        queued(world, key=f"rappel-{number}")
    with app.connection_for_read() as connection:
        queue = app.amqp.queues["default"](connection.default_channel)
        queue.declare()
        queue.purge()

        assert send_waiting_messages() == 2
        assert queue.get(no_ack=True).headers["task"] == "invoicing.tasks.send_waiting_messages"
        assert send_waiting_messages() == 1
        assert queue.get(no_ack=True) is None


def test_message_leaves_without_its_document_being_read(world: World) -> None:
    """Nothing of it is asked when no paper goes along: one more question to the database for each mail."""
    about = [world.customer, world.planner]
    messages = [
        queue_message(document, key=f"sujet-{document.pk}", to="a@exemple.example", body="Bonjour", by=world.planner)
        for document in about
    ]

    with CaptureQueriesContext(connection) as asked:
        assert [send_message(message.pk) for message in messages] == [True, True]

    read = [query["sql"] for query in asked if "invoicing_partner" in query["sql"] or "auth_user" in query["sql"]]
    assert read == []
    assert [letter.body for letter in mail.outbox] == ["Bonjour", "Bonjour"]


def test_sms_leaves_by_its_backend(world: World, settings: Any) -> None:
    settings.SMS_BACKEND = "memory"
    transport.sms_outbox.clear()

    send_message(queued(world, kind="sms", to="+33639982010").pk)

    assert transport.sms_outbox == [("+33639982010", "Bonjour")]


def test_failure_is_kept_and_tried_later_each_time_twice_as_late(world: World, settings: Any) -> None:
    settings.SMS_BACKEND = BROKEN
    message = queued(world, kind="sms", to="+33639982010")

    waits = []
    for _attempt in range(MOST_ATTEMPTS):
        Message.objects.update(next_try_at=timezone.now())
        assert send_message(message.pk) is False
        message.refresh_from_db()
        waits.append(round((message.next_try_at - timezone.now()) / timedelta(minutes=1)))

    assert waits == [2, 4, 8, 16, 32, 64]
    assert (message.state, message.attempts) == ("failed", 6)
    assert message.error == "Le message n'est pas parti (NotSent: la passerelle ne répond pas)"
    assert send_waiting_messages() == 0


@pytest.mark.parametrize(
    ("failure", "kind", "told"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "mail", "Le serveur de messagerie ne répond pas"),
        (TimeoutError("timed out"), "mail", "Le serveur de messagerie ne répond pas"),
        (gaierror(-2, "Name or service not known"), "mail", "Le serveur de messagerie ne répond pas"),
        (ConnectionRefusedError(111, "Connection refused"), "sms", "La passerelle SMS ne répond pas"),
        (transport.NotSent("no"), "sms", "Le message n'est pas parti"),
        (
            SMTPAuthenticationError(535, b"no"),
            "mail",
            "Le serveur de messagerie refuse notre identifiant ou notre mot de passe",
        ),
        (SMTPRecipientsRefused({}), "mail", "Le serveur de messagerie refuse l'adresse du destinataire"),
        (ValueError("x"), "mail", "Le message n'est pas parti"),
    ],
)
def test_failure_is_said_in_french_then_as_the_machine_says_it(
    world: World, monkeypatch: pytest.MonkeyPatch, failure: Exception, kind: str, told: str
) -> None:
    def fail(*_args: Any, **_options: Any) -> None:
        raise failure

    monkeypatch.setattr(transport, "send_sms" if kind == "sms" else "send_mail", fail)
    message = queued(world, kind=kind)

    assert send_message(message.pk) is False

    message.refresh_from_db()
    assert message.error == f"{told} ({type(failure).__name__}: {failure})"
    assert message.state == "waiting"


def test_server_that_is_down_is_said_on_the_message_s_page(world: World, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    message = queued(world, company=world.company)
    send_message(message.pk)

    page = world.office(PLANNER).get(address(message)).content.decode()
    assert "Le serveur de messagerie ne répond pas (ConnectionRefusedError: [Errno 111] Connection refused)" in page


def test_server_without_mail_keeps_the_message_and_says_why(world: World, settings: Any) -> None:
    settings.MAIL_IS_SENT = False
    message = queued(world)

    assert send_message(message.pk) is False

    message.refresh_from_db()
    said = "Aucun serveur de messagerie n'est réglé : définissez EMAIL_URL, puis renvoyez."
    assert (message.state, message.error, mail.outbox) == ("waiting", said, [])


@pytest.mark.parametrize(
    ("backend", "told"),
    [
        (SILENT, f"La passerelle SMS ne répond pas (TimeoutError: timed out). {MAY_HAVE_LEFT}"),
        ("nowhere.send", "Le message n'est pas parti (NotSent: No module named 'nowhere')"),
    ],
)
def test_text_message_that_may_have_left_is_not_sent_again_by_itself(
    world: World, settings: Any, backend: str, told: str
) -> None:
    settings.SMS_BACKEND = backend
    message = queued(world, kind="sms", to="+33639982010")

    assert send_message(message.pk) is False

    message.refresh_from_db()
    assert (message.state, message.error) == ("unsure" if backend == SILENT else "waiting", told)
    Message.objects.update(next_try_at=timezone.now())
    settings.SMS_BACKEND = "memory"
    transport.sms_outbox.clear()
    assert send_waiting_messages() == (0 if backend == SILENT else 1)
    if backend == SILENT:
        retry_message(message, by=world.planner)
        assert send_waiting_messages() == 1
    assert transport.sms_outbox == [("+33639982010", "Bonjour")]


@pytest.mark.parametrize(
    ("kind", "attempts", "outcome"),
    [
        ("sms", 1, ("unsure", 1, f"L'envoi a été coupé, le processus s'est arrêté. {MAY_HAVE_LEFT}")),
        ("mail", 1, ("sent", 2, "")),
        ("mail", 5, ("sent", 6, "")),
        (
            "mail",
            6,
            (
                "failed",
                6,
                "L'envoi a été coupé, le processus s'est arrêté. Vérifiez l'adresse et la pièce jointe, puis renvoyez.",
            ),
        ),
    ],
)
def test_message_whose_worker_died_is_sent_again_when_it_is_a_mail_six_times_at_most(
    world: World, settings: Any, kind: str, attempts: int, outcome: tuple[str, int, str]
) -> None:
    settings.SMS_BACKEND = "memory"
    transport.sms_outbox.clear()
    message = queued(world, kind=kind)
    Message.objects.update(state="sending", attempts=attempts, error="", next_try_at=timezone.now())  # as it left it

    send_message(message.pk)

    message.refresh_from_db()
    assert (message.state, message.attempts, message.error) == outcome
    assert (len(mail.outbox), transport.sms_outbox) == (int(outcome[0] == "sent"), [])


def test_message_is_not_tried_before_its_time(world: World, settings: Any) -> None:
    settings.SMS_BACKEND = BROKEN
    message = queued(world, kind="sms", to="+33639982010")
    send_message(message.pk)

    with nothing_changed():
        assert send_message(message.pk) is False


def test_failed_message_is_sent_again_from_its_page(world: World, settings: Any) -> None:
    message = queued(world)
    Message.objects.update(state="failed", attempts=6, error="OSError")

    world.office(PLANNER).act(message, "resend")

    message.refresh_from_db()
    assert (message.state, message.attempts) == ("waiting", 0)
    assert HistoryLine.objects.of(message)[0].text == "Remis dans les messages à envoyer"
    assert send_waiting_messages() == 1
    message.refresh_from_db()
    assert (message.state, message.attempts, message.error) == ("sent", 1, "")


def test_message_not_failed_is_not_sent_again(world: World) -> None:
    message = queued(world)

    with nothing_changed(), pytest.raises(BusinessError):
        retry_message(message, by=world.planner)


def test_message_being_sent_is_left_to_its_worker_for_ten_minutes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    message, seen = queued(world), []

    def send_mail(**_letter: Any) -> None:
        seen.append(round((Message.objects.get().next_try_at - timezone.now()) / timedelta(minutes=1)))
        seen.append(send_message(message.pk))

    monkeypatch.setattr(transport, "send_mail", send_mail)

    assert (send_message(message.pk), seen) == (True, [10, False])
    message.refresh_from_db()
    assert (message.state, message.attempts, message.sent_at is None) == ("sent", 1, False)


def test_journal_says_to_whom_and_what(world: World) -> None:
    texts = {"subject": "Votre DI", "body": "Bonjour"}, {"subject": "", "body": "b" * 61}
    for number, text in enumerate((*texts, texts[0] | {"journal_text": "Relance"})):
        queue_message(world.customer, key=f"k{number}", to="a@exemple.example", by=world.planner, **text)
    queue_message(world.customer, key="k0", to="a@exemple.example", by=world.planner, **texts[0])

    assert [line.text for line in HistoryLine.objects.of(world.customer).order_by("pk")] == [
        "Message à a@exemple.example : Votre DI",
        f"Message à a@exemple.example : {'b' * 60}",
        "Relance",
    ]


def test_message_just_sent_to_an_address_is_not_sent_again_meanwhile(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    def ask(prefix: str = "mot-de-passe-", to: str = "a@exemple.example") -> bool:
        return queue_unless_just_sent(
            world.customer, prefix=prefix, to=to, within=timedelta(minutes=5), body="Bonjour", by=None
        )

    asked = [ask(), ask(), ask(to="b@exemple.example"), ask(prefix="autre-")]
    on_an_ordinary_day.shift(timedelta(minutes=4, seconds=50))
    asked.append(ask())
    on_an_ordinary_day.shift(timedelta(seconds=20))
    asked.append(ask())

    assert asked == [True, False, True, True, False, True]
    assert Message.objects.count() == 4


def test_message_without_recipient_is_refused(world: World) -> None:
    with nothing_changed(), pytest.raises(BusinessError) as refused:
        queued(world, to="")

    assert str(refused.value) == "Aucun destinataire : complétez l'e-mail ou le téléphone du client."


def test_message_from_the_intervention_is_ready_and_pressed_twice_leaves_once(world: World) -> None:
    intervention = world.intervention(title="Pose du poêle")
    office = world.office(PLANNER)
    fields = fields_of(office.get(address(intervention, "act", "message")))
    assert (fields["act-to"], fields["act-subject"]) == (world.customer.email, "Flammes d'Armor : Pose du poêle")

    for _click in range(2):
        assert office.confirm(intervention, "message", fields).status_code == 302

    assert Message.objects.count() == 1
    assert HistoryLine.objects.of(intervention).filter(act="message").count() == 1
