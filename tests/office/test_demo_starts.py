"""`manage.py demo` and `version`: the port is tried first, and a database appears once it is whole."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings


def manage(*words: str, **changed: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *words],
        cwd=settings.BASE_DIR,
        env=environment | {"DEMO": "1"} | changed,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_port_that_is_taken_is_said_before_anything_is_loaded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        answer = manage("demo", f"127.0.0.1:{port}", DATABASE_URL=f"sqlite:///{tmp_path / 'db.sqlite3'}")

    assert answer.returncode == 1
    assert f"L'adresse 127.0.0.1:{port} ne peut pas être servie (Address already in use)" in answer.stderr
    assert f"Choisissez un autre port : make demo ARGS=127.0.0.1:{port + 1}" in answer.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", ["version", "--version"])
def test_version_is_that_of_the_project(word: str) -> None:
    answer = manage(word)

    assert f'version = "{answer.stdout.strip()}"\n' in (settings.BASE_DIR / "pyproject.toml").read_text()


FILL = """
import os
from django.db import connection
from openfire_billing.db.new_base import filled_aside
with filled_aside():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE made (n integer)")
    {cut}
with connection.cursor() as cursor:
    cursor.execute("INSERT INTO made VALUES (1)")
    cursor.execute("SELECT COUNT(*) FROM made")
    print(cursor.fetchone())
"""


def fill(base: Path, cut: str = "") -> "subprocess.CompletedProcess[str]":
    return manage("shell", "--no-imports", "-c", FILL.format(cut=cut), DATABASE_URL=f"sqlite:///{base}")


@pytest.mark.parametrize("cut", ["os._exit(9)", "raise KeyboardInterrupt"])
def test_a_database_that_is_cut_while_it_is_filled_does_not_appear(tmp_path: Path, cut: str) -> None:
    base = tmp_path / "db.sqlite3"
    assert fill(base, cut).returncode != 0
    assert not base.exists()

    assert fill(base).stdout == "(1,)\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["db.sqlite3"]

    again = fill(base)  # one that exists is filled as it stands
    assert "table made already exists" in again.stderr
