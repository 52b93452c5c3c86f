"""Uploaded files are held to their size while they are received, and to the room of their company."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory

from invoicing.models import Attachment
from invoicing.services.records.attachments import attach, copy_attachments
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import MANAGER, PLANNER
from openfire_billing.web.uploads import LARGEST, RequestTooLarge
from tests.factories import CompanyFactory, World
from tests.factories.appointments import at, book, technician
from tests.factories.pages import address


def too_large(name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"\0" * (LARGEST + 1))


def stored() -> list[str]:
    return [path.name for path in Path(configured.MEDIA_ROOT).rglob("*") if path.is_file()]


def messages_of(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def test_file_too_large_is_refused_in_the_office_and_the_one_beside_it_is_kept(world: World) -> None:
    intervention, before = world.intervention(), set(stored())
    files = [too_large("gros.pdf"), SimpleUploadedFile("petit.pdf", b"%PDF petit")]

    answer = world.office(PLANNER).client.post(address(intervention, "attach"), {"files": files}, follow=True)

    assert messages_of(answer) == [
        "« gros.pdf » dépasse 20 Mo : réduisez-le avant de le joindre.",
        "Fichier joint : petit.pdf",
    ]
    assert [(file.name, file.size) for file in Attachment.objects.all()] == [("petit.pdf", 10)]
    assert set(stored()) - before == {"petit.pdf"}


def test_photo_too_large_is_refused_on_the_phone(world: World) -> None:
    me = technician(world, user=world.technician)
    rdv = book(world, world.intervention(), who=me, starts_at=at(14, day=24), state="confirmed")
    phone = Client()
    phone.force_login(world.technician)

    answer = phone.post(f"/mobile/appointments/{rdv.pk}/photos/", {"photos": [too_large("photo.jpg")]}, follow=True)

    assert messages_of(answer) == ["« photo.jpg » dépasse 20 Mo : réduisez-le avant de le joindre."]
    assert not Attachment.objects.exists()


def test_file_too_large_is_refused_by_the_import(world: World) -> None:
    answer = world.office(MANAGER).client.post("/admin/import/customers/", {"file": too_large("clients.csv")})

    assert answer.status_code == 409
    assert "Le fichier dépasse 20 Mo : coupez-le en plusieurs." in answer.content.decode()


@pytest.mark.parametrize(("size", "kept"), [(LARGEST, LARGEST), (LARGEST + 1, 0)])
def test_nothing_of_a_file_too_large_is_kept(size: int, kept: int) -> None:
    request = RequestFactory().post("/", {"files": SimpleUploadedFile("a.pdf", b"\0" * size)})

    (file,) = request.FILES.getlist("files")

    with file:
        assert (file.name, file.size, len(file.read())) == ("a.pdf", size, kept)


def test_request_too_large_is_refused_before_it_is_read(world: World, settings: Any) -> None:
    settings.UPLOAD_LARGEST_REQUEST = 3 * 1024**2
    request = RequestFactory().post("/", {"files": SimpleUploadedFile("a.pdf", b"\0" * 3 * 1024**2)})

    with pytest.raises(RequestTooLarge):
        request.POST  # noqa: B018
    assert request.environ["wsgi.input"].read(2) == b"--"

    client = world.office(PLANNER).client
    client.raise_request_exception = False
    files = {"files": SimpleUploadedFile("a.pdf", b"\0" * 3 * 1024**2)}
    answer = client.post(address(world.intervention(), "attach"), files)
    assert answer.status_code == 413
    sentence = "Ces fichiers font ensemble plus de 3 Mo : envoyez-les en plusieurs fois. Rien n'a été enregistré."
    assert sentence in answer.content.decode()
    assert not Attachment.objects.exists()


def test_files_of_a_company_have_so_much_room(world: World, settings: Any) -> None:
    settings.ATTACHMENTS_QUOTA = 3 * 1024**2
    other = CompanyFactory(name="Ailleurs")
    mine, theirs = world.intervention(), world.intervention()
    type(theirs).objects.filter(pk=theirs.pk).update(company=other)
    theirs.refresh_from_db()
    attach(mine, SimpleUploadedFile("a.pdf", b"\0" * 2 * 1024**2), by=world.planner)
    attach(mine, SimpleUploadedFile("b.pdf", b"\0" * 1024**2), by=world.planner)

    with pytest.raises(BusinessError) as full:
        attach(mine, SimpleUploadedFile("c.pdf", b"\0"), by=world.planner)
    attach(theirs, SimpleUploadedFile("c.pdf", b"\0"), by=world.planner)

    assert str(full.value) == (
        f"« c.pdf » n'est pas joint : les fichiers de {world.company} occupent 3,0 Mo sur 3,0. Retirez-en, ou faites "
        "relever la limite (ATTACHMENTS_QUOTA)."
    )
    copy_attachments(mine, theirs, by=world.planner)
    found = Attachment.objects.order_by("pk").values_list("name", "size", "company__name")
    assert list(found) == [
        ("a.pdf", 2 * 1024**2, world.company.name),
        ("b.pdf", 1024**2, world.company.name),
        ("c.pdf", 1, "Ailleurs"),
        ("a.pdf", 2 * 1024**2, "Ailleurs"),
        ("b.pdf", 1024**2, "Ailleurs"),
    ]
