"""The outbox: messages are written in the transaction of their cause, and sent after commit.

A mail is sent at least once, a text message at most once; see `deliver`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.utils import formataddr, parseaddr
from hashlib import sha256
from smtplib import SMTPAuthenticationError, SMTPConnectError, SMTPRecipientsRefused, SMTPServerDisconnected
from socket import gaierror
from typing import Required, TypedDict, Unpack
from uuid import uuid4

from django.conf import settings
from django.db.models import F, Model, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import MessageKind, MessageState
from invoicing.models import Company, Message, SmsStop
from invoicing.models.records.messages import MessageQuerySet
from invoicing.services.locks import lock_document
from invoicing.services.records.history import record
from openfire_billing.celery import send_after_commit
from openfire_billing.db.locks import lock
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.french_days import commercial_moment
from openfire_billing.web import transport

MOST_ATTEMPTS = 6
LEASE = timedelta(minutes=10)  # a worker has a message for so long
_NO_ANSWER = (ConnectionError, TimeoutError, gaierror, SMTPConnectError, SMTPServerDisconnected)
_NOT_LEFT = (transport.NotSent, BusinessError, ConnectionRefusedError, gaierror)  # nothing reached the gateway
_MAY_HAVE_LEFT = _("Le SMS est peut-être parti : il n'est pas renvoyé tout seul. Demandez au client, puis renvoyez.")
_REFUSED_SINCE = _("Le client a répondu STOP : rien ne lui est envoyé.")
_LOST = _("L'envoi a été coupé, le processus s'est arrêté. %s")
PaperOf = Callable[[Model], tuple[str, bytes, str]]
BodyOf = Callable[[Message], str]


class MessageFields(TypedDict, total=False):
    """The arguments of `queue_message` besides the document, the key and the address."""

    kind: str
    cc: str
    subject: str
    body: Required[str]
    by: Required[By]
    with_paper: bool
    company: Company | None
    journal_text: Text
    send_at: datetime | None
    is_commercial: bool
    department: str
    announces: datetime | None


def queue_message(
    document: Model | None,
    *,
    key: str,
    kind: str = MessageKind.MAIL,
    to: str,
    cc: str = "",
    subject: str = "",
    body: str,
    by: By,
    with_paper: bool = False,
    company: Company | None = None,
    journal_text: Text = "",
    is_swept: bool = False,
    send_at: datetime | None = None,
    is_commercial: bool = False,
    department: str = "",
    announces: datetime | None = None,
) -> Message:
    """Put a message in the outbox. Returns the existing message when the key is in use.

    `to`, `cc`: e-mail addresses apart by « , ». `is_swept`: the caller has one task send many messages.
    `with_paper`: attach the document's PDF, rendered when the message is sent. `company`: the company whose users see
    the message, by default the document's. `journal_text`: the line of the document's journal, by default « Message à
    … ». `send_at`: not before that moment. `is_commercial`, `department`, `announces`: as those of a Message. Raises
    BusinessError without an address.
    """
    if not to:
        raise BusinessError(
            _("Aucun destinataire : complétez l'e-mail ou le téléphone du client."), code="missing_field"
        )
    with atomic():
        message, is_new = Message.objects.get_or_create(
            key=key,
            defaults={
                "kind": kind,
                "to": to,
                "cc": cc,
                "subject": " ".join(subject.split()),  # one line: mail servers refuse others
                "body": body,
                "object": document,
                "company": company or getattr(document, "company", None),
                "by": by,
                "with_paper": with_paper,
                "send_at": send_at,
                "next_try_at": send_at or timezone.now(),
                "is_commercial": is_commercial,
                "department": department,
                "announces": announces,
            },
        )
        if is_new and document is not None:
            whom = _("%(to)s, copie à %(cc)s") % {"to": to, "cc": cc} if cc else to
            text = journal_text or _("Message à %s : %s") % (whom, subject or body[:60])
            record(document, "message", by=by, text=text)
        if is_new and not is_swept and send_at is None:
            send_after_commit("invoicing.tasks.send_message", message.pk)
    return message


def drop_messages(messages: Sequence[Message], *, why: Text) -> None:
    """Have waiting messages never be sent. Those that a worker took meanwhile leave. The caller holds the transaction."""
    if not messages:
        return
    ids = [message.pk for message in messages]
    for message in lock(lambda: {Message: ids})[Message].values():
        if message.state == MessageState.WAITING:
            Message.objects.filter(pk=message.pk).update(state=MessageState.DROPPED, error=str(why))


def queue_unless_just_sent(
    document: Model, *, prefix: str, to: str, within: timedelta, **message: Unpack[MessageFields]
) -> bool:
    """Put a message in the outbox, unless one with this prefix of key was queued to the same address `within` that time.

    `message`: other arguments of `queue_message`. Returns whether the message was queued.
    """
    with atomic():
        lock_document(document)
        if Message.objects.filter(key__startswith=prefix, to=to, created_at__gt=timezone.now() - within).exists():
            return False
        queue_message(document, key=prefix + uuid4().hex, to=to, **message)
    return True


def deliver(message_id: int, *, paper_of: PaperOf, body_of: BodyOf) -> bool:
    """Send one message that is due. Returns whether it left.

    « En cours d'envoi » is committed before the gateway is called, so that one worker sends it. A failure is stored with
    its reason and retried; the wait doubles each time. A mail is sent at least once, under one Message-ID: when a worker
    dies while it sends, another sends again. A text message is sent at most once: when it may have left it becomes
    « Peut-être parti », and nothing sends it again by itself, unless its gateway knows ours by their key.
    `paper_of(document)` returns (file name, bytes, MIME type) of the PDF to attach; `body_of(message)` returns the text
    to send.
    """
    message = _taken(message_id)
    if message is None:
        return False
    try:
        body = body_of(message)
        if message.kind == MessageKind.SMS:
            message.provider_id = _send_sms(message, body)
        else:
            papers = [paper_of(message.object)] if message.with_paper and message.object else []
            transport.send_mail(
                to=message.to,
                cc=message.cc,
                subject=message.subject,
                body=body,
                sender=settings.DEFAULT_FROM_EMAIL,
                reply_to=_reply_to(message.company),
                attachments=papers,
                message_id=_message_id(message),
            )
    except Exception as failure:  # any error of a gateway is stored and shown
        _store_failure(message, failure)
        return False
    sent = {"sent_at": timezone.now(), "error": "", "provider_id": message.provider_id}
    of_worker = Message.objects.filter(pk=message.pk)
    if not of_worker.filter(state=MessageState.SENDING).update(state=MessageState.SENT, **sent):
        of_worker.filter(sent_at=None).update(**sent)  # the gateway has told its delivery before it answered
    return True


def _taken(message_id: int) -> Message | None:
    """Take a message that is due, for LEASE, and count the attempt. None when it is another's, or must not leave now."""
    now = timezone.now()
    message = Message.objects.filter(pk=message_id, state__in=MessageState.pending, next_try_at__lte=now).first()
    if message is None:
        return None
    as_read = Message.objects.filter(pk=message.pk, state=message.state, next_try_at=message.next_try_at)
    if message.state == MessageState.WAITING and message.expires_at is not None and now >= message.expires_at:
        _drop_expired(message, as_read)
        return None
    if message.state == MessageState.SENDING and (ended := _ended_without_worker(message)):
        as_read.update(state=ended[0], error=ended[1])
        return None
    if message.is_commercial and (later := commercial_moment(now, message.department)) > now:
        as_read.update(state=MessageState.WAITING, next_try_at=later)
        return None
    if message.is_commercial and refuses_texts(message.company, message.to):
        as_read.update(state=MessageState.FAILED, error=_REFUSED_SINCE)
        return None
    taken = {"state": MessageState.SENDING, "next_try_at": now + LEASE, "attempts": F("attempts") + 1, "error": ""}
    if not as_read.update(**taken):
        return None
    message.attempts += 1
    return message


def _drop_expired(message: Message, as_read: MessageQuerySet) -> None:
    """Drop a message whose time is over, and say so in the journal of its document."""
    with atomic():
        why = _("Pas envoyé à temps, à %s : il ne part plus.") % f"{timezone.localtime(message.expires_at):%H:%M}"
        if as_read.update(state=MessageState.DROPPED, error=why) and message.object is not None:
            text = _("Message à %(to)s non envoyé : %(why)s") % {"to": message.to, "why": why}
            record(message.object, "message", by=None, text=text)


def _ended_without_worker(message: Message) -> tuple[MessageState, str] | None:
    """Return the state and the reason of a message whose worker died while it sent it; None when it is sent again."""
    if message.kind == MessageKind.SMS and not transport.knows_keys():
        return MessageState.UNSURE, _LOST % _MAY_HAVE_LEFT
    if message.attempts >= MOST_ATTEMPTS:
        return MessageState.FAILED, _LOST % _("Vérifiez l'adresse et la pièce jointe, puis renvoyez.")
    return None


def _send_sms(message: Message, body: str) -> str:
    """Send a text message. Returns the reference of the gateway. Raises _MayHaveLeft when nobody knows."""
    try:
        return transport.send_sms(message.to, body, key=message.key)
    except _NOT_LEFT:
        raise
    except Exception as failure:
        if transport.knows_keys():
            raise
        raise _MayHaveLeft(_failure_text(failure, message.kind)) from failure


def _store_failure(message: Message, failure: Exception) -> None:
    is_unsure = isinstance(failure, _MayHaveLeft)
    is_over = message.attempts >= MOST_ATTEMPTS
    Message.objects.filter(pk=message.pk, state=MessageState.SENDING).update(
        state=MessageState.UNSURE if is_unsure else MessageState.FAILED if is_over else MessageState.WAITING,
        error=f"{failure}. {_MAY_HAVE_LEFT}" if is_unsure else _failure_text(failure, message.kind),
        next_try_at=timezone.now() + timedelta(minutes=2**message.attempts),
    )


class _MayHaveLeft(Exception):
    """A text message was handed over, and no answer came that says what became of it."""


def _message_id(message: Message) -> str:
    """Return the Message-ID of a mail: the same each time it is sent."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{message.pk}.{sha256(message.key.encode()).hexdigest()[:16]}@{domain}>"


def refuses_texts(company: Company | None, number: str) -> bool:
    """Return whether the holder of a number has answered STOP to a company."""
    return SmsStop.objects.filter(company=company, number=number).exists()


def note_delivery(reference: str, state: str, *, at: datetime) -> bool:
    """Store what the gateway says of a text message: « delivered » or « undelivered ». Returns whether it is one of ours.

    `reference`: that of the gateway, or our key. Calls come in any order: « Reçu » is final.
    """
    ours = Message.objects.filter(Q(provider_id=reference) | Q(key=reference), kind=MessageKind.SMS)
    if state == MessageState.DELIVERED:
        return bool(ours.update(state=MessageState.DELIVERED, delivered_at=at, error=""))
    ours.exclude(state=MessageState.DELIVERED).update(
        state=MessageState.UNDELIVERED,
        error=_("L'opérateur n'a pas pu le remettre. Vérifiez le numéro, puis renvoyez."),
    )
    return ours.exists()


def _reply_to(company: Company | None) -> str:
    """Return the address that answers to a company's mail go to; "" for the sender's."""
    if company is None or not company.email:
        return ""
    return formataddr((company.name, company.email))


def _failure_text(failure: Exception, kind: str) -> str:
    """Return why a message was not sent: a sentence for people, then the technical error."""
    if isinstance(failure, BusinessError):
        return str(failure)
    why = _("Le message n'est pas parti")
    if isinstance(failure, SMTPAuthenticationError):
        why = _("Le serveur de messagerie refuse notre identifiant ou notre mot de passe")
    elif isinstance(failure, SMTPRecipientsRefused):
        why = _("Le serveur de messagerie refuse l'adresse du destinataire")
    elif isinstance(failure, _NO_ANSWER):
        is_sms = kind == MessageKind.SMS
        why = _("La passerelle SMS ne répond pas") if is_sms else _("Le serveur de messagerie ne répond pas")
    return f"{why} ({type(failure).__name__}: {failure})"


def retry_message(message: Message, *, by: By) -> Message:
    """Put a stopped message back in the outbox. Raises BusinessError when it is not stopped."""
    with atomic():
        message = lock_document(message)
        if message.state not in MessageState.stopped:
            raise BusinessError(_("Ce message n'est pas en échec : rien à renvoyer."), code="wrong_state")
        message.state, message.attempts, message.next_try_at = MessageState.WAITING, 0, timezone.now()
        message.save(update_fields=["state", "attempts", "next_try_at"])
        record(message, "retried", by=by, text=_("Remis dans les messages à envoyer"))
    return message
