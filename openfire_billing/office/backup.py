"""Backup of the whole firm in one file: tables, private files, a count or a checksum of each.

PostgreSQL: each table by COPY, ordered by its first column, in one transaction. SQLite: the database file, copied by
the database itself. A restore goes into an empty database at the same migrations, or is refused with the reason.
"""

import hashlib
import json
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError

MANIFEST = "manifest.json"
FORMAT = 1


def backup(path: Path) -> dict[str, Any]:
    """Write the backup. Return its manifest: {tables: {name: {rows, sha256}}, files, …}."""
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "database": connection.vendor,
        "made_at": timezone.now().isoformat(),
        "migrations": _migrations(),
    }
    partial = path.with_suffix(path.suffix + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        write = _write_postgresql if connection.vendor == "postgresql" else _write_sqlite
        manifest["tables"] = write(archive)
        manifest["files"] = _write_files(archive)
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
    partial.rename(path)  # a backup cut short never bears the name of a whole one
    return manifest


def restore(path: Path) -> dict[str, Any]:
    """Restore a backup into an empty database, and check every table against the manifest.

    Raises BusinessError: another kind of database, other migrations, a database that is not empty, a damaged backup.
    """
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read(MANIFEST))
        if manifest["database"] != connection.vendor:
            raise BusinessError(
                f"Sauvegarde d'une base {manifest['database']} : restaurez-la sur une base de même nature."
            )
        _refuse_other_program(manifest)
        if connection.vendor == "postgresql":
            _restore_postgresql(archive, manifest)
        else:
            _restore_sqlite(archive)
        found = checksums()
        wrong = sorted(name for name, expected in manifest["tables"].items() if found.get(name) != expected)
        if wrong:
            raise BusinessError(f"La sauvegarde ne correspond pas à ce qui est restauré : {', '.join(wrong)}.")
        _restore_files(archive)
    return manifest


def _refuse_other_program(manifest: dict[str, Any]) -> None:
    """Raise BusinessError unless this program has exactly the migrations of the backup."""
    if sorted(f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations) != manifest["migrations"]:
        raise BusinessError("Le programme n'est pas à la version de la sauvegarde : installez la même, puis restaurez.")


def checksums() -> dict[str, dict[str, Any]]:
    """Return {table: {rows, sha256}} of the database as it is."""
    return {name: _sum(_rows(name)) for name in _tables()}


def _tables() -> list[str]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return sorted({*names, "django_migrations"})


def _migrations() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
        return [f"{app}.{name}" for app, name in cursor.fetchall()]


def _rows(table: str) -> Iterator[bytes]:
    """Yield the table as bytes, in chunks, one line for each row."""
    name = connection.ops.quote_name(table)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor, cursor.copy(f"COPY (SELECT * FROM {name} ORDER BY 1) TO STDOUT") as copy:
            yield from (bytes(chunk) for chunk in copy)
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {name} ORDER BY 1")
        for row in cursor:
            yield (repr(row) + "\n").encode()


def _sum(chunks: Iterator[bytes]) -> dict[str, Any]:
    digest, rows = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        rows += chunk.count(b"\n")
    return {"rows": rows, "sha256": digest.hexdigest()}


def _write_postgresql(archive: zipfile.ZipFile) -> dict[str, Any]:
    tables = {}
    with atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for name in _tables():
            digest, rows = hashlib.sha256(), 0
            with archive.open(f"tables/{name}", "w", force_zip64=True) as kept:
                for chunk in _rows(name):
                    kept.write(chunk)
                    digest.update(chunk)
                    rows += chunk.count(b"\n")
            tables[name] = {"rows": rows, "sha256": digest.hexdigest()}
    return tables


def _write_sqlite(archive: zipfile.ZipFile) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "db.sqlite3"
        connection.ensure_connection()
        with sqlite3.connect(copy) as target:
            connection.connection.backup(target)
        target.close()
        archive.write(copy, "db.sqlite3")
    return checksums()


def _write_files(archive: zipfile.ZipFile) -> int:
    root, count = Path(settings.MEDIA_ROOT), 0
    for file in sorted(root.rglob("*")) if root.exists() else ():
        if file.is_file():
            archive.write(file, f"files/{file.relative_to(root)}")
            count += 1
    return count


def _restore_postgresql(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
    call_command("migrate", verbosity=0)
    with atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM invoicing_company), EXISTS (SELECT 1 FROM auth_user)")
        if any(cursor.fetchone()):
            raise BusinessError("La base n'est pas vide : restaurez dans une base neuve, rien n'est écrasé.")
        names = list(manifest["tables"])
        quoted = ", ".join(connection.ops.quote_name(name) for name in names)
        cursor.execute(f"TRUNCATE {quoted}")  # what migrate itself wrote: types, permissions, its own list
        for name in names:
            with (
                archive.open(f"tables/{name}") as kept,
                cursor.copy(f"COPY {connection.ops.quote_name(name)} FROM STDIN") as copy,
            ):
                while chunk := kept.read(1 << 20):
                    copy.write(chunk)
        _restart_sequences(cursor, names)


def _restart_sequences(cursor: Any, tables: list[str]) -> None:
    """Set each sequence after the highest number restored."""
    for table in tables:
        for sequence in connection.introspection.get_sequences(cursor, table):
            column = connection.ops.quote_name(sequence["column"])
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence(%s, %s), GREATEST((SELECT MAX({column}) FROM "
                f"{connection.ops.quote_name(table)}), 1))",
                [connection.ops.quote_name(table), sequence["column"]],
            )


def _restore_sqlite(archive: zipfile.ZipFile) -> None:
    target = Path(connection.settings_dict["NAME"])
    if target.exists() and target.stat().st_size and "invoicing_company" in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT 1 FROM invoicing_company)")
            if cursor.fetchone()[0]:
                raise BusinessError("La base n'est pas vide : restaurez dans une base neuve, rien n'est écrasé.")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(archive.extract("db.sqlite3", folder))
        connection.ensure_connection()
        with sqlite3.connect(copy) as source:
            source.backup(connection.connection)
        source.close()


def _restore_files(archive: zipfile.ZipFile) -> None:
    root = Path(settings.MEDIA_ROOT).resolve()
    for name in archive.namelist():
        if name.startswith("files/"):
            target = (root / name.removeprefix("files/")).resolve()
            if not target.is_relative_to(root):
                raise BusinessError(f"Nom de fichier refusé dans la sauvegarde : {name}.")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
