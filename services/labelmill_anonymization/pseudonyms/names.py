"""Names of people, part by part, so that the parts of one name agree wherever they stand.

Each word of a name is exchanged on its own: a word that is on a list of the locale (male, female, neutral given names;
family names) becomes its successor in an order of that list which the key decides, which exchanges the list one to one
and leaves no word as it is. Any other word becomes a name of the list of its gender (looked up in all locales), or a
family name, with a made-up word: some 10 and 49 bits. Titles, particles such as "van", and the punctuation stay.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from labelmill_anonymization.keys import keyed_digest, normalized
from labelmill_anonymization.pseudonyms.made_up import word as made_up_word
from labelmill_anonymization.pseudonyms.name_lists import gender_of, name_lists
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
    found = _rings(key, locale).successors.get(part)
    if found is None and len(part) == 1 and part in _INITIALS:
        found = _initials(key)[part]
    attempt = 0
    while found is None or (len(part) >= _SHORTEST_SECRET and part in normalized(found)):
        found = _made_up(part, key, locale, attempt)
        attempt += 1
    return found


def _made_up(part: str, key: bytes, locale: str, attempt: int) -> str:
    digest = keyed_digest(key, "name-part", f"{part}#{attempt}")
    rings = _rings(key, locale)
    ring = {"male": rings.male, "female": rings.female}.get(gender_of(part), rings.family)
    return f"{ring.nearest(digest[:16])}-{made_up_word(int.from_bytes(digest[16:]), _SYLLABLES)[0]}"


@dataclass(frozen=True)
class _Rings:
    male: Ring
    female: Ring
    family: Ring
    successors: dict[str, str]
    """Every listed name with the one that takes its place."""


@lru_cache(maxsize=64)
def _rings(key: bytes, locale: str) -> _Rings:
    male, female, neutral, family = (Ring.of(names, key) for names in name_lists(locale).lists)
    successors = neutral.successors | male.successors | female.successors | family.successors
    return _Rings(male, female, family, successors)


@lru_cache(maxsize=64)
def _initials(key: bytes) -> dict[str, str]:
    return Ring.of({letter: letter.upper() for letter in _INITIALS}, key).successors
