"""The days around today in the demonstration: twelve technicians in three teams, full days, absences, DIs to plan."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import cycle

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.utils import timezone

from appointments.availability import Calendar
from appointments.models import Absence, Appointment
from appointments.querysets import day_bounds
from appointments.services.calendars import calendars_of
from appointments.services.saving import appoint
from appointments.services.states import confirm_appointment, finish_appointment
from interventions.models import InterventionRequest, Sector, Task, Team, Technician
from interventions.services.requests import new_intervention, new_lines
from interventions.services.writing import NewRequest, write_validated
from invoicing.models import Company, FiscalPosition, Partner
from invoicing.services.documents.lines import Item
from invoicing.services.records.attachments import attach
from openfire_billing.office.demonstration_pictures import photograph

TEAMS = {
    "Rennes": ("Rennes métropole", ("Tugdual Rivoal", "Nolwenn Castrec", "Efflam Goasdoué", "Rozenn Tallec")),
    "Nord": ("Nord", ("Maëva Quéré", "Brendan Le Gall", "Youna Marrec", "Arzhel Penven")),
    "Sud": ("Sud", ("Loeiz Prigent", "Sterenn Cadoret", "Gurvan Lostie", "Enora Quintin")),
}
AWAY = ("Youna Marrec", "Gurvan Lostie")  # one on leave, one in training, all three days
WITH_A_GAP = "Arzhel Penven"  # two hours of his reference day are free
TO_PLAN = 60
PHOTOGRAPHED = 3

# Task, title, position of the lines' taxes; without a position the work is free.
_WORK = (
    ("Ramonage et entretien poêle à granulés", "Entretien annuel", "VEN-10"),
    ("Visite technique avant devis", "Projet d'installation", ""),
    ("Dépannage", "SAV sous garantie", ""),
    ("Ramonage poêle à bûches", "Ramonage", "VEN-10"),
    ("Entretien annuel chaudière", "Garantie constructeur", ""),
)


def load_days(company: Company, customers: Sequence[Partner], *, on: date, planner: User) -> None:
    """Fill the working day before `on`, `on` or the next working day, and the one after; then make DIs to plan."""
    technicians = _make_teams(company)
    days = _three_days(technicians[0], on)
    _make_absences(technicians, days)
    people = cycle(customers)
    _two_days(company, next(people), technicians, days, on=on, by=planner)
    _by_a_team(company, next(people), technicians, days, on=on, by=planner)
    wanted = [piece for day in days for piece in _pieces_left(technicians, day, days[1])]
    requests = _write(company, [(work, next(people), start.date()) for work, _t, start in wanted], on=on, by=planner)
    photographed = 0
    for (_work, technician, start), request in zip(wanted, requests, strict=True):
        rdv = appoint(request, technicians=[technician], starts_at=start, on=on, by=planner)
        rdv = confirm_appointment(rdv, by=planner)
        if start.date() == days[0]:
            assert rdv.ends_at is not None
            finish_appointment(rdv, at=rdv.ends_at, report="Travail fait, appareil en service.", by=planner)
            if photographed < PHOTOGRAPHED:
                attach(rdv, ContentFile(photograph(photographed), f"appareil-{photographed + 1}.jpg"), by=planner)
                photographed += 1
    _to_plan(company, customers, on=on, by=planner)


def _make_teams(company: Company) -> list[Technician]:
    """Make the technicians that are missing, their teams and their sectors. Return the twelve."""
    everybody = []
    for number, (name, (sector, members)) in enumerate(TEAMS.items()):
        team = Team.objects.create(name=f"Équipe {name}", company=company)
        for rank, member in enumerate(members):
            technician, _is_new = Technician.objects.get_or_create(
                name=member, company=company, defaults={"phone": f"06 39 98 21 {number}{rank}"}
            )
            technician.sectors.add(Sector.objects.get(name=sector))
            team.technicians.add(technician)
            everybody.append(technician)
    return everybody


def _three_days(technician: Technician, on: date) -> tuple[date, date, date]:
    """Return the last working day before `on`, the first from `on`, and the next."""
    calendar = calendars_of([technician], first_day=on - timedelta(days=15), last_day=on + timedelta(days=20))[
        technician.pk
    ]
    before = next(day for n in range(1, 15) if calendar.working(day := on - timedelta(days=n)))
    first, second = [day for n in range(20) if calendar.working(day := on + timedelta(days=n))][:2]
    return before, first, second


def _make_absences(technicians: Sequence[Technician], days: Sequence[date]) -> None:
    start, _midnight = day_bounds(days[0])
    _start, end = day_bounds(days[-1])
    for name, reason in zip(AWAY, ("Congés", "Formation"), strict=True):
        technician = next(each for each in technicians if each.name == name)
        Absence.objects.create(technician=technician, starts_at=start, ends_at=end, reason=reason)


def _two_days(
    company: Company, customer: Partner, technicians: Sequence[Technician], days: Sequence[date], *, on: date, by: User
) -> Appointment:
    """Make the RDV that takes the reference day and the next one."""
    [request] = _write(company, [(("Pose de poêle", "Pose, deux jours", "VEN-5.5"), customer, days[1])], on=on, by=by)
    technician = technicians[1]
    [morning, *_rest] = _calendar(technician, days).free(days[1])
    rdv = appoint(request, technicians=[technician], starts_at=morning[0], duration=Decimal(12), on=on, by=by)
    return confirm_appointment(rdv, by=by)


def _by_a_team(
    company: Company, customer: Partner, technicians: Sequence[Technician], days: Sequence[date], *, on: date, by: User
) -> Appointment:
    """Make the RDV of a whole team, on the morning of the next day."""
    [request] = _write(
        company, [(("Pose de poêle", "Pose à trois, conduit de 7 m", "VEN-5.5"), customer, days[2])], on=on, by=by
    )
    team = [each for each in technicians if each.name in TEAMS["Sud"][1] and each.name not in AWAY]
    [morning, *_rest] = _calendar(team[0], days).free(days[2])
    rdv = appoint(request, technicians=team, starts_at=morning[0], duration=Decimal(4), on=on, by=by)
    Appointment.objects.filter(pk=rdv.pk).update(team=Team.objects.get(name="Équipe Sud"))
    rdv.refresh_from_db()
    return confirm_appointment(rdv, by=by)


def _calendar(technician: Technician, days: Sequence[date]) -> Calendar:
    return calendars_of([technician], first_day=days[0], last_day=days[-1])[technician.pk]


def _pieces_left(
    technicians: Sequence[Technician], day: date, reference: date
) -> Iterator[tuple[tuple[str, str, str], Technician, datetime]]:
    """Yield (work, technician, start) that fill what is free of a day, in turn; a gap stays on the reference day."""
    durations = dict(Task.objects.values_list("name", "duration"))
    calendars = calendars_of(technicians, first_day=day, last_day=day)
    works = cycle(_WORK)
    for technician in technicians:
        for start, end in calendars[technician.pk].free(day):
            is_afternoon = start.hour >= 12
            moment = start
            if technician.name == WITH_A_GAP and day == reference and is_afternoon:
                moment += timedelta(hours=2)
            while True:
                left = (end - moment).total_seconds() / 3600
                work = next((w for w in (next(works) for _ in _WORK) if durations[w[0]] <= left), None)
                if work is None:
                    break
                yield work, technician, moment
                moment += timedelta(hours=float(durations[work[0]]))


def _write(
    company: Company, wanted: Sequence[tuple[tuple[str, str, str], Partner, date]], *, on: date, by: User
) -> list[InterventionRequest]:
    """Write validated DIs of these works, customers and days, in bulk."""
    tasks = {task.name: task for task in Task.objects.select_related("product", "type")}
    positions = {position.code: position for position in FiscalPosition.objects.all()}
    requests = []
    for (task, title, position), customer, day in wanted:
        intervention = new_intervention(
            company=company,
            by=by,
            partner=customer,
            task=tasks[task],
            title=title,
            from_on=day,
            to_on=day + timedelta(days=14),
            fiscal_position=positions[position or "VEN-20"],
        )
        product = tasks[task].product
        lines = new_lines(intervention, [Item(label="", product=product)] if product and position else [], on=on)
        requests.append(NewRequest(intervention, lines, "imported", "Demande reçue par téléphone"))
    write_validated(requests, by=by, at=timezone.now())
    return [request.intervention for request in requests]


def _to_plan(company: Company, customers: Sequence[Partner], *, on: date, by: User) -> None:
    """Make DIs to plan until there are TO_PLAN of them whose window is open or opens within a month: some are late."""
    waiting = InterventionRequest.objects.filter(
        company=company, state="to_plan", from_on__lte=on + timedelta(days=30)
    ).count()
    wanted = [
        (_WORK[rank % len(_WORK)], customers[-1 - rank % len(customers)], on + timedelta(days=rank % 40 - 18))
        for rank in range(max(0, TO_PLAN - waiting))
    ]
    _write(company, wanted, on=on, by=by)
