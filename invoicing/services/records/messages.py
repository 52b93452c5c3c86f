"""The outbox: messages are written in the transaction of their cause, and sent after commit.

A mail is sent at least once, a text message at most once; see `deliver`.
"""

from collections.abc import Callable
from datetime import timedelta
from email.utils import formataddr
from smtplib import SMTPAuthenticationError, SMTPConnectError, SMTPRecipientsRefused, SMTPServerDisconnected
from socket import gaierror
from typing import Required, TypedDict, Unpack
from uuid import uuid4

from django.conf import settings
from django.db.models import F, Model
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import MessageKind, MessageState
from invoicing.models import Company, Message
from invoicing.services.locks import lock_document
from invoicing.services.records.history import record
from openfire_billing.celery import send_after_commit
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web import transport

MOST_ATTEMPTS = 6
LEASE = timedelta(minutes=10)  # a worker has a message for so long
_NO_ANSWER = (ConnectionError, TimeoutError, gaierror, SMTPConnectError, SMTPServerDisconnected)
_NOT_LEFT = (transport.NotSent, BusinessError, ConnectionRefusedError, gaierror)  # nothing reached the gateway
_MAY_HAVE_LEFT = _("Le SMS est peut-être parti : il n'est pas renvoyé tout seul. Demandez au client, puis renvoyez.")
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
) -> Message:
    """Put a message in the outbox. Returns the existing message when the key is in use.

    `to`, `cc`: e-mail addresses apart by « , ». `is_swept`: the caller has one task send many messages.
    `with_paper`: attach the document's PDF, rendered when the message is sent. `company`: the company whose users see
    the message, by default the document's. `journal_text`: the line of the document's journal, by default « Message à
    … ». Raises BusinessError without an address.
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
            },
        )
        if is_new and document is not None:
            whom = _("%(to)s, copie à %(cc)s") % {"to": to, "cc": cc} if cc else to
            text = journal_text or _("Message à %s : %s") % (whom, subject or body[:60])
            record(document, "message", by=by, text=text)
        if is_new and not is_swept:
            send_after_commit("invoicing.tasks.send_message", message.pk)
    return message


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
    """Send one waiting message. Returns whether it was sent.

    An UPDATE that names the row as it was read takes it, so that one worker sends it, and counts the attempt before the
    message leaves. A failure is stored with its reason and retried; the wait doubles each time. A mail is sent at least
    once: when a worker dies while it sends, another sends again. A text message is sent at most once: when it may have
    left, it is marked as failed and nothing sends it again by itself.
    `paper_of(document)` returns (file name, bytes, MIME type) of the PDF to attach; `body_of(message)` returns the text
    to send.
    """
    now = timezone.now()
    message = Message.objects.filter(pk=message_id, state=MessageState.WAITING, next_try_at__lte=now).first()
    if message is None:
        return False
    as_read = Message.objects.filter(pk=message.pk, state=MessageState.WAITING, next_try_at=message.next_try_at)
    is_sms = message.kind == MessageKind.SMS
    is_lost = message.attempts > 0 and not message.error  # the last worker stored nothing of its attempt
    if is_lost and (is_sms or message.attempts >= MOST_ATTEMPTS):
        as_read.update(
            state=MessageState.FAILED,
            error=_LOST % (_MAY_HAVE_LEFT if is_sms else _("Vérifiez l'adresse et la pièce jointe, puis renvoyez.")),
        )
        return False
    if not as_read.update(next_try_at=now + LEASE, attempts=F("attempts") + 1, error=""):
        return False
    message.attempts += 1
    may_have_left = False
    try:
        body = body_of(message)
        if is_sms:
            may_have_left = True
            transport.send_sms(message.to, body)
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
            )
    except Exception as failure:  # any error of a gateway is stored and shown
        may_have_left = may_have_left and not isinstance(failure, _NOT_LEFT)
        message.error = _failure_text(failure, message.kind) + (f". {_MAY_HAVE_LEFT}" if may_have_left else "")
        is_over = may_have_left or message.attempts >= MOST_ATTEMPTS
        message.state = MessageState.FAILED if is_over else MessageState.WAITING
        message.next_try_at = now + timedelta(minutes=2**message.attempts)
    else:
        message.state, message.sent_at, message.error = MessageState.SENT, timezone.now(), ""
    message.save(update_fields=["state", "error", "next_try_at", "sent_at"])
    return message.state == MessageState.SENT


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
    """Put a failed message back in the outbox. Raises BusinessError when it has not failed."""
    with atomic():
        message = lock_document(message)
        if message.state != MessageState.FAILED:
            raise BusinessError(_("Ce message n'est pas en échec : rien à renvoyer."), code="wrong_state")
        message.state, message.attempts, message.next_try_at = MessageState.WAITING, 0, timezone.now()
        message.save(update_fields=["state", "attempts", "next_try_at"])
        record(message, "retried", by=by, text=_("Remis dans les messages à envoyer"))
    return message
