"""Sentences for people in modules that know no Django: marked for translation here, translated by whoever is installed.

The msgids are French. The ground's app installs Django's functions when it is ready; without them a sentence stays
as it is written.
"""

from collections.abc import Callable


def _one_or_many(one: str, many: str, count: int) -> str:
    """French: zero and one are singular."""
    return one if abs(count) < 2 else many


_gettext: Callable[[str], str] = str
_ngettext: Callable[[str, str, int], str] = _one_or_many


def install(*, one: Callable[[str], str], many: Callable[[str, str, int], str]) -> None:
    """Translate by these functions from now on."""
    global _gettext, _ngettext
    _gettext, _ngettext = one, many


def gettext(message: str) -> str:
    """The sentence in the language of whoever reads it."""
    return _gettext(message)


def ngettext(one: str, many: str, count: int) -> str:
    """The sentence that fits `count`, in the language of whoever reads it."""
    return _ngettext(one, many, count)
