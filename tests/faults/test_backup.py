"""Backup, a new database, restore: row counts and checksums equal, numbers go on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError

from invoicing.services.records.attachments import attach
from openfire_billing.office.backup import checksums
from tests.factories import make_world


@pytest.fixture
def another_database(database_url: str) -> Any:
    """Address of a new, empty database beside the one under test; dropped afterwards."""
    name = f"restored_{uuid4().hex[:10]}"
    with psycopg.connect(database_url, autocommit=True) as link:
        link.execute(f'CREATE DATABASE "{name}"')
    place, question, options = database_url.partition("?")
    yield f"{place.rpartition('/')[0]}/{name}{question}{options}"
    with psycopg.connect(database_url, autocommit=True) as link:
        link.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _manage(url: str, media: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {
        "TESTING": "1",
        "DATABASE_URL": url,
        "MEDIA_ROOT": str(media),
        "DJANGO_SETTINGS_MODULE": "openfire_billing.settings",
    }
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_backup_restored_elsewhere_is_the_same(transactional_db: None, another_database: str, tmp_path: Path) -> None:
    world = make_world()
    invoice = world.posted()
    attach(invoice, SimpleUploadedFile("bon.pdf", b"%PDF bon"), by=world.biller)
    file, media = tmp_path / "firme.zip", tmp_path / "media"
    call_command("backup", str(file))
    told = checksums()

    answer = _manage(another_database, media, "restore", str(file))

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("Restauré et vérifié")
    again = _manage(another_database, media, "backup", str(tmp_path / "again.zip"))
    assert again.returncode == 0, again.stderr
    code = "import json; from openfire_billing.office.backup import checksums; print(json.dumps(checksums()))"
    found = json.loads(_manage(another_database, media, "shell", "-v0", "-c", code).stdout)
    assert found == told
    assert [f.read_bytes() for f in media.rglob("bon.pdf")] == [b"%PDF bon"]
    make_one = "from invoicing.models import Tag; t = Tag.objects.create(name='neuf'); print(t.pk)"
    assert int(_manage(another_database, media, "shell", "-v0", "-c", make_one).stdout) >= 1


def test_restore_into_a_database_in_use_refused(transactional_db: None, tmp_path: Path) -> None:
    make_world()
    file = tmp_path / "firme.zip"
    call_command("backup", str(file))
    before = checksums()
    with pytest.raises(CommandError, match="La base n'est pas vide"):
        call_command("restore", str(file))
    assert checksums() == before


def test_backup_never_overwrites(transactional_db: None, tmp_path: Path) -> None:
    file = tmp_path / "firme.zip"
    file.write_text("déjà là")
    with pytest.raises(CommandError, match="existe déjà"):
        call_command("backup", str(file))
    assert file.read_text() == "déjà là"
