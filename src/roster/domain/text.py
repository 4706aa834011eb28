"""One fold for text serves every comparison, order and search, so that case and accents never matter.

The fold is stored beside the text when it is written and compared byte by byte, so that the same rows match, in the
same order, on every server, whatever its locale.
"""

import unicodedata

# Explicit directional formatting (Unicode Standard Annex 9): it can make a name read as another.
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs"})
_UNSEEN_CATEGORIES = frozenset({"Mn", "Mc", "Me", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs"})


def fold(text: str) -> str:
    """NFKD, marks dropped, casefold. Idempotent: the fold of a fold is itself."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if unicodedata.category(char)[0] != "M").casefold()


def collapse(text: str) -> str:
    """NFC, trimmed, and every run of inner space made one blank."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def is_visible(text: str) -> bool:
    """Whether there is anything to see: more than marks, blanks, and format or control characters."""
    # A character that this Python does not know yet (Cn) may well be seen.
    return any(unicodedata.category(char) not in _UNSEEN_CATEGORIES for char in text)


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold it: no NUL and no lone surrogate."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def refused_character(text: str) -> str | None:
    """The first control, surrogate or bidi-control character, as U+XXXX; None when there is none."""
    for char in text:
        if char in _BIDI_CONTROLS or unicodedata.category(char) in _REFUSED_CATEGORIES:
            return f"U+{ord(char):04X}"
    return None
