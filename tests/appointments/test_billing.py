"""What an RDV bills, what it shares with its DI and the DI's other RDVs, and when it refuses."""

from decimal import Decimal
from typing import Any

import pytest

from appointments.models import Appointment, AppointmentLine
from appointments.querysets import day_bounds
from appointments.services.billing import invoice_appointment, invoice_appointments
from appointments.services.lines import add_part, write_lines
from appointments.services.states import (
    cancel_appointment,
    confirm_appointment,
    duplicate_appointment,
    leave_unfinished,
    postpone_appointment,
    reset_appointment,
)
from interventions.services.billing import invoice_intervention, quote_intervention
from interventions.services.requests import save_intervention
from invoicing.models import HistoryLine, Invoice, Product
from invoicing.services.documents.drafts import cancel_draft, delete_drafts
from invoicing.services.documents.lines import Item, LineEdit
from invoicing.services.documents.quotes import refuse_quote
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from openfire_billing.kernel.errors import BusinessError, StaleForm
from tests.factories import (
    AddressFactory,
    CompanyFactory,
    PartnerFactory,
    ProductFactory,
    TechnicianFactory,
    World,
    item,
    nothing_changed,
    position,
)
from tests.factories.appointments import alone, at, book, technician

D = Decimal


def bill(world: World, rdv: Appointment) -> list[tuple[Decimal, Decimal]]:
    """(quantity, net) of each line of the draft made from an RDV."""
    made = invoice_appointment(rdv, on=world.today, by=world.biller).made
    return [(line.quantity, line.net) for line in made.lines.all()]


def refused(world: World, rdv: Appointment) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        invoice_appointment(rdv, on=world.today, by=world.biller)
    return str(refusal.value)


def raise_to(world: World, rdv: Appointment, quantity: int) -> None:
    line = rdv.lines.get(request_line__isnull=False)
    write_lines(rdv, [LineEdit(pk=line.pk, values={"quantity": D(quantity)})], on=world.today, by=world.planner)


def quantities(rdv: Appointment) -> list[tuple[bool, Decimal]]:
    return [(line.request_line_id is not None, line.quantity) for line in rdv.lines.all()]


def test_edge_04_raised_after_billing_bills_only_the_rest_once(world: World) -> None:
    """DI 2, RDV bills 2, raised to 5: linked 2 (billed) and 3 of its own; the next invoice has 3; a second RDV has 0."""
    intervention = world.intervention(item(2))
    rdv = book(world, intervention)
    assert bill(world, rdv) == [(D(2), D(350))]

    raise_to(world, rdv, 5)

    assert quantities(rdv) == [(True, D(2)), (False, D(3))]
    assert bill(world, rdv) == [(D(3), D(525))]
    assert refused(world, rdv) == "RDV/000001 : tout est déjà facturé. Voyez ses factures."
    second = book(world, intervention)
    assert refused(world, second) == "RDV/000002 : tout est déjà facturé. Voyez ses factures."


def test_raise_keeps_article_price_discount_and_tax(world: World) -> None:
    intervention = world.intervention(item(2, price="150", discount=10))
    rdv = book(world, intervention, state="confirmed")
    raise_to(world, rdv, 3)
    own = rdv.lines.get(request_line__isnull=True)
    line = intervention.lines.get()
    assert (own.product, own.unit_price, own.discount, own.tax) == (line.product, D(150), D(10), line.tax)


def test_edge_06_mixed_appointment_bills_the_free_lines_only_and_says_so(world: World) -> None:
    ProductFactory(code="bougie", name="Bougie", unit_price=D(64))
    intervention = world.intervention(item(1), item(1, code="bougie"))
    covered = intervention.lines.first()
    covered.covered = True
    covered.save()
    rdv = book(world, intervention)
    outcome = invoice_appointment(rdv, on=world.today, by=world.biller)
    assert [line.net for line in outcome.made.lines.all()] == [D(64)]
    assert outcome.note == "« [ram_pose] Forfait Pose » se facture depuis le contrat."


def test_appointment_with_contract_lines_only_refused(world: World) -> None:
    intervention = world.intervention()
    intervention.lines.update(covered=True)
    rdv = book(world, intervention)
    assert refused(world, rdv) == "RDV/000001 : « [ram_pose] Forfait Pose » se facture depuis le contrat."


def test_appointment_with_order_lines_only_refused_until_the_quote_is_refused(world: World) -> None:
    intervention = world.intervention()
    rdv = book(world, intervention)
    quote = quote_intervention(intervention, on=world.today, by=world.biller)
    assert refused(world, rdv) == "RDV/000001 : « [ram_pose] Forfait Pose » se facture depuis la commande (devis)."
    refuse_quote(quote, by=world.biller)
    assert bill(world, rdv) == [(D(1), D(175))]


def test_article_of_no_quantity_is_no_line_to_bill(world: World) -> None:
    rdv = book(world, world.intervention(item(0)))

    assert refused(world, rdv) == "RDV/000001 : aucune ligne facturable. Ajoutez-en une dans l'onglet Facturation."


def test_section_and_note_follow_what_they_are_about_once(world: World) -> None:
    def title(kind: str, label: str) -> Item:
        return Item(kind=kind, label=label, quantity=D(0))

    intervention = world.intervention(
        *(title("section", "Pose"), title("note", "Hors fumisterie"), item(), item(2)),
        *(title("section", "Rien"), title("note", "De rien"), title("section", "Conduit"), item(3)),
        title("section", "Fin"),
    )
    rdv = book(world, intervention)

    made = invoice_appointment(rdv, on=world.today, by=world.biller).made

    assert [(line.label, line.quantity) for line in made.lines.all()] == [
        ("Pose", D(0)),
        ("Hors fumisterie", D(0)),
        ("[ram_pose] Forfait Pose", D(1)),
        ("[ram_pose] Forfait Pose", D(2)),
        ("Conduit", D(0)),
        ("[ram_pose] Forfait Pose", D(3)),
    ]


def test_edge_07_many_with_a_bad_one_others_done_report_says(world: World) -> None:
    fine, bad = book(world, world.intervention()), book(world, world.intervention(code=None))
    draft = book(world, world.intervention(), state="draft")
    outcomes = invoice_appointments([fine, bad, draft], on=world.today, by=world.biller)
    assert [o.refusal for o in outcomes] == [
        "",
        "RDV/000002 : pas de position fiscale. Remplissez le champ « Position fiscale ».",
        f"RDV provisoire n° {draft.pk} : aucune ligne facturable à l'état « Brouillon ». Confirmez-le ou marquez-le réalisé.",
    ]
    assert Invoice.objects.count() == 1


def test_appointments_of_one_intervention_on_two_drafts_share_what_is_left_once(world: World) -> None:
    """DI of 4: an RDV of 1 and one of 3 under another fiscal position, so on a draft of its own."""
    intervention = world.intervention(item(4))
    first, second = book(world, intervention), book(world, intervention)
    for rdv, quantity in ((first, 1), (second, 3)):
        rdv.lines.update(quantity=quantity)
    Appointment.objects.filter(pk=second.pk).update(fiscal_position=position("VEN-10"))
    second.refresh_from_db()

    outcomes = invoice_appointments([first, second], on=world.today, by=world.biller, group_by_customer=True)

    assert [[line.quantity for line in outcome.made.lines.all()] for outcome in outcomes] == [[D(1)], [D(3)]]


def test_road_a_leaves_nothing_on_the_appointments(world: World) -> None:
    intervention = world.intervention()
    rdv = book(world, intervention)
    invoice_intervention(intervention, on=world.today, by=world.biller)
    assert refused(world, rdv) == "RDV/000001 : tout est déjà facturé. Voyez ses factures."


def test_road_b_leaves_nothing_on_the_intervention(world: World) -> None:
    intervention = world.intervention()
    bill(world, book(world, intervention))
    assert world.left(intervention) == [D(0)]


def test_deleted_and_cancelled_drafts_free_both(world: World) -> None:
    intervention = world.intervention()
    rdv = book(world, intervention)
    bill(world, rdv)
    delete_drafts([Invoice.objects.get()], by=world.biller)
    assert world.left(intervention) == [D(1)]
    bill(world, rdv)
    cancel_draft(Invoice.objects.get(), by=world.biller)
    assert world.left(intervention) == [D(1)]
    assert bill(world, rdv) == [(D(1), D(175))]


def test_credit_rebill_frees_the_appointment(world: World) -> None:
    intervention = world.intervention(item(2))
    rdv = book(world, intervention)
    bill(world, rdv)
    invoice = post_invoice(Invoice.objects.get(), on=world.today, by=world.accountant)
    line = invoice.lines.get()
    credit_invoice(invoice, on=world.today, by=world.accountant, quantities={line.pk: D(1)}, rebill=True)
    assert bill(world, rdv) == [(D(1), D(175))]


def test_duplicated_done_appointment_bills_nothing(world: World) -> None:
    rdv = book(world, world.intervention())
    copy = duplicate_appointment(rdv, by=world.planner)
    assert (copy.state, copy.number, copy.intervention, copy.starts_at) == ("draft", None, None, None)
    assert "aucune ligne facturable à l'état « Brouillon »" in refused(world, copy)
    assert bill(world, rdv) == [(D(1), D(175))]


@pytest.mark.parametrize("state", ["draft", "postponed", "unfinished", "cancelled"])
def test_appointment_in_another_state_refused(world: World, state: str) -> None:
    rdv = book(world, world.intervention(), state="draft" if state == "draft" else "confirmed")
    if state == "postponed":
        postpone_appointment(rdv, by=world.planner)
    elif state == "unfinished":
        leave_unfinished(rdv, reason="Pièce", by=world.planner)
    elif state == "cancelled":
        cancel_appointment(rdv, by=world.planner)
    assert "aucune ligne facturable à l'état" in refused(world, rdv)


def test_part_added_on_site_is_billed_on_its_own_at_the_day_of_the_visit(world: World) -> None:
    intervention = world.intervention()
    rdv = book(world, intervention, state="confirmed")
    invoice_intervention(intervention, on=world.today, by=world.biller)
    ProductFactory(code="bougie", name="Bougie", unit_price=D("64.00"))
    add_part(rdv, product=Product.objects.get(code="bougie"), quantity=D("2.5"), on=world.today, by=world.planner)
    outcome = invoice_appointment(rdv, on=world.today, by=world.biller)
    line = outcome.made.lines.get()
    assert (line.net, line.tax.rate, line.supplied_on) == (D("160.00"), D("5.50"), at(9).date())


def test_grouped_appointments_share_one_draft_and_spend_a_running_left(world: World) -> None:
    """Two RDVs of one DI of 3: the first, lowered to 2, bills 2; the second, of 3, bills the 1 left."""
    payer = PartnerFactory(name="Syndic")
    intervention = world.intervention(item(3), bill_to=payer)
    who = technician(world)
    one = book(world, intervention, who=who)
    two = book(world, intervention, who=who, starts_at=at(14))
    raise_to(world, one, 2)
    outcomes = invoice_appointments([one, two], on=world.today, by=world.biller, group_by_customer=True)
    invoice = Invoice.objects.get()
    assert [o.made for o in outcomes] == [invoice, invoice]
    assert invoice.customer == payer
    assert [(line.kind, line.quantity) for line in invoice.lines.all()] == [
        ("section", D(0)),
        ("article", D(2)),
        ("section", D(0)),
        ("article", D(1)),
    ]
    assert world.left(intervention) == [D(0)]


def test_linked_line_reads_its_terms_from_the_intervention(world: World) -> None:
    intervention = world.intervention(item(1))
    rdv = book(world, intervention)
    line = intervention.lines.get()
    edit = LineEdit(pk=line.pk, values={"unit_price": D("100.00")})
    save_intervention(intervention.pk, {}, edits=[edit], on=world.today, by=world.planner)
    assert bill(world, rdv) == [(D(1), D(100))]


def test_linked_line_price_change_refused(world: World) -> None:
    rdv = book(world, world.intervention())
    edit = LineEdit(pk=rdv.lines.get().pk, values={"unit_price": D(1)})
    with nothing_changed(), pytest.raises(BusinessError, match="vient de la DI"):
        write_lines(rdv, [edit], on=world.today, by=world.planner)


def test_billed_line_lowered_below_what_is_billed_refused(world: World) -> None:
    rdv = book(world, world.intervention(item(3)))
    bill(world, rdv)
    edit = LineEdit(pk=rdv.lines.get().pk, values={"quantity": D(2)})
    with nothing_changed(), pytest.raises(BusinessError, match="3 déjà facturé, la quantité ne descend pas en dessous"):
        write_lines(rdv, [edit], on=world.today, by=world.planner)


@pytest.mark.parametrize("values", [{"unit_price": D(1)}, {"discount": D(50)}, {"product": None, "label": "Autre"}])
def test_billed_own_line_keeps_its_terms(world: World, values: dict[str, object]) -> None:
    rdv = alone(world)
    rdv.fiscal_position_id = world.intervention().fiscal_position_id
    rdv.save()
    rdv = confirm_appointment(rdv, by=world.planner)
    add_part(rdv, product=Product.objects.get(code="ram_pose"), quantity=D(1), on=world.today, by=world.planner)
    bill(world, rdv)
    edit = LineEdit(pk=rdv.lines.get().pk, values=values)
    with nothing_changed(), pytest.raises(BusinessError, match="n'y changent plus"):
        write_lines(rdv, [edit], on=world.today, by=world.planner)


def test_intervention_line_on_an_appointment_is_not_deleted(world: World) -> None:
    intervention = world.intervention()
    book(world, intervention)
    edit = LineEdit(pk=intervention.lines.get().pk, delete=True)
    with nothing_changed(), pytest.raises(BusinessError, match="mettez sa quantité à 0"):
        save_intervention(intervention.pk, {}, edits=[edit], on=world.today, by=world.planner)


def test_journals_say_what_was_billed_changed_and_added(world: World) -> None:
    intervention = world.intervention(item(2))
    rdv = book(world, intervention, state="confirmed")
    raise_to(world, rdv, 3)
    part = add_part(rdv, product=Product.objects.get(code="ram_pose"), quantity=D("1.5"), on=world.today, by=None)
    invoice_appointment(rdv, on=world.today, by=world.biller)

    billed, added, edited = HistoryLine.objects.of(rdv)[:3]
    assert (part.position, part.unit_price, part.label) == (2, D(175), "[ram_pose] Forfait Pose")
    assert [billed.text, added.text, edited.text] == [
        "Facture en brouillon générée",
        "Ajouté sur place : 1,5 × [ram_pose] Forfait Pose",
        "Lignes modifiées",
    ]
    assert [line["changes"] for line in edited.changes["lines"]] == [
        {"quantity": ["2", "3, dont 1 sur une ligne à part"]}
    ]
    assert HistoryLine.objects.of(intervention)[0].text == "Facture en brouillon générée depuis RDV/000001"
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        add_part(rdv, product=part.product, quantity=D(0), on=world.today, by=None)
    assert str(refusal.value) == "« [ram_pose] Forfait Pose » : la quantité est supérieure à zéro."


def journal(document: Any) -> list[tuple[str, str, Any]]:
    return [(line.act, line.text, line.by) for line in HistoryLine.objects.of(document).order_by("pk")]


def test_draft_has_the_terms_of_its_rdv_and_both_journals_say_it(world: World) -> None:
    payer, site = PartnerFactory(name="Syndic"), AddressFactory(partner=world.customer)
    intervention = world.intervention(item(2), bill_to=payer, address=site, code="VEN-10", title="Pose")
    neighbour = book(world, world.intervention())
    rdv = book(world, intervention)
    before = [journal(document) for document in (rdv, intervention, neighbour, neighbour.intervention)]

    outcome = invoice_appointment(rdv, seen=rdv.version, on=world.today, by=world.biller)

    made = outcome.made
    assert (outcome.document, outcome.notes) == (rdv, ())
    assert (made.company, made.customer, made.site, made.fiscal_position) == (
        world.company,
        payer,
        site,
        position("VEN-10"),
    )
    assert (made.origin, made.proposed_on) == (f"{rdv} ({intervention})", world.today)
    assert [(line.quantity, line.supplied_on) for line in made.lines.all()] == [(D(2), at(9).date())]
    after = [journal(document) for document in (rdv, intervention, neighbour, neighbour.intervention)]
    assert after == [
        [*before[0], ("invoiced", "Facture en brouillon générée", world.biller)],
        [*before[1], ("invoiced", f"Facture en brouillon générée depuis {rdv}", world.biller)],
        *before[2:],
    ]
    assert world.left(neighbour.intervention) == [D(1)]
    with nothing_changed(), pytest.raises(StaleForm):
        invoice_appointment(rdv, seen=0, on=world.today, by=world.biller)


def test_rdv_without_a_request_is_the_origin_by_itself(world: World) -> None:
    rdv = confirm_appointment(alone(world, fiscal_position=position("VEN-10")), by=world.planner)
    add_part(rdv, product=Product.objects.get(code="ram_pose"), quantity=D(2), on=world.today, by=world.planner)
    made = invoice_appointment(rdv, on=world.today, by=world.biller).made
    assert (made.origin, made.customer, [line.quantity for line in made.lines.all()]) == (
        "RDV/000001",
        world.customer,
        [D(2)],
    )


def test_lines_of_a_quote_and_of_a_contract_are_named_and_the_rest_is_billed(world: World) -> None:
    for code in ("bougie", "joint"):
        ProductFactory(code=code, name=code.title(), unit_price=D(10))
    intervention = world.intervention(item(1), item(1, code="bougie"))
    intervention.lines.filter(product__code="ram_pose").update(covered=True)
    rdv = book(world, intervention, state="confirmed")
    quote_intervention(intervention, on=world.today, by=world.biller)
    note = "« [bougie] Bougie » se facture depuis la commande (devis) ; « [ram_pose] Forfait Pose » se facture depuis le contrat."
    assert refused(world, rdv) == f"RDV/000001 : {note}"
    add_part(rdv, product=Product.objects.get(code="joint"), quantity=D(3), on=world.today, by=world.planner)
    outcome = invoice_appointment(rdv, on=world.today, by=world.biller)
    assert outcome.notes == (note,)
    assert [(line.product.code, line.quantity) for line in outcome.made.lines.all()] == [("joint", D(3))]


def test_many_are_billed_each_on_its_own_or_by_company_payer_and_position(world: World) -> None:
    other, payer = CompanyFactory(name="Autre"), PartnerFactory(name="Syndic")

    def made() -> list[Appointment]:
        return [
            book(world, world.intervention(title="Pose")),
            book(world, world.intervention()),
            book(world, world.intervention(company=other), who=TechnicianFactory(company=other), starts_at=at(14)),
            book(world, world.intervention(bill_to=payer)),
            book(world, world.intervention(code="VEN-10")),
        ]

    apart, together = made(), made()
    single = invoice_appointments(apart, on=world.today, by=world.biller)
    grouped = invoice_appointments(together, on=world.today, by=world.biller, group_by_customer=True)

    assert [outcome.refusal for outcome in (*single, *grouped)] == [""] * 10
    assert len({outcome.made.pk for outcome in single}) == 5
    first = grouped[0].made.pk
    assert [outcome.made.pk == first for outcome in grouped] == [True, True, False, False, False]
    assert len({outcome.made.pk for outcome in grouped}) == 4
    assert [line.label for line in Invoice.objects.get(pk=first).lines.filter(kind="section")] == [
        f"{together[0]} Pose",
        str(together[1]),
    ]
    assert {journal(rdv)[-1] for rdv in (*apart, *together)} == {
        ("invoiced", "Facture en brouillon générée", world.biller)
    }


def test_two_rdvs_of_a_request_billed_apart_share_what_it_has_left(world: World) -> None:
    intervention = world.intervention(item(3))
    one, two = book(world, intervention), book(world, intervention)
    raise_to(world, one, 2)
    outcomes = invoice_appointments([one, two], on=world.today, by=world.biller)
    assert [[line.quantity for line in outcome.made.lines.all()] for outcome in outcomes] == [[D(2)], [D(1)]]


def test_lines_left_are_open_and_the_others_are_not(world: World) -> None:
    intervention, covered, billed = world.intervention(item(3)), world.intervention(), world.intervention()
    covered.lines.update(covered=True)
    open_, closed, done = book(world, intervention), book(world, covered), book(world, billed)
    own = confirm_appointment(alone(world, who=open_.lead, starts_at=at(14)), by=world.planner)
    part = add_part(own, product=Product.objects.get(code="ram_pose"), quantity=D(2), on=world.today, by=None)
    reset_appointment(own, by=world.planner)
    bill(world, done)

    found = AppointmentLine.objects.open(world.today)
    assert set(found) == {open_.lines.get(), part}
    assert [
        (line.billed, line.own_left, line.request_left, line.left)
        for line in found.left_to_bill(world.today).order_by("pk")
    ] == [
        (0, 3, 3, 3),
        (0, 2, None, 2),
    ]
    (settled,) = done.lines.left_to_bill(world.today)
    assert (settled.billed, settled.own_left, settled.request_left, settled.left) == (1, 0, 0, 0)
    (held,) = closed.lines.left_to_bill(world.today)
    assert (held.billed, held.own_left, held.request_left, held.left) == (0, 1, 0, 0)
    assert list(Appointment.objects.to_bill(world.today)) == [open_]
    confirm_appointment(own, by=world.planner)
    assert set(Appointment.objects.to_bill(world.today)) == {open_, own}


@pytest.mark.parametrize("state", ["draft", "confirmed", "done", "unfinished", "postponed", "cancelled"])
def test_to_bill_and_on_the_phone_are_states(world: World, state: str) -> None:
    rdv = book(world, world.intervention(), state="draft")
    other = technician(world)
    Appointment.objects.filter(pk=rdv.pk).update(state=state)
    assert Appointment.objects.to_bill(world.today).exists() is (state in ("confirmed", "done"))
    shown = state in ("confirmed", "done", "unfinished")
    assert Appointment.objects.shown_to(rdv.lead).exists() is shown
    assert not Appointment.objects.shown_to(other).exists()
    Appointment.objects.filter(pk=rdv.pk).update(starts_at=None, ends_at=None)
    assert not Appointment.objects.shown_to(rdv.lead).exists()


def test_day_is_from_midnight_to_midnight_in_france(world: World) -> None:
    rdvs = [alone(world, starts_at=at(9)) for _n in range(4)]
    for rdv, start in zip(rdvs, (at(0), at(23, 59), at(0, day=26), at(23, 59, day=24)), strict=True):
        Appointment.objects.filter(pk=rdv.pk).update(starts_at=start, ends_at=None)
    day = at(9).date()
    assert set(Appointment.objects.on_day(day)) == set(rdvs[:2])
    assert set(Appointment.objects.on_day(day, 2)) == set(rdvs[:3])
    assert day_bounds(day) == (at(0), at(0, day=26))
    assert day_bounds(day, 3) == (at(0), at(0, day=28))
