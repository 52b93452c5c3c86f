"""Takes the pictures of this folder: the demonstration on a throw-away database, seen by headless Chromium.

make screenshots
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ADDRESS = "127.0.0.1:8137"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, TABLET, PHONE = (1440, 900), (1024, 800), (390, 844)


def _url(path: str) -> str:
    return f"http://{ADDRESS}{path}"


def _open(page: Page, path: str, tab: str = "") -> None:
    page.goto(_url(path))
    page.wait_for_load_state("networkidle")
    if tab:
        page.click(f"[data-tab={tab}]")
        page.wait_for_timeout(500)


def _menu(page: Page) -> None:
    page.get_by_role("button", name="Action").click()
    page.wait_for_timeout(200)


def _act(page: Page, label: str) -> None:
    _menu(page)
    page.locator(".of-menu-list a", has_text=label).first.click()
    page.locator("dialog [data-once]").click()
    page.wait_for_load_state("networkidle")


class Camera:
    """One browser; a picture at each size wanted."""

    def __init__(self, browser: object) -> None:
        self.browser = browser

    def shoot(
        self, name: str, see: Callable[[Page], None], *, user: str = "gestion", sizes=(DESKTOP,), dark=False
    ) -> None:
        for width, height in sizes:
            context = self.browser.new_context(  # type: ignore[attr-defined]
                viewport={"width": width, "height": height},
                locale="fr-FR",
                timezone_id="Europe/Paris",
                color_scheme="dark" if dark else "light",
            )
            page = context.new_page()
            door = "/mobile/login/" if user == "tech" else "/admin/login/"
            page.goto(_url(door))
            page.fill("#id_username", user)
            page.fill("#id_password", "demo")
            page.click("button[type=submit]")
            page.wait_for_load_state("networkidle")
            see(page)
            page.wait_for_timeout(400)
            page.screenshot(path=HERE / f"{name}{'-dark' if dark else ''}-{width}.png")
            context.close()
            print(f"{name}-{width}")


def take(camera: Camera) -> None:
    """Every picture, in the order of the story."""
    di, lines = "/admin/interventions/interventionrequest/", "billing"
    both = (DESKTOP, PHONE)
    camera.shoot("first-page", lambda p: _open(p, "/admin/"), sizes=(DESKTOP, TABLET, PHONE))
    camera.shoot("first-page", lambda p: _open(p, "/admin/"), dark=True)
    camera.shoot("di-list", lambda p: _open(p, di), sizes=both)

    def menu(page: Page) -> None:
        _open(page, f"{di}1/change/")
        _menu(page)

    camera.shoot("di-action", menu)
    camera.shoot("di", lambda p: _open(p, f"{di}1/change/"), sizes=(TABLET, PHONE))

    def billing_tab(page: Page) -> None:
        _open(page, f"{di}1/change/", lines)
        page.locator(".of-notebook").scroll_into_view_if_needed()

    camera.shoot("di-facturation", billing_tab, sizes=both)
    camera.shoot("di-facturation", billing_tab, dark=True)
    camera.shoot("quote", lambda p: _open(p, "/admin/invoicing/quote/2/change/"), sizes=both)
    camera.shoot("invoice-list", lambda p: _open(p, "/admin/invoicing/invoice/"))

    def posted(page: Page) -> None:
        _open(page, "/admin/invoicing/invoice/1/change/")
        if page.locator(".of-primary a", has_text="Valider").count():
            _act(page, "Valider")

    camera.shoot("invoice", posted, user="compta", sizes=both)

    def credit(page: Page) -> None:
        _open(page, "/admin/invoicing/invoice/1/change/")
        _menu(page)
        page.locator(".of-menu-list a", has_text="Avoir").click()
        page.wait_for_timeout(600)

    camera.shoot("credit-preview", credit, user="compta")

    def appointment(page: Page) -> None:
        _open(page, "/admin/appointments/appointment/1/change/")
        _menu(page)

    camera.shoot("rdv-action", appointment)
    camera.shoot("week", lambda p: _open(p, "/planning/"))
    camera.shoot("contract", lambda p: _open(p, "/admin/contracts/contract/1/change/"), sizes=both)
    line = "/admin/contracts/contractline/1/change/"
    for name in ("billing", "planning", "equipment", "follow-up"):
        camera.shoot(f"contract-line-{name}", lambda p, name=name: _open(p, line, name))
    camera.shoot("contract-list", lambda p: _open(p, "/admin/contracts/contract/"))
    camera.shoot("run", lambda p: _open(p, "/admin/contracts/billingrun/1/change/"), sizes=both)
    camera.shoot("mobile-week", lambda p: _open(p, "/mobile/week/"), user="tech", sizes=(PHONE,))
    camera.shoot("mobile-rdv", _first_visit, user="tech", sizes=(PHONE,))


def _first_visit(page: Page) -> None:
    _open(page, "/mobile/week/")
    page.locator("a.card").last.click()
    page.wait_for_load_state("networkidle")


def paper(environment: dict[str, str]) -> None:
    """The PDF of the first posted invoice, as a picture (poppler's pdftoppm when it is there)."""
    if not shutil.which("pdftoppm"):
        print("pdftoppm is not there: no picture of the PDF")
        return
    code = (
        "from invoicing.models import Invoice; from invoicing.paper.pdf import invoice_pdf; import sys; "
        "sys.stdout.buffer.write(invoice_pdf(Invoice.objects.posted().order_by('pk').first()))"
    )
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
    content = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True).stdout
    subprocess.run(
        ["pdftoppm", "-r", "80", "-png", "-singlefile", "-", str(HERE / "invoice-pdf")], input=content, check=True
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "DEMO": "1",
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            "MEDIA_ROOT": f"{folder}/media",
        }
        server = subprocess.Popen(
            [sys.executable, "manage.py", "demo", ADDRESS],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            for _try in range(600):
                try:
                    urllib.request.urlopen(_url("/healthz"), timeout=2)  # noqa: S310 (our own server)
                    break
                except OSError:
                    time.sleep(0.5)
            with sync_playwright() as playwright:
                chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                take(Camera(browser))
                browser.close()
            paper(environment)
        finally:
            server.terminate()
            server.wait(timeout=20)


if __name__ == "__main__":
    main()
