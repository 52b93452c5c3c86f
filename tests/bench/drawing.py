"""How long Chromium takes to draw the week of the planning board, and to paint a drop: the server's part included."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import Client
from django.test.testcases import LiveServerThread
from playwright.sync_api import Page, sync_playwright

from interventions.models import Technician

OPENINGS, DROPS = 8, 20
# Two frames later what is in the page is painted. Moments are counted from the start of the page's loading.
WATCH = """
const painted = (then) => requestAnimationFrame(() => requestAnimationFrame(() => then(performance.now())));
window.addEventListener("load", () => painted((now) => { window.drawnAt = now; }));
window.addEventListener("pointerup", () => { window.upAt = performance.now(); window.paintedAt = null; }, true);
document.addEventListener("board:cells", () => {
  const card = window.dropped && document.querySelector(`#board [data-rdv="${window.dropped.rdv}"]`);
  if (card && card.closest("td").id === window.dropped.cell) painted((now) => { window.paintedAt ??= now; });
});
"""


def measure_drawing(people: Sequence[Technician], monday: date) -> tuple[list[float], list[float]]:
    """Return the seconds to draw the week, each time it is opened, and from pointer up to painted, of each drop."""
    rows = sorted(people, key=lambda person: person.name)[:2]  # the first two of the board, which are on the screen
    with _page() as page:
        drawn = []
        for _turn in range(OPENINGS + 1):
            page.goto(f"/planning/?view=week&from={monday}")
            page.wait_for_function("window.drawnAt")
            drawn.append(page.evaluate("window.drawnAt") / 1000)
        return drawn[1:], [_drop(page, rows, monday, number) for number in range(DROPS)]


def _drop(page: Page, people: Sequence[Technician], monday: date, number: int) -> float:
    """Drag the first card of a cell into the cell above or below it. Return the seconds from pointer up to painted."""
    turn, day = divmod(number, 5)
    source, target = (f"c-{person.pk}-{monday + timedelta(days=day)}" for person in _to_and_fro(people, turn))
    card = page.locator(f'td[id="{source}"] .of-rdv').first
    start, end = card.bounding_box(), page.locator(f'td[id="{target}"]').bounding_box()
    if start is None or end is None:
        raise RuntimeError("the first two rows are not on the screen")
    page.evaluate("found => { window.dropped = found; }", {"rdv": card.get_attribute("data-rdv"), "cell": target})
    page.mouse.move(start["x"] + 20, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 20, end["y"] + 20, steps=8)
    page.mouse.up()
    page.wait_for_function("window.paintedAt")
    return float(page.evaluate("window.paintedAt - window.upAt")) / 1000


def _to_and_fro(people: Sequence[Technician], turn: int) -> tuple[Technician, Technician]:
    return (people[0], people[1]) if turn % 2 == 0 else (people[1], people[0])


@contextmanager
def _page() -> Iterator[Page]:
    """A page of a browser in which the planner is logged in, before a server of this database."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in this thread
    server = LiveServerThread("localhost", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    chromium: Any = os.environ.get("CHROMIUM") or shutil.which("chromium")
    url = f"http://localhost:{server.port}"
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username="planning"))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            context = browser.new_context(base_url=url, viewport={"width": 1440, "height": 1000}, locale="fr-FR")
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
            page = context.new_page()
            page.add_init_script(WATCH)
            yield page
            browser.close()
    finally:
        server.terminate()
