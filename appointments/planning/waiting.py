"""What is to place: DIs to plan, RDVs without a date, RDVs postponed that nothing followed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from appointments.choices import AppointmentState
from appointments.models import Appointment
from appointments.planning.links import CARD, DI, RDV, link_of
from appointments.services.calendars import hours_to_length
from interventions.choices import InterventionState
from interventions.models import InterventionRequest
from interventions.services.sectors import sector_ids_of
from invoicing.models import Address
from openfire_billing.db.scope import visible
from openfire_billing.db.search import narrowed, words_of
from openfire_billing.kernel.formats import days_text
from openfire_billing.web.tags import hours

MOST = 60


@dataclass(frozen=True)
class Waiting:
    """A row of the list: a DI (`is_intervention`) or an RDV. `minutes`: its work. `why`: « en retard », « avant le 12/12 », « reporté ».

    `record_url`: the page of the record; `url`: what the list opens.
    """

    pk: int
    is_intervention: bool
    version: int
    name: str
    who: str
    address: Address
    task: str
    hours: str
    minutes: int
    why: str
    is_late: bool
    url: str
    record_url: str

    @property
    def town(self) -> str:
        return self.address.city


def waiting_of(
    user: Any, values: Mapping[str, str], *, most: int = MOST, sectors: Collection[int] = ()
) -> tuple[list[Waiting], bool]:
    """Return what the user may place, and whether there is more: late DIs, then RDVs, then the other DIs by the end of
    their period. `values`: `q`, words; `late`, the late DIs alone. `sectors`: ids of those the addresses lie in; all of
    them when it is empty.
    """
    words = words_of(values.get("q", ""))
    only_late = values.get("late") == "1"
    requests: list[Waiting] = []
    if user.has_perm("interventions.view_interventionrequest"):
        requests = _requests(user, words, only_late=only_late, most=most, sectors=sectors)
    late = [row for row in requests if row.is_late]
    found = [
        *late,
        *([] if only_late else _appointments(user, words, most=most, sectors=sectors)),
        *requests[len(late) :],
    ]
    return found[:most], len(found) > most


def _first(rows: QuerySet[Any], most: int, sectors: Collection[int]) -> list[Any]:
    """Return the first rows in their order, one more than `most`, with what is shown of them. A sector follows from the
    post code by rules that the database does not know: the rows are narrowed by their ids.
    """
    if sectors:
        places = list(rows.values_list("pk", "address", "address__zip"))
        found = sector_ids_of({address: zip_code for _pk, address, zip_code in places})
        kept = [pk for pk, address, _zip in places if found[address] in sectors]
        rows = rows.filter(pk__in=kept[: most + 1])
    return list(rows.select_related("partner", "address", "task")[: most + 1])


def _requests(user: Any, words: list[str], *, only_late: bool, most: int, sectors: Collection[int]) -> list[Waiting]:
    today = timezone.localdate()
    rows = visible(InterventionRequest.objects.active(), user).filter(
        state__in=[InterventionState.TO_PLAN, InterventionState.PARTLY_PLANNED]
    )
    rows = rows.filter(to_on__lt=today) if only_late else rows.soon(today)
    rows = narrowed(rows, InterventionRequest.SEARCHED, words)
    return [
        Waiting(
            pk=row.pk,
            is_intervention=True,
            version=row.version,
            name=str(row),
            who=row.partner.name,
            address=row.address,
            task=row.task.name,
            hours=hours(row.remaining_duration or row.duration),
            minutes=_minutes(row.remaining_duration or row.duration),
            why=_("en retard") if row.to_on < today else days_text(row.from_on, row.to_on),
            is_late=row.to_on < today,
            url=link_of(DI, row.pk),
            record_url=link_of(DI, row.pk),
        )
        for row in _first(rows.order_by("to_on", "pk"), most, sectors)
    ]


def _appointments(user: Any, words: list[str], *, most: int, sectors: Collection[int]) -> list[Waiting]:
    """Return drafts without a date, and those postponed without a DI that no later RDV follows."""
    followed = Appointment.objects.filter(
        partner=OuterRef("partner"), task=OuterRef("task"), pk__gt=OuterRef("pk"), intervention=None
    ).exclude(state__in=[AppointmentState.POSTPONED, AppointmentState.CANCELLED])
    rows = visible(Appointment.objects.all(), user).filter(
        Q(state=AppointmentState.DRAFT, starts_at=None)
        | (Q(state=AppointmentState.POSTPONED, intervention=None) & ~Exists(followed))
    )
    rows = narrowed(rows, Appointment.SEARCHED, words)
    return [
        Waiting(
            pk=row.pk,
            is_intervention=False,
            version=row.version,
            name=str(row),
            who=row.partner.name,
            address=row.address,
            task=row.task.name,
            hours=hours(row.duration),
            minutes=_minutes(row.duration),
            why=_("reporté") if row.state == AppointmentState.POSTPONED else _("sans date"),
            is_late=False,
            url=link_of(CARD, row.pk),
            record_url=link_of(RDV, row.pk),
        )
        for row in _first(rows.order_by("pk"), most, sectors)
    ]


def _minutes(duration: Decimal) -> int:
    return int(hours_to_length(duration).total_seconds()) // 60
