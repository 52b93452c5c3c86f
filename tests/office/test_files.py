"""Attached files: pictures and PDFs are shown, all else is downloaded, and nothing runs in the product's origin."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from appointments.models import Appointment
from appointments.services.planning import plan_interventions
from appointments.services.states import confirm_appointment
from interventions.models import Technician
from invoicing.models import Attachment
from invoicing.services.records.attachments import attach
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import PLANNER
from openfire_billing.web.files import kind_shown
from tests.factories import Office, TechnicianFactory, UserFactory, World
from tests.factories.pages import address, file_address

SHOWN = {
    "photo.jpg": (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
    "plan.png": (b"\x89PNG\r\n\x1a\nrest", "image/png"),
    "old.gif": (b"GIF87arest", "image/gif"),
    "new.gif": (b"GIF89arest", "image/gif"),
    "photo.webp": (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
    "photo.heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
    "devis.pdf": (b"%PDF-1.7 rest", "application/pdf"),
    "without ending": (b"\xff\xd8\xffrest", "image/jpeg"),
}
DOWNLOADED = {
    "page.xhtml": b'<html xmlns="http://www.w3.org/1999/xhtml"><script src="a.mjs"/></html>',
    "a.mjs": b"navigator.serviceWorker.register('b.mjs')",
    "photo.jpg": b"<html><script>alert(1)</script></html>",
    "plan.xml": b'<?xml version="1.0"?><?xml-stylesheet href="a.xsl"?><a/>',
    "devis.pdf": b" %PDF-1.7",
    "drawing.png": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "film.mp4": b"\0\0\0\x18ftypisom\0\0\0\0",
    "sound.webp": b"RIFF\x10\0\0\0WAVEfmt ",
    "empty.png": b"",
}


def joined(world: World, name: str, content: bytes) -> Attachment:
    return attach(world.intervention(), SimpleUploadedFile(name, content or b" "), by=world.planner)


@pytest.mark.parametrize("name", SHOWN)
def test_picture_or_pdf_is_shown(world: World, name: str) -> None:
    content, kind = SHOWN[name]
    answer = world.office(PLANNER).get(file_address(joined(world, name, content)))
    assert (answer["Content-Type"], answer["Content-Security-Policy"]) == (kind, "sandbox")
    assert answer["Content-Disposition"].startswith("inline;")
    assert (answer["X-Content-Type-Options"], answer["Cross-Origin-Resource-Policy"]) == ("nosniff", "same-origin")
    assert b"".join(answer.streaming_content) == content


@pytest.mark.parametrize("name", DOWNLOADED)
def test_all_else_is_downloaded(world: World, name: str) -> None:
    answer = world.office(PLANNER).get(file_address(joined(world, name, DOWNLOADED[name])))
    assert (answer["Content-Type"], answer["Content-Security-Policy"]) == ("application/octet-stream", "sandbox")
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert b"".join(answer.streaming_content) == (DOWNLOADED[name] or b" ")


def status(user: Any, file: Attachment) -> int:
    """The status of the answer to this user, read to its end."""
    answer = Office(user).get(file_address(file))
    assert b"".join(answer.streaming_content if answer.streaming else [b"page"])
    return int(answer.status_code)


def test_nothing_is_recognised_of_nothing() -> None:
    assert kind_shown(b"") == ""


def test_file_is_for_who_may_see_its_record(world: World) -> None:
    """A technician opens the files of his own RDVs alone; an invoice's are not the planner's; a gone file is not found."""
    mine, other = TechnicianFactory(company=world.company), TechnicianFactory(company=world.company)
    Technician.objects.filter(pk=mine.pk).update(user=world.technician)
    Technician.objects.filter(pk=other.pk).update(user=UserFactory(is_staff=False, company=world.company))
    (outcome,) = plan_interventions([world.intervention()], not_before=timezone.now(), by=world.planner)
    rdv = confirm_appointment(outcome.made, by=world.planner)
    rdv.technicians.set([mine])
    file = attach(Appointment.objects.get(pk=rdv.pk), SimpleUploadedFile("a.jpg", b"\xff\xd8\xff"), by=world.planner)
    invoice = attach(world.draft(), SimpleUploadedFile("b.jpg", b"\xff\xd8\xff"), by=world.biller)
    other_user = Technician.objects.get(pk=other.pk).user
    assert [status(user, file) for user in (world.technician, other_user)] == [200, 404]
    assert [status(user, invoice) for user in (world.biller, world.planner)] == [200, 404]
    assert status(world.technician, invoice) == 404
    assert Client().get(file_address(file)).url == f"/admin/login/?next={file_address(file)}"
    assert world.office(PLANNER).client.post(file_address(file)).status_code == 405
    address = file_address(file)
    file.file.storage.delete(file.file.name)
    assert world.office(PLANNER).get(address).status_code == 404


@pytest.mark.parametrize(
    ("sent", "refused"),
    [("bon.pdf.exe", "bon.pdf.exe"), ("bon.exe. ", "bon.exe"), ("fac\u202efdp.exe", "facfdp.exe")],
)
def test_program_under_the_ending_of_another_file_is_refused(world: World, sent: str, refused: str) -> None:
    """« bon.exe. » and a name turned around by U+202E passed for other files than programs."""
    with pytest.raises(BusinessError) as refusal:
        joined(world, sent, b"MZ")

    assert str(refusal.value) == f"« {refused} » : ce type de fichier n'est pas accepté. Joignez un PDF ou une image."


def test_file_is_shown_stored_and_served_under_a_name_that_shows_its_ending(world: World) -> None:
    intervention = world.intervention()
    office = world.office(PLANNER)

    page = office.client.post(
        address(intervention, "attach"), {"files": SimpleUploadedFile("fac\u202efdp.zip .", b"PK")}, follow=True
    )

    attachment = Attachment.objects.get()
    assert (attachment.name, attachment.file.name.rpartition("/")[2]) == ("facfdp.zip", "facfdp.zip")
    assert "Fichier joint : facfdp.zip" in page.content.decode()
    assert "\u202e" not in page.content.decode()
    answer = office.get(file_address(attachment))
    assert (answer["Content-Disposition"], answer["Content-Type"]) == (
        'attachment; filename="facfdp.zip"',
        "application/octet-stream",
    )
    assert b"".join(answer.streaming_content) == b"PK"


def test_name_of_signs_is_stored_under_plain_ones(world: World) -> None:
    assert joined(world, "n° 7 (copie).°", b"x").file.name.rpartition("/")[2] == "n__7__copie_._"
