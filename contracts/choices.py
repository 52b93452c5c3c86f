"""States and terms of contracts: their names, the moves between states, their colours."""

from enum import nonmember

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from contracts.planner import facts as f


class ContractState(TextChoices):
    """The stored states. À venir, En cours and Terminé are derived from the dates."""

    DRAFT = "draft", _("Brouillon")
    VALIDATED = "validated", _("Validé")
    SUSPENDED = "suspended", _("Suspendu")
    TERMINATED = "terminated", _("Résilié")
    CANCELLED = "cancelled", _("Annulé")

    path = nonmember(("draft", "validated"))
    billed = nonmember(frozenset({"validated", "suspended", "terminated"}))
    alive = nonmember(frozenset({"validated", "suspended"}))
    # states, and phases derived from the dates
    colours = nonmember(
        {
            "draft": "grey",
            "validated": "blue",
            "suspended": "amber",
            "terminated": "red",
            "cancelled": "grey",
            "upcoming": "grey",
            "active": "blue",
            "ended": "grey",
        }
    )


CONTRACT_MOVES = {
    ContractState.DRAFT: {ContractState.VALIDATED, ContractState.CANCELLED},
    ContractState.VALIDATED: {ContractState.SUSPENDED, ContractState.TERMINATED, ContractState.CANCELLED},
    ContractState.SUSPENDED: {ContractState.VALIDATED, ContractState.TERMINATED},
    ContractState.TERMINATED: set(),
    ContractState.CANCELLED: {ContractState.DRAFT},
}


class ContractLineState(TextChoices):
    DRAFT = "draft", _("Brouillon")
    VALIDATED = "validated", _("Validée")
    CANCELLED = "cancelled", _("Annulée")

    path = nonmember(("draft", "validated"))
    colours = nonmember({"draft": "grey", "validated": "blue", "cancelled": "grey"})


LINE_MOVES = {
    ContractLineState.DRAFT: {ContractLineState.VALIDATED, ContractLineState.CANCELLED},
    ContractLineState.VALIDATED: {ContractLineState.CANCELLED},
    ContractLineState.CANCELLED: {ContractLineState.DRAFT},
}


class BillingFrequency(TextChoices):
    """The presets, and EVERY: the contract's own number and unit."""

    MONTHLY = "monthly", _("Mensuelle")
    QUARTERLY = "quarterly", _("Trimestrielle")
    HALF_YEARLY = "half_yearly", _("Semestrielle")
    YEARLY = "yearly", _("Annuelle")
    PER_VISIT = "per_visit", _("À la prestation")
    EVERY = "every", _("Tous les…")

    presets = nonmember(
        {
            "monthly": f.Frequency(1, f.MONTH),
            "quarterly": f.Frequency(3, f.MONTH),
            "half_yearly": f.Frequency(6, f.MONTH),
            "yearly": f.Frequency(1, f.YEAR),
            "per_visit": f.PER_VISIT,
        }
    )


def frequency_of(name: str, every: int | None, unit: str) -> f.Frequency:
    """Return the planner's frequency of a preset, or of « tous les… » with its number and unit."""
    return BillingFrequency.presets.get(name) or f.Frequency(every or 0, unit)


class FrequencyUnit(TextChoices):
    DAY = f.DAY, _("jours")
    WEEK = f.WEEK, _("semaines")
    MONTH = f.MONTH, _("mois")
    YEAR = f.YEAR, _("ans")


class Timing(TextChoices):
    IN_ADVANCE = f.IN_ADVANCE, _("À échoir")
    IN_ARREARS = f.IN_ARREARS, _("Échu")
    ON_VISIT = f.ON_VISIT, _("Au jour de la visite")


class Alignment(TextChoices):
    CALENDAR = f.CALENDAR, _("Calendaire (le 1er du mois)")
    ANNIVERSARY = f.ANNIVERSARY, _("Anniversaire (jour d'ancrage)")


class Proration(TextChoices):
    NONE = f.NONE, _("Aucun")
    FULL = f.FULL, _("Période entamée due entière")
    DAYS = f.DAYS, _("Au jour")


class LateBilling(TextChoices):
    ONE_PER_PERIOD = f.ONE_PER_PERIOD, _("Une facture par période")
    ONE_INVOICE = f.ONE_INVOICE, _("Une seule facture")
    ON_DATE = f.ON_DATE, _("Une par période, à la date choisie")


class RepeatUnit(TextChoices):
    MONTH = f.MONTH, _("mois")
    YEAR = f.YEAR, _("ans")


class RequestKind(TextChoices):
    VISIT = "visit", _("Visite")
    CALLOUT = "callout", _("SAV")


class ClaimKind(TextChoices):
    CHARGE = f.CHARGE, _("Facturation")
    REFUND = f.REFUND, _("Remboursement")


class WithoutDocument(TextChoices):
    """Why a period, visit or exception is settled although no invoice bears it."""

    FREE = "free", _("Gratuite")
    WAIVED = "waived", _("Ne pas facturer")
    BILLED_ELSEWHERE = "billed_elsewhere", _("Facturée ailleurs")


class RunKind(TextChoices):
    NIGHT = "night", _("Nuit")
    MANUAL = "manual", _("À la demande")


class RunStep(TextChoices):
    """What a run does. A night has all steps; a run started by somebody begins with the list of its contracts."""

    DUE_DAYS = "due_days", _("Vérifie les échéances")
    VISITS = "visits", _("Planifie les visites")
    CONTRACTS = "contracts", _("Cherche les contrats dus")
    BILLING = "billing", _("Facture")


class RunState(TextChoices):
    RUNNING = "running", _("En cours")
    DONE = "done", _("Terminé")
    SHORT = "short", _("Interrompu")

    colours = nonmember({"running": "blue", "done": "green", "short": "red"})


class Result(TextChoices):
    BILLED = "billed", _("Facturé")
    SKIPPED = "skipped", _("Rien à facturer")
    REFUSED = "refused", _("Mis de côté")

    colours = nonmember({"billed": "green", "skipped": "grey", "refused": "red"})
