"""What text messages are written from, and who refuses them."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import TextUse
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.versions import Versioned


class SmsTemplate(Versioned):
    """A text message with variables: « Bonjour {client}, … ». Null company: of all of them.

    `about`: the records it is for, "app.model". `use`: what it is sent for by itself; of a company, one active for each use.
    """

    name = models.CharField(_("Nom"), max_length=80)
    company = models.ForeignKey(
        "invoicing.Company", models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("société")
    )
    about = models.CharField(_("Pour"), max_length=60)
    use = models.CharField(
        _("Part tout seul pour"),
        max_length=12,
        choices=TextUse,
        blank=True,
        default="",
        db_default="",
        help_text=_("Vide : il se choisit dans « Envoyer un SMS ». La société dit ce qui part tout seul."),
    )
    body = models.TextField(_("Texte"), max_length=1000)
    is_commercial = models.BooleanField(
        _("commercial"),
        default=False,
        help_text=_("Part de 8 h à 20 h, jamais un dimanche ni un jour férié, et seulement à qui l'accepte."),
    )
    is_active = models.BooleanField(_("actif"), default=True)

    IS_RULE = True

    objects = StampedQuerySet.as_manager()

    class Meta:
        ordering = ["about", "name", "pk"]
        verbose_name = _("modèle de SMS")
        verbose_name_plural = _("modèles de SMS")
        constraints = [
            models.UniqueConstraint(
                fields=["company", "about", "name"],
                name="invoicing_smstemplate_name_once",
                violation_error_message=_("Un modèle de SMS porte déjà ce nom : donnez-en un autre."),
            ),
            models.UniqueConstraint(
                fields=["about", "name"],
                condition=models.Q(company=None),
                name="invoicing_smstemplate_shared_name_once",
                violation_error_message=_("Un modèle de SMS porte déjà ce nom : donnez-en un autre."),
            ),
            models.UniqueConstraint(
                fields=["company", "about", "use"],
                condition=models.Q(is_active=True) & ~models.Q(use=""),
                name="invoicing_smstemplate_use_once",
                violation_error_message=_("Un autre modèle actif sert déjà à cela : désactivez-le d'abord."),
            ),
            models.UniqueConstraint(
                fields=["about", "use"],
                condition=models.Q(is_active=True, company=None) & ~models.Q(use=""),
                name="invoicing_smstemplate_shared_use_once",
                violation_error_message=_("Un autre modèle actif sert déjà à cela : désactivez-le d'abord."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SmsStop(models.Model):
    """A number whose holder refuses the commercial text messages of a company. Kept until it is lifted by hand."""

    company = models.ForeignKey("invoicing.Company", models.CASCADE, related_name="+", verbose_name=_("société"))
    number = models.CharField(_("numéro"), max_length=20)
    at = models.DateTimeField(_("le"), default=timezone.now)
    source = models.CharField(_("d'où"), max_length=120)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = _("numéro qui refuse les SMS commerciaux")
        verbose_name_plural = _("numéros qui refusent les SMS commerciaux")
        constraints = [models.UniqueConstraint(fields=["company", "number"], name="invoicing_smsstop_once")]

    def __str__(self) -> str:
        return self.number
