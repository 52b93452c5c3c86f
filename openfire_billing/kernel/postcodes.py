"""Post codes of France and their towns, from the bundled table that `bin/postcodes` makes."""

import gzip
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("postcodes.tsv.gz")


def towns_of(code: str) -> list[str]:
    """Return the towns of a French post code, the largest first; none for an unknown one."""
    names = _table().get(code.replace(" ", ""), "")
    return names.split("|") if names else []


@cache
def _table() -> dict[str, str]:
    rows = gzip.decompress(_TABLE.read_bytes()).decode().splitlines()
    return dict(row.split("\t") for row in rows)
