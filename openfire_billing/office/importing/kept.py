"""Uploaded files of imports, in MEDIA_ROOT/imports from their preview until they are written, or for a week."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from django.conf import settings

LASTS = timedelta(days=7)


def keep_file(user_id: int, name: str, content: bytes, *, left: bytes = b"") -> str:
    """Keep the file of a preview, and the lines left of it, in place of the other ones of this user. Returns the name
    under which it is kept.
    """
    for other in _folder().glob(f"{user_id}-*"):
        other.unlink(missing_ok=True)
    ending = ".xlsx" if name.lower().endswith((".xlsx", ".xlsm")) else ".csv"
    kept = f"{user_id}-{uuid4().hex}{ending}"
    kept_file(kept).write_bytes(content)
    keep_left(kept, left)
    return kept


def keep_left(name: str, left: bytes) -> None:
    """Keep the lines left of a kept file in place of those kept before; none when `left` is empty."""
    if left:
        left_file(name).write_bytes(left)
    else:
        left_file(name).unlink(missing_ok=True)


def kept_file(name: str) -> Path:
    """Return the path of a kept file; the file may be gone."""
    return _folder() / name


def left_file(name: str) -> Path:
    """Return the path of the lines left of a kept file (CSV); there may be none."""
    return _folder() / f"{name}.left"


def forget_files(*, now: datetime) -> int:
    """Delete the files kept for more than a week. Returns how many there were."""
    oldest = (now - LASTS).timestamp()
    old = [file for file in _folder().iterdir() if file.stat().st_mtime < oldest]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)


def _folder() -> Path:
    folder = Path(settings.MEDIA_ROOT) / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
