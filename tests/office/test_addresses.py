"""Addresses speak English: paths, acts, views of lists, names of parameters, tabs and places of a page."""

import re
from collections.abc import Iterable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.urls import URLResolver, get_resolver, reverse

from invoicing.admin.filters import ChipFilter
from openfire_billing.office.importing import KINDS
from openfire_billing.web.actions import ActionsMixin
from tests.factories import Office, UserFactory, World
from tests.factories.pages import address
from tests.office.subjects import one_of_each

# What addresses are made of, besides the names of apps, models and fields. A word added here is English.
WORDS = frozenset(
    """
    absent accept accepted accounting act activate add admin age allocate answer api apply archive archived aside attach autocomplete awaited back bill billing by call cancel cells change changed changelist changes charges check close comments confirm contracts credit credited credits customers day
    defaults delete detach docs done drafts dropped duplicate ending equipment expired export factor failed favicon file files fill
    filter feed find finish for forgotten format from hand healthz history ico ics import inbound installed invite invoices journal jsi late
    launch left lift lines locate login logo logout mail make many map merge message mine missing mobile month move moved new next nights note on open optimise out overview own page partly
    password pay pdf photos place plan planning popup post postpone price print prints products progress prolong publish
    purchase rebill receive
    received refresh refund refunds refuse refused reject remove renew replay report resend reset resize restore result resume retry revoke robots rows running runs
    sample schema search second secret send sent set settle since sms soon status stop supplier take taxes templates terminate text timeline to today totals town towns txt types undo unfinished unknown unpaid up update used validate view visits waiting waive webhook webhooks week year
    """.split()
) | {"composants"}  # the page of components, at the address its readers know
DJANGO = frozenset(
    ["add", "exact", "facets", "field", "isnull", "n", "o", "p", "popup", "q", "r", "s", "v"]
)  # and Unfold (jsi18n: two words)
ROUTE = re.compile(r"<[^>]*>|\(\?P<\w+>(?:[^()]|\([^)]*\))*\)|\\[A-Za-z]|[\\^$()?\[\]+*|]")
OURS = ("appointments", "contracts", "interventions", "invoicing", "openfire_billing")
READ = re.compile(r"""\bGET(?:\.get(?:list)?\(|\[)["'](\w+)["']""")
LINK = re.compile(r"""\s(?:href|action|src|data-url)="([^"]*)\"""")
TAB = re.compile(r"""\sdata-tab="([^"]*)\"""")


def identifiers() -> set[str]:
    """Words of the code: apps, models, their fields, one or several."""
    found = {config.label for config in apps.get_app_configs()}
    for model in apps.get_models():
        found |= {str(model._meta.model_name), *(field.name for field in model._meta.get_fields())}
    words = {word for name in found for word in name.split("_")}
    return found | words | {f"{word}s" for word in words} | {f"{word}es" for word in words}


def foreign(texts: Iterable[str]) -> list[str]:
    """The words of these texts that are not allowed. Digits are no words."""
    known = WORDS | DJANGO | identifiers()
    words = {word for text in texts for word in re.split(r"[^A-Za-zÀ-ÿ]+", text) if word}
    return sorted(word for word in words if word not in known)


def paths(resolver: Any, prefix: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        here = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from paths(pattern, here)
        else:
            yield ROUTE.sub(" ", here)


def test_a_french_word_is_seen() -> None:
    """So that the tests below can fail."""
    assert foreign(["admin/semaine/ ", "?vue=retard", "à-faire", "invoices/12/pdf/"]) == [
        "faire",
        "retard",
        "semaine",
        "vue",
        "à",
    ]


def test_paths() -> None:
    assert foreign(paths(get_resolver())) == []


def test_acts_views_tabs_and_kinds_of_import() -> None:
    pages = admin.site._registry.values()
    chips = [
        narrow
        for page in pages
        for narrow in page.list_filter
        if isinstance(narrow, type) and issubclass(narrow, ChipFilter)
    ]
    acts = [act.name for page in pages if isinstance(page, ActionsMixin) for act in page.all_actions()]
    views = [slug for narrow in chips for slug, _label, _narrow in narrow.chips]
    tabs = [slug for page in pages for slug, _title, _members in getattr(page, "notebook", ())]
    parameters = [narrow.parameter_name for narrow in chips]
    assert min(map(len, (acts, views, tabs, parameters))) > 0

    assert foreign([*acts, *views, *tabs, *parameters, *(kind.slug for kind in KINDS.values())]) == []


def test_parameters_that_a_page_reads() -> None:
    sources = [file for app in OURS for file in (Path(settings.BASE_DIR) / app).rglob("*.py")]
    read = {name for file in sources for name in READ.findall(file.read_text(encoding="utf-8"))}
    assert {"from", "on", "q"} <= read

    assert foreign(read) == []


def test_links_tabs_and_places_of_every_page(world: World) -> None:
    records = one_of_each(world)
    office = Office(UserFactory(username="admin", is_superuser=True, is_staff=True))
    pages = [page for model, record in records.items() for page in (address(model, "changelist"), address(record))]
    pages += [reverse("admin:index"), reverse("import_pages"), reverse("planning:board")]
    texts: set[str] = set()
    for page in pages:
        shown = office.get(page).content.decode()
        texts |= set(TAB.findall(shown))
        for link in LINK.findall(shown):
            parts = urlsplit(unescape(link))
            if parts.scheme or parts.path.startswith(settings.STATIC_URL):
                continue
            asked = parse_qsl(parts.query, keep_blank_values=True)
            texts |= {parts.fragment, parts.path if not parts.path.startswith("/p/") else ""}
            texts |= {name for name, _value in asked} | {value for name, value in asked if name == "view"}

    assert foreign(texts) == []
