"""Every service that changes documents locks in one order, FOR NO KEY UPDATE, and writes only what it has locked."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import transaction

from appointments.choices import CustomerAnswer
from appointments.models import Absence
from appointments.services import absences, answers, feeds, month_visits, notices, reminders, tour_orders, tours
from appointments.services import billing as rdv_billing
from appointments.services import lines as rdv_lines
from appointments.services import moving as rdv_moving
from appointments.services import planning as rdv_planning
from appointments.services import saving as rdv_saving
from appointments.services import states as rdv_states
from contracts.models import BillingRun, Contract, ContractLine
from contracts.services import (
    activation,
    callouts,
    cancellation,
    manual_runs,
    next_dates,
    night,
    prices,
    runs,
    takeover,
    termination,
    visits,
    waivers,
)
from contracts.services import billing as contract_billing
from contracts.services import contracts as contract_headers
from contracts.services import lines as contract_lines
from interventions.models import InterventionRequest, Technician
from interventions.services import billing as di_billing
from interventions.services import purchases as di_purchases
from interventions.services import requests as dis
from interventions.services import sectors, templates
from interventions.services import states as di_states
from invoicing.choices import OrderState
from invoicing.models import Address, Company, Invoice, Message, Partner, WebhookDelivery
from invoicing.services.documents import drafts, mailing, purchases, quotes, receipts, texts, writing
from invoicing.services.documents.lines import LineEdit
from invoicing.services.documents.text_subjects import INVOICE_TEXT
from invoicing.services.parties import customers, duplicates, places, programs, webhooks
from invoicing.services.posting import credit, post
from invoicing.services.records.messages import queue_message
from invoicing.services.settlement import payments, refunds, supplier_payments
from openfire_billing.db.transactions import atomic
from openfire_billing.office.roles import PLANNER
from openfire_billing.web.geocoder import Asked
from tests.contracts.contract_builders import article, day, make_contract
from tests.factories import (
    AddressFactory,
    PartnerFactory,
    SectorFactory,
    TechnicianFactory,
    TemplateFactory,
    World,
    item,
    position,
    tax,
)
from tests.factories.appointments import at, book, technician
from tests.locks import story
from tests.locks.recorder import Allowed, recorded

ROOMS = (
    "invoicing.services.documents",
    "invoicing.services.posting",
    "invoicing.services.settlement",
    "invoicing.services.parties",
    "interventions.services",
    "appointments.services",
    "contracts.services",
)
Act = Callable[[], Any]
CASES: dict[str, Callable[[World], Act]] = {}


def _name(function: Any) -> str:
    return f"{function.__module__}.{function.__name__}"


# Why an act writes documents that it did not lock before.
_CONTRACT = "The contract of the line is locked, and whoever changes a line locks its contract first."
ALLOWED: Allowed = {
    (_name(activation.activate_contract), ContractLine): _CONTRACT,
    (_name(cancellation.reset_contract), ContractLine): _CONTRACT,
    (_name(cancellation.delete_contracts), ContractLine): _CONTRACT,
    (
        _name(next_dates.notice_visits_done),
        Contract,
    ): "The day something is due is brought forward, each in a statement of its own.",
    (_name(next_dates.recheck_due), Contract): "The same case brings the day forward first.",
    **{
        (_name(service), User): "The account of the program is locked, and whoever writes its user locks it first."
        for service in (
            programs.save_account,
            programs.make_key,
            programs.revoke_key,
            programs.close_account,
            programs.open_account,
        )
    },
    ("*", BillingRun): "A sign of life or totals, in a statement of its own: no other act locks a run and then waits.",
}

# Parts of acts: they write under the locks of the act that calls them, which is in the table.
PARTS = set(
    """
    invoicing.services.documents.batches: bill_one bill_in_groups
    invoicing.services.documents.drafts: write_taxes refresh_totals
    invoicing.services.documents.lines: remap_taxes apply_edits
    invoicing.services.documents.writing: rows_of
    invoicing.services.documents.jobs: queue_documents take_job put_back retry_all
    invoicing.services.documents.prints: order_print take_print note_printed finish_print fail_print forget_prints
    invoicing.services.posting.post: number_drafts write_posted
    invoicing.services.parties.webhooks: deliver_next forget_events
    invoicing.services.parties.places: locate_waiting
    appointments.services.booking: free_time
    invoicing.services.settlement.payments: write_payment use_credit
    interventions.services.requests: add_items append_template
    interventions.services.planning: record_planning
    appointments.services.planned: tell_intervention
    appointments.services.booking: occupy
    appointments.services.texts: publish_linked
    appointments.services.weeks: refused_when_valid_twice fill_empty_weeks
    appointments.services.deductions: put_off_deductions
    appointments.services.lines: copy_request_lines write_lines
    contracts.services.drafts: write_groups
    interventions.services.promises: check_promises stop_covering
    contracts.services.next_dates: rewrite_due
    contracts.services.run_outcomes: write_outcomes
    contracts.services.runs: count_visits
    contracts.services.takeover: give_up free_future_nights
    contracts.services.visits: cancel_visits
    interventions.services.writing: write_validated
    """.strip().splitlines()
)
# They change nothing of a document: they read, compute, refuse, fill an unsaved row, or only lock.
READING = set(
    """
    invoicing.services.documents.deductions: parts_of refusal_of_deductions refuse_deductions
    invoicing.services.documents.prices: settle_price
    invoicing.services.documents.intents: line_intent title_intent
    invoicing.services.documents.lines: item_of copy_printed complete_line refusal_of_article is_goods_tax_of_service refusal_of_goods_tax refuse_unbillable unbillable changes_of items_of_edits
    invoicing.services.documents.life: life_of note_first_view
    invoicing.services.documents.mailing: signed refusal_of_no_email sent_days plan_mailing
    invoicing.services.documents.texts: number_of refuse_unknown refuse_other_use filled plan_texts refusal_of_left_out
    invoicing.services.documents.text_subjects: declare_subject subjects of_partner of_company
    invoicing.services.documents.prints: is_quick refuse_too_many
    invoicing.services.documents.purchases: refusal_to_send
    invoicing.services.documents.receipts: lines_to_receive unbilled_state
    invoicing.services.documents.quotes: number_new_quote refusal_of_expired refusal_to_send refusal_to_accept
    invoicing.services.documents.writing: refusal_of_day
    invoicing.services.documents.suppliers: is_supplier_alone find_suppliers
    invoicing.services.documents.snapshots: seller buyer delivery category_of mentions_of texts
    invoicing.services.documents.jobs: late_documents
    invoicing.services.parties.logos: printable keep_logo
    invoicing.services.parties.companies: default_company
    invoicing.services.parties.places: outage state_of is_searching
    invoicing.services.parties.duplicates: likely_duplicates similar_customers
    invoicing.services.parties.programs: key_of user_by is_open_to
    invoicing.services.parties.webhooks: secret_of body_of signature
    invoicing.services.posting.credit: is_creditable plan_credit
    invoicing.services.posting.checks: refusals_to_post lines_priced_otherwise refusal_of_net net_left_of first_day refusal_of_date
    invoicing.services.posting.post: entry_of
    invoicing.services.settlement.payments: lock_settled refuse_changed lock_received open_invoices oldest_first refuse_amount refuse_spent
    invoicing.services.settlement.balances: account_of
    invoicing.services.settlement.refunds: is_rejectable
    invoicing.services.settlement.settled: parts_settled
    interventions.services.locks: lock_interventions lock_intervention lock_found_sectors promises_of
    interventions.services.sectors: read_table sectors_of sector_ids_of sector_of sector_moves
    interventions.services.requests: propose_dates refusal_of_no_address fill_defaults new_intervention new_lines
    interventions.services.promises: is_visit last_days_of
    interventions.services.documents: invoices_of live_quotes_of
    interventions.services.states: validation_of refuse_to_come is_move_undoable
    appointments.services.states: is_move_undoable
    appointments.services.planned: invoices_of is_billed
    appointments.services.deductions: refuse_too_deducted check_deductions
    appointments.services.saving: fill_defaults refusal_of_planned
    appointments.services.moving: forced_end_at
    appointments.services.billing: billable_of
    appointments.services.announced: announced is_same_for_customer when_text
    appointments.services.answers: answer_of awaits_answer half_days
    appointments.services.feeds: technician_at
    appointments.services.ics: customer_calendar paper_of technician_calendar uid_of
    appointments.services.notices: key_of_reminder notice_of template_of
    appointments.services.booking: length_of may_span refuse_unable
    appointments.services.calendars: calendars_of closed_days hours_to_length hours_to_minutes local
    appointments.services.days: days_of days_by_technician nearest_day split_by_day end_text rank_text
    appointments.services.locks: lock_appointments lock_appointment lock_technicians lock_tours
    appointments.services.tours: sectors_of_days
    appointments.services.tour_orders: tour_of base_of propose_order refusal_of_best
    appointments.services.roads: point_of ways_between forget_ways
    appointments.services.slots: fill_proposals free_gaps
    appointments.services.places: find_places best_places days_searched
    appointments.services.stops: stops_of location_of location_at hole_of candidate_of known_addresses later_than
    appointments.services.moves: find_moves
    appointments.services.month_visits: spread_visits
    appointments.services.absences: left_alone refusal_of_no_place
    appointments.services.planning: able_technicians is_able first_slot people_for propose_slot refusal_of_no_slot
    contracts.services.billing: foresee
    contracts.services.callouts: contract_year callouts_left
    contracts.services.contracts: fill_defaults may_auto_post
    contracts.services.drafts: intents_of claims_of parts_of titles_of
    contracts.services.fact_rows: line_facts contract_facts name_in_sentences
    contracts.services.facts: read_facts read_terms
    contracts.services.lines: lines_of
    contracts.services.live_claims: has_live_claims
    contracts.services.locks: activation_of lock_contracts lock_chunk lock_contract lock_line refuse_ended lock_run
    contracts.services.manual_runs: selection_of
    contracts.services.next_bill: next_bill next_days worth_of worth_of_each yearly_nets yearly_nets_of_lines
    contracts.services.outlook: outlook_of past_text activation_text
    contracts.services.next_dates: visits_made next_visit_on
    contracts.services.night: night_alarm
    contracts.services.run_outcomes: outcomes_of outcomes_of_selection refuse_nothing_made drafts_of refusals_text describe_drafts drafts_text results_of
    contracts.services.runs: refuse_far remaining chunks_of totals_seen
    contracts.services.days_served: days_served refuse_outside exceptions_left_out first_day_not_billed refuse_past
    contracts.services.visits: horizon is_past past_visits_text with_kept_visits
    contracts.services.waivers: charges_due waived claim_key
    """.strip().splitlines()
)


def case(*functions: Any) -> Callable[[Any], Any]:
    """The act recorded for these services: `prepare(world)` makes its documents and returns the act."""

    def register(prepare: Callable[[World], Act]) -> Callable[[World], Act]:
        for function in functions:
            CASES[_name(function)] = prepare
        return prepare

    return register


def _names(rows: set[str]) -> set[str]:
    found = set()
    for row in rows:
        module, _colon, names = row.strip().partition(":")
        found |= {f"{module}.{name}" for name in names.split()}
    return found


def _public() -> set[str]:
    """Every public function of the rooms of services."""
    found = set()
    for room in ROOMS:
        package = importlib.import_module(room)
        for info in pkgutil.walk_packages(package.__path__, f"{room}."):
            module = importlib.import_module(info.name)
            found |= {
                _name(function)
                for name, function in inspect.getmembers(module, inspect.isfunction)
                if function.__module__ == info.name and not name.startswith("_")
            }
    return found


# Acts of one document, given it and who does it: (service, document, more)

One = tuple[Any, Callable[[World], Any], dict[str, Any]]
ON_ONE: list[One] = [
    (quotes.send_quote, story.quote, {}),
    (quotes.refuse_quote, story.quote, {}),
    (quotes.cancel_quote, story.quote, {}),
    (quotes.settle_quote, story.accepted, {}),
    (quotes.reset_quote, lambda w: quotes.cancel_quote(story.quote(w), by=w.biller), {}),
    (quotes.accept_quote, story.quote, {"on": day("24/11/26")}),
    (quotes.duplicate_quote, story.quote, {"on": day("24/11/26")}),
    (quotes.invoice_quote, story.accepted, {"on": day("24/11/26")}),
    (quotes.prolong_quote, story.quote, {"on": day("24/11/26"), "until": day("24/11/27")}),
    (quotes.edit_quote, story.quote, {"values": {"title": "Autre"}, "edits": []}),
    (drafts.update_taxes, story.draft, {"on": day("24/11/26")}),
    (drafts.cancel_draft, story.draft, {}),
    (drafts.edit_draft, story.draft, {"values": {"purchase_order": "BC 12"}, "edits": []}),
    (post.post_invoice, story.draft, {"on": day("24/11/26")}),
    (credit.credit_invoice, story.posted, {"on": day("24/11/26"), "rebill": True}),
    (payments.pay_invoice, story.posted, {"on": day("24/11/26"), "amount": Decimal(100), "kind": "card"}),
    (
        purchases.edit_order,
        lambda w: purchases.move_order(story.order(w), to=OrderState.DRAFT, by=w.planner),
        {"values": {"notes": "Quai 2"}, "edits": []},
    ),
    (purchases.move_order, story.order, {"to": OrderState.CONFIRMED}),
    (purchases.confirm_order, story.order, {}),
    (receipts.receive_order, story.order, {"on": day("24/11/26")}),
    (mailing.send_order, story.order, {"key": "k", "to": "a@exemple.example"}),
    (purchases.bill_order, story.order, {"number": "F-9", "on": day("24/11/26")}),
    (purchases.edit_bill, story.bill, {"values": {"notes": "Reçue"}}),
    (purchases.check_bill, story.bill, {}),
    (purchases.cancel_bill, story.bill, {}),
    (purchases.reopen_bill, lambda w: story.bill(w, "checked"), {}),
    (
        supplier_payments.pay_supplier,
        lambda w: story.bill(w, "checked"),
        {"on": day("24/11/26"), "amount": Decimal(10), "kind": "transfer"},
    ),
    (di_billing.invoice_intervention, story.di, {"on": day("24/11/26")}),
    (di_billing.quote_intervention, story.di, {"on": day("24/11/26")}),
    (di_states.validate_intervention, lambda w: story.di(w, is_validated=False), {}),
    (di_states.finish_intervention, story.di, {"on": day("24/11/26")}),
    (di_states.cancel_intervention, story.di, {"on": day("24/11/26")}),
    (di_states.set_active, story.di, {"active": False}),
    (dis.duplicate_intervention, story.di, {"on": day("24/11/26")}),
    (rdv_states.confirm_appointment, lambda w: story.rdv(w, "draft"), {}),
    (rdv_states.finish_appointment, story.rdv, {"at": at(9, day=24)}),
    (rdv_states.leave_unfinished, story.rdv, {"reason": "Absent"}),
    (rdv_states.postpone_appointment, story.rdv, {}),
    (rdv_states.cancel_appointment, story.rdv, {}),
    (rdv_states.reset_appointment, story.rdv, {}),
    (rdv_states.duplicate_appointment, story.rdv, {}),
    (rdv_states.write_report, story.rdv, {"report": "Fait"}),
    (rdv_saving.move_appointment, story.rdv, {"starts_at": at(14), "on": day("24/11/26")}),
    (rdv_billing.invoice_appointment, story.rdv, {"on": day("24/11/26")}),
    (contract_headers.set_active, story.contract, {"active": False}),
    (cancellation.cancel_contract, story.contract, {"on": day("24/11/26")}),
    (
        termination.terminate_contract,
        story.contract,
        {"last_day": day("24/11/26"), "reason": "Vendu", "on": day("24/11/26")},
    ),
    (activation.activate_contract, lambda w: make_contract(w, is_active=False), {"on": day("24/11/26")}),
    (contract_billing.bill_contract, story.contract, {"on": day("24/11/26")}),
]


def _on_one(service: Any, document: Callable[[World], Any], more: dict[str, Any]) -> Callable[[World], Act]:
    def prepare(world: World) -> Act:
        found = document(world)
        return lambda: service(found, by=world.manager, **more)

    return prepare


for _service, _document, _more in ON_ONE:
    CASES[_name(_service)] = _on_one(_service, _document, _more)


# Acts on many: two documents, each with quotes, RDVs or visits of its own

MANY: list[One] = [
    (quotes.delete_quotes, story.quote, {}),
    (drafts.delete_drafts, story.draft, {}),
    (post.post_invoices, story.draft, {"on": day("24/11/26")}),
    (purchases.delete_orders, lambda w: purchases.move_order(story.order(w), to=OrderState.CANCELLED, by=w.planner), {}),
    (di_billing.invoice_interventions, story.di, {"on": day("24/11/26"), "group_by_customer": True}),
    (dis.delete_interventions, lambda w: w.intervention(is_validated=False), {}),
    (rdv_states.delete_appointments, lambda w: story.rdv(w, "draft"), {}),
    (rdv_billing.invoice_appointments, story.rdv, {"on": day("24/11/26"), "group_by_customer": True}),
    (rdv_planning.plan_interventions, story.di, {"not_before": at(8)}),
    (cancellation.delete_contracts, lambda w: make_contract(w, is_active=False), {}),
    (contract_billing.bill_contracts, lambda w: story.contract(w, auto_post=True), {"on": day("24/11/26")}),
    (visits.plan_visits, lambda w: make_contract(w, visits=(2, (3, 9))), {"until": day("30/11/27"), "on": day("24/11/26")}),
]  # fmt: skip


def _on_many(service: Any, document: Callable[[World], Any], more: dict[str, Any]) -> Callable[[World], Act]:
    def prepare(world: World) -> Act:
        technician(world)
        found = [document(world), document(world)]
        return lambda: service(reversed(found), by=world.manager, **more)

    return prepare


for _service, _document, _more in MANY:
    CASES[_name(_service)] = _on_many(_service, _document, _more)


# The others


def _in_transaction(act: Act) -> Act:
    """Of a service that is called in the transaction of another."""

    def whole() -> None:
        with transaction.atomic():
            act()

    return whole


@case(drafts.draft_invoice)
def _draft_invoice(w: World) -> Act:
    return lambda: drafts.draft_invoice(
        company=w.company,
        customer=w.customer,
        items=[item(tax=tax())],
        on=w.today,
        by=w.biller,
        origin="",
        fiscal_position=position(),
    )


@case(writing.write_drafts, writing.write_draft)
def _write_draft(w: World) -> Act:
    invoice = story.posted(w)
    return lambda: story.avoir(w, invoice)


@case(mailing.mail_document, mailing.mail_documents)
def _mail(w: World) -> Act:
    invoice = story.posted(w)
    letter = mailing.INVOICE_LETTER
    return lambda: (
        mailing.mail_document(invoice, letter, key="k", to="a@exemple.example", by=w.biller),
        mailing.mail_documents([invoice], letter, again=True, by=w.biller),
    )


@case(texts.send_text, texts.send_texts)
def _text(w: World) -> Act:
    Partner.objects.update(mobile="06 39 98 12 34")
    invoice = Invoice.objects.get(pk=story.posted(w).pk)
    sending = texts.Sending("Bonjour {client}")
    return lambda: (
        texts.send_text(invoice, INVOICE_TEXT, sending, by=w.biller),
        texts.send_texts([invoice], INVOICE_TEXT, sending, by=w.biller),
    )


@case(texts.refuse_texts, texts.lift_refusal, texts.note_answer)
def _refuse_texts(w: World) -> Act:
    queue_message(w.customer, key="sms", kind="sms", to="+33639981234", body="x", by=w.planner, company=w.company)

    def act() -> None:
        texts.note_answer("+33639981234", "STOP")
        texts.lift_refusal(texts.refuse_texts(w.company, "+33639981234", source="appel"), by=w.manager)

    return act


@case(quotes.draft_quote)
def _draft_quote(w: World) -> Act:
    return _in_transaction(
        lambda: quotes.draft_quote(
            company=w.company,
            partner=w.customer,
            items=[item(tax=tax())],
            on=w.today,
            by=w.biller,
            fiscal_position=position(),
        )
    )


@case(purchases.draft_order)
def _draft_order(w: World) -> Act:
    return _in_transaction(
        lambda: purchases.draft_order(
            company=w.company, supplier=w.customer, items=[item(tax=tax())], on=w.today, by=w.planner
        )
    )


@case(purchases.record_bill)
def _record_bill(w: World) -> Act:
    order = story.order(w)
    return lambda: purchases.record_bill(
        company=w.company,
        supplier=order.supplier,
        number="F-7",
        on=w.today,
        net=Decimal(10),
        tax=Decimal(2),
        order=order,
        by=w.biller,
    )


@case(di_purchases.order_supplies)
def _order_supplies(w: World) -> Act:
    story.order(w)
    found = w.intervention(item(code="poele Fonderie Fictive"))
    return lambda: di_purchases.order_supplies(found, on=w.today, by=w.planner)


@case(customers.create_customer)
def _create_customer(w: World) -> Act:
    place = {"street": "3 rue de la Forge", "zip": "35000", "city": "Rennes"}
    return lambda: customers.create_customer({"name": "Goldman"}, addresses=[place], by=w.planner)


@case(duplicates.merge_partners)
def _merge(w: World) -> Act:
    loser, into = story.person(w), PartnerFactory(name="Le Goff")
    return lambda: duplicates.merge_partners(loser, into=into, by=w.manager)


@case(payments.record_payment)
def _record_payment(w: World) -> Act:
    invoices = [story.posted(w), story.posted(w)]
    return lambda: payments.record_payment(
        company=w.company,
        customer=w.customer,
        amount=Decimal(500),
        on=w.today,
        kind="card",
        by=w.accountant,
        invoices=invoices[::-1],
    )


@case(payments.allocate_payment)
def _allocate_payment(w: World) -> Act:
    _invoice, payment = story.paid(w, 100)
    payment = payments.record_payment(
        company=w.company, customer=w.customer, amount=Decimal(500), on=w.today, kind="card", by=w.accountant
    )
    first, second = story.posted(w), story.posted(w)
    parts = {second.pk: Decimal(50), first.pk: Decimal(60)}
    return lambda: payments.allocate_payment(payment, parts=parts, on=w.today, by=w.accountant)


@case(payments.allocate_credit, refunds.refund_credit)
def _allocate_credit(w: World) -> Act:
    invoice, _payment = story.paid(w, 900)
    note = credit.credit_invoice(invoice, on=w.today, by=w.accountant, rebill=False)
    other = story.posted(w)

    def act() -> None:
        payments.allocate_credit(note, parts={other.pk: Decimal(50)}, on=w.today, by=w.accountant)
        refunds.refund_credit(note, amount=Decimal(10), on=w.today, kind="card", by=w.accountant)

    return act


@case(refunds.reject_payment, refunds.refund_payment)
def _refunds(w: World) -> Act:
    invoice = story.posted(w)
    payment = payments.record_payment(
        company=w.company,
        customer=w.customer,
        amount=Decimal(2000),
        on=w.today,
        kind="card",
        by=w.accountant,
        invoices=[invoice],
    )

    def act() -> None:
        refunds.refund_payment(payment, amount=Decimal(10), on=w.today, kind="card", by=w.accountant)
        refunds.reject_payment(payment, on=w.today, reason="Rejet", by=w.accountant)

    return act


@case(dis.save_intervention)
def _save_intervention(w: World) -> Act:
    found = story.di(w)
    line = found.lines.get()
    edits = [LineEdit(line.pk, {"quantity": Decimal(7)}), LineEdit(None, {"product": line.product, "label": "Plus"})]
    return lambda: dis.save_intervention(found.pk, {"title": "Autre"}, edits=edits, on=w.today, by=w.planner)


@case(dis.create_intervention)
def _create_intervention(w: World) -> Act:
    return lambda: w.intervention(is_validated=False)


@case(sectors.save_sector, sectors.refresh_sectors)
def _sectors(w: World) -> Act:
    sector = SectorFactory(covers="75")
    AddressFactory(partner=w.customer, zip="75001")

    def act() -> None:
        sectors.refresh_sectors(by=w.manager)
        sectors.save_sector(sector, values={"code": "S"}, ranges=[("76", "")], by=w.manager)
        sectors.refresh_sectors(by=w.manager)

    return act


@case(di_states.reset_intervention)
def _reset_intervention(w: World) -> Act:
    found = di_states.cancel_intervention(story.di(w), on=w.today, by=w.planner)
    return lambda: di_states.reset_intervention(found, by=w.planner)


@case(di_states.undo_move)
def _undo_move_of_request(w: World) -> Act:
    found = di_states.validate_intervention(story.di(w, is_validated=False), by=w.planner)
    before = {"state": "draft", "done_on": None}
    return lambda: di_states.undo_move(found, **before, seen=found.version, by=w.planner)


@case(rdv_states.undo_move)
def _undo_move_of_appointment(w: World) -> Act:
    found = rdv_states.confirm_appointment(story.rdv(w, "draft"), by=w.planner)
    before = {"state": "draft", "done_at": None, "reason": "", "report": ""}
    return lambda: rdv_states.undo_move(found, **before, seen=found.version, by=w.planner)


@case(templates.save_template)
def _save_template(w: World) -> Act:
    template = TemplateFactory()
    return lambda: templates.save_template(
        template, {"name": "Autre"}, edits=[], usual_company=w.company, on=w.today, by=w.manager
    )


@case(rdv_saving.save_appointment)
def _save_appointment(w: World) -> Act:
    """From one DI to another of a higher key, with two technicians."""
    made = rdv_saving.save_appointment(
        None, {"company": w.company, "partner": w.customer, "task": w.task}, on=w.today, by=w.planner
    )
    people, found = [technician(w), technician(w)], story.di(w)
    return lambda: rdv_saving.save_appointment(
        made.pk, {"intervention": found, "starts_at": at(9)}, technicians=people[::-1], on=w.today, by=w.planner
    )


@case(rdv_moving.drop_appointment)
def _drop(w: World) -> Act:
    rdv, place = story.rdv(w), rdv_moving.Place(technician(w), day("26/11/26"))
    return lambda: rdv_moving.drop_appointment(rdv, place=place, seen=rdv.version, on=w.today, by=w.planner)


@case(rdv_moving.copy_to)
def _copy_to(w: World) -> Act:
    rdv, place = story.rdv(w), rdv_moving.Place(technician(w), day("26/11/26"))
    return lambda: rdv_moving.copy_to(rdv, place=place, on=w.today, by=w.planner)


@case(rdv_moving.resize_appointment)
def _resize(w: World) -> Act:
    rdv = story.rdv(w)
    return lambda: rdv_moving.resize_appointment(rdv, ends_at=at(15), seen=rdv.version, on=w.today, by=w.planner)


@case(rdv_moving.place_intervention)
def _place_intervention(w: World) -> Act:
    found, place = w.intervention(), rdv_moving.Place(technician(w), day("26/11/26"))
    return lambda: rdv_moving.place_intervention(found, place=place, on=w.today, by=w.planner)


@case(rdv_moving.put_back)
def _put_back(w: World) -> Act:
    rdv = story.rdv(w)
    before = {
        name: getattr(rdv, name) for name in ("starts_at", "ends_at", "is_end_forced", "duration", "override", "lead")
    }
    people = list(rdv.technicians.all())
    rdv = rdv_saving.move_appointment(rdv, starts_at=at(14), on=w.today, by=w.planner)
    return lambda: rdv_moving.put_back(rdv, **before, technicians=people, seen=rdv.version, on=w.today, by=w.planner)


@case(rdv_moving.put_all_back)
def _put_all_back(w: World) -> Act:
    moves = []
    for rdv in (story.rdv(w), story.rdv(w)):
        names = ("starts_at", "ends_at", "is_end_forced", "duration", "override", "lead")
        before = {name: getattr(rdv, name) for name in names} | {"technicians": list(rdv.technicians.all())}
        moved = rdv_saving.move_appointment(rdv, starts_at=at(14), on=w.today, by=w.planner)
        moves.append((moved, {**before, "seen": moved.version}))
    return lambda: rdv_moving.put_all_back(moves[::-1], on=w.today, by=w.planner)


@case(month_visits.book_visits)
def _book_visits(w: World) -> Act:
    """Visits of two contracts, with quotes, for two technicians of whom the later one comes first."""
    people = [technician(w), technician(w)]
    found = []
    for _ in range(2):
        requests = InterventionRequest.objects.filter(contract_request__line__contract=story.contract(w))
        found += requests.order_by("pk")[:2]
    chosen = [
        month_visits.Choice(di, people[number % 2], at(8 + number, day=26), di.version)
        for number, di in enumerate(found[::-1])
    ]

    def act() -> None:
        outcomes = month_visits.book_visits(chosen, now=at(7, day=24), by=w.planner)
        assert [outcome.refusal for outcome in outcomes] == [""] * len(chosen)

    return act


@case(absences.replace_technician, absences.take_move)
def _replace_technician(w: World) -> Act:
    rdv, other = story.rdv(w), technician(w)
    assert rdv.lead is not None
    leaving, seen = rdv.lead, rdv.version
    return lambda: absences.replace_technician(rdv, [other], leaving=leaving, seen=seen, not_before=at(8), by=w.planner)


@case(rdv_moving.take_off)
def _take_off(w: World) -> Act:
    place = rdv_moving.Place(technician(w), day("26/11/26"))
    rdv = rdv_moving.place_intervention(w.intervention(), place=place, on=w.today, by=w.planner)
    return lambda: rdv_moving.take_off(rdv, seen=rdv.version, by=w.planner)


@case(rdv_saving.appoint)
def _appoint(w: World) -> Act:
    found, people = story.di(w), [technician(w), technician(w)]
    return lambda: rdv_saving.appoint(found, technicians=people[::-1], starts_at=at(9), on=w.today, by=w.planner)


@case(rdv_lines.add_part)
def _add_part(w: World) -> Act:
    found = story.rdv(w)
    product = found.lines.get().request_line.product
    return lambda: rdv_lines.add_part(found, product=product, quantity=Decimal(1), on=w.today, by=w.planner)


@case(rdv_lines.record_used)
def _record_used(w: World) -> Act:
    found = story.rdv(w)
    line = found.lines.get()
    return lambda: rdv_lines.record_used(found, {line.pk: line.quantity + 3}, on=w.today, by=w.planner)


@case(tour_orders.apply_order)
def _apply_order(w: World) -> Act:
    Company.objects.update(latitude="48.1", longitude="-1.7")
    who, rdvs = technician(w), []
    for hour, longitude in ((8, "-1.2"), (10, "-1.6"), (14, "-1.4")):
        place = AddressFactory(partner=w.customer, latitude="48.1", longitude=longitude)
        di = w.intervention(address=place, duration=Decimal(1))
        rdvs.append(book(w, di, who=who, starts_at=at(hour), state="draft"))
    who = Technician.objects.select_related("company").get(pk=who.pk)
    found = tour_orders.propose_order(who, day("25/11/26"), now=at(7, day=24))
    assert found.after is not None
    order = [stop.appointment.pk for stop in found.after.stops]
    return lambda: tour_orders.apply_order(
        who, day("25/11/26"), order=order, versions=found.before.versions, now=at(7, day=24), by=w.planner
    )


@case(places.accept_place)
def _accept_place(w: World) -> Act:
    address = AddressFactory(partner=w.customer)
    Address.objects.filter(pk=address.pk).update(
        location_state="to_check", proposed_latitude="48.1", proposed_longitude="-1.7"
    )
    return lambda: places.accept_place(address, by=w.planner)


@case(places.write_found)
def _write_found(w: World) -> Act:
    address = AddressFactory(partner=w.customer)
    asked = {Asked(address.pk, address.street, address.zip, address.city): address.place_text}
    return lambda: places.write_found(Address, asked, {address.pk: None}, at=at(7, day=24))


@case(tours.assign_sectors)
def _assign_sectors(w: World) -> Act:
    people, sector = [technician(w), technician(w)], SectorFactory()
    tours.assign_sectors(people[:1], [day("24/11/26")], [sector], by=w.planner)
    days = [day("25/11/26"), day("24/11/26")]

    def act() -> None:
        tours.assign_sectors(people[::-1], days, [SectorFactory()], by=w.planner)
        tours.assign_sectors(people, days, [], by=w.planner)

    return act


@case(feeds.make_feed, feeds.revoke_feed)
def _feed(w: World) -> Act:
    person = TechnicianFactory(company=w.company)

    def act() -> None:
        feeds.make_feed(person, by=w.planner)
        feeds.revoke_feed(person, by=w.planner)

    return act


@case(answers.answer_appointment)
def _answer(w: World) -> Act:
    rdv = story.rdv(w)
    answer = {"answer": CustomerAnswer.YES, "seen": rdv.version, "now": at(8, day=24)}
    return lambda: answers.answer_appointment(rdv, **answer)


@case(reminders.send_reminders)
def _remind(w: World) -> Act:
    _tell_customers()
    story.rdv(w), story.rdv(w)
    return lambda: reminders.send_reminders(now=at(17, day=24))


@case(notices.follow_changes)
def _follow_changes(w: World) -> Act:
    """An RDV whose customer was told its hour is moved twice, given up and taken back: messages wait, and are dropped."""
    _tell_customers()
    rdv = story.rdv(w)
    reminders.send_reminders(now=at(17, day=24))
    Message.objects.update(state="sent")

    def act() -> None:
        for hour in (14, 15):
            rdv_saving.move_appointment(rdv, starts_at=at(hour), on=w.today, by=w.planner)
        rdv_states.cancel_appointment(rdv, by=w.planner)
        rdv_states.reset_appointment(rdv, by=w.planner)

    return act


def _tell_customers() -> None:
    Company.objects.update(sends_reminders=True, tells_moves=True)
    Partner.objects.update(mobile="06 39 98 12 34")


@case(contract_headers.save_contract)
def _save_contract(w: World) -> Act:
    found = story.contract(w)
    values = {"notes": "Rappelé", "fiscal_position": position("VEN-10")}
    return lambda: contract_headers.save_contract(found.pk, values, on=w.today, by=w.manager)


@case(contract_lines.save_line)
def _save_line(w: World) -> Act:
    line = story.contract(w).lines.get()
    return lambda: contract_lines.save_line(
        line.pk, {"title": "Autre"}, articles=[article("10")], on=w.today, by=w.manager
    )


@case(activation.activate_line, cancellation.cancel_line, cancellation.reset_line)
def _life_of_a_line(w: World) -> Act:
    found = story.contract(w)
    visits_line = found.lines.get()
    line = contract_lines.save_line(None, {"contract": found}, articles=[article("10")], on=w.today, by=w.manager)

    def act() -> None:
        activation.activate_line(line, bill_past=True, on=w.today, by=w.manager)
        cancellation.cancel_line(line, on=w.today, by=w.manager)
        cancellation.reset_line(line, by=w.manager)
        cancellation.cancel_line(visits_line, on=w.today, by=w.manager)

    return act


@case(cancellation.reset_contract)
def _reset_contract(w: World) -> Act:
    found = cancellation.cancel_contract(make_contract(w), on=w.today, by=w.manager)
    return lambda: cancellation.reset_contract(found, by=w.manager)


@case(prices.set_price)
def _set_price(w: World) -> Act:
    found = story.contract(w).lines.get().articles.first()
    return lambda: prices.set_price(
        found, from_on=day("01/01/27"), unit_price=Decimal(200), discount=Decimal(0), on=w.today, by=w.manager
    )


@case(callouts.call_out)
def _call_out(w: World) -> Act:
    line = story.contract(w).lines.get()
    return lambda: callouts.call_out(line, on=w.today, by=w.planner)


@case(waivers.waive, waivers.take_back)
def _waive(w: World) -> Act:
    found = story.contract(w)
    keys = [charge.key for charge in waivers.charges_due(found, on=w.today)[:2]]

    def act() -> None:
        waivers.waive(found, keys=keys, on=w.today, by=w.manager)
        waivers.take_back(found, keys=[waivers.claim_key(c) for c in waivers.waived(found)], on=w.today, by=w.manager)

    return act


@case(programs.save_account, programs.make_key, programs.revoke_key, programs.close_account, programs.open_account)
def _program(w: World) -> Act:
    values = {"name": "Site", "company": w.company, "role": Group.objects.get(name=PLANNER)}

    def act() -> None:
        account = programs.save_account(None, values, by=w.manager)
        key, _text = programs.make_key(account, name="site", rights={"work": "read"}, by=w.manager)
        programs.revoke_key(account, key.pk, by=w.manager)
        programs.close_account(account, by=w.manager)
        programs.open_account(account, by=w.manager)

    return act


@case(
    webhooks.save_endpoint,
    webhooks.renew_secret,
    webhooks.stop_endpoint,
    webhooks.resume_endpoint,
    webhooks.replay,
    webhooks.delete_endpoint,
)
def _webhook(w: World) -> Act:
    values = {"name": "Site", "company": w.company, "url": "https://site.exemple.example/"}

    def act() -> None:
        endpoint = webhooks.save_endpoint(None, values, by=w.manager)
        webhooks.renew_secret(endpoint, by=w.manager)
        w.intervention()  # an event
        delivery = WebhookDelivery.objects.filter(endpoint=endpoint).earliest("pk")
        WebhookDelivery.objects.filter(pk=delivery.pk).update(state="sent")
        webhooks.replay(delivery)
        webhooks.stop_endpoint(endpoint, by=w.manager)
        webhooks.resume_endpoint(endpoint, by=w.manager)
        webhooks.stop_endpoint(endpoint, by=w.manager)
        webhooks.delete_endpoint(endpoint, by=w.manager)

    return act


@case(absences.record_absence)
def _record_absence(w: World) -> Act:
    who = technician(w)
    return lambda: absences.record_absence(who, first=day("25/11/26"), last=day("26/11/26"), by=w.planner)


@case(absences.delete_absence)
def _absence(w: World) -> Act:
    found = Absence.objects.create(technician=technician(w), starts_at=at(8), ends_at=at(12))
    return lambda: absences.delete_absence(found, by=None)


@case(next_dates.recheck_due, next_dates.notice_visits_done)
def _recheck(w: World) -> Act:
    found = story.contract(w, frequency="per_visit", timing="in_arrears")
    request = InterventionRequest.objects.filter(contract_request__line__contract=found).first()
    di_states.finish_intervention(request, on=w.today, by=w.planner)
    Contract.objects.filter(pk=found.pk).update(next_due_on=None)

    def act() -> None:
        next_dates.notice_visits_done()
        Contract.objects.filter(pk=found.pk).values_list("next_due_on").get()
        next_dates.recheck_due([found.pk], on=w.today)

    return act


@case(runs.start_run, runs.list_contracts, contract_billing.bill_chunk, runs.touch, runs.finish_run)
def _run(w: World) -> Act:
    found = [story.contract(w), story.contract(w)]

    def act() -> None:
        run = runs.start_run(on=w.today, by=w.manager, selection=[contract.pk for contract in found])
        for ids in runs.chunks_of(run):
            contract_billing.bill_chunk(run, ids)
            runs.touch(run)
        runs.finish_run(run)

    return act


@case(night.start_night, night.run_night, runs.enter_step, takeover.hand_out, takeover.work_chunk)
def _night(w: World) -> Act:
    story.contract(w, auto_post=True)
    make_contract(w, visits=(2, (3, 9)), auto_post=True)

    def act() -> None:
        run = night.start_night(on=w.today)
        night.run_night(run)
        for ids in runs.chunks_of(run):
            takeover.work_chunk(run, ids)

    return act


@case(takeover.take_over, night.resume_runs)
def _take_over(w: World) -> Act:
    story.contract(w)
    run = runs.start_run(on=w.today, by=w.manager)
    BillingRun.objects.filter(pk=run.pk).update(touched_at=at(1, day=23))
    return night.resume_runs


@case(manual_runs.start_manual, manual_runs.retry_run)
def _retry(w: World) -> Act:
    found = story.contract(w)
    run = manual_runs.start_manual(on=w.today, by=w.manager, selection=[found.pk])
    BillingRun.objects.filter(pk=run.pk).update(touched_at=at(1, day=23))
    run.refresh_from_db()
    return lambda: manual_runs.retry_run(run, on=w.today, by=w.manager)


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(CASES))
def test_service_locks_in_order_and_writes_what_it_locked(firm: World, name: str) -> None:
    act = CASES[name](firm)

    with recorded(name, ALLOWED) as recorder:
        act()

    assert recorder.faults == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("service", "make"), [(di_billing.invoice_interventions, story.di), (rdv_billing.invoice_appointments, story.rdv)]
)
def test_documents_of_several_groups_in_one_transaction_are_locked_together(
    firm: World, service: Any, make: Any
) -> None:
    """A program with a key has them in one transaction; later ones stand first in what it asks."""
    documents = [make(firm), make(firm)]

    with recorded() as recorder, atomic():
        outcomes = service(documents[::-1], on=day("24/11/26"), by=firm.biller)

    assert ([outcome.refusal for outcome in outcomes], recorder.faults) == (["", ""], [])


def test_every_service_is_in_a_list() -> None:
    """A new service is run by the recorder, or is said to change nothing."""
    told = [set(CASES), _names(PARTS), _names(READING)]

    assert sorted(_public() - set().union(*told)) == []
    assert sorted(set().union(*told) - _public()) == []
    assert sum(map(len, told)) == len(set().union(*told))
