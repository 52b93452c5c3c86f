"""What is folded on a document's page until somebody asks for it."""

from playwright.sync_api import Page


def open_fields(page: Page) -> None:
    """Press the pencil of the summary: the fields of the header open."""
    page.locator(".of-edit > summary").click()


def show_discounts(page: Page) -> None:
    """Show the column of discounts, which is hidden while no line has one."""
    page.locator("[data-show-discount]").click()
