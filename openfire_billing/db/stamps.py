"""The moment of the last write of a record, kept by every way of writing: save, queryset update, bulk writer.

Programs ask for the records changed after a moment. A write that bypasses these (raw SQL, a cascade of the database)
would hide a change from them: `tests/locks` checks each UPDATE of each service.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Self, TypeAlias, TypeVar

from django.db import models
from django.db.models import F, Max, OuterRef, Q, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from openfire_billing.db.fields import Option

Row = TypeVar("Row", bound=models.Model)
STAMP = "updated_at"


# Rows of another table that are part of what a program reads of a record: the rows, their key to it, their moment.
Moments: TypeAlias = "tuple[models.QuerySet[models.Model], str, str]"


class StampedQuerySet(models.QuerySet[Row]):
    """A queryset whose updates write the moment of the change."""

    def update(self, **values: Option) -> int:
        """As Django's, with the moment of the change."""
        if is_stamped(self.model):
            values.setdefault(STAMP, timezone.now())
        return super().update(**values)

    update.alters_data = True  # type: ignore[attr-defined]  # read by templates

    def with_changed_at(self) -> Self:
        """Annotate `changed_at`: the last change of what a program reads of the record, other rows included."""
        return self.annotate(changed_at=F(STAMP))

    def changed_after(self, at: datetime) -> Self:
        """Keep the records whose `changed_at` is later than that moment."""
        return self.filter(**{f"{STAMP}__gt": at})


def latest(column: str, *others: Moments) -> Combinable:
    """Return the expression of the latest of a record's own moment and those of rows that name it."""
    moments: list[Combinable] = [F(column)]
    for rows, key, moment in others:
        mine = rows.filter(**{key: OuterRef("pk")}).values(key).annotate(last=Max(moment)).values("last")
        moments.append(Coalesce(Subquery(mine), F(column)))
    return Greatest(*moments)


def written_after(at: datetime, *others: Moments) -> Q:
    """Return the condition that `latest` is later than a moment; it reads the recent rows alone."""
    condition = Q(**{f"{STAMP}__gt": at})
    for rows, key, moment in others:
        recent = rows.filter(**{f"{moment}__gt": at, f"{key}__isnull": False})
        condition |= Q(pk__in=recent.values(key))
    return condition


class Stamped(models.Model):
    """A record with the moment of its last write. Its manager is made from a `StampedQuerySet`."""

    updated_at = models.DateTimeField(_("modifié le"), auto_now=True, db_default=Now(), db_index=True)

    class Meta:
        abstract = True

    def save(self, *args: Option, update_fields: Iterable[str] | None = None, **options: Option) -> None:
        """As Django's; the moment is written with any other column."""
        if update_fields is not None and (names := set(update_fields)):
            update_fields = names | {STAMP}
        super().save(*args, update_fields=update_fields, **options)


def is_stamped(model: type[models.Model]) -> bool:
    """Return whether the rows of a model have the moment of their last write."""
    return issubclass(model, Stamped)


def is_stamped_apart(model: type[models.Model], columns: Collection[str]) -> bool:
    """Return whether a bulk write of these columns must add the moment."""
    return is_stamped(model) and STAMP not in columns


def touch(record: Stamped) -> None:
    """Write that a record changed now: what a program reads of it is in rows of another table."""
    type(record)._default_manager.filter(pk=record.pk).update(**{STAMP: timezone.now()})
