"""A real browser on the real server. Any error on a page fails the test that looked at it."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.test import Client
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect

# Playwright's loop runs in the test's thread; Django would take every query there for one made inside async code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=15_000)  # two cores run three suites at once


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium; without one, Playwright's own."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    return {**browser_type_launch_args, "args": FLAGS, **({"executable_path": chromium} if chromium else {})}


@pytest.fixture(scope="session")
def base_url(live_server: Any) -> str:
    """Addresses in tests are relative: page.goto("/admin/")."""
    return str(live_server.url)


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """French people in France."""
    return {**browser_context_args, "locale": "fr-FR", "timezone_id": "Europe/Paris"}


@pytest.fixture
def page_errors() -> Iterator[list[str]]:
    """What went wrong on the pages of this test. A test that provokes an error on purpose reads and clears it."""
    errors: list[str] = []
    yield errors
    if errors:
        pytest.fail("on the page:\n" + "\n".join(errors), pytrace=False)


@pytest.fixture
def new_context(
    page_errors: list[str], transactional_db: None, new_context: Callable[..., BrowserContext]
) -> Callable[..., BrowserContext]:
    """pytest-playwright's, watched; its pages are closed before the database is emptied."""

    note = page_errors.append

    def watched(**options: Any) -> BrowserContext:
        context = new_context(**options)
        context.on("console", lambda said: said.type == "error" and note(f"{said.text} ({said.location['url']})"))
        context.on("weberror", lambda broken: note(f"script: {broken.error}"))
        context.on("response", lambda answer: answer.status >= 500 and note(f"{answer.status}: {answer.url}"))
        return context

    return watched


@pytest.fixture
def context(new_context: Callable[..., BrowserContext]) -> BrowserContext:
    """Behind `page`: an office screen."""
    return new_context(viewport=DESKTOP)


@pytest.fixture
def phone(new_context: Callable[..., BrowserContext]) -> Page:
    """A page on a phone: 390 × 844, touch."""
    return new_context(viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=2).new_page()


@pytest.fixture
def login(live_server: Any) -> Callable[[Page, AbstractBaseUser], Page]:
    """`login(page, user)`: the user's session in the page's browser, without going through the form."""

    def enter(page: Page, user: AbstractBaseUser) -> Page:
        client = Client()
        client.force_login(user)
        page.context.add_cookies(
            [
                {
                    "name": settings.SESSION_COOKIE_NAME,
                    "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
                    "url": live_server.url,
                }
            ]
        )
        return page

    return enter
