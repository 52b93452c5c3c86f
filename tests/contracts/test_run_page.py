"""The page of a billing run: what it billed for how much, and what is done next with its drafts."""

import re
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import strip_tags

from contracts.admin.run_rows import length_of
from contracts.models import BillingRun, Contract, RunTotal
from contracts.services.lines import save_line
from contracts.services.runs import chunks_of, finish_run, start_run
from contracts.services.takeover import work_chunk
from invoicing.models import Invoice
from invoicing.services.documents.drafts import delete_drafts
from invoicing.services.posting.post import post_invoice
from openfire_billing.office.roles import ACCOUNTANT, BILLING, PLANNER
from tests.contracts.contract_builders import article, bill, exception, make_contract
from tests.factories import World, nothing_changed
from tests.factories.pages import address, fields_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def night(world: World) -> BillingRun:
    """A night that billed three contracts, one draft each."""
    for _n in range(3):
        make_contract(world, "01/11/26")
    run = start_run(on=world.today, by=None)
    for ids in chunks_of(run):
        work_chunk(run, ids)
    BillingRun.objects.filter(pk=run.pk).update(kind="night")
    run.refresh_from_db()
    assert (run.billed, Invoice.objects.count()) == (3, 3)
    return run


def text(response: object) -> str:
    return re.sub(r"\s+", " ", response.content.decode())  # type: ignore[attr-defined]


def test_amounts_and_drafts_of_a_run(world: World, night: BillingRun) -> None:
    page = world.office(ACCOUNTANT).get(address(night))
    net = sum((invoice.net.amount for invoice in Invoice.objects.all()), Decimal(0))
    gross = sum((invoice.gross.amount for invoice in Invoice.objects.all()), Decimal(0))

    assert page.context["amounts"] == [("EUR", net, gross)]
    assert net > 0
    assert page.context["drafts"]["count"] == 3
    assert "Ouvrir les 3 brouillons" in text(page)

    listed = world.office(ACCOUNTANT).get(page.context["drafts"]["url"])
    assert sorted(row.pk for row in listed.context["cl"].result_list) == sorted(
        Invoice.objects.values_list("pk", flat=True)
    )


def test_outcomes_name_what_became_of_each_draft(world: World, night: BillingRun) -> None:
    posted, deleted, draft = Invoice.objects.order_by("pk")
    number = post_invoice(posted, on=world.today, by=world.accountant).number
    gone = deleted.pk
    delete_drafts([deleted], by=world.biller)

    page = text(world.office(ACCOUNTANT).get(address(night)))

    assert f'<a class="of-link" href="{address(posted)}">{number}</a>' in page
    assert f'<a class="of-link" href="{address(draft)}">Facture en brouillon n° {draft.pk}</a>' in page
    assert f"brouillon n° {gone} supprimé" in page


def rows_of(world: World, run: BillingRun, role: str = BILLING) -> list[list[str]]:
    """Return the words of the cells of the rows of a run's page."""
    page = text(world.office(role).get(address(run)))
    rows = re.findall(r"<tr>(.*?)</tr>", page.partition('<table class="of-table">')[2].partition("</table>")[0])
    return [[unescape(strip_tags(cell)).strip() for cell in re.findall(r"<td.*?>(.*?)</td>", row)] for row in rows[1:]]


def test_each_row_says_its_net_and_whether_it_waits_to_be_posted(world: World, night: BillingRun) -> None:
    posted, deleted, draft = Invoice.objects.order_by("pk")
    assert [row[2:] for row in rows_of(world, night)] == [
        ["À valider", f"Facture en brouillon n° {one.pk}", "10,00 €"] for one in (posted, deleted, draft)
    ]
    number = post_invoice(posted, on=world.today, by=world.accountant).number
    gone = deleted.pk
    delete_drafts([deleted], by=world.biller)

    assert [row[2:] for row in rows_of(world, night)] == [
        ["Facturé", number, "10,00 €"],
        ["Facturé", f"brouillon n° {gone} supprimé", ""],
        ["À valider", f"Facture en brouillon n° {draft.pk}", "10,00 €"],
    ]
    assert {len(row) for row in rows_of(world, night, PLANNER)} == {4}


def test_row_of_too_many_periods_offers_to_bill_all_the_same(world: World) -> None:
    late = make_contract(world, "01/11/20")
    run = bill(world, on="24/11/26")

    page = text(world.office(BILLING).get(address(run)))

    assert rows_of(world, run)[0] == [
        str(late),
        str(late.payer),
        "Mis de côté",
        "Plus de 36 périodes échues à facturer. Rien n'est facturé : vérifiez la date de début, puis « Facturer quand "
        "même ».Facturer quand même",
        "",
    ]
    assert f'href="{address(late, "act", "bill")}" data-dialog>Facturer quand même</a>' in page
    assert "Facturer quand même</a>" not in text(world.office(PLANNER).get(address(run)))


def test_row_of_another_reason_leads_to_its_contract(world: World) -> None:
    late = make_contract(world, "01/11/26")
    Contract.objects.filter(pk=late.pk).update(fiscal_position=None)
    run = bill(world, on="24/11/26")

    page = text(world.office(BILLING).get(address(run)))

    assert rows_of(world, run)[0][2:] == [
        "Mis de côté",
        "Position fiscale à renseigner avant de facturer.Ouvrir le contrat",
        "",
    ]
    assert f'href="{address(late)}">Ouvrir le contrat</a>' in page


def test_page_of_a_run_asks_as_many_queries_for_many_rows_as_for_few(world: World) -> None:
    def queries(count: int, *, rows: int) -> int:
        for _n in range(count):
            make_contract(world, "01/11/20")
            make_contract(world, "01/11/26")
        run = bill(world, on="24/11/26")
        with CaptureQueriesContext(connection) as asked:
            assert len(rows_of(world, run)) == rows
        return len(asked)

    assert queries(1, rows=2) == queries(6, rows=13)  # the first one is set aside again


@pytest.mark.parametrize(("seconds", "expected"), [(0.2, "1 s"), (59, "59 s"), (185, "3 min 05 s"), (None, "")])
def test_length_of_a_run(seconds: float | None, expected: str) -> None:
    begun = timezone.now()
    run = BillingRun(started_at=begun, finished_at=None if seconds is None else begun + timedelta(seconds=seconds))

    assert length_of(run) == expected


def test_post_all_asks_with_the_amounts_then_posts_the_drafts_of_that_run(world: World, night: BillingRun) -> None:
    other = world.draft()
    office = world.office(ACCOUNTANT)
    drafts = office.get(address(night)).context["drafts"]
    chosen = {"action": "act_post", "select_across": "1", "index": "0", "_selected_action": str(drafts["one"])}

    with nothing_changed():
        question = office.client.post(drafts["url"], chosen)
    assert question.status_code == 200
    assert len(question.context["documents"]) == 3
    office.client.post(
        drafts["url"], {**fields_of(question), "_selected_action": [d.pk for d in question.context["documents"]]}
    )

    other.refresh_from_db()
    assert other.state == "draft"
    assert Invoice.objects.posted().count() == 3
    assert office.get(address(night)).context["drafts"] is None


def test_who_may_not_post_or_see_invoices_is_not_offered_to(world: World, night: BillingRun) -> None:
    billing = world.office(BILLING).get(address(night))
    assert billing.context["drafts"]["may_post"] is world.biller.has_perm("invoicing.post_invoice")
    planner = world.office(PLANNER).get(address(night))
    if planner.status_code == 200:
        assert (planner.context["drafts"], tuple(planner.context["amounts"])) == (None, ())


def test_nights_and_runs_by_hand_apart(world: World, night: BillingRun) -> None:
    by_hand = BillingRun.objects.create(on=world.today, state="done")
    office, url = world.office(ACCOUNTANT), address(BillingRun, "changelist")

    def shown(view: str) -> list[int]:
        return [run.pk for run in office.get(url, view=view).context["cl"].result_list]

    assert shown("nights") == [night.pk]
    assert shown("by-hand") == [by_hand.pk]


# What a run billed, in its list


def net_cells(world: World, role: str = ACCOUNTANT) -> list[str]:
    """The net of each run of the list, newest first."""
    page = world.office(role).get(address(BillingRun, "changelist")).content.decode()
    found = re.findall(r'<td class="field-net_text [^>]*>(.*?)</td>', page, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in found]


def test_list_shows_the_net_of_each_run(world: World, night: BillingRun) -> None:
    finish_run(night)
    contract = make_contract(world, "01/12/26", article("1234.56"), frequency="yearly")
    dry = start_run(on=date(2026, 12, 1), by=world.manager, is_dry=True, selection=[contract.pk])
    for ids in chunks_of(dry):
        work_chunk(dry, ids)

    assert net_cells(world) == ["1\N{NO-BREAK SPACE}234,56 € HT", "30,00 € HT"]
    assert [total.net for total in RunTotal.objects.order_by("run_id")] == [Decimal("30.00"), Decimal("1234.56")]
    export = world.office(ACCOUNTANT).get(address(BillingRun, "export"), format="csv").getvalue().decode()
    assert [line.split(";")[7] for line in export.splitlines()] == ["Net facturé", "1234,56", "30,00"]


def test_credit_note_is_taken_off_the_net_of_its_run(world: World) -> None:
    contract = make_contract(world, "01/10/26", article("1200"))
    (outcome,) = bill(world, contract, on="01/10/26").outcomes.all()
    post_invoice(Invoice.objects.get(pk=outcome.invoices[0]), on=world.today, by=world.accountant)
    save_line(
        contract.lines.get().pk,
        {},
        exceptions=[exception("20/10/26", "30.00", "-1")],
        on=world.today,
        by=world.manager,
    )
    run = bill(world, contract, on="20/10/26")

    assert [(invoice.kind, invoice.net.amount) for invoice in run_invoices(run)] == [("credit_note", Decimal("30.00"))]
    assert RunTotal.objects.get(run=run).net == Decimal("-30.00")
    assert net_cells(world)[0] == "-30,00 € HT"
    page = world.office(ACCOUNTANT).get(address(run))
    assert page.context["amounts"] == [("EUR", Decimal("-30.00"), Decimal("-31.65"))]


def run_invoices(run: BillingRun) -> list[Invoice]:
    return list(Invoice.objects.filter(pk__in=run.outcomes.invoice_ids()))


def test_who_sees_no_invoices_sees_no_net_of_runs(world: World, night: BillingRun) -> None:
    finish_run(night)

    assert net_cells(world, PLANNER) == []
    export = world.office(PLANNER).get(address(BillingRun, "export"), format="csv").getvalue().decode()
    assert "Net facturé" not in export


def test_runs_of_the_version_before_get_their_net(world: World, night: BillingRun) -> None:
    finish_run(night)
    dry = start_run(on=date(2026, 12, 1), by=world.manager, is_dry=True)
    for ids in chunks_of(dry):
        work_chunk(dry, ids)
    finish_run(dry)
    running = start_run(on=date(2027, 1, 1), by=world.manager)
    before = list(RunTotal.objects.order_by("run_id").values_list("run", "net"))
    assert before == [(night.pk, Decimal("30.00")), (dry.pk, Decimal("30.00")), (running.pk, None)]
    RunTotal.objects.update(net=None)

    import_module("contracts.migrations.0010_fill_run_net").fill(apps, connection.schema_editor())

    assert list(RunTotal.objects.order_by("run_id").values_list("run", "net")) == before
