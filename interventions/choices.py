"""States of an intervention request: their names, the moves between them, their colours."""

from decimal import Decimal
from enum import nonmember

from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _


class InterventionState(TextChoices):
    DRAFT = "draft", _("Brouillon")
    TO_PLAN = "to_plan", _("À planifier")
    PARTLY_PLANNED = "partly_planned", _("Partiellement planifiée")
    PLANNED = "planned", _("Planifiée")
    DONE = "done", _("Réalisée")
    CANCELLED = "cancelled", _("Annulée")

    path = nonmember(("draft", "to_plan", "partly_planned", "planned", "done"))
    validated = nonmember(frozenset({"to_plan", "partly_planned", "planned", "done"}))
    planning = nonmember(frozenset({"to_plan", "partly_planned", "planned"}))
    colours = nonmember(
        {
            "draft": "grey",
            "to_plan": "amber",
            "partly_planned": "amber",
            "planned": "blue",
            "done": "green",
            "cancelled": "grey",
        }
    )


_PLANNING = {InterventionState.TO_PLAN, InterventionState.PARTLY_PLANNED, InterventionState.PLANNED}
INTERVENTION_MOVES = {
    InterventionState.DRAFT: {InterventionState.TO_PLAN, InterventionState.CANCELLED},
    **{state: (_PLANNING - {state}) | {InterventionState.DONE, InterventionState.CANCELLED} for state in _PLANNING},
    InterventionState.DONE: _PLANNING | {InterventionState.CANCELLED},
    InterventionState.CANCELLED: {InterventionState.DRAFT},
}


class Priority(IntegerChoices):
    NORMAL = 0, _("☆☆ Normale")
    HIGH = 1, _("★☆ Haute")
    URGENT = 2, _("★★ Urgente")


class Granularity(TextChoices):
    """The width of the date range that a task proposes."""

    WEEK = "week", _("Semaine")
    FORTNIGHT = "fortnight", _("Quinzaine")
    MONTH = "month", _("Mois")

    days = nonmember({"week": 6, "fortnight": 13, "month": 30})


class SectorColour(TextChoices):
    """The colours by which a board tells sectors apart; the name always stands beside."""

    GREY = "grey", _("gris")
    BLUE = "blue", _("bleu")
    AMBER = "amber", _("ambre")
    GREEN = "green", _("vert")
    RED = "red", _("rouge")
    VIOLET = "violet", _("violet")


class LineState(TextChoices):
    """What is left to do with a line; derived, not stored."""

    NOTHING = "nothing", _("rien à facturer")
    TO_BILL = "to_bill", _("à facturer")
    PARTLY = "partly", _("facturée en partie")
    BILLED = "billed", _("facturée")
    QUOTED = "quoted", _("sur devis")
    COVERED = "covered", _("couverte par le contrat")

    colours = nonmember(
        {
            "nothing": "grey",
            "to_bill": "amber",
            "partly": "amber",
            "billed": "green",
            "quoted": "blue",
            "covered": "violet",
        }
    )


def state_of_line(
    *, covered: bool, is_quoted: bool, quantity: Decimal, billed: Decimal, unbilled: Decimal
) -> LineState:
    """Return what is left to do with an article line. A billed line is shown as billed, quoted or not.

    `unbilled`: what may still be billed of it, were no quote to hold it.
    """
    if covered:
        return LineState.COVERED
    if is_quoted and billed <= 0:
        return LineState.QUOTED
    if quantity <= 0 and not billed:
        return LineState.NOTHING
    if unbilled <= 0:
        return LineState.BILLED
    return LineState.PARTLY if billed > 0 else LineState.TO_BILL
