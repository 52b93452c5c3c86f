"""Records that all companies share: one company changes nothing of what another one bills, plans or sends with."""

from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import ProtectedError

from interventions.models import InstalledProduct, InterventionRequest
from invoicing.choices import TagScope
from invoicing.models import Address, Company, CompanyAccess, Partner, PartnerTerms, PaymentTerm, Tag
from invoicing.services.records.attachments import attach, attachments_of
from invoicing.services.records.shared import company_made_in
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.importing import KINDS, apply_import, prepare_import
from openfire_billing.office.roles import MANAGER, PLANNER
from tests.factories import (
    CompanyFactory,
    InstalledProductFactory,
    PartnerFactory,
    TemplateFactory,
    UserFactory,
    World,
    nothing_changed,
)
from tests.factories.api import Api, refused
from tests.factories.pages import Office, address, fields_of, texts_of

CHANGES = {
    "bill_to": "Facturer à",
    "email": "E-mail",
    "billing_email": "E-mail de facturation",
    "kind": "Nature",
    "siren": "SIREN",
    "vat_number": "N° TVA",
    "is_active": "Actif",
}
ADVICE = "Choisissez le payeur et l'e-mail sur vos documents, ou créez une autre fiche."


def sentence(record: Any, *labels: str, advice: str = ADVICE) -> str:
    names = ", ".join(f"« {label} »" for label in labels)
    return f"« {record} » a servi à une autre société : seule une personne qui travaille pour toutes change {names}. {advice}"


@pytest.fixture
def theirs(world: World) -> World:
    """The firm of another company, whose only customer is « Client commun »."""
    company = CompanyFactory(name="Ailleurs SARL")
    users = {role: UserFactory(role=role, company=company) for role in (PLANNER, MANAGER)}
    customer = PartnerFactory(name="Client commun", email="commun@exemple.example")
    return replace(world, company=company, customer=customer, users={**world.users, **users})


@pytest.fixture
def shared(theirs: World) -> Partner:
    """A customer that only another company has a DI for."""
    theirs.intervention()
    return theirs.customer


@pytest.mark.parametrize("name", CHANGES)
def test_program_of_one_company_changes_no_payer_of_another(world: World, shared: Partner, name: str) -> None:
    """A planner of one company changed who another company bills, and where it sends."""
    payer = PartnerFactory(name="Autre payeur")
    values = {
        "bill_to": payer.pk,
        "email": "ailleurs@exemple.example",
        "billing_email": "ailleurs@exemple.example",
        "kind": "public",
        "siren": "732829320",
        "vat_number": "FR44732829320",
        "is_active": False,
    }
    api = Api(world.planner)

    with nothing_changed():
        answer = api.patch(f"partners/{shared.pk}/", {name: values[name]})

    assert refused(answer) == sentence(shared, CHANGES[name])
    world.planner.company_accesses.create(company=Company.objects.get(name="Ailleurs SARL"))
    assert api.patch(f"partners/{shared.pk}/", {name: values[name]}).status_code == 200


def test_page_shows_what_is_kept_without_boxes_and_saves_the_rest(world: World, shared: Partner) -> None:
    """The page of a customer that only another company has documents with offered « Facturer à » in a box."""
    office = world.office(PLANNER)
    page = office.get(address(shared))
    form = fields_of(page, "partner_form")

    assert sorted(set(CHANGES) & set(form)) == []
    assert [name for name in form if name.startswith("terms-") and not name.endswith("_FORMS")] == []
    assert sentence(shared, *CHANGES.values(), "Conditions du client") in texts_of(page, "of-hint")
    assert office.send(shared, {**form, "phone": "02 99 00 00 00", "note": "Chien"}).status_code == 302
    shared.refresh_from_db()
    assert (shared.phone, shared.note, shared.email) == ("02 99 00 00 00", "Chien", "commun@exemple.example")
    own = office.open(world.customer)
    assert sorted(set(CHANGES) & set(own)) == sorted(CHANGES)


def test_page_opened_before_another_company_used_the_customer_is_refused_in_a_sentence(
    world: World, theirs: World
) -> None:
    office, customer = world.office(PLANNER), theirs.customer
    opened = office.open(customer)
    theirs.intervention()

    with nothing_changed():
        answer = office.send(customer, {**opened, "email": "ailleurs@exemple.example"})

    assert sentence(customer, "E-mail") in unescape(answer.content.decode())


def test_terms_of_a_customer_of_another_company_are_not_sent(world: World, shared: Partner) -> None:
    """The conditions of a customer stood on his page for every planner."""
    term = PaymentTerm.objects.first()
    terms = PartnerTerms.objects.create(partner=shared)
    office = world.office(PLANNER)
    form = office.open(shared)
    row = {"terms-0-id": terms.pk, "terms-0-partner": shared.pk, "terms-0-payment_term": term.pk}
    counts = {"terms-TOTAL_FORMS": "1", "terms-INITIAL_FORMS": "1"}

    with nothing_changed():
        office.send(shared, {**form, **counts, **row})

    terms.refresh_from_db()
    assert terms.payment_term is None


def test_payer_of_a_customer_of_another_company_is_kept_too(world: World, shared: Partner) -> None:
    """The payer himself had no document yet: his e-mail, where the invoices go, was free to change."""
    payer = PartnerFactory(name="Syndic")
    Partner.objects.filter(pk=shared.pk).update(bill_to=payer)

    with nothing_changed():
        answer = Api(world.planner).patch(f"partners/{payer.pk}/", {"email": "x@exemple.example"})

    assert refused(answer) == sentence(payer, "E-mail")


def test_address_that_another_company_uses_stays_with_its_customer(world: World, shared: Partner) -> None:
    place = Address.objects.get(partner=shared)
    advice = "Créez l'adresse sur la fiche de l'autre client."

    with nothing_changed():
        answer = Api(world.planner).patch(f"addresses/{place.pk}/", {"partner": world.customer.pk})

    assert refused(answer) == sentence(place, "Client", advice=advice)
    assert Api(world.planner).patch(f"addresses/{place.pk}/", {"street": "2 rue du Four"}).status_code == 200


def test_import_of_one_company_changes_no_payer_of_another(world: World, shared: Partner) -> None:
    """A file of customers wrote another e-mail over that of another company's customer."""
    place = shared.addresses.get()
    head = "Nom;E-mail;Téléphone;Rue;Code postal;Ville\n"
    kept = f"Client commun;autre@exemple.example;;{place.street};{place.zip};Rennes\n"
    free = f"Client commun;;02 99 11 11 11;{place.street};{place.zip};Rennes\n"

    def read(rows: str) -> Any:
        file = {"name": "f.csv", "content": (head + rows).encode()}
        return prepare_import(KINDS["clients"], company=world.company, by=world.planner, **file)

    preview = read(kept)
    assert preview.faults == [(2, "", sentence(shared, "E-mail"))]
    with nothing_changed(), pytest.raises(BusinessError, match="rien n'est écrit"):
        apply_import(preview, company=world.company, by=world.planner)
    apply_import(read(free), company=world.company, by=world.planner)
    shared.refresh_from_db()
    assert (shared.phone, shared.email) == ("02 99 11 11 11", "commun@exemple.example")


def test_import_of_one_company_changes_no_price_of_another(world: World, theirs: World) -> None:
    """A file of articles wrote another price over that of an article another company sells."""
    product = theirs.intervention().lines.get().product
    text = f"Code;Nom;Prix;TVA\n{product.code};{product.name};1,00;{product.tax.name}\n"

    preview = prepare_import(
        KINDS["articles"], name="f.csv", content=text.encode(), company=world.company, by=world.manager
    )

    advice = "Changez le prix sur vos lignes, ou créez un article."
    assert preview.faults == [(2, "", sentence(product, "Prix unitaire", advice=advice))]


# Deletion


def is_kept(office: Office, record: Any, sentence: str) -> bool:
    """Whether neither the page nor the list of a record deletes it, both with this sentence."""
    page = office.client.post(address(record, "delete"), {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [record.pk], "post": "yes"}
    listed = office.client.post(address(type(record), "changelist"), chosen)
    said = [sentence in unescape(answer.content.decode()) for answer in (page, listed)]
    return said == [True, True] and type(record).objects.filter(pk=record.pk).exists()


def test_what_a_request_of_another_company_names_is_not_deleted(world: World, theirs: World) -> None:
    """A template, a tag or a subcontractor deleted by one company emptied the DI of another."""
    intervention = theirs.intervention()
    tag = Tag.objects.create(name="Toiture", scope=TagScope.INTERVENTION)
    template, subcontractor = TemplateFactory(), PartnerFactory(name="Sous-traitant", address=False)
    intervention.tags.add(tag)
    InterventionRequest.objects.filter(pk=intervention.pk).update(template=template, subcontractor=subcontractor)
    own = Tag.objects.create(name="À nous", scope=TagScope.INTERVENTION)
    office = world.office(MANAGER)

    with nothing_changed():
        for record in (tag, template, subcontractor):
            text = (
                f"« {record} » sert à une autre société : seule une personne qui travaille pour toutes le supprime. "
                "Laissez cette fiche, ou archivez-la si elle a une case pour cela."
            )
            assert is_kept(office, record, text), record
    assert office.client.post(address(own, "delete"), {"post": "yes"}).status_code == 302
    assert not Tag.objects.filter(pk=own.pk).exists()


def test_file_on_a_shared_record_is_of_the_company_of_its_author_who_works_for_one(
    world: World, theirs: World, shared: Partner
) -> None:
    everywhere = UserFactory(role=PLANNER, company=world.company)
    CompanyAccess.objects.create(user=everywhere, company=theirs.company)
    authors = (world.biller, theirs.users[PLANNER], everywhere, None)
    on_document = shared.interventions.get()

    files = [attach(shared, SimpleUploadedFile("note.txt", b"texte"), by=author) for author in authors]

    assert [file.company for file in files] == [world.company, theirs.company, None, None]
    ours, other, *common = files
    seen = [set(attachments_of(shared, user=user)) for user in authors]
    assert seen == [{ours, *common}, {other, *common}, set(files), set(files)]
    made_in = [company_made_in(on_document, by=author) for author in authors]
    assert made_in == [theirs.company.pk] * 4


def test_tag_of_a_customer_of_another_company_is_not_deleted(world: World, shared: Partner) -> None:
    tag = Tag.objects.create(name="Mauvais payeur")
    shared.tags.add(tag)

    with nothing_changed():
        assert is_kept(world.office(MANAGER), tag, "« Mauvais payeur » sert à une autre société :")


def test_equipment_of_a_document_is_not_deleted(world: World) -> None:
    """Equipment deleted from its page left the DI, its RDV and its posted invoice without it."""
    stove = InstalledProductFactory(partner=world.customer, name="Poêle")
    world.posted(equipment=stove)
    free = InstalledProductFactory(partner=world.customer, name="Insert")
    office = world.office(MANAGER)

    with nothing_changed():
        assert office.client.post(address(stove, "delete"), {"post": "yes"}).status_code == 200
        with pytest.raises(ProtectedError):
            stove.delete()

    assert office.client.post(address(free, "delete"), {"post": "yes"}).status_code == 302
    assert list(InstalledProduct.objects.all()) == [stove]
