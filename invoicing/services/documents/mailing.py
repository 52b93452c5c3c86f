"""A document to its customer, by e-mail: what it is mailed with, and when it may be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from django.utils.translation import gettext_lazy as _

from invoicing.choices import InvoiceState
from invoicing.models import Company, Invoice, Message, Quote
from invoicing.services.locks import AnyRecord, lock_document
from invoicing.services.records.messages import queue_message
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import WrongState


@dataclass(frozen=True)
class Letter(Generic[AnyRecord]):
    """How one kind of document is mailed. `text(document)` writes (address, subject, body).

    `states`: those in which it leaves (none = any); in another, `unready` says what to do first. `has_paper`: its PDF
    may go along.
    """

    text: Callable[[AnyRecord], tuple[str, str, str]]
    has_paper: bool = False
    states: frozenset[str] = frozenset()
    unready: Text = ""


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
    """Put a document's mail in the outbox; what is left out, the letter writes. The same `key` again sends nothing more.

    Raises WrongState when the document is not ready, BusinessError when nobody is there to receive it.
    """
    with atomic():
        document = lock_document(document, seen=seen)
        if letter.states and getattr(document, "state", "") not in letter.states:
            raise WrongState(str(letter.unready) % document)
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
    """A letter's body: greeting, text, the firm's name and telephone."""
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


INVOICE_LETTER = Letter(
    text=_invoice_text,
    has_paper=True,
    states=frozenset({InvoiceState.POSTED}),
    unready=_("%s n'est pas validée : validez-la avant de l'envoyer."),
)
QUOTE_LETTER = Letter(text=_quote_text, has_paper=True)
