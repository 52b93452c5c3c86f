"""One family of documents of one story, and the acts that two people do on it through two doors.

A DI of which a part is posted (with a payment, and a credit note in draft), a part is billed by the draft of its RDV,
and the rest is held by a quote; a contract with a visit, and a draft of what was due.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import combinations_with_replacement
from typing import Any

from django.contrib.messages import get_messages
from django.db.models import Sum
from django.urls import reverse

from appointments.models import Appointment, AppointmentLine
from appointments.services.billing import invoice_appointment
from contracts.models import Contract, PeriodClaim
from contracts.services.next_dates import recheck_due
from contracts.services.visits import plan_visits
from interventions.models import InterventionRequest, RequestLine
from interventions.services.requests import save_intervention
from invoicing.models import Allocation, Entry, HistoryLine, Invoice, JournalCounter, Payment, Quote, QuoteLine
from invoicing.models.documents.lines import lines_totals
from invoicing.services.documents.drafts import edit_draft
from invoicing.services.documents.lines import LineEdit
from invoicing.services.posting.post import post_invoice
from invoicing.services.settlement.payments import pay_invoice, record_payment
from openfire_billing.office.roles import MANAGER
from tests.contracts.contract_builders import bill, day, make_contract
from tests.factories import UserFactory, World, item, make_world
from tests.factories.api import Api
from tests.factories.appointments import at, book
from tests.factories.pages import Office, address, answers_of, errors_of, fields_of, texts_of, typed
from tests.locks.story import avoir

TODAY = "2026-11-24"


@dataclass
class Family:
    """The documents, and two people before two doors."""

    world: World
    office: Office
    api: Api
    di: InterventionRequest
    quote: Quote
    rdv: Appointment
    draft: Invoice
    posted: Invoice
    payment: Payment
    advance: Payment
    avoir: Invoice
    contract: Contract
    bill: Invoice
    visit: InterventionRequest


def make_family() -> Family:
    world = make_world()
    people = [
        UserFactory(username=name, role=MANAGER, company=world.company, is_staff=True) for name in ("anne", "bob")
    ]
    di = world.intervention(item(2))
    posted = post_invoice(world.draft(intervention=di), on=world.today, by=world.accountant)
    payment = pay_invoice(posted, amount=Decimal(100), on=world.today, kind="card", by=world.accountant)
    advance = record_payment(
        company=world.company,
        customer=world.customer,
        amount=Decimal(300),
        on=world.today,
        kind="card",
        by=world.biller,
    )
    product = di.lines.get().product
    line = LineEdit(None, {"product": product, "label": "Conduit", "quantity": Decimal(5), "unit_price": Decimal(60)})
    save_intervention(di.pk, {}, edits=[line], on=world.today, by=world.planner)
    rdv = book(world, di, state="confirmed", starts_at=at(8, day=24))
    draft = invoice_appointment(rdv, on=world.today, by=world.biller).made
    billed = draft.lines.get(label="Conduit")
    edit_draft(draft, edits=[LineEdit(billed.pk, {"quantity": Decimal(2)})], by=world.biller)
    quote = world.quote(intervention=di)
    contract = make_contract(world, "01/11/26", visits=(1, (12,)), line={"uses_callouts": True, "task": world.task})
    (visit,) = [o.made for o in plan_visits([contract], until=day("31/12/26"), on=world.today, by=world.planner)]
    bill(world, contract, on="24/11/26")
    return Family(
        world=world,
        office=Office(people[0]),
        api=Api(people[1]),
        di=di,
        quote=quote,
        rdv=rdv,
        draft=draft,
        posted=posted,
        payment=payment,
        advance=advance,
        avoir=avoir(world, posted),
        contract=contract,
        bill=Invoice.objects.get(origin=Contract.objects.get(pk=contract.pk).reference),
        visit=visit,
    )


# Acts: each prepares (opens the page, as people do) and gives what is then pressed

Press = Callable[[], Any]


@dataclass(frozen=True)
class Act:
    """`locks`: the kinds of documents of the family it locks, counters apart. `history`: what its journal line says."""

    name: str
    document: str
    history: str
    locks: frozenset[str]
    office: Callable[[Family], Press]
    api: Callable[[Family], Press]
    column: str = ""  # of a save: the column it writes, with the name of its door

    def __str__(self) -> str:
        return self.name


def _dialog(document: str, name: str, **answers: Any) -> Callable[[Family], Press]:
    def prepare(family: Family) -> Press:
        subject, office = getattr(family, document), family.office
        given = {key: value(family) if callable(value) else value for key, value in answers.items()}
        question = office.client.get(address(subject, "act", name))
        assert question.status_code == 200, (document, name, question.status_code, question.headers.get("Location"))
        fields = {**fields_of(question), **answers_of(given)}
        return lambda: office.confirm(subject, name, fields)

    return prepare


def _page(document: str, **changes: Any) -> Callable[[Family], Press]:
    def prepare(family: Family) -> Press:
        subject, office = getattr(family, document), family.office
        fields = typed(office.open(subject), **changes)
        return lambda: office.send(subject, fields)

    return prepare


def _program(path: str, document: str, method: str = "post", **body: Any) -> Callable[[Family], Press]:
    def prepare(family: Family) -> Press:
        subject, api = getattr(family, document), family.api
        resource, _slash, act = path.partition("/")
        url = f"{resource}/{subject.pk}/{act}{'/' if act else ''}"
        given = {key: value(family) if callable(value) else value for key, value in body.items()}
        return lambda: api.delete(url) if method == "delete" else getattr(api, method)(url, given)

    return prepare


def _save(document: str, resource: str, column: str, *locks: str) -> Act:
    return Act(
        name=f"{document}_save",
        document=document,
        history="changed",
        locks=frozenset({document, *locks}),
        office=_page(document, **{column: "bureau"}),
        api=_program(resource, document, "patch", **{column: "programme"}),
        column=column,
    )


def _act(
    name: str,
    document: str,
    history: str,
    locks: str,
    office: tuple[str, dict[str, Any]],
    api: tuple[str, dict[str, Any]],
) -> Act:
    path, body = api
    method = "delete" if path.count("/") == 0 else "post"
    return Act(
        name=name,
        document=document,
        history=history,
        locks=frozenset({document, *locks.split()}),
        office=_dialog(document, office[0], **office[1]),
        api=_program(path, document, method, **body),
    )


def _conduit(family: Family) -> Any:
    return family.draft.lines.get(label="Conduit")


def _edit_on_page(family: Family) -> Press:
    fields = family.office.open(family.draft)
    rows = [n for n in range(int(fields["lines-TOTAL_FORMS"])) if fields[f"lines-{n}-label"] == "Conduit"]
    fields = typed(fields, **{f"lines__{rows[0]}__quantity": Decimal(1)})
    return lambda: family.office.send(family.draft, fields)


def _edit_by_program(family: Family) -> Press:
    body = {"lines": [{"id": _conduit(family).pk, "quantity": "1.000"}]}
    return lambda: family.api.patch(f"invoices/{family.draft.pk}/", body)


def _credit_body(family: Family) -> Any:
    return [{"line": family.posted.lines.get().pk, "quantity": "2.000"}]


ON = {"on": TODAY}
MONEY = {"on": TODAY, "kind": "card"}
DI, RDV, BILLED = "quote", "di quote", "di quote rdv"
ACTS = (
    _save("di", "interventions", "title", *DI.split()),
    _act("di_invoice", "di", "invoiced", DI, ("invoice", ON), ("interventions/invoice", ON)),
    _act("di_finish", "di", "finished", DI, ("finish", ON), ("interventions/finish", ON)),
    _act("di_cancel", "di", "cancelled", DI, ("cancel", {}), ("interventions/cancel", {})),
    _save("quote", "quotes", "title", "di"),
    _act("quote_send", "quote", "sent", "di", ("send", {}), ("quotes/send", {})),
    _act("quote_accept", "quote", "accepted", "di", ("accept", {}), ("quotes/accept", {})),
    _act("quote_cancel", "quote", "cancelled", "di", ("cancel", {}), ("quotes/cancel", {})),
    _save("rdv", "appointments", "description", *RDV.split()),
    _act("rdv_done", "rdv", "done", RDV, ("done", {"at_0": TODAY, "at_1": "09:30", "report": "Fait"}), ("appointments/done", {"report": "Fait"})),
    _act("rdv_cancel", "rdv", "cancelled", RDV, ("cancel", {"reason": "Absent"}), ("appointments/cancel", {"reason": "Absent"})),
    _act("rdv_invoice", "rdv", "invoiced", RDV, ("invoice", ON), ("appointments/invoice", ON)),
    _save("draft", "invoices", "purchase_order", *BILLED.split()),
    Act("draft_edit", "draft", "edited", frozenset({"draft", "di", "quote", "rdv"}), _edit_on_page, _edit_by_program),
    _act("draft_delete", "draft", "deleted", BILLED, ("delete", {}), ("invoices", {})),
    _act("draft_post", "draft", "posted", "", ("post", ON), ("invoices/post", ON)),
    _act("credit", "posted", "credited", "di quote", ("credit", {"on": TODAY, "reason": "Annulation", "rebill": "on"}), ("invoices/credit", {"on": TODAY, "all": True})),
    _act("pay", "posted", "paid", "", ("pay", {**MONEY, "amount": "200,00"}), ("invoices/pay", {**MONEY, "amount": "200.00"})),
    _act("avoir_post", "avoir", "posted", "posted", ("post", ON), ("invoices/post", ON)),
    _act("avoir_delete", "avoir", "deleted", "", ("delete", {}), ("invoices", {})),
    _act("allocate", "advance", "allocated", "posted", ("allocate", {}), ("payments/allocate", {"invoices": lambda f: [{"invoice": f.posted.pk, "amount": "200.00"}]})),
    _act("refund", "advance", "refunded", "posted", ("refund", {**MONEY, "amount": "200,00"}), ("payments/refund", {**MONEY, "amount": "200.00"})),
    _act("reject", "payment", "rejected", "posted", ("reject", {"on": TODAY, "reason": "Impayé"}), ("payments/reject", {"on": TODAY, "reason": "Impayé"})),
    _save("contract", "contracts", "notes"),
    _act("contract_end", "contract", "terminated", "visit", ("terminate", {"last_day": "2026-11-30", "reason": "Vendu"}), ("contracts/terminate", {"on": "2026-11-30", "reason": "Vendu"})),
    _act("contract_bill", "contract", "", "", ("bill", {"on": "2026-12-24"}), ("contracts/bill", {"on": "2026-12-24"})),
    _act("bill_delete", "bill", "deleted", "contract", ("delete", {}), ("invoices", {})),
    _save("bill", "invoices", "purchase_order", "contract"),
    _act("visit_cancel", "visit", "cancelled", "", ("cancel", {}), ("interventions/cancel", {})),
    _act("visit_finish", "visit", "finished", "", ("finish", ON), ("interventions/finish", ON)),
)  # fmt: skip
NAMED = {act.name: act for act in ACTS}


def pairs() -> Iterator[tuple[Act, Act]]:
    """All pairs of acts that share a document, an act with itself included: the first in the office, the second by a program."""
    for one, other in combinations_with_replacement(ACTS, 2):
        if one.locks & other.locks:
            yield one, other


# What became of it


def outcome(answer: Any) -> str:
    """« done », or the sentence that says no. Raises AssertionError for anything else."""
    assert not isinstance(answer, Exception), repr(answer)
    assert answer.status_code < 500, answer.status_code
    if hasattr(answer, "json") and answer.headers.get("Content-Type", "").startswith("application/json"):
        if answer.status_code < 300:
            return "done"
        said = answer.json()
        assert said["detail"], said
        return str(said["detail"])
    if answer.status_code in (204, 302):
        said = [str(m) for m in get_messages(answer.wsgi_request) if m.level_tag == "error"]
        is_gone = answer.status_code == 302 and answer.headers["Location"] == reverse("admin:index")
        return said[0] if said else "gone" if is_gone else "done"
    if answer.status_code == 404:
        return "gone"
    dialog = texts_of(answer, "of-refusal")
    said = dialog[0] if dialog else " ".join(" ".join(errors) for errors in errors_of(answer).values())
    assert said, answer.status_code
    return said


def check(family: Family, acts: tuple[Act, Act], outcomes: list[str]) -> None:
    """Nothing is lost, and nothing is billed, credited or paid twice."""
    _check_done(family, acts, outcomes)
    today = family.world.today
    _check_quantities(today)
    _check_money(today)
    _check_work(family, today)


def _check_done(family: Family, acts: tuple[Act, Act], outcomes: list[str]) -> None:
    """What was answered « done » is written, unless the other wrote the same after."""
    doors = ("bureau", "programme")
    users = (family.office.user, family.api.user)
    for act, said, door, user in zip(acts, outcomes, doors, users, strict=True):
        document = getattr(family, act.document)
        if said != "done":
            continue
        both = acts[0] is acts[1] and outcomes == ["done", "done"]  # the second found it done, and changed nothing
        if act.history and not both:
            assert HistoryLine.objects.of(document).filter(act=act.history, by=user).exists(), f"{act}: no journal line"
        if act.column:
            written = type(document).objects.filter(pk=document.pk).values_list(act.column, flat=True).first()
            assert written in ((None, *doors) if both else (None, door)), f"{act}: {written}"


def _check_quantities(today: date) -> None:
    """No source is billed beyond its quantity."""
    for lines in (
        RequestLine.objects.left_to_bill(today),
        AppointmentLine.objects.left_to_bill(today),
        QuoteLine.objects.left_to_bill(),
    ):
        over = [(str(line), line.billed, line.quantity) for line in lines if line.billed > line.quantity]
        assert over == []


def _check_money(today: date) -> None:
    """No invoice is credited or paid beyond its amount, no payment given out twice; numbers have no gap."""
    for invoice in Invoice.objects.all():
        assert lines_totals(invoice.lines.select_related("tax"), invoice.rounding).net == invoice.net.amount
    for invoice in Invoice.objects.posted().exclude(kind="credit_note").with_payment_state(today):
        credited = sum((note.net.amount for note in invoice.credit_notes.posted()), Decimal(0))
        assert credited <= invoice.net.amount, "credited more than invoiced"
        assert invoice.residual >= 0
    for note in Invoice.objects.posted().filter(kind="credit_note").with_payment_state(today):
        assert note.residual >= 0
    assert [payment.left for payment in Payment.objects.filter(is_refund=False).with_left() if payment.left < 0] == []
    assert not Allocation.objects.filter(amount__lte=0, reverses=None).exists()
    for counter in JournalCounter.objects.filter(journal__code__in=("VE", "AV")):
        assert Invoice.objects.posted().filter(journal=counter.journal_id).count() == counter.last_number
    balance = Entry.objects.aggregate(debit=Sum("lines__debit"), credit=Sum("lines__credit"))
    assert balance["debit"] == balance["credit"]


def _check_work(family: Family, today: date) -> None:
    """Each DI says what its RDVs say; nothing of a cancelled one is billed or quoted; each period is billed once."""
    for di in InterventionRequest.objects.all():
        open_rdvs = [rdv for rdv in Appointment.objects.filter(intervention=di) if rdv.is_open and rdv.starts_at]
        assert di.planned_duration == sum((rdv.duration for rdv in open_rdvs), Decimal(0))
        if di.state == "cancelled":
            assert [line.billed for line in di.lines.left_to_bill(today) if line.billed or line.is_quoted] == []
    starts = list(PeriodClaim.objects.live().values_list("article", "start"))
    assert len(starts) == len(set(starts))
    assert recheck_due([family.contract.pk], on=today) == []
