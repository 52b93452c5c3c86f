"""Notes, files and follow-ups bear the company they were made in: on a shared record, another company's are not seen."""

from datetime import date
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile

from invoicing.models import Attachment, CompanyAccess, FollowUp, HistoryLine, Partner
from invoicing.services.records.attachments import attach
from invoicing.services.records.follow_ups import add_follow_up
from invoicing.services.records.history import record_many, version_of
from invoicing.services.records.notes import add_note
from openfire_billing.office.roles import PLANNER
from tests.factories import CompanyFactory, Office, UserFactory, World
from tests.factories.api import Api, refused
from tests.factories.pages import address, file_address

DUE = date(2026, 11, 25)


@pytest.fixture
def people(world: World) -> dict[str, User]:
    """One who works here, one who works elsewhere, one who works in both."""
    other = CompanyFactory(name="Ailleurs")
    both = UserFactory(role=PLANNER, company=world.company, username="both")
    CompanyAccess.objects.create(user=both, company=other)
    return {"here": world.planner, "elsewhere": UserFactory(role=PLANNER, company=other), "all": both}


def speak(document: Any, people: dict[str, User]) -> None:
    """Everybody writes a note, joins a file and sets a follow-up for himself."""
    for name, user in people.items():
        add_note(document, f"note {name}", by=user)
        attach(document, SimpleUploadedFile(f"file-{name}.pdf", b"%PDF"), by=user)
        add_follow_up(document, text=f"task {name}", due_on=DUE, user=user, by=user)


def seen_on_page(user: User, document: Any) -> set[str]:
    page = unescape(Office(user).get(address(document)).content.decode())
    words = (f"{kind} {name}" for kind in ("note", "task") for name in ("here", "elsewhere", "all"))
    files = (f"file-{name}.pdf" for name in ("here", "elsewhere", "all"))
    return {word for word in (*words, *files) if word in page}


def all_of(*names: str) -> set[str]:
    return {text for name in names for text in (f"note {name}", f"task {name}", f"file-{name}.pdf")}


def test_page_of_a_customer_shows_those_of_ones_companies_and_of_none(world: World, people: dict[str, User]) -> None:
    speak(world.customer, people)

    assert seen_on_page(people["here"], world.customer) == all_of("here", "all")
    assert seen_on_page(people["elsewhere"], world.customer) == all_of("elsewhere", "all")
    assert seen_on_page(people["all"], world.customer) == all_of("here", "elsewhere", "all")


def test_page_of_an_equipment_and_of_an_article_likewise(world: World, people: dict[str, User]) -> None:
    from invoicing.models import Product
    from tests.factories import InstalledProductFactory

    equipment = InstalledProductFactory(partner=world.customer)
    product = Product.objects.get(code="ram_pose")
    for document in (equipment, product):
        speak(document, people)
        assert seen_on_page(people["elsewhere"], document) == all_of("elsewhere", "all")


def test_document_of_a_company_shows_all_of_its_own(world: World, people: dict[str, User]) -> None:
    intervention = world.intervention()
    speak(intervention, people)

    assert seen_on_page(people["here"], intervention) == all_of("here", "elsewhere", "all")
    for model in (Attachment, FollowUp, HistoryLine):
        rows = model._default_manager.filter(object_id=intervention.pk)
        assert set(rows.values_list("company__name", flat=True)) == {world.company.name}


def test_api_shows_and_finishes_those_alone(world: World, people: dict[str, User]) -> None:
    speak(world.customer, people)
    api = Api(people["elsewhere"])

    journal = api.get(f"partners/{world.customer.pk}/journal/").json()

    texts = [line["text"] for line in journal["lines"] if line["act"] == "note"]
    assert texts == ["note all", "note elsewhere"]
    assert [row["text"] for row in journal["follow_ups"]] == ["task elsewhere", "task all"]
    theirs = FollowUp.objects.get(text="task here")
    answer = api.post(f"partners/{world.customer.pk}/follow-up-done/", {"follow_up": theirs.pk})
    assert refused(answer) == "Cette relance n'est pas de cette fiche : prenez-la dans son journal."
    theirs.refresh_from_db()
    assert theirs.done_at is None


def test_address_of_a_file_and_its_deletion_are_held_to_it(world: World, people: dict[str, User]) -> None:
    speak(world.customer, people)
    file = Attachment.objects.get(name="file-here.pdf")
    mine, other, both = (Office(people[name]) for name in ("here", "elsewhere", "all"))

    assert [opened(office, file) for office in (mine, other, both)] == [200, 404, 200]
    assert other.client.post(_detach(file)).status_code == 404
    assert Attachment.objects.filter(pk=file.pk).exists()


def opened(office: Office, file: Attachment) -> int:
    """The status of the answer, read to its end."""
    answer = office.get(file_address(file))
    assert b"".join(answer.streaming_content if answer.streaming else [answer.content])
    return int(answer.status_code)


def _detach(file: Attachment) -> str:
    return f"/admin/invoicing/partner/{file.object_id}/files/{file.pk}/detach/"


def test_follow_up_of_another_company_is_not_finished_from_the_page(world: World, people: dict[str, User]) -> None:
    speak(world.customer, people)
    theirs = FollowUp.objects.get(text="task here")
    url = f"/admin/invoicing/partner/{world.customer.pk}/follow-up/{theirs.pk}/done/"

    assert Office(people["elsewhere"]).client.post(url).status_code == 404
    assert Office(people["all"]).client.post(url).status_code == 302


def test_changes_of_a_shared_record_are_for_all_and_its_version_too(world: World, people: dict[str, User]) -> None:
    Office(people["here"]).save(world.customer, mobile="06 39 98 20 10")
    record_many([(world.customer, "Importé", None)], "imported", by=people["here"])

    lines = HistoryLine.objects.of(world.customer).filter(act__in=["changed", "imported"])
    assert list(lines.values_list("company", flat=True)) == [None, None]
    page = unescape(Office(people["elsewhere"]).get(address(world.customer)).content.decode())
    assert "Fiche modifiée" in page
    customer = Partner.objects.get(pk=world.customer.pk)
    before = version_of(customer)
    add_note(customer, "note", by=people["here"])
    assert version_of(Partner.objects.get(pk=customer.pk)) == before
