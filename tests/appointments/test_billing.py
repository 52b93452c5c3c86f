"""Road B: what an RDV bills, what it shares with its DI and the DI's other RDVs, and when it refuses."""

from decimal import Decimal

import pytest

from appointments.models import Appointment
from appointments.services.billing import invoice_appointment, invoice_appointments
from appointments.services.lines import add_part, write_lines
from appointments.services.states import (
    cancel_appointment,
    confirm_appointment,
    duplicate_appointment,
    leave_unfinished,
    postpone_appointment,
)
from interventions.services.billing import invoice_intervention, quote_intervention
from interventions.services.requests import save_intervention
from invoicing.models import HistoryLine, Invoice, Product
from invoicing.services.documents.drafts import cancel_draft, delete_drafts
from invoicing.services.documents.lines import Item, LineEdit
from invoicing.services.documents.quotes import refuse_quote
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from openfire_billing.kernel.errors import BusinessError
from tests.factories import PartnerFactory, ProductFactory, World, item, nothing_changed, position
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
    add_part(rdv, product=Product.objects.get(code="ram_pose"), quantity=D(1), on=world.today, by=world.planner)
    bill(world, confirm_appointment(rdv, by=world.planner))
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
    rdv = book(world, intervention)
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
