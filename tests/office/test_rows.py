"""The rows of lists: those that the theme draws, drawn once for the page."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory
from unfold.templatetags.unfold_list import items_for_result, result_headers

from invoicing.models import Partner
from openfire_billing.office.roles import MANAGER
from openfire_billing.web.rows import cells_of, columns_of
from tests.contracts.contract_builders import make_contract
from tests.factories import InstalledProductFactory, PartnerFactory, World
from tests.factories.appointments import book
from tests.factories.pages import address

MODELS = [model for model in admin.site._registry if model._meta.app_label != "sites"]


def as_one_line(cell: Any) -> str:
    return re.sub(r'" >', '">', re.sub(r"\s+", " ", str(cell)))


@pytest.mark.parametrize("query", ["", "?_popup=1"])
def test_rows_of_every_list_are_those_of_the_theme(world: World, query: str) -> None:
    make_contract(world)
    book(world, world.intervention(), state="confirmed")
    world.quote()
    world.posted()
    world.draft()
    InstalledProductFactory(partner=world.customer)
    user, compared = User.objects.create_superuser("root"), 0
    for model in MODELS:
        request = RequestFactory().get(address(model, "changelist") + query)
        request.user = user
        request.session = {}  # type: ignore[assignment]
        changelist = admin.site.get_model_admin(model).get_changelist_instance(request)
        columns = columns_of(changelist, list(result_headers(changelist)))
        for record in changelist.result_list:
            own, theirs = cells_of(changelist, columns, record), items_for_result(changelist, record, None)
            assert [as_one_line(cell) for cell in own] == [as_one_line(cell) for cell in theirs], model
            compared += 1
    assert compared > 60


@pytest.mark.parametrize("query", ["", "?_popup=1"])
def test_a_name_is_text_whatever_it_holds(world: World, query: str) -> None:
    PartnerFactory(name='<b>"Aubry" & fils</b>')
    page = world.office(MANAGER).get(address(Partner, "changelist") + query).content.decode()
    assert ">&lt;b&gt;&quot;Aubry&quot; &amp; fils&lt;/b&gt;</a>" in page
    assert "<b>" not in page.split('id="result_list"')[1].split("</table>")[0]
