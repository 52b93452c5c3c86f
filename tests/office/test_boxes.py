"""The boxes of the forms can be seen, and what is chosen in them can be read."""

import re

import pytest
from django.contrib import admin
from django.urls import reverse

from invoicing.admin.lines import tax_text
from invoicing.models import Tax
from openfire_billing.office.roles import MANAGER
from tests.factories import PartnerFactory, World
from tests.factories.pages import address

PAGES = sorted(f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry)
NUMBER = re.compile(r"<input[^>]*inputmode=\"decimal\"[^>]*>")


def test_every_box_for_a_number_looks_like_a_box(world: World) -> None:
    office = world.office(MANAGER)
    answers = {name: office.get(reverse(f"admin:{name}_add")) for name in PAGES}
    boxes = {
        (name, box)
        for name, answer in answers.items()
        if answer.status_code == 200
        for box in NUMBER.findall(answer.content.decode())
    }
    assert {"invoicing_payment", "invoicing_supplierbill", "invoicing_product"} <= {name for name, _box in boxes}
    assert [pair for pair in boxes if "border" not in pair[1] and "of-input" not in pair[1]] == []


@pytest.mark.parametrize(
    ("name", "rate", "shown"),
    [
        ("TVA collectée (vente) 5,5%", "5.5", "5,5 % · TVA collectée (vente)"),
        ("TVA 20 %", "20", "20 % · TVA"),
        ("TVA 20 % travaux", "20", "20 % · TVA 20 % travaux"),
        ("Autoliquidation", "0", "0 % · Autoliquidation"),
        ("10 %", "10", "10 %"),
    ],
)
def test_rate_of_a_tax_is_read_first(name: str, rate: str, shown: str) -> None:
    tax = Tax(name=name, rate=rate)
    tax.clean_fields(exclude=["company", "replaces"])
    assert tax_text(tax) == shown


def test_telephone_that_cannot_be_dialled_is_kept_and_hinted_at(world: World) -> None:
    hint = "Numéro à vérifier : un chiffre manque ou est en trop. Il est gardé tel quel."
    partner = PartnerFactory(phone="02 61 91 10", mobile="06 39 98 40 10")
    place = partner.default_address()
    place.phone = "06 39 98 40 10 2"
    place.save()
    office = world.office(MANAGER)

    page = office.get(address(partner)).content.decode()
    assert page.count(hint) == 2
    assert 'value="02 61 91 10"' in page
    assert hint not in office.get(address(PartnerFactory(phone="+33 2 61 91 10 10", mobile=""))).content.decode()
