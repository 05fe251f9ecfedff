"""Templates: lines of text with alternatives `(a|b|)` and slots `<NAME>`; a backslash makes what follows plain."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("templates")
_HELD_OUT_OF = 8
_PLAIN = frozenset(
    {"word", "Word", "number", "money", "CODE", "TIME", "DAY", "JOB", "job", "product", "disease", "EXPIRY"}
)
_ESCAPES = {"n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a value."""

    name: str

    @property
    def mark(self) -> str:
        """Stands for it where templates are compared: `<>` for what is personal."""
        return f"<{self.name if self.name in _PLAIN else ''}>"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these sequences."""

    options: tuple[tuple[str | Slot | Choice, ...], ...]


Sequence = tuple[str | Slot | Choice, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """One line of a file."""

    language: str
    genre: str
    line: str
    parts: Sequence

    @property
    def held_out(self) -> bool:
        """Whether it serves for choosing and calibrating models, never for training."""
        return hashlib.sha256(self.line.encode()).digest()[0] % _HELD_OUT_OF == 0

    def expand(self, random_: random.Random) -> list[str | Slot]:
        """One of its texts, as literal pieces and slots."""
        return list(_expand(self.parts, random_))

    def pattern(self) -> re.Pattern[str]:
        """Matches every text of it in which each slot is its mark."""
        return re.compile(_pattern(self.parts))


@cache
def templates() -> tuple[Template, ...]:
    """All templates."""
    return tuple(
        Template(file.parent.name, file.stem, line, parse(line))
        for file in sorted(FOLDER.glob("*/*.txt"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )


def parse(line: str) -> Sequence:
    """Reads a template.

    Raises:
        ValueError: A bracket is not closed, or not opened.
    """
    sequence, rest = _sequence(line, 0)
    if rest != len(line):
        raise ValueError(f"unexpected {line[rest]!r} in {line!r}")
    return sequence


def _sequence(line: str, at: int) -> tuple[Sequence, int]:
    parts: list[str | Slot | Choice] = []
    literal = ""
    while at < len(line) and line[at] not in "|)":
        character = line[at]
        if character == "\\":
            literal += _ESCAPES.get(line[at + 1], line[at + 1])
            at += 2
            continue
        if character not in "(<":
            literal += character
            at += 1
            continue
        if literal:
            parts.append(literal)
            literal = ""
        if character == "<":
            end = line.index(">", at)
            parts.append(Slot(line[at + 1 : end]))
            at = end + 1
        else:
            choice, at = _choice(line, at + 1)
            parts.append(choice)
    if literal:
        parts.append(literal)
    return tuple(parts), at


def _choice(line: str, at: int) -> tuple[Choice, int]:
    options = []
    while True:
        option, at = _sequence(line, at)
        options.append(option)
        if at >= len(line):
            raise ValueError(f"a bracket is not closed in {line!r}")
        at += 1
        if line[at - 1] == ")":
            return Choice(tuple(options)), at


def _expand(parts: Sequence, random_: random.Random) -> Iterator[str | Slot]:
    for part in parts:
        if isinstance(part, Choice):
            yield from _expand(random_.choice(part.options), random_)
        else:
            yield part


def _pattern(parts: Sequence) -> str:
    made = ""
    for part in parts:
        if isinstance(part, Choice):
            made += "(?:" + "|".join(_pattern(option) for option in part.options) + ")"
        else:
            made += re.escape(part if isinstance(part, str) else part.mark)
    return made
