"""What is folded on a document's page until somebody asks for it."""

from playwright.sync_api import Locator, Page, expect


def open_fields(page: Page) -> None:
    """Press the pencil of the summary: the fields of the header open."""
    page.locator(".of-edit > summary").click()


def show_discounts(page: Page) -> None:
    """Show the column of discounts, which is hidden while no line has one."""
    page.locator("[data-show-discount]").click()


def toasts(page: Page) -> Locator:
    """Return what the page says was done."""
    return page.locator(".of-toasts")


def choice(page: Page, field: str) -> Locator:
    """Return the box in which the record of a field is chosen by typing."""
    return page.locator(f"#id_{field}-box")


def highlighted(page: Page) -> Locator:
    """Return the record that Enter takes, in the list that is open."""
    return page.locator(".of-choices:popover-open [role=option][aria-selected=true]")


def choose(page: Page, field: str, text: str) -> None:
    """Choose in a box that searches: open it, type, press Enter on the first found."""
    choice(page, field).click()
    choice(page, field).fill(text)
    expect(highlighted(page)).to_contain_text(text)
    page.keyboard.press("Enter")
    expect(page.locator(".of-choices:popover-open")).to_have_count(0)  # Enter waits for the answer on its way


def type_customer(page: Page) -> None:
    """Type a telephone, an e-mail and an address in the panel that creates a customer, from box to box by Tab."""
    expect(page.locator("#id_act-phone")).to_be_focused()
    for text in ("06 39 98 12 34", "goldman@exemple.example", "3 rue de la Forge", "35235"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    expect(page.locator("#id_act-address-city")).to_have_value("Thorigné-Fouillard")
