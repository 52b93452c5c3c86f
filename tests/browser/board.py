"""What the tests of the planning board share: its cells and cards, a drag, and an RDV read back from the database."""

from playwright.sync_api import Locator, Page

from appointments.models import Appointment
from interventions.models import Technician
from tests.factories.appointments import at

WEEK = "/planning/?view=week&from=2026-11-23"
WEDNESDAY, THURSDAY, FRIDAY = "2026-11-25", "2026-11-26", "2026-11-27"
REFUSAL = ".of-board-refusal"


def cell(page: Page, who: Technician, day: str) -> Locator:
    return page.locator(f'td[id="c-{who.pk}-{day}"]')


def card(page: Page, rdv: Appointment, day: str = WEDNESDAY) -> Locator:
    return page.locator(f'#board [data-rdv="{rdv.pk}"][id$="{day}"]')


def drag(page: Page, source: Locator, target: Locator, *, keys: str = "", x: float = 0.5, y: float = 0.6) -> None:
    """Press on one, move in steps, release over the other."""
    start, end = source.bounding_box(), target.bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    if keys:
        page.keyboard.down(keys)
    page.mouse.move(end["x"] + end["width"] * x, end["y"] + end["height"] * y, steps=8)
    page.mouse.up()
    if keys:
        page.keyboard.up(keys)


def when(rdv: Appointment) -> tuple[str, list[str], str]:
    """The RDV as it is now: its start in France, its technicians, its lead."""
    rdv = Appointment.objects.get(pk=rdv.pk)
    start = rdv.starts_at.astimezone(at(9).tzinfo) if rdv.starts_at else None
    names = sorted(person.name for person in rdv.technicians.all())
    return (f"{start:%d/%m %H:%M}" if start else "", names, rdv.lead.name if rdv.lead else "")


def row_menu(page: Page, who: Technician, entry: str) -> None:
    """Open the menu beside a technician's name and take an entry."""
    page.locator("#board th[scope=row] summary", has_text=who.name).click()
    page.locator("#board .of-row-menu[open] a", has_text=entry).click()


def cell_menu(page: Page, who: Technician, day: str, entry: str) -> None:
    """Open the menu of a cell and take an entry."""
    cell(page, who, day).hover(position={"x": 60, "y": 50})
    cell(page, who, day).locator(".of-cell-menu").click()
    page.locator(".of-cell-menu-list:popover-open a", has_text=entry).click()
