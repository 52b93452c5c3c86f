"""What contracts add to the pages of invoicing: an invoice's, a customer's."""

from collections.abc import Sequence

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractState
from contracts.models import BillingOutcome, BillingRun, Contract, ContractLine, ExceptionClaim, PeriodClaim, VisitClaim
from contracts.services.next_bill import Worth, worth_of_each
from invoicing.models import Invoice, Partner
from openfire_billing.kernel.formats import money_text
from openfire_billing.web.contributions import OpenItems, SmartButton, contribute

INVOICE = "invoicing.Invoice"


def _next_bill(contract: Contract) -> str:
    """Return the frequency of a contract, and when it is billed next."""
    due = contract.next_due_on
    parts = [contract.get_frequency_display(), due and _("prochaine facture le %s") % date_format(due, "d/m/Y")]
    return " · ".join(str(part) for part in parts if part)


def _worth(contracts: Sequence[Contract]) -> dict[int, str]:
    """Return of each contract, beside its frequency, its net of a year and what it bills next."""
    worth = worth_of_each([contract.pk for contract in contracts], on=timezone.localdate())
    return {contract.pk: _worth_text(contract, worth[contract.pk]) for contract in contracts if contract.pk in worth}


def _worth_text(contract: Contract, worth: Worth) -> str:
    parts = [contract.get_frequency_display(), _("%s HT par an") % money_text(worth.yearly, worth.currency)]
    if worth.following:
        net, gross = worth.following.totals.net, worth.following.totals.gross
        values = {
            "day": date_format(worth.following.on, "d/m/Y"),
            "net": money_text(net, worth.currency),
            "gross": money_text(gross, worth.currency),
        }
        parts.append(_("prochaine facture le %(day)s : %(net)s HT, %(gross)s TTC") % values)
    return " · ".join(str(part) for part in parts)


# (claim, lookup from the claim to its contract line)
CLAIM_PATHS = ((PeriodClaim, "article__line"), (VisitClaim, "article__line"), (ExceptionClaim, "exception__line"))

contribute(
    Invoice,
    smart_buttons=[
        SmartButton(
            "contracts", _("Contrats"), "contract", "contracts.Contract", order=7, permission="contracts.view_contract"
        )
    ],
)
contribute(
    Partner,
    smart_buttons=[SmartButton("contracts", _("Contrats"), "contract", "contracts.Contract", order=50)],
    open_items=[
        OpenItems(
            _("Contrats en cours"),
            "contract",
            "contracts.view_contract",
            lambda ids, today: (
                Contract.objects.filter(payer__in=ids, state__in=sorted(ContractState.alive))
                .exclude(end_on__lt=today)
                .order_by("pk")
            ),
            ("payer_id",),
            _next_bill,
            order=40,
            say_on_page=_worth,
        )
    ],
    origins={
        "contracts": lambda partner: Contract.objects.filter(payer=partner).values("pk"),
    },
)
# Each origin is read by an index of its own; a condition « he pays, or a line is at his place » reads all the contracts.
contribute(
    Partner,
    origins={
        "contracts": lambda partner: ContractLine.objects.filter(address__partner=partner).values("contract"),
    },
)
for button_of in (Contract, ContractLine):
    contribute(button_of, smart_buttons=[SmartButton("invoices", _("Factures"), "receipt_long", INVOICE, order=20)])
for claim, path in CLAIM_PATHS:
    contribute(
        Invoice,
        origins={
            "contracts": lambda invoice, claim=claim, path=path: claim.objects.filter(  # type: ignore[misc]
                invoice_line__invoice=invoice
            ).values(f"{path}__contract")
        },
    )
    contribute(
        Contract,
        origins={
            "invoices": lambda contract, claim=claim, path=path: claim.objects.filter(  # type: ignore[misc]
                **{f"{path}__contract": contract}, invoice_line__isnull=False
            ).values("invoice_line__invoice")
        },
    )
    contribute(
        ContractLine,
        origins={
            "invoices": lambda line, claim=claim, path=path: claim.objects.filter(  # type: ignore[misc]
                **{path: line}, invoice_line__isnull=False
            ).values("invoice_line__invoice")
        },
    )
# A list of invoices narrowed to those of a run. The run's page counts and sums them itself.
contribute(
    BillingRun,
    smart_buttons=[SmartButton("invoices", _("Factures"), "receipt_long", INVOICE)],
    origins={
        "invoices": lambda run: Invoice.objects.filter(
            pk__among=BillingOutcome.objects.filter(run=run).invoice_ids()
        ).values("pk")
    },
)
