"""Licence plates by their shape: lines of text that look like a plate of some country.

The forms are those that the countries' registration offices publish; a line counts when nothing else stands on it. A
plate whose letters cannot be read is covered as unreadable text; one that is not even seen as text is not found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from labelmill_anonymization.media.boxes import around
from labelmill_anonymization.media.sightings import LICENSE_PLATE, Sighting
from labelmill_anonymization.media.words import Word, lines

_FORMS = (
    r"[A-ZÄÖÜ]{1,3}[A-Z]{1,2}\d{1,4}[EH]?",  # Germany; Austria, Poland and many others are of this shape
    r"[A-Z]{2}\d{2}[A-Z]{3}",  # United Kingdom since 2001
    r"[A-Z]\d{1,3}[A-Z]{3}|[A-Z]{3}\d{1,3}[A-Z]",  # United Kingdom before
    r"[A-Z]{2}\d{3}[A-Z]{2}",  # France, Italy
    r"\d{4}[BCDFGHJKLMNPRSTVWXYZ]{3}",  # Spain
    r"[A-Z]{1,3}\d{2,6}[A-Z]{0,2}",  # Austria, Switzerland, Denmark, Norway, most states of the USA, Canada
    r"\d[A-Z]{3}\d{3}",  # California, Belgium
    r"\d{2,3}[A-Z]{2,3}\d{1,2}|[A-Z]{2}\d{2}[A-Z]{2}|[A-Z]\d{3}[A-Z]{2}|[A-Z]{2}\d{3}[A-Z]",  # Netherlands
    r"[A-Z]{3}\d[A-Z0-9]\d{2}",  # Brazil, Sweden
    r"[A-Z]{2}\d{1,2}[A-Z]{1,3}\d{4}",  # India
    r"[ABEKMHOPCTYX]\d{3}[ABEKMHOPCTYX]{2}\d{2,3}",  # Russia
    r"[\u4e00-\u9fff][A-Z][A-Z0-9]{5,6}",  # China
)
_PLATE = re.compile("|".join(f"(?:{form})" for form in _FORMS))
_BETWEEN = re.compile(r"[\s\-·.•:*]+")
_MIN_CHARACTERS = 5
_SCORE = 0.6


def plates(words: Sequence[Word]) -> list[Sighting]:
    """Lines that are a plate, as sightings."""
    return [
        Sighting(LICENSE_PLATE, around(word.box for word in line), _SCORE, "OCR", line[0].page)
        for line in lines(words)
        if is_plate(" ".join(word.text for word in line))
    ]


def is_plate(text: str) -> bool:
    """Whether a line has the shape of a licence plate: its characters, whatever stands between them."""
    characters = _BETWEEN.sub("", text.upper())
    return len(characters) >= _MIN_CHARACTERS and _PLATE.fullmatch(characters) is not None
