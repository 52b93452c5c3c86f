"""Text compared without accents or case: « Poêle à bois » is found by « poele »."""

import unicodedata

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "-": " ", "'": " ", "’": " ", "\u00a0": " ", "\u202f": " "})


def fold(text: str) -> str:
    """Return `text` in lower case without accents. Hyphens and apostrophes become spaces, runs of spaces one."""
    letters = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split())
