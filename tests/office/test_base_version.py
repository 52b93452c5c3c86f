"""A database made by another version of the program: recognised, left as it is, kept aside by demo and restore."""

import os
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

from openfire_billing.kernel.version import version


def manage(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment |= {
        "DEMO": "1",
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "MEDIA_ROOT": str(folder / "media"),
    }
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *words],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A folder whose database has a migration that this program has not, and one company."""
    with sqlite3.connect(tmp_path / "db.sqlite3") as base:
        base.execute("CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT, applied TEXT)")
        base.execute(
            "INSERT INTO django_migrations VALUES (1, 'invoicing', '0018_logo_storage', '2026-11-28 05:00:00')"
        )
        base.execute("CREATE TABLE invoicing_company (id INTEGER PRIMARY KEY, name TEXT)")
        base.execute("INSERT INTO invoicing_company VALUES (1, 'Foyer d''avant')")
    base.close()
    return tmp_path


def companies(file: Path) -> list[str]:
    base = sqlite3.connect(file)
    try:
        return [name for (name,) in base.execute("SELECT name FROM invoicing_company ORDER BY id")]
    finally:
        base.close()


def test_migrate_refuses_a_database_of_another_version(older: Path) -> None:
    answer = manage(older, "migrate")

    assert answer.returncode == 1
    assert "vient d'une autre version du programme : elle n'est ni modifiée ni reprise." in answer.stderr
    assert "Traceback" not in answer.stderr
    assert companies(older / "db.sqlite3") == ["Foyer d'avant"]


def test_demo_keeps_it_aside_and_makes_a_new_one(older: Path) -> None:
    answer = manage(older, "demo", "--once")

    assert (answer.returncode, "Traceback" in answer.stderr) == (0, False), answer.stderr
    (kept,) = older.glob("db-*.sqlite3")
    first_line = answer.stdout.splitlines()[0]
    assert first_line == (
        f"La base vient d'une autre version du programme : elle est gardée sous {kept}, une neuve est créée."
    )
    assert companies(kept) == ["Foyer d'avant"]
    assert companies(older / "db.sqlite3") == ["Flammes d'Armor", "Soleil du Mené"]
    again = manage(older, "demo", "--once")
    assert again.returncode == 0
    assert "autre version" not in again.stdout
    assert list(older.glob("db-*.sqlite3")) == [kept]


def test_restore_keeps_it_aside(older: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    assert manage(new, "migrate", "-v0").returncode == 0
    file = tmp_path / "firme.zip"
    assert manage(new, "backup", str(file)).returncode == 0

    answer = manage(older, "restore", str(file))

    assert answer.returncode == 0, answer.stderr
    (kept,) = older.glob("db-*.sqlite3")
    assert answer.stdout.startswith(
        f"La base en place vient d'une autre version du programme : elle est gardée sous {kept}.\nRestauré et vérifié : "
    )
    assert companies(kept) == ["Foyer d'avant"]
    assert companies(older / "db.sqlite3") == []


def test_restore_refuses_a_backup_of_another_version(tmp_path: Path) -> None:
    assert manage(tmp_path, "migrate", "-v0").returncode == 0
    file, other = tmp_path / "firme.zip", tmp_path / "autre.zip"
    assert manage(tmp_path, "backup", str(file)).returncode == 0
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(other, "w") as changed:
        for name in whole.namelist():
            content = whole.read(name)
            changed.writestr(name, content.replace(b"invoicing.0001_initial", b"invoicing.0001_before"))

    answer = manage(tmp_path, "restore", str(other))

    assert answer.returncode == 1
    assert (
        f"Le programme n'est pas à la version de la sauvegarde ({version()}) : installez la même, puis restaurez."
        in answer.stderr
    )


def insert(base: sqlite3.Connection, table: str, **values: object) -> None:
    """Insert a row; the columns without a value that must have one are filled with nothing: 0 or an empty text."""
    rows = base.execute(f"PRAGMA table_info({table})").fetchall()
    empty = {
        name: "" if "char" in kind or "text" in kind else 0
        for _n, name, kind, needed, _d, pk in rows
        if needed and not pk
    }
    filled = empty | values
    places = ", ".join("?" * len(filled))
    base.execute(f"INSERT INTO {table} ({', '.join(filled)}) VALUES ({places})", list(filled.values()))


@pytest.fixture
def version_8(tmp_path: Path) -> Path:
    """A folder whose database is that of invoicing's migration 0008, with two customers of one code and two articles."""
    answer = manage(tmp_path, "migrate", "invoicing", "0008", "--verbosity", "0")
    assert answer.returncode == 0, answer.stderr
    with sqlite3.connect(tmp_path / "db.sqlite3") as base:
        insert(base, "invoicing_partner", id=7, name="Le Goff", store_code="K7")
        insert(base, "invoicing_partner", id=8, name="Le Gall", store_code="k7")
        insert(base, "invoicing_product", id=3, code="Bougie", name="Bougie courte", tax_id=1, unit_id=1)
        insert(base, "invoicing_product", id=4, code="bougie", name="Bougie longue", tax_id=1, unit_id=1)
    base.close()
    return tmp_path


DOUBLES = """code magasin « k7 » : Le Goff (fiche 7), Le Gall (fiche 8)
code d'article « bougie » : [Bougie] Bougie courte (fiche 3), [bougie] Bougie longue (fiche 4)
"""


def test_doubles_of_a_database_of_the_version_before_are_named(version_8: Path) -> None:
    answer = manage(version_8, "find_doubles")

    assert (answer.returncode, answer.stdout) == (1, DOUBLES), answer.stderr
    assert "2 code(s) portés deux fois : fusionnez les clients ou changez les codes" in answer.stderr


def test_migrate_changes_nothing_of_a_database_with_doubles(version_8: Path) -> None:
    answer = manage(version_8, "migrate")

    assert answer.returncode == 1
    assert "2 code(s) portés deux fois, rien n'est changé : code magasin « k7 » : Le Goff (fiche 7)" in answer.stderr
    assert "Traceback" not in answer.stderr
    base = sqlite3.connect(version_8 / "db.sqlite3")
    found = base.execute("SELECT MAX(name) FROM django_migrations WHERE app = 'invoicing'").fetchall()
    base.close()
    assert found == [("0008_demands_counted",)]
