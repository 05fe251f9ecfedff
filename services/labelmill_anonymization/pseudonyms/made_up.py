"""Made-up words, from digests. Pure."""

from __future__ import annotations

import base64

_CONSONANTS = "bdfgklmnprstvz"
_VOWELS = "aeiou"
_SYLLABLES = tuple(consonant + vowel for consonant in _CONSONANTS for vowel in _VOWELS)  # 6.1 bits each


def word(number: int, syllables: int) -> tuple[str, int]:
    """A word that can be pronounced, capitalized, and what is left of the number."""
    parts = []
    for _ in range(syllables):
        number, index = divmod(number, len(_SYLLABLES))
        parts.append(_SYLLABLES[index])
    return "".join(parts).capitalize(), number


def two_words(number: int) -> tuple[str, int]:
    """Two words of 61 bits together, and what is left of the number."""
    first, number = word(number, 5)
    second, number = word(number, 5)
    return f"{first} {second}", number


def letters(digest: bytes) -> str:
    """16 lower-case letters and digits: 80 bits."""
    return base64.b32encode(digest[:10]).decode().lower()
