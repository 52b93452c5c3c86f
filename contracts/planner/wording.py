"""The French that customers and clerks read: labels of the invoice lines, reasons of what is left out."""

from datetime import date
from decimal import Decimal
from functools import lru_cache

from contracts.planner.calendars import Due
from contracts.planner.facts import ArticleFacts, ContractFacts, Frequency, LineFacts, VisitFacts
from openfire_billing.periods import Period

THOUSANDS = "\N{NO-BREAK SPACE}"


def french_date(day: date) -> str:
    """01/03/2026."""
    return f"{day.day:02}/{day.month:02}/{day.year:04}"


def french_number(number: Decimal) -> str:
    """1 234,50 with a no-break space. Not kept by value: 10 and 10.00 are equal and are not written alike."""
    return f"{number:,f}".translate({ord(","): THOUSANDS, ord("."): ","})


@lru_cache(maxsize=1_000)
def percent(rate: Decimal) -> str:
    """« 10 % », « 12,5 % »: without the zeros that say nothing."""
    return f"{french_number(rate.normalize() + 0)} %"


def money(amount: Decimal, currency: str) -> str:
    return f"{french_number(amount)} {'€' if currency == 'EUR' else currency}"


def period_text(part: Period, due: Due, frequency: Frequency) -> str:
    """« du 01/03/2026 au 31/03/2026, échéance 3/12 », and « prorata 17/92 jours » when less than an instalment.

    The place is said within the year when a year has a whole number of instalments, two at least.
    """
    words = f"du {french_date(part.start)} au {french_date(part.last_day)}"
    if frequency.months and 12 % frequency.months == 0 and frequency.months < 12:
        places = 12 // frequency.months
        words += f", échéance {(due.n - 1) % places + 1}/{places}"
    if due.share != 1:
        return f"{words}, prorata {part.days}/{due.full_days} jours"
    if part != due.period:
        return f"{words}, prorata {part.days}/{due.period.days} jours"
    return words


def visit_text(visit: VisitFacts) -> str:
    """« visite du 12/03/2026, 1/2 »."""
    return f"visite du {french_date(visit.done_on)}, {visit.rank}/{visit.of}"


def charge_label(article: ArticleFacts, when: str, basis: str, discount: Decimal) -> str:
    """Article, period or visit, the price the amount is taken from, the discount already deducted from it."""
    label = f"{article.label}, {when}, {basis}"
    return f"{label}, remise {percent(discount)} déduite" if discount else label


def basis_text(yearly: Decimal, currency: str, frequency: Frequency) -> str:
    """« base annuelle 175,00 € »; for days and weeks « prix par échéance 30,00 € »."""
    basis = "prix par échéance" if frequency.days else "base annuelle"
    return f"{basis} {money(yearly, currency)}"


def too_many_periods(contract: ContractFacts, line: LineFacts, bound: int) -> str:
    where = f", ligne {line.label}" if line.label else ""
    return (
        f"Contrat {contract.reference}{where} : plus de {bound} périodes échues à facturer. Rien n'est facturé : "
        "vérifiez la date de début, puis « Facturer quand même »."
    )


def broken_data(contract: ContractFacts, error: Exception) -> str:
    return f"Contrat {contract.reference} : données incohérentes ({type(error).__name__}), à corriger sur sa fiche."


def nothing_due(contract: ContractFacts, on: date) -> str:
    return f"Contrat {contract.reference} : rien à facturer au {french_date(on)}."


def held_back(contract: ContractFacts, total: Decimal) -> str:
    return (
        f"Contrat {contract.reference} : total négatif ({money(total, contract.currency)}) sans facture validée à "
        "créditer d'autant ; retenu jusqu'à la prochaine échéance."
    )
