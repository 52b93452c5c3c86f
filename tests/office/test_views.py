"""Every one-click view of every list opens; what the office is told before and after an act."""

from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.test import RequestFactory
from django.urls import reverse

from invoicing.admin.filters import ChipFilter
from openfire_billing.office.roles import MANAGER
from openfire_billing.web.proxies import client_address
from tests.factories import World
from tests.factories.pages import address


def chips() -> list[tuple[str, str]]:
    """(list, view) of each chip there is."""
    found = []
    for model, page in admin.site._registry.items():
        for narrow in page.list_filter if isinstance(page.list_filter, (list, tuple)) else ():
            if isinstance(narrow, type) and issubclass(narrow, ChipFilter):
                name = f"{model._meta.app_label}_{model._meta.model_name}"
                found += [(name, slug) for slug, _label, _narrow in narrow.chips]
    return sorted(found)


def test_every_view_of_every_list_opens(world: World) -> None:
    office = world.office(MANAGER)
    seen = {
        f"{name} {slug}": office.get(f"{reverse(f'admin:{name}_changelist')}?view={slug}").status_code
        for name, slug in chips()
    }
    assert len(seen) > 20
    assert {view: status for view, status in seen.items() if status != 200} == {}


def test_dialog_with_a_preview_offers_to_work_it_out_again(world: World) -> None:
    answer = world.office(MANAGER).get(address(world.posted(), "act", "credit"))
    assert "Recalculer l'aperçu" in unescape(answer.content.decode())


@pytest.mark.parametrize(
    ("behind", "forwarded", "seen"),
    [
        (False, "1.2.3.4", "10.0.0.1"),
        (True, "1.2.3.4", "1.2.3.4"),
        (True, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (True, "", "10.0.0.1"),
    ],
)
def test_who_asks_is_told_by_our_own_proxy_only(settings: Any, behind: bool, forwarded: str, seen: str) -> None:
    settings.BEHIND_PROXY = behind
    said: dict[str, Any] = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", **said)) == seen
