"""Uploaded files of imports, private files under `imports/` from their preview until they are written, or for a week."""

from datetime import datetime, timedelta
from uuid import uuid4

from openfire_billing.db import private_files

LASTS = timedelta(days=7)
_FOLDER = "imports"


def keep_file(user_id: int, name: str, content: bytes, *, left: bytes = b"") -> str:
    """Keep the file of a preview, and the lines left of it, in place of the other ones of this user. Returns the name
    under which it is kept.
    """
    for other in list(private_files.names(_FOLDER)):
        if other.startswith(f"{_FOLDER}/{user_id}-"):
            private_files.delete(other)
    ending = ".xlsx" if name.lower().endswith((".xlsx", ".xlsm")) else ".csv"
    kept = f"{user_id}-{uuid4().hex}{ending}"
    private_files.write(_path(kept), [content])
    keep_left(kept, left)
    return kept


def keep_left(name: str, left: bytes) -> None:
    """Keep the lines left of a kept file in place of those kept before; none when `left` is empty."""
    private_files.delete(_path_of_left(name))
    if left:
        private_files.write(_path_of_left(name), [left])


def read_kept(name: str) -> bytes:
    """Return the content of a kept file. Raises FileNotFoundError when it is gone."""
    return _read(_path(name))


def forget_file(name: str) -> None:
    """Delete a kept file; its lines left stay."""
    private_files.delete(_path(name))


def has_left(name: str) -> bool:
    """Return whether lines are left of a kept file."""
    return private_files.exists(_path_of_left(name))


def read_left(name: str) -> bytes:
    """Return the lines left of a kept file, a CSV. Raises FileNotFoundError when there are none."""
    return _read(_path_of_left(name))


def forget_files(*, now: datetime) -> int:
    """Delete the files kept for more than a week. Returns how many there were."""
    old = [name for name in private_files.names(_FOLDER) if private_files.modified(name) < now - LASTS]
    for name in old:
        private_files.delete(name)
    return len(old)


def _read(path: str) -> bytes:
    with private_files.open_file(path) as file:
        return file.read()


def _path(name: str) -> str:
    return f"{_FOLDER}/{name}"


def _path_of_left(name: str) -> str:
    return f"{_FOLDER}/{name}.left"
