"""States of an appointment, the moves allowed between them, and the colour each state is shown in."""

from enum import nonmember

from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _


class AppointmentState(TextChoices):
    DRAFT = "draft", _("Brouillon")
    CONFIRMED = "confirmed", _("Confirmé")
    DONE = "done", _("Réalisé")
    UNFINISHED = "unfinished", _("Inachevé")
    POSTPONED = "postponed", _("Reporté")
    CANCELLED = "cancelled", _("Annulé")

    path = nonmember(("draft", "confirmed", "done"))
    open = nonmember(frozenset({"draft", "confirmed"}))
    # states whose technicians are taken
    occupying = nonmember(frozenset({"draft", "confirmed", "done", "unfinished"}))
    billable = nonmember(frozenset({"confirmed", "done"}))
    # what a technician is shown: confirmed, and what became of it
    on_phone = nonmember(frozenset({"confirmed", "done", "unfinished"}))
    colours = nonmember(
        {
            "draft": "grey",
            "confirmed": "blue",
            "done": "green",
            "unfinished": "amber",
            "postponed": "grey",
            "cancelled": "grey",
        }
    )


S = AppointmentState
APPOINTMENT_MOVES = {
    S.DRAFT: {S.CONFIRMED, S.CANCELLED},
    S.CONFIRMED: {S.DONE, S.UNFINISHED, S.POSTPONED, S.CANCELLED, S.DRAFT},
    S.DONE: {S.DRAFT},
    S.UNFINISHED: {S.DRAFT},
    S.POSTPONED: {S.DRAFT, S.CANCELLED},
    S.CANCELLED: {S.DRAFT},
}


class Weekday(IntegerChoices):
    MONDAY = 0, _("Lundi")
    TUESDAY = 1, _("Mardi")
    WEDNESDAY = 2, _("Mercredi")
    THURSDAY = 3, _("Jeudi")
    FRIDAY = 4, _("Vendredi")
    SATURDAY = 5, _("Samedi")
    SUNDAY = 6, _("Dimanche")


class WeekRank(IntegerChoices):
    """A week of a cycle."""

    FIRST = 1, _("Semaine 1")
    SECOND = 2, _("Semaine 2")
    THIRD = 3, _("Semaine 3")
    FOURTH = 4, _("Semaine 4")


class WeekCycle(IntegerChoices):
    """How many weeks of working hours take turns."""

    ONE = 1, _("La même chaque semaine")
    TWO = 2, _("2 semaines en alternance")
    THREE = 3, _("3 semaines en alternance")
    FOUR = 4, _("4 semaines en alternance")


class EveryWeeks(IntegerChoices):
    """Every how many weeks something comes back."""

    ONE = 1, _("Chaque semaine")
    TWO = 2, _("Une semaine sur deux")
    THREE = 3, _("Une semaine sur trois")
    FOUR = 4, _("Une semaine sur quatre")


class CustomerAnswer(TextChoices):
    """What the customer answered on the page of his RDV. « No »: he is not there then."""

    YES = "yes", _("Le client confirme")
    NO = "no", _("Le client n'est pas là")

    colours = nonmember({"yes": "green", "no": "red"})
