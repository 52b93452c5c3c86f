"""Lists: the order of what is urgent, chips with their counts, what a line says, the way through a list from its forms."""

import re
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Appointment
from contracts.models import Contract
from interventions.models import InterventionRequest, RequestLine
from interventions.services.states import finish_intervention
from invoicing.admin.filters import MOST_COUNTED
from invoicing.models import Invoice, Partner, PurchaseOrder, Quote, SupplierBill
from invoicing.services.documents.purchases import check_bill, record_bill
from invoicing.services.documents.quotes import accept_quote, send_quote
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.settlement.payments import pay_invoice
from openfire_billing.db.counting import counted_together
from openfire_billing.db.narrowing import answers_kept, asked_once
from openfire_billing.kernel.formats import days_text
from openfire_billing.office.roles import ACCOUNTANT, MANAGER
from tests.contracts.contract_builders import article, make_contract
from tests.factories import PartnerFactory, TechnicianFactory, World, item
from tests.factories.appointments import at, book
from tests.factories.pages import Office, address, fields_of, texts_of
from tests.factories.past import rewrite

DAY = timedelta(days=1)


def rows(office: Office, model: type[Any], **query: Any) -> list[Any]:
    """The records of a list, in its order."""
    return list(office.get(address(model, "changelist"), **query).context["cl"].result_list)


def links(office: Office, model: type[Any], **query: Any) -> dict[Any, str]:
    """{record: the address that its line opens}."""
    cl = office.get(address(model, "changelist"), **query).context["cl"]
    page = unescape(office.get(address(model, "changelist"), **query).content.decode())
    return {row: re.findall(rf'href="({re.escape(address(row))}[^"]*)"', page)[0] for row in cl.result_list}


def chips(office: Office, model: type[Any]) -> dict[str, str | None]:
    """{slug: count} of the chips of a list."""
    found = office.get(address(model, "changelist")).context["office_chips"]
    return {chip["slug"]: chip.get("count") for chip in found}


def cells(office: Office, model: type[Any], name: str) -> list[str]:
    """What a column of a list shows, line by line."""
    page = office.get(address(model, "changelist")).content.decode()
    found = re.findall(rf'<t[dh] class="field-{name} [^>]*>(.*?)</t[dh]>', page, re.DOTALL)
    return [unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in found]


def due(world: World, first: int, last: int, **values: Any) -> InterventionRequest:
    """A DI whose period goes from `first` to `last` days after today."""
    return world.intervention(from_on=world.today + first * DAY, to_on=world.today + last * DAY, **values)


# Order


def test_interventions_late_come_first_then_by_the_end_of_their_period(world: World) -> None:
    next_year, soon = due(world, 300, 330), due(world, 0, 3)
    late, later = due(world, -20, -2), due(world, -60, -30)
    done = finish_intervention(due(world, -5, 1), on=world.today, by=world.planner)

    assert rows(world.office(), InterventionRequest) == [later, late, soon, next_year, done]
    heads = world.office().get(address(InterventionRequest, "changelist")).context["cl"]
    assert heads.get_ordering_field_columns() == {}
    by_number = [later, late, soon, next_year, done]
    assert rows(world.office(), InterventionRequest, o="2") == sorted(by_number, key=lambda di: di.number)
    assert rows(world.office(), InterventionRequest, o="-2") == sorted(by_number, key=lambda di: di.number)[::-1]


def test_appointments_of_today_come_first_then_those_to_place_then_the_past(world: World) -> None:
    tomorrow = book(world, world.intervention(), starts_at=at(8, day=25))
    past, long_past = (book(world, world.intervention(), starts_at=at(8, day=day)) for day in (20, 12))
    today = book(world, world.intervention(), starts_at=at(16, day=24))
    unplaced = book(world, world.intervention(), starts_at=at(8, day=26))
    rewrite(Appointment.objects.filter(pk=unplaced.pk), starts_at=None, ends_at=None, state="draft")

    assert rows(world.office(), Appointment) == [today, tomorrow, unplaced, past, long_past]


def test_quotes_awaiting_an_answer_come_first_by_validity(world: World) -> None:
    draft = world.quote()
    long, short, accepted = (send_quote(world.quote(), by=world.biller) for _rank in range(3))
    rewrite(Quote.objects.filter(pk=long.pk), valid_until=world.today + 40 * DAY)
    rewrite(Quote.objects.filter(pk=short.pk), valid_until=world.today + 4 * DAY)
    accept_quote(accepted, on=world.today, by=world.biller)

    assert rows(world.office(), Quote) == [short, long, draft, accepted]


def test_contracts_due_first_lead(world: World) -> None:
    later, first = make_contract(world, "01/01/26", article("120")), make_contract(world, "01/01/26", article("120"))
    rewrite(Contract.objects.filter(pk=later.pk), next_due_on=date(2027, 3, 1))
    rewrite(Contract.objects.filter(pk=first.pk), next_due_on=date(2026, 12, 1))

    assert rows(world.office(MANAGER), Contract) == [first, later]


def test_invoices_are_newest_first_and_by_due_day_under_the_chips_of_what_is_owed(world: World) -> None:
    invoices = [world.posted() for _rank in range(3)]
    for invoice, days in zip(invoices, (-3, -20, -10), strict=True):
        rewrite(Invoice.objects.filter(pk=invoice.pk), due_on=world.today + days * DAY)
    first, second, third = invoices
    office = world.office()

    assert rows(office, Invoice) == [third, second, first]
    assert rows(office, Invoice, view="unpaid") == [second, third, first]
    assert rows(office, Invoice, view="late") == [second, third, first]


# Chips


def test_chips_of_interventions_count_what_is_behind_them(world: World) -> None:
    due(world, -20, -2)
    due(world, 30, 60)
    due(world, 31, 61)
    due(world, 0, 5, is_validated=False, user=world.accountant)
    archived = due(world, -40, -30)
    InterventionRequest.objects.filter(pk=archived.pk).update(is_active=False)

    assert chips(world.office(), InterventionRequest) == {
        "": None,
        "to-plan": "3",
        "late": "1",
        "soon": "3",
        "to-bill": "3",
        "drafts": "1",
        "mine": "1",
        "archived": None,
    }
    for slug in ("to-plan", "late", "soon", "to-bill", "drafts", "mine"):
        shown = rows(world.office(), InterventionRequest, view=slug)
        assert str(len(shown)) == chips(world.office(), InterventionRequest)[slug]


def test_appointments_of_a_technician_are_his_own(world: World) -> None:
    who = TechnicianFactory(company=world.company, user=world.manager)
    his, _other = book(world, world.intervention(), who=who), book(world, world.intervention())

    assert rows(world.office(MANAGER), Appointment, view="mine") == [his]
    assert chips(world.office(MANAGER), Appointment)["mine"] == "1"
    assert chips(world.office(), Appointment)["mine"] == "0"


def test_interventions_within_30_days_are_those_that_open_by_then_or_are_late(world: World) -> None:
    late, edge = due(world, -20, -2), due(world, 30, 60)
    due(world, 31, 61)
    finish_intervention(due(world, -5, 1), on=world.today, by=world.planner)

    assert rows(world.office(), InterventionRequest, view="soon") == [late, edge]


def test_chips_of_invoices_count_drafts_and_what_is_owed(world: World) -> None:
    world.draft()
    paid, owed = world.posted(), world.posted()
    pay_invoice(paid, amount=paid.gross.amount, on=world.today, kind="transfer", by=world.accountant)
    rewrite(Invoice.objects.filter(pk=owed.pk), due_on=world.today - DAY)

    found = chips(world.office(), Invoice)

    assert {slug: count for slug, count in found.items() if count is not None} == {
        "drafts": "1",
        "unpaid": "1",
        "late": "1",
        "to-refund": "0",
    }
    credit_invoice(paid, on=world.today, rebill=False, by=world.accountant)
    for slug in ("drafts", "unpaid", "late", "to-refund"):
        assert chips(world.office(), Invoice)[slug] == str(len(rows(world.office(), Invoice, view=slug))) == "1", slug


def test_counts_of_a_page_are_one_query_and_stop_at_a_thousand(world: World) -> None:
    for number in range(4):
        PartnerFactory(name=f"Client {number}")
    named = Partner.objects.filter(name__startswith="Client")
    questions = {"none": Partner.objects.none(), "named": named, "all": Partner.objects.order_by("name")}

    with CaptureQueriesContext(connection) as asked:
        counts = counted_together(questions, most=3)

    assert counts == {"none": 0, "named": 3, "all": 3}
    assert len(asked) == 1
    assert counted_together(questions, most=MOST_COUNTED) == {"none": 0, "named": 4, "all": Partner.objects.count()}
    assert counted_together({"none": Partner.objects.none()}, most=3) == {"none": 0}


def test_question_asked_twice_on_one_page_is_run_once_and_again_on_the_next(world: World) -> None:
    named = Partner.objects.filter(name="Aubry Maëlle")
    with CaptureQueriesContext(connection) as queries, answers_kept():
        found = [list(asked_once(named, of=Partner.objects.all())) for _ in range(2)]
        assert list(asked_once(named.none(), of=Partner.objects.all())) == []
        assert list(asked_once(Partner.objects.filter(name="Personne"), of=Partner.objects.all())) == []
    assert found == [[world.customer]] * 2
    assert len(queries) == 6  # the question, its rows twice; the rows of none; the other question, its rows

    world.customer.name = "Aubry Maëlle-Anne"
    world.customer.save()
    with answers_kept():
        assert list(asked_once(named, of=Partner.objects.all())) == []
    assert list(asked_once(named, of=Partner.objects.all())) == []


def test_count_of_the_chosen_chip_is_that_of_the_list_and_is_not_asked_again(world: World) -> None:
    for _ in range(3):
        world.draft()
    office = world.office(MANAGER)
    page = address(Invoice, "changelist")
    with CaptureQueriesContext(connection) as whole:
        counts = {chip["slug"]: chip.get("count") for chip in office.get(page).context["office_chips"]}
    with CaptureQueriesContext(connection) as narrowed:
        chosen = office.get(page, view="drafts").context
    assert {chip["slug"]: chip.get("count") for chip in chosen["office_chips"]} == counts
    assert counts["drafts"] == "3"
    asked = [[q["sql"] for q in queries if "UNION ALL" in q["sql"]] for queries in (whole, narrowed)]
    assert [sql.count("COUNT(*)") for (sql,) in asked] == [4, 3]


def test_chips_count_the_companies_of_the_user_alone(world: World) -> None:
    due(world, -20, -2)
    other = world.company.__class__.objects.create(name="Autre", currency="EUR")
    elsewhere = due(world, -20, -2)
    rewrite(InterventionRequest.objects.filter(pk=elsewhere.pk), company=other)

    assert chips(world.office(), InterventionRequest)["late"] == "1"


def shown_chips(office: Office, model: type[Any], **query: str) -> dict[str, Any]:
    """{slug: chip} of a list under these filters."""
    return {chip["slug"]: chip for chip in office.get(address(model, "changelist"), **query).context["office_chips"]}


def test_chip_of_one_s_own_goes_with_another(world: World) -> None:
    mine, others = (due(world, -20, -2, user=user) for user in (world.accountant, world.planner))
    ahead = due(world, 30, 60, user=world.accountant)
    gone = due(world, -40, -30, user=world.accountant)
    InterventionRequest.objects.filter(pk=gone.pk).update(is_active=False)
    office = world.office(ACCOUNTANT)

    assert rows(office, InterventionRequest, view="late") == [others, mine]
    assert rows(office, InterventionRequest, view="mine") == [mine, ahead]
    assert rows(office, InterventionRequest, view="late.mine") == rows(office, InterventionRequest, view="mine.late")
    assert rows(office, InterventionRequest, view="late.mine") == [mine]
    assert rows(office, InterventionRequest, view="archived.mine") == [gone]
    assert rows(office, InterventionRequest, view="late.drafts.mine") == [mine]  # of two alone, the first

    found = shown_chips(office, InterventionRequest, view="late.mine")
    assert {slug for slug, chip in found.items() if chip["is_chosen"]} == {"late", "mine"}
    assert {slug: chip["count"] for slug, chip in found.items() if chip.get("count")} == {
        "to-plan": "2",
        "late": "1",
        "soon": "2",
        "to-bill": "2",
        "drafts": "0",
        "mine": "1",
    }
    assert {slug: found[slug]["url"] for slug in ("", "late", "mine", "drafts")} == {
        "": "?",
        "late": "?view=late.mine",
        "mine": "?view=late",
        "drafts": "?view=drafts.mine",
    }
    assert shown_chips(office, InterventionRequest, view="late")["mine"]["url"] == "?view=late.mine"
    assert shown_chips(office, InterventionRequest, view="mine")["mine"]["url"] == "?"


def test_chips_keep_the_other_filters_and_count_their_rows(world: World) -> None:
    known = PartnerFactory(name="Le Floc'h")
    his, other = due(world, -20, -2, partner=known), due(world, -20, -3)
    due(world, 30, 60, partner=known, is_validated=False)
    office = world.office()
    query = {"q": "floc", "type__id__exact": str(his.type_id)}

    assert rows(office, InterventionRequest, view="late") == [other, his]
    assert rows(office, InterventionRequest, view="late", **query) == [his]
    found = shown_chips(office, InterventionRequest, view="late", o="2", p="1", **query)
    assert {slug: found[slug]["count"] for slug in ("to-plan", "late", "drafts", "mine")} == {
        "to-plan": "1",
        "late": "1",
        "drafts": "1",
        "mine": "0",
    }
    kept = f"q=floc&type__id__exact={his.type_id}"
    assert (found[""]["url"], found["drafts"]["url"]) == (f"?{kept}", f"?{kept}&view=drafts")
    for slug in ("to-plan", "late", "drafts", "mine"):
        assert found[slug]["count"] == str(len(rows(office, InterventionRequest, view=slug, **query)))


def test_chips_of_a_narrowed_list_ask_for_the_choices_of_its_filters_once(world: World) -> None:
    made = due(world, -20, -2)
    office, url = world.office(), address(InterventionRequest, "changelist")

    def asked(**query: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            office.get(url, **query)
        return [query["sql"] for query in captured if 'FROM "interventions_interventiontype"' in query["sql"]]

    asked()
    assert len(asked(q="aubry", type__id__exact=str(made.type_id))) == len(asked())


# What a line says


def test_customer_comes_first_and_opens_the_record(world: World) -> None:
    made = world.intervention()
    office = world.office()
    page = office.get(address(InterventionRequest, "changelist"))

    assert page.context["cl"].list_display[1:3] == ["partner", "numbered"]
    assert cells(office, InterventionRequest, "partner") == ["Aubry Maëlle"]
    assert cells(office, InterventionRequest, "numbered") == [made.number]
    assert "<title>" in page.content.decode()
    assert page.context["title"] == "Demandes d'intervention"
    assert "Tout afficher" not in page.content.decode()


def test_number_of_a_payment_and_of_a_supplier_bill_opens_it(world: World) -> None:
    invoice, office = world.posted(), world.office(ACCOUNTANT)
    payment = pay_invoice(invoice, amount=Decimal(10), on=world.today, kind="card", by=world.accountant)
    bill = record_bill(
        supplier=world.customer,
        company=world.company,
        number="F-9",
        on=world.today,
        net=Decimal(100),
        tax=Decimal(20),
        by=world.accountant,
    )

    for record in (payment, bill):
        page = unescape(office.get(address(type(record), "changelist")).content.decode())
        assert re.search(rf'<a href="{address(record)}[^"]*"[^>]*>\s*{record.number}\s*</a>', page)


def test_age_of_an_intervention_is_counted_from_its_period_of_a_late_one_from_its_end(world: World) -> None:
    late, open_, ahead = due(world, -20, -2), due(world, -3, 3), due(world, 5, 9)
    office = world.office()

    assert rows(office, InterventionRequest) == [late, open_, ahead]
    assert cells(office, InterventionRequest, "age") == ["2 j en retard", "3 j", "–"]
    page = office.get(address(InterventionRequest, "changelist"))
    assert texts_of(page, "of-late") == ["2 j en retard"]


def test_age_of_an_invoice_is_that_of_what_is_owed(world: World) -> None:
    paid, owed = world.posted(), world.posted()
    pay_invoice(paid, amount=paid.gross.amount, on=world.today, kind="transfer", by=world.accountant)
    world.draft()
    rewrite(Invoice.objects.filter(pk=owed.pk), issued_on=world.today - 40 * DAY, due_on=world.today - 10 * DAY)
    office = world.office()

    assert cells(office, Invoice, "age") == ["–", "40 j en retard", "–"]


def test_age_of_a_quote_is_that_of_the_answer_awaited(world: World) -> None:
    sent, lapsed = (send_quote(world.quote(), by=world.biller) for _rank in range(2))
    world.quote()
    rewrite(Quote.objects.filter(pk=sent.pk), issued_on=world.today - 6 * DAY)
    rewrite(Quote.objects.filter(pk=lapsed.pk), issued_on=world.today - 50 * DAY, valid_until=world.today - 20 * DAY)

    assert cells(world.office(), Quote, "age") == ["50 j en retard", "6 j", "–"]


def test_age_of_a_supplier_bill_is_that_of_what_is_left_to_pay(world: World) -> None:
    def bill(number: str, days: int, due: int) -> SupplierBill:
        return record_bill(
            company=world.company,
            supplier=world.customer,
            number=number,
            on=world.today - days * DAY,
            net=Decimal(100),
            tax=Decimal(20),
            due_on=world.today + due * DAY,
            order=None,
            notes="",
            by=world.accountant,
        )

    check_bill(bill("A", 3, 1), by=world.accountant)
    check_bill(bill("B", 40, -1), by=world.accountant)
    bill("C", 50, -2)

    assert cells(world.office(), SupplierBill, "age") == ["3 j", "40 j en retard", "–"]


def test_intervention_that_a_contract_bills_says_so_instead_of_zero(world: World) -> None:
    covered, partly, bare, billed = (world.intervention(item(), item(2)) for _rank in range(4))
    covered.lines.update(covered=True)
    partly.lines.filter(position=1).update(covered=True)
    RequestLine.objects.filter(intervention=bare).delete()
    for rank, di in enumerate((covered, partly, bare, billed)):
        rewrite(InterventionRequest.objects.filter(pk=di.pk), to_on=world.today + rank * DAY)

    amounts = cells(world.office(), InterventionRequest, "net_text")

    assert amounts == ["Contrat", "350,00 €", "–", "525,00 €"]


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2026, 11, 24), date(2026, 11, 24), "24/11/2026"),
        (date(2027, 9, 1), date(2027, 9, 30), "01/09 – 30/09/2027"),
        (date(2026, 12, 15), date(2027, 1, 15), "15/12/2026 – 15/01/2027"),
    ],
)
def test_days_are_written_short(first: date, last: date, text: str) -> None:
    assert days_text(first, last) == text


# From a form to the next


def test_form_opened_from_a_list_names_its_neighbours(world: World) -> None:
    third, first, second = due(world, 0, 9), due(world, -20, -2), due(world, 0, 5)
    due(world, 0, 7, is_validated=False)
    office = world.office()
    ways = links(office, InterventionRequest, view="to-plan")

    found = office.get(ways[second]).context["office_neighbours"]

    assert found["previous"] == ways[first]
    assert found["next"] == ways[third]
    assert (found["position"], found["count"]) == (2, 3)
    assert found["back"] == address(InterventionRequest, "changelist") + "?view=to-plan"
    assert office.get(ways[first]).context["office_neighbours"]["previous"] == ""
    assert office.get(ways[third]).context["office_neighbours"]["next"] == ""


def test_form_opened_elsewhere_has_no_neighbours(world: World) -> None:
    made = world.intervention()
    office = world.office()

    for query in ({}, {"at": "1"}, {"_changelist_filters": "p=1"}, {"at": "x", "_changelist_filters": "p=1"}):
        assert office.get(address(made), **query).context["office_neighbours"] is None, query
    unreadable = {"at": "1", "_changelist_filters": "from_on__gte=demain"}
    assert office.get(address(made), **unreadable).context["office_neighbours"] is None


def test_record_that_left_the_list_gives_way_to_those_of_its_place(world: World) -> None:
    first, second, third = due(world, -20, -4), due(world, -20, -3), due(world, -20, -2)
    office = world.office()
    ways = links(office, InterventionRequest, view="late")
    finish_intervention(second, on=world.today, by=world.planner)

    found = office.get(ways[second]).context["office_neighbours"]

    assert found["previous"] == ways[first]
    assert found["next"].partition("?")[0] == address(third)
    assert (found["position"], found["count"]) == (None, 2)


def test_list_without_a_filter_is_followed_over_its_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [due(world, 0, rank) for rank in range(1, 6)]
    monkeypatch.setattr("interventions.admin.requests.InterventionRequestAdmin.list_per_page", 2)
    office = world.office()
    ways = links(office, InterventionRequest, p="2")
    assert list(ways) == made[2:4]

    found = office.get(ways[made[3]]).context["office_neighbours"]

    assert found["next"].partition("?")[0] == address(made[4])
    assert (found["position"], found["count"]) == (4, 5)
    assert found["back"] == address(InterventionRequest, "changelist") + "?p=2"
    onward = office.get(found["next"]).context["office_neighbours"]
    assert (onward["position"], onward["next"]) == (5, "")
    assert onward["previous"] == ways[made[3]]


def test_way_back_over_a_page_goes_to_the_last_record_of_the_one_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a chip, a search and a sorted column, as the list has them."""
    made = [due(world, -20, -rank, user=world.accountant) for rank in range(1, 6)]
    due(world, 10, 20, user=world.accountant)
    monkeypatch.setattr("interventions.admin.requests.InterventionRequestAdmin.list_per_page", 2)
    office = world.office(ACCOUNTANT)
    query = {"view": "late.mine", "q": "aubry", "o": "2"}
    ways = links(office, InterventionRequest, p="2", **query)
    assert list(ways) == made[2:4]

    found = office.get(ways[made[2]]).context["office_neighbours"]
    assert (found["position"], found["count"]) == (3, 5)
    before = office.get(found["previous"]).context
    assert before["original"] == made[1]
    assert before["office_neighbours"]["next"].partition("?")[0] == address(made[2])
    assert parse_qs(urlsplit(before["office_neighbours"]["back"]).query) == {
        name: [value] for name, value in query.items()
    }
    last = office.get(office.get(ways[made[3]]).context["office_neighbours"]["next"]).context
    assert last["original"] == made[4]
    assert parse_qs(urlsplit(last["office_neighbours"]["back"]).query)["p"] == ["3"]
    assert last["office_neighbours"]["next"] == ""


def test_neighbours_take_the_same_queries_whatever_the_list(world: World) -> None:
    office = world.office()
    made = [due(world, 0, rank) for rank in range(1, 4)]

    def cost(way: str) -> int:
        office.get(way)
        with CaptureQueriesContext(connection) as asked:
            office.get(way)
        return len(asked)

    plain, few = cost(address(made[1])), cost(links(office, InterventionRequest)[made[1]])
    for rank in range(4, 30):
        due(world, 0, rank)
    many = cost(links(office, InterventionRequest)[made[1]])

    assert (few - plain, many) == (2, few)


# Many at once


def test_whole_list_ticked_from_a_later_page_is_acted_on_as_filtered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invoicing.admin.documents.invoices.InvoiceAdmin.list_per_page", 2)
    drafts = [world.draft() for _rank in range(5)]
    posted = world.posted()
    office = world.office(ACCOUNTANT)
    url = address(Invoice, "changelist") + "?view=drafts&p=2"
    page = office.get(url)
    assert (len(page.context["cl"].result_list), page.context["cl"].result_count) == (2, 5)
    assert "Cocher toute la liste : 5" in page.content.decode()
    sent = {
        "action": "act_post",
        "index": "0",
        ACTION_CHECKBOX_NAME: [row.pk for row in page.context["cl"].result_list],
    }

    of_page = office.client.post(url, {**sent, "select_across": "0"}).context["documents"]
    whole = office.client.post(url, {**sent, "select_across": "1"}).context["documents"]

    assert set(of_page) == set(page.context["cl"].result_list)
    assert set(whole) == set(drafts)
    assert posted not in whole


def test_acts_on_many_are_buttons(world: World) -> None:
    world.posted()
    page = world.office().get(address(Invoice, "changelist"))
    acts = [act["name"] for act in page.context["office_many"]]

    assert acts[:3] == ["act_message", "act_post", "act_taxes"]
    assert acts[-2:] == ["act_cancel", "act_delete"]
    assert [act["is_danger"] for act in page.context["office_many"]][-2:] == [True, True]
    text = page.content.decode()
    assert "<select" not in text.split('class="of-many actions"')[1].split("result_list")[0]


def test_button_of_an_act_asks_for_the_ticked_records(world: World) -> None:
    drafts = [world.draft(), world.draft()]
    office = world.office()
    url = address(Invoice, "changelist")
    acts = [act["name"] for act in office.get(url).context["office_many"]]
    sent = {"action": acts, "index": acts.index("act_post"), "select_across": "0"}

    asked = office.client.post(url, {**sent, ACTION_CHECKBOX_NAME: [draft.pk for draft in drafts]})

    assert asked.status_code == 200
    assert asked.context["act"].name == "post"
    assert set(asked.context["documents"]) == set(drafts)


def test_lists_of_suppliers_lead_with_the_supplier(world: World) -> None:
    page = world.office(ACCOUNTANT).get(address(PurchaseOrder, "changelist"))
    assert [name for name in page.context["cl"].list_display if name != "action_checkbox"][:2] == [
        "supplier",
        "numbered",
    ]


def test_confirmation_of_many_names_customers_amounts_and_their_total(world: World) -> None:
    drafts = [world.draft(), world.draft(item(3))]
    office = world.office()
    sent = {"action": "act_post", ACTION_CHECKBOX_NAME: [draft.pk for draft in drafts]}

    asked = office.client.post(address(Invoice, "changelist"), sent)

    named = {(str(document), str(who), amount) for document, who, amount in asked.context["chosen"]}
    assert named == {
        (str(drafts[0]), "Aubry Maëlle", "184,62 €"),
        (str(drafts[1]), "Aubry Maëlle", "553,88 €"),
    }
    assert asked.context["chosen_total"] == "738,50 €"
    assert "738,50 € TTC" in asked.content.decode()


def test_place_in_the_list_is_kept_by_a_save(world: World) -> None:
    first, second = due(world, 0, 1), due(world, 0, 2)
    office = world.office(MANAGER)
    way = links(office, InterventionRequest)[second]
    fields = fields_of(office.get(way), "interventionrequest_form")

    saved = office.client.post(way, {**fields, "title": "Ramonage", "_save": "1"})

    assert saved.url == way
    found = office.get(saved.url).context["office_neighbours"]
    assert found["previous"] == links(office, InterventionRequest)[first]


def test_place_in_the_list_is_kept_by_an_act_and_the_list_by_a_deletion(world: World) -> None:
    first, second = due(world, 0, 1, is_validated=False), due(world, 0, 2, is_validated=False)
    office = world.office(MANAGER)
    ways = links(office, InterventionRequest, view="drafts")
    acts = {act["url"].split("/act/")[1].split("/")[0]: act["url"] for act in menu(office, ways[second])}

    done = office.client.post(acts["validate"], {**fields_of(office.get(acts["validate"])), "_confirmed": "1"})
    gone = menu(office, ways[first])
    (delete,) = (act["url"] for act in gone if "/act/delete/" in act["url"])
    left = office.client.post(delete, {**fields_of(office.get(delete)), "_confirmed": "1"})

    assert done.url == ways[second]
    assert left.url == address(InterventionRequest, "changelist") + "?view=drafts"


def menu(office: Office, way: str) -> list[dict[str, Any]]:
    """The acts of a form."""
    found: list[dict[str, Any]] = office.get(way).context["office_menu"]
    return found


def test_column_that_the_browser_keeps_hidden_is_left_out_of_sight_only(world: World) -> None:
    world.intervention()
    office = world.office()
    office.client.cookies["columns-interventionrequest"] = "town.</style>"
    page = office.get(address(InterventionRequest, "changelist"))

    (style,) = re.findall(r'<style id="hidden-columns">(.*?)</style>', page.content.decode())
    assert style == "#result_list :is(.field-town, .column-town) { display: none; }"
    assert [column["name"] for column in page.context["office_columns"] if column["is_hidden"]] == ["town"]
    names = [column["name"] for column in page.context["office_columns"]]
    assert names == ["numbered", "title_text", "town", "window", "age", "net_text", "state_badge", "who"]


def test_confirmation_of_an_act_on_a_part_shows_no_total(world: World) -> None:
    """What is left to bill of a DI is not what the DI amounts to."""
    di, draft = world.intervention(item(1)), world.draft()
    office = world.office(MANAGER)
    shown = {}
    for act, document in (("invoice-many", di), ("purchase", di), ("post", draft)):
        sent = {"action": f"act_{act}", ACTION_CHECKBOX_NAME: [document.pk]}
        answer = office.client.post(address(type(document), "changelist"), sent)
        assert answer.status_code == 200
        shown[act] = "data-chosen-total" in answer.content.decode()
    assert shown == {"invoice-many": False, "purchase": False, "post": True}
