"""The private files of the product, in MEDIA_ROOT or in a bucket of the S3 protocol: listed, read, written whole, deleted.

Names are relative and use « / ». What a view or a form stores goes through the storage itself (`private_storage`).
"""

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, storages

from openfire_billing.db.fields import private_storage

OWN = 0o600  # the rights of a file that its owner alone reads
_IN_MEMORY = 5 * 1024 * 1024


def root_folder() -> Path | None:
    """Return the folder of the private files; None when they are in a bucket."""
    storage = storages["default"]
    return Path(storage.location) if isinstance(storage, FileSystemStorage) else None


def where() -> str:
    """Return what to call the place of the private files in a sentence."""
    folder = root_folder()
    return str(folder) if folder is not None else "le seau S3"


def names(under: str = "") -> Iterator[str]:
    """Yield the names of the files under a folder, in order, those of its folders included."""
    storage = private_storage()
    try:
        folders, files = storage.listdir(under)
    except FileNotFoundError:
        return
    prefix = f"{under}/" if under else ""
    for name in sorted([*folders, *files]):
        if name in files:
            yield f"{prefix}{name}"
        elif name:
            yield from names(f"{prefix}{name}")


def open_file(name: str) -> BinaryIO:
    """Open a file to read its bytes. Raises FileNotFoundError."""
    return cast("BinaryIO", private_storage().open(name, "rb"))


def exists(name: str) -> bool:
    return private_storage().exists(name)


def modified(name: str) -> datetime:
    """Return when a file was written last. Raises FileNotFoundError."""
    return private_storage().get_modified_time(name)


def write(name: str, blocks: Iterable[bytes]) -> None:
    """Write a new file, which bears its name once it is whole. In a folder, its owner alone reads it."""
    folder = root_folder()
    if folder is None:
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as whole:
            for block in blocks:
                whole.write(block)
            whole.seek(0)
            private_storage().save(name, File(whole, name))
        return
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)  # of a process that was killed
    with open_own(partial) as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(target)


def delete(name: str) -> None:
    """Delete a file; one that is gone already is no error."""
    private_storage().delete(name)


def open_own(path: Path) -> BinaryIO:
    """Create a file that its owner alone reads, and open it. Raises FileExistsError."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, OWN), "w+b")
