"""Companies (the sellers), their logos, and the users who work for them."""

from datetime import time

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from moneyed import CURRENCIES
from stdnum.fr import siren as siren_number
from stdnum.fr import siret as siret_number
from stdnum.fr import tva as vat_number

from invoicing.choices import Announce, Rounding
from invoicing.models.parties.partners import check_number
from invoicing.models.parties.places import Located
from openfire_billing.db.fields import LogoStorage
from openfire_billing.db.scope import PATHS
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.texts import Text
from openfire_billing.db.versions import Versioned

account_number = RegexValidator(
    r"^\d{3}[0-9A-Z]{0,9}$", _("Un compte commence par trois chiffres, par exemple 706000.")
)


class Logo(models.Model):
    """A picture printed on documents, named by the SHA-256 of its bytes; never changed, never deleted."""

    sha256 = models.CharField("SHA-256", max_length=64, primary_key=True)
    content = models.BinaryField(_("image"))
    media_type = models.CharField(_("type"), max_length=20)

    class Meta:
        verbose_name = _("logo")
        verbose_name_plural = _("logos")

    def __str__(self) -> str:
        return self.sha256


class CompanyQuerySet(StampedQuerySet["Company"]):
    def visible_to(self, user: User | AnonymousUser) -> "CompanyQuerySet":
        """Keep the companies of the user's account: all for a superuser, none without a login."""
        if isinstance(user, AnonymousUser):
            return self.none()
        return self if user.is_superuser else self.filter(accesses__user=user)


class Company(Located, Versioned):
    """A seller: identity, legal mentions, accounting defaults."""

    company_path = "pk"

    name = models.CharField(_("Raison sociale"), max_length=120, unique=True)
    legal_form = models.CharField(_("Forme juridique et capital"), max_length=120, blank=True)
    street = models.CharField(_("Rue"), max_length=120, blank=True)
    zip = models.CharField(_("Code postal"), max_length=10, blank=True)
    city = models.CharField(_("Ville"), max_length=80, blank=True)
    country = models.CharField(_("Pays"), max_length=2, default="FR")
    phone = models.CharField(_("Téléphone"), max_length=30, blank=True)
    email = models.EmailField(_("E-mail"), blank=True)
    website = models.CharField(_("Site internet"), max_length=120, blank=True)
    logo = models.ImageField(
        _("Logo"), upload_to="logos/", storage=LogoStorage(), blank=True, help_text=_("PNG ou JPEG.")
    )
    printed_logo = models.ForeignKey(
        Logo, models.PROTECT, null=True, blank=True, related_name="+", editable=False, verbose_name=_("logo imprimé")
    )
    siren = models.CharField("SIREN", max_length=9, blank=True)
    siret = models.CharField("SIRET", max_length=14, blank=True)
    trade_register = models.CharField(_("RCS et ville"), max_length=80, blank=True)
    vat_number = models.CharField(_("N° TVA"), max_length=20, blank=True)
    vat_on_debits = models.BooleanField(_("TVA d'après les débits"), default=False)
    iban = models.CharField("IBAN", max_length=34, blank=True)
    bic = models.CharField("BIC", max_length=11, blank=True)
    currency = models.CharField(_("Devise"), max_length=3, default="EUR")
    rounding = models.CharField(_("Arrondi"), max_length=10, choices=Rounding, default=Rounding.HALF_EVEN)
    late_penalty = models.CharField(
        _("Pénalités de retard"), max_length=200, default="trois fois le taux de l'intérêt légal"
    )
    discount_terms = models.CharField(_("Escompte"), max_length=200, default="Pas d'escompte pour paiement anticipé.")
    insurance = models.TextField(_("Assurance décennale (assureur, couverture)"), blank=True)
    mediator = models.TextField(_("Médiateur de la consommation"), blank=True)
    quote_validity_days = models.PositiveSmallIntegerField(_("Validité d'un devis (jours)"), default=30)
    income_account = models.CharField(
        _("Compte de produit par défaut"), max_length=12, default="706000", validators=[account_number]
    )
    receivable_account = models.CharField(
        _("Compte clients"), max_length=12, default="411000", validators=[account_number]
    )

    announce = models.CharField(
        _("Heure annoncée au client"), max_length=10, choices=Announce, default=Announce.HOUR, db_default=Announce.HOUR
    )
    window_minutes = models.PositiveSmallIntegerField(
        _("Plage (minutes)"),
        default=120,
        db_default=120,
        validators=[MinValueValidator(15), MaxValueValidator(480)],
        help_text=_("Longueur de la plage annoncée ; autour de l'heure, la moitié avant et la moitié après."),
    )
    sends_reminders = models.BooleanField(
        _("Rappeler les RDV la veille"),
        default=False,
        db_default=False,
        help_text=_("Le dernier jour ouvré avant le RDV : un SMS, ou un e-mail sans mobile."),
    )
    reminder_hour = models.TimeField(
        _("Heure du rappel"),
        default=time(17),
        db_default=time(17),
        validators=[MinValueValidator(time(8)), MaxValueValidator(time(19, 30))],
        help_text=_("De 8 h à 19 h 30. Ce qui n'a pas pu partir à 20 h ne part plus."),
    )
    tells_moves = models.BooleanField(
        _("Prévenir des RDV déplacés ou annulés"),
        default=False,
        db_default=False,
        help_text=_("Le client à qui l'heure a été annoncée reçoit un message, dix minutes après le changement."),
    )

    objects = CompanyQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("société")
        verbose_name_plural = _("sociétés")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        errors: dict[str, Text] = {}
        check_number(siren_number, self.siren, "siren", errors, "732829320")
        check_number(siret_number, self.siret, "siret", errors, "73282932000074")
        if self.country == "FR":
            check_number(vat_number, self.vat_number, "vat_number", errors, "FR44732829320")
        if self.currency not in CURRENCIES:
            errors["currency"] = (
                _("« %s » n'est pas une devise : tapez son code de trois lettres (EUR, CHF).") % self.currency
            )
        elif self.pk and self.invoices.exclude(currency=self.currency).exists():
            errors["currency"] = _("Cette société a des factures dans sa devise : elle ne change plus.")
        if errors:
            raise ValidationError(errors)


class CompanyAccess(models.Model):
    """A user works for a company and sees its documents in lists, counts, search and API."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="company_accesses", verbose_name=_("utilisateur")
    )
    company = models.ForeignKey(Company, models.CASCADE, related_name="accesses", verbose_name=_("société"))
    is_default = models.BooleanField(_("par défaut"), default=False)

    class Meta:
        ordering = ["-is_default", "company__name"]
        verbose_name = _("société de l'utilisateur")
        verbose_name_plural = _("sociétés de l'utilisateur")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "company"],
                name="invoicing_access_once",
                violation_error_message=_("Cet utilisateur a déjà accès à cette société."),
            )
        ]

    def __str__(self) -> str:
        return str(self.company)


PATHS[User] = "company_accesses__company"
