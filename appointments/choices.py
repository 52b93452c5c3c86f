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
