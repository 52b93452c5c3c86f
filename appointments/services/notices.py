"""Messages that leave by themselves about an RDV: in which words, by which way, and those of a move or a cancellation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta

from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from appointments.choices import AppointmentState
from appointments.models import Appointment
from appointments.services.announced import is_same_for_customer
from appointments.services.texts import APPOINTMENT_TEXT, publish_linked
from invoicing.choices import MessageKind, MessageState, TextUse
from invoicing.models import Company, Message, SmsTemplate
from invoicing.services.documents.mailing import signed
from invoicing.services.documents.texts import filled, number_of
from invoicing.services.records.messages import drop_messages, queue_message
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text

WAITS = timedelta(minutes=10)  # of the message of a move: it is dropped when the move is undone meanwhile
REMINDER, MOVED, CANCELLED = "reminder", "moved", "cancelled"  # how the keys of these messages begin
_USUAL: Mapping[str, str] = {
    TextUse.REMINDER: "Bonjour, rappel de votre RDV {jour} {creneau} : {travail}. Un empêchement ? {lien} {societe}",
    TextUse.MOVED: "Bonjour, votre RDV ({travail}) est déplacé : {jour} {creneau}. Un empêchement ? {lien} {societe}",
    TextUse.CANCELLED: "Bonjour, votre RDV du {jour} ({travail}) n'aura pas lieu. Une question ? {telephone} {societe}",
}
_SUBJECTS: Mapping[str, Text] = {
    TextUse.REMINDER: _("%s : rappel de votre rendez-vous"),
    TextUse.MOVED: _("%s : votre rendez-vous est déplacé"),
    TextUse.CANCELLED: _("%s : votre rendez-vous est annulé"),
}


@dataclass(frozen=True)
class Notice:
    """A message as it leaves by itself. `to`: "" when the customer has neither mobile nor e-mail."""

    kind: MessageKind
    to: str
    subject: str
    body: str

    @property
    def is_mail(self) -> bool:
        return self.kind == MessageKind.MAIL


def template_of(company: Company, use: TextUse) -> str:
    """Return the words of a company for a use: those of its template, of the template of all, else the usual ones."""
    templates = SmsTemplate.objects.filter(about=Appointment._meta.label_lower, use=use, is_active=True)
    own_first = templates.filter(Q(company=company) | Q(company=None)).order_by(F("company").asc(nulls_last=True))
    return own_first.values_list("body", flat=True).first() or _USUAL[use]


def notice_of(rdv: Appointment, use: TextUse, template: str) -> Notice:
    """Return the message about an RDV: a text message when its customer has a mobile, else a mail."""
    body = filled(template, APPOINTMENT_TEXT, rdv)
    number = number_of(APPOINTMENT_TEXT, rdv)
    if isinstance(number, str):
        return Notice(MessageKind.SMS, number, "", body)
    subject = str(_SUBJECTS[use] % rdv.company)
    return Notice(MessageKind.MAIL, rdv.partner.email, subject, signed(rdv.company, body))


def follow_changes(rdv: Appointment, *, by: By) -> None:
    """Tell the customer of a locked RDV that it moved, or is given up, when its hour was announced to him.

    The message waits in the outbox. It is dropped when the RDV comes back to what was announced, and replaced when it moves
    again: one message leaves. A reminder that waits is dropped with the hour it tells.
    """
    company = rdv.company
    if not (company.sends_reminders or company.tells_moves):
        return
    about = _about(rdv)
    waiting = [one for one in about if one.state == MessageState.WAITING and one.key.startswith(_OWN)]
    told = next((one for one in about if one.state in MessageState.reached), None)
    is_up = rdv.state == AppointmentState.CONFIRMED
    is_known = told is None or not company.tells_moves or _knows(told, rdv)
    wanted = None if is_known else _notice(rdv, TextUse.MOVED if is_up else TextUse.CANCELLED, by=by)
    kept = [
        one
        for one in waiting
        if is_up and one.announces == rdv.starts_at and (one.key.startswith(REMINDER) or _is(one, wanted))
    ]
    left = [one for one in waiting if one not in kept]
    drop_messages(left, why=_("Le RDV a changé depuis : ce message n'a plus lieu d'être."))
    if wanted is not None and not kept:
        _queue(rdv, TextUse.MOVED if is_up else TextUse.CANCELLED, wanted, by=by)


_OWN = (f"{REMINDER}:", f"{MOVED}:", f"{CANCELLED}:")


def _about(rdv: Appointment) -> list[Message]:
    """Return the messages that tell the customer when his RDV is, the last one first."""
    kind = ContentType.objects.get_for_model(Appointment)
    return list(Message.objects.filter(content_type=kind, object_id=rdv.pk, announces__isnull=False).order_by("-pk"))


def _knows(told: Message, rdv: Appointment) -> bool:
    """Return whether nothing is to be told: the last message that reached the customer says what is true of the RDV, or it
    is of the past.
    """
    assert told.announces is not None
    is_told_off, now = told.key.startswith(CANCELLED), timezone.now()
    if rdv.state in (AppointmentState.CANCELLED, AppointmentState.POSTPONED):
        return is_told_off or told.announces < now
    if rdv.state != AppointmentState.CONFIRMED or rdv.starts_at is None or rdv.starts_at < now:
        return True  # a draft says nothing until it is confirmed; what is done needs no word
    return not is_told_off and is_same_for_customer(rdv, told.announces, rdv.starts_at)


def _is(message: Message, notice: Notice | None) -> bool:
    return notice is not None and (message.to, message.body) == (notice.to, notice.body)


def _notice(rdv: Appointment, use: TextUse, *, by: By) -> Notice:
    template = template_of(rdv.company, use)
    publish_linked([rdv], template, by)
    return notice_of(rdv, use, template)


def _queue(rdv: Appointment, use: TextUse, notice: Notice, *, by: By) -> None:
    if not notice.to:
        return
    queue_message(
        rdv,
        key=f"{use}:{rdv.pk}:{rdv.version}",
        kind=notice.kind,
        to=notice.to,
        subject=notice.subject,
        body=notice.body,
        by=by,
        with_paper=notice.is_mail and use == TextUse.MOVED,
        journal_text=_("Message à %(to)s dans dix minutes : %(text)s") % {"to": notice.to, "text": notice.body[:80]},
        send_at=timezone.now() + WAITS,
        announces=rdv.starts_at or timezone.now(),
    )


def key_of_reminder(rdv: Appointment) -> str:
    """Return the key of the reminder of an RDV at its hour: each is sent once."""
    assert rdv.starts_at is not None
    return f"{REMINDER}:{rdv.pk}:{rdv.starts_at.astimezone(UTC):%Y%m%dT%H%M}"
