"""Names of files: those that people send, and those of an archive."""

import re
import unicodedata
from collections.abc import Iterable


def clean_name(name: str) -> str:
    """Return the name of an uploaded file as it is shown and stored: its last part, composed (NFC), « fichier » if empty.

    Characters that show nothing or turn the reading direction, and blanks and dots at its end, are left out: « a.exe. »
    and a name turned by U+202E end as what they are.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if not unicodedata.category(c).startswith("C")).strip()
    return re.sub(r"[.\s]+$", "", shown) or "fichier"


def unusual_names(names: Iterable[str]) -> list[str]:
    """Return the paths that no file of the product has, sorted.

    They have a part that `clean_name` changes (« . » and « .. » included), or are the same as another one but for case.
    """
    paths = list(names)
    folded: dict[str, str] = {}
    doubles = [path for path in paths if folded.setdefault(path.casefold(), path) != path]
    return sorted({*doubles, *(path for path in paths if any(clean_name(part) != part for part in path.split("/")))})
