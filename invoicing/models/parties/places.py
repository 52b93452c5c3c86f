"""Where an address stands: its coordinates, who says so, and what the geocoder proposes."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Self

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import LocationSource, LocationState

COORDINATES = ("latitude", "longitude")
# What is known of a place beside its coordinates; it is written with them.
KNOWN = (
    "location_source",
    "location_state",
    "location_score",
    "located_at",
    "located_text",
    "proposed_latitude",
    "proposed_longitude",
    "proposed_label",
)


def _degrees(label: Any, most: int) -> "models.DecimalField[Any, Any]":  # type: ignore[explicit-any]  # as Django's
    """Return a column of degrees between -`most` and `most`."""
    return models.DecimalField(
        label,
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-most), MaxValueValidator(most)],
    )


class Located(models.Model):
    """A record with a street, a postcode and a town, and the coordinates of that place in degrees.

    `located_text`: the address that was located; another street empties coordinates that nobody typed. `proposed_*`: what
    the geocoder found and a person has to accept.
    """

    latitude = _degrees(_("Latitude"), 90)
    longitude = _degrees(_("Longitude"), 180)
    location_source = models.CharField(
        _("Position donnée par"), max_length=10, choices=LocationSource, blank=True, editable=False
    )
    location_state = models.CharField(
        _("Position"), max_length=10, choices=LocationState, blank=True, editable=False, db_index=True
    )
    location_score = models.DecimalField(
        _("Note du géocodeur"), max_digits=4, decimal_places=3, null=True, blank=True, editable=False
    )
    located_at = models.DateTimeField(_("Placée le"), null=True, blank=True, editable=False)
    located_text = models.CharField(_("Adresse placée"), max_length=250, blank=True, editable=False)
    proposed_latitude = models.DecimalField(
        _("Latitude proposée"), max_digits=9, decimal_places=6, null=True, blank=True, editable=False
    )
    proposed_longitude = models.DecimalField(
        _("Longitude proposée"), max_digits=9, decimal_places=6, null=True, blank=True, editable=False
    )
    proposed_label = models.CharField(_("Adresse proposée"), max_length=250, blank=True, editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **options: Any) -> None:  # type: ignore[explicit-any]  # as Django's
        """As Django's; coordinates that were typed are by hand, those of another street are emptied."""
        if self.follow_place() and update_fields is not None:
            update_fields = list(dict.fromkeys([*update_fields, *COORDINATES, *KNOWN]))
        super().save(*args, update_fields=update_fields, **options)
        self.stored_place = self._place()

    stored_place: tuple[Any, Any, Any] = (None, None, None)  # type: ignore[explicit-any]  # columns that may be deferred

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **options: Any) -> Self:  # type: ignore[explicit-any]  # as Django's
        """Keep the place as it is stored: `save` tells coordinates that were typed by it."""
        record = super().from_db(db, field_names, values, **options)
        record.stored_place = record._place()  # noqa: SLF001 (its own)
        return record

    def clean(self) -> None:
        super().clean()
        if (self.latitude is None) != (self.longitude is None):
            missing = "longitude" if self.longitude is None else "latitude"
            raise ValidationError(
                {missing: _("Une position a une latitude et une longitude : donnez les deux, ou aucune.")}
            )

    def follow_place(self) -> bool:
        """Set what follows from coordinates that were typed, or from another street. Return whether something did."""
        if self.get_deferred_fields() & {*COORDINATES, *KNOWN, "street", "zip", "city"}:
            return False
        stored = self.stored_place
        if self._place()[:2] != stored[:2] and self._place()[2] == stored[2]:
            self.forget_place(keeps_coordinates=True)
            if self.latitude is not None:
                self.location_source, self.location_state = LocationSource.HAND, LocationState.LOCATED
                self.located_at, self.located_text = timezone.now(), self.place_text
            return True
        if self.located_text and self.located_text != self.place_text and self.location_source != LocationSource.HAND:
            self.forget_place()
            return True
        return False

    def forget_place(self, *, keeps_coordinates: bool = False) -> None:
        """Empty all that is known of the place: the geocoder searches it again."""
        if not keeps_coordinates:
            self.latitude = self.longitude = None
        self.location_source = self.location_state = self.located_text = self.proposed_label = ""
        self.location_score = self.located_at = self.proposed_latitude = self.proposed_longitude = None

    def _place(self) -> tuple[Any, Any, Any]:  # type: ignore[explicit-any]  # columns that may be deferred
        return tuple(self.__dict__.get(name) for name in (*COORDINATES, "located_at"))  # type: ignore[return-value]

    @property
    def place_text(self) -> str:
        """The address as it is searched for."""
        return f"{self.street}, {self.zip} {self.city}"  # type: ignore[attr-defined]  # of each child

    @property
    def is_proposed(self) -> bool:
        """Whether the geocoder proposes a place that a person has to accept."""
        return self.location_state == LocationState.TO_CHECK and self.proposed_latitude is not None


def to_locate(model: type[Located]) -> "models.QuerySet[Located]":
    """Return the French records of a model whose address was not searched for yet, or changed since; not those placed by
    hand.
    """
    text = Concat("street", models.Value(", "), "zip", models.Value(" "), "city")
    rows = model._default_manager.exclude(location_source=LocationSource.HAND)
    rows = rows.exclude(city="")  # type: ignore[misc]  # a column of each child
    if any(field.name == "country" for field in model._meta.concrete_fields):
        rows = rows.filter(country="FR")  # type: ignore[misc]  # as the town
    return rows.annotate(searched_text=text).exclude(located_text=models.F("searched_text")).order_by("pk")


def located_models() -> Sequence[type[Located]]:
    """Return the models of all apps that have a place."""
    return [model for model in apps.get_models() if issubclass(model, Located)]
