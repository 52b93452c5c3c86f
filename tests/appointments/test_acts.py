"""Each act on an RDV: what it returns, its journal, the version it raises, and the neighbour it leaves alone."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from appointments.models import Appointment
from appointments.services.billing import invoice_appointment
from appointments.services.lines import add_part, write_lines
from appointments.services.saving import appoint, move_appointment, save_appointment
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
from interventions.models import InterventionRequest
from interventions.services.states import cancel_intervention
from invoicing.models import HistoryLine, Product, Tag
from invoicing.services.documents.lines import LineEdit
from invoicing.services.records.attachments import attach, attachments_of
from openfire_billing.kernel.errors import BusinessError, StaleForm
from tests.factories import (
    AddressFactory,
    InstalledProductFactory,
    PartnerFactory,
    ProductFactory,
    TaskFactory,
    TeamFactory,
    TemplateFactory,
    World,
    item,
    nothing_changed,
    position,
)
from tests.factories.appointments import alone, at, book, technician

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


# State to begin in, the act, then: state, journal of the RDV, (reason, report, is done_at kept)
ACTS: dict[str, tuple[str, Callable[..., Appointment], dict[str, Any], str, tuple[str, str], tuple[str, str]]] = {
    "confirm": ("draft", confirm_appointment, {}, "confirmed", ("confirmed", "RDV confirmé"), ("", "")),
    "finish": (
        "confirmed",
        finish_appointment,
        {"at": at(9, day=24), "report": "Fait"},
        "done",
        ("done", "RDV réalisé"),
        ("", "Fait"),
    ),
    "unfinished": (
        "confirmed",
        leave_unfinished,
        {"reason": "Pièce", "report": "Vu"},
        "unfinished",
        ("unfinished", "RDV inachevé : Pièce"),
        ("Pièce", "Vu"),
    ),
    "postpone": (
        "confirmed",
        postpone_appointment,
        {"reason": "Neige"},
        "postponed",
        ("postponed", "RDV reporté. Neige"),
        ("Neige", ""),
    ),
    "postpone without a reason": (
        "confirmed",
        postpone_appointment,
        {},
        "postponed",
        ("postponed", "RDV reporté."),
        ("", ""),
    ),
    "cancel": (
        "confirmed",
        cancel_appointment,
        {"reason": "Absent"},
        "cancelled",
        ("cancelled", "RDV annulé. Absent"),
        ("Absent", ""),
    ),
    "reset": ("done", reset_appointment, {}, "draft", ("reset", "Remis en brouillon"), ("", "")),
}


@pytest.mark.parametrize("name", ACTS)
def test_move_writes_its_journal_once_and_leaves_the_neighbour(world: World, name: str) -> None:
    state, act, answers, then, line, texts = ACTS[name]
    intervention = world.intervention()
    rdv = book(world, intervention, state=state)
    neighbour = book(world, world.intervention(), state=state)
    before, rows, lines = rdv.version, row(neighbour), len(journal(rdv))
    requests = [row(neighbour.intervention), len(journal(neighbour.intervention))]

    moved = act(rdv, seen=before, by=world.biller, **answers)

    assert (moved.pk, moved.state, moved.version) == (rdv.pk, then, before + 1)
    kept = Appointment.objects.get(pk=rdv.pk)
    assert (kept.state, kept.version, kept.reason, kept.report) == (then, before + 1, *texts)
    assert kept.done_at == (at(9, day=24) if name == "finish" else None)
    assert journal(rdv, lines) == [(*line, world.biller)]
    assert row(neighbour) == rows
    assert [row(neighbour.intervention), len(journal(neighbour.intervention))] == requests
    assert neighbour.slots.count() == 1
    assert kept.slots.count() == (0 if then in ("postponed", "cancelled") else 1)
    assert refused(lambda: act(rdv, seen=before, by=world.biller, **answers), StaleForm) != ""


def test_long_reason_is_cut_in_its_column_and_whole_in_the_journal(world: World) -> None:
    rdv, long = book(world, world.intervention(), state="confirmed"), "r" * 201
    assert cancel_appointment(rdv, reason=long, by=world.planner).reason == "r" * 200
    assert journal(rdv)[-1][1] == f"RDV annulé. {long}"


@pytest.mark.parametrize("act", [finish_appointment, leave_unfinished])
def test_report_written_before_stays_when_none_comes_with_the_end(world: World, act: Any) -> None:
    rdv = book(world, world.intervention(), state="confirmed")
    write_report(rdv, report="Vu", by=world.technician)
    answers = {"at": timezone.now()} if act is finish_appointment else {"reason": "Pièce"}
    assert act(rdv, by=world.technician, **answers).report == "Vu"
    assert act(book(world, world.intervention(), state="confirmed"), by=None, report="Là", **answers).report == "Là"


def test_report_raises_the_version_and_is_in_the_journal(world: World) -> None:
    rdv = book(world, world.intervention(), state="confirmed")
    seen = rdv.version
    written = write_report(rdv, report="Vu", seen=seen, by=world.technician)
    assert (written.report, written.version, row(rdv)["version"]) == ("Vu", seen + 1, seen + 1)
    assert journal(rdv)[-1] == ("reported", "Compte rendu modifié", world.technician)
    assert refused(lambda: write_report(rdv, report="Autre", seen=seen, by=world.technician), StaleForm) != ""


def test_deleting_some_leaves_the_others_and_tells_each_request_once(world: World) -> None:
    intervention, other = world.intervention(), world.intervention()
    first, second = (book(world, intervention, state="draft", starts_at=at(hour)) for hour in (9, 14))
    third, kept, free = book(world, other, state="draft"), book(world, other, state="draft"), alone(world)
    lines = len(journal(intervention))

    assert delete_appointments([first, second, third, free], by=world.biller) == 4

    assert list(Appointment.objects.all()) == [kept]
    assert journal(first)[-1] == ("deleted", "RDV supprimé", world.biller)
    for request in (intervention, other):
        request.refresh_from_db()
    assert (intervention.state, intervention.planned_duration) == ("to_plan", 0)
    assert (other.state, other.planned_duration) == ("planned", D("1.5"))
    assert journal(intervention, lines) == [("planned", "Planning mis à jour", world.biller)]
    assert journal(other)[-1] == ("planned", "Planning mis à jour", world.biller)


def test_cancelled_one_is_deleted_and_one_bad_one_keeps_them_all(world: World) -> None:
    confirmed = book(world, world.intervention(), state="confirmed")
    cancelled = cancel_appointment(book(world, world.intervention(), state="confirmed"), by=world.planner)
    assert refused(lambda: delete_appointments([cancelled, confirmed], by=world.planner)) == (
        f"{confirmed} est à l'état « Confirmé » : seul un RDV en brouillon ou annulé se supprime."
    )
    assert delete_appointments([cancelled], by=world.planner) == 1


def test_confirming_checks_the_time_again_and_needs_somebody(world: World) -> None:
    who = technician(world)
    rdv = alone(world, who=who)
    rdv.technicians.clear()
    assert refused(lambda: confirm_appointment(rdv, by=world.planner)) == (
        f"{rdv} : choisissez un intervenant avant de confirmer."
    )
    rdv.technicians.add(who)
    alone(world, who=who, starts_at=at(14))
    Appointment.objects.filter(pk=rdv.pk).update(starts_at=at(14), ends_at=None)
    assert "est déjà pris" in refused(lambda: confirm_appointment(rdv, by=world.planner))


# What its DI is told


def test_how_the_last_one_ended_and_the_hours_still_open_are_told(world: World) -> None:
    intervention, other = world.intervention(duration=D(4)), world.intervention(duration=D(4))
    book(world, other, state="confirmed")
    rdvs = [
        appoint(
            intervention,
            technicians=[technician(world)],
            starts_at=start,
            duration=D(hours),
            on=world.today,
            by=world.planner,
        )
        for start, hours in ((at(8, day=20), 1), (at(8, day=23), 2), (at(8), 1), (None, 3))
    ]

    def told() -> tuple[str, Decimal, date | None]:
        intervention.refresh_from_db()
        return intervention.state, intervention.planned_duration, intervention.done_on

    seen = [told()]  # the one without a date counts for nothing
    early, late = (confirm_appointment(rdv, by=world.planner) for rdv in rdvs[:2])
    finish_appointment(late, at=at(9, day=24), by=world.planner)
    seen.append(told())
    cancel_appointment(rdvs[2], by=world.planner)
    seen.append(told())
    leave_unfinished(early, reason="Pièce", by=world.planner)
    seen.append(told())  # the last to begin tells

    assert seen == [
        ("planned", D(4), None),
        ("partly_planned", D(2), None),
        ("partly_planned", D(1), None),
        ("done", D(0), date(2026, 11, 24)),
    ]
    reset_appointment(late, by=world.planner)
    cancel_appointment(late, by=world.planner)
    assert told()[:2] == ("to_plan", D(0))
    other.refresh_from_db()
    assert (other.state, other.planned_duration) == ("planned", D(4))


def test_day_done_is_that_of_france_or_of_the_end_when_none_is_written(world: World) -> None:
    first, second = world.intervention(), world.intervention()
    night = at(23, 30, day=23)
    finish_appointment(book(world, first, state="confirmed", starts_at=at(8, day=20)), at=night, by=world.planner)
    rdv = book(world, second, state="confirmed", starts_at=at(8, day=20))
    Appointment.objects.filter(pk=rdv.pk).update(state="done")
    other = book(world, second, state="confirmed", starts_at=at(8, day=19))
    cancel_appointment(other, by=world.planner)
    for intervention in (first, second):
        intervention.refresh_from_db()
    assert [first.done_on, second.done_on] == [date(2026, 11, 23), date(2026, 11, 20)]


def test_only_an_rdv_of_which_something_is_billed_is_held(world: World) -> None:
    intervention = world.intervention(item(1), item(2))
    rdv = book(world, intervention, state="confirmed")
    neighbour = book(world, world.intervention(), state="confirmed")
    made = invoice_appointment(rdv, on=world.today, by=world.biller).made
    made.lines.order_by("pk").last().delete()

    assert refused(lambda: cancel_appointment(rdv, by=world.planner)) == (
        f"{rdv} est facturé, au moins en partie : supprimez le brouillon de facture ou faites un avoir d'abord."
    )
    assert cancel_appointment(neighbour, by=world.planner).state == "cancelled"


# Saving


def save(world: World, rdv: Appointment | None, values: dict[str, Any], **options: Any) -> Appointment:
    return save_appointment(rdv and rdv.pk, values, on=world.today, by=world.biller, **options)


def test_each_kind_of_change_raises_the_version_once_and_nothing_raises_none(world: World) -> None:
    who, tag = technician(world), Tag.objects.create(name="Urgent")
    rdv, seen = alone(world, who=who), []

    def step(values: dict[str, Any], **options: Any) -> None:
        before = row(rdv)["version"], len(journal(rdv))
        saved = save(world, rdv, values, seen=before[0], **options)
        assert saved.version == row(rdv)["version"]
        seen.append((saved.version - before[0], [line[0] for line in journal(rdv, before[1])]))

    step({"title": rdv.title})
    step({"title": "Pose"})
    step({"tags": [tag]})
    step({}, technicians=[who])
    step({}, technicians=[who, technician(world)])
    step({}, edits=[LineEdit(values={"product": item().product, "quantity": D(1), "unit_price": D(175)})])
    step({"starts_at": at(14)})
    step({"title": "Autre", "tags": []})

    assert seen == [
        (0, []),
        (1, ["changed"]),
        (1, ["changed"]),
        (0, []),
        (1, ["changed"]),
        (1, ["edited"]),
        (1, ["changed"]),
        (1, ["changed"]),
    ]
    assert journal(rdv)[-1] == ("changed", "Fiche modifiée", world.biller)
    assert refused(lambda: save(world, rdv, {"title": "Tard"}, seen=rdv.version), StaleForm) != ""


def test_end_is_in_the_journal_when_it_is_forced(world: World) -> None:
    rdv = alone(world, starts_at=at(9))
    seen = []
    for values in (
        {"starts_at": at(10), "ends_at": at(10, 30), "is_end_forced": False},
        {"ends_at": at(12), "is_end_forced": True},
        {"ends_at": at(11), "is_end_forced": True},
    ):
        save(world, rdv, values)
        line = HistoryLine.objects.of(rdv).order_by("pk").last()
        assert line is not None
        seen.append(sorted(line.changes))
    assert seen == [["starts_at"], ["ends_at", "is_end_forced"], ["ends_at"]]
    rdv.refresh_from_db()
    assert (rdv.starts_at, rdv.ends_at) == (at(10), at(11))


def test_end_before_the_new_start_is_computed_again(world: World) -> None:
    rdv = alone(world, starts_at=at(8))
    moved = save(world, rdv, {"starts_at": at(15), "ends_at": rdv.ends_at})
    assert (moved.starts_at, moved.ends_at) == (at(15), at(16, 30))
    assert save(world, rdv, {"starts_at": at(16, 30), "ends_at": at(16, 30)}).ends_at == at(8, 30, day=26)


def test_what_is_emptied_is_filled_again(world: World) -> None:
    rdv = alone(world, fiscal_position=position("VEN-10"))
    saved = save(world, rdv, {"type": None, "address": None, "title": ""})
    assert (saved.type, saved.address) == (world.task.type, world.customer.default_address())


def test_move_keeps_who_comes_and_why_unless_it_is_told(world: World) -> None:
    one, two = technician(world), technician(world)
    rdv = alone(world, who=one, override="Chantier")
    moved = move_appointment(rdv, starts_at=at(14), on=world.today, by=world.planner)
    assert (list(moved.technicians.all()), moved.override, moved.is_end_forced) == ([one], "Chantier", False)
    moved = move_appointment(
        rdv, starts_at=at(15), ends_at=at(15, 45), technicians=[two], override="", on=world.today, by=world.planner
    )
    assert (moved.override, moved.ends_at, moved.is_end_forced) == ("", at(15, 45), True)
    assert set(moved.technicians.all()) == {one, two}  # the lead stays
    moved = move_appointment(rdv, starts_at=at(16), on=world.today, by=world.planner)
    assert (moved.ends_at, moved.is_end_forced) == (at(17, 30), False)
    stale = moved.version - 1
    assert refused(
        lambda: move_appointment(rdv, starts_at=at(8), seen=stale, on=world.today, by=world.planner), StaleForm
    )


@pytest.mark.parametrize(
    "values",
    [
        {"starts_at": at(14)},
        {"duration": D(1)},
        {"override": "Chantier"},
        {"is_all_day": True},
    ],
    ids=str,
)
def test_billed_one_keeps_its_time_and_its_reason(world: World, values: dict[str, Any]) -> None:
    rdv = book(world, world.intervention(), state="confirmed")
    invoice_appointment(rdv, on=world.today, by=world.biller)
    assert refused(lambda: save(world, rdv, values)) == (
        f"{rdv} est facturé, au moins en partie : il ne se déplace plus. "
        "Supprimez le brouillon de facture, ou faites un avoir."
    )
    assert save(world, rdv, {"title": "Pose"}).title == "Pose"
    free = book(world, world.intervention(), state="confirmed")
    save(world, free, values)


def test_billed_one_keeps_its_customer_and_a_free_one_changes_it(world: World) -> None:
    other = PartnerFactory(name="Un autre")
    rdv, free = (book(world, world.intervention(), state="confirmed") for _n in range(2))
    invoice_appointment(rdv, on=world.today, by=world.biller)
    assert "il ne se déplace plus" in refused(lambda: save(world, rdv, {"partner": other}))
    assert save(world, free, {"partner": other}).partner == other


def test_new_one_takes_over_what_the_form_leaves_empty(world: World) -> None:
    payer, template = PartnerFactory(name="Syndic"), TemplateFactory(name="Contrôle", spans_break=True)
    elsewhere, device = AddressFactory(partner=world.customer), InstalledProductFactory(partner=world.customer)
    tags = [Tag.objects.create(name=name) for name in ("Urgent", "Clé")]
    world.intervention(item(5))
    intervention = world.intervention(
        item(2),
        title="Pose",
        bill_to=payer,
        address=elsewhere,
        template=template,
        equipment=device,
        description="Au fond",
        code="VEN-10",
    )
    intervention.tags.add(tags[0])
    attach(intervention, SimpleUploadedFile("plan.pdf", b"%PDF plan"), by=world.planner)
    before = len(journal(intervention))

    def made(**values: Any) -> Appointment:
        return save(
            world,
            None,
            {"intervention": intervention, "starts_at": at(9), "duration": D(1), **values},
            technicians=[technician(world)],
        )

    names = ("company", "title", "partner", "bill_to", "address", "type", "task", "template", "equipment")
    filled = made(tags=[tags[1]])
    assert {name: getattr(filled, name) for name in names} == {name: getattr(intervention, name) for name in names}
    assert (filled.description, filled.fiscal_position) == ("Au fond", position("VEN-10"))
    assert set(filled.tags.all()) == set(tags)
    assert [(line.quantity, line.request_line, line.position) for line in filled.lines.all()] == [
        (line.quantity, line, line.position) for line in intervention.lines.all()
    ]
    assert [file.name for file in attachments_of(filled)] == ["plan.pdf"]
    assert journal(filled) == [("created", "RDV créé", world.biller)]
    assert journal(intervention, before) == [
        ("planned", f"{filled} créé", world.biller),
        ("planned", "Planning mis à jour", world.biller),
    ]

    task, here = TaskFactory(name="Ramonage"), world.customer.default_address()
    given = {
        "title": "Autre",
        "bill_to": world.customer,
        "address": here,
        "task": task,
        "template": TemplateFactory(),
        "description": "Devant",
        "fiscal_position": position("VEN-20"),
    }
    kept = made(**given)
    assert {name: getattr(kept, name) for name in given} == given


def test_new_one_writes_the_lines_of_its_form(world: World) -> None:
    edit = LineEdit(values={"product": item().product, "quantity": D(2), "unit_price": D(150)})
    rdv = save(
        world,
        None,
        {
            "company": world.company,
            "partner": world.customer,
            "task": world.task,
            "fiscal_position": position("VEN-10"),
            "starts_at": at(9),
        },
        technicians=[technician(world)],
        edits=[edit],
    )
    assert [(line.quantity, line.unit_price, line.tax.rate) for line in rdv.lines.all()] == [(2, 150, 10)]


def test_new_one_of_a_request_that_is_not_validated_or_without_address_is_refused(world: World) -> None:
    draft, who = world.intervention(is_validated=False), technician(world)
    assert refused(lambda: save(world, None, {"intervention": draft, "starts_at": at(9)}, technicians=[who])) == (
        f"{draft} est à l'état « Brouillon » : seule une DI validée se planifie."
    )
    nowhere = PartnerFactory(name="Sans Adresse", address=False)
    assert refused(lambda: alone(world, who=who, partner=nowhere)) == (
        "« Sans Adresse » n'a pas d'adresse : ajoutez-la sur sa fiche, ou choisissez-en une."
    )


def test_request_is_told_when_one_joins_it_and_nothing_when_only_a_title_changes(world: World) -> None:
    intervention = world.intervention()
    rdv = alone(world)
    save(world, rdv, {"intervention": intervention})
    intervention.refresh_from_db()
    assert intervention.state == "planned"
    InterventionRequest.objects.filter(pk=intervention.pk).update(planned_duration=7)
    save(world, rdv, {"title": "Pose"})
    intervention.refresh_from_db()
    assert intervention.planned_duration == 7
    save(world, rdv, {"intervention": None})
    intervention.refresh_from_db()
    assert (intervention.state, intervention.planned_duration) == ("to_plan", 0)


def test_rdv_of_a_request_has_its_terms_and_what_is_left_of_its_duration(world: World) -> None:
    intervention = world.intervention(duration=D(3))
    who = technician(world)

    def made(start: int, **values: Any) -> Appointment:
        values.setdefault("starts_at", at(start))
        return appoint(intervention, technicians=[who], on=world.today, by=world.planner, **values)

    first = made(8, duration=D(1), override="Chantier")
    second, third = made(9), made(14)
    assert [rdv.duration for rdv in (first, second, third)] == [1, 2, 3]
    assert [rdv.override for rdv in (first, second)] == ["Chantier", ""]
    assert made(0, starts_at=None).starts_at is None
    stale = InterventionRequest.objects.get(pk=intervention.pk).version - 1
    assert refused(lambda: made(16, seen=stale), StaleForm) != ""


# Copy


def test_copy_has_every_term_of_the_original_and_its_files(world: World) -> None:
    payer, lead = PartnerFactory(name="Syndic"), technician(world)
    values = {
        "title": "Pose",
        "team": TeamFactory(company=world.company),
        "lead": lead,
        "bill_to": payer,
        "address": AddressFactory(partner=world.customer),
        "template": TemplateFactory(),
        "duration": D(2),
        "equipment": InstalledProductFactory(partner=world.customer),
        "description": "Au fond",
        "fiscal_position": position("VEN-10"),
    }
    rdv = alone(world, who=lead, **values)
    attach(rdv, SimpleUploadedFile("plan.pdf", b"%PDF plan"), by=world.planner)
    neighbour = confirm_appointment(alone(world), by=world.planner)
    add_part(neighbour, product=item().product, quantity=D(1), on=world.today, by=world.planner)
    before = row(rdv), len(journal(rdv))

    copy = duplicate_appointment(rdv, by=world.biller)

    assert {name: getattr(copy, name) for name in values} == values
    assert (copy.company, copy.partner, copy.type, copy.task) == (rdv.company, rdv.partner, rdv.type, rdv.task)
    assert (copy.ends_at, copy.slots.count(), copy.lines.count()) == (None, 0, 0)
    assert [file.name for file in attachments_of(copy)] == ["plan.pdf"]
    assert journal(copy) == [("created", f"Copie de {rdv}", world.biller)]
    assert (row(rdv), len(journal(rdv))) == before


# Lines


def test_lines_of_another_rdv_are_not_touched(world: World) -> None:
    intervention = world.intervention(item(3), item(1))
    one, two = (book(world, intervention, state="confirmed", starts_at=at(hour)) for hour in (9, 14))
    first, second = one.lines.all()
    theirs = [line.quantity for line in two.lines.all()]

    def write(*edits: LineEdit) -> bool:
        return write_lines(one, edits, on=world.today, by=world.biller)

    assert refused(lambda: write(LineEdit(pk=two.lines.all()[0].pk, values={"quantity": D(1)}))) == (
        "Une ligne modifiée n'est plus sur ce RDV. Rechargez la page."
    )
    assert write() is False
    assert write(LineEdit(pk=first.pk, values={"quantity": D(3)})) is False
    assert write(LineEdit(pk=first.pk, values={"quantity": D(2)}), LineEdit(pk=second.pk, delete=True)) is True
    assert [(line.pk, line.quantity) for line in one.lines.all()] == [(first.pk, 2)]
    assert [line.quantity for line in two.lines.all()] == theirs
    act, text, by = journal(one)[-1]
    assert (act, text, by) == ("edited", "Lignes modifiées", world.biller)


def test_more_than_the_request_goes_on_a_line_of_its_own_and_less_does_not(world: World) -> None:
    rdv = book(world, world.intervention(item(2, price="150", discount=10)), state="confirmed")
    line = rdv.lines.get()
    changed = [
        write_lines(rdv, [LineEdit(pk=line.pk, values={"quantity": D(wanted)})], on=world.today, by=world.planner)
        for wanted in ("1", "2", "2.5")
    ]
    assert changed == [True, True, True]
    assert [
        (row.request_line_id is not None, row.quantity, row.position, row.unit_price, row.label)
        for row in rdv.lines.order_by("pk")
    ] == [(True, D(2), 1, D(0), ""), (False, D("0.5"), 1, D(150), "[ram_pose] Forfait Pose")]
    last = HistoryLine.objects.of(rdv).order_by("pk").last()
    assert last is not None
    assert last.changes["lines"] == [
        {
            "id": line.pk,
            "line": "[ram_pose] Forfait Pose",
            "act": "changed",
            "changes": {"quantity": ["2", "2,5, dont 0,5 sur une ligne à part"]},
        }
    ]


@pytest.mark.parametrize(
    "values",
    [{"label": "Autre"}, {"unit_price": D(1)}, {"discount": D(5)}, {"product": "joint"}],
    ids=str,
)
def test_linked_line_keeps_what_belongs_to_its_request(world: World, values: dict[str, Any]) -> None:
    rdv = book(world, world.intervention(), state="confirmed")
    wanted = {name: ProductFactory(code="joint") if value == "joint" else value for name, value in values.items()}
    edit = LineEdit(pk=rdv.lines.get().pk, values=wanted)
    assert refused(lambda: write_lines(rdv, [edit], on=world.today, by=world.planner)) == (
        "« [ram_pose] Forfait Pose » vient de la DI : article, description, prix, remise et TVA "
        "se changent sur DI/000001."
    )


def test_covered_line_keeps_its_quantity_and_may_be_moved(world: World) -> None:
    intervention = world.intervention(item(2))
    intervention.lines.update(covered=True)
    rdv = book(world, intervention, state="confirmed")
    line = rdv.lines.get()
    assert refused(
        lambda: write_lines(rdv, [LineEdit(pk=line.pk, values={"quantity": D(1)})], on=world.today, by=world.planner)
    ) == ("« [ram_pose] Forfait Pose » est couverte par le contrat : sa quantité se change sur le contrat.")
    write_lines(rdv, [LineEdit(pk=line.pk, values={"position": 5})], on=world.today, by=world.planner)
    assert [(line.quantity, line.position) for line in rdv.lines.all()] == [(2, 5)]


def test_line_of_its_own_is_taxed_at_the_day_of_the_visit_and_changes_until_it_is_billed(world: World) -> None:
    rdv, other = (
        confirm_appointment(alone(world, fiscal_position=position("VEN-10")), by=world.planner) for _time in range(2)
    )
    product = Product.objects.get(code="ram_pose")
    mine = [
        add_part(document, product=product, quantity=D(quantity), on=world.today, by=world.biller)
        for document, quantity in ((other, 5), (rdv, 3), (rdv, 1))
    ][1:]
    assert [line.position for line in mine] == [1, 2]
    assert row(rdv)["version"] == rdv.version + 2
    assert journal(rdv)[-1] == ("part", "Ajouté sur place : 1 × [ram_pose] Forfait Pose", world.biller)

    first, second = mine
    write_lines(rdv, [LineEdit(pk=first.pk, values={"unit_price": D(150)})], on=world.today, by=world.planner)
    made = invoice_appointment(rdv, on=world.today, by=world.biller).made
    assert [(line.quantity, line.unit_price, line.tax.rate) for line in made.lines.all()] == [
        (3, 150, 10),
        (1, 175, 10),
    ]

    def write(*edits: LineEdit) -> bool:
        return write_lines(rdv, edits, on=world.today, by=world.planner)

    assert refused(lambda: write(LineEdit(pk=first.pk, values={"quantity": D(2)}))) == (
        "« [ram_pose] Forfait Pose » : 3 déjà facturé, la quantité ne descend pas en dessous."
    )
    assert refused(lambda: write(LineEdit(pk=second.pk, delete=True))) == (
        "« [ram_pose] Forfait Pose » est facturée : supprimez d'abord le brouillon de facture, ou faites un avoir."
    )
    assert write(LineEdit(pk=first.pk, values={"label": "Forfait posé", "quantity": D(4)})) is True
    assert [(line.label, line.quantity) for line in rdv.lines.all()] == [
        ("Forfait posé", 4),
        ("[ram_pose] Forfait Pose", 1),
    ]
    assert [line.quantity for line in other.lines.all()] == [5]


def test_cancelling_the_request_is_possible_once_its_rdv_is(world: World) -> None:
    intervention = world.intervention()
    cancel_appointment(book(world, intervention, state="confirmed"), by=world.planner)
    assert cancel_intervention(intervention, on=world.today, by=world.planner).state == "cancelled"
