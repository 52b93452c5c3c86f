"""What text messages may be about: the kinds of records, each with its variables. Upper apps declare theirs."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from django.db.models import Model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from invoicing.models import Company, Invoice, Partner, Quote
from invoicing.services.documents.texts import TextSubject, Variable
from openfire_billing.kernel.formats import money_text

# Of any kind of record: upper apps declare theirs.
AnySubject: TypeAlias = TextSubject[Any]  # type: ignore[explicit-any]
AnyVariables: TypeAlias = dict[str, Variable[Any]]  # type: ignore[explicit-any]
PartnerOf: TypeAlias = Callable[[Any], Partner]  # type: ignore[explicit-any]
CompanyOf: TypeAlias = Callable[[Any], Company]  # type: ignore[explicit-any]

_subjects: dict[type[Model], AnySubject] = {}


def declare_subject(model: type[Model], subject: AnySubject) -> AnySubject:
    """Have text messages written about the records of a model. Returns the subject."""
    _subjects[model] = subject
    return subject


def subjects() -> Mapping[str, tuple[type[Model], AnySubject]]:
    """Return {"app.model": (model, subject)} of all that text messages may be about."""
    return {model._meta.label_lower: (model, subject) for model, subject in _subjects.items()}


def of_partner(partner: PartnerOf) -> AnyVariables:
    """Return the variable of the customer's name. `partner(record)`: who he is."""
    return {"client": Variable(_("nom du client"), lambda record: partner(record).name)}


def of_company(company: CompanyOf) -> AnyVariables:
    """Return the variables of the company. `company(record)`: which."""
    return {
        "societe": Variable(_("nom de la société"), lambda record: company(record).name),
        "telephone": Variable(_("téléphone de la société"), lambda record: company(record).phone),
    }


def _left_to_pay(invoice: Invoice) -> str:
    residuals = Invoice.objects.with_payment_state(timezone.localdate()).filter(pk=invoice.pk)
    return money_text(residuals.values_list("residual", flat=True).get(), invoice.currency)


def _only_company(_partner: Partner) -> Company | None:
    return None


CUSTOMER_TEXT = declare_subject(
    Partner,
    TextSubject(
        variables=of_partner(lambda partner: partner),
        partner=lambda partner: partner,
        place=lambda partner: partner.default_address(),
        company=_only_company,
        related=("addresses",),
    ),
)
QUOTE_TEXT = declare_subject(
    Quote,
    TextSubject(
        variables={
            **of_partner(lambda quote: quote.payer),
            **of_company(lambda quote: quote.company),
            "numero": Variable(_("numéro du devis"), lambda quote: quote.number),
            "montant": Variable(_("montant TTC"), lambda quote: money_text(quote.totals.gross, quote.currency)),
            "echeance": Variable(_("fin de validité"), lambda quote: date_format(quote.valid_until, "d/m/Y")),
        },
        partner=lambda quote: quote.payer,
        place=lambda quote: quote.payer.default_address(),
        company=lambda quote: quote.company,
        related=("company", "partner__addresses", "bill_to__addresses"),
    ),
)
INVOICE_TEXT = declare_subject(
    Invoice,
    TextSubject(
        variables={
            **of_partner(lambda invoice: invoice.customer),
            **of_company(lambda invoice: invoice.company),
            "numero": Variable(_("numéro de la facture"), lambda invoice: invoice.number or ""),
            "montant": Variable(_("montant TTC"), lambda invoice: money_text(invoice.gross.amount, invoice.currency)),
            "reste": Variable(_("reste à payer"), _left_to_pay),
            "echeance": Variable(
                _("jour d'échéance"), lambda invoice: date_format(invoice.due_on, "d/m/Y") if invoice.due_on else ""
            ),
        },
        partner=lambda invoice: invoice.customer,
        place=lambda invoice: invoice.billing_address,
        company=lambda invoice: invoice.company,
        related=("company", "customer", "billing_address"),
    ),
)
