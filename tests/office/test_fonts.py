"""Fonts cut to what the pages show (`bin/cut-fonts`), and the weight of a page."""

import gzip
import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders
from django.urls import reverse
from fontTools.ttLib import TTFont

from openfire_billing.office.roles import MANAGER
from tests.factories import World, item
from tests.factories.pages import address

FIRST_LOAD, LATER = 400_000, 60_000  # bytes, compressed


def _tool() -> Any:
    loader = SourceFileLoader("cut_fonts", str(Path(settings.BASE_DIR) / "bin/cut-fonts"))
    spec = spec_from_loader("cut_fonts", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


TOOL = _tool()


def font(path: Path) -> TTFont:
    return TTFont(Path(str(finders.find(str(path.relative_to("static"))))))


def test_every_icon_that_is_named_is_in_the_cut_font() -> None:
    theirs = TOOL.names_of(TTFont(TOOL.THEIRS / TOOL.ICONS))
    ours = TOOL.names_of(font(TOOL.ICONS))
    assert sorted(TOOL.words_named() & set(theirs) - set(ours)) == []
    assert {"receipt_long", "handyman", "dock_to_right", "calendar_month", "check_small"} <= set(ours)
    assert "zoom_out_map" not in ours


def test_letters_of_french_are_in_each_weight() -> None:
    letters = {*map(ord, "AZaz09ÀÂÇÉÈÊËÎÏÔŒÙÛÜŸàâæçéèêëîïôœùûüÿñ€«»’“”–—…·•−×→✓\u00a0\u202f")}
    assert [letters - set(font(path).getBestCmap()) for path in TOOL.LETTERS] == [set()] * 4


def loaded_by(page: str) -> dict[str, int]:
    """{address: compressed bytes} of the styles and scripts of a page, and of the fonts of its styles."""
    weights = {}
    for found in re.findall(r'(?:<link href|<script src|<link rel="stylesheet" href)="([^"]+)"', page):
        name = urlsplit(found).path.removeprefix(settings.STATIC_URL)
        if not name.endswith((".css", ".js")):
            continue
        content = Path(str(finders.find(name))).read_bytes()
        weights[name] = len(gzip.compress(content, 6))
        for url in re.findall(rb"url\([\"']?([^\"')]+\.woff2)", content):
            fonts = f"{name.rpartition('/')[0]}/{url.decode()}"
            weights[fonts] = Path(str(finders.find(fonts))).stat().st_size
    return weights


def test_weight_of_a_page(world: World) -> None:
    di = world.intervention(*[item(number) for number in range(1, 6)])
    office = world.office(MANAGER)
    for url in ("/admin/", address(di), address(type(di), "changelist")):
        answer = office.get(url)
        html = len(gzip.compress(answer.content, 6))
        assets = loaded_by(answer.content.decode())
        assert len(assets) > 20
        assert html < LATER, (url, html)
        assert html + sum(assets.values()) < FIRST_LOAD, (url, html, assets)


def test_pages_are_sent_compressed(world: World) -> None:
    answer = world.office(MANAGER).client.get("/admin/", headers={"accept-encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Le travail du jour" in gzip.decompress(answer.content).decode()


def test_pdf_is_sent_as_it_is(world: World) -> None:
    invoice = world.posted()
    url = reverse("admin:invoicing_invoice_pdf", args=[invoice.pk])
    answer = world.office(MANAGER).client.get(url, headers={"accept-encoding": "gzip"})
    assert answer.headers["Content-Type"] == "application/pdf"
    assert "Content-Encoding" not in answer.headers
    assert int(answer.headers["Content-Length"]) == len(b"".join(answer.streaming_content))
