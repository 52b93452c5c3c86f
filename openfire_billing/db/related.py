"""Foreign keys of many rows, read with one query for each."""

from collections.abc import Iterable

from django.db import models


def read_related(rows: Iterable[models.Model], *names: str) -> None:
    """Read the foreign keys `names` of rows of one model, each with one query, and set them on the rows.

    Rows with the same key share one object. As `prefetch_related_objects`, at a fraction of its time for each row.
    """
    all_rows = list(rows)
    if not all_rows:
        return
    for name in names:
        field = all_rows[0]._meta.get_field(name)
        assert isinstance(field, models.ForeignKey)
        keys = {key for row in all_rows if (key := getattr(row, field.attname)) is not None}
        related = field.remote_field.model
        found = {each.pk: each for each in related._base_manager.filter(pk__among=sorted(keys))} if keys else {}
        for row in all_rows:
            field.set_cached_value(row, found.get(getattr(row, field.attname)))
