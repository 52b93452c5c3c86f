"""The same customer entered twice: found, named, made one; what is on the books stays as it was made."""

from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from contracts.models import Contract
from interventions.models import InstalledProduct
from invoicing.choices import InvoiceState
from invoicing.models import Company, FollowUp, HistoryLine, Partner
from invoicing.services.documents.purchases import record_bill
from invoicing.services.parties.duplicates import likely_duplicates, merge_partners, similar_customers
from invoicing.services.records.follow_ups import add_follow_up
from invoicing.services.records.saving import save_record
from invoicing.services.settlement.balances import account_of
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT, MANAGER
from tests.factories import PartnerFactory, World, nothing_changed
from tests.factories.pages import address


def test_look_alikes_are_those_with_the_same_mail_telephone_or_name_and_postcode(world: World) -> None:
    kept = PartnerFactory(name="Le Goff Annick", phone="02 99 00 12 34", email="annick@exemple.fr")
    by_mail = PartnerFactory(name="A. Le Goff", email="ANNICK@exemple.fr")
    by_mobile = PartnerFactory(name="Madame Le Goff", mobile="02 99 00 12 34")
    by_name = PartnerFactory(name="le goff annick")
    far = PartnerFactory(name="Le Goff Annick")
    far.addresses.update(zip="29000")
    PartnerFactory(name="Autre")

    assert set(likely_duplicates(kept)) == {by_mail, by_mobile, by_name}
    assert far not in likely_duplicates(kept)
    merge_partners(by_mail, into=kept, by=None)
    assert set(likely_duplicates(kept)) == {by_mobile, by_name}


def test_a_number_or_a_name_that_only_holds_the_other_is_no_look_alike(world: World) -> None:
    kept = PartnerFactory(name="Le Goff", email="a@exemple.fr", siren="732829320", phone="")
    same = PartnerFactory(name="Goff et fils", email="", siren="732829320", phone="")
    PartnerFactory(name="Le Goff Annick", email="aa@exemple.fr", phone="")

    assert list(likely_duplicates(kept)) == [same]


@pytest.mark.parametrize(
    "written",
    ["06 12 34 56 78", "+33612345678", "0612.345678", "+33 (0)6-12-34-56-78", "0033 6 12 34 56 78", "06\u202f12345678"],
)
def test_same_telephone_however_written(world: World, written: str) -> None:
    one = PartnerFactory(name="Un", phone="", mobile="06 12 34 56 78", email="")
    two = PartnerFactory(name="Deux", phone=written, mobile="", email="")
    PartnerFactory(name="Trois", phone="06 12 34 56 79", mobile="+32 612 34 56 78", email="")

    assert (list(likely_duplicates(one)), list(likely_duplicates(two))) == ([two], [one])


def test_what_is_no_telephone_looks_like_nobody(world: World) -> None:
    one = PartnerFactory(name="Un", phone="inconnu", mobile="", email="")
    PartnerFactory(name="Deux", phone="", mobile="", email="")
    assert list(likely_duplicates(one)) == []


def test_look_alikes_are_one_question(world: World, django_assert_num_queries: Any) -> None:
    for name in ("Un", "Deux", "Trois"):
        partner = PartnerFactory(name=name, phone="06 12 34 56 78", mobile="+33700000000", email="")
    with django_assert_num_queries(2):  # its addresses, and they
        assert len(likely_duplicates(partner)) == 2


def test_all_follows_but_the_books(world: World) -> None:
    loser, kept = PartnerFactory(name="Deux"), PartnerFactory(name="Un", email="")
    loser.phone = "02 99 00 55 66"
    loser.save()
    di = world.intervention(partner=loser)
    posted, draft = world.posted(partner=loser), world.draft(partner=loser)
    frozen = posted.buyer
    equipment = InstalledProduct.objects.create(partner=loser, address=loser.default_address(), name="Poêle")
    add_follow_up(loser, text="Rappeler", due_on=world.today, user=world.manager, by=world.manager)
    owed = account_of(loser, companies=Company.objects.all()).balance
    assert owed == Decimal("184.62")

    merge_partners(loser, into=kept, by=world.manager)

    for record in (loser, kept, di, posted, draft, equipment):
        record.refresh_from_db()
    assert [di.partner, draft.customer, equipment.partner] == [kept, kept, kept]
    assert (posted.customer, posted.buyer, posted.state) == (loser, frozen, InvoiceState.POSTED)
    assert (loser.merged_into, loser.is_active, kept.phone) == (kept, False, "02 99 00 55 66")
    assert [a.partner_id for a in di.address.__class__.objects.filter(pk=di.address_id)] == [kept.pk]
    assert kept.addresses.filter(is_default=True).count() == 1
    assert FollowUp.objects.get().object == kept
    assert account_of(kept, companies=Company.objects.all()).balance == owed
    assert HistoryLine.objects.of(loser)[0].text == "Fusionné dans « Un »"
    assert not Contract.objects.filter(payer=loser).exists()


def test_who_pays_stays_one_step_away(world: World) -> None:
    payer, loser, kept = PartnerFactory(name="Syndic"), PartnerFactory(name="Deux"), PartnerFactory(name="Un")
    tenant = PartnerFactory(name="Locataire", bill_to=loser)
    Partner.objects.filter(pk=kept.pk).update(bill_to=payer)
    merge_partners(loser, into=kept, by=None)
    tenant.refresh_from_db()
    assert tenant.bill_to == payer


def test_merged_twice_or_into_itself_is_refused(world: World) -> None:
    one, two, three = (PartnerFactory(name=name) for name in ("Un", "Deux", "Trois"))
    with nothing_changed(), pytest.raises(BusinessError, match="ne se fusionne pas avec lui-même"):
        merge_partners(one, into=one, by=None)
    merge_partners(two, into=one, by=None)
    with nothing_changed(), pytest.raises(BusinessError, match="« Deux » a déjà été fusionné dans « Un »"):
        merge_partners(three, into=two, by=None)
    merge_partners(one, into=three, by=None)
    two.refresh_from_db()
    assert two.merged_into == three


@pytest.mark.parametrize(("code", "left", "kept_code"), [("B001", "B002", "B001"), ("", "", "B002")])
def test_shop_code_names_one_record(world: World, code: str, left: str, kept_code: str) -> None:
    """The shop's next file still bears the other's code: it stays known, unless the one that is kept took it over."""
    loser, kept = PartnerFactory(name="Deux", store_code="B002"), PartnerFactory(name="Un", store_code=code)
    stranger = PartnerFactory(name="Trois", store_code="C003")

    merge_partners(loser, into=kept, by=world.manager)

    for partner in (loser, kept, stranger):
        partner.refresh_from_db()
    assert (loser.store_code, kept.store_code, stranger.store_code) == (left, kept_code, "C003")


def test_merged_record_stays_archived(world: World) -> None:
    loser, kept = PartnerFactory(name="Deux"), PartnerFactory(name="Un")
    merge_partners(loser, into=kept, by=world.manager)
    loser.refresh_from_db()

    sentence = "« Deux » a été fusionné dans « Un » : cette fiche reste archivée, prenez l'autre."
    with nothing_changed():
        with pytest.raises(ValidationError) as refused:
            save_record(loser, values={"is_active": True}, by=world.manager)
        page = world.office(MANAGER).save(loser.__class__.objects.get(pk=loser.pk), is_active="on")
    assert refused.value.message_dict == {"is_active": [sentence]}
    assert sentence in unescape(page.content.decode())


def test_from_the_page_by_the_manager_only(world: World) -> None:
    loser, kept = PartnerFactory(name="Deux", email="a@exemple.fr"), PartnerFactory(name="Un", email="a@exemple.fr")
    page = address(loser, "act", "merge")
    assert world.office(ACCOUNTANT).client.get(page).status_code == 403
    manager = world.office(MANAGER)
    assert "Doublons ?" in manager.get(address(loser, "change")).content.decode()
    answer = manager.client.post(page, {"_confirmed": "1", "act-name": "Personne"})
    assert "écrivez le nom exact" in answer.content.decode()
    manager.client.post(page, {"_confirmed": "1", "act-into": kept.pk})
    loser.refresh_from_db()
    assert loser.merged_into == kept
    assert "ce client a été fusionné dans" in manager.get(address(loser, "change")).content.decode()
    assert loser.name not in str(
        manager.client.get(
            "/admin/autocomplete/",
            {
                "app_label": "interventions",
                "model_name": "interventionrequest",
                "field_name": "partner",
                "term": "Deux",
            },
        ).json()
    )


def test_payer_is_neither_merged_nor_paid_for(world: World) -> None:
    kept, gone = PartnerFactory(name="Gardé"), PartnerFactory(name="Fondu")
    merge_partners(gone, into=kept, by=world.manager)
    tenant = PartnerFactory(name="Locataire", bill_to=PartnerFactory(name="Syndic"))

    for partner, payer, said in (
        (tenant, gone, "« Fondu » a été fusionné dans « Gardé » : choisissez ce dernier."),
        (tenant.bill_to, kept, "« Syndic » paie pour d'autres clients : il paie aussi pour lui-même."),
    ):
        with nothing_changed(), pytest.raises(ValidationError) as refused:
            save_record(partner, values={"bill_to": Partner.objects.get(pk=payer.pk)}, by=world.manager)
        assert refused.value.message_dict == {"bill_to": [said]}


def test_bill_of_a_supplier_is_known_under_the_name_merged(world: World) -> None:
    gone, kept = PartnerFactory(name="Fonderie A"), PartnerFactory(name="Fonderie B")
    values = {"company": world.company, "number": "F-77", "on": world.today, "by": world.biller}
    record_bill(supplier=gone, net=Decimal(100), tax=Decimal(20), **values)
    merge_partners(gone, into=kept, by=world.manager)
    kept.refresh_from_db()

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        record_bill(supplier=kept, net=Decimal(100), tax=Decimal(20), **values)

    assert str(refused.value) == "La facture F-77 de « Fonderie B » est déjà enregistrée."


# What one being typed may be


def crowd(name: str, count: int = 250) -> None:
    """As many customers of that name, each with another first name of the beginning of the alphabet."""
    Partner.objects.bulk_create(Partner(name=f"{name} Aa{number:03d}") for number in range(count))


@pytest.mark.parametrize(
    ("typed", "existing"),
    [
        ("Martin Zoé", "Zoé Martin"),
        ("zoe martin", "Martin Zoé"),
        ("Marton Zoé", "Martin Zoé"),
        ("Martin Yannick", "Martin Yanick"),
        ("Martin", "Martin"),
    ],
)
def test_likely_duplicate_is_found_among_hundreds_that_come_before_it(world: World, typed: str, existing: str) -> None:
    crowd("Martin")
    known = PartnerFactory(name=existing)

    assert similar_customers(name=typed)[0] == known


def test_names_far_from_the_one_typed_are_not_similar(world: World) -> None:
    crowd("Martin", 3)
    merged = PartnerFactory(name="Martin Zoé", is_active=False, merged_into=PartnerFactory(name="Autre"))

    assert similar_customers(name="Martin Zoé") == []
    assert similar_customers(name="Ma Zo") == []
    assert merged not in similar_customers(name="Martin")


@pytest.mark.postgresql  # which compares by letters in threes
def test_name_misspelt_at_its_beginning_is_found(world: World) -> None:
    crowd("Goldoni")
    known = PartnerFactory(name="Ruth Hgoldmann")

    assert similar_customers(name="Goldmann Ruth") == [known]
