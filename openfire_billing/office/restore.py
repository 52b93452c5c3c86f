"""A backup read back: verified without restoring, or restored into an empty database.

A restore reads the whole backup first, then writes the private files, then the database in one transaction. Whenever it
is cut, the database is still empty or complete with its files; the same command, run again, finishes.
"""

import hashlib
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from openfire_billing.db import private_files
from openfire_billing.db.guards import make_guards, without_guards
from openfire_billing.db.private_files import open_own
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.file_names import unusual_names
from openfire_billing.office.backup import (
    DATABASE,
    FILES,
    FORMAT,
    MANIFEST,
    TABLES,
    blocks,
    checksum,
    checksums,
    remove_sqlite,
    sqlite_checksums,
)

_FILLED = ("invoicing_company", "auth_user")  # tables that `migrate` leaves empty
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, AttributeError, EOFError, KeyError, TypeError, ValueError),
    *(NotImplementedError, RuntimeError),
)
_NOT_EMPTY = "La base n'est pas vide : restaurez dans une base neuve, rien n'est écrasé."


def verify(path: Path) -> dict[str, Any]:
    """Read a backup wholly: the archive's own sums, each table, each file. Return its manifest. Nothing is restored.

    Raises BusinessError, which names what is damaged; FileNotFoundError.
    """
    with _opened(path) as archive, TemporaryDirectory() as folder:
        manifest = _manifest_of(archive)
        wrong = [name for name, sums in manifest["files"].items() if _sum_of_file(archive, name) != sums]
        if manifest["database"] == "postgresql":
            wrong += [name for name, sums in manifest["tables"].items() if _sum_of_table(archive, name) != sums]
        else:
            wrong += _wrong_tables(Path(archive.extract(DATABASE, folder)), manifest)
        if wrong:
            raise BusinessError(
                f"La sauvegarde est abîmée, ceci ne correspond pas à sa somme de contrôle : {', '.join(sorted(wrong))}."
                " Prenez une autre sauvegarde."
            )
    return manifest


def restore(path: Path, manifest: dict[str, Any]) -> None:
    """Restore a backup into an empty database, or finish a restore that was cut.

    `manifest`: what `verify(path)` returned. A database that already equals the backup is left as it is. Raises
    BusinessError: another kind of database, other migrations, a database or a file that is not the backup's.
    """
    if manifest["database"] != connection.vendor:
        raise BusinessError(f"Sauvegarde d'une base {manifest['database']} : restaurez-la sur une base de même nature.")
    if sorted(f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations) != manifest["migrations"]:
        raise BusinessError(
            f"Le programme n'est pas à la version de la sauvegarde ({manifest.get('program', 'inconnue')}) : installez la "
            "même, puis restaurez."
        )
    with zipfile.ZipFile(path) as archive:
        if _is_filled():
            if checksums() != manifest["tables"]:
                raise BusinessError(_NOT_EMPTY)
            _restore_files(archive, manifest)
            if connection.vendor == "sqlite":  # cut after the copy of the file, before its triggers were replaced
                _drop_programs()
                make_guards()
        elif connection.vendor == "postgresql":
            call_command("migrate", verbosity=0)
            _restore_files(archive, manifest)
            _restore_postgresql(archive, manifest)
        else:
            _restore_files(archive, manifest)
            _restore_sqlite(archive, manifest)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the archive; what cannot be read in it is a damaged backup."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except BusinessError:
        raise
    except _UNREADABLE as failure:
        raise BusinessError(
            f"La sauvegarde est abîmée et ne se lit pas ({type(failure).__name__}: {failure}). "
            "Prenez une autre sauvegarde."
        ) from failure


def _manifest_of(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Return the manifest. Raises BusinessError: another format, an entry without its line or a line without its entry."""
    manifest: dict[str, Any] = json.loads(archive.read(MANIFEST))
    if manifest["format"] != FORMAT:
        raise BusinessError(
            "La sauvegarde vient d'une autre version du programme : restaurez-la avec la version qui l'a faite."
        )
    expected = {MANIFEST, *(f"{FILES}{name}" for name in manifest["files"])}
    if manifest["database"] == "postgresql":
        expected |= {f"{TABLES}{name}" for name in manifest["tables"]}
    else:
        expected.add(DATABASE)
    if differing := sorted(expected ^ set(archive.namelist())):
        raise BusinessError(
            f"La sauvegarde est abîmée, ceci y manque ou y est de trop : {', '.join(differing)}. "
            "Prenez une autre sauvegarde."
        )
    root = (private_files.root_folder() or Path("/bucket")).resolve()
    outside = [name for name in manifest["files"] if not (root / name).resolve().is_relative_to(root)]
    if refused := sorted({*outside, *unusual_names(manifest["files"])}):
        names = ", ".join(name.encode("unicode_escape").decode() for name in refused)
        raise BusinessError(f"Nom de fichier refusé dans la sauvegarde : {names}. Prenez une autre sauvegarde.")
    return manifest


def _sum_of_file(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    with archive.open(f"{FILES}{name}") as entry:
        return _sum_of(entry)


def _sum_of(file: Any) -> dict[str, Any]:
    """Return {size, sha256} of an open file."""
    digest, size = hashlib.sha256(), 0
    for block in blocks(file):
        digest.update(block)
        size += len(block)
    return {"size": size, "sha256": digest.hexdigest()}


def _sum_of_table(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    with archive.open(f"{TABLES}{name}") as entry:
        return checksum(blocks(entry))


def _wrong_tables(database: Path, manifest: dict[str, Any]) -> list[str]:
    """Return the tables of a SQLite file that do not have the manifest's checksums, or the file when it is unreadable."""
    try:
        found = sqlite_checksums(database)
    except sqlite3.DatabaseError:
        return [DATABASE]
    return [name for name in {*found, *manifest["tables"]} if found.get(name) != manifest["tables"].get(name)]


def _is_filled() -> bool:
    """Return whether the database has a company or a user."""
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        for table in existing.intersection(_FILLED):
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})")
            if cursor.fetchone()[0]:
                return True
    return False


def _restore_files(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
    """Write the private files, each under its name once it is whole. Those already there are compared, never overwritten."""
    missing = []
    for name, sums in manifest["files"].items():
        if not private_files.exists(name):
            missing.append(name)
            continue
        with private_files.open_file(name) as file:
            if _sum_of(file) != sums:
                raise BusinessError(
                    f"Le fichier {name} existe dans {private_files.where()} avec un autre contenu : donnez un dossier neuf "
                    "(MEDIA_ROOT) ou un seau neuf (S3_BUCKET), rien n'est écrasé."
                )
    for name in missing:
        with archive.open(f"{FILES}{name}") as entry:
            private_files.write(name, blocks(entry))


def _restore_postgresql(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
    """Fill the tables and compare them with the manifest, in one transaction without guards."""
    with without_guards(), connection.cursor() as cursor:
        names = list(manifest["tables"])
        _empty(cursor, names)
        for name in names:
            with (
                archive.open(f"{TABLES}{name}") as entry,
                cursor.copy(f"COPY {connection.ops.quote_name(name)} FROM STDIN") as copy,
            ):
                for block in blocks(entry):
                    copy.write(block)
        _restart_sequences(cursor, names)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        _refuse_difference(checksums(), manifest)


def _empty(cursor: Any, tables: list[str]) -> None:
    """Delete what `migrate` itself wrote (types, permissions, its own list). Locks the tables, then looks again."""
    quoted = ", ".join(connection.ops.quote_name(name) for name in tables)
    cursor.execute(f"LOCK TABLE {quoted} IN ACCESS EXCLUSIVE MODE")
    if _is_filled():
        raise BusinessError(_NOT_EMPTY)
    cursor.execute(f"TRUNCATE {quoted}")


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


def _restore_sqlite(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
    """Put the database in place in one transaction of SQLite's backup, which a process killed meanwhile leaves undone.

    The copy is made and compared beside the database, on the same disk. SQLite's own log is used, so that connections
    that are open see the database before or after.
    """
    database = Path(connection.settings_dict["NAME"])
    copy = database.with_name(f"{database.name}.restore.partial")
    remove_sqlite(copy)
    try:
        with archive.open(DATABASE) as entry, open_own(copy) as file:
            for block in blocks(entry):
                file.write(block)
        _refuse_difference(sqlite_checksums(copy), manifest)
        connection.ensure_connection()
        if _is_filled():
            raise BusinessError(_NOT_EMPTY)
        with closing(sqlite3.connect(copy)) as source:
            source.backup(connection.connection)
        connection.close()
        _drop_programs()
        make_guards()
    finally:
        remove_sqlite(copy)


def _drop_programs() -> None:
    """Drop the triggers and views that came with a SQLite file: only those of this program stand in the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')")
        for kind, name in cursor.fetchall():
            cursor.execute(f"DROP {kind} {connection.ops.quote_name(name)}")


def _refuse_difference(found: dict[str, Any], manifest: dict[str, Any]) -> None:
    """Raise BusinessError when a table differs from the manifest."""
    expected = manifest["tables"]
    if wrong := sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name)):
        raise BusinessError(f"La sauvegarde ne correspond pas à ce qui est restauré : {', '.join(wrong)}.")
