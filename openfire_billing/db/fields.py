"""Columns that mean the same everywhere, derived ones included, and the functions that migrations name."""

import secrets
from typing import Any

from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _

from openfire_billing.kernel.folding import fold
from openfire_billing.kernel.telephones import key_of


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


class DerivedField:
    """A column computed at each save from the columns `of`. Migrations keep its type alone."""

    def __init__(self, *args: Any, of: tuple[str, ...] = (), **options: Any) -> None:
        self.of = of
        super().__init__(*args, **{"editable": False, "blank": True, "default": ""} | options)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, options = super().deconstruct()  # type: ignore[misc]
        return name, path, args, {key: options[key] for key in options.keys() - {"editable", "blank", "default"}}

    def derive(self, record: Any) -> str:
        raise NotImplementedError

    def pre_save(self, record: Any, add: bool) -> Any:
        """Compute the column. A model of a migration, which knows no sources, keeps what it has."""
        name = self.attname  # type: ignore[attr-defined]
        if self.of:
            setattr(record, name, self.derive(record))
        return getattr(record, name)


class SearchTextField(DerivedField, models.TextField):
    """The words of the columns `of`, without accents or case (`fold`)."""

    def derive(self, record: Any) -> str:
        return fold(" ".join(filter(None, (str(getattr(record, name) or "") for name in self.of))))


class TelephoneKeyField(DerivedField, models.CharField):
    """The key (`key_of`) of the telephone in the column `of`, typed in the record's `telephone_region`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max_length": 32} | options)

    def derive(self, record: Any) -> str:
        typed = getattr(record, self.of[0])
        return key_of(typed, record.telephone_region) if typed else ""


def new_link_key() -> str:
    """The key of a customer's page: 32 characters nobody guesses."""
    return secrets.token_urlsafe(24)


def private_storage() -> Storage:
    """The files that only a view serves, after its checks."""
    return storages["default"]


def attachment_path(attachment: models.Model, filename: str) -> str:
    """Where an attached file is stored: by month, in a folder whose name nobody guesses."""
    return f"attachments/{timezone.localdate():%Y/%m}/{secrets.token_urlsafe(12)}/{filename}"


@deconstructible
class LogoStorage(FileSystemStorage):
    """Uploaded logos are private files: their address is a page of the back office."""

    def url(self, name: str | None) -> str:
        return reverse("admin:company_logo", args=[name])
