"""The days a contract line serves: what lies outside, and where what is added to a billed line begins."""

from collections.abc import Collection
from datetime import date

from django.db.models import Exists, Max, OuterRef, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from contracts.choices import ClaimKind
from contracts.models import Contract, ContractException, ContractLine, ExceptionClaim, PeriodClaim, VisitClaim
from contracts.planner.charges import charges_of
from contracts.planner.intents import Charge, PeriodCharge, VisitCharge
from contracts.planner.outlook import PastDue
from contracts.planner.served import last_day_of
from contracts.services.facts import read_facts
from invoicing.choices import LineKind
from openfire_billing.db.texts import Text
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import money_text
from openfire_billing.kernel.periods import ONE_DAY

PAST_PERIODS = "past_periods"  # code of the refusal that `bill_past` lifts


def days_served(line: ContractLine) -> tuple[date, date | None]:
    """Return the first and the last day of a line inside its contract; the last is None while nothing stops it."""
    contract = line.contract
    starts = [contract.start_on, line.starts_on]
    if line.billed_elsewhere_until:
        starts.append(line.billed_elsewhere_until + ONE_DAY)
    successor = ContractLine.objects.filter(replaces=line.pk).first() if line.pk else None
    ends = [last_day_of(contract), line.ends_on]
    if successor is not None and successor.starts_on:
        ends.append(successor.starts_on - ONE_DAY)
    return max(day for day in starts if day), min((day for day in ends if day), default=None)


def _not_billed(**of: object) -> QuerySet[ContractException]:
    """Return the exceptions of a line or of a contract that no live claim holds."""
    alive = ExceptionClaim.objects.live().filter(exception=OuterRef("pk"))
    return ContractException.objects.filter(~Exists(alive), kind=LineKind.ARTICLE, **of).order_by("on", "pk")


def refuse_outside(line: ContractLine) -> None:
    """Raise BusinessError for an exception dated on a day that its line does not serve: it would never be billed."""
    first, last = days_served(line)
    for exception in _not_billed(line=line):
        if exception.on < first or (last is not None and exception.on > last):
            raise BusinessError(
                _(
                    "L'exception « %(name)s » du %(day)s est hors des jours servis (%(served)s) : elle ne serait jamais "
                    "facturée. Changez sa date, ou les jours de la ligne."
                )
                % {
                    "name": exception,
                    "day": date_format(exception.on, "d/m/Y"),
                    "served": _("du %(first)s au %(last)s")
                    % {"first": date_format(first, "d/m/Y"), "last": date_format(last, "d/m/Y")}
                    if last
                    else _("à partir du %s") % date_format(first, "d/m/Y"),
                }
            )


def exceptions_left_out(contract: Contract) -> str:
    """Return, in one sentence, the exceptions of a contract that are not billed and never will be; "" when none is."""
    left = []
    for exception in _not_billed(line__contract=contract).select_related("line"):
        exception.line.contract = contract
        first, last = days_served(exception.line)
        if exception.on < first or (last is not None and exception.on > last):
            left.append(f"« {exception} » du {date_format(exception.on, 'd/m/Y')}")
    if not left:
        return ""
    return ngettext(
        "Cette exception, après le dernier jour servi, ne sera pas facturée : %s.",
        "Ces exceptions, après le dernier jour servi, ne seront pas facturées : %s.",
        len(left),
    ) % ", ".join(left)


def first_day_not_billed(source: Contract | ContractLine) -> date | None:
    """Return the day after the last period, or visit, that is billed of a contract or of a line; None when none is."""
    path = {"article__line": source} if isinstance(source, ContractLine) else {"article__line__contract": source}
    periods = PeriodClaim.objects.live().filter(kind=ClaimKind.CHARGE, **path)
    visits = VisitClaim.objects.live().filter(**path)
    end: date | None = periods.aggregate(last=Max("end"))["last"]
    done: date | None = visits.aggregate(last=Max("visit__intervention__done_on"))["last"]
    return max((day for day in (end, done + ONE_DAY if done else None) if day), default=None)


def refuse_past(line: ContractLine, articles: Collection[int], *, on: date, bill_past: bool) -> None:
    """Raise BusinessError, code PAST_PERIODS, when these articles (ids) of a validated line bill what was due before `on`.

    The sentence says what would be billed. `bill_past`: it was read and is wanted.
    """
    if bill_past or not articles:
        return
    facts = read_facts([line.contract_id], lock=False, settled=False)
    charges = [
        charge
        for contract in facts.contracts
        for charge in charges_of(contract, facts.claimed, on=on, force=True)
        if _article_of(charge) in articles
    ]
    if past := PastDue.of(charges, before=on):
        raise BusinessError(str(_past_text(line, past)), code=PAST_PERIODS)


def _article_of(charge: Charge) -> int | None:
    return charge.article if isinstance(charge, PeriodCharge | VisitCharge) else None


def _past_text(line: ContractLine, past: PastDue) -> Text:
    return _(
        "« %(line)s » : %(count)s échéance(s) déjà passée(s), du %(first)s au %(last)s, seraient facturées (%(net)s HT). "
        "Cochez « Facturer aussi ce qui est passé » si c'est voulu, ou donnez un premier jour plus tard."
    ) % {
        "line": line,
        "count": past.count,
        "first": date_format(past.first, "d/m/Y"),
        "last": date_format(past.last, "d/m/Y"),
        "net": money_text(past.net, line.contract.company.currency),
    }
