"""The version of the product: that of pyproject.toml."""

import tomllib
from functools import cache
from pathlib import Path


@cache
def version() -> str:
    """Return « year.month.number », the number counted within the month."""
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    found: str = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
    return found
