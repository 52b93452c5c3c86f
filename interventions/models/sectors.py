"""Geographic sectors: the postcodes they cover, and the sector of an address."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from interventions.choices import SectorColour
from interventions.sectors import range_text, whole_range
from invoicing.models import Address, Partner
from openfire_billing.db.searchable import columns_at
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.versions import Versioned

_DIGITS = RegexValidator(r"\A[0-9]{1,5}\Z", _("Donnez un code postal de cinq chiffres, ou son début : « 35 »."))


class SectorQuerySet(StampedQuerySet["Sector"]):
    def active(self) -> "SectorQuerySet":
        return self.filter(is_active=True)


class Sector(Versioned):
    """A geographic sector, found by the postcode of an address (`SectorRange`)."""

    name = models.CharField(_("Nom"), max_length=60, unique=True)
    code = models.CharField(
        _("Code"),
        max_length=8,
        unique=True,
        null=True,
        blank=True,
        help_text=_("Quelques lettres, là où le nom entier ne tient pas."),
    )
    colour = models.CharField(_("Couleur"), max_length=10, choices=SectorColour, default=SectorColour.GREY)
    is_active = models.BooleanField(_("actif"), default=True)

    objects = SectorQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("secteur")
        verbose_name_plural = _("secteurs")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.code = self.code or None  # two sectors without a code do not share one


class SectorRange(models.Model):
    """Postcodes of a sector, from `first` to `last`, both included."""

    sector = models.ForeignKey(Sector, models.CASCADE, related_name="ranges", verbose_name=_("secteur"))
    first = models.CharField(
        _("du code postal"),
        max_length=5,
        validators=[_DIGITS],
        help_text=_("Un code postal, ou son début : « 35 » seul vaut de 35000 à 35999."),
    )
    last = models.CharField(_("au code postal"), max_length=5, blank=True, validators=[_DIGITS])

    class Meta:
        ordering = ["first", "last"]
        verbose_name = _("codes postaux")
        verbose_name_plural = _("codes postaux")
        constraints = [
            models.CheckConstraint(
                condition=Q(first__lte=F("last")),
                name="interventions_range_order",
                violation_error_message=_("Le dernier code postal précède le premier : corrigez l'un des deux."),
            ),
            models.UniqueConstraint(
                fields=["sector", "first", "last"],
                name="interventions_range_once",
                violation_error_message=_("Ces codes postaux sont déjà dans le secteur."),
            ),
        ]

    def __str__(self) -> str:
        return range_text(self.first, self.last)

    def clean(self) -> None:
        """Complete the beginnings of postcodes: « 35 » alone becomes 35000 to 35999."""
        self.first, self.last = whole_range(self.first, self.last)


class AddressSectorQuerySet(models.QuerySet["AddressSector"]):
    def in_force(self) -> "AddressSectorQuerySet":
        """Narrow to the choices that count: made by hand, or written for the postcode the address still has."""
        return self.filter(Q(is_manual=True) | Q(zip=F("address__zip"), sector__is_active=True))


class AddressSector(models.Model):
    """The sector of an address. `is_manual`: a person chose it, and it stays whatever the postcodes of sectors become.

    The others are written by « Actualiser les secteurs » for the postcode `zip`; when the address gets another one, they
    no longer count (`in_force`).
    """

    SEARCHED = (*columns_at("address", Address), *columns_at("address__partner", Partner))

    address = models.OneToOneField(Address, models.CASCADE, related_name="sector_choice", verbose_name=_("adresse"))
    sector = models.ForeignKey(Sector, models.CASCADE, related_name="addresses", verbose_name=_("secteur"))
    is_manual = models.BooleanField(_("choisi à la main"), default=True, editable=False)
    zip = models.CharField(_("trouvé pour le code postal"), max_length=10, blank=True, editable=False)

    objects = AddressSectorQuerySet.as_manager()

    class Meta:
        ordering = ["sector", "pk"]
        verbose_name = _("secteur d'adresse")
        verbose_name_plural = _("secteurs d'adresses")

    def __str__(self) -> str:
        return str(self.sector)
