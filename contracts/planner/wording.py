"""Sentences that customers and clerks read: labels of the invoice lines, reasons of what is left out."""

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

from contracts.planner.facts import ContractFacts, Frequency, LineFacts, VisitFacts
from contracts.planner.grids import Due
from openfire_billing.kernel.formats import place_text
from openfire_billing.kernel.periods import Period
from openfire_billing.kernel.words import gettext as _

_INSTALMENT = re.compile(r"\béchéance (\d+)/(\d+)\b")
_FRENCH = str.maketrans({",": "\N{NO-BREAK SPACE}", ".": ","})


@lru_cache(maxsize=1_000)
def french_date(day: date) -> str:
    """Return 01/03/2026."""
    return f"{day.day:02}/{day.month:02}/{day.year:04}"


def french_number(number: Decimal) -> str:
    """Return 1 234,50 with a no-break space. Not cached: 10 and 10.00 are equal keys and are not written alike."""
    return f"{number:,f}".translate(_FRENCH)


@lru_cache(maxsize=1_000)
def percent(rate: Decimal) -> str:
    """Return « 10 % » or « 12,5 % », without trailing zeros."""
    return f"{french_number(rate.normalize() + 0)} %"


def money(amount: Decimal, currency: str) -> str:
    """Return « 1 234,50 € »; another currency by its ISO code."""
    return f"{french_number(amount)} {'€' if currency == 'EUR' else currency}"


def label_read(label: str) -> str:
    """Return the label of an invoice line as a dialog shows it: « échéance 3/12 » in words. Documents print the label."""
    return _INSTALMENT.sub(lambda found: place_text(_("échéance"), int(found[1]), int(found[2])), label)


def period_text(part: Period, due: Due, frequency: Frequency) -> str:
    """Return « du 01/03/2026 au 31/03/2026, échéance 3/12 », and « prorata 17/92 jours » for a part of an instalment.

    The place is given within the year when a year has a whole number of instalments, two at least.
    """
    values = {"start": french_date(part.start), "end": french_date(part.last_day)}
    if frequency.months and 12 % frequency.months == 0 and frequency.months < 12:
        places = 12 // frequency.months
        place = {"place": (due.n - 1) % places + 1, "places": places}
        words = _("du %(start)s au %(end)s, échéance %(place)s/%(places)s") % (values | place)
    else:
        words = _("du %(start)s au %(end)s") % values
    whole = due.full_days if due.share != 1 else due.period.days
    if due.share != 1 or part != due.period:
        share = {"part": part.days, "whole": whole}
        return f"{words}, {_('prorata %(part)s/%(whole)s jours') % share}"
    return words


def visit_text(visit: VisitFacts) -> str:
    """Return « visite du 12/03/2026, 1/2 »."""
    values = {"day": french_date(visit.done_on), "rank": visit.rank, "of": visit.of}
    return _("visite du %(day)s, %(rank)s/%(of)s") % values


def basis_text(yearly: Decimal, currency: str, frequency: Frequency, discount: Decimal) -> str:
    """Return « base annuelle 175,00 € », or « prix par échéance 30,00 € » for days and weeks, discount deducted."""
    basis = f"{_('prix par échéance') if frequency.days else _('base annuelle')} {money(yearly, currency)}"
    return f"{basis}, {_('remise %s déduite') % percent(discount)}" if discount else basis


def about(contract: ContractFacts, what: str) -> str:
    """Return a sentence about a contract, which begins with its reference."""
    return _("Contrat %(reference)s : %(what)s") % {"reference": contract.reference, "what": what}


def too_many_periods(contract: ContractFacts, line: LineFacts, bound: int) -> str:
    """Return why a line waits for « Facturer quand même »."""
    where = _("%(reference)s, ligne %(line)s") if line.label else "%(reference)s"
    values = {"where": where % {"reference": contract.reference, "line": line.label}, "bound": bound}
    return (
        _(
            "Contrat %(where)s : plus de %(bound)s périodes échues à facturer. Rien n'est facturé : "
            "vérifiez la date de début, puis « Facturer quand même »."
        )
        % values
    )


def broken_data(contract: ContractFacts, error: Exception) -> str:
    """Return why a contract whose plan raised is left out."""
    return about(contract, _("données incohérentes (%s), à corriger sur sa fiche.") % type(error).__name__)


def nothing_due(contract: ContractFacts, on: date) -> str:
    """Return why a contract is skipped."""
    return about(contract, _("rien à facturer au %s.") % french_date(on))


def held_back(contract: ContractFacts, total: Decimal) -> str:
    """Return why a negative total waits."""
    return about(
        contract,
        _("total négatif (%s) sans facture validée à créditer d'autant ; retenu jusqu'à la prochaine échéance.")
        % money(total, contract.currency),
    )
