"""E-mails that send a document to its customer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic
from uuid import uuid4

from django.contrib.contenttypes.models import ContentType
from django.db.models import Max, Model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from invoicing.choices import InvoiceState, MessageState, OrderState
from invoicing.models import Company, Invoice, Message, Partner, PurchaseOrder, Quote
from invoicing.services.documents.purchases import move_order, refusal_to_send
from invoicing.services.documents.quotes import refusal_of_expired
from invoicing.services.locks import AnyRecord, lock_document
from invoicing.services.records.acts import Once, perform_each
from invoicing.services.records.messages import queue_message
from openfire_billing.celery import send_after_commit
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError, Step, WrongState
from openfire_billing.kernel.outcome import Outcome

SWEPT_ABOVE = 20  # messages


@dataclass(frozen=True)
class Letter(Generic[AnyRecord]):
    """How one kind of document is sent by e-mail. `text(document)` returns (addresses, subject, body).

    `recipient(document)`: whose address it goes to.

    `announces(document)`: the start of the appointment that its text tells. `refusal(document)`: why it may not be sent now, None when it may. `states`: the states in which it is offered (empty
    for any). `has_paper`: whether its PDF may be attached.
    """

    text: Callable[[AnyRecord], tuple[str, str, str]]
    recipient: Callable[[AnyRecord], Partner]
    has_paper: bool = False
    states: frozenset[str] = frozenset()
    refusal: Callable[[AnyRecord], BusinessError | None] = lambda document: None
    announces: Callable[[AnyRecord], datetime | None] = lambda document: None


def mail_document(
    document: AnyRecord,
    letter: Letter[AnyRecord],
    *,
    key: str,
    by: By,
    to: str = "",
    cc: str = "",
    subject: str = "",
    body: str = "",
    with_paper: bool = False,
    again: bool = True,
    is_swept: bool = False,
    seen: int | None = None,
) -> Message:
    """Put the e-mail of a document in the outbox. The letter gives the values left empty. The same `key` is sent once.

    `to`, `cc`: addresses apart by « , ». `again`: also when a message of the document is sent or waits. `is_swept`: as
    in `queue_message`. Raises WrongState when the document may not be sent in its state, BusinessError when it has no
    address, StaleForm.
    """
    with atomic():
        document = lock_document(document, seen=seen)
        if refusal := letter.refusal(document):
            raise refusal
        usual_to, usual_subject, usual_body = letter.text(document)
        if not (to or usual_to):
            raise refusal_of_no_email(document, letter.recipient(document))
        if not again and (days := sent_days([document])):
            raise _refusal_of_sent(document, days[document.pk])
        return queue_message(
            document,
            key=key,
            to=to or usual_to,
            cc=cc,
            subject=subject or usual_subject,
            body=body or usual_body,
            with_paper=with_paper and letter.has_paper,
            by=by,
            is_swept=is_swept,
            announces=letter.announces(document),
        )


def refusal_of_no_email(document: AnyRecord, customer: Partner) -> BusinessError:
    """Return the refusal of an e-mail to a customer without address."""
    return BusinessError(
        _("%(document)s : « %(customer)s » n'a pas d'adresse e-mail. Ajoutez-la sur sa fiche.")
        % {"document": document, "customer": customer},
        field="to",
        documents=[customer],
        step=Step(_("Ajouter l'e-mail"), customer, field="email"),
        code="missing_field",
    )


def _refusal_of_sent(document: AnyRecord, day: date) -> BusinessError:
    return BusinessError(
        _("%(document)s : déjà envoyé par e-mail le %(day)s. Cochez « Renvoyer » pour l'envoyer une autre fois.")
        % {"document": document, "day": date_format(day, "d/m/Y")},
        code="already_sent",
    )


def sent_days(documents: Sequence[Model]) -> dict[int, date]:
    """Return {id: day} of the last message of those documents, of one model, that have one sent or waiting. One query."""
    if not documents:
        return {}
    kind = ContentType.objects.get_for_model(documents[0])
    messages = Message.objects.filter(
        content_type=kind,
        object_id__in=[document.pk for document in documents],
        state__in=MessageState.left | MessageState.pending,
    )
    moments = messages.order_by().values_list("object_id").annotate(last=Max("created_at"))
    return {pk: timezone.localdate(moment) for pk, moment in moments}


@dataclass(frozen=True)
class MailingPlan:
    """What mailing documents would do: those that would leave, without address, already sent, or not to be sent yet.

    `refused`: the documents with their refusals.
    """

    ready: list[Model]
    unaddressed: list[tuple[Model, Partner]]
    sent: list[tuple[Model, date]]
    refused: list[tuple[Model, BusinessError]]


def plan_mailing(documents: Sequence[AnyRecord], letter: Letter[AnyRecord]) -> MailingPlan:
    """Return what mailing these documents, of one model, would do. Changes nothing."""
    plan, days = MailingPlan([], [], [], []), sent_days(documents)
    for document in documents:
        if refusal := letter.refusal(document):
            plan.refused.append((document, refusal))
        elif not letter.text(document)[0]:
            plan.unaddressed.append((document, letter.recipient(document)))
        elif document.pk in days:
            plan.sent.append((document, days[document.pk]))
        else:
            plan.ready.append(document)
    return plan


def mail_documents(
    documents: Sequence[AnyRecord],
    letter: Letter[AnyRecord],
    *,
    again: bool = False,
    with_paper: bool = False,
    cc: str = "",
    by: By,
    once: Once | None = None,
) -> list[Outcome]:
    """Put one e-mail for each document in the outbox, in a transaction each. Returns an outcome for each.

    `again`: also for those that have a message sent or waiting. `once`: the key of the act; each message has one under
    it. Above SWEPT_ABOVE messages one task sends them, which queues itself again while some are due.
    """
    once = once or Once("mail", uuid4().hex)
    is_swept = len(documents) > SWEPT_ABOVE

    def mail(document: AnyRecord) -> Outcome:
        message = mail_document(
            document,
            letter,
            key=once.of(document).name,
            cc=cc,
            with_paper=with_paper,
            again=again,
            is_swept=is_swept,
            by=by,
        )
        return Outcome(document, notes=(f"→ {message.to}",))

    outcomes = perform_each(documents, mail, once=once)
    if is_swept:
        send_after_commit("invoicing.tasks.send_waiting_messages")
    return outcomes


def signed(company: Company, text: Text) -> str:
    """Return the body of a letter: greeting, text, name and telephone of the company."""
    return f"Bonjour,\n\n{text}\n\n{company.name}\n{company.phone}".strip()


def _invoice_text(invoice: Invoice) -> tuple[str, str, str]:
    what = invoice.get_kind_display().lower()
    text = _("Veuillez trouver ci-joint notre %(what)s %(number)s.") % {"what": what, "number": invoice.number}
    return (
        invoice.customer.address_for_bills,
        f"{invoice.company} : {what} {invoice.number}",
        signed(invoice.company, text),
    )


def _quote_text(quote: Quote) -> tuple[str, str, str]:
    text = _("Veuillez trouver ci-joint notre devis %(number)s, valable jusqu'au %(day)s.") % {
        "number": quote.number,
        "day": quote.valid_until.strftime("%d/%m/%Y"),
    }
    return (
        quote.payer.email or quote.partner.email,
        f"{quote.company} : devis {quote.number}",
        signed(quote.company, text),
    )


def _refusal_of_unposted(invoice: Invoice) -> BusinessError | None:
    if invoice.is_posted:
        return None
    return WrongState(
        _("%s n'est pas validée : validez-la avant de l'envoyer.") % invoice,
        step=Step(_("Valider la facture"), invoice, act="post") if invoice.is_draft else None,
    )


def _order_text(order: PurchaseOrder) -> tuple[str, str, str]:
    text = _("Veuillez trouver ci-joint notre commande %s.") % order.number
    if order.expected_on is not None:
        day = date_format(order.expected_on, "d/m/Y")
        text = f"{text} {_('Nous attendons la livraison pour le %s : merci de la confirmer.') % day}"
    return order.supplier.email, f"{order.company} : commande {order.number}", signed(order.company, text)


def _refusal_of_order(order: PurchaseOrder) -> BusinessError | None:
    if order.state == OrderState.CANCELLED:
        return WrongState(
            _("%s est annulée : remettez-la en brouillon avant de l'envoyer.") % order,
            step=Step(_("Remettre en brouillon"), order, act="reset"),
        )
    return refusal_to_send(order)


def send_order(
    order: PurchaseOrder,
    *,
    key: str,
    by: By,
    to: str = "",
    cc: str = "",
    subject: str = "",
    body: str = "",
    with_paper: bool = True,
    seen: int | None = None,
) -> PurchaseOrder:
    """Mail an order to its supplier; a draft becomes sent, in the same transaction. Raises as `mail_document`."""
    with atomic():
        mail_document(
            order,
            ORDER_LETTER,
            key=key,
            by=by,
            to=to,
            cc=cc,
            subject=subject,
            body=body,
            with_paper=with_paper,
            seen=seen,
        )
        order = lock_document(order)
        if order.state == OrderState.DRAFT:
            order = move_order(order, to=OrderState.SENT, by=by)
    return order


ORDER_LETTER = Letter(
    text=_order_text,
    recipient=lambda order: order.supplier,
    has_paper=True,
    states=frozenset({OrderState.DRAFT, OrderState.SENT, OrderState.CONFIRMED}),
    refusal=_refusal_of_order,
)
INVOICE_LETTER = Letter(
    text=_invoice_text,
    recipient=lambda invoice: invoice.customer,
    has_paper=True,
    states=frozenset({InvoiceState.POSTED}),
    refusal=_refusal_of_unposted,
)
QUOTE_LETTER = Letter(text=_quote_text, recipient=lambda quote: quote.payer, has_paper=True, refusal=refusal_of_expired)
