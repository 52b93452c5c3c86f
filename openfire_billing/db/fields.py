"""Columns that mean the same everywhere: quantities, unit prices, percents, amounts; where logos are stored."""

from typing import Any

from django.core.files.storage import FileSystemStorage
from django.db import models
from django.urls import reverse
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _


def quantity_field(verbose_name: Any = _("Qté"), **options: Any) -> models.DecimalField:
    """A quantity: three decimals."""
    return models.DecimalField(verbose_name, max_digits=12, decimal_places=3, **options)


def unit_price_field(verbose_name: Any = _("Prix unitaire"), **options: Any) -> models.DecimalField:
    """A unit price net of tax, in the document's currency: up to four decimals."""
    return models.DecimalField(verbose_name, max_digits=14, decimal_places=4, **options)


def percent_field(verbose_name: Any, **options: Any) -> models.DecimalField:
    """A percentage: 5.50 is 5,5 %."""
    return models.DecimalField(verbose_name, max_digits=5, decimal_places=2, **options)


def amount_field(verbose_name: Any, **options: Any) -> models.DecimalField:
    """An amount in the document's currency, to the cent."""
    return models.DecimalField(verbose_name, max_digits=14, decimal_places=2, **options)


def hours_field(verbose_name: Any, **options: Any) -> models.DecimalField:
    """A duration in hours: 1.50 is one hour and a half."""
    return models.DecimalField(verbose_name, max_digits=6, decimal_places=2, **options)


@deconstructible
class LogoStorage(FileSystemStorage):
    """Uploaded logos are private files: their address is a page of the back office."""

    def url(self, name: str | None) -> str:
        return reverse("admin:company_logo", args=[name])
