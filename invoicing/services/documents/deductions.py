"""Fixed deductions: lines with a negative unit price (« remise de 150 € », « Prime CEE »), and what they may reduce.

A deduction has the tax of what it reduces: it lowers the base of its category and rate, on which the document's VAT is
computed, and that base never falls below zero (EN 16931 computes VAT per category and rate, and the books have no
negative VAT). A deduction without VAT (Z, E, O) is taken off the amount with tax: the base of that category alone may
be negative. The total of a document is never negative. `docs/decisions/0010-fixed-deductions.md` has the reasons.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import ngettext

from invoicing.choices import VatCategory
from invoicing.models import BillableLine
from openfire_billing.kernel import money
from openfire_billing.kernel.errors import BusinessError, Step
from openfire_billing.kernel.formats import money_text, names_text, number_text


@dataclass(frozen=True, slots=True)
class Part:
    """An article line of a document: its net, and the category and rate of its tax."""

    label: str
    net: Decimal
    tax: money.Rate
    is_deduction: bool


def parts_of(lines: Iterable[BillableLine], rounding: str) -> list[Part]:
    """Return the article lines of a document that have a tax. Reads the `tax` of each line: load it before."""
    return [
        Part(line.label, line.net_amount(rounding), line.tax, line.is_deduction)
        for line in lines
        if line.is_article and line.tax is not None
    ]


def refusal_of_deductions(
    parts: Sequence[Part],
    *,
    name: object,
    rounding: str,
    currency: str,
    step: Step | None = None,
    advice: object = "",
) -> BusinessError | None:
    """Return why the deductions of a document exceed what they reduce; None when they do not, or when it has none.

    `name`: what the sentence calls the document. `advice`: what to do about a negative total, when the document knows
    better than « lower it ».
    """
    deductions = [part for part in parts if part.is_deduction and part.net]
    if not deductions:
        return None
    totals = money.totals([(part.net, part.tax) for part in parts], rounding)
    if totals.gross < 0:
        return BusinessError(
            ngettext(
                "%(name)s : la remise fixe (%(lines)s) dépasse ce dont elle se déduit : le total serait de %(gross)s TTC, "
                "et un total n'est jamais négatif. %(advice)s",
                "%(name)s : les remises fixes (%(lines)s) dépassent ce dont elles se déduisent : le total serait de "
                "%(gross)s TTC, et un total n'est jamais négatif. %(advice)s",
                len(deductions),
            )
            % {
                "name": name,
                "lines": _names(deductions),
                "gross": money_text(totals.gross, currency),
                "advice": advice
                or ngettext(
                    "Baissez la remise, ou ajoutez ce qu'elle réduit.",
                    "Baissez une remise, ou ajoutez ce qu'elle réduit.",
                    len(deductions),
                ),
            },
            step=step,
        )
    faults = [
        _refusal_of_base(name, total, [part for part in deductions if _key(part.tax) == key], currency, step)
        for total in totals.taxes
        if total.base < 0
        and (key := (total.category, total.rate)) in {_key(part.tax) for part in deductions}
        and total.category not in VatCategory.untaxed
    ]
    return BusinessError.all(faults) if faults else None


def refuse_deductions(
    parts: Sequence[Part],
    *,
    name: object,
    rounding: str,
    currency: str,
    step: Step | None = None,
    advice: object = "",
) -> None:
    """Raise what `refusal_of_deductions` returns."""
    refusal = refusal_of_deductions(parts, name=name, rounding=rounding, currency=currency, step=step, advice=advice)
    if refusal is not None:
        raise refusal


def _refusal_of_base(
    name: object, total: money.TaxTotal, deductions: Sequence[Part], currency: str, step: Step | None
) -> BusinessError:
    return BusinessError(
        ngettext(
            "%(name)s : la remise fixe (%(lines)s) porte %(rate)s %% de TVA et dépasse de %(over)s HT les lignes à ce "
            "taux. Donnez-lui la TVA des lignes qu'elle réduit, ou faites une ligne de remise pour chaque taux.",
            "%(name)s : les remises fixes (%(lines)s) portent %(rate)s %% de TVA et dépassent de %(over)s HT les lignes à "
            "ce taux. Donnez-leur la TVA des lignes qu'elles réduisent, ou faites une ligne de remise pour chaque taux.",
            len(deductions),
        )
        % {
            "name": name,
            "lines": _names(deductions),
            "rate": number_text(total.rate, 0),
            "over": money_text(-total.base, currency),
        },
        step=step,
    )


def _key(tax: money.Rate) -> tuple[str, Decimal]:
    return tax.category, tax.rate


def _names(parts: Sequence[Part]) -> str:
    return names_text([f"« {part.label.split(chr(10), 1)[0][:80]} »" for part in parts])
