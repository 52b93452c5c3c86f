"""Content security policy: no page needs an inline script, and the header of every page forbids them."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from interventions.models import InterventionRequest
from invoicing.models import Invoice
from invoicing.services.records.links import publish, token_of
from openfire_billing.office.roles import MANAGER
from tests.factories import World
from tests.factories.appointments import at, book, technician
from tests.factories.pages import address
from tests.office.subjects import one_of_each, our_pages

SCRIPT_SOURCES = "script-src 'self' 'unsafe-eval'"  # Alpine, inside Unfold, evaluates its attributes
SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
HANDLER = re.compile(r"<[a-z][^<>]*\son[a-z]+\s*=", re.IGNORECASE)
URL = re.compile(r"""(?:href|src|action)\s*=\s*["']?\s*javascript:""", re.IGNORECASE)


def runs_inline(html: str) -> list[str]:
    """The inline scripts, handlers and script addresses of a page. Data (`type="application/json"`) is no script."""
    scripts = [
        attributes + text
        for attributes, text in SCRIPT.findall(html)
        if "src=" not in attributes and "application/json" not in attributes and "text/template" not in attributes
    ]
    return [*scripts, *HANDLER.findall(html), *URL.findall(html)]


def judged(answer: Any) -> tuple[int, bool, list[str]]:
    """The status of a page, whether its policy forbids inline scripts, and those it has."""
    parts = [part.strip() for part in answer["Content-Security-Policy"].split(";")]
    return answer.status_code, SCRIPT_SOURCES in parts, runs_inline(answer.content.decode())


GOOD = (200, True, [])


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<script>alert(1)</script>", 1),
        ('<script type="module">import "a"</script>', 1),
        ('<p onclick="a()">', 1),
        ('<p class="a"\n ONLOAD = "a()">', 1),
        ('<a href="javascript:a()">', 1),
        ('<script src="/a.js"></script><script type="application/json">{"a": 1}</script>', 0),
        ('<p x-on:click="open = true" data-on="a">on=1</p>', 0),
    ],
)
def test_what_runs_inline_is_found(html: str, count: int) -> None:
    assert len(runs_inline(html)) == count


def test_templates_run_nothing_inline() -> None:
    files = sorted((settings.BASE_DIR / "templates").rglob("*.html"))

    found = {str(Path(file).relative_to(settings.BASE_DIR)): runs_inline(file.read_text()) for file in files}

    assert len(found) > 45
    assert {name: scripts for name, scripts in found.items() if scripts} == {}


def test_policy_allows_no_inline_script() -> None:
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]

    assert directives["script-src"] == ["'self'", "'unsafe-eval'"]
    assert directives["object-src"] == directives["frame-ancestors"] == ["'none'"]
    assert directives["base-uri"] == directives["form-action"] == ["'self'"]


def test_lists_and_forms_of_the_office(world: World) -> None:
    world.manager.is_superuser = True
    world.manager.save()
    records, office = one_of_each(world), world.office(MANAGER)
    seen = {}
    for model in our_pages():
        pages = [address(model, "changelist"), address(model, "add")]
        pages += [address(records[model]), address(records[model], "delete")] if model in records else []
        for page in pages:
            answer = office.get(page)
            if answer.status_code == 200:
                seen[page] = judged(answer)

    assert len(seen) > 100
    assert {page: verdict for page, verdict in seen.items() if verdict != GOOD} == {}


def test_dialogs_and_other_pages_of_the_office(world: World) -> None:
    records, office = one_of_each(world), world.office(MANAGER)
    invoice = Invoice.objects.posted().first()
    pages = ["/admin/", "/admin/import/customers/", "/admin/password_change/", "/admin/search/?s=client&extended=1"]
    pages += [address(records[InterventionRequest], "act", "message"), address(invoice, "act", "credit")]

    seen = {page: judged(office.get(page)) for page in pages}

    assert seen == dict.fromkeys(pages, GOOD)


def test_pages_of_the_phone(world: World) -> None:
    rdv = book(
        world,
        world.intervention(),
        who=technician(world, user=world.technician),
        starts_at=at(14, day=24),
        state="confirmed",
    )
    phone = Client()
    phone.force_login(world.technician)
    pages = ["/mobile/", "/mobile/week/", f"/mobile/appointments/{rdv.pk}/", f"/mobile/appointments/{rdv.pk}/products/"]

    assert {page: judged(phone.get(page)) for page in pages} == dict.fromkeys(pages, GOOD)


def test_pages_without_a_login(world: World) -> None:
    link = f"/p/{token_of(publish(world.posted(), by=world.accountant, published=True))}/"
    pages = [link, "/admin/login/", "/mobile/login/", "/api/v1/docs/"]
    pages.append(reverse("admin_password_reset"))

    assert {page: judged(Client().get(page)) for page in pages} == dict.fromkeys(pages, GOOD)
    assert [judged(Client().get(page)) for page in ("/p/forged/", "/nowhere")] == [(404, True, [])] * 2


@pytest.mark.parametrize("status", [400, 403, 404, 413, 500, 503])
def test_pages_of_errors_run_nothing(status: int) -> None:
    from django.template.loader import render_to_string

    assert runs_inline(render_to_string(f"{status}.html", {"refusal": "Trop."})) == []
