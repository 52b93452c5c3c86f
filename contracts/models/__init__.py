"""The models of contracts."""

from contracts.models.articles import Article, ContractException, PriceVersion
from contracts.models.claims import CLAIMS, ExceptionClaim, PeriodClaim, VisitClaim
from contracts.models.contracts import Contract
from contracts.models.lines import ContractLine
from contracts.models.requests import ContractRequest
from contracts.models.runs import BillingOutcome, BillingRun, RunContract, RunTotal

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
