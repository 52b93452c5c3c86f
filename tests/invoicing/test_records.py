"""What every record carries: private files, its journal, its public link."""

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from interventions.services.requests import duplicate_intervention
from invoicing.models import Attachment, HistoryLine, PublicLink
from invoicing.services.records.attachments import attach, attachments_of, detach
from invoicing.services.records.history import record_many
from invoicing.services.records.links import is_published, link_of, publish, renew_link, token_of
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT, BILLING, PLANNER
from tests.factories import CompanyFactory, Office, UserFactory, World, nothing_changed
from tests.factories.pages import address, file_address


def upload(name: str = "photo.jpg", content: bytes = b"image") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


# Files


def test_file_is_attached_read_and_taken_away_from_the_page(world: World) -> None:
    intervention = world.intervention()
    office = world.office(PLANNER)
    office.client.post(address(intervention, "attach"), {"files": [upload(), upload("plan.pdf")]})
    first, _second = Attachment.objects.order_by("pk")

    answer = office.get(file_address(first))
    assert b"".join(answer.streaming_content) == b"image"
    assert answer["Content-Disposition"] == 'attachment; filename="photo.jpg"'

    office.client.post(address(intervention, "detach", first.pk))
    assert [file.name for file in attachments_of(intervention)] == ["plan.pdf"]
    assert [line.text for line in HistoryLine.objects.of(intervention)][:3] == [
        "Fichier retiré : photo.jpg",
        "Fichier joint : plan.pdf",
        "Fichier joint : photo.jpg",
    ]


def test_file_is_private(world: World) -> None:
    intervention = world.intervention()
    file = attach(intervention, upload(), by=world.planner)
    url = file_address(file)
    elsewhere = Office(UserFactory(role=PLANNER, company=CompanyFactory()))

    assert Client().get(url).status_code == 302
    assert elsewhere.get(url).status_code == 404
    assert Client().get(f"/media/{file.file.name}").status_code == 404


@pytest.mark.parametrize("name", ["virus.exe", "page.HTML", "dessin.svg", "script.js"])
def test_file_that_could_run_is_refused(world: World, name: str) -> None:
    intervention = world.intervention()

    with nothing_changed():
        answer = world.office(PLANNER).client.post(
            address(intervention, "attach"), {"files": upload(name)}, follow=True
        )

    assert f"« {name} » : ce type de fichier n'est pas accepté. Joignez un PDF ou une image." in [
        str(message) for message in answer.context["messages"]
    ]


def test_file_too_big_is_refused(world: World) -> None:
    intervention = world.intervention()
    film = upload("film.mp4")
    film.size = 20 * 1024 * 1024 + 1

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        attach(intervention, film, by=world.planner)
    assert str(refused.value) == "« film.mp4 » dépasse 20 Mo : réduisez-le avant de le joindre."


def test_largest_file_is_kept_under_a_name_cut_short(world: World) -> None:
    film = upload("dossier/" + "f" * 157 + ".mp4")
    film.size = 20 * 1024 * 1024

    file = attach(world.intervention(), film, by=world.planner)

    assert (file.name, file.by) == ("f" * 156 + ".mp4", world.planner)


def test_bytes_of_a_file_taken_away_go_once_the_change_is_kept(
    world: World, django_capture_on_commit_callbacks: Any
) -> None:
    file = attach(world.intervention(), upload(), by=world.planner)
    stored, name = file.file.storage, file.file.name

    with django_capture_on_commit_callbacks(execute=True):
        detach(file, by=world.planner)
        kept = stored.exists(name)

    assert (kept, stored.exists(name)) == (True, False)


def test_files_are_carried_along_to_a_copy(world: World) -> None:
    intervention = world.intervention()
    attach(intervention, upload(), by=world.planner)

    copy = duplicate_intervention(intervention, on=world.today, by=world.planner)

    (file,) = attachments_of(copy)
    assert (file.name, file.file.read()) == ("photo.jpg", b"image")
    file.file.close()


# Journal


def test_saving_a_page_writes_before_and_after(world: World) -> None:
    intervention = world.intervention(title="Avant")

    world.office(PLANNER).save(intervention, title="Après", lines__0__quantity="2")

    changes: dict[str, Any] = {}
    for line in HistoryLine.objects.of(intervention).filter(by=world.planner, act__in=("changed", "edited")):
        changes |= line.changes
    line = {
        "id": intervention.lines.get().pk,
        "line": "[ram_pose] Forfait Pose",
        "act": "changed",
        "changes": {"quantity": ["1", "2"]},
    }
    assert changes == {"title": ["Avant", "Après"], "lines": [line]}


def test_saving_without_a_change_writes_nothing(world: World) -> None:
    intervention = world.intervention()

    with nothing_changed():
        assert world.office(PLANNER).save(intervention).status_code == 302


@pytest.mark.timeout(20)  # on PostgreSQL it waited for ever
def test_many_lines_are_written_by_a_process_that_has_just_begun(world: World) -> None:
    ContentType.objects.clear_cache()

    record_many(
        [(world.customer, "Importé", None), (world.company, "Importé", {"name": ["A", "B"]})], "imported", by=None
    )

    assert [line.changes for line in HistoryLine.objects.filter(act="imported")] == [{"name": ["A", "B"]}, {}]


def test_every_act_of_a_life_is_in_the_journal(world: World) -> None:
    intervention = world.intervention()
    invoice = world.posted(intervention=intervention)

    assert [line.act for line in HistoryLine.objects.of(intervention)] == ["invoiced", "validated", "created"]
    assert [line.act for line in HistoryLine.objects.of(invoice)] == ["posted", "created"]


# Public link


def pages(world: World) -> list[Any]:
    invoice = world.posted()
    return [world.intervention(), world.quote(), invoice]


def test_published_documents_are_seen_by_anyone_with_the_link(world: World) -> None:
    for document in pages(world):
        token = token_of(publish(document, by=world.biller, published=True))

        answer = Client().get(f"/p/{token}/")

        assert answer.status_code == 200
        assert document.number in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]


def test_published_is_what_has_a_link_that_is_open(world: World) -> None:
    intervention = world.intervention()
    seen = [is_published(intervention)]
    link_of(intervention)
    seen.append(is_published(intervention))
    for published in (True, False):
        publish(intervention, by=world.planner, published=published)
        seen.append(is_published(intervention))

    assert seen == [False, False, True, False]
    assert [line.text for line in HistoryLine.objects.of(intervention)[:2]] == [
        "Retirée du site",
        "Publiée sur le site",
    ]


def test_page_not_published_is_not_found(world: World) -> None:
    for document in pages(world):
        token = token_of(link_of(document))
        assert Client().get(f"/p/{token}/").status_code == 404
        publish(document, by=world.biller, published=True)
        publish(document, by=world.biller, published=False)
        assert Client().get(f"/p/{token}/").status_code == 404


def test_revoked_link_is_not_found(world: World) -> None:
    intervention = world.intervention()
    old = token_of(publish(intervention, by=world.planner, published=True))

    new = token_of(renew_link(intervention, by=world.planner))

    assert (Client().get(f"/p/{old}/").status_code, Client().get(f"/p/{new}/").status_code) == (404, 200)
    assert HistoryLine.objects.of(intervention)[0].text == "Nouveau lien : l'ancien ne répond plus"


def test_forged_link_is_not_found(world: World) -> None:
    link = publish(world.intervention(), by=world.planner, published=True)
    token = token_of(link)

    for forged in (link.key, f"{link.key}.x", token[:-1], token.swapcase(), "a.b", "."):
        assert Client().get(f"/p/{forged}/").status_code == 404


def test_public_paper(world: World) -> None:
    intervention, quote, invoice = pages(world)
    answers = [
        Client().get(f"/p/{token_of(publish(document, by=world.biller, published=True))}/pdf/")
        for document in (intervention, quote, invoice)
    ]

    assert [answer.status_code for answer in answers] == [404, 200, 200]
    assert b"".join(answers[2].streaming_content).startswith(b"%PDF")
    for answer in answers[1:]:
        answer.close()


def test_draft_invoice_is_never_public(world: World) -> None:
    token = token_of(publish(world.draft(), by=world.biller, published=True))

    assert Client().get(f"/p/{token}/").status_code == 404


def test_public_page_is_read_only(world: World) -> None:
    token = token_of(publish(world.intervention(), by=world.planner, published=True))

    with nothing_changed():
        assert Client().post(f"/p/{token}/").status_code == 405


def test_publishing_from_the_page_and_renewing(world: World) -> None:
    intervention = world.intervention()
    office = world.office(PLANNER)

    office.act(intervention, "publish", published="on")
    key = PublicLink.objects.get().key
    office.act(intervention, "publish", renew="on")

    assert PublicLink.objects.get().is_published is True
    assert PublicLink.objects.get().key != key


@pytest.mark.parametrize("role", [BILLING, ACCOUNTANT])
def test_posted_invoice_may_be_published(world: World, role: str) -> None:
    invoice = world.posted()

    assert world.office(role).act(invoice, "publish", published="on").status_code == 302
    assert PublicLink.objects.get().is_published is True
