"""Records created from the choice box that searched for them: who may, what is written, once; what is similar."""

import json
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from interventions.models import InstalledProduct
from invoicing.admin.creation import CreationMixin
from invoicing.models import Address, HistoryLine, Partner, Product
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER, PLANNER, TECHNICIAN
from tests.factories import CompanyFactory, Office, PartnerFactory, UserFactory, World, nothing_changed, tax
from tests.factories.catalogue import TaxFactory
from tests.factories.pages import address, fields_of, texts_of
from tests.factories.parties import AddressFactory

pytestmark = pytest.mark.django_db
FETCHED = {"X-Requested-With": "fetch"}
GOLDMAN = {
    "act-name": "Goldman",
    "act-phone": "06 39 98 12 34",
    "act-email": "goldman@exemple.example",
    "act-address-street": "3 rue de la Forge",
    "act-address-zip": "35760",
    "act-address-city": "Montgermont",
}


def panel_url(model: Any, **query: Any) -> str:
    return f"{address(model, 'new')}?{urlencode(query)}"


def opened(office: Office, model: Any, **query: Any) -> dict[str, Any]:
    answer = office.client.get(panel_url(model, **query))
    assert answer.status_code == 200, answer.status_code
    return {name: value for name, value in fields_of(answer).items() if name.startswith(("act-", "_once"))}


def sent(office: Office, model: Any, values: dict[str, Any], **query: Any) -> HttpResponse:
    """Press « Créer » in a panel."""
    answer: Any = office.client.post(panel_url(model, **query), values, headers=FETCHED)
    return answer


def similar(office: Office, **typed: str) -> list[dict[str, Any]]:
    """Return what the panel offers to choose instead, as choices."""
    values = {f"act-{name}": value for name, value in typed.items()}
    answer = office.client.post(panel_url(Partner), {**values, "_preview": "1"}, headers=FETCHED)
    assert answer.status_code == 200
    found = answer.content.decode().split('data-choose="')[1:]
    return [json.loads(unescape(text.split('"')[0])) for text in found]


def test_customer_is_created_with_his_address_journalled_and_answered_as_a_choice(world: World) -> None:
    office = Office(world.planner)
    first = opened(office, Partner, term="Goldman")
    assert first == {
        "act-name": "Goldman",
        "act-phone": "",
        "act-email": "",
        "act-address-street": "",
        "act-address-zip": "",
        "act-address-city": "",
        "_once": first["_once"],
    }

    answer = sent(office, Partner, {**first, **GOLDMAN}, term="Goldman")

    goldman = Partner.objects.get(name="Goldman")
    assert (answer.status_code, json.loads(answer.content)) == (
        200,
        {
            "chosen": {
                "id": str(goldman.pk),
                "text": "Goldman",
                "name": "Goldman",
                "details": ["Montgermont", "06 39 98 12 34"],
            }
        },
    )
    assert (goldman.phone_key, goldman.email) == ("+33639981234", "goldman@exemple.example")
    (place,) = goldman.addresses.all()
    assert (place.street, place.zip, place.city, place.country) == ("3 rue de la Forge", "35760", "Montgermont", "FR")
    lines = HistoryLine.objects.filter(by=world.planner).values_list("text", flat=True)
    assert list(lines) == ["Fiche créée", "Fiche créée"]


def test_pressed_twice_it_is_created_once_and_both_get_the_same_record(world: World) -> None:
    office = Office(world.planner)
    values = {**opened(office, Partner, term="Goldman"), **GOLDMAN}

    first, second = (json.loads(sent(office, Partner, values).content) for _press in range(2))

    assert first == second
    assert (Partner.objects.filter(name="Goldman").count(), Address.objects.filter(city="Montgermont").count()) == (
        1,
        1,
    )
    again = json.loads(sent(office, Partner, {**GOLDMAN, "_once": opened(office, Partner)["_once"]}).content)
    assert again["chosen"]["id"] != first["chosen"]["id"]  # another panel is another customer


def test_created_in_two_tabs_the_second_is_told_once_and_keeps_what_was_typed(world: World) -> None:
    """Both tabs searched for the same article; the panel of each has its own key."""
    tabs = [Office(world.manager), Office(world.manager)]
    panels = [
        opened(tab, Product, term="bougie_2") | {"act-name": f"Bougie {rank}", "act-unit_price": "42"}
        for rank, tab in enumerate(tabs, 1)
    ]
    for panel in panels:
        panel["act-tax"] = str(tax().pk)
    assert sent(tabs[0], Product, panels[0]).status_code == 200

    with nothing_changed():
        late = sent(tabs[1], Product, panels[1])

    said = "Ce code est celui d'un autre article, aux majuscules près."
    assert unescape(late.content.decode()).count(said) == 1
    assert fields_of(late)["act-name"] == "Bougie 2"
    assert Product.objects.get(code="bougie_2").name == "Bougie 1"


def test_record_saved_by_a_colleague_under_the_panel_takes_what_it_created_all_the_same(world: World) -> None:
    """The panel writes its own record alone; the form below is refused as any overtaken one, with what was typed."""
    di, office = world.intervention(), Office(world.manager)
    fields = office.open(di)
    panel = opened(office, Partner, term="Goldman") | GOLDMAN
    Office(world.planner).save(di, title="Du collègue")
    chosen = json.loads(sent(office, Partner, panel).content)["chosen"]
    made = Partner.objects.get(name="Goldman")
    assert chosen["id"] == str(made.pk)

    with nothing_changed():
        answer = office.send(
            di, {**fields, "partner": chosen["id"], "address": made.default_address().pk, "title": "Tapé ici"}
        )

    again = fields_of(answer, "interventionrequest_form")
    assert (again["partner"], again["title"]) == (chosen["id"], "Tapé ici")
    assert answer.content.decode().count("Modifié entre-temps par") == 1
    assert Partner.objects.filter(name="Goldman").count() == 1


@pytest.mark.parametrize(
    ("term", "box"), [("06 39 98 12 34", "phone"), ("goldman@exemple.example", "email"), ("Goldman 2", "name")]
)
def test_what_was_typed_goes_into_its_box(world: World, term: str, box: str) -> None:
    first = opened(Office(world.planner), Partner, term=f" {term} ")
    boxes = {name: first[f"act-{name}"] for name in ("name", "phone", "email")}
    assert boxes == {"name": "", "phone": "", "email": "", box: term}


def test_without_an_address_none_is_created_and_half_of_one_is_refused_at_its_box(world: World) -> None:
    office = Office(world.planner)
    once = opened(office, Partner)["_once"]
    half = {"act-name": "Goldman", "act-email": "faux", "act-address-street": "3 rue de la Forge", "_once": once}

    with nothing_changed():
        answer = sent(office, Partner, half)

    assert texts_of(answer, "of-error") == [
        "Saisissez une adresse e-mail valide.",
        "Ce champ est obligatoire.",
        "Ce champ est obligatoire.",
    ]
    typed = fields_of(answer)
    assert (typed["act-name"], typed["act-address-street"], typed["_once"]) == ("Goldman", "3 rue de la Forge", once)
    sent(office, Partner, {"act-name": "Goldman", "_once": once})
    assert list(Partner.objects.get(name="Goldman").addresses.all()) == []


def test_similar_customers_are_offered_by_telephone_mail_and_near_name(world: World) -> None:
    office = Office(world.planner)
    by_phone = PartnerFactory(name="Autre", phone="+33 6 39 98 12 34")
    by_mail = PartnerFactory(name="Encore", email="GOLDMAN@exemple.example")
    by_name = PartnerFactory(name="Ruth Goldmann")
    PartnerFactory(name="Goldoni Ruth")
    archived = PartnerFactory(name="Goldman Paul", is_active=False)

    assert [one["id"] for one in similar(office, name="goldman ruth")] == [str(by_name.pk)]
    found = similar(office, name="Goldman", phone="0639981234", email="goldman@exemple.example")
    assert [one["id"] for one in found] == [str(pk) for pk in (by_phone.pk, by_mail.pk, by_name.pk)]
    assert found[0] == {
        "id": str(by_phone.pk),
        "text": "Autre",
        "name": "Autre",
        "details": ["Thorigné-Fouillard", "+33 6 39 98 12 34"],
    }
    assert similar(office, name="G", phone="06 39") == []
    page = office.client.get(panel_url(Partner, term="Goldman")).content.decode()
    assert f'href="{address(archived)}"' in page  # one may look, not choose


def test_similar_customers_take_the_same_queries_for_1_and_5(world: World) -> None:
    office = Office(world.planner)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            similar(office, name="Goldman")
        return len(seen)

    PartnerFactory(name="Goldman 0")
    queries()
    one = queries()
    for number in range(1, 7):
        PartnerFactory(name=f"Goldman {number}")

    assert (len(similar(office, name="Goldman")), queries()) == (5, one)


@pytest.mark.parametrize("model", [Partner, Address, InstalledProduct, Product])
@pytest.mark.parametrize("role", [TECHNICIAN, PLANNER, BILLING, ACCOUNTANT, MANAGER])
def test_who_may_open_the_panel_and_sees_it_offered(world: World, role: str, model: type[Any]) -> None:
    user = world.users[role]
    may = user.is_staff and user.has_perm(f"{model._meta.app_label}.add_{model._meta.model_name}")
    office = Office(user)
    url = panel_url(model, partner=world.customer.pk)

    assert (office.client.get(url).status_code == 200) is may
    if not may:
        with nothing_changed():
            assert office.client.post(url, {**GOLDMAN, "_once": "k"}).status_code in (302, 403)
    field = {Partner: "partner", Address: "address", InstalledProduct: "equipment", Product: "product"}[model]
    source = {"app_label": "interventions", "model_name": "requestline" if model is Product else "interventionrequest"}
    if user.is_staff:
        offered = office.get("/admin/autocomplete/", **source, field_name=field, term="zzz").json()["creation"]
        assert (offered is not None) is may


def boxes() -> list[tuple[type[Any], str, type[Any]]]:
    """(model of the page, field, model of the record) of each box that chooses by typing a record with a panel."""
    pages = admin.site._registry
    parts = [*pages.values(), *(kind(page.model, admin.site) for page in pages.values() for kind in page.inlines)]
    found = {
        (part.model, name, part.model._meta.get_field(name).related_model)
        for part in parts
        for name in part.autocomplete_fields
    }
    return sorted(
        (box for box in found if isinstance(pages.get(box[2]), CreationMixin)), key=lambda box: (str(box[0]), box[1])
    )


@pytest.mark.parametrize("role", [PLANNER, BILLING, ACCOUNTANT, MANAGER])
def test_every_box_offers_to_create_to_who_has_the_right_alone(world: World, role: str) -> None:
    office = world.office(role)
    offered = {}
    for model, name, record in boxes():
        source = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": name}
        answer = office.client.get("/admin/autocomplete/", {**source, "term": "zzz"})
        if answer.status_code == 200:  # who may not see such records chooses none
            offered[model._meta.model_name, name] = (answer.json()["creation"], record)

    assert {("requestline", "product"), ("article", "product"), ("contractexception", "product")} <= set(offered)
    assert {("interventionrequest", "equipment"), ("contractline", "equipment"), ("contract", "payer")} <= set(offered)
    for box, (offer, record) in offered.items():
        right = f"{record._meta.app_label}.add_{record._meta.model_name}"
        assert (offer and offer["url"]) == (address(record, "new") if world.users[role].has_perm(right) else None), box


def test_offer_names_the_panel_and_the_boxes_of_its_customer(world: World) -> None:
    office = Office(world.planner)
    asked = {"app_label": "interventions", "model_name": "interventionrequest", "term": ""}

    def offer(field: str) -> Any:
        return office.get("/admin/autocomplete/", **asked, field_name=field).json()["creation"]

    assert offer("partner") == {"url": address(Partner, "new"), "title": "Nouveau client", "owners": []}
    assert offer("equipment") == {
        "url": address(InstalledProduct, "new"),
        "title": "Nouvel appareil",
        "owners": ["partner", "customer", "payer"],
    }
    assert offer("technicians") is None


def test_a_get_creates_nothing_and_a_post_without_its_token_is_refused(world: World) -> None:
    with nothing_changed():
        assert Office(world.planner).client.get(panel_url(Partner, **GOLDMAN)).status_code == 200
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(world.planner)
        assert strict.post(panel_url(Partner), {**GOLDMAN, "_once": "k"}, headers=FETCHED).status_code == 403
        Office(world.planner).client.post(panel_url(Partner), {**GOLDMAN, "_once": "k", "_preview": "1"})


def test_without_script_the_panel_is_a_page_that_leads_to_the_record(world: World) -> None:
    office = Office(world.planner)
    answer = office.client.post(panel_url(Partner), {**GOLDMAN, "_once": "k"})
    assert (answer.status_code, answer.url) == (302, address(Partner.objects.get(name="Goldman")))


def test_address_and_equipment_are_of_the_chosen_customer(world: World) -> None:
    office = Office(world.planner)
    second = AddressFactory(partner=world.customer, street="8 quai Neuf", zip="35760", city="Montgermont")
    elsewhere = PartnerFactory(name="Ailleurs").default_address()
    owner = {"partner": world.customer.pk}

    values = {"act-street": "9 rue Haute", "act-zip": "35000", "act-city": "Rennes", "_once": "a"}
    made = json.loads(sent(office, Address, values, **owner).content)["chosen"]
    place = Address.objects.get(street="9 rue Haute")
    assert (made, place.partner) == ({"id": str(place.pk), "text": "9 rue Haute, 35000 Rennes"}, world.customer)

    first = opened(office, InstalledProduct, term="Poêle", address=second.pk, **owner)
    assert (first["act-name"], first["act-address"]) == ("Poêle", str(second.pk))
    with nothing_changed():
        refused = sent(office, InstalledProduct, {**first, "act-address": elsewhere.pk}, **owner)
    assert texts_of(refused, "of-error") == [
        "Sélectionnez un choix valide. Ce choix ne fait pas partie de ceux disponibles."
    ]
    sent(office, InstalledProduct, first, **owner)
    poele = InstalledProduct.objects.get(name="Poêle")
    assert (poele.partner, poele.address) == (world.customer, second)


@pytest.mark.parametrize("model", [Address, InstalledProduct])
@pytest.mark.parametrize("partner", ["", "0", "x", "99999999999999999999"])
def test_without_a_customer_they_are_refused(world: World, model: type[Any], partner: str) -> None:
    office = Office(world.planner)
    with nothing_changed():
        answer = sent(office, model, {"act-street": "9 rue Haute", "_once": "a"}, partner=partner)
    assert answer.status_code == 409
    assert texts_of(answer, "of-refusal") == ["Choisissez d'abord le client : la fiche est créée chez lui."]


def test_nothing_is_created_for_an_archived_customer(world: World) -> None:
    archived = PartnerFactory(name="Goldman Paul", is_active=False)
    with nothing_changed():
        answer = sent(Office(world.planner), Address, {"act-street": "9 rue Haute", "_once": "a"}, partner=archived.pk)
    assert texts_of(answer, "of-refusal") == ["Choisissez d'abord le client : la fiche est créée chez lui."]


def test_who_may_not_create_addresses_creates_the_customer_alone(world: World) -> None:
    user = UserFactory(username="accueil", company=world.company, is_staff=True)
    names = ("view_partner", "add_partner", "view_address")
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="invoicing", codename__in=names))
    first = opened(Office(user), Partner, term="Goldman")
    assert sorted(first) == ["_once", "act-email", "act-name", "act-phone"]

    assert sent(Office(user), Partner, {**first, **GOLDMAN}).status_code == 200

    assert Partner.objects.get(name="Goldman").addresses.count() == 0


def test_article_is_created_with_its_usual_values_and_a_taken_code_is_refused_at_its_box(world: World) -> None:
    office = Office(world.manager)
    first = opened(office, Product, term="tube_inox")
    assert (first["act-code"], first["act-name"], first["act-unit_price"]) == ("tube_inox", "", "")
    assert opened(office, Product, term="Tube inox")["act-name"] == "Tube inox"
    values = {**first, "act-name": "Tube inox", "act-unit_price": "12,5", "act-tax": tax().pk}

    made = json.loads(sent(office, Product, values).content)["chosen"]

    tube = Product.objects.get(code="tube_inox")
    assert (tube.unit.code, tube.unit_price, tube.income_account) == (
        "C62",
        Decimal("12.5"),
        world.company.income_account,
    )
    assert made == {
        "id": str(tube.pk),
        "text": "[tube_inox] Tube inox",
        "code": "tube_inox",
        "name": "Tube inox",
        "details": ["12,50 €", "u", tube.tax.short],
    }
    assert json.loads(sent(office, Product, values).content)["chosen"] == made  # pressed again
    with nothing_changed():
        refused = sent(office, Product, {**values, "act-code": "TUBE_INOX", "_once": "b"})
    assert "Ce code est celui d'un autre article, aux majuscules près." in unescape(refused.content.decode())


def test_article_bears_no_tax_of_another_company(world: World) -> None:
    other = TaxFactory(name="TVA d'ailleurs", company=CompanyFactory(name="Ailleurs"))
    user = UserFactory(role=MANAGER, company=world.company, is_staff=True)
    office = Office(user)
    first = opened(office, Product, term="tube")

    with nothing_changed():
        answer = sent(office, Product, {**first, "act-name": "Tube", "act-unit_price": "1", "act-tax": other.pk})

    assert texts_of(answer, "of-error") == [
        "Sélectionnez un choix valide. Ce choix ne fait pas partie de ceux disponibles."
    ]


def test_towns_of_a_post_code_are_for_staff_and_kept_by_the_browser(world: World) -> None:
    answer = Office(world.planner).get("/admin/towns/35760/")
    assert (answer.json(), answer["Cache-Control"]) == (
        {"towns": ["Saint-Grégoire", "Montgermont"]},
        "private, max-age=86400",
    )
    assert Client().get("/admin/towns/35760/").status_code == 302
    assert Office(world.planner).client.post("/admin/towns/35760/").status_code == 405


def test_boxes_of_post_codes_propose_towns_on_the_page_of_a_customer_too(world: World) -> None:
    page = Office(world.planner).client.get(address(world.customer)).content.decode()
    assert 'data-towns="/admin/towns/code/"' in page
