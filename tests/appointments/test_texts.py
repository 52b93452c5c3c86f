"""Text messages about an appointment and an intervention request: variables, numbers, doors."""

from typing import Any

import pytest

from appointments.services.texts import APPOINTMENT_TEXT
from interventions.services.texts import INTERVENTION_TEXT
from invoicing.models import Message
from invoicing.services.documents.texts import filled, number_of
from openfire_billing.kernel.telephones import NumberFault
from openfire_billing.office.roles import PLANNER
from tests.factories import World
from tests.factories.api import Api, refused
from tests.factories.appointments import at, book, technician
from tests.factories.pages import address

MOBILE = "+33639981234"


def rdv_of(world: World, **values: Any) -> Any:
    return book(world, world.intervention(title="Ramonage"), who=technician(world, name="Alan"), **values)


def test_variables_of_an_appointment(world: World) -> None:
    rdv = rdv_of(world, starts_at=at(8, 30, day=1, month=12))
    text = "{client} {jour} {heure} {fin} {travail} {intervenants} {numero} {societe} {telephone}"
    assert filled(text, APPOINTMENT_TEXT, rdv) == (
        f"Aubry Maëlle mardi 1er décembre 8 h 30 10 h Ramonage Alan RDV/000001 Flammes d'Armor {world.company.phone}".strip()
    )
    rdv.starts_at = rdv.ends_at = None
    assert filled("{jour}, {heure}", APPOINTMENT_TEXT, rdv) == "une date à fixer,"


def test_variables_of_an_intervention(world: World) -> None:
    di = world.intervention(title="Ramonage")
    assert (
        filled("{client} {travail} {du} {au} {numero}", INTERVENTION_TEXT, di)
        == (f"Aubry Maëlle Ramonage {di.from_on:%d/%m/%Y} {di.to_on:%d/%m/%Y} {di.number or ''}").strip()
    )
    assert filled("{adresse}", INTERVENTION_TEXT, di) == str(di.address)


@pytest.mark.parametrize(
    ("site", "mobile", "phone", "number"),
    [
        ("06 39 98 12 34", "06 39 98 00 01", "06 39 98 00 02", MOBILE),
        ("02 99 12 34 56", "06 39 98 12 34", "", MOBILE),
        ("", "", "06 39 98 12 34", MOBILE),
        ("02 99 12 34 56", "", "02 99 12 34 56", NumberFault.LANDLINE),
        ("", "", "", NumberFault.MISSING),
    ],
)
def test_mobile_of_the_site_comes_first(
    world: World, site: str, mobile: str, phone: str, number: str | NumberFault
) -> None:
    rdv = rdv_of(world, starts_at=at(9))
    rdv.address.phone, rdv.partner.mobile, rdv.partner.phone = site, mobile, phone
    assert number_of(APPOINTMENT_TEXT, rdv) == number
    rdv.intervention.address, rdv.intervention.partner = rdv.address, rdv.partner
    assert number_of(INTERVENTION_TEXT, rdv.intervention) == number


def test_text_leaves_from_the_menu_of_an_appointment(world: World) -> None:
    world.customer.mobile = "06 39 98 12 34"
    world.customer.save()
    rdv, office = rdv_of(world, starts_at=at(9)), world.office(PLANNER)
    entry = next(act for act in office.get(address(rdv)).context["office_menu"] if act["name"] == "sms")
    assert (str(entry["label"]), entry["is_parted"]) == ("Envoyer un SMS", False)
    office.client.post(
        address(rdv, "act", "sms"), {"_confirmed": "1", "act-body": "Bonjour {client}, {jour} à {heure}"}
    )
    assert list(Message.objects.values_list("kind", "to", "body", "state")) == [
        ("sms", MOBILE, "Bonjour Aubry Maëlle, mercredi 25 novembre à 9 h", "waiting")
    ]


def test_text_by_the_api_needs_the_permission_of_its_kind(world: World) -> None:
    world.customer.mobile = "06 39 98 12 34"
    world.customer.save()
    rdv, planner = rdv_of(world, starts_at=at(9)), Api(world.planner)
    url = f"appointments/{rdv.pk}/sms/"
    assert planner.post(url, {"text": "Bonjour {client}"}).status_code == 200
    assert Message.objects.get().body == "Bonjour Aubry Maëlle"
    assert planner.post(url, {"text": "Promo", "is_commercial": True}).status_code == 403
    assert refused(planner.post(url, {"text": "{nom}"})).startswith("{nom} : variable inconnue ici.")
    world.customer.mobile = "02 99 12 34 56"
    world.customer.save()
    assert planner.post(url, {"text": "Bonjour"}).json()["code"] == "left_out"
    assert Message.objects.count() == 1
