"""Column types shared by all apps, derived columns included, and the functions that migrations name."""

import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypedDict, Unpack, cast

from django.core.files.base import File
from django.core.files.storage import Storage, storages
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _

from openfire_billing.db.texts import Text
from openfire_billing.kernel.file_names import clean_name
from openfire_billing.kernel.folding import fold
from openfire_billing.kernel.telephones import key_of

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

    from openfire_billing.db.searchable import Searchable

    TextColumn = models.Field[str, str]
    _TextField = models.TextField[str, str]
    _CharField = models.CharField[str, str]
else:  # Django's fields take no parameters when the program runs
    TextColumn, _TextField, _CharField = object, models.TextField, models.CharField

# An option of one of Django's fields, handed over as it is.
Option: TypeAlias = Any  # type: ignore[explicit-any]  # Django gives each option its own type

DecimalColumn: TypeAlias = "models.DecimalField[str | float | Decimal | Combinable, Decimal]"


class ColumnOptions(TypedDict, total=False):
    """The options of a decimal column."""

    default: Decimal | int
    editable: bool
    blank: bool
    null: bool
    validators: Iterable[Callable[[Decimal], None]]


def quantity_field(verbose_name: Text = _("Qté"), **options: Unpack[ColumnOptions]) -> DecimalColumn:
    """Return a column of a quantity: three decimals."""
    return models.DecimalField(verbose_name, max_digits=12, decimal_places=3, **options)


def unit_price_field(verbose_name: Text = _("Prix unitaire"), **options: Unpack[ColumnOptions]) -> DecimalColumn:
    """Return a column of a unit price net of tax, in the document's currency: up to four decimals."""
    return models.DecimalField(verbose_name, max_digits=14, decimal_places=4, **options)


def percent_field(verbose_name: Text, **options: Unpack[ColumnOptions]) -> DecimalColumn:
    """Return a column of a percentage: 5.50 is 5,5 %."""
    return models.DecimalField(verbose_name, max_digits=5, decimal_places=2, **options)


def amount_field(verbose_name: Text, **options: Unpack[ColumnOptions]) -> DecimalColumn:
    """Return a column of an amount in the document's currency, to the cent."""
    return models.DecimalField(verbose_name, max_digits=14, decimal_places=2, **options)


def hours_field(verbose_name: Text, **options: Unpack[ColumnOptions]) -> DecimalColumn:
    """Return a column of hours: 1.50 is one hour and a half."""
    return models.DecimalField(verbose_name, max_digits=6, decimal_places=2, **options)


class DerivedField(TextColumn):
    """A column computed at each save from the columns `of`. Migrations keep its type alone."""

    FIXED: ClassVar[dict[str, Option]] = {"editable": False, "blank": True, "default": ""}  # left out of migrations
    USUAL: ClassVar[dict[str, Option]] = {}

    def __init__(self, *args: Option, of: tuple[str, ...] = (), **options: Option) -> None:
        self.of = of
        super().__init__(*args, **self.FIXED | self.USUAL | options)

    def deconstruct(self) -> tuple[str, str, Sequence[Option], dict[str, Option]]:
        """As Django's, without the options that every derived column has."""
        name, path, args, options = super().deconstruct()
        return name, path, args, {key: options[key] for key in options.keys() - self.FIXED.keys()}

    def derive(self, record: models.Model) -> str:
        """Return the value of the column for this record, from its columns `of`."""
        raise NotImplementedError

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Compute the column. A model of a migration, which knows no sources, keeps what it has."""
        if self.of:
            setattr(model_instance, self.attname, self.derive(model_instance))
        value: str = getattr(model_instance, self.attname)
        return value


class SearchTextField(DerivedField, _TextField):
    """The words of the columns `of`, without accents or case (`fold`)."""

    def derive(self, record: models.Model) -> str:
        return fold(" ".join(filter(None, (str(getattr(record, name) or "") for name in self.of))))


class TelephoneKeyField(DerivedField, _CharField):
    """A search key derived from the telephone number in the column `of`: its E.164 form, else its digits, else "".

    `key_of` parses the number with the dialling rules of the record's `telephone_region`.
    """

    USUAL: ClassVar[dict[str, Option]] = {"max_length": 32}

    def derive(self, record: models.Model) -> str:
        typed = getattr(record, self.of[0])
        return key_of(typed, cast("Searchable", record).telephone_region) if typed else ""


def new_link_key() -> str:
    """Return the key of a customer's page: 32 random characters."""
    return secrets.token_urlsafe(24)


class PrivateStorage(Storage):
    """The storage `default` of the settings, asked at each call: files that only a view serves, after its checks."""

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        return storages["default"].open(name, mode)

    def _save(self, name: str, content: "File[bytes]") -> str:
        return storages["default"].save(name, content)

    def exists(self, name: str) -> bool:
        return storages["default"].exists(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        return storages["default"].listdir(path)

    def size(self, name: str) -> int:
        return storages["default"].size(name)

    def get_modified_time(self, name: str) -> datetime:
        return storages["default"].get_modified_time(name)

    def delete(self, name: str) -> None:
        storages["default"].delete(name)


def private_storage() -> Storage:
    """Return the storage of the private files."""
    return PrivateStorage()


def attachment_path(attachment: models.Model, filename: str) -> str:
    """Return where an attached file is stored: by month, in a folder with a random name, under letters, digits, « - », « _ »
    and « . » of its own name.
    """
    stored = clean_name(re.sub(r"[^-\w.]", "_", filename))
    return f"attachments/{timezone.localdate():%Y/%m}/{secrets.token_urlsafe(12)}/{stored}"


@deconstructible
class LogoStorage(PrivateStorage):
    """Uploaded logos are private files: their address is a page of the back office."""

    def url(self, name: str | None) -> str:
        return reverse("admin:company_logo", args=[name])
