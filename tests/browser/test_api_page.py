"""The API's page for people, under the content security policy of the product."""

from playwright.sync_api import Page, expect


def test_page_of_the_api_shows_every_resource(page: Page) -> None:
    page.goto("/api/v1/docs/")

    for resource in ("partners", "interventions", "appointments", "quotes", "invoices", "contracts", "billing-runs"):
        expect(page.locator(f'[data-tag="{resource}"]')).to_be_visible()
    page.locator('[data-tag="invoices"]').click()
    page.locator("#operations-invoices-invoices_list").click()
    expect(page.get_by_text("payment_state").first).to_be_visible()
