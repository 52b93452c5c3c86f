"""The outbox: messages are written in the transaction of their cause, sent once after commit, and retried."""

from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPAuthenticationError, SMTPConnectError, SMTPRecipientsRefused, SMTPServerDisconnected
from socket import gaierror
from typing import Required, TypedDict, Unpack
from uuid import uuid4

from django.conf import settings
from django.db.models import Model
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
_NO_ANSWER = (ConnectionError, TimeoutError, gaierror, SMTPConnectError, SMTPServerDisconnected)
PaperOf = Callable[[Model], tuple[str, bytes, str]]
BodyOf = Callable[[Message], str]


class MessageFields(TypedDict, total=False):
    """The arguments of `queue_message` besides the document, the key and the address."""

    kind: str
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
    subject: str = "",
    body: str,
    by: By,
    with_paper: bool = False,
    company: Company | None = None,
    journal_text: Text = "",
) -> Message:
    """Put a message in the outbox. Returns the existing message when the key is in use.

    `with_paper`: attach the document's PDF, rendered when the message is sent. `company`: the company whose users see
    the message, by default the document's. `journal_text`: the line of the document's journal, by default « Message à
    … ». Raises BusinessError without an address.
    """
    if not to:
        raise BusinessError(_("Aucun destinataire : complétez l'e-mail ou le téléphone du client."))
    with atomic():
        message, is_new = Message.objects.get_or_create(
            key=key,
            defaults={
                "kind": kind,
                "to": to,
                "subject": " ".join(subject.split()),  # one line: mail servers refuse others
                "body": body,
                "object": document,
                "company": company or getattr(document, "company", None),
                "by": by,
                "with_paper": with_paper,
            },
        )
        if is_new and document is not None:
            record(document, "message", by=by, text=journal_text or _("Message à %s : %s") % (to, subject or body[:60]))
        if is_new:
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
    """Send one waiting message. Returns whether it was sent. An UPDATE takes the row first, so that one worker sends it.

    A failure is stored with its reason and retried; the wait doubles each time. `paper_of(document)` returns (file
    name, bytes, MIME type) of the PDF to attach; `body_of(message)` returns the text to send.
    """
    now = timezone.now()
    lease = now + timedelta(minutes=10)
    is_taken = Message.objects.filter(pk=message_id, state=MessageState.WAITING, next_try_at__lte=now).update(
        next_try_at=lease
    )
    if not is_taken:
        return False
    message = Message.objects.get(pk=message_id)
    message.attempts += 1
    try:
        if message.kind == MessageKind.SMS:
            transport.send_sms(message.to, body_of(message))
        else:
            papers = [paper_of(message.object)] if message.with_paper and message.object else []
            transport.send_mail(
                to=message.to,
                subject=message.subject,
                body=body_of(message),
                sender=settings.DEFAULT_FROM_EMAIL,
                attachments=papers,
            )
    except Exception as failure:  # any error of a gateway is stored and shown
        message.error = _failure_text(failure, message.kind)
        message.state = MessageState.FAILED if message.attempts >= MOST_ATTEMPTS else MessageState.WAITING
        message.next_try_at = now + timedelta(minutes=2**message.attempts)
    else:
        message.state, message.sent_at, message.error = MessageState.SENT, timezone.now(), ""
    message.save(update_fields=["state", "attempts", "error", "next_try_at", "sent_at"])
    return message.state == MessageState.SENT


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
            raise BusinessError(_("Ce message n'est pas en échec : rien à renvoyer."))
        message.state, message.attempts, message.next_try_at = MessageState.WAITING, 0, timezone.now()
        message.save(update_fields=["state", "attempts", "next_try_at"])
        record(message, "retried", by=by, text=_("Remis dans les messages à envoyer"))
    return message
