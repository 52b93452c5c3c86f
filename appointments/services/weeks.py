"""What a working week needs when its form is saved: refusals of the database, hours copied from its first week."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from appointments.models import WorkingHours, WorkingWeek
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError


@contextmanager
def refused_when_valid_twice(week: WorkingWeek) -> Iterator[None]:
    """Raise BusinessError when the database refuses the week that is saved inside: a colleague has just saved another
    one, valid on one of its days.
    """
    try:
        with atomic():
            yield
    except IntegrityError as twice:
        raise BusinessError(
            _(
                "Un collègue vient d'enregistrer d'autres horaires de %s, valables aux mêmes dates. Rechargez la liste, "
                "puis changez les dates."
            )
            % (week.technician or week.company)
        ) from twice


def fill_empty_weeks(week: WorkingWeek, *, by: By) -> list[WorkingHours]:
    """Copy the hours of the first week to the weeks of the cycle without hours. Return those that are written."""
    filled = set(week.hours.order_by().values_list("rank", flat=True))
    first = list(week.hours.filter(rank=1))
    made = WorkingHours.objects.bulk_create(
        WorkingHours(week=week, rank=rank, weekday=hours.weekday, starts=hours.starts, ends=hours.ends)
        for rank in range(2, week.cycle + 1)
        if rank not in filled
        for hours in first
    )
    if made:
        record(week, "changed", by=by, text=_("Semaine 1 recopiée dans les semaines sans plages"))
    return made
