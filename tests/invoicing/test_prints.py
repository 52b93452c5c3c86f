"""Many invoices in one file: at once when it is quick, by a worker that says how far it is when it is not."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from invoicing.choices import PrintState
from invoicing.models import Invoice, PrintJob
from invoicing.paper.pdf import invoice_pdf
from invoicing.paper.prints import make_print
from invoicing.services.documents import prints
from invoicing.services.documents.prints import MOST_LOSSES, MOST_PRINTED, order_print, take_print
from invoicing.tasks import forget_prints, print_together, print_waiting
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT, BILLING, PLANNER
from tests.factories import CompanyFactory, World, item, nothing_changed
from tests.factories.pages import Office, address, texts_of

NAMES = ("invoicing_print", "invoicing_print_progress", "invoicing_print_file")


def choose(office: Office, *invoices: Invoice) -> Any:
    chosen = {"action": "print_many", "_selected_action": [invoice.pk for invoice in invoices]}
    return office.client.post(address(Invoice, "changelist"), chosen)


def page_of(job: PrintJob, name: str = "invoicing_print") -> str:
    return reverse(f"admin:{name}", args=[job.pk])


def texts_of_pdf(answer: Any) -> list[str]:
    content = b"".join(answer.streaming_content)
    return ["".join(page.extract_text().split()) for page in PdfReader(BytesIO(content)).pages]


@pytest.fixture
def two(world: World) -> list[Invoice]:
    return [world.posted(), world.posted(item(2))]


def ordered(world: World, invoices: list[Invoice]) -> PrintJob:
    return order_print(invoices, by=world.biller)


def test_few_whose_papers_are_stored_are_answered_at_once(world: World, two: list[Invoice]) -> None:
    for invoice in two:
        invoice_pdf(invoice)

    pages = texts_of_pdf(choose(world.office(BILLING), *two))

    assert [("FA2026-00001" in page, "FA2026-00002" in page) for page in pages] == [(False, True), (True, False)]
    assert PrintJob.objects.count() == 0


def test_others_are_joined_by_the_worker_and_fetched_from_their_page(world: World, two: list[Invoice]) -> None:
    """120 invoices took two minutes inside the click."""
    office = world.office(BILLING)
    answer = choose(office, *two)
    job = PrintJob.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, page_of(job))
    assert (job.user, job.total, job.done, job.state) == (world.biller, 2, 0, "waiting")
    page = office.get(page_of(job))
    assert "0 sur 2 factures" in " ".join(texts_of(page, "of-print"))
    assert office.get(page_of(job, "invoicing_print_file")).status_code == 404

    assert print_together(job.pk) is True

    job.refresh_from_db()
    assert (job.state, job.done, job.error) == ("done", 2, "")
    assert "Télécharger le PDF" in " ".join(texts_of(office.get(page_of(job, "invoicing_print_progress")), "of-print"))
    pages = texts_of_pdf(office.get(page_of(job, "invoicing_print_file")))
    assert [("FA2026-00001" in page, "FA2026-00002" in page) for page in pages] == [(False, True), (True, False)]
    assert Invoice.objects.filter(document__isnull=False).count() == 2  # the papers are kept
    assert print_together(job.pk) is False


def test_a_print_is_of_who_asked_alone(world: World, two: list[Invoice]) -> None:
    job = ordered(world, two)
    make_print(job)
    for role in (ACCOUNTANT, PLANNER):
        assert [world.office(role).get(page_of(job, name)).status_code for name in NAMES] == [404, 404, 404]


@pytest.mark.parametrize("what", ["company", "role"])
def test_print_is_hidden_from_who_lost_the_company_or_the_role_since(
    world: World, two: list[Invoice], what: str
) -> None:
    office = world.office(BILLING)
    job = ordered(world, two)
    make_print(job)
    assert [office.get(page_of(job, name)).status_code for name in NAMES] == [200, 200, 200]

    if what == "company":
        world.biller.company_accesses.update(company=CompanyFactory())
    else:
        world.biller.groups.set(Group.objects.filter(name=PLANNER))

    assert [office.get(page_of(job, name)).status_code for name in NAMES] == [404, 404, 404]


def test_same_invoices_are_one_print_while_it_is_open(world: World, two: list[Invoice]) -> None:
    first, again, other = ordered(world, two), ordered(world, two[::-1]), ordered(world, two[:1])
    colleague = order_print(two, by=world.accountant)
    assert first == again
    assert len({first.pk, other.pk, colleague.pk}) == PrintJob.objects.count() == 3

    for _turn in range(2):  # one that is over is not shared, nor taken for an open one
        make_print(first)
        second = ordered(world, two)
        assert second.pk > first.pk
        assert ordered(world, two) == second
        first = second


def test_pressed_twice_leads_to_one_print(world: World, two: list[Invoice]) -> None:
    office = world.office(BILLING)
    assert choose(office, *two)["Location"] == choose(office, *two)["Location"]
    assert PrintJob.objects.count() == 1


def test_too_many_are_counted_not_loaded(world: World, two: list[Invoice], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prints, "MOST_PRINTED", 1)
    with CaptureQueriesContext(connection) as made:
        answer = choose(world.office(BILLING), *two)
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    assert said == ["2 factures choisies : 1 s'impriment en une fois. Choisissez-en moins, par exemple un mois."]
    assert PrintJob.objects.count() == 0
    assert [q["sql"] for q in made if '"invoicing_invoice"."number"' in q["sql"].partition("FROM")[0]] == []


def test_too_many_are_refused_in_a_sentence(world: World, two: list[Invoice], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prints, "MOST_PRINTED", 1)
    with nothing_changed(), pytest.raises(BusinessError) as refused:
        ordered(world, two)
    assert str(refused.value) == (
        "2 factures choisies : 1 s'impriment en une fois. Choisissez-en moins, par exemple un mois."
    )
    assert MOST_PRINTED == 1000


def test_print_whose_worker_was_lost_is_taken_again_then_given_up(world: World, two: list[Invoice]) -> None:
    job = ordered(world, two)
    for losses in range(MOST_LOSSES):
        taken = take_print(job.pk)
        assert taken is not None
        assert (taken.losses, taken.state) == (losses, PrintState.RUNNING)
        assert take_print(job.pk) is None  # somebody has it
        PrintJob.objects.update(touched_at=timezone.now() - timedelta(minutes=4), done=1)

    assert print_waiting() == 0

    job.refresh_from_db()
    assert (job.state, job.losses) == ("failed", 3)
    assert job.error == "L'impression a arrêté 3 fois le processus qui la faisait : choisissez moins de factures."


def test_sweep_does_what_no_task_took_and_starts_its_count_again(world: World, two: list[Invoice]) -> None:
    job = ordered(world, two)
    take_print(job.pk)
    PrintJob.objects.update(touched_at=timezone.now() - timedelta(minutes=4), done=1)

    assert print_waiting() == 1

    job.refresh_from_db()
    assert (job.state, job.done, job.losses) == ("done", 2, 1)


def test_draft_deleted_meanwhile_is_passed_over_and_none_left_is_said(world: World) -> None:
    draft, kept = world.draft(), world.posted()
    both, alone = ordered(world, [draft, kept]), ordered(world, [draft])
    Invoice.objects.filter(pk=draft.pk).delete()

    assert print_waiting() == 1

    both.refresh_from_db()
    alone.refresh_from_db()
    assert (both.state, both.done, alone.state) == ("done", 2, "failed")
    assert alone.error == "Aucune de ces factures n'existe plus : revenez à la liste et choisissez de nouveau."


def test_prints_of_yesterday_are_forgotten(world: World, two: list[Invoice]) -> None:
    old, new = ordered(world, two), ordered(world, two[:1])
    PrintJob.objects.filter(pk=old.pk).update(asked_at=timezone.now() - timedelta(hours=25))
    assert forget_prints() == 1
    assert list(PrintJob.objects.all()) == [new]


def test_more_than_twenty_go_to_the_worker_even_when_stored(
    world: World, two: list[Invoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    for invoice in two:
        invoice_pdf(invoice)
    monkeypatch.setattr(prints, "AT_ONCE", 1)
    answer: HttpResponse = choose(world.office(BILLING), *two)
    assert (answer.status_code, PrintJob.objects.count()) == (302, 1)
