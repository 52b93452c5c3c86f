"""The DI: what it is filled with, its life, its lines."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from interventions.models import InterventionRequest
from interventions.services import requests as services
from interventions.services import states
from interventions.services.planning import record_planning
from invoicing.models import Counter, HistoryLine, PartnerTerms, Tag
from invoicing.services.documents.lines import Item, LineEdit
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import BILLING, PLANNER
from tests.factories import (
    AddressFactory,
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
from tests.factories.pages import address, errors_of, new_line, refusal, typed


def refused(act: Any, *args: Any, **options: Any) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        act(*args, **options)
    return str(refusal.value)


def new(world: World, **values: Any) -> InterventionRequest:
    answer = world.office(PLANNER).save(InterventionRequest, partner=world.customer, **values)
    assert answer.status_code == 302, refusal(answer)
    return InterventionRequest.objects.latest("pk")


# Filling


def test_customer_and_task_fill_the_rest(world: World) -> None:
    payer = PartnerFactory(name="Syndic Exemple")
    world.customer.bill_to = payer
    world.customer.save()
    PartnerTerms.objects.create(partner=world.customer, fiscal_position=position("VEN-10"))

    made = new(world, task=world.task)

    assert (made.type.name, made.duration, made.user) == ("SAV", Decimal("1.5"), world.planner)
    assert (made.address, made.bill_to, made.fiscal_position.code) == (
        world.customer.default_address(),
        payer,
        "VEN-10",
    )
    assert (made.from_on, made.to_on) == (date(2026, 11, 24), date(2026, 12, 7))
    assert (made.state, made.number, made.company) == ("draft", None, world.company)


@pytest.mark.parametrize(
    ("granularity", "to_on"),
    [("week", date(2026, 11, 30)), ("fortnight", date(2026, 12, 7)), ("month", date(2026, 12, 24))],
)
def test_end_is_proposed_by_the_task(world: World, granularity: str, to_on: date) -> None:
    assert new(world, task=TaskFactory(name=granularity, granularity=granularity)).to_on == to_on


def test_task_brings_its_article_as_first_line(world: World) -> None:
    made = new(world, task=TaskFactory(name="Pose", product=item().product, fiscal_position=position()))

    assert [(line.label, line.unit_price, line.tax.name) for line in made.lines.all()] == [
        ("[ram_pose] Forfait Pose", Decimal(175), "TVA collectée (vente) 5,5%")
    ]


def test_template_fills_and_appends_its_lines(world: World) -> None:
    template = TemplateFactory(fiscal_position=position("VEN-10"))
    TemplateLineFactory(template=template, product=ProductFactory(code="joint", unit_price="12.45"), discount=10)
    intervention = world.intervention(code=None, is_validated=False)

    world.office(PLANNER).save(intervention, template=template)

    intervention.refresh_from_db()
    assert (intervention.fiscal_position.code, intervention.task) == ("VEN-10", world.task)
    assert [(line.product.code, line.discount, line.tax.name) for line in intervention.lines.all()] == [
        ("ram_pose", Decimal(0), "TVA collectée (vente) 10%"),
        ("joint", Decimal(10), "TVA collectée (vente) 10%"),
    ]
    world.office(PLANNER).save(intervention, title="Sans changer de modèle")
    assert intervention.lines.count() == 2


def test_choosing_the_customer_tells_what_to_fill(world: World) -> None:
    equipment = InstalledProductFactory(partner=world.customer)

    answer = world.office(PLANNER).get(
        address(InterventionRequest, "defaults"), partner=world.customer.pk, task=world.task.pk, from_on="24/11/2026"
    )

    found = answer.json()
    assert found["equipment"] == {"value": equipment.pk, "text": str(equipment)}
    assert found["duration"]["value"] == "1,50"
    assert found["to_on"]["value"] == "07/12/2026"
    assert found["address"]["value"] == world.customer.default_address().pk


def test_customer_without_address_is_told(world: World) -> None:
    nowhere = PartnerFactory(name="Sans Adresse", address=False)

    with nothing_changed():
        answer = world.office(PLANNER).save(InterventionRequest, partner=nowhere, task=world.task)

    assert errors_of(answer)["address"] == [
        "« Sans Adresse » n'a pas d'adresse : ajoutez-la sur sa fiche, ou choisissez-en une."
    ]


def test_finished_on_a_day_to_come_refused(world: World) -> None:
    intervention, office = world.intervention(), world.office(PLANNER)
    with nothing_changed():
        answer = office.act(intervention, "finish", on="2026-11-25")
    assert refusal(answer) == (
        f"{intervention} : le 25/11/2026 n'est pas encore venu. Donnez le jour où le travail a été fait."
    )
    office.act(intervention, "finish", on="2026-11-24")
    intervention.refresh_from_db()
    assert (intervention.state, intervention.done_on) == ("done", date(2026, 11, 24))


# Lines typed


def test_line_saved_before_the_page_filled_it_takes_the_article_s_price_and_tax(world: World) -> None:
    office = world.office(PLANNER)
    fields = typed(
        office.open(InterventionRequest), partner=world.customer, task=world.task, fiscal_position=position()
    )

    office.send(InterventionRequest, new_line(fields, product=item().product, unit_price=""))

    line = InterventionRequest.objects.get().lines.get()
    assert (line.label, line.unit_price, line.tax.name) == (
        "[ram_pose] Forfait Pose",
        Decimal(175),
        "TVA collectée (vente) 5,5%",
    )


@pytest.mark.parametrize(("typed_in", "quantity"), [("12,5", "12.5"), ("12.5", "12.5"), ("1 234,567", "1234.567")])
def test_comma_point_and_space_are_read(world: World, typed_in: str, quantity: str) -> None:
    intervention = world.intervention()

    world.office(PLANNER).save(intervention, lines__0__quantity=typed_in)

    assert intervention.lines.get().quantity == Decimal(quantity)


def test_live_totals_are_those_of_the_saved_document(world: World) -> None:
    office = world.office(PLANNER)
    intervention = world.intervention()
    fields = new_line(office.open(intervention), unit_price="185", quantity="2,5", tax=tax("TVA 20 %").pk, discount="3")

    with nothing_changed():
        answer = office.client.post(address(InterventionRequest, "totals"), fields).json()
    assert answer["rows"] == {"0": {"net": "175,00", "gross": "184,62"}, "1": {"net": "448,62", "gross": "538,34"}}

    office.send(intervention, {**fields, "lines-1-label": "Divers"})
    totals = intervention.totals
    for amount in (totals.net, totals.gross, *(row.amount for row in totals.taxes)):
        assert f"{amount:.2f}".replace(".", ",") in answer["footer"]


@pytest.mark.parametrize(
    "row",
    [{}, {"kind": "section", "quantity": "0"}, {"kind": "note", "quantity": "0"}],
    ids=["line", "section", "note"],
)
def test_new_line_in_which_nothing_was_written_is_not_there(world: World, row: dict[str, str]) -> None:
    intervention, office = world.intervention(), world.office(PLANNER)
    answer = office.send(intervention, new_line(office.open(intervention), **row))
    assert answer.status_code == 302
    assert [line.label for line in intervention.lines.all()] == ["[ram_pose] Forfait Pose"]


@pytest.mark.parametrize("row", [{"unit_price": "12,5"}, {"quantity": "3"}, {"discount": "10"}])
def test_new_line_begun_is_asked_for_its_article(world: World, row: dict[str, str]) -> None:
    intervention, office = world.intervention(), world.office(PLANNER)
    with nothing_changed():
        answer = office.send(intervention, new_line(office.open(intervention), **row))
    assert errors_of(answer)["lines-1-__all__"] == ["Choisissez un article ou décrivez la ligne."]


# A line billed in part


def billed_in_part(world: World) -> InterventionRequest:
    """4 asked for, 1.5 billed."""
    intervention = world.intervention(item(4))
    world.office(BILLING).save(world.draft(intervention=intervention), lines__0__quantity="1,5")
    return intervention


def test_quantity_of_a_line_billed_in_part_may_rise(world: World) -> None:
    intervention = billed_in_part(world)

    world.office(PLANNER).save(intervention, lines__0__quantity="10")

    assert world.left(intervention) == [Decimal("8.5")]


def test_quantity_of_a_line_billed_in_part_may_fall_to_what_is_billed(world: World) -> None:
    intervention = billed_in_part(world)

    world.office(PLANNER).save(intervention, lines__0__quantity="1,5")

    assert world.left(intervention) == [Decimal(0)]


def test_quantity_of_a_line_billed_in_part_never_falls_below(world: World) -> None:
    intervention = billed_in_part(world)

    with nothing_changed():
        answer = world.office(PLANNER).save(intervention, lines__0__quantity="1,499")

    assert refusal(answer) == ("« [ram_pose] Forfait Pose » : 1,5 déjà facturé, la quantité ne descend pas en dessous.")


@pytest.mark.parametrize("field", ["product", "unit_price", "discount", "tax"])
def test_line_billed_in_part_keeps_article_price_discount_and_tax(world: World, field: str) -> None:
    intervention = billed_in_part(world)
    other = ProductFactory(code="joint")
    values = {"product": other.pk, "unit_price": "180", "discount": "5", "tax": tax("TVA 20 %").pk}
    change = {f"lines__0__{field}": values[field]}
    if field == "tax":
        change["lines__0__tax_is_manual"] = "True"

    with nothing_changed():
        answer = world.office(PLANNER).save(intervention, **change)

    assert refusal(answer) == (
        "« [ram_pose] Forfait Pose » est facturée, au moins en partie : article, prix, remise et TVA "
        "n'y changent plus. Ajoutez une autre ligne."
    )


def test_line_billed_keeps_its_tax_when_the_position_changes(world: World) -> None:
    intervention = billed_in_part(world)
    world.office(PLANNER).send(
        intervention, new_line(world.office(PLANNER).open(intervention), product=item().product, unit_price="1")
    )

    world.office(PLANNER).save(intervention, fiscal_position=position("VEN-10"))

    assert [line.tax.rate for line in intervention.lines.all()] == [Decimal("5.50"), Decimal("10.00")]


def test_line_on_a_quote_is_held_as_it_is(world: World) -> None:
    intervention = world.intervention(item(2))
    world.quote(intervention=intervention)

    with nothing_changed():
        answer = world.office(PLANNER).save(intervention, lines__0__unit_price="1")
    assert "est sur un devis en cours : article, prix, remise et TVA n'y changent plus." in refusal(answer)


def test_line_billed_or_quoted_is_not_deleted(world: World) -> None:
    billed, quoted = billed_in_part(world), world.intervention()
    world.quote(intervention=quoted)

    for intervention, why in (
        (billed, "est facturée : supprimez d'abord le brouillon de facture, ou faites un avoir."),
        (quoted, "est sur un devis : mettez sa quantité à 0 plutôt que de la supprimer."),
    ):
        with nothing_changed():
            answer = world.office(PLANNER).save(intervention, lines__0__DELETE="on")
        assert refusal(answer) == f"« [ram_pose] Forfait Pose » {why}"


def test_covered_line_is_changed_on_its_contract(world: World) -> None:
    intervention = world.intervention()
    services.add_items(intervention, [item(2)], on=world.today, covered=True)

    with nothing_changed():
        answer = world.office(PLANNER).save(intervention, lines__1__quantity="3")

    assert refusal(answer) == (
        "« [ram_pose] Forfait Pose » est couverte par le contrat : elle se change sur le contrat."
    )


# Life


def test_validating_numbers_without_a_gap(world: World) -> None:
    drafts = [world.intervention(is_validated=False) for _n in range(3)]
    services.delete_interventions([drafts[1]], by=world.planner)

    numbers = [states.validate_intervention(drafts[n], by=world.planner).number for n in (2, 0)]

    assert numbers == ["DI/000001", "DI/000002"]
    assert Counter.objects.get(series="DI").last_number == 2


def test_validating_twice_is_refused(world: World) -> None:
    intervention = world.intervention()

    assert refused(states.validate_intervention, intervention, by=world.planner) == (
        "DI/000001 est déjà validée ou annulée."
    )


def test_cancelled_intervention_keeps_its_number_through_draft(world: World) -> None:
    intervention = world.intervention()
    states.cancel_intervention(intervention, on=world.today, by=world.planner)
    states.reset_intervention(intervention, by=world.planner)

    assert states.validate_intervention(intervention, by=world.planner).number == "DI/000001"
    assert Counter.objects.get(series="DI").last_number == 1


def test_cancelling_is_refused_while_something_is_open_billed_or_quoted(world: World) -> None:
    billed, quoted, planned = (world.intervention() for _n in range(3))
    world.draft(intervention=billed)
    world.quote(intervention=quoted)
    record_planning(planned, open=Decimal(1), last=None, done_on=None, by=world.planner)

    sentences = [
        refused(states.cancel_intervention, di, on=world.today, by=world.planner) for di in (billed, quoted, planned)
    ]

    assert sentences == [
        "DI/000001 est facturée, au moins en partie : supprimez la facture en brouillon ou faites un avoir d'abord.",
        "DI/000002 a un devis en cours : annulez-le ou refusez-le d'abord.",
        "DI/000003 a un RDV ouvert : annulez-le d'abord.",
    ]


def test_only_a_draft_never_validated_is_deleted(world: World) -> None:
    intervention = world.intervention()

    assert refused(services.delete_interventions, [intervention], by=world.planner) == (
        "DI/000001 est à l'état « À planifier » : seule une DI en brouillon, jamais validée, se supprime. Archivez-la."
    )


@pytest.mark.parametrize(
    ("open_hours", "last", "state"),
    [
        ("0", None, "to_plan"),
        ("1", None, "partly_planned"),
        ("1.5", None, "planned"),
        ("0", "done", "done"),
        ("0", "unfinished", "to_plan"),
        ("0.5", "done", "partly_planned"),
    ],
)
def test_planning_tells_the_state(world: World, open_hours: str, last: Any, state: str) -> None:
    intervention = world.intervention()

    record_planning(intervention, open=Decimal(open_hours), last=last, done_on=world.today, by=world.planner)

    intervention.refresh_from_db()
    assert intervention.state == state


def test_late_is_derived(world: World) -> None:
    late = world.intervention(from_on=date(2026, 11, 1), to_on=date(2026, 11, 23))
    world.intervention(from_on=date(2026, 11, 1), to_on=date(2026, 11, 24))
    done = world.intervention(from_on=date(2026, 11, 1), to_on=date(2026, 11, 2))
    states.finish_intervention(done, on=date(2026, 11, 2), by=world.planner)

    assert list(InterventionRequest.objects.late(world.today)) == [late]


def test_copy_is_a_draft_from_today_that_bills_nothing_of_the_original(world: World) -> None:
    intervention = world.intervention(item(2, discount=10), from_on=date(2026, 11, 1), to_on=date(2026, 11, 5))
    world.draft(intervention=intervention)

    copy = services.duplicate_intervention(intervention, on=world.today, by=world.biller)

    assert (copy.number, copy.state, copy.from_on, copy.to_on) == (
        None,
        "draft",
        date(2026, 11, 24),
        date(2026, 11, 28),
    )
    assert copy.totals == intervention.totals
    assert world.left(copy) == [Decimal(2)]


@pytest.mark.parametrize(("act", "shown"), [("", True), ("finish", False), ("cancel", False)])
def test_nothing_is_left_to_plan_of_a_request_that_is_over(world: World, act: str, shown: bool) -> None:
    office, intervention = world.office(PLANNER), world.intervention(duration=Decimal(2))
    if act:
        office.act(intervention, act)
    page = office.get(address(intervention)).content.decode()
    assert ("0 h / 2 h" in page) is shown


def test_request_is_archived_and_brought_back(world: World) -> None:
    intervention = world.intervention()

    seen = [states.set_active(intervention, active=active, by=world.planner).is_active for active in (False, True)]

    assert seen == [False, True]
    assert [line.text for line in HistoryLine.objects.of(intervention)[:2]] == ["Remise en service", "Archivée"]
    states.set_active(intervention, active=False, by=world.planner)
    assert not InterventionRequest.objects.active().exists()


def test_copy_has_the_people_tags_and_lines_but_no_covered_one(world: World) -> None:
    who, tag = TechnicianFactory(company=world.company), Tag.objects.create(name="Urgent")
    intervention = world.intervention(item(2, price="150", discount=10), title="Pose")
    services.add_items(intervention, [item(1)], on=world.today, covered=True)
    intervention.technicians.add(who)
    intervention.tags.add(tag)

    copy = services.duplicate_intervention(intervention, on=world.today, by=world.biller)

    assert (copy.title, copy.task, copy.partner, copy.address, copy.user) == (
        "Pose",
        intervention.task,
        world.customer,
        intervention.address,
        world.biller,
    )
    assert (list(copy.technicians.all()), list(copy.tags.all())) == ([who], [tag])
    assert [(line.position, line.quantity, line.unit_price, line.discount) for line in copy.lines.all()] == [
        (1, Decimal(2), Decimal(150), Decimal(10))
    ]
    assert HistoryLine.objects.of(copy)[0].text == "Copie de DI/000001"


def test_lines_added_follow_the_last_one_at_the_catalogue_s_price_when_nothing_is_written(world: World) -> None:
    intervention = world.intervention(item(), item())

    bare, typed_in = services.add_items(
        intervention,
        [Item(label="", product=item().product, unit_price=Decimal(1)), item(price="2")],
        on=world.today,
    )

    assert [(line.position, line.unit_price, line.covered) for line in (bare, typed_in)] == [
        (3, Decimal(175), False),
        (4, Decimal(2), False),
    ]


def test_form_saved_with_nothing_changed_keeps_its_version_and_a_tag_raises_it(world: World) -> None:
    intervention = world.intervention()
    tag = Tag.objects.create(name="Urgent")

    def save(values: dict[str, Any], *edits: LineEdit) -> int:
        return services.save_intervention(
            intervention.pk, values, edits=edits, on=world.today, by=world.planner
        ).version

    before = intervention.version
    versions = [
        save({"title": intervention.title}),
        save({"tags": [tag]}),
        save({"title": "Pose", "tags": [tag]}),
        save({}, LineEdit(pk=intervention.lines.get().pk, values={"quantity": Decimal(2)})),
    ]

    assert versions == [before, before + 1, before + 2, before + 3]
    assert [(one.act, one.changes) for one in HistoryLine.objects.of(intervention)[:3]] == [
        (
            "edited",
            {
                "lines": [
                    {
                        "id": intervention.lines.get().pk,
                        "line": "[ram_pose] Forfait Pose",
                        "act": "changed",
                        "changes": {"quantity": ["1", "2"]},
                    }
                ]
            },
        ),
        ("changed", {"title": ["–", "Pose"]}),
        ("changed", {"tags": ["–", "Urgent"]}),
    ]
    assert refused(save, {}, LineEdit(pk=1, values={"quantity": Decimal(1)})) == (
        "Une ligne modifiée n'est plus sur cette DI. Rechargez la page."
    )


def test_line_taken_over_by_an_appointment_is_not_deleted(world: World) -> None:
    intervention = world.intervention()
    book(world, intervention, state="draft")
    delete = LineEdit(pk=intervention.lines.get().pk, delete=True)

    assert refused(
        services.save_intervention, intervention.pk, {}, edits=[delete], on=world.today, by=world.planner
    ) == (
        "« [ram_pose] Forfait Pose » est reprise sur un rendez-vous : mettez sa quantité à 0 plutôt que de la supprimer."
    )


def test_planning_of_a_request_done_by_hand_or_a_draft_keeps_its_state(world: World) -> None:
    done, draft = world.intervention(), world.intervention(is_validated=False)
    states.finish_intervention(done, on=date(2026, 11, 20), by=world.planner)

    for intervention in (done, draft):
        intervention.refresh_from_db()
        record_planning(intervention, open=Decimal(0), last=None, done_on=None, by=world.planner)
        intervention.refresh_from_db()

    assert (done.state, done.done_on, draft.state) == ("done", date(2026, 11, 20), "draft")
    record_planning(draft, open=Decimal(1), last=None, done_on=None, by=world.planner)
    record_planning(done, open=Decimal("1.5"), last="done", done_on=world.today, by=world.planner)
    for intervention in (done, draft):
        intervention.refresh_from_db()
    assert (done.state, done.planned_duration, draft.state, draft.planned_duration) == (
        "planned",
        Decimal("1.5"),
        "draft",
        Decimal(1),
    )


def test_hours_planned_that_change_no_state_are_written_once(world: World) -> None:
    intervention = world.intervention(duration=Decimal(3))
    for hours in ("1", "2", "2"):
        record_planning(intervention, open=Decimal(hours), last=None, done_on=None, by=world.planner)
        intervention.refresh_from_db()

    assert (intervention.state, intervention.planned_duration) == ("partly_planned", Decimal(2))
    assert HistoryLine.objects.of(intervention).filter(act="planned").count() == 2


def test_journal_says_made_filled_by_a_template_and_deleted(world: World) -> None:
    template = TemplateFactory()
    TemplateLineFactory(template=template, product=ProductFactory(code="joint"))
    typed_in = services.save_intervention(
        None,
        {"company": world.company, "partner": world.customer, "template": template, "from_on": world.today},
        on=world.today,
        by=world.planner,
    )
    made = world.intervention(is_validated=False)
    services.delete_interventions([made, typed_in], by=world.planner)

    assert [line.text for line in HistoryLine.objects.of(typed_in).order_by("pk")] == [
        "DI créée",
        f"1 ligne(s) ajoutée(s) par le modèle « {template} »",
        "DI supprimée",
    ]
    assert [line.text for line in HistoryLine.objects.of(made).order_by("pk")] == ["DI créée", "DI supprimée"]


def test_what_is_given_stays_and_the_rest_is_filled(world: World) -> None:
    payer, elsewhere = PartnerFactory(name="Syndic Exemple"), AddressFactory(partner=world.customer)
    world.customer.bill_to = payer
    world.customer.save()
    PartnerTerms.objects.create(partner=world.customer, fiscal_position=position("VEN-10"))
    other = TaskFactory(name="Ramonage", fiscal_position=position("VEN-20"))
    template = TemplateFactory(task=other, description="Du modèle")

    def made(**values: Any) -> InterventionRequest:
        return services.create_intervention(
            company=world.company,
            partner=world.customer,
            from_on=world.today,
            on=world.today,
            by=world.planner,
            **values,
        )

    given = made(
        task=world.task,
        template=template,
        address=elsewhere,
        bill_to=world.customer,
        fiscal_position=position("VEN-5.5"),
        duration=Decimal(4),
        to_on=date(2026, 11, 30),
        user=world.biller,
        description="À moi",
    )
    filled = made(template=template)
    PartnerTerms.objects.all().delete()

    def terms(di: InterventionRequest) -> tuple[Any, ...]:
        return (
            di.task,
            di.address,
            di.bill_to,
            di.fiscal_position.code,
            di.duration,
            di.to_on,
            di.user,
            di.description,
        )

    assert terms(given) == (
        world.task,
        elsewhere,
        world.customer,
        "VEN-5.5",
        Decimal(4),
        date(2026, 11, 30),
        world.biller,
        "À moi",
    )
    home, until = world.customer.default_address(), date(2026, 12, 7)
    assert terms(filled) == (other, home, payer, "VEN-10", other.duration, until, world.planner, "Du modèle")
    assert made(template=template).fiscal_position == position("VEN-20")
    assert refused(made) == "Choisissez une tâche, ou un modèle d'intervention qui en a une."
