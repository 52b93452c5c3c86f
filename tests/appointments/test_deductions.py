"""Fixed deductions on RDVs: billed once with their DI, put off when less is used on site, never below zero."""

from decimal import Decimal

import pytest
from django.test import Client

from appointments.models import Appointment
from appointments.services.billing import invoice_appointment, invoice_appointments
from appointments.services.lines import record_used
from appointments.services.saving import save_appointment
from appointments.services.states import finish_appointment
from interventions.models import InterventionRequest, Technician
from interventions.services.billing import invoice_intervention
from invoicing.models import HistoryLine, Invoice, Product
from invoicing.services.documents.lines import LineEdit
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import PLANNER
from tests.factories import ProductFactory, World, item, nothing_changed, position
from tests.factories.api import Api, refused
from tests.factories.appointments import alone, at, book, technician
from tests.factories.pages import new_line, refusal

D = Decimal


@pytest.fixture(autouse=True)
def articles(world: World) -> None:
    ProductFactory(code="remise", name="Remise", unit_price=0)


@pytest.fixture
def me(world: World) -> Technician:
    return technician(world, name="Tugdual", user=world.technician)


def di(world: World) -> InterventionRequest:
    """A DI at 10 %: 80 of diagnosis, 3 000 of a stove, less a « Remise » of 150."""
    ProductFactory(code="diagnostic", name="Diagnostic")
    return world.intervention(
        item(code="diagnostic", price="80"), item(price="3000"), item(code="remise", price="-150"), code="VEN-10"
    )


def line(rdv: Appointment, code: str) -> int:
    return int(next(found.pk for found in rdv.lines.all() if found.terms.product and found.terms.product.code == code))


def use(world: World, rdv: Appointment, **quantities: str) -> Appointment:
    wanted = {line(rdv, code): D(quantity) for code, quantity in quantities.items()}
    return record_used(rdv, wanted, on=world.today, by=world.technician)


def office_edit(world: World, rdv: Appointment, **quantities: str) -> None:
    edits = [LineEdit(pk=line(rdv, code), values={"quantity": D(quantity)}) for code, quantity in quantities.items()]
    save_appointment(rdv.pk, {}, edits=edits, on=world.today, by=world.planner)


def quantities(rdv: Appointment) -> list[Decimal]:
    return [found.quantity for found in rdv.lines.order_by("pk")]


def bill(world: World, rdv: Appointment) -> Decimal:
    made: Invoice = invoice_appointment(rdv, on=world.today, by=world.biller).made
    return made.totals.gross


def gross(rdv: Appointment) -> Decimal:
    return Appointment.objects.get(pk=rdv.pk).totals.gross


NEGATIVE = (
    "%s : la remise fixe (« [remise] Remise ») dépasse ce dont elle se déduit : le total serait de %s TTC, et un total "
    "n'est jamais négatif. Baissez la remise, ou %s."
)
PUT_IT_OFF = "mettez sa quantité à 0 sur ce RDV : elle restera à facturer avec la DI"
ADD_LINES = "ajoutez ce qu'elle réduit"


def test_deduction_of_a_di_is_billed_once_by_its_rdvs_and_itself(world: World) -> None:
    intervention = di(world)
    first, second = book(world, intervention), book(world, intervention, starts_at=at(14))

    assert bill(world, first) == D("3223.00")
    for again in (
        lambda: bill(world, second),
        lambda: invoice_intervention(intervention, on=world.today, by=world.biller),
    ):
        with pytest.raises(BusinessError) as nothing:
            again()
        assert "tout est déjà facturé" in str(nothing.value)


def test_rdvs_of_one_di_on_one_draft_share_one_deduction(world: World) -> None:
    intervention = di(world)
    rdvs = [book(world, intervention), book(world, intervention, starts_at=at(14))]

    outcomes = invoice_appointments(rdvs, on=world.today, by=world.biller, group_by_customer=True)

    assert [outcome.made and outcome.made.totals.gross for outcome in outcomes] == [D("3223.00"), None]


def test_rdv_that_cannot_bear_the_deduction_leaves_it_to_the_next_in_the_same_draft(world: World) -> None:
    intervention = di(world)
    first, second = book(world, intervention), book(world, intervention, starts_at=at(14))
    first.lines.filter(pk=line(first, "ram_pose")).update(quantity=0)  # as before the DI had a deduction

    outcomes = invoice_appointments([first, second], on=world.today, by=world.biller, group_by_customer=True)

    assert outcomes[0].refusal == NEGATIVE % (
        f"{first}, pour ce qui reste à facturer",
        "-77,00 €",
        PUT_IT_OFF,
    )
    assert outcomes[1].made.totals.gross == D("3223.00")


def test_less_used_on_site_puts_the_deduction_off_to_the_next_rdv(world: World, me: Technician) -> None:
    """First visit: the diagnosis alone. The phone is not refused; the deduction goes with the stove."""
    intervention = di(world)
    first = book(world, intervention, who=me, state="confirmed", starts_at=at(9, day=24))
    assert gross(first) == D("3223.00")

    use(world, first, ram_pose="0")

    assert quantities(first) == [D(1), D(0), D(0)]
    assert gross(first) == D("88.00")
    told = HistoryLine.objects.filter(act="edited", object_id=first.pk).latest("pk")
    assert told.text == "Remise fixe reportée : elle dépasse ce qui a servi, et reste à facturer sur la DI"
    assert told.changes["lines"][0]["changes"] == {"quantity": ["1", "0"]}
    assert bill(world, first) == D("88.00")
    assert world.left(intervention) == [D(0), D(1), D(1)]
    second = book(world, intervention, starts_at=at(14))
    assert bill(world, second) == D("3135.00")
    assert world.left(intervention) == [D(0), D(0), D(0)]


def test_deduction_that_is_borne_stays(world: World, me: Technician) -> None:
    rdv = book(world, di(world), who=me, state="confirmed", starts_at=at(9, day=24))

    use(world, rdv, diagnostic="0")

    assert quantities(rdv) == [D(0), D(1), D(1)]


def test_larger_deduction_is_put_off_first(world: World, me: Technician) -> None:
    small, large = item(code="remise", price="-50"), item(code="remise", price="-1000", label="Remise spéciale")
    intervention = world.intervention(item(price="3000"), item(code="remise", price="60"), small, large, code="VEN-10")
    rdv = book(world, intervention, who=me, state="confirmed", starts_at=at(9, day=24))

    use(world, rdv, ram_pose="0")

    assert quantities(rdv) == [D(0), D(1), D(1), D(0)]
    assert gross(rdv) == D("11.00")


def test_closing_puts_off_a_deduction_that_the_di_no_longer_bears_here(world: World) -> None:
    rdv = book(world, di(world), state="confirmed", starts_at=at(9, day=24))
    rdv.lines.filter(pk=line(rdv, "ram_pose")).update(quantity=0)

    finish_appointment(rdv, at=at(11, day=24), by=world.planner)

    assert quantities(rdv) == [D(1), D(0), D(0)]


def test_office_is_told_instead(world: World) -> None:
    rdv = book(world, di(world), state="confirmed")

    with nothing_changed(), pytest.raises(BusinessError) as said:
        office_edit(world, rdv, ram_pose="0")
    assert str(said.value) == NEGATIVE % (rdv, "-77,00 €", PUT_IT_OFF)
    office_edit(world, rdv, ram_pose="0", remise="0")

    assert gross(rdv) == D("88.00")


def own(world: World, price: str = "-50") -> Appointment:
    """A confirmed RDV without a DI: 100 of work, less a « Remise »."""
    rdv = alone(world, starts_at=at(9, day=24), fiscal_position=position("VEN-20"))
    fields = {"product": Product.objects.get(code="ram_pose"), "unit_price": D(100), "position": 1}
    less = {"product": Product.objects.get(code="remise"), "unit_price": D(price), "position": 2}
    edits = [LineEdit(values=fields), LineEdit(values=less)]
    rdv = save_appointment(rdv.pk, {}, edits=edits, on=world.today, by=world.planner)
    Appointment.objects.filter(pk=rdv.pk).update(state="confirmed", number="RDV/000001")
    return Appointment.objects.get(pk=rdv.pk)


def test_own_deduction_of_an_rdv_is_billed_once(world: World) -> None:
    rdv = own(world)
    assert rdv.totals.net == D("50.00")

    assert bill(world, rdv) == D("60.00")
    with pytest.raises(BusinessError) as nothing:
        bill(world, rdv)
    assert "tout est déjà facturé" in str(nothing.value)


def test_own_deduction_is_refused_above_its_lines_by_each_door(world: World) -> None:
    rdv = own(world)
    body = {"lines": [{"id": line(rdv, "remise"), "unit_price": "-100.01"}]}
    refusal_of_save = NEGATIVE % (rdv, "-0,01 €", ADD_LINES)

    with nothing_changed():
        form = refusal(world.office(PLANNER).save(rdv, lines__1__unit_price="-100,01"))
        api = refused(Api(world.planner).patch(f"appointments/{rdv.pk}/", body))
    rdv.lines.filter(pk=line(rdv, "ram_pose")).update(quantity=0)
    with nothing_changed(), pytest.raises(BusinessError) as closed:
        finish_appointment(rdv, at=at(11, day=24), by=world.planner)
    with nothing_changed(), pytest.raises(BusinessError) as billed:
        bill(world, rdv)

    assert refusal_of_save in form.replace("\xa0", " ")
    assert api == refusal_of_save
    assert str(closed.value) == NEGATIVE % (rdv, "-60,00 €", ADD_LINES)
    assert str(billed.value) == NEGATIVE % (f"{rdv}, pour ce qui reste à facturer", "-60,00 €", ADD_LINES)


def test_price_with_tax_and_deduction_are_typed_on_the_page(world: World) -> None:
    rdv = own(world)
    office = world.office(PLANNER)
    fields = {**office.open(rdv), "lines-0-unit_price": "240 ttc", "lines-0-quantity": "2"}
    fields = new_line(fields, product=Product.objects.get(code="remise").pk, unit_price="-12 ttc")

    assert office.send(rdv, fields).status_code == 302

    assert [found.unit_price for found in rdv.lines.order_by("pk")] == [D(200), D(-50), D(-10)]
    assert gross(rdv) == D("408.00")


def test_phone_shows_a_deduction_without_a_box_and_does_not_change_it(world: World, me: Technician) -> None:
    rdv = book(world, di(world), who=me, state="confirmed", starts_at=at(14, day=24))
    phone = Client()
    phone.force_login(world.technician)

    page = phone.get(f"/mobile/appointments/{rdv.pk}/").content.decode()
    with nothing_changed(), pytest.raises(BusinessError) as said:
        use(world, rdv, remise="2")
    use(world, rdv, remise="1")

    assert f'name="qty-{line(rdv, "ram_pose")}"' in page
    assert "[remise] Remise" in page
    assert f'name="qty-{line(rdv, "remise")}"' not in page
    assert str(said.value) == (
        "« [remise] Remise » est une remise : le bureau seul la change. Demandez-lui, ou laissez-la telle quelle."
    )
