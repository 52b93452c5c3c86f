"""Records found by their own words and telephones: the columns compared are derived at each save."""

from collections.abc import Collection, Iterable, Sequence
from typing import ClassVar, TypeVar, cast

from django.db import models

from openfire_billing.db.fields import DerivedField, Option
from openfire_billing.db.stamps import StampedQuerySet

Row = TypeVar("Row", bound=models.Model)


def derived_fields(model: type[models.Model]) -> list[DerivedField]:
    """Return the derived columns of a model."""
    return [field for field in model._meta.concrete_fields if isinstance(field, DerivedField)]


def with_derived(model: type[models.Model], names: Collection[str]) -> list[str]:
    """Return `names` and the columns derived from one of them."""
    return [*names, *(f.name for f in derived_fields(model) if f.name not in names and not set(f.of).isdisjoint(names))]


class SearchableQuerySet(StampedQuerySet[Row]):
    """A queryset whose bulk writes update derived columns."""

    def update(self, **values: Option) -> int:
        """As Django's; columns derived from those written are computed row by row."""
        derived = with_derived(self.model, values)[len(values) :]
        keys = list(self.values_list("pk", flat=True)) if derived else []
        written = super().update(**values)
        if keys:
            rows = self.model._default_manager.filter(pk__in=keys)
            cast("SearchableQuerySet[Row]", rows).derive(derived)
        return written

    update.alters_data = True  # type: ignore[attr-defined]  # read by templates

    def derive(self, names: Sequence[str]) -> None:
        """Compute these derived columns again, after what they derive from changed in another table."""
        self.bulk_update(list(self), names)

    def bulk_update(self, objs: Iterable[Row], fields: Iterable[str], batch_size: int | None = None) -> int:
        """As Django's, with the columns derived from those written."""
        rows, names = list(objs), with_derived(self.model, list(fields))
        for field in derived_fields(self.model):
            if field.name in names:
                for row in rows:
                    field.pre_save(row, add=False)
        return super().bulk_update(rows, names, batch_size)

    bulk_update.alters_data = True  # type: ignore[attr-defined]  # read by templates


class Searchable(models.Model):
    """A record with columns derived from those people type: `OWN_WORDS`.

    A list, a choice box and the API search the columns that the model names in `SEARCHED`.
    """

    OWN_WORDS: ClassVar[tuple[str, ...]] = ("search_text",)

    objects = SearchableQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Option, update_fields: Iterable[str] | None = None, **options: Option) -> None:
        """As Django's; derived columns follow those written."""
        if update_fields is not None:
            update_fields = with_derived(type(self), list(update_fields))
        super().save(*args, update_fields=update_fields, **options)

    @property
    def telephone_region(self) -> str:
        """The number plan of its telephones: ISO 3166 code."""
        return "FR"


def columns_at(path: str, model: type[Searchable]) -> tuple[str, ...]:
    """Return the columns by which the record at `path` is found: ("partner__search_text", …)."""
    return tuple(f"{path}__{column}" for column in model.OWN_WORDS)
