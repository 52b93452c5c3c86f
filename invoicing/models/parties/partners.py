"""Partners (customers, suppliers), their addresses and their tags."""

from types import ModuleType
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.fr import siren as siren_number
from stdnum.fr import tva as vat_number

from invoicing.choices import PartnerKind, TagScope
from invoicing.models.parties.places import Located
from openfire_billing.db.fields import SearchTextField, TelephoneKeyField
from openfire_billing.db.searchable import Searchable, columns_at
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.texts import Text
from openfire_billing.db.versions import Versioned
from openfire_billing.kernel.countries import country_code, country_name
from openfire_billing.kernel.french_days import department_of
from openfire_billing.kernel.telephones import region_of


def check_number(number: ModuleType, value: str, field: str, errors: dict[str, Text], example: str) -> None:
    """Add to `errors` a sentence for `field` when `value` fails the check of `number`, a module of stdnum."""
    if value:
        try:
            number.validate(value)
        except StdnumError:
            errors[field] = _("« %(value)s » n'est pas valable, par exemple %(example)s.") % {
                "value": value,
                "example": example,
            }


class Tag(Versioned):
    """A word by which users sort customers or interventions."""

    USED_THROUGH = ("partner",)

    name = models.CharField(_("Nom"), max_length=60)
    scope = models.CharField(_("Pour"), max_length=20, choices=TagScope, default=TagScope.PARTNER)

    objects = StampedQuerySet["Tag"].as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("étiquette")
        verbose_name_plural = _("étiquettes")
        constraints = [models.UniqueConstraint("scope", Lower("name"), name="invoicing_tag_once")]

    def __str__(self) -> str:
        return self.name


TELEPHONE_KEYS = ("phone_key", "mobile_key")


class Partner(Searchable, Versioned):
    """A customer or supplier. `bill_to`: the partner who pays; None when this one pays."""

    OWN_WORDS = ("search_text", *TELEPHONE_KEYS)
    SEARCHED = (*OWN_WORDS, "addresses__search_text", "addresses__phone_key")
    KEPT_FOR_OTHERS = ("bill_to", "email", "billing_email", "kind", "siren", "vat_number", "is_active", "terms")
    KEPT_ADVICE = _("Choisissez le payeur et l'e-mail sur vos documents, ou créez une autre fiche.")
    USED_THROUGH = ("addresses", "pays_for")

    name = models.CharField(_("Nom"), max_length=120, db_index=True)
    kind = models.CharField(_("Nature"), max_length=20, choices=PartnerKind, default=PartnerKind.PRIVATE)
    email = models.EmailField(_("E-mail"), blank=True)
    billing_email = models.EmailField(
        _("E-mail de facturation"),
        blank=True,
        db_default="",
        help_text=_("Où partent les factures et les avoirs ; vide : l'e-mail ci-dessus."),
    )
    phone = models.CharField(_("Téléphone"), max_length=30, blank=True)
    mobile = models.CharField(_("Mobile"), max_length=30, blank=True)
    store_code = models.CharField(_("Code magasin"), max_length=40, blank=True)
    tags = models.ManyToManyField(
        Tag, blank=True, limit_choices_to={"scope": TagScope.PARTNER}, verbose_name=_("étiquettes")
    )
    vat_number = models.CharField(_("N° TVA"), max_length=20, blank=True)
    siren = models.CharField("SIREN", max_length=9, blank=True)
    bill_to = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="pays_for", verbose_name=_("facturer à")
    )
    is_active = models.BooleanField(_("actif"), default=True)
    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="merged",
        verbose_name=_("fusionné dans"),
    )
    note = models.TextField(_("Note interne"), blank=True)
    sms_consent_on = models.DateField(_("Accepte les SMS commerciaux depuis le"), null=True, blank=True)
    sms_consent_source = models.CharField(
        _("Accord donné"), max_length=120, blank=True, db_default="", help_text=_("Où et comment : bon signé, appel…")
    )
    search_text = SearchTextField(of=("name", "store_code", "email", "siren", "vat_number"))
    phone_key = TelephoneKeyField(of=("phone",))
    mobile_key = TelephoneKeyField(of=("mobile",))

    class Meta:
        ordering = ["name", "pk"]
        verbose_name = _("client")
        verbose_name_plural = _("clients")
        constraints = [
            models.CheckConstraint(
                condition=Q(bill_to__isnull=True) | ~Q(bill_to=models.F("pk")),
                name="invoicing_partner_not_own_payer",
                violation_error_message=_("« Facturer à » : laissez vide quand le client paie lui-même."),
            ),
            models.UniqueConstraint(
                Lower("store_code"),
                condition=Q(merged_into__isnull=True) & ~Q(store_code=""),
                name="invoicing_partner_store_code_once",
                violation_error_message=_(
                    "Ce code magasin est celui d'un autre client : cherchez sa fiche, ou donnez un autre code."
                ),
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | Q(is_active=False),
                name="invoicing_partner_merged_is_archived",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def payer(self) -> "Partner":
        """The partner who pays for this one's work."""
        return self.bill_to or self

    @property
    def is_professional(self) -> bool:
        return self.kind in PartnerKind.professionals

    @property
    def address_for_bills(self) -> str:
        """The e-mail address that its invoices go to; "" without one."""
        return self.billing_email or self.email

    def with_merged(self) -> "models.QuerySet[Partner]":
        """Return this partner and those merged into it, whose posted documents keep their own partner."""
        return Partner.objects.filter(Q(pk=self.pk) | Q(merged_into=self))

    def clean(self) -> None:
        errors: dict[str, Text] = {}
        check_number(siren_number, self.siren, "siren", errors, "732829320")
        if self.vat_number.startswith("FR"):
            check_number(vat_number, self.vat_number, "vat_number", errors, "FR44732829320")
        if self.bill_to and self.bill_to.bill_to_id:
            errors["bill_to"] = _("« %(payer)s » est lui-même facturé à « %(other)s » : choisissez ce dernier.") % {
                "payer": self.bill_to,
                "other": self.bill_to.bill_to,
            }
        elif self.bill_to and self.bill_to.merged_into:
            errors["bill_to"] = _("« %(payer)s » a été fusionné dans « %(kept)s » : choisissez ce dernier.") % {
                "payer": self.bill_to,
                "kept": self.bill_to.merged_into,
            }
        elif self.bill_to and self.pk and Partner.objects.filter(bill_to=self).exists():
            errors["bill_to"] = _("« %s » paie pour d'autres clients : il paie aussi pour lui-même.") % self
        if (
            self.merged_into and self.is_active
        ):  # a constraint forbids it too, but its message cannot name the other record
            errors["is_active"] = _(
                "« %(name)s » a été fusionné dans « %(kept)s » : cette fiche reste archivée, prenez l'autre."
            ) % {"name": self, "kept": self.merged_into}
        if self.store_code and not self.merged_into_id and (other := self._namesake_of_code()):
            errors["store_code"] = (
                _("Ce code magasin est celui de « %s » : cherchez sa fiche, ou donnez un autre code.") % other
            )
        if errors:
            raise ValidationError(errors)

    def _namesake_of_code(self) -> "Partner | None":
        """Return another customer who bears the shop's code of this one. A form, which does not know whether this one is
        merged, leaves the constraint of the database out.
        """
        others = Partner.objects.filter(store_code__iexact=self.store_code, merged_into=None)
        return others.exclude(pk=self.pk).first()

    def has_keys_of_other_plan(self, region: str) -> bool:
        """Return whether a telephone key may differ in this region: keys of metropolitan France begin with +33."""
        keys = filter(None, (self.phone_key, self.mobile_key))
        return any(region != "FR" or not key.startswith("+33") for key in keys)

    @property
    def telephone_region(self) -> str:
        """The number plan of the default address; metropolitan France without an address."""
        address = self.default_address() if self.pk and not self._state.adding else None
        return address.telephone_region if address else "FR"

    def default_address(self) -> "Address | None":
        """The address used when the user chooses none: the default one, else the first."""
        return next(iter(sorted(self.addresses.all(), key=lambda a: (not a.is_default, a.pk))), None)

    def billing_address(self) -> "Address | None":
        """Where its invoices go: the billing address, else the default one."""
        return next(iter(sorted(self.addresses.all(), key=lambda a: (not a.is_billing, not a.is_default, a.pk))), None)


class Address(Located, Searchable, Versioned):
    """An address of a partner: where the work is done, or where invoices go."""

    PARENT = "partner"
    KEPT_FOR_OTHERS = ("partner",)
    KEPT_ADVICE = _("Créez l'adresse sur la fiche de l'autre client.")
    OWN_WORDS = ("search_text", "phone_key")
    SEARCHED = (*OWN_WORDS, *columns_at("partner", Partner))

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="addresses", verbose_name=_("client"))
    label = models.CharField(_("Libellé"), max_length=80, blank=True)
    street = models.CharField(_("Rue"), max_length=120)
    street2 = models.CharField(_("Complément"), max_length=120, blank=True)
    zip = models.CharField(_("Code postal"), max_length=10)
    city = models.CharField(_("Ville"), max_length=80)
    country = models.CharField(_("Pays"), max_length=2, default="FR")
    phone = models.CharField(_("Téléphone sur place"), max_length=30, blank=True)
    is_default = models.BooleanField(_("par défaut"), default=False)
    is_billing = models.BooleanField(_("facturation"), default=False)
    search_text = SearchTextField(of=("label", "street", "street2", "zip", "city"))
    phone_key = TelephoneKeyField(of=("phone", "country", "zip"))

    class Meta:
        ordering = ["partner__name", "-is_default", "pk"]
        verbose_name = _("adresse")
        verbose_name_plural = _("adresses")
        constraints = [
            models.UniqueConstraint(
                fields=["partner"],
                condition=Q(is_default=True),
                name="invoicing_address_one_default",
                violation_error_message=_("Une seule adresse par défaut par client."),
            ),
            models.UniqueConstraint(
                fields=["partner"],
                condition=Q(is_billing=True),
                name="invoicing_address_one_billing",
                violation_error_message=_("Une seule adresse de facturation par client."),
            ),
        ]

    def __str__(self) -> str:
        return ", ".join(filter(None, [self.label, self.street, f"{self.zip} {self.city}".strip()]))

    def save(self, *args: Any, **options: Any) -> None:  # type: ignore[explicit-any]  # as Django's
        """Save, and derive the partner's telephone keys again when the number plan of the address differs from theirs."""
        super().save(*args, **options)
        if self.partner.has_keys_of_other_plan(self.telephone_region):
            Partner.objects.filter(pk=self.partner_id).derive(TELEPHONE_KEYS)

    def clean(self) -> None:
        super().clean()
        code = country_code(self.country)
        if not code:
            raise ValidationError(
                {
                    "country": _("« %s » n'est pas un pays : donnez son code de deux lettres (FR, BE, CH).")
                    % self.country
                }
            )
        self.country = code

    @property
    def telephone_region(self) -> str:
        return region_of(self.country, self.zip)

    @property
    def department(self) -> str:
        return department_of(self.zip)

    @property
    def lines(self) -> list[str]:
        """The lines of the address on an envelope: street, complement, postcode and town."""
        return [part for part in (self.street, self.street2, f"{self.zip} {self.city}".strip()) if part]

    def lines_from(self, country: str) -> list[str]:
        """Return the lines of the address on a letter from `country`, a code: a foreign one ends with its own, in capitals."""
        abroad = [country_name(self.country).upper()] if self.country != country else []
        return self.lines + abroad
