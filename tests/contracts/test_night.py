"""The night: what is told when it did not happen or stopped, what is relaunched, the commands that do the same by hand."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from html import unescape
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery.schedules import crontab
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from contracts.choices import RunState
from contracts.models import BillingRun, Contract
from contracts.services.billing import bill_chunk, bill_contracts
from contracts.services.manual_runs import retry_run, start_manual
from contracts.services.night import night_alarm, resume_runs, run_night, start_night
from contracts.services.runs import chunks_of, count_visits, finish_run, list_contracts, start_run
from contracts.services.takeover import give_up, hand_out, work_chunk
from contracts.services.visits import plan_visits
from interventions.models import InterventionRequest
from invoicing.models import Invoice
from openfire_billing.celery import app
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.outcome import Outcome
from tests.contracts.contract_builders import bill, day, make_contract, make_many
from tests.factories import CompanyFactory, Office, UserFactory, World, nothing_changed
from tests.factories.api import Api, refused

PARIS = ZoneInfo("Europe/Paris")
FAR = "Le %s est trop loin, rien n'est fait : donnez une date jusqu'au 25/11/2027. Plus loin, cela se regarde à blanc."
FAR_VISITS = FAR.replace("25/11/2027", "23/11/2028")


def at(hour: int, minute: int = 0, *, on: int = 24) -> datetime:
    return datetime(2026, 11, on, hour, minute, tzinfo=PARIS)


def work(run: BillingRun) -> None:
    """What the workers do of a run, here."""
    for ids in chunks_of(run):
        work_chunk(run, ids)


def test_beat_bills_at_five_in_paris() -> None:
    entry = settings.CELERY_BEAT_SCHEDULE["bill-night"]

    assert entry["task"] == "contracts.tasks.bill_night"
    assert entry["schedule"] == crontab(hour=5, minute=0)
    assert settings.CELERY_TIMEZONE == "Europe/Paris"


def test_night_plans_visits_then_bills(world: World) -> None:
    make_contract(world, "01/11/26", visits=(1, (3,)))
    run = start_night(on=day("24/11/26"))
    assert run is not None

    run_night(run)
    work(run)

    run.refresh_from_db()
    assert (run.state, run.expected, run.billed, run.visits) == ("done", 1, 1, 1)
    assert InterventionRequest.objects.get().from_on == day("01/03/27")
    assert Invoice.objects.count() == 1


def test_night_with_nothing_due_is_finished_at_once(world: World) -> None:
    run = start_night(on=day("24/11/26"))
    assert run is not None

    run_night(run)

    run.refresh_from_db()
    assert (run.state, run.expected, run.billed) == ("done", 0, 0)


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (at(4, on=24), ""),  # last night's is that of the 23rd, done
        (at(5, 30), ""),  # an hour is left to it
        (at(6, 30), "missing"),
    ],
)
def test_alarm_when_no_run_happened(world: World, now: datetime, code: str) -> None:
    make_contract(world, "01/11/26")
    done = start_night(on=day("23/11/26"))
    assert done is not None
    finish_run(done)
    BillingRun.objects.update(started_at=at(5, on=23))

    assert night_alarm(now)[0] == code


def test_alarm_when_the_night_stopped_short(world: World) -> None:
    make_contract(world, "01/11/26")
    run = start_night(on=day("24/11/26"))
    assert run is not None
    assert night_alarm(at(10))[0] == ""
    BillingRun.objects.update(touched_at=at(5, 10))

    code, sentence = night_alarm(at(10))

    assert code == "short"
    assert "24/11/2026 ne s'est pas terminé" in sentence
    finish_run(run, state=RunState.SHORT)
    assert night_alarm(at(10))[0] == "short"


def test_no_alarm_before_the_first_contract(world: World) -> None:
    make_contract(world, is_active=False)

    assert night_alarm(at(10)) == ("", "")


def test_night_after_an_unfinished_one_closes_it(world: World) -> None:
    older = start_night(on=day("23/11/26"))

    start_night(on=day("24/11/26"))

    assert older is not None
    older.refresh_from_db()
    assert older.state == "short"


def test_run_that_gives_no_sign_is_taken_up_once(world: World) -> None:
    make_contract(world, "01/11/26")
    run = start_night(on=day("24/11/26"))
    assert run is not None
    assert resume_runs() == 0
    BillingRun.objects.update(touched_at=at(5))

    assert resume_runs() == 1
    assert resume_runs() == 0


def test_manual_run_taken_up_queues_what_it_has_left_then_finishes(
    world: World, django_capture_on_commit_callbacks: Any
) -> None:
    """Resumed twice without a chunk done, it is queued payer by payer."""
    first, second, third = make_many(world, 3, start="01/11/26")
    run = start_run(on=day("24/11/26"), by=world.biller)
    bill_chunk(run, [first.pk])

    def resumed() -> tuple[int, list[Any], str, int]:
        """How many runs were resumed, the chunks that were queued; the state of the run, and how often it was resumed."""
        BillingRun.objects.update(touched_at=at(5))
        with app.connection_for_read() as broker, broker.SimpleQueue("billing") as queue:
            queue.clear()
            with django_capture_on_commit_callbacks(execute=True):
                count = resume_runs()
            tasks = [queue.get_nowait() for _task in range(queue.qsize())]
        assert {(task.headers["task"], task.payload[0][0]) for task in tasks} <= {
            ("contracts.tasks.bill_chunk", run.pk)
        }
        chunks = [task.payload[0][1] for task in tasks]
        return count, chunks, *BillingRun.objects.values_list("state", "resumed").get()

    queued = [resumed(), resumed()]
    bill_chunk(run, [second.pk, third.pk])
    finished = resumed()

    assert queued == [(1, [[second.pk, third.pk]], "running", 1), (1, [[second.pk], [third.pk]], "running", 2)]
    assert finished == (1, [], "done", 3)
    assert BillingRun.objects.get().billed == 3


def test_run_asked_for_again_or_at_work_gives_a_sign_of_life_and_its_neighbour_none(world: World) -> None:
    contracts = make_many(world, 2, start="01/11/26")
    run = start_manual(on=day("24/11/26"), by=world.biller, key="k")
    neighbour = start_manual(on=day("24/11/26"), by=world.biller, selection=[contracts[0].pk])

    def left_alone_then(act: Callable[[], object]) -> list[tuple[bool, int]]:
        """Of the run and its neighbour, left alone for five hours: whether it gave a sign; how often it was resumed."""
        BillingRun.objects.update(touched_at=at(5), resumed=2)
        act()
        rows = BillingRun.objects.order_by("pk").values_list("touched_at", "resumed")
        return [(touched >= at(10), count) for touched, count in rows]

    asked_again = left_alone_then(lambda: start_manual(on=day("24/11/26"), by=world.biller, key="k"))
    run.refresh_from_db()
    worked = left_alone_then(lambda: work_chunk(BillingRun.objects.get(pk=run.pk), [contracts[0].pk]))
    give_up(run)

    assert (asked_again, worked) == ([(True, 2), (False, 2)], [(True, 0), (False, 2)])
    assert list(BillingRun.objects.order_by("pk").values_list("state", "billed")) == [("short", 1), ("running", 0)]
    neighbour.refresh_from_db()
    assert neighbour.note == ""


def test_chunk_delivered_twice_tells_each_contract_once(world: World) -> None:
    bad = make_many(world, 4)[-1]
    Contract.objects.filter(pk=bad.pk).update(anchor_day=99)
    run = start_night(on=day("24/11/26"))
    assert run is not None
    run = list_contracts(run)
    (ids,) = chunks_of(run)

    bill_chunk(run, ids)
    bill_chunk(run, ids)

    assert sorted(run.outcomes.values_list("result", flat=True)) == ["billed"] * 3 + ["refused"]
    assert Invoice.objects.count() == 33  # eleven months of each


def test_retry_bills_what_was_mended(world: World) -> None:
    good, bad = make_many(world, 2, start="01/11/26")
    Contract.objects.filter(pk=bad.pk).update(anchor_day=99)
    run = bill(world, good, bad, on="24/11/26")
    Contract.objects.filter(pk=bad.pk).update(anchor_day=None)

    again = retry_run(run, on=day("24/11/26"), by=world.biller)
    work(again)

    again.refresh_from_db()
    assert (again.expected, again.billed, again.state) == (1, 1, "done")
    with pytest.raises(BusinessError, match="rien à réessayer"):
        retry_run(again, on=day("24/11/26"), by=world.biller)


def test_hand_out_of_a_finished_run_changes_nothing(world: World) -> None:
    run = finish_run(bill(world, make_contract(world), on="02/01/26"))
    finished = run.finished_at

    hand_out(run)

    run.refresh_from_db()
    assert run.finished_at == finished


def command(name: str, *words: str) -> tuple[str, int]:
    """Its output and exit code."""
    out = StringIO()
    try:
        call_command(name, *words, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(end.code or 0)
    except CommandError as refused:
        return str(refused), refused.returncode
    return out.getvalue(), 0


def test_bill_contracts_command(world: World) -> None:
    contract = make_contract(world)
    told, code = command("bill_contracts", "--on", "2026-01-15", "--dry-run", "--json")
    assert code == 0
    assert json.loads(told)["outcomes"][0]["drafts"][0]["net"] == "10.00"
    assert not Invoice.objects.exists()

    text, code = command("bill_contracts", "--on", "2026-01-15")
    assert code == 0
    assert f"{contract.reference} : Facture en brouillon" in text
    assert "1 facturé(s)" in text
    answer, code = command("bill_contracts", "--on", "2026-01-15", "--contract", str(contract.reference), "--json")
    assert (json.loads(answer)["billed"], json.loads(answer)["skipped"], code) == (0, 1, 0)


def test_bill_contracts_command_says_what_is_refused(world: World) -> None:
    make_contract(world)
    Contract.objects.update(anchor_day=99)

    text, code = command("bill_contracts", "--on", "2026-01-15")

    assert code == 1
    assert "Mis de côté : Contrat CONT/000001 : le jour d'ancrage (99)" in text
    assert command("bill_contracts", "--contract", "CONT/999999") == ("Contrat inconnu : CONT/999999.", 2)


def test_plan_visits_command(world: World) -> None:
    make_contract(world, "01/11/26", visits=(2, (3, 9)))
    told, code = command("plan_visits", "--until", "2027-10-01", "--dry-run", "--json")
    assert (len(json.loads(told)), code, InterventionRequest.objects.count()) == (2, 0, 0)

    text, code = command("plan_visits", "--until", "2027-10-01")

    assert code == 0
    assert "2 visite(s), 0 refus." in text
    assert command("plan_visits", "--until", "2027-10-01")[0].startswith("0 visite(s)")


def test_commands_refuse_a_day_too_far(world: World) -> None:
    make_contract(world, "01/11/26", visits=(2, (3, 9)))
    with nothing_changed():
        assert command("plan_visits", "--until", "9999-12-31") == (FAR_VISITS % "31/12/9999", 2)
        assert command("bill_contracts", "--on", "2027-11-26") == (FAR % "26/11/2027", 2)
        assert command("plan_visits", "--until", "9999-12-31", "--dry-run")[1] == 2


@pytest.mark.parametrize(("name", "day_word"), [("bill_contracts", "--on"), ("plan_visits", "--until")])
def test_reference_that_two_companies_have_asks_for_one(world: World, name: str, day_word: str) -> None:
    ours, theirs = (make_contract(world, "01/11/26", visits=(1, (11,))) for _contract in range(2))
    other = CompanyFactory(name="Autre Foyer")
    Contract.objects.filter(pk=theirs.pk).update(company=other, reference=ours.reference)
    asked = (name, day_word, "2026-11-24", "--contract", str(ours.reference), "--dry-run")

    with nothing_changed():
        assert command(*asked) == (
            "CONT/000001 : plusieurs sociétés ont cette référence. Dites laquelle : --company « raison sociale ».",
            2,
        )
        assert command(*asked, "--company", "Inconnue") == ("Société inconnue : Inconnue.", 2)
        assert command(name, "--company", "Autre Foyer") == ("--company va avec --contract.", 2)
        assert command(*asked, "--contract", "") == ("--contract attend une référence, par exemple CONT/000123.", 2)
    told, code = command(*asked, "--company", "Autre Foyer", "--json")
    assert code == 0
    answer = json.loads(told)
    assert len(answer["outcomes"] if name == "bill_contracts" else answer) == 1


def test_post_invoices_command(world: World) -> None:
    bill(world, make_contract(world), on="05/02/26")

    text, code = command("post_invoices", "--on", "2026-02-05", "--all-drafts")

    assert (code, "2 facture(s) validée(s), 0 refus." in text) == (0, True)
    posted = Invoice.objects.order_by("number").values_list("number", "issued_on")
    assert list(posted) == [("FA2026-00001", day("01/01/26")), ("FA2026-00002", day("01/02/26"))]
    first = str(Invoice.objects.order_by("pk").values_list("pk", flat=True)[0])
    refused, code = command("post_invoices", "--on", "2026-02-05", "--id", first)
    assert (code, "seul un brouillon se valide" in refused) == (1, True)
    assert command("post_invoices", "--on", "2026-02-05", "--id", "999999999")[1] == 2


def test_pages_of_runs_are_for_who_may_bill(world: World, today: Any) -> None:
    make_contract(world, "01/11/26")
    may: Callable[[str], Any] = world.office
    listed = may("Facturation").get("/admin/contracts/billingrun/")
    assert "Lancer un passage" in listed.content.decode()
    assert may("Planificateur").client.post("/admin/contracts/billingrun/launch/").status_code == 403

    launched = may("Facturation").client.post("/admin/contracts/billingrun/launch/", {"on": "2026-11-24"})

    run = BillingRun.objects.get()
    assert launched.headers["Location"] == f"/admin/contracts/billingrun/{run.pk}/change/"
    assert (run.by, run.expected, run.on) == (world.biller, 1, timezone.localdate())


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("2026-99-99", "Passage non lancé : donnez une date."),
        ("hier", "Passage non lancé : donnez une date."),
        ("2027-11-26", FAR % "26/11/2027"),
        ("9999-12-31", FAR % "31/12/9999"),
    ],
)
def test_run_of_no_day_or_of_one_far_ahead_is_refused(world: World, today: Any, typed: str, sentence: str) -> None:
    make_contract(world, "01/11/26")
    page = world.office("Facturation").client.post("/admin/contracts/billingrun/launch/", {"on": typed}, follow=True)
    assert sentence in unescape(page.content.decode())
    assert not BillingRun.objects.exists()


def test_one_contract_is_billed_and_planned_no_further_than_a_run(world: World, today: Any) -> None:
    contract = make_contract(world, "01/11/26", visits=(1, (3,)))
    office = world.office("Facturation")
    far = date(2028, 11, 24)
    with nothing_changed():
        for said in (
            office.confirm(contract, "bill", {"on": "2027-11-26", "_preview": "1"}),
            office.confirm(contract, "bill", {"on": "2027-11-26"}),
        ):
            assert FAR % "26/11/2027" in unescape(said.content.decode())
        said = world.office("Gestionnaire").confirm(contract, "plan-visits", {"until": "2028-11-24"})
        assert FAR_VISITS % "24/11/2028" in unescape(said.content.decode())
        assert refused(Api(world.biller).post(f"contracts/{contract.pk}/bill/", {"on": "2027-11-26"})) == (
            FAR % "26/11/2027"
        )
        planned = plan_visits([contract], until=far, on=world.today, by=None, dry_run=True)
        assert len(planned) == 2
        for act in (
            lambda: plan_visits([contract], until=date(2200, 1, 1), on=world.today, by=None, dry_run=True),
            lambda: bill_contracts([contract], on=date(2200, 1, 1), by=None, dry_run=True),
        ):
            with pytest.raises(BusinessError, match=r"^Le 01/01/2200 est trop loin, .* jusqu'au 31/12/2199\.$"):
                act()


def test_run_looks_at_the_contracts_of_one_s_companies_only(world: World, today: Any) -> None:
    ours = make_contract(world, "01/11/26")
    theirs = make_contract(world, "01/11/26")
    Contract.objects.filter(pk=theirs.pk).update(company=CompanyFactory(name="Autre"))
    office = world.office("Facturation")

    office.client.post("/admin/contracts/billingrun/launch/", {"on": "2026-11-24"})

    assert BillingRun.objects.get().selection == [ours.pk]
    everything_run = start_manual(on=timezone.localdate(), by=world.manager, selection=[theirs.pk])
    BillingRun.objects.filter(pk=everything_run.pk).update(state="short")
    everything_run.outcomes.update(result="refused")
    with pytest.raises(BusinessError):
        retry_run(BillingRun.objects.get(pk=everything_run.pk), on=timezone.localdate(), by=world.biller)


def test_run_of_another_company_is_not_there(world: World, today: Any) -> None:
    make_contract(world, "01/11/26")
    run = start_manual(on=timezone.localdate(), by=world.biller)
    work(run)
    elsewhere = Office(UserFactory(role="Gestionnaire", company=CompanyFactory(name="Autre")))
    for page in (f"{run.pk}/change/", f"{run.pk}/progress/"):
        assert elsewhere.get(f"/admin/contracts/billingrun/{page}").status_code in (302, 404)
        assert world.office("Comptable").get(f"/admin/contracts/billingrun/{page}").status_code == 200
    assert run not in elsewhere.get("/admin/contracts/billingrun/").context["cl"].result_list
    assert elsewhere.client.post(f"/admin/contracts/billingrun/{run.pk}/retry/").status_code == 404


def test_alarm_is_silenced_by_a_whole_run_that_billed_since_and_by_no_other(world: World) -> None:
    contract = make_contract(world, "01/11/26")

    def ran(**values: Any) -> str:
        run = BillingRun.objects.create(**{"on": day("24/11/26"), "state": "done", **values})
        code = night_alarm(at(10))[0]
        run.delete()
        return code

    seen = [
        ran(),
        ran(on=day("25/11/26")),
        ran(on=day("23/11/26")),
        ran(is_dry=True),
        ran(selection=[contract.pk]),
        ran(state="short"),
        ran(state="running", kind="night"),
        ran(started_at=at(0)),
        ran(started_at=at(23, 59, on=23)),
        ran(on=day("12/06/27"), started_at=at(9, on=23)),  # 200 days ahead: that was not this night
        ran(started_at=at(10, 1)),
        ran(started_at=at(10, 3)),  # a clock that ran ahead
        ran(state="running", kind="night", started_at=at(5, on=27), touched_at=at(5, on=27)),
        ran(state="running", kind="night", touched_at=at(5, on=27)),
    ]

    expected = ["", "", "missing", "missing", "missing", "missing", ""]
    assert seen == [*expected, "", "missing", "missing", "", "missing", "missing", "short"]
    Contract.objects.filter(pk=contract.pk).update(validated_on=day("24/11/26"))
    assert night_alarm(at(10)) == ("", "")


def test_run_given_up_counts_those_it_does_not_name(world: World) -> None:
    make_many(world, 23, start="01/11/26")
    run = start_run(on=day("24/11/26"), by=None)

    give_up(run)

    run.refresh_from_db()
    assert "CONT/000020 et 3 autres. Tous les autres contrats du passage ont leur résultat." in run.note


def test_night_that_billed_nothing_of_what_was_due_is_no_good_night(world: World) -> None:
    make_contract(world, "01/11/26")
    night = BillingRun.objects.create(on=day("24/11/26"), kind="night", state="done", expected=3, refused=2, skipped=1)
    seen = [night_alarm(at(10))]

    retried = BillingRun.objects.create(on=day("24/11/26"), state="done", selection=[1], expected=1, billed=1)
    seen.append(night_alarm(at(10)))
    BillingRun.objects.filter(pk=retried.pk).update(started_at=night.started_at - timedelta(minutes=1))
    before = night_alarm(at(10))
    retried.delete()
    BillingRun.objects.filter(pk=night.pk).update(billed=1, skipped=0)
    seen.append(night_alarm(at(10)))
    BillingRun.objects.filter(pk=night.pk).update(billed=0, refused=0, expected=0)
    seen.append(night_alarm(at(10)))

    text = "Le passage de facturation du 24/11/2026 n'a rien facturé de ce qu'il devait : ouvrez sa page, lisez les raisons."
    assert seen == [("unbilled", text), ("", ""), ("", ""), ("", "")]
    assert before == ("unbilled", text)  # one contract billed by hand before the night says nothing of the night


def test_contract_billed_between_two_whole_runs_answers_the_first(world: World) -> None:
    make_contract(world, "01/11/26")
    for hour in (5, 9):
        run = BillingRun.objects.create(on=day("24/11/26"), state="done", expected=1, refused=1)
        BillingRun.objects.filter(pk=run.pk).update(started_at=at(hour))
    assert night_alarm(at(10))[0] == "unbilled"

    retried = BillingRun.objects.create(on=day("24/11/26"), state="done", selection=[1], expected=1, billed=1)
    BillingRun.objects.filter(pk=retried.pk).update(started_at=at(7))

    assert night_alarm(at(10)) == ("", "")


def test_night_begun_by_a_clock_that_ran_ahead_leaves_its_night_to_another(world: World) -> None:
    make_contract(world, "01/11/26")
    ahead = BillingRun.objects.create(
        on=day("27/11/26"), kind="night", started_at=at(5, on=27), touched_at=at(5, on=27), note="Un mot."
    )

    assert resume_runs() == 0

    ahead.refresh_from_db()
    assert (ahead.kind, ahead.state) == ("manual", "short")
    assert at(10) <= ahead.started_at <= ahead.touched_at <= timezone.now()
    assert ahead.note == "Un mot.\nL'horloge de la machine avançait quand ce passage a commencé : sa nuit aura le sien."
    assert start_night(on=day("27/11/26")) is not None
    assert BillingRun.objects.nights().count() == 1


def test_run_that_never_advances_is_given_up_by_name(world: World) -> None:
    contract, done = make_many(world, 2, start="01/11/26")
    run = start_night(on=day("24/11/26"))
    assert run is not None
    bill_chunk(run, [done.pk])

    seen = []
    for _sweep in range(5):
        BillingRun.objects.update(touched_at=at(5))
        seen.append((resume_runs(), BillingRun.objects.values_list("state", "resumed").get()))

    running = [(1, ("running", times)) for times in (1, 2, 3)]
    assert seen == [*running, (0, ("short", 4)), (0, ("short", 4))]
    run.refresh_from_db()
    assert run.billed == 1
    assert run.note == (
        "Arrêté après 3 reprises sans avancer. Le processus s'est arrêté chaque fois avant d'avoir facturé : "
        f"{contract}. Tous les autres contrats du passage ont leur résultat. Corrigez ces fiches ou prévenez votre support, puis relancez."
    )
    assert night_alarm(at(10))[0] == "short"


def test_run_that_advances_is_resumed_without_end(world: World) -> None:
    contracts = make_many(world, 6, start="01/11/26")
    run = start_night(on=day("24/11/26"))
    assert run is not None
    for contract in contracts[:5]:
        BillingRun.objects.update(touched_at=at(5))
        assert resume_runs() == 1
        run.refresh_from_db()
        assert run.resumed == 1
        work_chunk(run, [contract.pk])
        run.refresh_from_db()
        assert (run.resumed, run.state) == (0, "running")


def test_run_of_the_night_is_begun_once_and_taken_up_after_ten_still_minutes(world: World) -> None:
    make_contract(world, "01/11/26")
    run = start_night(on=day("24/11/26"))
    assert run is not None
    now = timezone.now()

    found = []
    for still in (timedelta(minutes=9, seconds=50), timedelta(minutes=10, seconds=10)):
        BillingRun.objects.update(touched_at=now - still)
        found.append(start_night(on=day("24/11/26")))

    assert found == [None, run]
    assert BillingRun.objects.get().touched_at >= now
    finish_run(run)
    assert start_night(on=day("24/11/26")) is None


def test_manual_run_asked_for_twice_is_one_and_taken_up_when_it_is_still(world: World) -> None:
    make_contract(world, "01/11/26")
    first = start_manual(on=day("24/11/26"), by=world.biller, key="k")
    assert start_manual(on=day("24/11/26"), by=world.biller, key="k") == first
    with pytest.raises(BusinessError) as busy:
        retry_run(first, on=day("24/11/26"), by=world.biller)
    assert str(busy.value) == f"{first} est en cours : attendez sa fin."

    BillingRun.objects.update(touched_at=at(5))
    first.refresh_from_db()
    again = retry_run(first, on=day("24/11/26"), by=world.manager)

    first.refresh_from_db()
    assert (first.state, again.pk == first.pk, again.selection) == ("short", False, [Contract.objects.get().pk])


def test_chunk_of_a_run_that_is_over_is_left(world: World) -> None:
    make_many(world, 2, start="01/11/26")
    run = start_night(on=day("24/11/26"))
    assert run is not None
    run = list_contracts(run)
    chunks = list(chunks_of(run, 1))

    work_chunk(run, chunks[0])
    run.refresh_from_db()
    list_contracts(run)
    half = (run.state, run.outcomes.count(), run.expected)
    work_chunk(run, chunks[1])
    run.refresh_from_db()
    with nothing_changed():
        work_chunk(run, chunks[1])

    assert (half, run.state, run.outcomes.count()) == (("running", 1, 2), "done", 2)
    assert (run.billed, run.skipped, run.refused, run.finished_at is None) == (2, 0, 0, False)


def test_night_names_what_it_could_not_plan_and_the_due_days_it_mended(world: World) -> None:
    fine, late = make_many(world, 2, start="01/11/26")
    broken = make_contract(world, "01/11/26", visits=(1, (3,)))
    broken.lines.update(task=None)
    Contract.objects.filter(pk=late.pk).update(next_due_on=day("01/06/27"))
    checked = day("24/11/26") + timedelta(
        days=(late.pk - day("24/11/26").toordinal()) % 7
    )  # the night that looks at it
    run = start_night(on=checked)
    assert run is not None

    run_night(run)

    run.refresh_from_db()
    mended, refusal = run.note.split("\n")
    assert mended == f"Échéances recalculées, qui auraient attendu : {late.reference}."
    assert refusal.startswith(f"{broken} : visites non planifiées. ")
    assert (run.visits, run.expected) == (0, 3)
    assert fine.next_due_on == day("01/11/26")


def test_visits_of_a_chunk_are_counted_by_company_and_the_run_advances(world: World, today: Any) -> None:
    other = CompanyFactory(name="Autre Foyer")
    made = [InterventionRequest(company=company) for company in (world.company, other, world.company)]
    run, neighbour = (BillingRun.objects.create(on=day("24/11/26"), resumed=2, touched_at=at(5)) for _n in range(2))
    refusal = Outcome(made[0], refusal="Pas de prestation.")

    count_visits(run, [*map(Outcome, made), refusal])
    count_visits(run, [Outcome(made[0]), refusal])

    run.refresh_from_db()
    neighbour.refresh_from_db()
    assert (run.visits, run.resumed, run.note) == (4, 0, "Pas de prestation.\nPas de prestation.")
    assert run.touched_at >= at(10)
    assert list(run.totals.order_by("company").values_list("company", "visits")) == [
        (world.company.pk, 3),
        (other.pk, 1),
    ]
    assert (neighbour.visits, neighbour.resumed, neighbour.note, neighbour.touched_at) == (0, 2, "", at(5))


def test_lists_of_runs_look_at_kind_and_state(world: World) -> None:
    night, manual, done = (
        BillingRun.objects.create(on=day("24/11/26"), kind=kind, state=state)
        for kind, state in (("night", "running"), ("manual", "running"), ("manual", "done"))
    )

    assert set(BillingRun.objects.running()) == {night, manual}
    assert list(BillingRun.objects.nights()) == [night]
    BillingRun.objects.update(touched_at=at(5))
    assert resume_runs() == 2
    done.refresh_from_db()
    assert done.touched_at == at(5)
