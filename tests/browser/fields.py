"""What is folded on a document's page until somebody asks for it."""

from playwright.sync_api import Locator, Page


def open_fields(page: Page) -> None:
    """Press the pencil of the summary: the fields of the header open."""
    page.locator(".of-edit > summary").click()


def show_discounts(page: Page) -> None:
    """Show the column of discounts, which is hidden while no line has one."""
    page.locator("[data-show-discount]").click()


def toasts(page: Page) -> Locator:
    """Return what the page says was done."""
    return page.locator(".of-toasts")
