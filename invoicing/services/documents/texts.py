"""Text messages to customers: to whom, at which number, in which words and when; each number once."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic
from uuid import uuid4

from django.conf import settings
from django.db.models import Model, prefetch_related_objects
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from invoicing.choices import MessageKind
from invoicing.models import Address, Company, Invoice, Message, Partner, SmsStop
from invoicing.services.locks import AnyRecord, lock_document
from invoicing.services.records.acts import Once, perform_each
from invoicing.services.records.history import record
from invoicing.services.records.messages import queue_message
from openfire_billing.celery import send_after_commit
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError, Step
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.kernel.telephones import NumberFault, mobile_of
from openfire_billing.kernel.text_messages import Size, size_of

SWEPT_ABOVE = 20  # messages; beyond, one task sends them all
_STOP = re.compile(r"\W*(stop|arret|arrêt|unsubscribe)\b", re.IGNORECASE)
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_FAULTS: Mapping[NumberFault, Text] = {
    NumberFault.MISSING: _("aucun téléphone"),
    NumberFault.LANDLINE: _("téléphone fixe : un SMS n'y arrive pas"),
    NumberFault.WRONG: _("numéro faux"),
}


@dataclass(frozen=True)
class Variable(Generic[AnyRecord]):
    """A variable of a text message: its label, and its value in a record."""

    label: Text
    value: Callable[[AnyRecord], str]


@dataclass(frozen=True)
class TextSubject(Generic[AnyRecord]):
    """How text messages about one kind of record are written.

    `partner(record)`: who gets them. `place(record)`: the address that gives the number plan, and whose telephone comes
    first when `asks_site`. `company(record)`: None of a record that companies share. `related`: relations of a record
    that these functions read. `uses`: what its texts are sent for by themselves (TextUse). `announces(record, body)`: the start of the appointment that a text with these variables
    tells. `prepare(records, body, by)`: makes what the variables of a text need, before it is sent.
    """

    variables: Mapping[str, Variable[AnyRecord]]
    partner: Callable[[AnyRecord], Partner]
    place: Callable[[AnyRecord], Address | None]
    company: Callable[[AnyRecord], Company | None]
    related: tuple[str, ...] = ()
    asks_site: bool = False
    uses: frozenset[str] = frozenset()
    announces: Callable[[AnyRecord, str], datetime | None] = lambda record, body: None
    prepare: Callable[[Sequence[AnyRecord], str, By], None] = lambda records, body, by: None


@dataclass(frozen=True)
class Sending:
    """What is sent. `at`: when, None for now. `to_customers`: commercial messages also go to those who were billed for
    similar services and did not give their consent. `company`: who sends what is about records that companies share.
    """

    body: str
    is_commercial: bool = False
    to_customers: bool = False
    at: datetime | None = None
    company: Company | None = None


@dataclass(frozen=True)
class PlannedText:
    """A message as it would leave to the holder of a number."""

    document: Model
    partner: Partner
    number: str
    text: str
    department: str

    @property
    def size(self) -> Size:
        return size_of(self.text)


@dataclass(frozen=True)
class TextPlan:
    """What a sending would do: the messages that would leave, and (record, partner, why) of those left out."""

    ready: list[PlannedText] = field(default_factory=list)
    left_out: list[tuple[Model, Partner, str]] = field(default_factory=list)

    @property
    def parts(self) -> int:
        """The parts that would be paid for."""
        return sum(one.size.parts for one in self.ready)


def number_of(subject: TextSubject[AnyRecord], document: AnyRecord) -> str | NumberFault:
    """Return the mobile number that messages about a record go to: that of the site, then the customer's mobile, then his
    telephone; else what is wrong with the first that is given.
    """
    partner, place = subject.partner(document), subject.place(document)
    region = place.telephone_region if place else "FR"
    typed = [place.phone] if subject.asks_site and place else []
    faults = []
    for text in (*typed, partner.mobile, partner.phone):
        found = mobile_of(text, region)
        if isinstance(found, str):
            return found
        faults.append(found)
    return next((fault for fault in faults if fault is not NumberFault.MISSING), NumberFault.MISSING)


def refuse_unknown(body: str, subject: TextSubject[AnyRecord]) -> None:
    """Raise BusinessError when a text is empty, or names a variable that its records do not have."""
    if not body.strip():
        raise BusinessError(_("Le SMS est vide : écrivez son texte."), field="body", code="missing_field")
    unknown = [name for name in dict.fromkeys(_VARIABLE.findall(body)) if name not in subject.variables]
    if unknown:
        raise BusinessError(
            _("%(unknown)s : variable inconnue ici. Choisissez parmi %(known)s.")
            % {
                "unknown": ", ".join(f"{{{name}}}" for name in unknown),
                "known": ", ".join(f"{{{name}}}" for name in subject.variables),
            },
            field="body",
            code="unknown_variable",
        )


def refuse_other_use(use: str, subject: TextSubject[AnyRecord], *, is_commercial: bool) -> None:
    """Raise BusinessError when texts about these records are not sent by themselves for this use, or never commercial."""
    if not use or (use in subject.uses and not is_commercial):
        return
    raise BusinessError(
        _("Cela ne part tout seul que pour un RDV, jamais en commercial : videz ce champ, ou changez « Pour »."),
        field="use",
    )


def filled(body: str, subject: TextSubject[AnyRecord], document: AnyRecord) -> str:
    """Return a text with the values of a record in the place of its variables."""
    return _VARIABLE.sub(lambda found: subject.variables[found[1]].value(document), body).strip()


def plan_texts(documents: Sequence[AnyRecord], subject: TextSubject[AnyRecord], sending: Sending) -> TextPlan:
    """Return what sending these words about these records would do. Changes nothing.

    Who is left out: without a mobile number, a second time at one number, and of commercial messages who refuses them or
    has neither consented nor been billed. Raises BusinessError for a variable that is unknown.
    """
    refuse_unknown(sending.body, subject)
    prefetch_related_objects(documents, *subject.related)
    plan, numbers = TextPlan(), dict[str, Partner]()
    stopped, billed = _refusing(documents, subject, sending), _billed(documents, subject, sending)
    for document in documents:
        partner, number = subject.partner(document), number_of(subject, document)
        company = subject.company(document) or sending.company
        why: object = ""
        if isinstance(number, NumberFault):
            why = _FAULTS[number]
        elif number in numbers:
            why = _("même numéro que « %s »") % numbers[number]
        elif sending.is_commercial and company and (company.pk, number) in stopped:
            why = _("a répondu STOP")
        elif sending.is_commercial and partner.sms_consent_on is None and partner.pk not in billed:
            why = _("n'a pas donné son accord")
        if why:
            plan.left_out.append((document, partner, str(why)))
            continue
        assert isinstance(number, str)
        numbers[number] = partner
        place = subject.place(document)
        text = filled(sending.body, subject, document)
        if sending.is_commercial:
            text = f"{text}\n{settings.SMS_STOP_TEXT}"
        plan.ready.append(PlannedText(document, partner, number, text, place.department if place else ""))
    return plan


def _refusing(
    documents: Iterable[AnyRecord], subject: TextSubject[AnyRecord], sending: Sending
) -> set[tuple[int, str]]:
    """Return {(company id, number)} of those of these records whose holder refuses commercial messages."""
    if not sending.is_commercial:
        return set()
    companies = {company.pk for one in documents if (company := subject.company(one) or sending.company)}
    return set(SmsStop.objects.filter(company__in=companies).values_list("company_id", "number"))


def _billed(documents: Iterable[AnyRecord], subject: TextSubject[AnyRecord], sending: Sending) -> set[int]:
    """Return the ids of the partners of these records who were billed, when the sending is for them."""
    if not (sending.is_commercial and sending.to_customers):
        return set()
    ids = {subject.partner(document).pk for document in documents}
    return set(Invoice.objects.posted().filter(customer__in=ids).values_list("customer_id", flat=True))


def send_texts(
    documents: Sequence[AnyRecord],
    subject: TextSubject[AnyRecord],
    sending: Sending,
    *,
    by: By,
    once: Once | None = None,
) -> list[Outcome]:
    """Put one text message for each record in the outbox, in a transaction each. Returns an outcome for each.

    Who is left out is refused with the reason. `once`: the key of the act; each message has one under it.
    """
    once = once or Once("sms", uuid4().hex)
    refuse_unknown(sending.body, subject)
    subject.prepare(documents, sending.body, by)
    plan = plan_texts(documents, subject, sending)
    ready = {one.document.pk: one for one in plan.ready}
    reasons = {document.pk: (partner, why) for document, partner, why in plan.left_out}
    is_swept = len(ready) > SWEPT_ABOVE

    def send(document: AnyRecord) -> Outcome:
        planned = ready.get(document.pk)
        if planned is None:
            raise refusal_of_left_out(document, *reasons[document.pk])
        with atomic():
            locked = lock_document(document)
            queue_message(
                locked,
                key=once.of(document).name,
                kind=MessageKind.SMS,
                to=planned.number,
                body=planned.text,
                by=by,
                company=subject.company(document) or sending.company,
                journal_text=_("SMS à %(number)s : %(text)s") % {"number": planned.number, "text": planned.text[:80]},
                is_swept=is_swept,
                send_at=sending.at,
                is_commercial=sending.is_commercial,
                department=planned.department,
                announces=subject.announces(document, sending.body),
            )
        when = f", {date_format(timezone.localtime(sending.at), 'd/m/Y H:i')}" if sending.at else ""
        return Outcome(document, notes=(_("SMS mis à l'envoi au %s") % f"{planned.number}{when}",))

    outcomes = perform_each(documents, send, once=once)
    if is_swept and sending.at is None:
        send_after_commit("invoicing.tasks.send_waiting_messages")
    return outcomes


def send_text(
    document: AnyRecord,
    subject: TextSubject[AnyRecord],
    sending: Sending,
    *,
    by: By,
    once: Once | None = None,
) -> Outcome:
    """Put the text message of one record in the outbox. Raises BusinessError when its customer is left out."""
    (outcome,) = send_texts([document], subject, sending, by=by, once=once)
    if outcome.error is not None:
        raise outcome.error
    return outcome


def refusal_of_left_out(document: Model, partner: Partner, why: str) -> BusinessError:
    """Return the refusal of a text message to who is left out."""
    return BusinessError(
        _("%(document)s : pas de SMS à « %(partner)s », %(why)s. Vérifiez ses téléphones sur sa fiche.")
        % {"document": document, "partner": partner, "why": why},
        documents=[partner],
        step=Step(_("Ouvrir sa fiche"), partner, field="mobile"),
        code="left_out",
    )


# Refusals


def refuse_texts(company: Company, number: str, *, source: str, at: datetime | None = None) -> SmsStop:
    """Note that the holder of a number refuses the commercial messages of a company. Noted once."""
    with atomic():
        stop, _is_new = SmsStop.objects.get_or_create(
            company=company, number=number, defaults={"source": source[:120], "at": at or timezone.now()}
        )
    return stop


def note_answer(number: str, text: str) -> int:
    """Read the answer of a customer to a text message. STOP ends the commercial messages of the companies that wrote to this
    number. Returns of how many.
    """
    found = mobile_of(number)
    if not isinstance(found, str) or not _STOP.match(text):
        return 0
    wrote = Message.objects.filter(kind=MessageKind.SMS, to=found, company__isnull=False)
    companies = Company.objects.filter(pk__in=wrote.values("company"))
    for company in companies:
        refuse_texts(company, found, source=_("SMS reçu : %s") % text[:80])
    return len(companies)


def lift_refusal(stop: SmsStop, *, by: By) -> None:
    """Delete the refusal of a number, whose holder takes commercial messages again. The journal of its company says so."""
    with atomic():
        company, number = stop.company, stop.number
        stop.delete()
        record(company, "changed", by=by, text=_("SMS commerciaux acceptés de nouveau par le %s") % number)
