"""Reference data, the demonstration, and the main job of `make demo`: each may be replayed."""

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import ManagementUtility, call_command
from django.core.management.base import CommandError
from django.db.models import F
from django.utils import timezone

from appointments.models import Absence, Appointment
from appointments.services.calendars import calendars_of
from interventions.models import InterventionRequest, Team, Technician
from interventions.services.purchases import order_supplies
from invoicing.models import (
    Address,
    Allocation,
    Attachment,
    Company,
    DocumentJob,
    FiscalPosition,
    HistoryLine,
    Invoice,
    Journal,
    Product,
    Quote,
    Tax,
)
from openfire_billing.db.guards import missing_guards
from openfire_billing.office.demonstration import load_demonstration
from openfire_billing.office.demonstration_firm import COMPANY, USERS
from openfire_billing.office.management.commands.demo import Command
from openfire_billing.office.reference import load_reference_data
from tests.factories import World, everything, nothing_changed, position, tax

pytestmark = pytest.mark.django_db


def test_reference_data_replayed_changes_nothing(world: World) -> None:
    with nothing_changed():
        load_reference_data()


def test_reference_data_never_takes_back_what_a_firm_changed(world: World) -> None:
    Tax.objects.filter(name="TVA 20 %").update(account="445719")
    position("VEN-10").mappings.all().delete()
    FiscalPosition.objects.filter(code="VEN-5.5").update(mention="La nôtre")

    with nothing_changed():
        load_reference_data()

    assert (tax("TVA 20 %").account, position().mention) == ("445719", "La nôtre")


def test_reference_data_gives_what_is_missing(world: World) -> None:
    Journal.objects.filter(company=world.company).delete()
    Group.objects.filter(name="Comptable").delete()

    call_command("load_reference_data", stdout=StringIO())

    codes = Journal.objects.filter(company=world.company).order_by("code").values_list("code", flat=True)
    assert list(codes) == ["AC", "AV", "BQ", "CA", "VE"]
    assert Group.objects.get(name="Comptable").permissions.filter(codename="post_invoice").exists()


def test_demonstration_is_loaded_once() -> None:
    assert load_demonstration(on=date(2026, 11, 24)) is True
    before = everything()

    assert load_demonstration(on=date(2026, 11, 25)) is False
    assert everything() == before
    assert Company.objects.get().name == COMPANY


def small_demo() -> None:
    load_demonstration(on=timezone.localdate())
    Command(stdout=StringIO()).main_job()


def demo() -> str:
    out = StringIO()
    call_command("demo", "--once", stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("demo abc:def", "« abc:def » n'est pas une adresse, par exemple 127.0.0.1:8000"),
        ("demo 127.0.0.1:70000 --once", "« 127.0.0.1:70000 » n'est pas une adresse"),
    ],
)
def test_command_used_wrongly_exits_with_2_before_it_begins(
    words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with nothing_changed(), pytest.raises(SystemExit) as end:
        ManagementUtility(["manage.py", *words.split()]).execute()
    assert end.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.usefixtures("on_an_ordinary_day")
def test_main_job_bills_what_is_to_be_billed_and_again_makes_nothing() -> None:
    first = demo()
    drafts = Invoice.objects.filter(state="draft")
    made = drafts.count()
    totals = {invoice.gross.amount for invoice in drafts}
    assert made > 0
    assert f"\n{made} brouillon(s) créé(s)" in first
    assert all(str(invoice) in first for invoice in drafts)
    for why in (": pas de position fiscale", "plus de 36 périodes échues", ": position fiscale à renseigner"):
        assert why in first
    assert ", 3 refus.\n" in first
    _lived(date(2026, 11, 24))

    before = everything()
    second = demo()
    changed = {name for name, rows in everything().items() if rows != before[name]}
    assert changed == {"contracts.BillingRun", "contracts.RunTotal", "contracts.BillingOutcome"}  # the refused again

    assert "\n0 brouillon(s) créé(s)" in second
    assert {invoice.gross.amount for invoice in drafts.all()} == totals
    assert len(totals) > 1


def _lived(today: date) -> None:
    """Assert what the demonstration shows on an ordinary Tuesday: its past, the days around it, what is to be done."""
    firm, second = Company.objects.order_by("pk")
    states = set(InterventionRequest.objects.values_list("state", flat=True))
    assert {"draft", "to_plan", "planned", "done", "cancelled"} <= states
    assert {"sent", "accepted"} <= set(Quote.objects.values_list("state", flat=True))

    posted = Invoice.objects.posted().with_payment_state(today)
    assert (posted.first().issued_on, posted.last().issued_on) == (date(2026, 11, 17), date(2025, 5, 31))
    by_state = Counter(posted.values_list("kind", "payment_state").order_by())
    assert by_state["invoice", "paid"] > 300
    assert min(by_state["invoice", "unpaid"], by_state["invoice", "credited"]) > 30
    assert posted.filter(due_on__lt=today, residual__gt=0, kind="invoice").count() > 30
    assert not Allocation.objects.filter(payment__on__lt=F("document__issued_on")).exists()
    numbers = posted.filter(kind="invoice", issued_on__year=2026).order_by("number").values_list("number", flat=True)
    assert list(numbers) == [f"FA2026-{rank:05d}" for rank in range(1, len(numbers) + 1)]
    assert not missing_guards()
    assert not DocumentJob.objects.exists()
    posted_line = HistoryLine.objects.of(posted.last()).filter(act="posted").get()
    assert timezone.localtime(posted_line.at) == datetime(2025, 5, 31, 17, 30, tzinfo=ZoneInfo("Europe/Paris"))

    days = Counter(rdv.day for rdv in Appointment.objects.filter(starts_at__gte=timezone.now() - timedelta(days=5)))
    assert days.pop(date(2026, 11, 30)) == 1
    assert set(days) == {date(2026, 11, 23), today, date(2026, 11, 25)}
    assert min(days.values()) > 40
    assert (Technician.objects.filter(company=firm).count(), Team.objects.count(), Absence.objects.count()) == (
        12,
        3,
        2,
    )
    [long] = [rdv for rdv in Appointment.objects.filter(starts_at__date__gte=today) if rdv.day != rdv.last_day]
    assert (long.day, long.last_day) == (today, date(2026, 11, 25))
    assert sorted(Appointment.objects.get(team__name="Équipe Sud").technicians.values_list("name", flat=True)) == [
        "Enora Quintin",
        "Loeiz Prigent",
        "Sterenn Cadoret",
    ]
    arzhel = Technician.objects.get(name="Arzhel Penven")
    [free] = calendars_of([arzhel], first_day=today, last_day=today)[arzhel.pk].free(today)[-1:]
    assert free[1] - free[0] >= timedelta(hours=2)

    waiting = InterventionRequest.objects.filter(company=firm, state="to_plan")
    assert 60 <= waiting.filter(from_on__lte=today + timedelta(days=30)).count() <= 70
    assert waiting.late(today).count() > 5
    assert waiting.filter(from_on__year=2027).count() > 20
    assert Attachment.objects.count() == 3
    assert firm.printed_logo is not None
    assert not Address.objects.filter(latitude=None, partner__kind="individual").exists()
    assert list(User.objects.filter(company_accesses__company=second).values_list("username", flat=True)) == [
        "soleil",
        "soleil-planning",
    ]
    assert len(USERS) == 5


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("2026-11-24T07:00", id="before-work"),
        pytest.param("2026-11-28T10:00", id="saturday"),
        pytest.param("2026-11-30T20:00", id="monday-evening"),
        pytest.param("2026-04-07T10:00", id="day-after-easter"),
        pytest.param("2027-01-01T10:00", id="new-year"),
    ],
)
def test_visits_of_the_demonstration_that_ended_are_in_the_past(
    moment: str, on_an_ordinary_day: time_machine.Traveller
) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Europe/Paris"))
    on_an_ordinary_day.move_to(now)
    load_demonstration(on=now.date())

    visits = {visit.state: visit for visit in Appointment.objects.all()}
    assert sorted(visits) == ["confirmed", "done", "draft", "unfinished"]
    for state in ("done", "unfinished"):
        assert timezone.localdate(visits[state].ends_at) < now.date()
        assert visits[state].lead.user.username == "tech"
    assert visits["done"].done_at == visits["done"].ends_at
    for state in ("confirmed", "draft"):
        assert visits[state].day >= now.date()
    assert visits["unfinished"].intervention.to_on >= now.date()


@pytest.mark.usefixtures("on_an_ordinary_day")
def test_demonstration_orders_the_goods_of_a_request_from_two_suppliers() -> None:
    small_demo()
    assert not Product.objects.filter(kind="goods", supplier=None).exists()
    wanted = InterventionRequest.objects.get(title="Projet poêle à granulés")

    made = order_supplies(wanted, on=date(2026, 11, 24), by=User.objects.get(username="planning"))

    assert [(str(order.supplier), order.totals.net) for order in made.orders] == [
        ("Fonderie Fictive", Decimal("2140.00")),
        ("Négoce Imaginaire", Decimal("123.30")),
    ]
    assert (
        made.note == "« [ram_pose] Forfait Pose » : pas de fournisseur (fiche de l'article, ou prestataire de la DI)."
    )


def test_demonstration_is_refused_in_production(settings: object) -> None:
    settings.LOCAL = False  # type: ignore[attr-defined]
    for command in (("demo", "--once"), ("load_demo",)):
        with nothing_changed(), pytest.raises(CommandError):
            call_command(*command, stdout=StringIO())


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["backup", "/nowhere/firm.zip"], "Rien n'est sauvegardé, /nowhere/firm.zip ne s'écrit pas", 1),
        (["load_demo", "--scale", "-1"], "--scale attend un nombre de contrats, zéro ou plus.", 2),
        (["post_invoices", "--on", "2026-11-24", "--id", "9" * 20], f"Facture inconnue : {'9' * 20}.", 2),
        (["post_invoices", "--on", "2026-11-24", "--id", "999999"], "Facture inconnue : 999999.", 2),
    ],
)
def test_command_asked_for_what_cannot_be_says_so(world: World, words: list[str], said: str, code: int) -> None:
    with nothing_changed(), pytest.raises(CommandError, match=said) as refusal:
        call_command(*words)

    assert refusal.value.returncode == code


def test_file_to_correct_shows_the_faults_that_spreadsheets_make(world: World) -> None:
    path = settings.BASE_DIR / "docs" / "examples" / "clients-a-corriger.csv"
    out = StringIO()

    with nothing_changed(), pytest.raises(CommandError, match="6 défaut"):
        call_command("import_data", "clients", str(path), "--dry-run", stdout=out, stderr=out)

    for fault in (
        "ligne 3, Ville : à remplir.",
        "ligne 4, Code postal : 1400 → 01400 (zéro de tête rendu)",
        "ligne 6, E-mail : Saisissez une adresse e-mail valide.",
        "ligne 7, Pays : « Atlantide » n'est pas un pays connu",
        "ligne 8, Nom : « #REF! » est une erreur du tableur",
    ):
        assert fault in out.getvalue()
