"""The installed base: the equipment at customers' addresses."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from invoicing.models import Address, Partner, Product
from openfire_billing.db.fields import SearchTextField
from openfire_billing.db.searchable import Searchable, columns_at
from openfire_billing.db.versions import Versioned


class InstalledProduct(Searchable, Versioned):
    """A piece of equipment at an address of a customer."""

    SEARCHED = ("search_text", *columns_at("partner", Partner), *columns_at("address", Address))

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="installed_products", verbose_name=_("client"))
    address = models.ForeignKey(Address, models.PROTECT, related_name="installed_products", verbose_name=_("adresse"))
    name = models.CharField(_("Désignation"), max_length=120)
    product = models.ForeignKey(
        Product, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("article")
    )
    brand = models.CharField(_("Marque"), max_length=60, blank=True)
    serial_number = models.CharField(_("N° de série"), max_length=60, blank=True, db_index=True)
    installed_on = models.DateField(_("Posé le"), null=True, blank=True)
    warranty_until = models.DateField(_("Garantie jusqu'au"), null=True, blank=True)
    note = models.TextField(_("Note"), blank=True)
    search_text = SearchTextField(of=("name", "brand", "serial_number"))
    is_active = models.BooleanField(_("en service"), default=True)

    class Meta:
        ordering = ["partner__name", "name", "pk"]
        verbose_name = _("produit installé")
        verbose_name_plural = _("parc installé")

    def __str__(self) -> str:
        return " · ".join(filter(None, [self.name, self.brand, self.serial_number]))
