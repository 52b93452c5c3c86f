"""Nothing is for search engines: every page and file that a customer opens by a link says so."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from invoicing.services.records.attachments import attach
from invoicing.services.records.links import publish, token_of
from openfire_billing.office.roles import PLANNER
from tests.factories import World
from tests.factories.pages import file_address

TAG = "noindex, nofollow"


@pytest.mark.django_db
def test_robots_are_sent_away() -> None:
    answer = Client().get("/robots.txt")

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain")
    assert answer.content == b"User-agent: *\nDisallow: /\n"


def test_pages_and_papers_of_customers_are_not_indexed(world: World) -> None:
    documents: list[Any] = [world.intervention(), world.quote(), world.posted()]
    client = Client()
    seen = []
    for document in documents:
        link = f"/p/{token_of(publish(document, by=world.planner, published=True))}/"
        for page in (link, f"{link}pdf/"):
            answer = client.get(page)
            seen.append((answer.status_code, answer["X-Robots-Tag"]))
            assert b"".join(answer.streaming_content if answer.streaming else [answer.content])

    assert seen == [(200, TAG), (404, TAG), *[(200, TAG)] * 4]


def test_files_pages_and_refusals_are_not_indexed(world: World) -> None:
    file = attach(world.intervention(), SimpleUploadedFile("a.pdf", b"%PDF"), by=world.planner)
    answer = world.office(PLANNER).get(file_address(file))
    assert b"".join(answer.streaming_content) == b"%PDF"

    pages = [Client().get(url) for url in ("/admin/login/", "/p/forged/", "/healthz", "/mobile/login/", "/nowhere")]

    assert [page["X-Robots-Tag"] for page in (answer, *pages)] == [TAG] * 6
