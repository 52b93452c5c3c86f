"""Each act on a DI: what it returns, its journal, the version it raises, and the neighbour it leaves alone."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from interventions.models import InterventionRequest, QuotedLine
from interventions.services.billing import invoice_intervention, invoice_interventions, quote_intervention
from interventions.services.planning import record_planning
from interventions.services.promises import stop_covering
from interventions.services.purchases import order_supplies
from interventions.services.requests import (
    add_items,
    append_template,
    create_intervention,
    delete_interventions,
    duplicate_intervention,
    new_intervention,
    propose_dates,
    save_intervention,
)
from interventions.services.states import (
    cancel_intervention,
    finish_intervention,
    reset_intervention,
    set_active,
    validate_intervention,
)
from interventions.services.templates import save_template
from invoicing.models import HistoryLine, Invoice, Product, PurchaseOrder, Tag, Tax
from invoicing.services.documents.drafts import delete_drafts
from invoicing.services.documents.lines import Item, LineEdit
from invoicing.services.documents.purchases import move_order
from invoicing.services.documents.quotes import refuse_quote
from invoicing.services.records.attachments import attach, attachments_of
from openfire_billing.kernel.errors import BusinessError, NothingToBill, StaleForm, WrongState
from tests.factories import (
    AddressFactory,
    CompanyFactory,
    InstalledProductFactory,
    PartnerFactory,
    ProductFactory,
    TaskFactory,
    TechnicianFactory,
    TemplateFactory,
    TemplateLineFactory,
    World,
    item,
    nothing_changed,
    position,
    tax,
)
from tests.factories.appointments import book

D = Decimal


def refused(act: Callable[[], Any], error: type[Exception] = BusinessError) -> str:
    with nothing_changed(), pytest.raises(error) as refusal:
        act()
    return str(refusal.value)


def journal(document: Any, since: int = 0) -> list[tuple[str, str, Any]]:
    """(act, text, by) of each line of its journal after the first `since`."""
    return [(line.act, line.text, line.by) for line in HistoryLine.objects.of(document).order_by("pk")][since:]


def row(document: Any) -> dict[str, Any]:
    return type(document).objects.filter(pk=document.pk).values().get()


def save(world: World, di: InterventionRequest | None, values: dict[str, Any], **options: Any) -> InterventionRequest:
    return save_intervention(di and di.pk, values, on=world.today, by=world.biller, **options)


# Moves

MOVES: dict[str, tuple[str, Callable[..., InterventionRequest], dict[str, Any], str, tuple[str, str]]] = {
    "validate": (
        "draft",
        validate_intervention,
        {},
        "to_plan",
        ("validated", "DI validée sous le numéro DI/000002"),
    ),
    "finish": (
        "to_plan",
        finish_intervention,
        {"on": date(2026, 11, 20)},
        "done",
        ("finished", "Travail terminé le 20/11/2026"),
    ),
    "cancel": ("to_plan", cancel_intervention, {"on": date(2026, 11, 24)}, "cancelled", ("cancelled", "DI annulée")),
    "reset": ("cancelled", reset_intervention, {}, "draft", ("reset", "Remise en brouillon")),
    "archive": ("to_plan", set_active, {"active": False}, "to_plan", ("archived", "Archivée")),
    "bring back": ("to_plan", set_active, {"active": True}, "to_plan", ("archived", "Remise en service")),
}


@pytest.mark.parametrize("name", MOVES)
def test_move_writes_its_journal_once_and_leaves_the_neighbour(world: World, name: str) -> None:
    state, act, answers, then, line = MOVES[name]
    neighbour = world.intervention()
    di = world.intervention(is_validated=state != "draft")
    if state == "cancelled":
        di = cancel_intervention(di, on=world.today, by=world.planner)
    before, rows, lines = row(di)["version"], row(neighbour), len(journal(di))

    moved = act(di, seen=before, by=world.biller, **answers)

    assert (moved.pk, moved.state, moved.version) == (di.pk, then, before + 1)
    kept = row(di)
    assert (kept["state"], kept["version"], kept["is_active"]) == (then, before + 1, name != "archive")
    assert kept["number"] == (None if state == "draft" and name != "validate" else "DI/000002")
    assert kept["done_on"] == (date(2026, 11, 20) if name == "finish" else None)
    assert journal(di, lines) == [(*line, world.biller)]
    assert row(neighbour) == rows
    assert refused(lambda: act(di, seen=before, by=world.biller, **answers), StaleForm) != ""


def test_planning_writes_its_hours_and_its_journal(world: World) -> None:
    di, neighbour = world.intervention(duration=D(3)), world.intervention(duration=D(3))
    rows, lines = row(neighbour), len(journal(di))

    def plan(hours: int, last: Any = None, done_on: date | None = None) -> tuple[str, Decimal, date | None, int]:
        made = record_planning(
            InterventionRequest.objects.get(pk=di.pk), open=D(hours), last=last, done_on=done_on, by=world.biller
        )
        kept = row(di)
        assert (made.state, made.planned_duration, made.version) == (
            kept["state"],
            kept["planned_duration"],
            kept["version"],
        )
        return kept["state"], kept["planned_duration"], kept["done_on"], len(journal(di, lines))

    monday = date(2026, 11, 23)
    assert [
        plan(0),
        plan(1),
        plan(1),
        plan(2),
        plan(3),
        plan(1, "done", monday),
        plan(0, "unfinished", monday),
        plan(0, "done", monday),
        plan(0, None, None),
        plan(0, "unfinished", None),
    ] == [
        ("to_plan", 0, None, 0),
        ("partly_planned", 1, None, 1),
        ("partly_planned", 1, None, 1),
        ("partly_planned", 2, None, 2),
        ("planned", 3, None, 3),
        ("partly_planned", 1, None, 4),
        ("to_plan", 0, None, 5),
        ("done", 0, monday, 6),
        ("done", 0, monday, 6),
        ("to_plan", 0, monday, 7),
    ]
    assert set(journal(di, lines)) == {("planned", "Planning mis à jour", world.biller)}
    assert row(neighbour) == rows


def test_one_line_billed_or_quoted_of_several_holds_the_request(world: World) -> None:
    billed, quoted = world.intervention(item(1), item(2)), world.intervention(item(1), item(2))
    world.draft(intervention=billed).lines.order_by("pk").first().delete()
    QuotedLine.objects.filter(quote_line__quote=world.quote(intervention=quoted)).order_by("pk")[:1].get().delete()
    assert [refused(partial(cancel_intervention, di, on=world.today, by=world.planner)) for di in (billed, quoted)] == [
        "DI/000001 est facturée, au moins en partie : supprimez la facture en brouillon ou faites un avoir d'abord.",
        "DI/000002 a un devis en cours : annulez-le ou refusez-le d'abord.",
    ]


def test_request_done_may_be_cancelled_although_hours_were_planned(world: World) -> None:
    di = world.intervention()
    InterventionRequest.objects.filter(pk=di.pk).update(state="done", planned_duration=1)
    assert cancel_intervention(di, on=world.today, by=world.planner).state == "cancelled"


def test_no_longer_covered_are_the_lines_of_these_requests_alone(world: World) -> None:
    di, neighbour = world.intervention(item(1), item(2)), world.intervention()
    di.lines.filter(quantity=1).update(covered=True)
    neighbour.lines.update(covered=True)
    before, rows = row(di)["version"], row(neighbour)

    stop_covering({}, by=world.biller)
    stop_covering({di.pk: "Résilié"}, by=world.biller)

    assert [line.covered for line in di.lines.all()] == [False, False]
    assert [line.covered for line in neighbour.lines.all()] == [True]
    assert (row(di)["version"], row(neighbour)) == (before + 1, rows)
    assert journal(di)[-1] == ("uncovered", "Résilié", world.biller)


# Deleting


def test_deleting_some_leaves_the_others(world: World) -> None:
    first, second, kept = (world.intervention(is_validated=False) for _n in range(3))
    assert delete_interventions([first, second], by=world.biller) == 2
    assert list(InterventionRequest.objects.all()) == [kept]
    assert journal(first)[-1] == ("deleted", "DI supprimée", world.biller)
    assert delete_interventions([], by=world.biller) == 0


def test_draft_with_a_number_a_bill_a_quote_or_an_appointment_is_kept(world: World) -> None:
    numbered = world.intervention()
    cancel_intervention(numbered, on=world.today, by=world.planner)
    reset_intervention(numbered, by=world.planner)
    assert refused(lambda: delete_interventions([numbered], by=world.planner)) == (
        "DI/000001 est à l'état « Brouillon » : seule une DI en brouillon, jamais validée, se supprime. Archivez-la."
    )
    billed, quoted, booked = (world.intervention() for _n in range(3))
    world.draft(intervention=billed)
    world.quote(intervention=quoted)
    book(world, booked, state="draft")
    InterventionRequest.objects.filter(pk__in=[billed.pk, quoted.pk, booked.pk]).update(state="draft", number=None)
    assert [refused(partial(delete_interventions, [di], by=world.planner)) for di in (billed, quoted, booked)] == [
        "« [ram_pose] Forfait Pose » est facturée : supprimez d'abord le brouillon de facture, ou faites un avoir.",
        "« [ram_pose] Forfait Pose » est sur un devis : mettez sa quantité à 0 plutôt que de la supprimer.",
        "Cette DI a un rendez-vous : supprimez-le d'abord, ou archivez la DI.",
    ]


# Filling and saving


@pytest.mark.parametrize(
    ("granularity", "last"),
    [
        ("week", date(2026, 11, 7)),
        ("fortnight", date(2026, 11, 14)),
        ("month", date(2026, 12, 1)),
        ("", date(2026, 11, 14)),
    ],
)
def test_last_day_proposed(granularity: str, last: date) -> None:
    assert propose_dates(granularity, date(2026, 11, 1)) == last


def test_type_comes_from_the_template_then_the_task_and_one_is_needed(world: World) -> None:
    kinds = list(type(world.task.type).objects.exclude(pk=world.task.type_id)[:2])
    template = TemplateFactory(type=kinds[0], task=world.task)
    values = {"company": world.company, "partner": world.customer, "from_on": world.today}

    def made(**more: Any) -> Any:
        return save(world, None, {**values, **more}).type

    assert made(template=template) == kinds[0]
    assert made(template=template, type=kinds[1]) == kinds[1]
    assert made(task=world.task) == world.task.type
    assert made(task=world.task, type=kinds[1]) == kinds[1]


def test_template_without_a_task_needs_one(world: World) -> None:
    template = TemplateFactory(task=None, description="Du modèle", fiscal_position=position("VEN-10"))
    values = {"company": world.company, "partner": world.customer, "from_on": world.today, "template": template}
    assert refused(lambda: save(world, None, values)) == (
        "Choisissez une tâche, ou un modèle d'intervention qui en a une."
    )
    made = save(world, None, values | {"task": world.task})
    assert (made.task, made.description, made.fiscal_position) == (world.task, "Du modèle", position("VEN-10"))


def test_new_one_has_its_lines_tags_and_people(world: World) -> None:
    tag, who = Tag.objects.create(name="Urgent"), TechnicianFactory(company=world.company)
    task = TaskFactory(name="Pose", product=ProductFactory(code="joint", unit_price=D("12.45")))
    values = {
        "company": world.company,
        "partner": world.customer,
        "from_on": world.today,
        "task": task,
        "tags": [tag],
        "technicians": [who],
    }
    by_task = save(world, None, values)
    edit = LineEdit(values={"product": item().product, "quantity": D(2), "unit_price": D(150)})
    typed = save(world, None, values, edits=[edit])

    assert [(list(di.tags.all()), list(di.technicians.all())) for di in (by_task, typed)] == [([tag], [who])] * 2
    assert [
        [(line.product.code, line.quantity, line.unit_price, line.position) for line in di.lines.all()]
        for di in (by_task, typed)
    ] == [[("joint", 1, D("12.45"), 1)], [("ram_pose", 2, 150, 0)]]
    assert [journal(di) for di in (by_task, typed)] == [
        [("created", "DI créée", world.biller)],
        [("created", "DI créée", world.biller), ("edited", "Lignes modifiées", world.biller)],
    ]


def test_each_kind_of_change_raises_the_version_once_and_nothing_raises_none(world: World) -> None:
    tag, di, seen = Tag.objects.create(name="Urgent"), world.intervention(), []
    neighbour = world.intervention()
    rows = [row(neighbour), *(row(line) for line in neighbour.lines.all())]
    template = TemplateFactory()
    TemplateLineFactory(template=template, product=ProductFactory(code="joint"))

    def step(values: dict[str, Any], *edits: LineEdit) -> None:
        before = row(di)["version"], len(journal(di))
        saved = save(world, di, values, edits=edits, seen=before[0])
        assert (saved.pk, saved.version) == (di.pk, row(di)["version"])
        seen.append((saved.version - before[0], [line[0] for line in journal(di, before[1])]))

    line = di.lines.get()
    step({})
    step({"title": "Pose"})
    step({"tags": [tag]})
    step({}, LineEdit(pk=line.pk, values={"quantity": D(1)}))
    step({}, LineEdit(pk=line.pk, values={"quantity": D(2)}))
    step({"template": template})
    step({"template": template, "title": "Autre"})
    step({"fiscal_position": position("VEN-20")})

    assert seen == [
        (0, []),
        (1, ["changed"]),
        (1, ["changed"]),
        (0, []),
        (1, ["edited"]),
        (1, ["template", "changed"]),
        (1, ["changed"]),
        (1, ["changed"]),
    ]
    assert journal(di)[-1] == ("changed", "Fiche modifiée", world.biller)
    assert [(line.product.code, line.tax.rate) for line in di.lines.all()] == [("ram_pose", 20), ("joint", 20)]
    assert [row(neighbour), *(row(line) for line in neighbour.lines.all())] == rows
    assert refused(lambda: save(world, di, {"title": "Tard"}, seen=1), StaleForm) != ""
    theirs = neighbour.lines.get().pk
    assert refused(lambda: save(world, di, {}, edits=[LineEdit(pk=theirs, values={"quantity": D(3)})])) == (
        "Une ligne modifiée n'est plus sur cette DI. Rechargez la page."
    )


def test_period_that_ends_before_it_begins_is_refused_everywhere(world: World) -> None:
    days = {"from_on": date(2026, 11, 24), "to_on": date(2026, 11, 23)}
    values = {"partner": world.customer, "task": world.task, **days}
    di = world.intervention()
    acts: list[Callable[[], Any]] = [
        lambda: save(world, di, days),
        lambda: save(world, None, {"company": world.company, **values}),
        lambda: create_intervention(company=world.company, on=world.today, by=world.biller, **values),
    ]
    for act in acts:
        assert refused(act, ValidationError) != ""
    equipment = InstalledProductFactory(partner=PartnerFactory())
    more = {"partner": world.customer, "task": world.task, "from_on": world.today, "equipment": equipment}
    assert "pas chez ce client" in refused(
        lambda: new_intervention(company=world.company, by=world.biller, **more), ValidationError
    )
    assert "pas chez ce client" in refused(lambda: save(world, di, {"equipment": equipment}), ValidationError)


def test_deleted_line_leaves_the_others(world: World) -> None:
    di, neighbour = world.intervention(item(1), item(2)), world.intervention()
    first, second = di.lines.all()
    save(world, di, {}, edits=[LineEdit(pk=first.pk, delete=True)])
    assert list(di.lines.all()) == [second]
    assert neighbour.lines.count() == 1


def test_taxes_of_billed_and_quoted_lines_stay_when_the_position_changes(world: World) -> None:
    di = world.intervention(item(1))
    world.draft(intervention=di)
    add_items(di, [item(2)], on=world.today)
    quote = world.quote(intervention=di)
    add_items(di, [item(3)], on=world.today)
    save(world, di, {"fiscal_position": position("VEN-20")})
    assert [line.tax.rate for line in di.lines.all()] == [D("5.5"), D("5.5"), D(20)]
    refuse_quote(quote, by=world.biller)
    save(world, di, {"fiscal_position": position("VEN-10")})
    assert [line.tax.rate for line in di.lines.all()] == [D("5.5"), D(10), D(10)]


@pytest.mark.parametrize(
    ("values", "is_refused"),
    [
        ({"quantity": D(5)}, True),
        ({"unit_price": D(1)}, True),
        ({"discount": D(5)}, True),
        ({"label": "Autre"}, False),
    ],
    ids=str,
)
def test_covered_line_may_change_its_text_alone(world: World, values: dict[str, Any], is_refused: bool) -> None:
    di = world.intervention(item(4))
    di.lines.update(covered=True)
    edit = LineEdit(pk=di.lines.get().pk, values=values)
    if is_refused:
        assert refused(lambda: save(world, di, {}, edits=[edit])) == (
            "« [ram_pose] Forfait Pose » est couverte par le contrat : elle se change sur le contrat."
        )
    else:
        save(world, di, {}, edits=[edit])
        assert di.lines.get().label == "Autre"


@pytest.mark.parametrize("values", [{"quantity": D(5)}, {"label": "Autre"}], ids=str)
def test_quoted_line_may_change_its_quantity_and_its_text(world: World, values: dict[str, Any]) -> None:
    di = world.intervention(item(4))
    world.quote(intervention=di)
    save(world, di, {}, edits=[LineEdit(pk=di.lines.get().pk, values=values)])
    assert {name: getattr(di.lines.get(), name) for name in values} == values


def test_made_at_once_with_lines_a_contract_bills_or_not(world: World) -> None:
    values = {"partner": world.customer, "task": world.task, "from_on": world.today, "fiscal_position": position()}
    made = [
        create_intervention(
            company=world.company, items=[item(2), item()], on=world.today, by=world.biller, **values, **more
        )
        for more in ({"covered": True}, {})
    ]
    bare = create_intervention(company=world.company, on=world.today, by=world.biller, **values)
    assert [[(line.position, line.quantity, line.covered) for line in di.lines.all()] for di in (*made, bare)] == [
        [(1, 2, True), (2, 1, True)],
        [(1, 2, False), (2, 1, False)],
        [],
    ]
    assert [journal(di) for di in made] == [[("created", "DI créée", world.biller)]] * 2
    assert [line.position for line in add_items(bare, [item()], on=world.today)] == [1]


def test_template_appends_all_that_its_lines_say(world: World) -> None:
    template, other = TemplateFactory(name="Pose"), TemplateFactory()
    TemplateLineFactory(template=template, product=ProductFactory(code="joint"), quantity=3, discount=10, unit_price=9)
    TemplateLineFactory(template=other, product=ProductFactory(code="bougie"))
    di, neighbour = world.intervention(), world.intervention()

    made = append_template(di, template, on=world.today, by=world.biller)

    assert [(line.product.code, line.quantity, line.unit_price, line.discount) for line in made] == [
        ("joint", 3, 9, 10)
    ]
    assert [line.position for line in di.lines.all()] == [1, 2]
    assert journal(di)[-1] == ("template", f"1 ligne(s) ajoutée(s) par le modèle « {template} »", world.biller)
    before = len(journal(di))
    assert append_template(di, TemplateFactory(), on=world.today, by=world.biller) == []
    assert (len(journal(di)), neighbour.lines.count()) == (before, 1)


def test_copy_has_every_term_of_the_original_and_its_files(world: World) -> None:
    values = {
        "title": "Pose",
        "priority": 2,
        "bill_to": PartnerFactory(name="Syndic"),
        "address": AddressFactory(partner=world.customer),
        "duration": D(2),
        "subcontractor": PartnerFactory(name="Sous-traitant"),
        "equipment": None,
        "description": "Au fond",
    }
    values["equipment"] = InstalledProductFactory(partner=world.customer, address=values["address"])
    di = world.intervention(from_on=date(2026, 11, 1), to_on=date(2026, 11, 11), **values)
    world.intervention(item(5))
    attach(di, SimpleUploadedFile("plan.pdf", b"%PDF plan"), by=world.planner)
    before = row(di), len(journal(di))

    copy = duplicate_intervention(di, on=date(2026, 12, 1), by=world.biller)

    assert {name: getattr(copy, name) for name in values} == values
    assert (copy.from_on, copy.to_on, copy.user) == (date(2026, 12, 1), date(2026, 12, 11), world.biller)
    assert (copy.company, copy.type, copy.task, copy.fiscal_position) == (
        di.company,
        di.type,
        di.task,
        di.fiscal_position,
    )
    assert [file.name for file in attachments_of(copy)] == ["plan.pdf"]
    assert journal(copy) == [("created", "Copie de DI/000001", world.biller)]
    assert [line.quantity for line in copy.lines.all()] == [1]
    assert (row(di), len(journal(di))) == before


# What is left


def test_left_and_billed_are_those_of_the_line_itself(world: World) -> None:
    di, neighbour = world.intervention(item(2), item(3)), world.intervention(item(5))
    world.draft(intervention=neighbour)
    draft = world.draft(intervention=di)
    draft.lines.order_by("pk").first().delete()
    first, second = di.lines.left_to_bill(world.today)
    assert [(line.billed, line.left, line.is_quoted) for line in (first, second)] == [(0, 2, False), (3, 0, False)]
    assert [line.unbilled for line in di.lines.left_to_bill(world.today)] == [2, 0]
    di.lines.filter(pk=second.pk).update(quantity=1)  # less than what is billed
    assert [(line.billed, line.left) for line in di.lines.left_to_bill(world.today)] == [(0, 2), (3, 0)]
    assert [line.unbilled for line in di.lines.left_to_bill(world.today)] == [2, 0]


def test_live_quote_holds_its_lines_unless_it_is_the_one_left_out(world: World) -> None:
    di, other = world.intervention(item(2)), world.intervention()
    mine, theirs = world.quote(intervention=di), world.quote(intervention=other)

    def left(without: Any) -> list[tuple[bool, Decimal]]:
        return [(line.is_quoted, line.left) for line in di.lines.left_to_bill(world.today, without_quote=without)]

    assert [left(None), left(theirs), left(mine)] == [[(True, 0)], [(True, 0)], [(False, 2)]]
    refuse_quote(mine, by=world.biller)
    assert left(None) == [(False, 2)]
    assert [line.is_quoted for line in other.lines.left_to_bill(world.today)] == [True]


@pytest.mark.parametrize(
    ("state", "last_day", "late"),
    [
        ("to_plan", 23, True),
        ("to_plan", 24, False),
        ("partly_planned", 23, True),
        ("planned", 23, False),
        ("done", 23, False),
        ("draft", 23, False),
        ("cancelled", 23, False),
    ],
)
def test_late_is_what_is_not_planned_when_its_period_is_over(
    world: World, state: str, last_day: int, late: bool
) -> None:
    di = world.intervention(from_on=date(2026, 11, 1), to_on=date(2026, 11, last_day))
    InterventionRequest.objects.filter(pk=di.pk).update(state=state)
    (found,) = InterventionRequest.objects.with_lateness(world.today)
    assert found.late is late
    assert InterventionRequest.objects.late(world.today).exists() is late


@pytest.mark.parametrize("state", ["draft", "to_plan", "partly_planned", "planned", "done", "cancelled"])
def test_to_bill_is_what_is_validated(world: World, state: str) -> None:
    di = world.intervention()
    InterventionRequest.objects.filter(pk=di.pk).update(state=state)
    assert InterventionRequest.objects.to_bill(world.today).exists() is (state not in ("draft", "cancelled"))


# Billing


def test_draft_has_the_terms_of_its_request_and_leaves_the_neighbour(world: World) -> None:
    payer, site = PartnerFactory(name="Syndic"), AddressFactory(partner=world.customer)
    title = Item(kind="section", label="Pose", quantity=D(0))
    di = world.intervention(title, item(2), bill_to=payer, address=site, code="VEN-10")
    neighbour = world.intervention()
    before = row(neighbour), journal(neighbour), len(journal(di))

    made = invoice_intervention(di, seen=row(di)["version"], on=date(2026, 11, 30), by=world.biller)

    assert (made.company, made.customer, made.site, made.origin, made.fiscal_position) == (
        world.company,
        payer,
        site,
        "DI/000001",
        position("VEN-10"),
    )
    assert made.proposed_on == date(2026, 11, 30)
    assert [(line.kind, line.label, line.quantity) for line in made.lines.all()] == [
        ("section", "Pose", 0),
        ("article", "[ram_pose] Forfait Pose", 2),
    ]
    assert journal(di, before[2]) == [("invoiced", "Facture en brouillon générée", world.biller)]
    assert (row(neighbour), journal(neighbour)) == before[:2]
    assert world.left(neighbour) == [1]
    assert refused(lambda: invoice_intervention(di, seen=0, on=world.today, by=world.biller), StaleForm) != ""


def test_many_are_billed_each_on_its_own_or_by_company_payer_and_position(world: World) -> None:
    other = CompanyFactory(name="Autre")
    payer = PartnerFactory(name="Syndic")

    def made() -> list[InterventionRequest]:
        return [
            world.intervention(title="Pose"),
            world.intervention(),
            world.intervention(company=other),
            world.intervention(bill_to=payer),
            world.intervention(code="VEN-10"),
        ]

    apart, together = made(), made()
    alone = invoice_interventions(apart, on=world.today, by=world.biller)
    grouped = invoice_interventions(together, on=world.today, by=world.biller, group_by_customer=True)

    assert [outcome.refusal for outcome in (*alone, *grouped)] == [""] * 10
    assert len({outcome.made.pk for outcome in alone}) == 5
    first = grouped[0].made.pk
    assert [outcome.made.pk == first for outcome in grouped] == [True, True, False, False, False]
    assert len({outcome.made.pk for outcome in grouped}) == 4
    assert [line.label for line in Invoice.objects.get(pk=first).lines.filter(kind="section")] == [
        f"{together[0]} Pose",
        str(together[1]),
    ]
    assert {journal(di)[-1] for di in (*apart, *together)} == {
        ("invoiced", "Facture en brouillon générée", world.biller)
    }


def test_quote_has_the_terms_of_its_request_and_holds_its_articles(world: World) -> None:
    payer, site = PartnerFactory(name="Syndic"), AddressFactory(partner=world.customer)
    note = Item(kind="note", label="Au fond", quantity=D(0))
    di = world.intervention(note, item(2), bill_to=payer, address=site, code="VEN-10", title="Pose")
    untitled = world.intervention()
    before = len(journal(di))

    quote = quote_intervention(di, seen=row(di)["version"], on=world.today, by=world.biller)

    assert (quote.company, quote.partner, quote.payer, quote.site, quote.origin, quote.title) == (
        world.company,
        world.customer,
        payer,
        site,
        "DI/000001",
        "Pose",
    )
    assert quote.fiscal_position == position("VEN-10")
    assert [(line.kind, line.quantity) for line in quote.lines.all()] == [("note", 0), ("article", 2)]
    assert [(held.quote_line.kind, held.request_line) for held in QuotedLine.objects.all()] == [
        ("article", di.lines.get(kind="article"))
    ]
    assert journal(di, before) == [("quoted", f"Devis {quote} généré", world.biller)]
    assert quote_intervention(untitled, on=world.today, by=world.biller).title == "Dépannage"
    assert refused(lambda: quote_intervention(di, seen=0, on=world.today, by=world.biller), StaleForm) != ""


def test_nothing_left_of_several_reasons_is_said_by_the_first_that_holds(world: World) -> None:
    """Partly covered and partly billed is billed; a quote on one line is what one may act on."""
    mixed, quoted = world.intervention(item(1), item(2)), world.intervention(item(1), item(2))
    for di in (mixed, quoted):
        di.lines.filter(quantity=1).update(covered=True)
    world.draft(intervention=mixed)
    world.quote(intervention=quoted)
    assert [refused(partial(world.draft, intervention=di), NothingToBill) for di in (mixed, quoted)] == [
        "DI/000001 : tout est déjà facturé. Voyez ses factures.",
        "DI/000002 : tout est sur un devis en cours. Facturez depuis le devis, ou refusez-le.",
    ]
    draft = world.intervention(is_validated=False)
    assert refused(lambda: world.draft(intervention=draft), WrongState) == (
        f"{draft} est à l'état « Brouillon » : validez-la avant de la facturer ou d'en faire un devis."
    )
    delete_drafts(list(Invoice.objects.all()), by=world.biller)
    assert world.left(mixed) == [0, 2]


# Purchases


def test_each_supplier_has_its_order_of_what_is_not_ordered_yet(world: World) -> None:
    maker, trader, helper = (PartnerFactory(name=name) for name in ("Fonderie", "Négoce", "Sous-traitant"))
    ten = Tax.objects.get(name="TVA 20 %")
    ProductFactory(code="poele", kind="goods", supplier=maker, purchase_price=D(900), tax=ten)
    ProductFactory(code="conduit", kind="goods", supplier=trader, purchase_price=D(40))
    ProductFactory(code="goods", kind="goods")
    site = AddressFactory(partner=world.customer)
    by_hand = Item(label="Grutage", quantity=D(1), unit_price=D(300), tax=tax())
    lines = [item(1, code="poele"), item(2, code="conduit"), item(3), by_hand, item(0, code="poele")]
    note = Item(kind="note", label="Au fond", quantity=D(1))
    di = world.intervention(*lines, note, item(1, code="goods"), subcontractor=helper, address=site)
    neighbour = world.intervention(item(4, code="poele"))
    order_supplies(neighbour, on=world.today, by=world.planner)
    before = row(neighbour), len(journal(neighbour)), len(journal(di))

    made = order_supplies(di, seen=row(di)["version"], on=world.today, by=world.biller)

    assert [
        (order.supplier, [(line.label, line.quantity, line.unit_price) for line in order.lines.all()])
        for order in made.orders
    ] == [
        (maker, [(Product.objects.get(code="poele").label, 1, 900)]),
        (trader, [(Product.objects.get(code="conduit").label, 2, 40)]),
        (helper, [("[ram_pose] Forfait Pose", 3, item().product.purchase_price), ("Grutage", 1, 300)]),
    ]
    assert [(order.origin, order.deliver_to, order.company) for order in made.orders] == [
        ("DI/000001", site, world.company)
    ] * 3
    assert [line.tax for line in made.orders[0].lines.all()] == [ten]
    assert made.note == ("« [goods] Forfait Pose » : pas de fournisseur (fiche de l'article, ou prestataire de la DI).")
    numbers = ", ".join(order.number for order in made.orders)
    assert journal(di, before[2]) == [("purchased", f"Commandes fournisseurs : {numbers}", world.biller)]
    assert (row(neighbour), len(journal(neighbour))) == before[:2]

    move_order(made.orders[1], to="cancelled", by=world.biller)
    again = order_supplies(di, on=world.today, by=world.biller)
    assert [order.supplier for order in again.orders] == [trader]
    assert [why for _line, why in again.skipped] == [
        "déjà commandé",
        "déjà commandé",
        "déjà commandé",
        "pas de fournisseur (fiche de l'article, ou prestataire de la DI)",
    ]
    assert refused(lambda: order_supplies(di, on=world.today, by=world.biller)).startswith(
        "DI/000001 : rien à commander. « "
    )
    assert PurchaseOrder.objects.count() == 5


def test_nothing_to_order_of_a_request_without_articles_or_a_draft(world: World) -> None:
    di = world.intervention(Item(kind="note", label="Rien", quantity=D(0)))
    assert refused(lambda: order_supplies(di, on=world.today, by=world.biller)) == (
        "DI/000001 : aucune ligne d'article. Ajoutez-en une dans l'onglet Facturation."
    )
    draft = world.intervention(is_validated=False)
    assert refused(lambda: order_supplies(draft, on=world.today, by=world.biller), WrongState) == (
        f"{draft} est à l'état « Brouillon » : validez-la avant de commander."
    )
    assert refused(lambda: order_supplies(di, seen=0, on=world.today, by=world.biller), StaleForm) != ""


@pytest.mark.parametrize(("siren", "is_own"), [("999123458", True), ("", False), ("111111118", False)])
def test_own_company_is_known_by_its_number(world: World, siren: str, is_own: bool) -> None:
    type(world.company).objects.filter(pk=world.company.pk).update(siren=siren if is_own or not siren else "999123458")
    supplier = PartnerFactory(name="Nous", siren=siren)
    ProductFactory(code="poele", kind="goods", supplier=supplier)
    di = world.intervention(item(1, code="poele"))
    if is_own:
        assert "notre propre société" in refused(lambda: order_supplies(di, on=world.today, by=world.biller))
    else:
        assert len(order_supplies(di, on=world.today, by=world.biller).orders) == 1


# Templates


def test_template_is_saved_with_its_lines_and_leaves_the_others(world: World) -> None:
    template, other = TemplateFactory(), TemplateFactory()
    line, kept = (TemplateLineFactory(template=template, product=ProductFactory(code=code)) for code in ("a", "b"))
    theirs = TemplateLineFactory(template=other, product=ProductFactory(code="c"))

    def step(values: dict[str, Any], *edits: LineEdit, seen: int | None = None) -> tuple[int, list[str]]:
        before = row(template)["version"], len(journal(template))
        saved = save_template(
            type(template).objects.get(pk=template.pk),
            values,
            edits=edits,
            usual_company=world.company,
            seen=seen,
            on=world.today,
            by=world.biller,
        )
        assert saved.version == row(template)["version"]
        return saved.version - before[0], [act for act, _text, _by in journal(template, before[1])]

    more = LineEdit(pk=line.pk, values={"quantity": D(3)})
    assert [
        step({}),
        step({"name": "Pose"}),
        step({}, more),
        step({"name": "Dépose"}, LineEdit(pk=line.pk, delete=True)),
    ] == [(0, []), (1, ["changed"]), (1, ["edited"]), (1, ["changed", "edited"])]
    assert journal(template)[-1] == ("edited", "Lignes modifiées", world.biller)
    assert (list(template.lines.all()), list(other.lines.all())) == ([kept], [theirs])
    assert refused(lambda: step({}, LineEdit(pk=theirs.pk, values={"quantity": D(3)}))) == (
        "Une ligne modifiée n'est plus sur ce modèle. Rechargez la page."
    )
    assert refused(lambda: step({"name": "Tard"}, seen=1), StaleForm) != ""


def test_new_template_has_its_lines_taxed_in_its_company_or_the_usual_one(world: World) -> None:
    edit = LineEdit(values={"product": item().product, "quantity": D(2), "unit_price": D(150)})
    companies = ((world.company, None), (None, world.company), (world.company, CompanyFactory()))
    for number, (company, usual) in enumerate(companies):
        template = save_template(
            type(TemplateFactory())(),
            {
                "name": f"Neuf {number}",
                "company": company,
                "type": world.task.type,
                "fiscal_position": position("VEN-10"),
            },
            edits=[edit],
            usual_company=usual,
            on=world.today,
            by=world.biller,
        )
        assert [(line.quantity, line.tax.rate) for line in template.lines.all()] == [(2, 10)]
        assert [act for act, _text, _by in journal(template)] == ["created"]
