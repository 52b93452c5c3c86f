"""What the planner wants done: the charges, the drafts that carry them, and what is left out with its reason.

Values for a writer, which changes none. Money net of tax, in the contract's currency. Sentences are for the user, in French.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar, Final, NamedTuple

from contracts.planner.facts import CHARGE, EXCEPTION_CLAIM, PERIOD_CLAIM, VISIT_CLAIM
from openfire_billing.kernel.money import ZERO
from openfire_billing.kernel.periods import Period

# Kinds of a group.
INVOICE: Final = "invoice"
CREDIT_NOTE: Final = "credit_note"
FREE: Final = "free"  # all lines at 0: claimed without a document

# Codes of what is left out.
NOTHING_DUE: Final = "nothing_due"
HELD_BACK: Final = "held_back"
INCOMPLETE: Final = "incomplete"
INCONSISTENT: Final = "inconsistent"
TOO_MANY_PERIODS: Final = "too_many_periods"

ONE = Decimal(1)


@dataclass(slots=True, kw_only=True)
class Charge:
    """One invoice line to write. `quantity` × `unit_price` less `discount` (%) = `amount`, its net, to the cent.

    `due_on`: the day it becomes owed. `proposed_on`: the date its draft proposes by the contract's late rule.
    """

    claim_kind: ClassVar[str]  # PERIOD_CLAIM, VISIT_CLAIM or EXCEPTION_CLAIM

    contract: int
    line: int
    product: int | None
    tax: int | None
    label: str
    amount: Decimal
    due_on: date
    proposed_on: date
    unit: int | None = None

    @property
    def claim_values(self) -> tuple[object, ...]:
        """What its claim holds, in the order of the claim's columns."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        """What names it in a form."""
        raise NotImplementedError

    @property
    def billed_period(self) -> Period | None:
        """The days it bills, when it bills days."""
        return None

    @property
    def supplied_on(self) -> date:
        """The day whose VAT rate applies."""
        return self.due_on

    @property
    def quantity(self) -> Decimal:
        return ONE

    @property
    def unit_price(self) -> Decimal:
        return self.amount

    @property
    def discount(self) -> Decimal:
        return ZERO


@dataclass(slots=True, kw_only=True)
class PeriodCharge(Charge):
    """An article for a period. Claim: (article, first day, end excluded, kind).

    `n`, `share`, `done`: its place, its share of a whole instalment and the shares before it; `yearly`: the net they
    are taken from, discount deducted. With them the line's calculation can be stored and shown.
    """

    claim_kind = PERIOD_CLAIM

    article: int
    period: Period
    n: int
    share: Fraction
    done: Fraction
    yearly: Decimal
    kind: str = CHARGE

    @property
    def claim_values(self) -> tuple[int, date, date, str]:
        return self.article, self.period.start, self.period.end, self.kind

    @property
    def key(self) -> str:
        return f"period-{self.article}-{self.period.start.isoformat()}"

    @property
    def billed_period(self) -> Period:
        return self.period

    @property
    def supplied_on(self) -> date:
        return self.period.last_day


@dataclass(slots=True, kw_only=True)
class VisitCharge(Charge):
    """An article for a visit done. Claim: (article, visit)."""

    claim_kind = VISIT_CLAIM

    article: int
    visit: int
    rank: int
    of: int
    done_on: date
    yearly: Decimal

    @property
    def claim_values(self) -> tuple[int, int]:
        return self.article, self.visit

    @property
    def key(self) -> str:
        return f"visit-{self.article}-{self.visit}"

    @property
    def supplied_on(self) -> date:
        return self.done_on


@dataclass(slots=True, kw_only=True)
class ExceptionCharge(Charge):
    """A one-off line of the day `dated_on`, with its own quantity, price and discount. Claim: the exception."""

    claim_kind = EXCEPTION_CLAIM

    exception: int
    dated_on: date
    own_quantity: Decimal
    own_unit_price: Decimal
    own_discount: Decimal

    @property
    def claim_values(self) -> tuple[int]:
        return (self.exception,)

    @property
    def key(self) -> str:
        return f"exception-{self.exception}"

    @property
    def supplied_on(self) -> date:
        return self.dated_on

    @property
    def quantity(self) -> Decimal:
        return self.own_quantity

    @property
    def unit_price(self) -> Decimal:
        return self.own_unit_price

    @property
    def discount(self) -> Decimal:
        return self.own_discount


class GroupKey(NamedTuple):
    """What charges must share to be on one draft.

    `contract` is None when a payer's contracts go together, `line` when a contract's lines do. `billable_on` is the
    day it becomes billable: due, or the run's. `due_on` keeps periods apart when each is dated the run.
    """

    payer: int | None
    billing_address: int | None
    company: int | None
    currency: str
    fiscal_position: int | None
    payment_term: int | None
    journal: int | None
    auto_post: bool
    purchase_order: str
    contract: int | None
    line: int | None
    billable_on: date
    due_on: date


@dataclass(frozen=True, slots=True)
class GroupIntent:
    """One draft to make, or claims to write without a document when `kind` is FREE.

    `total` and the charges' amounts are signed as owed: a CREDIT_NOTE has a negative total and its document is
    written with the quantities multiplied by `sign` (−1), so that its amounts are positive. `credits`: the posted
    invoice it credits. `auto_post` is never true on a credit note.
    """

    key: GroupKey
    kind: str
    charges: tuple[Charge, ...]
    total: Decimal
    proposed_on: date
    auto_post: bool
    credits: int | None = None

    @property
    def sign(self) -> int:
        return -1 if self.kind == CREDIT_NOTE else 1

    @property
    def contracts(self) -> tuple[int, ...]:
        """Ids of the contracts it bills, in order, each once."""
        return tuple(dict.fromkeys(charge.contract for charge in self.charges))


@dataclass(frozen=True, slots=True)
class Skip:
    """A contract for which nothing is made, though nothing is wrong; its outcome gives the reason."""

    contract: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A contract left out, alone, until somebody corrects it. `field`: that of its page that is wrong, "" when unknown."""

    contract: int
    code: str
    reason: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to make, in the order to make it, and everything left out."""

    groups: tuple[GroupIntent, ...] = ()
    skips: tuple[Skip, ...] = ()
    refusals: tuple[Refusal, ...] = ()
