"""E-mails that send a document to its customer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from django.utils.translation import gettext_lazy as _

from invoicing.choices import InvoiceState
from invoicing.models import Company, Invoice, Message, Quote
from invoicing.services.documents.quotes import refusal_of_expired
from invoicing.services.locks import AnyRecord, lock_document
from invoicing.services.records.messages import queue_message
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError, Step, WrongState


@dataclass(frozen=True)
class Letter(Generic[AnyRecord]):
    """How one kind of document is sent by e-mail. `text(document)` returns (address, subject, body).

    `refusal(document)`: why it may not be sent now, None when it may. `states`: the states in which it is offered (empty
    for any). `has_paper`: whether its PDF may be attached.
    """

    text: Callable[[AnyRecord], tuple[str, str, str]]
    has_paper: bool = False
    states: frozenset[str] = frozenset()
    refusal: Callable[[AnyRecord], BusinessError | None] = lambda document: None


def mail_document(
    document: AnyRecord,
    letter: Letter[AnyRecord],
    *,
    key: str,
    by: By,
    to: str = "",
    subject: str = "",
    body: str = "",
    with_paper: bool = False,
    seen: int | None = None,
) -> Message:
    """Put the e-mail of a document in the outbox. The letter gives the values left empty. The same `key` is sent once.

    Raises WrongState when the document may not be sent in its state, BusinessError when it has no address, StaleForm.
    """
    with atomic():
        document = lock_document(document, seen=seen)
        if refusal := letter.refusal(document):
            raise refusal
        usual_to, usual_subject, usual_body = letter.text(document)
        return queue_message(
            document,
            key=key,
            to=to or usual_to,
            subject=subject or usual_subject,
            body=body or usual_body,
            with_paper=with_paper and letter.has_paper,
            by=by,
        )


def signed(company: Company, text: Text) -> str:
    """Return the body of a letter: greeting, text, name and telephone of the company."""
    return f"Bonjour,\n\n{text}\n\n{company.name}\n{company.phone}".strip()


def _invoice_text(invoice: Invoice) -> tuple[str, str, str]:
    what = invoice.get_kind_display().lower()
    text = _("Veuillez trouver ci-joint notre %(what)s %(number)s.") % {"what": what, "number": invoice.number}
    return invoice.customer.email, f"{invoice.company} : {what} {invoice.number}", signed(invoice.company, text)


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


INVOICE_LETTER = Letter(
    text=_invoice_text, has_paper=True, states=frozenset({InvoiceState.POSTED}), refusal=_refusal_of_unposted
)
QUOTE_LETTER = Letter(text=_quote_text, has_paper=True, refusal=refusal_of_expired)
