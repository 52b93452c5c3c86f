"""Promises of DIs: an upper app ties its row to a DI it caused, and is asked before the DI is taken back."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Literal, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from interventions.models.requests import InterventionRequest
from invoicing.models.documents.claims import Sourced

# Acts on a DI that its promise may refuse. « reopen »: its RDVs take it out of « Réalisée ».
PromiseAct = Literal["reset", "cancel", "delete", "finish", "reopen"]


class Promise(Sourced):
    """The row of an upper app that caused a DI. interventions finds the child models by itself and calls their hooks.

    `SOURCE`: the lookup to the document that promised it, locked before the DI by the acts that ask.
    """

    intervention = models.ForeignKey(
        InterventionRequest, models.PROTECT, related_name="%(class)ss", verbose_name=_("DI")
    )

    class Meta:
        abstract = True

    @classmethod
    def check_act(cls, interventions: Collection[int], act: PromiseAct) -> Mapping[int, str]:
        """Refuse an act on these DIs (ids), by name. Return the DIs whose lines are covered no longer, with the reason.

        Called under the lock of the documents that promised; changes no row but those of this table. Raises BusinessError.
        """
        raise TypeError(f"{cls.__name__} does not say what it checks.")

    @classmethod
    def last_days(cls, interventions: Collection[int]) -> Mapping[int, date]:
        """Return {id of a DI: the last day that what promised it is served}, of those that have an end."""
        return {}

    @classmethod
    def visits(cls) -> "models.QuerySet[Self]":
        """Return the rows whose DI is a visit that was foreseen, whose day the firm chooses."""
        return cls._default_manager.none()
