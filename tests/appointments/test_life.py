"""States of an RDV, what they tell its DI, and what is refused, through the services and the pages."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from appointments.admin.appointment_acts import APPOINTMENT_ACTIONS
from appointments.models import Appointment
from appointments.services.billing import invoice_appointment
from appointments.services.saving import move_appointment, save_appointment
from appointments.services.states import (
    cancel_appointment,
    confirm_appointment,
    delete_appointments,
    duplicate_appointment,
    finish_appointment,
    leave_unfinished,
    postpone_appointment,
    reset_appointment,
    write_report,
)
from interventions.admin.request_acts import INTERVENTION_ACTIONS
from interventions.models import InterventionType
from interventions.services.states import cancel_intervention
from invoicing.models import Attachment, HistoryLine, Invoice, PartnerTerms, Tag
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from invoicing.services.records.attachments import attach, attachments_of
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT, BILLING, PLANNER, TECHNICIAN
from openfire_billing.web.actions import DocumentAction
from tests.factories import AddressFactory, PartnerFactory, World, item, nothing_changed, position
from tests.factories.appointments import alone, at, book, technician
from tests.factories.pages import address, refusal


def test_confirm_numbers_the_appointment_once(world: World) -> None:
    rdv = confirm_appointment(alone(world), by=world.planner)
    assert (rdv.number, rdv.state) == ("RDV/000001", "confirmed")
    rdv = reset_appointment(rdv, by=world.planner)
    assert confirm_appointment(rdv, by=world.planner).number == "RDV/000001"


def test_states_are_told_to_the_intervention(world: World) -> None:
    intervention = world.intervention(duration=Decimal(3))
    who = technician(world)

    def state() -> tuple[str, Decimal]:
        intervention.refresh_from_db()
        return intervention.state, intervention.planned_duration

    first = book(world, intervention, who=who, state="draft")
    assert state() == ("planned", Decimal(3))
    first = save_appointment(first.pk, {"duration": Decimal(1)}, on=world.today, by=world.planner)
    assert state() == ("partly_planned", Decimal(1))
    first = confirm_appointment(first, by=world.planner)
    leave_unfinished(first, reason="Pièce manquante", by=world.planner)
    assert state() == ("to_plan", Decimal(0))
    second = book(world, intervention, who=who, starts_at=at(14), state="confirmed")
    assert state() == ("planned", Decimal(3))
    postpone_appointment(second, by=world.planner)
    assert state() == ("to_plan", Decimal(0))
    third = book(world, intervention, who=who, starts_at=at(14), state="confirmed")
    finish_appointment(third, at=timezone.now(), by=world.planner)
    assert state() == ("done", Decimal(0))
    assert intervention.done_on == world.today


def test_work_is_not_done_on_a_day_to_come(world: World) -> None:
    rdv = book(world, world.intervention(), state="confirmed")

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        finish_appointment(rdv, at=at(9), by=world.planner)

    assert str(refused.value) == (
        f"{rdv} : le 25/11/2026 n'est pas encore venu. Donnez le jour où le travail a été fait."
    )


def test_cancel_intervention_with_an_open_appointment_refused(world: World) -> None:
    intervention = world.intervention()
    book(world, intervention, state="confirmed")
    with nothing_changed(), pytest.raises(BusinessError, match="a un RDV ouvert : annulez-le d'abord"):
        cancel_intervention(intervention, on=world.today, by=world.planner)


def test_billed_appointment_neither_moves_nor_is_cancelled(world: World) -> None:
    who = technician(world)
    rdv = book(world, world.intervention(), who=who, state="confirmed")
    invoice_appointment(rdv, on=world.today, by=world.biller)
    for act in (cancel_appointment, postpone_appointment, reset_appointment):
        with nothing_changed(), pytest.raises(BusinessError, match="est facturé, au moins en partie"):
            act(rdv, by=world.planner)
    with nothing_changed(), pytest.raises(BusinessError, match="il ne se déplace plus"):
        move_appointment(rdv, starts_at=at(14), on=world.today, by=world.planner)


def test_done_appointment_is_not_deleted(world: World) -> None:
    rdv = book(world, world.intervention())
    with nothing_changed(), pytest.raises(BusinessError, match="seul un RDV en brouillon ou annulé se supprime"):
        delete_appointments([rdv], by=world.planner)


def test_deleted_draft_frees_the_intervention(world: World) -> None:
    intervention = world.intervention()
    delete_appointments([book(world, intervention, state="draft")], by=world.planner)
    intervention.refresh_from_db()
    assert (intervention.state, Appointment.objects.count()) == ("to_plan", 0)


def test_unfinished_without_reason_refused(world: World) -> None:
    rdv = book(world, world.intervention(), state="confirmed")
    with nothing_changed(), pytest.raises(BusinessError, match="dites pourquoi"):
        leave_unfinished(rdv, reason="  ", by=world.planner)


def test_what_is_said_of_a_visit_is_kept_up_to_its_length(world: World) -> None:
    first = book(world, world.intervention(), state="confirmed")
    write_report(first, report="Vu", by=world.technician)
    with nothing_changed():
        write_report(first, report="Vu", by=world.technician)

    left = leave_unfinished(first, reason="r" * 201, by=world.technician)
    second = book(world, world.intervention(), state="confirmed")
    done = finish_appointment(second, at=timezone.now(), report="Fait", by=world.technician)

    assert (left.reason, left.report, done.report) == ("r" * 200, "Vu", "Fait")
    assert [line.act for line in HistoryLine.objects.of(first)][:2] == ["unfinished", "reported"]


def test_only_a_draft_with_a_date_is_confirmed(world: World) -> None:
    confirmed = book(world, world.intervention(), state="confirmed")
    undated = alone(world, starts_at=None)

    for rdv, said in (
        (confirmed, "n'est pas en brouillon : il n'y a rien à confirmer."),
        (undated, ": choisissez une date avant de confirmer."),
    ):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            confirm_appointment(rdv, by=world.planner)
        assert str(refused.value) == f"{rdv} {said}"


def test_copy_has_the_lines_people_and_tags_but_no_covered_line(world: World) -> None:
    intervention = world.intervention(item(2, price="150", discount=10), item(1))
    intervention.lines.filter(quantity=1).update(covered=True)
    rdv = book(world, intervention, who=technician(world, name="Maëva"))
    tag = Tag.objects.create(name="Urgent")
    rdv.tags.add(tag)

    copy = duplicate_appointment(rdv, by=world.planner)

    assert (copy.state, copy.number, copy.intervention, copy.starts_at) == ("draft", None, None, None)
    assert (copy.partner, copy.task, copy.duration, copy.lead) == (rdv.partner, rdv.task, rdv.duration, rdv.lead)
    assert (list(copy.technicians.all()), list(copy.tags.all())) == (list(rdv.technicians.all()), [tag])
    assert [(line.quantity, line.unit_price, line.discount, line.request_line) for line in copy.lines.all()] == [
        (Decimal(2), Decimal(150), Decimal(10), None)
    ]
    assert HistoryLine.objects.of(copy)[0].text == f"Copie de {rdv}"


def test_appointment_billed_then_credited_is_kept(world: World) -> None:
    rdv = book(world, world.intervention(), state="confirmed")
    invoice = invoice_appointment(rdv, on=world.today, by=world.biller).made
    post_invoice(invoice, on=world.today, by=world.accountant)
    credit_invoice(invoice, on=world.today, by=world.accountant, rebill=True)
    cancel_appointment(rdv, by=world.planner)

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        delete_appointments([rdv], by=world.planner)

    assert str(refused.value) == "RDV/000001 a été facturé puis crédité : il se garde pour mémoire. Annulez-le."


def test_appointment_that_is_over_is_not_moved_but_may_say_why_it_would_pass_over(world: World) -> None:
    rdv = book(world, world.intervention())

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        move_appointment(rdv, starts_at=at(14), on=world.today, by=world.planner)
    saved = save_appointment(rdv.pk, {"override": "Un binôme"}, on=world.today, by=world.planner)

    assert str(refused.value) == ("RDV/000001 est à l'état « Réalisé » : remettez-le en brouillon pour le déplacer.")
    assert saved.override == "Un binôme"


def test_appointment_with_lines_of_an_intervention_keeps_it(world: World) -> None:
    rdv, other = book(world, world.intervention(), state="draft"), world.intervention()

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        save_appointment(rdv.pk, {"intervention": other}, on=world.today, by=world.planner)

    assert str(refused.value) == (
        f"{rdv} porte les lignes de DI/000001 : il ne change pas de DI. Générez un RDV depuis l'autre DI."
    )


def test_appointment_of_no_line_changes_its_intervention_and_both_are_told(world: World) -> None:
    first, second = world.intervention(), world.intervention()
    rdv = book(world, first, state="draft")
    rdv.lines.all().delete()

    save_appointment(rdv.pk, {"intervention": second}, on=world.today, by=world.planner)

    for intervention in (first, second):
        intervention.refresh_from_db()
    assert (first.state, second.state) == ("to_plan", "planned")


def test_first_technician_leads_and_a_lead_is_one_of_them(world: World) -> None:
    one, two, three = (technician(world, name=name) for name in "ABC")
    rdv = alone(world, who=one)
    assert (rdv.lead, set(rdv.technicians.all())) == (one, {one})

    rdv = save_appointment(rdv.pk, {"lead": two}, technicians=[three], on=world.today, by=world.planner)

    assert (rdv.lead, set(rdv.technicians.all())) == (two, {two, three})
    assert {slot.technician for slot in rdv.slots.all()} == {two, three}


def test_files_of_the_intervention_come_along(world: World) -> None:
    intervention = world.intervention()
    attach(intervention, SimpleUploadedFile("plan.pdf", b"%PDF plan"), by=world.planner)
    rdv = book(world, intervention, state="draft")
    copy = attachments_of(rdv).get()
    with copy.file.open() as file:
        assert (copy.name, file.read()) == ("plan.pdf", b"%PDF plan")
    assert Attachment.objects.count() == 2


def test_pages_from_intervention_to_invoice(world: World) -> None:
    """DI › Générer le RDV › Confirmer › Générer les factures: the counters of both pages say 1."""
    technician(world, name="Maëva")
    intervention = world.intervention()
    office = world.office(BILLING)
    answer = office.act(intervention, "appointment", starts_at="2026-11-25T09:00")
    assert answer.status_code == 302
    rdv = Appointment.objects.get()
    office.act(rdv, "confirm")
    office.act(rdv, "invoice")
    invoice = Invoice.objects.get()
    assert (invoice.origin, invoice.gross.amount) == ("RDV/000001 (DI/000001)", Decimal("184.62"))
    for document in (rdv, intervention):
        page = office.get(address(document))
        counts = {str(b["label"]): b.get("count") for b in page.context["office_buttons"]}
        assert counts["Factures"] == 1
    assert counts["RDVs Tech"] == 1


def test_page_refuses_overlap_and_keeps_what_was_typed(world: World) -> None:
    who = technician(world, name="Maëva")
    alone(world, who=who)
    rdv = alone(world, who=who, starts_at=at(14))
    office = world.office(PLANNER)
    with nothing_changed():
        answer = office.save(rdv, starts_at_1="09:30", title="Rappel")
    assert "Maëva est déjà pris le 25/11/2026 de 09:00 à 10:30" in refusal(answer)
    assert 'value="Rappel"' in answer.content.decode()


def test_what_is_told_to_pass_over_an_overlap_is_on_the_page(world: World) -> None:
    who = technician(world, name="Maëva")
    postponed = book(world, world.intervention(), who=who, state="confirmed")
    office = world.office(PLANNER)
    office.act(postponed, "postpone")
    alone(world, who=who)
    assert "« Dérogation (motif) »" in refusal(office.confirm(postponed, "reset"))
    page = office.get(address(postponed)).content.decode()
    assert "Dérogation (motif)" in page
    assert office.save(postponed, override="Un binôme").status_code == 302
    assert office.confirm(postponed, "reset").status_code == 302
    postponed.refresh_from_db()
    assert (postponed.state, [slot.blocks for slot in postponed.slots.all()]) == ("draft", [False])


@pytest.mark.parametrize(
    ("act", "state"), [("unfinished", "unfinished"), ("postpone", "postponed"), ("cancel", "cancelled")]
)
def test_why_it_did_not_take_place_is_on_the_page_until_it_is_planned_again(world: World, act: str, state: str) -> None:
    rdv = book(world, world.intervention(), state="confirmed")
    office = world.office(PLANNER)
    office.act(rdv, act, reason="100 % gelé")
    rdv.refresh_from_db()
    assert (rdv.state, rdv.reason) == (state, "100 % gelé")
    assert "100 % gelé" in rdv_journal(rdv)
    office.act(rdv, "reset")
    rdv.refresh_from_db()
    assert (rdv.state, rdv.reason) == ("draft", "")
    assert "100 % gelé" in rdv_journal(rdv)


def rdv_journal(rdv: Appointment) -> str:
    return " ".join(line.text for line in HistoryLine.objects.of(rdv))


def test_next_appointment_passes_over_another_with_a_reason(world: World) -> None:
    who = technician(world, name="Maëva")
    rdv = alone(world, who=who)
    answers = {"partner": world.customer.pk, "starts_at": "2026-11-25T09:30"}
    office = world.office(PLANNER)
    with nothing_changed():
        assert "« Dérogation (motif) »" in refusal(office.act(rdv, "next", **answers))
    assert office.act(rdv, "next", **answers, override="Un binôme").status_code == 302
    assert Appointment.objects.latest("pk").override == "Un binôme"


def test_page_end_before_start_refused(world: World) -> None:
    rdv = alone(world)
    with nothing_changed():
        answer = world.office(PLANNER).save(rdv, ends_at_0="25/11/2026", ends_at_1="08:00", is_end_forced="on")
    assert refusal(answer) == (
        "La fin du RDV n'est pas après son début : corrigez l'heure de fin, ou décochez « Fin forcée »."
    )


def test_planner_does_not_bill_and_technician_has_no_office(world: World) -> None:
    rdv = book(world, world.intervention())
    with nothing_changed():
        assert world.office(PLANNER).confirm(rdv, "invoice", {"on": "2026-11-24"}).status_code == 403
        assert world.office(TECHNICIAN).get(address(rdv)).status_code == 302


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "1989-12-31", "hier", ""])
def test_week_nobody_plans_for_is_this_one(world: World, day: str) -> None:
    technician(world, name="Maëva")
    page = world.office(PLANNER).get(f"/planning/?from={day}")
    assert (page.status_code, page.context["asked"].first) == (200, date(2026, 11, 23))
    assert "Semaine du 23 novembre</h2>" in page.content.decode()


@pytest.mark.parametrize("actions", [INTERVENTION_ACTIONS, APPOINTMENT_ACTIONS], ids=["DI", "RDV"])
def test_each_act_says_what_will_happen(actions: tuple[DocumentAction, ...]) -> None:
    silent = [action.name for action in actions if action.run and not action.explain]
    assert silent == ["message"]  # there the letter says it


def test_week_shows_the_appointment(world: World) -> None:
    book(world, world.intervention(), who=technician(world, name="Maëva"), state="confirmed")
    page = world.office(ACCOUNTANT).get("/planning/?from=2026-11-25").content.decode()
    assert "Maëva" in page
    assert "<b>09:00<i>–10:30</i></b> <span>Aubry Maëlle</span>" in page
    assert "Aubry Maëlle" in page


def test_journal_says_made_changed_and_deleted(world: World) -> None:
    rdv = book(world, world.intervention(), state="draft")
    save_appointment(rdv.pk, {"title": "Pose"}, on=world.today, by=world.planner)
    delete_appointments([rdv], by=world.planner)

    lines = HistoryLine.objects.of(rdv).order_by("pk")
    assert [(line.text, line.changes) for line in lines] == [
        ("RDV créé", {}),
        ("Fiche modifiée", {"title": ["–", "Pose"]}),
        ("RDV supprimé", {}),
    ]


def test_what_is_left_empty_comes_from_the_customer_and_the_task_and_what_is_given_stays(world: World) -> None:
    payer, type_ = (
        PartnerFactory(name="Syndic Exemple"),
        InterventionType.objects.exclude(pk=world.task.type_id).first(),
    )
    world.customer.bill_to = payer
    world.customer.save()
    PartnerTerms.objects.create(partner=world.customer, fiscal_position=position("VEN-10"))
    elsewhere = AddressFactory(partner=world.customer)

    filled = alone(world, starts_at=at(8))
    given = alone(
        world,
        starts_at=at(14),
        address=elsewhere,
        bill_to=world.customer,
        type=type_,
        duration=Decimal("0.5"),
        fiscal_position=position("VEN-20"),
    )

    assert (filled.address, filled.bill_to, filled.type, filled.duration, filled.fiscal_position) == (
        world.customer.default_address(),
        payer,
        world.task.type,
        Decimal("1.5"),
        position("VEN-10"),
    )
    assert (given.address, given.bill_to, given.type, given.duration, given.fiscal_position) == (
        elsewhere,
        world.customer,
        type_,
        Decimal("0.5"),
        position("VEN-20"),
    )
    PartnerTerms.objects.all().delete()
    world.task.fiscal_position = position("VEN-5.5")
    world.task.save()
    assert alone(world, starts_at=at(16)).fiscal_position == position("VEN-5.5")
