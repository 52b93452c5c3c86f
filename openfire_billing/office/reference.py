"""Reference data: what a French field-service firm finds ready on the first day. Safe to replay.

Rates, mentions and thresholds are data with validity dates (a finance law changes them every year): rows found are
never overwritten, so what a firm changed stays.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from django.db.models import Model, QuerySet

from interventions.models import InterventionType
from invoicing.choices import DueCount, VatCategory
from invoicing.models import Company, FiscalPosition, FiscalPositionTax, PaymentTerm, Tax, Unit
from invoicing.services.catalogue import open_journals
from openfire_billing.db.transactions import atomic
from openfire_billing.office.roles import load_roles

Row = TypeVar("Row", bound=Model)

UNITS = [
    ("C62", "Unité", "u"),
    ("HUR", "Heure", "h"),
    ("DAY", "Jour", "j"),
    ("MTR", "Mètre", "m"),
    ("MTK", "Mètre carré", "m²"),
    ("KGM", "Kilogramme", "kg"),
    ("LTR", "Litre", "l"),
    ("KMT", "Kilomètre", "km"),
]
GOODS_20, WORKS_20 = "TVA 20 %", "TVA 20 % travaux"
REDUCED_10, REDUCED_55 = "TVA collectée (vente) 10%", "TVA collectée (vente) 5,5%"
EXEMPT, REVERSE, INTRA = "Franchise en base", "Autoliquidation", "Livraison intracommunautaire"
INTRA_SERVICE, EXPORT = "Autoliquidation UE (prestations)", "Exportation hors UE"
DEDUCTED = "Prime déduite du TTC"
TAXES = [
    (GOODS_20, "20", VatCategory.S, "445710", ""),
    (WORKS_20, "20", VatCategory.S, "445710", ""),
    (REDUCED_10, "10", VatCategory.S, "445711", ""),
    (REDUCED_55, "5.5", VatCategory.S, "445712", ""),
    (EXEMPT, "0", VatCategory.E, "", "TVA non applicable, art. 293 B du CGI."),
    (REVERSE, "0", VatCategory.AE, "", "Autoliquidation de la TVA, art. 283-2 nonies du CGI."),
    (INTRA, "0", VatCategory.K, "", "Exonération de TVA, art. 262 ter-I du CGI."),
    (INTRA_SERVICE, "0", VatCategory.AE, "", "Autoliquidation, art. 283-2 du CGI."),
    (EXPORT, "0", VatCategory.G, "", "Exonération de TVA, art. 262-I du CGI."),
    (DEDUCTED, "0", VatCategory.E, "", "Prime déduite du prix TTC : elle ne réduit pas la base de la TVA."),
]
_CERTIFIED = (
    "TVA à taux réduit : le client certifie que les travaux portent sur un logement achevé depuis plus de deux ans "
    "et répondent aux conditions du taux de {rate} %."
)
POSITIONS = [
    (
        "VEN-5.5",
        "Travaux de rénovation énergétique, logement de plus de deux ans",
        {WORKS_20: REDUCED_55},
        _CERTIFIED.format(rate="5,5"),
    ),
    (
        "VEN-10",
        "Travaux d'amélioration et d'entretien, logement de plus de deux ans",
        {WORKS_20: REDUCED_10},
        _CERTIFIED.format(rate="10"),
    ),
    ("VEN-20", "Taux normal", {}, ""),
    ("VEN-FRANCHISE", "Franchise en base", {WORKS_20: EXEMPT, GOODS_20: EXEMPT}, ""),
    ("VEN-AUTOLIQ", "Sous-traitance du bâtiment, autoliquidation", {WORKS_20: REVERSE, GOODS_20: REVERSE}, ""),
    ("VEN-INTRACOM", "Client de l'Union européenne", {WORKS_20: INTRA_SERVICE, GOODS_20: INTRA}, ""),
]
TERMS = [
    ("À réception", 0, DueCount.NET, "Paiement à réception de la facture"),
    ("15 jours", 15, DueCount.NET, "Paiement à 15 jours"),
    ("30 jours", 30, DueCount.NET, "Paiement à 30 jours"),
    ("30 jours fin de mois", 30, DueCount.THEN_END, "Paiement à 30 jours fin de mois"),
    ("45 jours fin de mois", 45, DueCount.THEN_END, "Paiement à 45 jours fin de mois"),
    ("Fin de mois 45 jours", 45, DueCount.END_THEN, "Paiement 45 jours après la fin du mois"),
    ("Le 10 du mois suivant", 10, DueCount.END_THEN, "Paiement le 10 du mois suivant"),
    ("60 jours", 60, DueCount.NET, "Paiement à 60 jours"),
]
TYPES = ["Installation", "Entretien – Maintenance", "SAV", "Visite technique", "Divers"]


def load_reference_data() -> None:
    """Make what is missing of units, taxes, positions, terms, types, each company's journals, and the roles."""
    with atomic():
        _add_missing(
            Unit.objects.all(), "code", [Unit(code=code, name=name, symbol=mark) for code, name, mark in UNITS]
        )
        taxes = Tax.objects.filter(company=None)
        _add_missing(
            taxes,
            "name",
            [
                Tax(name=name, rate=Decimal(rate), category=category, account=account, mention=mention)
                for name, rate, category, account, mention in TAXES
            ],
        )
        _add_positions({tax.name: tax for tax in taxes})
        _add_missing(
            PaymentTerm.objects.all(),
            "name",
            [PaymentTerm(name=name, days=days, counted=counted, text=text) for name, days, counted, text in TERMS],
        )
        _add_missing(
            InterventionType.objects.all(),
            "name",
            [InterventionType(name=name, position=position) for position, name in enumerate(TYPES)],
        )
        for company in Company.objects.all():
            open_journals(company)
        load_roles()


def _add_positions(taxes: dict[str, Tax]) -> None:
    """Make the positions that are missing, each with its replacements of taxes."""
    positions = FiscalPosition.objects.filter(company=None)
    added = _add_missing(
        positions,
        "code",
        [FiscalPosition(code=code, name=name, mention=mention) for code, name, _mapping, mention in POSITIONS],
    )
    by_code = {position.code: position for position in positions.filter(code__in=added)}
    FiscalPositionTax.objects.bulk_create(
        FiscalPositionTax(position=by_code[code], source=taxes[source], target=taxes[target])
        for code, _name, mapping, _mention in POSITIONS
        if code in by_code
        for source, target in mapping.items()
    )


def _add_missing(among: QuerySet[Row], field: str, rows: Sequence[Row]) -> set[str]:
    """Insert the rows whose `field` no row of `among` has. The values of `field` that were missing."""
    present = set(among.values_list(field, flat=True))
    missing = [row for row in rows if getattr(row, field) not in present]
    among.model._default_manager.bulk_create(missing, ignore_conflicts=True)
    return {getattr(row, field) for row in missing}
