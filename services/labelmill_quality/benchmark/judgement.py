"""One annotation against gold. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Outcome(IntEnum):
    """What became of an annotation; the numbers are those of the contract."""

    RIGHT = 1
    WRONG = 2
    SPURIOUS = 3
    MISSED = 4


Cell = tuple[str | None, str | None]
"""Class of gold and class said; None where there is none of it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one statement compares with its gold."""

    outcome: Outcome
    score: float
    """How alike the two are, in [0, 1]."""
    cells: tuple[Cell, ...]
    """Where it counts in a confusion matrix: once, for multiple choice once a class, for texts and numbers nowhere."""
    hits: int
    """Things said that gold has: 1 or 0, for multiple choice the number of classes."""
    said: int
    """Things said."""
    gold: int
    """Things that gold has."""
    error: float | None = None
    """Number said less that of gold, or the same of ranks."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, with what it is about."""

    item: str
    labeler: str
    feature: str
    verdict: Verdict
    index: int | None
    """The annotation's place in what was sent; None for what was missed."""
    gold_index: int | None
    """Its partner's place in gold; None for what is spurious."""
    create_ms: int | None = None
    """When it was made; of what was missed, when the labeler last said something about the item."""


def pair(gold: str, said: str, score: float) -> Verdict:
    """Of two that belong together, by their classes."""
    right = gold == said
    return Verdict(Outcome.RIGHT if right else Outcome.WRONG, score, ((gold, said),), int(right), 1, 1)


def spurious(said: str) -> Verdict:
    """Of something that gold does not have."""
    return Verdict(Outcome.SPURIOUS, 0.0, ((None, said),), 0, 1, 0)


def missed(gold: str) -> Verdict:
    """Of gold that was not seen."""
    return Verdict(Outcome.MISSED, 0.0, ((gold, None),), 0, 0, 1)
