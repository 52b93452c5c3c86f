"""Backup, a new database, restore: row counts and checksums equal, numbers go on; cut at any moment, nothing is half."""

import ast
import fcntl
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from invoicing.services.records.attachments import attach
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.version import version
from openfire_billing.office.backup import _lock, _written_alone, backup, checksums
from openfire_billing.office.restore import verify
from tests.factories import make_world

CHECKSUMS = "import json; from openfire_billing.office.backup import checksums; print(json.dumps(checksums()))"
SMALL_FIRM = """
from django.core.files.base import ContentFile
from invoicing.services.records.attachments import attach
from tests.factories import make_world

world = make_world()
invoice = world.posted()
for number in range(3):
    attach(invoice, ContentFile(b"%PDF bon" * 1000 * (number + 1), name=f"bon{number}.pdf"), by=world.biller)
"""
WRITING = """
import threading
from django.core.management import call_command
from invoicing.models import HistoryLine, Partner
from invoicing.services.records.history import record

customer, begun, over = Partner.objects.first(), threading.Event(), threading.Event()

def write():
    while not over.is_set():
        record(customer, "note", by=None, text="pendant la sauvegarde")
        begun.set()

writer = threading.Thread(target=write)
writer.start()
begun.wait()
call_command("backup", FILE)
notes = HistoryLine.objects.filter(text="pendant la sauvegarde").count()
while HistoryLine.objects.filter(text="pendant la sauvegarde").count() == notes:
    pass
over.set()
writer.join()
print(HistoryLine.objects.filter(text="pendant la sauvegarde").count())
"""


def _environment(url: str, media: Path) -> dict[str, str]:
    return os.environ | {
        "TESTING": "1",
        "DATABASE_URL": url,
        "MEDIA_ROOT": str(media),
        "DJANGO_SETTINGS_MODULE": "openfire_billing.settings",
    }


def _run(url: str, media: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *command],
        cwd=settings.BASE_DIR,
        env=_environment(url, media),
        capture_output=True,
        text=True,
        check=False,
    )


def _manage(url: str, media: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return _run(url, media, "manage.py", *words)


def _shell(url: str, media: Path, code: str) -> str:
    """What a piece of code prints in a process of its own."""
    answer = _manage(url, media, "shell", "-v0", "--no-imports", "-c", code)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.fixture
def another_database(database_url: str) -> Iterator[str]:
    """Address of a new, empty database beside the one under test; dropped afterwards."""
    name = f"restored_{uuid4().hex[:10]}"
    with psycopg.connect(database_url, autocommit=True) as link:
        link.execute(f'CREATE DATABASE "{name}"')
    place, question, options = database_url.partition("?")
    yield f"{place.rpartition('/')[0]}/{name}{question}{options}"
    with psycopg.connect(database_url, autocommit=True) as link:
        link.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@dataclass(frozen=True)
class Firm:
    """A firm on SQLite, with three files: its database, its private files, its backup."""

    url: str
    media: Path
    file: Path

    @property
    def base(self) -> str:
        return self.url.removeprefix("sqlite:///")

    def copied(self, folder: Path) -> "Firm":
        """The same firm in a folder of its own."""
        base = folder / "firm.sqlite3"
        shutil.copy(self.url.removeprefix("sqlite:///"), base)
        shutil.copytree(self.media, folder / "files")
        return Firm(f"sqlite:///{base}", folder / "files", folder / "kept" / "firme.zip")


@pytest.fixture(scope="module")
def sqlite_firm(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    folder = tmp_path_factory.mktemp("firm")
    firm = Firm(f"sqlite:///{folder / 'firm.sqlite3'}", folder / "files", folder / "firme.zip")
    for words in (("migrate",), ("shell", "--no-imports", "-c", SMALL_FIRM), ("backup", str(firm.file))):
        answer = _manage(firm.url, firm.media, *words)
        assert answer.returncode == 0, answer.stderr
    return firm


def test_backup_restored_elsewhere_is_the_same(transactional_db: None, another_database: str, tmp_path: Path) -> None:
    world = make_world()
    invoice = world.posted()
    attach(invoice, SimpleUploadedFile("bon.pdf", b"%PDF bon"), by=world.biller)
    file, media = tmp_path / "firme.zip", tmp_path / "media"
    call_command("backup", str(file))
    before = checksums()
    _restore_killed_while_it_migrates(another_database, media, file)

    answer = _manage(another_database, media, "restore", str(file))

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("Restauré et vérifié")
    again = _manage(another_database, media, "backup", str(tmp_path / "again.zip"))
    assert again.returncode == 0, again.stderr
    assert json.loads(_shell(another_database, media, CHECKSUMS)) == before
    assert [f.read_bytes() for f in media.rglob("bon.pdf")] == [b"%PDF bon"]
    make_one = "from invoicing.models import Tag; t = Tag.objects.create(name='neuf'); print(t.pk)"
    assert int(_shell(another_database, media, make_one)) >= 1


def _restore_killed_while_it_migrates(url: str, media: Path, file: Path) -> None:
    """Start a restore into a new database of PostgreSQL, and kill it between two migrations."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "restore", str(file)], cwd=settings.BASE_DIR, env=_environment(url, media)
    )
    with psycopg.connect(url, autocommit=True) as link:
        while link.execute("SELECT to_regclass('invoicing_company')").fetchone() == (None,):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert link.execute("SELECT to_regclass('contracts_billingrun')").fetchone() == (None,)
    assert not media.exists()


def test_two_migrations_of_one_database_wait_for_each_other(another_database: str, tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "manage.py", "migrate", "-v0"],
            cwd=settings.BASE_DIR,
            env=_environment(another_database, tmp_path),
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    ends = [(process.communicate()[1], process.returncode) for process in processes]

    assert ends == [("", 0), ("", 0)]


def test_restore_of_a_sqlite_firm(sqlite_firm: Firm, tmp_path: Path) -> None:
    url, media = f"sqlite:///{tmp_path / 'new.sqlite3'}", tmp_path / "media"

    answer = _manage(url, media, "restore", str(sqlite_firm.file))

    assert answer.returncode == 0, answer.stderr
    assert _shell(url, media, CHECKSUMS) == _shell(sqlite_firm.url, sqlite_firm.media, CHECKSUMS)
    assert sorted(file.stat().st_size for file in media.rglob("bon*.pdf")) == [8_000, 16_000, 24_000]
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_second_restore_of_the_same_backup_finds_it_done(sqlite_firm: Firm, tmp_path: Path) -> None:
    url, media = f"sqlite:///{tmp_path / 'new.sqlite3'}", tmp_path / "media"
    first = _manage(url, media, "restore", str(sqlite_firm.file))
    assert first.returncode == 0, first.stderr
    next(media.rglob("bon1.pdf")).unlink()

    assert _manage(url, media, "restore", str(sqlite_firm.file)).stdout == first.stdout
    assert sorted(file.stat().st_size for file in media.rglob("bon*.pdf")) == [8_000, 16_000, 24_000]


def test_restore_into_a_database_in_use_refused(transactional_db: None, tmp_path: Path) -> None:
    world = make_world()
    file = tmp_path / "firme.zip"
    call_command("backup", str(file))
    world.posted()
    before = checksums()
    with pytest.raises(CommandError, match="La base n'est pas vide"):
        call_command("restore", str(file))
    assert checksums() == before


def test_restore_over_files_of_another_content_refused(sqlite_firm: Firm, tmp_path: Path) -> None:
    url, media = f"sqlite:///{tmp_path / 'new.sqlite3'}", tmp_path / "media"
    shutil.copytree(sqlite_firm.media, media)
    ours = next(media.rglob("bon1.pdf"))
    ours.write_bytes(b"%PDF autre")

    answer = _manage(url, media, "restore", str(sqlite_firm.file))

    assert answer.returncode == 1
    assert f"bon1.pdf existe dans {media} avec un autre contenu : donnez un dossier neuf (MEDIA_ROOT)" in answer.stderr
    assert ours.read_bytes() == b"%PDF autre"
    assert _manage(url, media, "shell", "--no-imports", "-c", CHECKSUMS).stdout.strip().endswith("{}")


def test_backup_never_overwrites(transactional_db: None, tmp_path: Path) -> None:
    file = tmp_path / "firme.zip"
    file.write_text("déjà là")
    with pytest.raises(CommandError, match="existe déjà"):
        call_command("backup", str(file))
    assert file.read_text() == "déjà là"


def test_backup_among_the_private_files_refused(transactional_db: None) -> None:
    with pytest.raises(CommandError, match="est dans le dossier des fichiers privés"):
        call_command("backup", str(Path(settings.MEDIA_ROOT) / "firme.zip"))


def test_sqlite_backup_made_while_notes_are_written_is_restored(sqlite_firm: Firm, tmp_path: Path) -> None:
    firm = sqlite_firm.copied(tmp_path)
    firm.file.parent.mkdir()

    written = int(_shell(firm.url, firm.media, f"FILE = {str(firm.file)!r}\n{WRITING}").split()[-1])

    url, media = f"sqlite:///{tmp_path / 'new.sqlite3'}", tmp_path / "media"
    answer = _manage(url, media, "restore", str(firm.file))
    assert answer.returncode == 0, answer.stderr
    with zipfile.ZipFile(firm.file) as archive:
        lines = json.loads(archive.read("manifest.json"))["tables"]["invoicing_historyline"]["rows"]
    with sqlite3.connect(tmp_path / "new.sqlite3") as link:
        of_all, noted = link.execute(
            "SELECT COUNT(*), COUNT(*) FILTER (WHERE text = 'pendant la sauvegarde') FROM invoicing_historyline"
        ).fetchone()
    assert of_all == lines
    assert 1 <= noted < written


# Verified without restoring


def test_verified_backup_says_what_it_holds(sqlite_firm: Firm, tmp_path: Path) -> None:
    base = tmp_path / "none.sqlite3"
    answer = _manage(f"sqlite:///{base}", tmp_path / "media", "restore", "--verify", str(sqlite_firm.file))

    with zipfile.ZipFile(sqlite_firm.file) as archive:
        tables = json.loads(archive.read("manifest.json"))["tables"]
    rows = sum(table["rows"] for table in tables.values())
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(
        f"Sauvegarde entière : {len(tables)} tables, {rows} lignes, 3 fichier(s) de 0.0 Mo, base sqlite du "
    )
    assert not base.exists() or base.stat().st_size == 0
    assert not (tmp_path / "media").exists()


def _changed(source: Path, target: Path, name: str, content: bytes | None) -> None:
    """Copy an archive with another content of one entry, or without it (None)."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.namelist():
            if not entry.endswith(name):
                new.writestr(entry, old.read(entry))
            elif content is not None:
                new.writestr(entry, content)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("bon1.pdf", b"%PDF autre", "ceci ne correspond pas à sa somme de contrôle : "),
        ("bon1.pdf", None, "ceci y manque ou y est de trop : files/"),
        ("db.sqlite3", b"SQLite format 3\0 cut", "ceci ne correspond pas à sa somme de contrôle : db.sqlite3."),
        ("manifest.json", None, "La sauvegarde est abîmée et ne se lit pas (KeyError: "),
        ("manifest.json", b'{"format": 1}', "La sauvegarde vient d'une autre version du programme"),
    ],
)
def test_damaged_backup_is_said_and_not_restored(
    transactional_db: None, sqlite_firm: Firm, tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    bad, before = tmp_path / "bad.zip", checksums()
    _changed(sqlite_firm.file, bad, name, content)

    for words in (("restore", "--verify", str(bad)), ("restore", str(bad))):
        with pytest.raises(CommandError, match=re.escape(sentence)) as refused:
            call_command(*words)
        assert refused.value.returncode == 1
    assert checksums() == before


def _forged(source: Path, target: Path, *, renamed: dict[str, str] | None = None, program: str = "") -> None:
    """Copy an archive with other names of files, or with a database that a script has changed, and sums that are right."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        manifest = json.loads(old.read("manifest.json"))
        new_names = {name: (renamed or {}).get(name.rpartition("/")[2], name) for name in manifest["files"]}
        manifest["files"] = {new_names[name]: sums for name, sums in manifest["files"].items()}
        for entry in old.namelist():
            content = old.read(entry)
            if entry == "db.sqlite3" and program:
                base = target.with_suffix(".sqlite3")
                base.write_bytes(content)
                with closing(sqlite3.connect(base)) as link:
                    link.executescript(program)
                content = base.read_bytes()
            if entry == "manifest.json":
                content = json.dumps(manifest).encode()
            prefix, slash, name = entry.partition("/")
            new.writestr(f"{prefix}{slash}{new_names[name]}" if prefix == "files" else entry, content)


@pytest.mark.parametrize(
    "name",
    [
        *("../bon1.pdf", "./bon1.pdf", "a\\bon1.pdf", "a//bon1.pdf", "bon1.pdf.", "bon1.pdf ", "bon1\u202efdp.exe"),
        *("re\u0301sume\u0301.pdf", "/etc/bon1.pdf", "a/./bon1.pdf"),
    ],
)
def test_archive_with_a_name_that_no_file_of_ours_has_is_refused(sqlite_firm: Firm, tmp_path: Path, name: str) -> None:
    """Names with « ./ », a backslash, an end in a dot, decomposed accents or U+202E were restored as they were."""
    bad = tmp_path / "bad.zip"
    _forged(sqlite_firm.file, bad, renamed={"bon1.pdf": name})

    with pytest.raises(CommandError) as refused:
        call_command("restore", "--verify", str(bad))

    shown = name.encode("unicode_escape").decode()
    assert str(refused.value) == f"Nom de fichier refusé dans la sauvegarde : {shown}. Prenez une autre sauvegarde."


def test_archive_with_one_name_in_two_cases_is_refused(sqlite_firm: Firm, tmp_path: Path) -> None:
    bad = tmp_path / "bad.zip"
    _forged(sqlite_firm.file, bad, renamed={"bon0.pdf": "a/bon.pdf", "bon1.pdf": "a/Bon.pdf"})

    with pytest.raises(CommandError, match=r"^Nom de fichier refusé dans la sauvegarde : a/[Bb]on\.pdf\. Prenez"):
        call_command("restore", "--verify", str(bad))


def test_backup_refuses_a_name_that_it_could_not_restore(sqlite_firm: Firm, tmp_path: Path) -> None:
    firm = sqlite_firm.copied(tmp_path)
    firm.file.parent.mkdir()
    (firm.media / "note ").write_text("x")

    answer = _manage(firm.url, firm.media, "backup", str(firm.file))

    assert (answer.returncode, firm.file.exists()) == (1, False)
    assert (
        "ces noms ne viennent pas du logiciel et ne se restaurent pas : note . Renommez ces fichiers" in answer.stderr
    )


PROGRAM = """
CREATE TRIGGER steal AFTER INSERT ON invoicing_historyline BEGIN UPDATE auth_user SET is_superuser = 1; END;
CREATE TRIGGER guard_of_theirs BEFORE DELETE ON invoicing_invoice BEGIN SELECT RAISE(IGNORE); END;
CREATE VIEW secrets AS SELECT password FROM auth_user;
"""
OBJECTS = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view') ORDER BY name"


def test_triggers_and_views_of_a_forged_backup_are_not_restored(sqlite_firm: Firm, tmp_path: Path) -> None:
    """A backup that was tampered with brought its own triggers, which then wrote at each act."""
    bad, base, media = tmp_path / "bad.zip", tmp_path / "new.sqlite3", tmp_path / "media"
    _forged(sqlite_firm.file, bad, program=PROGRAM)

    answer = _manage(f"sqlite:///{base}", media, "restore", str(bad))

    assert answer.returncode == 0, answer.stderr
    with closing(sqlite3.connect(base)) as link, closing(sqlite3.connect(sqlite_firm.base)) as ours:
        restored, own = link.execute(OBJECTS).fetchall(), ours.execute(OBJECTS).fetchall()
        link.executescript("DROP TRIGGER " + own[0][1] + "; CREATE VIEW secrets AS SELECT password FROM auth_user;")
    assert restored == own
    again = _manage(f"sqlite:///{base}", media, "restore", str(bad))  # one that was cut before its triggers were made
    assert again.returncode == 0, again.stderr
    with closing(sqlite3.connect(base)) as link:
        assert link.execute(OBJECTS).fetchall() == own
    assert {kind for kind, _name in own} == {"trigger"}
    assert len(own) == 37
    note = "from invoicing.models import *; from django.contrib.auth.models import User; from invoicing.services.records.history import record; record(Partner.objects.first(), 'note', by=None, text='x'); print(User.objects.filter(is_superuser=True).count())"
    assert _shell(f"sqlite:///{base}", media, note).strip() == "0"


def test_backup_of_postgresql_with_a_changed_row_is_damaged(transactional_db: None, tmp_path: Path) -> None:
    make_world()
    file, bad = tmp_path / "firme.zip", tmp_path / "bad.zip"
    call_command("backup", str(file))
    with zipfile.ZipFile(file) as archive:
        companies = archive.read("tables/invoicing_company")
    _changed(file, bad, "tables/invoicing_company", companies.replace(b"Flammes", b"Cendres", 1))
    assert b"Flammes" in companies

    call_command("restore", "--verify", str(file))
    with pytest.raises(CommandError, match=r"de contrôle : invoicing_company\. Prenez une autre sauvegarde\."):
        call_command("restore", "--verify", str(bad))


@pytest.mark.parametrize("cut", ["a bit", "the end"])
def test_archive_with_a_changed_bit_or_without_its_end_is_damaged(sqlite_firm: Firm, tmp_path: Path, cut: str) -> None:
    content, bad = bytearray(sqlite_firm.file.read_bytes()), tmp_path / "bad.zip"
    if cut == "a bit":
        content[len(content) // 2] ^= 1
    else:
        del content[-1000:]
    bad.write_bytes(content)

    with pytest.raises(CommandError, match=r"^La sauvegarde est abîmée et ne se lit pas \("):
        call_command("restore", "--verify", str(bad))


# Killed at a line, then run again

COMMON = ["verify:last", "_restore_files:first", "_restore_files:middle", "_restore_files:last"]


def _cuts(url: str, media: Path, *words: str) -> list[dict[str, Any]]:
    answer = _run(url, media, "-m", "tests.faults.cuts", *words)
    assert answer.returncode == 0, answer.stderr
    reports: list[dict[str, Any]] = json.loads(answer.stdout.splitlines()[-1])
    return reports


def _assert_never_half(reports: list[dict[str, Any]], whole: list[str]) -> None:
    """After each cut the database is empty, or complete at the cuts named; run again, the command finishes."""
    assert reports == [
        {
            "cut": report["cut"],
            "killed": -signal.SIGKILL,
            "then": "whole" if report["cut"] in whole else "nothing",
            "again": 0,
            "at last": "whole",
            "left": [],
        }
        for report in reports
    ]


def test_restore_killed_on_sqlite_leaves_nothing_or_all(sqlite_firm: Firm, tmp_path: Path) -> None:
    cuts = [*COMMON, "_restore_sqlite:first", "_restore_sqlite:middle", "_restore_sqlite:last", "restore:last"]

    reports = _cuts(
        f"sqlite:///{tmp_path / 'new.sqlite3'}", tmp_path / "media", "restore", str(sqlite_firm.file), "", *cuts
    )

    assert len(reports) == len(cuts)
    _assert_never_half(reports, whole=["_restore_sqlite:last", "restore:last"])


def test_restore_killed_on_postgresql_leaves_nothing_or_all(
    transactional_db: None, another_database: str, tmp_path: Path
) -> None:
    world = make_world()
    for number in range(3):
        attach(world.posted(), SimpleUploadedFile(f"bon{number}.pdf", b"%PDF bon" * 1000), by=world.biller)
    file, template = tmp_path / "firme.zip", f"migrated_{uuid4().hex[:8]}"
    call_command("backup", str(file))
    migrated = _manage(another_database, tmp_path / "none", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    name = another_database.partition("?")[0].rpartition("/")[2]
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" RENAME TO "{template}"')
    cuts = ["_restore_files:middle", "_restore_postgresql:middle", "_restore_postgresql:last", "restore:last"]
    try:
        reports = _cuts(another_database, tmp_path / "media", "restore", str(file), template, *cuts)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{template}" WITH (FORCE)')

    assert len(reports) == len(cuts)
    _assert_never_half(reports, whole=["restore:last"])


def test_restore_killed_while_sqlite_writes_leaves_nothing(sqlite_firm: Firm, tmp_path: Path) -> None:
    firm = sqlite_firm.copied(tmp_path)
    with sqlite3.connect(firm.url.removeprefix("sqlite:///")) as link:
        link.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
            " INSERT INTO django_session (session_key, session_data, expire_date)"
            " SELECT 'k' || i, hex(randomblob(20000)), '2026-01-01' FROM n"
        )
    link.close()
    firm.file.parent.mkdir()
    assert _manage(firm.url, firm.media, "backup", str(firm.file)).returncode == 0
    base, media = tmp_path / "new.sqlite3", tmp_path / "media"
    log = Path(f"{base}-wal")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "restore", str(firm.file)],
        cwd=settings.BASE_DIR,
        env=_environment(f"sqlite:///{base}", media),
    )
    while process.poll() is None and not (log.exists() and log.stat().st_size > 3_000_000):
        time.sleep(0.0005)
    process.kill()

    assert process.wait() == -signal.SIGKILL
    assert 3_000_000 < log.stat().st_size < 40_000_000
    with sqlite3.connect(base) as link:
        assert link.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() == (0,)
    link.close()
    assert _manage(f"sqlite:///{base}", media, "restore", str(firm.file)).returncode == 0
    assert _shell(f"sqlite:///{base}", media, CHECKSUMS) == _shell(firm.url, firm.media, CHECKSUMS)


def test_backup_killed_leaves_partial_files_that_the_next_one_replaces(sqlite_firm: Firm, tmp_path: Path) -> None:
    firm = sqlite_firm.copied(tmp_path)
    firm.file.parent.mkdir()
    cuts = ["_write_sqlite:first", "_write_sqlite:middle", "_write_sqlite:last", "_write_file:middle", "backup:last"]

    reports = _cuts(firm.url, firm.media, "backup", str(firm.file), *cuts)

    assert [report["cut"] for report in reports] == cuts
    for report in reports:
        is_whole = report["cut"] == "backup:last"  # never overwritten
        assert (report["killed"], report["again"], report["at last"]) == (-signal.SIGKILL, is_whole, ["firme.zip"])
    kept = "firme.zip.db.sqlite3.partial"
    assert [report["then"] for report in reports] == [
        ["firme.zip.partial"],
        [kept, "firme.zip.partial"],
        ["firme.zip.partial"] if kept not in reports[2]["then"] else [kept, "firme.zip.partial"],
        ["firme.zip.partial"],
        ["firme.zip"],
    ]


# Whole or not at all, for its owner alone


def test_backup_is_its_owners_alone_whatever_the_mask(sqlite_firm: Firm, tmp_path: Path) -> None:
    """Everybody who had an account on the machine read the whole firm in it."""
    firm = sqlite_firm.copied(tmp_path)
    firm.file.parent.mkdir()
    seen = tmp_path / "seen"
    watched = (
        "import os, threading; from pathlib import Path; from django.core.management import call_command\n"
        f"os.umask(0); folder, seen, over = Path({str(firm.file.parent)!r}), set(), threading.Event()\n"
        "def watch():\n"
        "    while not over.is_set():\n"
        "        for entry in os.scandir(folder):\n"
        "            try: seen.add((entry.name, oct(entry.stat().st_mode & 0o777)))\n"
        "            except FileNotFoundError: pass\n"
        "thread = threading.Thread(target=watch); thread.start()\n"
        f"call_command('backup', {str(firm.file)!r}); over.set(); thread.join()\n"
        f"Path({str(seen)!r}).write_text(repr(sorted(seen)))\n"
    )

    _shell(firm.url, firm.media, watched)

    found = ast.literal_eval(seen.read_text())
    assert {mode for _name, mode in found} == {"0o600"}
    assert {"firme.zip.partial", "firme.zip.db.sqlite3.partial"} <= {name for name, _mode in found}
    assert ([path.name for path in firm.file.parent.iterdir()], firm.file.stat().st_mode & 0o777) == (
        ["firme.zip"],
        0o600,
    )


def test_backup_bears_the_version_of_the_program(sqlite_firm: Firm) -> None:
    with zipfile.ZipFile(sqlite_firm.file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]

    assert (manifest["program"], manifest["absent"]) == (project["version"], [])
    assert verify(sqlite_firm.file) == manifest


def test_file_that_is_gone_when_it_is_copied_is_named(transactional_db: None, tmp_path: Path, capsys: Any) -> None:
    """Deleted after the tables were read, it was left out and nothing said so."""
    world = make_world()
    gone = attach(world.customer, SimpleUploadedFile("bon.pdf", b"%PDF bon"), by=world.biller)
    attach(world.customer, SimpleUploadedFile("reste.pdf", b"%PDF reste"), by=world.biller)
    gone.file.storage.delete(gone.file.name)
    file = tmp_path / "firme.zip"

    call_command("backup", str(file))

    said = (
        f"1 fichier(s) que la base nomme n'étaient pas dans le dossier : {gone.file.name}. Supprimés pendant la sauvegarde, "
        "ou perdus avant : cherchez-les dans une sauvegarde plus ancienne.\n"
    )
    assert capsys.readouterr().err == said
    manifest = verify(file)
    assert (manifest["absent"], gone.file.name in manifest["files"], len(manifest["files"]) >= 1) == (
        [gone.file.name],
        False,
        True,
    )
    call_command("restore", str(file), "--verify")
    assert capsys.readouterr().err == said


def test_backup_that_appears_meanwhile_is_not_replaced(transactional_db: None, tmp_path: Path) -> None:
    """The name was looked at before the tables were read, and taken by a renaming, which replaces."""
    make_world()
    file = tmp_path / "firme.zip"
    file.write_text("celle d'un autre")

    with pytest.raises(FileExistsError):
        backup(file)

    assert (file.read_text(), [path.name for path in tmp_path.iterdir()]) == ("celle d'un autre", ["firme.zip"])


def test_two_backups_to_one_name_do_not_mix(transactional_db: None, tmp_path: Path) -> None:
    make_world()
    file, partial = tmp_path / "firme.zip", tmp_path / "firme.zip.partial"
    with partial.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CommandError) as refusal:
            call_command("backup", str(file))
    assert str(refusal.value) == (
        f"Rien n'est sauvegardé : une autre sauvegarde écrit {partial} : attendez qu'elle finisse."
    )

    call_command("backup", str(file))  # what the other left is replaced

    assert [path.name for path in tmp_path.iterdir()] == ["firme.zip"]
    assert verify(file)["program"] == version()


def test_backup_that_opened_what_another_replaced_leaves_the_others_file(tmp_path: Path) -> None:
    """It locked the old file, which nobody held any more, and deleted the new one under the other's hands."""
    partial = tmp_path / "firme.zip.partial"
    partial.write_text("d'une sauvegarde tuée")
    opened, go_on, said = threading.Event(), threading.Event(), list[str]()

    def stop_before_the_lock(frame: Any, event: str, _value: object) -> None:
        if frame.f_code is _lock.__code__ and not opened.is_set():
            opened.set()
            go_on.wait(30)

    def late() -> None:
        sys.settrace(stop_before_the_lock)
        try:
            with _written_alone(partial):
                said.append("written")
        except BusinessError as refusal:
            said.append(str(refusal))
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=late)
    thread.start()
    assert opened.wait(30)
    with _written_alone(partial) as file:
        go_on.set()
        thread.join()
        assert said == [f"une autre sauvegarde écrit {partial} : attendez qu'elle finisse."]
        assert os.path.samestat(os.fstat(file.fileno()), partial.stat())
    assert list(tmp_path.iterdir()) == []


def test_restored_files_are_their_owners_alone_whatever_the_mask(sqlite_firm: Firm, tmp_path: Path) -> None:
    base, media, seen = tmp_path / "base" / "new.sqlite3", tmp_path / "media", tmp_path / "seen"
    base.parent.mkdir()
    watched = (
        "import os, threading; from pathlib import Path; from django.core.management import call_command\n"
        f"os.umask(0); folder, seen, over = Path({str(base.parent)!r}), set(), threading.Event()\n"
        "def watch():\n"
        "    while not over.is_set():\n"
        "        for entry in os.scandir(folder):\n"
        "            try: seen.add((entry.name, oct(entry.stat().st_mode & 0o777)))\n"
        "            except FileNotFoundError: pass\n"
        "thread = threading.Thread(target=watch); thread.start()\n"
        f"call_command('restore', {str(sqlite_firm.file)!r}); over.set(); thread.join()\n"
        f"Path({str(seen)!r}).write_text(repr(sorted(seen)))\n"
    )

    _shell(f"sqlite:///{base}", media, watched)

    copies = {mode for name, mode in ast.literal_eval(seen.read_text()) if ".restore.partial" in name}
    files = {path.stat().st_mode & 0o777 for path in media.rglob("*") if path.is_file()}
    assert (copies, files) == ({"0o600"}, {0o600})


def test_backup_that_fails_leaves_nothing(transactional_db: None, tmp_path: Path) -> None:
    make_world()
    odd = Path(settings.MEDIA_ROOT) / "attachments" / "note "
    odd.parent.mkdir(parents=True, exist_ok=True)
    odd.write_bytes(b"x")
    try:
        with pytest.raises(CommandError, match="ne viennent pas du logiciel"):
            call_command("backup", str(tmp_path / "firme.zip"))
    finally:
        odd.unlink()

    assert list(tmp_path.iterdir()) == []
