"""Private files in a bucket of the S3 protocol, shared by several machines: attached, shown, imported, saved, restored."""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import boto3
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from moto.server import ThreadedMotoServer
from PIL import Image

from invoicing.models import Attachment, Partner
from invoicing.services.parties.logos import keep_logo
from invoicing.services.records.attachments import attach, detach
from openfire_billing.db import private_files
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.backup import _write_files
from openfire_billing.office.importing.kept import LASTS, forget_files
from openfire_billing.office.restore import _restore_files
from openfire_billing.office.roles import MANAGER, PLANNER
from tests.factories import World
from tests.factories.pages import file_address

HEADER = "Nom;Adresse;Code postal;Ville\n"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server of the S3 protocol, in this process."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def bucket(server: str, settings: object) -> object:
    """`settings` with the private files in a new bucket. The bucket, as boto3 has it."""
    found = boto3.resource(
        "s3", endpoint_url=server, aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-west-3"
    ).Bucket(f"files-{timezone.now():%H%M%S%f}")
    found.create(CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    settings.STORAGES = settings.STORAGES | {  # type: ignore[attr-defined]
        "default": {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": found.name,
                "endpoint_url": server,
                "access_key": "key",
                "secret_key": "secret",
                "region_name": "eu-west-3",
                "addressing_style": "path",
                "default_acl": None,
                "file_overwrite": False,
            },
        }
    }
    return found


def keys(bucket: object) -> list[str]:
    return sorted(each.key for each in bucket.objects.all())  # type: ignore[attr-defined]


def test_attached_file_is_in_the_bucket_and_shown_by_the_product(world: World, bucket: object) -> None:
    attachment = attach(world.intervention(), SimpleUploadedFile("bon.pdf", b"%PDF-1.7 bon"), by=world.planner)

    assert keys(bucket) == [attachment.file.name]
    answer = world.office(PLANNER).get(file_address(attachment))
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, b"%PDF-1.7 bon")
    assert "Location" not in answer.headers

    bucket.delete_objects(Delete={"Objects": [{"Key": attachment.file.name}]})  # type: ignore[attr-defined]
    assert world.office(PLANNER).get(file_address(attachment)).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_file_taken_off_leaves_the_bucket(world: World, bucket: object) -> None:
    attachment = attach(world.intervention(), SimpleUploadedFile("bon.pdf", b"%PDF-1.7 bon"), by=world.planner)

    detach(attachment, by=world.planner)

    assert keys(bucket) == []
    assert not Attachment.objects.exists()


def test_logo_is_in_the_bucket(world: World, bucket: object) -> None:
    output = BytesIO()
    Image.new("RGB", (40, 20), "red").save(output, "PNG")
    world.company.logo.save("flamme.png", SimpleUploadedFile("flamme.png", output.getvalue()), save=False)
    keep_logo(world.company)
    world.company.save()
    world.company.logo.close()

    assert keys(bucket) == ["logos/flamme.png"]
    answer = world.office(MANAGER).get(world.company.logo.url)
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, output.getvalue())


def test_import_shown_by_a_machine_is_written_by_another(world: World, bucket: object) -> None:
    good, bad = "Rolland Aziliz;1 rue du Four;35000;Rennes\n", "Sans Ville;1 rue du Four;35000;\n"
    upload = SimpleUploadedFile("clients.csv", (HEADER + good + bad).encode(), "text/csv")
    office = world.office(MANAGER)

    page = office.client.post("/admin/import/customers/", {"file": upload})
    assert [name.partition("/")[0] for name in keys(bucket)] == ["imports", "imports"]  # the file, and the line to mend
    answer = office.client.post("/admin/import/customers/", {"token": page.context["token"], "good": "1"}, follow=True)

    assert answer.status_code == 200
    assert [name.endswith(".left") for name in keys(bucket)] == [True]
    assert forget_files(now=timezone.now()) == 0
    assert forget_files(now=timezone.now() + LASTS) == 1
    assert keys(bucket) == []
    assert Partner.objects.filter(name="Rolland Aziliz").count() == 1


def test_backup_has_the_files_of_the_bucket_and_restore_fills_an_empty_one(
    world: World, bucket: object, tmp_path: Path
) -> None:
    attachment = attach(world.intervention(), SimpleUploadedFile("bon.pdf", b"%PDF-1.7 bon"), by=world.planner)
    file = tmp_path / "files.zip"
    with zipfile.ZipFile(file, "w") as archive:
        found = _write_files(archive)
    assert list(found) == [attachment.file.name]
    assert found[attachment.file.name]["size"] == 12

    with zipfile.ZipFile(file) as archive:
        _restore_files(archive, {"files": found})  # nothing is missing
        private_files.delete(attachment.file.name)
        assert keys(bucket) == []
        _restore_files(archive, {"files": found})
        assert keys(bucket) == [attachment.file.name]
        with private_files.open_file(attachment.file.name) as restored:
            assert restored.read() == b"%PDF-1.7 bon"

        private_files.delete(attachment.file.name)
        private_files.write(attachment.file.name, [b"autre"])
        with pytest.raises(BusinessError, match=r"existe dans le seau S3 avec un autre contenu"):
            _restore_files(archive, {"files": found})
