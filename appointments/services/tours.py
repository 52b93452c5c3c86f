"""The sectors of technicians' days."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from appointments.models import Tour
from appointments.services.locks import lock_tours
from interventions.models import Sector, Technician
from invoicing.services.records.history import record_many, refuse_stale
from openfire_billing.db.people import By
from openfire_billing.db.scope import visible
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import value_text

MOST = 2000  # technicians × days of one act


def sectors_of_days(
    technicians: Iterable[Technician], first_day: date, last_day: date
) -> dict[tuple[int, date], list[Sector]]:
    """Return {(id of a technician, day): its sectors by name} between two days, both included, in one query.

    A day without sectors is left out.
    """
    ids = [technician.pk for technician in technicians]
    rows = Tour.sectors.through.objects.filter(tour__technician__in=ids, tour__on__range=(first_day, last_day))
    found: dict[tuple[int, date], list[Sector]] = defaultdict(list)
    for row in rows.select_related("tour", "sector").order_by("sector__name"):
        found[row.tour.technician_id, row.tour.on].append(row.sector)
    return dict(found)


def assign_sectors(
    technicians: Collection[Technician],
    days: Collection[date],
    sectors: Collection[Sector],
    *,
    seen: int | None = None,
    by: By,
) -> list[Tour]:
    """Keep each of these days of each of these technicians for `sectors`, in place of those it had; none opens it.

    Returns the tours that changed, by technician and day. All or nothing. `seen`: the version of a single tour.
    Raises BusinessError: nobody, no day, too many of them, a technician who is gone or works for a company that `by`
    does not see; StaleForm.
    """
    _refuse_amount(technicians, days)
    with atomic():
        people, tours = lock_tours(technicians, days)
        _refuse_others(technicians, people, by)
        if seen is not None:
            for known in tours.values():
                refuse_stale(known, seen)
        wanted = {sector.pk: sector for sector in sectors}
        new: list[Tour] = []
        changed: list[tuple[Tour, str]] = []  # with the names of the sectors before
        for person in people:
            for day in sorted(set(days)):
                tour = tours.get((person.pk, day))
                if tour is None:
                    new += [Tour(technician=person, on=day)] if wanted else []
                elif {sector.pk for sector in tour.sectors.all()} != wanted.keys():
                    changed.append((tour, _names(tour.sectors.all())))
        return _write(new, changed, wanted, by=by)


def _write(new: list[Tour], changed: list[tuple[Tour, str]], wanted: dict[int, Sector], *, by: By) -> list[Tour]:
    """Write tours and their sectors, with a number of statements that does not depend on how many they are."""
    new = Tour.objects.bulk_create(new)
    links, kept = Tour.sectors.through.objects, [tour.pk for tour, _before in changed]
    links.filter(tour__in=kept).delete()
    Tour.objects.filter(pk__in=kept).update(version=F("version") + 1)
    touched = [*new, *(tour for tour, _before in changed)]
    links.bulk_create(
        Tour.sectors.through(tour_id=tour.pk, sector_id=sector) for tour in touched for sector in sorted(wanted)
    )
    after = _names(wanted.values())
    before = [value_text(None)] * len(new) + [names for _tour, names in changed]
    text = _("Secteurs de la journée : %s") % after
    record_many(
        [(tour, text, {"sectors": [names, after]}) for tour, names in zip(touched, before, strict=True)],
        "sectors",
        by=by,
    )
    for tour, _before in changed:
        tour.version += 1
    return sorted(touched, key=lambda tour: (tour.technician_id, tour.on))


def _names(sectors: Iterable[Sector]) -> str:
    return ", ".join(sorted(sector.name for sector in sectors)) or value_text(None)


def _refuse_amount(technicians: Collection[Technician], days: Collection[date]) -> None:
    if not technicians:
        raise BusinessError(
            _("Aucun intervenant n'est choisi : choisissez-en au moins un."), code="missing_field", field="technicians"
        )
    if not days:
        raise BusinessError(
            _("La période n'a aucun des jours cochés : élargissez-la, ou cochez d'autres jours de la semaine."),
            code="missing_field",
            field="weekdays",
        )
    if len(technicians) * len(days) > MOST:
        raise BusinessError(
            _(
                "%(count)d journées à la fois, et %(most)d au plus sont permises : raccourcissez la période, ou choisissez "
                "moins d'intervenants."
            )
            % {"count": len(technicians) * len(days), "most": MOST}
        )


def _refuse_others(asked: Iterable[Technician], people: Collection[Technician], by: By) -> None:
    """Refuse a technician who is gone, or of a company that `by` does not work for."""
    there = {person.pk for person in people}
    for person in asked:
        if person.pk not in there:
            raise BusinessError(
                _("%s n'existe plus, sa fiche a été supprimée entre-temps : rechargez la page.") % person, code="stale"
            )
    seen = set(visible(Technician.objects.filter(pk__in=there), by).values_list("pk", flat=True))
    for person in people:
        if person.pk not in seen:
            raise BusinessError(
                _("%(person)s travaille pour %(company)s : choisissez un intervenant de votre société.")
                % {"person": person, "company": person.company},
                code="other_company",
                field="technicians",
            )
