"""The turn of imports, which write one after the other."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class ImportTurn(models.Model):
    """One row, locked by the import that writes."""

    ONLY: ClassVar[int] = 1

    class Meta:
        verbose_name = _("tour d'import")
        verbose_name_plural = _("tours d'import")

    def __str__(self) -> str:
        return str(self.pk)
