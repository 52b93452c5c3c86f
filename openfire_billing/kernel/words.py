"""Sentences for people in modules that do not import Django: marked here, translated by the functions installed.

The msgids are French. The ground's app installs Django's functions when it is ready; without them a sentence stays as
it is written. Each translation is looked up once, since a billing run asks for the same few sentences a hundred
thousand times. The product has one language (settings.LANGUAGES); a second one would make the language a part of the
key.
"""

from collections.abc import Callable


def _one_or_many(one: str, many: str, count: int) -> str:
    """Return the singular for zero and one, as French does, else the plural."""
    return one if abs(count) < 2 else many


_translate: Callable[[str], str] = str
_translate_many: Callable[[str, str, int], str] = _one_or_many
_known: dict[str, str] = {}


def install(*, one: Callable[[str], str], many: Callable[[str, str, int], str]) -> None:
    """Use these functions to translate from now on."""
    global _translate, _translate_many
    _translate, _translate_many = one, many
    _known.clear()


def gettext(message: str) -> str:
    """Return the sentence in the language of the product."""
    if message not in _known:
        _known[message] = _translate(message)
    return _known[message]


def ngettext(one: str, many: str, count: int) -> str:
    """Return the sentence that fits `count`, in the language of the product."""
    return _translate_many(one, many, count)
