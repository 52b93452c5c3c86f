"""Backup of the whole firm in one file: tables, private files, a checksum of each. `restore.py` reads it back.

PostgreSQL: each table by COPY, ordered by its first column, in one transaction. SQLite: the database file, copied by
the database itself; its checksums are those of the copy.
"""

import errno
import fcntl
import hashlib
import json
import os
import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.apps import apps
from django.db import connection, models
from django.utils import timezone

from openfire_billing.db import private_files
from openfire_billing.db.private_files import open_own
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.file_names import unusual_names
from openfire_billing.kernel.formats import names_text
from openfire_billing.kernel.version import version

MANIFEST = "manifest.json"
FORMAT = 2
DATABASE, TABLES, FILES = "db.sqlite3", "tables/", "files/"  # names inside the archive
BLOCK = 1 << 20  # bytes read at once
_NO_LINKS = (errno.EPERM, errno.ENOTSUP)  # of a disk that has none, as FAT


def backup(path: Path) -> dict[str, Any]:
    """Write the backup. Return its manifest.

    The manifest: {format, program, database, made_at, migrations, tables: {name: {rows, sha256}}, files: {name: {size,
    sha256}}, absent: [name]}; `absent`: files that the database names and that were not there when they were copied.
    The file is readable by its owner alone, from its first byte, and bears the name `path` once it is whole. A process
    that is killed leaves files whose names end in `.partial`; the next backup to the same name replaces them.

    Raises BusinessError when `path` is among the private files, one of these has a name that is not the product's, or
    another backup to `path` is being written; OSError when it cannot be written, FileExistsError when `path` exists.
    """
    folder = private_files.root_folder()
    if folder is not None and path.resolve().is_relative_to(folder.resolve()):
        raise BusinessError(
            f"{path} est dans le dossier des fichiers privés, que la sauvegarde contient : choisissez un autre dossier."
        )
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "program": version(),
        "database": connection.vendor,
        "made_at": timezone.now().isoformat(),
    }
    partial = path.with_name(f"{path.name}.partial")
    with _written_alone(partial) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            if connection.vendor == "postgresql":
                found, named = _write_postgresql(archive)
            else:
                found, named = _write_sqlite(archive, path.with_name(f"{path.name}.{DATABASE}.partial"))
            manifest |= found
            manifest["files"] = _write_files(archive)
            manifest["absent"] = sorted(named - manifest["files"].keys())
            archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
        file.flush()
        os.fsync(file.fileno())
        _name(partial, path)
    return manifest


@contextmanager
def _written_alone(partial: Path) -> Iterator[BinaryIO]:
    """Open a new file that its owner alone reads, and that no other backup writes meanwhile. After a failure it is deleted."""
    file = None
    while file is None:
        file = _new_file(partial)
    with file:
        try:
            yield file
        finally:
            if _bears(file, partial):
                partial.unlink()


def _new_file(partial: Path) -> BinaryIO | None:
    """Return a new locked file in place of what a killed backup left; None when another backup was quicker."""
    try:
        with partial.open("rb") as left:
            _lock(left, partial)
            if not _bears(left, partial):
                return None
            partial.unlink()
    except FileNotFoundError:
        pass
    try:
        file = open_own(partial)
    except FileExistsError:
        if partial.is_symlink():  # to nothing
            raise
        return None
    try:
        _lock(file, partial)
    except BusinessError:
        file.close()
        raise
    if _bears(file, partial):
        return file
    file.close()
    return None


def _bears(file: BinaryIO, path: Path) -> bool:
    """Return whether an open file still has its name: another backup may have deleted or replaced it before the lock."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock(file: Any, partial: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as held:
        raise BusinessError(f"une autre sauvegarde écrit {partial} : attendez qu'elle finisse.") from held


def _name(partial: Path, path: Path) -> None:
    """Give a whole backup its name, which no file may have: a link, unlike a renaming, never replaces one."""
    try:
        os.link(partial, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError(error.errno, os.strerror(errno.EEXIST), str(path)) from error
        partial.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def absent_text(absent: list[str]) -> str:
    """Return the sentence on files that the database names and that a backup has not."""
    return (
        f"{len(absent)} fichier(s) que la base nomme n'étaient pas dans le dossier : {names_text(absent)}. "
        "Supprimés pendant la sauvegarde, ou perdus avant : cherchez-les dans une sauvegarde plus ancienne."
    )


def checksums() -> dict[str, dict[str, Any]]:
    """Return {table: {rows, sha256}} of the database as it is. On SQLite: of what is committed."""
    if connection.vendor == "postgresql":
        return {name: checksum(_copied_out(name)) for name in postgresql_tables()}
    return sqlite_checksums(Path(connection.settings_dict["NAME"]))


def sqlite_checksums(file: Path) -> dict[str, dict[str, Any]]:
    """Return {table: {rows, sha256}} of a SQLite file, all tables read in one transaction."""
    with closing(sqlite3.connect(file)) as link:
        link.execute("BEGIN")
        tables = sorted(
            name
            for (name,) in link.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith("sqlite_")
        )
        return {
            name: checksum((repr(row) + "\n").encode() for row in link.execute(f'SELECT * FROM "{name}" ORDER BY 1'))
            for name in tables
        }


def checksum(chunks: Iterable[bytes]) -> dict[str, Any]:
    """Return {rows, sha256} of a table's lines."""
    digest, rows = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        rows += chunk.count(b"\n")
    return {"rows": rows, "sha256": digest.hexdigest()}


def blocks(file: Any) -> Iterator[bytes]:
    """Yield the content of an open binary file, a block at a time."""
    while block := file.read(BLOCK):
        yield block


def postgresql_tables() -> list[str]:
    """Return the names of the tables that a backup of PostgreSQL contains."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return sorted({*names, "django_migrations"})


def _copied_out(table: str) -> Iterator[bytes]:
    """Yield a table of PostgreSQL as the text of COPY, one line for each row, in an order that no collation changes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, typcollation <> 0 FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum LIMIT 1",
            [connection.ops.quote_name(table)],
        )
        column, is_text = cursor.fetchone()
        order = connection.ops.quote_name(column) + (' COLLATE "C"' if is_text else "")
        query = f"COPY (SELECT * FROM {connection.ops.quote_name(table)} ORDER BY {order}) TO STDOUT"
        with cursor.copy(query) as copy:
            yield from (bytes(chunk) for chunk in copy)


def _write_postgresql(archive: zipfile.ZipFile) -> tuple[dict[str, Any], set[str]]:
    """Write the tables as they are at one moment. Return their part of the manifest, and the files that they name."""
    tables = {}
    with atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
        migrations = [f"{app}.{name}" for app, name in cursor.fetchall()]

        def read(query: str) -> list[tuple[str]]:
            cursor.execute(query)
            return list(cursor.fetchall())

        named = _files_named(read)
        for name in postgresql_tables():
            with archive.open(f"{TABLES}{name}", "w", force_zip64=True) as entry:
                tables[name] = checksum(_written(_copied_out(name), entry))
    return {"migrations": sorted(migrations), "tables": tables}, named


def _files_named(read: Callable[[str], Iterable[tuple[str]]]) -> set[str]:
    """Return the names of the private files to which rows refer. `read` answers a query."""
    found: set[str] = set()
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, models.FileField):
                column, table = map(connection.ops.quote_name, (field.column, model._meta.db_table))
                found |= {name for (name,) in read(f"SELECT {column} FROM {table} WHERE {column} <> ''")}
    return found


def _written(chunks: Iterable[bytes], entry: Any) -> Iterator[bytes]:
    """Write each chunk to an entry of the archive, and yield it."""
    for chunk in chunks:
        entry.write(chunk)
        yield chunk


def _write_sqlite(archive: zipfile.ZipFile, copy: Path) -> tuple[dict[str, Any], set[str]]:
    """Write a copy of the database file, made at `copy`. Return its part of the manifest and the files that it names,
    read from the copy.
    """
    remove_sqlite(copy)
    open_own(copy).close()  # SQLite gives its logs the same rights
    try:
        connection.ensure_connection()
        with closing(sqlite3.connect(copy)) as target:
            connection.connection.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            migrations = [f"{app}.{name}" for app, name in target.execute("SELECT app, name FROM django_migrations")]
            named = _files_named(target.execute)
        archive.write(copy, DATABASE)
        return {"migrations": sorted(migrations), "tables": sqlite_checksums(copy)}, named
    finally:
        remove_sqlite(copy)


def remove_sqlite(file: Path) -> None:
    """Delete a SQLite file and its logs."""
    for ending in ("", "-journal", "-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)


def _write_files(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Write the private files. Return {name: {size, sha256}}, without those that are deleted meanwhile.

    Raises BusinessError for a file whose name a restore would refuse.
    """
    found = {}
    for name in private_files.names():
        try:
            with private_files.open_file(name) as file:
                found[name] = _write_file(archive, name, file)
        except FileNotFoundError:
            continue
    if unusual := unusual_names(found):
        raise BusinessError(
            f"Dans {private_files.where()}, ces noms ne viennent pas du logiciel et ne se restaurent pas : {', '.join(unusual)}. "
            "Renommez ces fichiers ou ôtez-les, puis recommencez."
        )
    return found


def _write_file(archive: zipfile.ZipFile, name: str, file: BinaryIO) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with archive.open(f"{FILES}{name}", "w", force_zip64=True) as entry:
        for block in blocks(file):
            entry.write(block)
            digest.update(block)
            size += len(block)
    return {"size": size, "sha256": digest.hexdigest()}
