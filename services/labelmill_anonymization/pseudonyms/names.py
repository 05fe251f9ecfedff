"""Names of people, part by part, so that the parts of one name agree wherever they stand.

Each word of a name is exchanged on its own: a word that is on a list (male, female or neutral given names, or family
names, of one of the known locales) becomes its successor in an order of that list which the key decides. That exchanges
the list one to one, leaves no word as it is, and keeps gender and locale. Any other word becomes a name of the first
locale with a made-up word: some 8 to 10 and 49 bits. Titles, particles such as "van", and the punctuation stay.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from labelmill_anonymization.keys import keyed_digest, normalized
from labelmill_anonymization.pseudonyms.made_up import word as made_up_word
from labelmill_anonymization.pseudonyms.name_lists import gender_of, name_classes, name_lists
from labelmill_anonymization.pseudonyms.rings import Ring

_TITLES = frozenset(
    word
    for line in (
        "mr mrs ms miss mx dr prof professor sir madam rev phd md jr herr frau fräulein monsieur madame mademoiselle",
        "mme mlle señor señora señorita sr sra srta don doña signor signora sig dott dottoressa",
    )
    for word in line.split()
)
_PARTICLES = frozenset(
    word
    for line in (
        "de del della delle di da do dos das du des la le les van der den ten ter von zu zum zur bin ibn al el",
        "y e i und af av",
    )
    for word in line.split()
)
_WORD = r"[^\W_](?:[^\W_]|['\u2019](?=[^\W_]))*"
_PIECES = re.compile(rf"(?P<word>{_WORD})|(?P<rest>[ ,.()\"'\u2019-]+)")
_POSSESSIVE = re.compile(r"['\u2019]s$", re.IGNORECASE)
_INITIALS = "abcdefghijklmnopqrstuvwxyz"
_SHORTEST_SECRET = 3
"""Shorter words occur in others by chance."""
_SYLLABLES = 8


def pseudonym_of_name(value: str, key: bytes, locale: str) -> str | None:
    """Another name; None where that is no name at all."""
    text = " ".join(unicodedata.normalize("NFKC", value).split())
    pieces = list(_PIECES.finditer(text))
    if sum(len(piece[0]) for piece in pieces) != len(text):
        return None
    words = [normalized(piece["word"]) for piece in pieces if piece["word"]]
    secret = [word for word in words if word not in _TITLES and word not in _PARTICLES]
    if not secret:
        return None
    out = []
    for piece in pieces:
        word = normalized(piece["word"]) if piece["word"] else ""
        stays = not word or (word not in secret)
        out.append(piece[0] if stays else _word(piece["word"], key, locale))
    return "".join(out)


def _word(word: str, key: bytes, locale: str) -> str:
    possessive = _POSSESSIVE.search(word)
    stem = word[: possessive.start()] if possessive else word
    return _part(normalized(stem), key, locale) + (possessive[0] if possessive else "")


@lru_cache(maxsize=8192)
def _part(part: str, key: bytes, locale: str) -> str:
    found = _successor(part, key, locale)
    attempt = 0
    while found is None or (len(part) >= _SHORTEST_SECRET and part in normalized(found)):
        found = _made_up(part, key, locale, attempt)
        attempt += 1
    return found


def _successor(part: str, key: bytes, locale: str) -> str | None:
    if len(part) == 1 and part in _INITIALS:
        return _initials(key)[part]
    number = name_classes(locale).of_name.get(part)
    return None if number is None else _class_ring(key, locale, number).successors.get(part)


def _made_up(part: str, key: bytes, locale: str, attempt: int) -> str:
    digest = keyed_digest(key, "name-part", f"{part}#{attempt}")
    lists = name_lists(locale)
    names = {"male": lists.male, "female": lists.female}.get(gender_of(part), lists.family)
    ring = _class_ring(key, locale, lists.lists.index(names))
    return f"{ring.nearest(digest[:16])}-{made_up_word(int.from_bytes(digest[16:]), _SYLLABLES)[0]}"


@lru_cache(maxsize=256)
def _class_ring(key: bytes, locale: str, number: int) -> Ring:
    return Ring.of(name_classes(locale).classes[number], key)


@lru_cache(maxsize=64)
def _initials(key: bytes) -> dict[str, str]:
    return Ring.of({letter: letter.upper() for letter in _INITIALS}, key).successors
