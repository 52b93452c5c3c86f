"""The rows of a billing run's page: what it did for each contract."""

from decimal import Decimal

from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from contracts.admin.actions import BILL
from contracts.admin.forms import BILL_ANYWAY
from contracts.choices import ContractState, Result
from contracts.models import BillingOutcome, BillingRun
from contracts.planner.intents import TOO_MANY_PERIODS
from invoicing.admin.documents.invoice_state import signed
from invoicing.choices import InvoiceKind, InvoiceState
from invoicing.models import Invoice
from openfire_billing.kernel.money import ZERO
from openfire_billing.web.refusals import ShownRefusal, StepLink
from openfire_billing.web.tags import badge, euros

VIEW_INVOICE = "invoicing.view_invoice"


class OutcomeRow:
    """What a run did for a contract, as its page shows it.

    `invoices`: those it billed that are still there; `gone`: ids of the drafts deleted since; `refusal`: why the
    contract was set aside, with the step that removes the cause.
    """

    def __init__(self, outcome: BillingOutcome, invoices: dict[int, Invoice], request: HttpRequest) -> None:
        self.outcome, self.contract = outcome, outcome.contract
        self.invoices = [invoices[pk] for pk in outcome.invoices if pk in invoices]
        self.gone = [pk for pk in outcome.invoices if pk not in invoices]
        self._request = request

    @property
    def badge(self) -> SafeString:
        """The result; « À valider » when it left drafts."""
        if any(invoice.state == InvoiceState.DRAFT for invoice in self.invoices):
            return badge("amber", _("À valider"))
        return badge(self.outcome.colour, self.outcome.get_result_display())

    @property
    def refusal(self) -> ShownRefusal | None:
        """Why the contract was set aside, with « Facturer quand même » for who may: no query, the user sees the row."""
        if self.outcome.result != Result.REFUSED:
            return None
        if self._may_bill_anyway():
            url = reverse("admin:contracts_contract_act", args=[self.contract.pk, "bill"])
            steps = (StepLink(BILL_ANYWAY, url, opens_dialog=True),)
        else:
            steps = (
                StepLink(_("Ouvrir le contrat"), reverse("admin:contracts_contract_change", args=[self.contract.pk])),
            )
        return ShownRefusal((capfirst(self.contract.without_own_number(self.outcome.reason)),), steps)

    def _may_bill_anyway(self) -> bool:
        is_too_long = self.outcome.code == TOO_MANY_PERIODS and self.contract.state in ContractState.billed
        return is_too_long and self._request.user.has_perm(BILL)

    @property
    def net(self) -> str:
        """The net of the invoices, or of the drafts that a dry run would make, credit notes taken off.

        "" for none, and for a user who sees no invoices.
        """
        if not self._request.user.has_perm(VIEW_INVOICE):
            return ""
        nets: dict[str, Decimal] = {}
        for invoice in self.invoices:
            nets[invoice.currency] = nets.get(invoice.currency, ZERO) + signed(invoice, invoice.net.amount)
        for draft in self.outcome.drafts:
            net = Decimal(draft["net"]) * (-1 if draft["kind"] == InvoiceKind.CREDIT_NOTE else 1)
            nets[draft["currency"]] = nets.get(draft["currency"], ZERO) + net
        return " + ".join(euros(net, currency) for currency, net in sorted(nets.items()))


def length_of(run: BillingRun) -> str:
    """Return how long a finished run lasted: « 12 s », « 3 min 05 s »; "" while it goes on."""
    if run.finished_at is None:
        return ""
    minutes, seconds = divmod(max(1, round((run.finished_at - run.started_at).total_seconds())), 60)
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
