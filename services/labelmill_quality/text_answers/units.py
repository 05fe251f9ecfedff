"""How texts are compared: in which units, and what does not matter. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import cached_property


class Unit(Enum):
    """What one edit changes."""

    WORD = "word"
    """A run of characters without white space."""
    CHARACTER = "character"
    """A code point; for short answers, such as number plates."""


@dataclass(frozen=True)
class Comparison:
    """In which units, and what does not matter. White space never does, but that it is there."""

    unit: Unit = Unit.WORD
    ignore_case: bool = False
    ignore_punctuation: bool = False
    ignore_accents: bool = False

    def split(self, text: str) -> Units:
        """The units of a text, as they are written and as they are compared; those that say nothing are left out."""
        words = text.split()
        written = words if self.unit is Unit.WORD else list(" ".join(words))
        pairs = [(unit, self._compared(unit)) for unit in written]
        kept = [pair for pair in pairs if pair[1]]
        return Units(tuple(pair[0] for pair in kept), tuple(pair[1] for pair in kept), self.unit)

    def _compared(self, unit: str) -> str:
        unit = unicodedata.normalize("NFD" if self.ignore_accents else "NFC", unit)
        if self.ignore_accents:
            unit = "".join(sign for sign in unit if not unicodedata.combining(sign))
        if self.ignore_punctuation:
            unit = "".join(sign for sign in unit if unicodedata.category(sign)[0] != "P")
        return unit.casefold() if self.ignore_case else unit


@dataclass(frozen=True)
class Units:
    """A text in units."""

    written: tuple[str, ...]
    compared: tuple[str, ...]
    unit: Unit

    @cached_property
    def text(self) -> str:
        """The text again, with single spaces."""
        return join(self.written, self.unit)


def join(written: tuple[str, ...] | list[str], unit: Unit) -> str:
    """Units as a text."""
    return (" " if unit is Unit.WORD else "").join(written).strip()
