"""The models of contracts."""

from django.utils.translation import gettext_lazy as _

from contracts.models.articles import Article, ContractException, PriceVersion
from contracts.models.claims import CLAIMS, ExceptionClaim, PeriodClaim, VisitClaim
from contracts.models.contracts import Contract
from contracts.models.lines import ContractLine
from contracts.models.requests import ContractRequest
from contracts.models.runs import BillingOutcome, BillingRun, RunContract, RunTotal
from openfire_billing.db.areas import declare_area

__all__ = [
    "CLAIMS",
    "Article",
    "BillingOutcome",
    "BillingRun",
    "Contract",
    "ContractException",
    "ContractLine",
    "ContractRequest",
    "ExceptionClaim",
    "PeriodClaim",
    "PriceVersion",
    "RunContract",
    "RunTotal",
    "VisitClaim",
]

declare_area("contracts", _("Contrats et passages"), Contract, ContractLine, Article, ContractException, BillingRun)
