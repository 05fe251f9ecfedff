"""Describes tokens by numbers: hashed words, beginnings, endings, shape, and what the lexicon knows.

A word's hash is polynomial, so that the hash of any stretch of text is the difference of two running sums (Karp and
Rabin 1987); all tokens of a batch are hashed at once. Letters are folded (case, accents, width), marks are skipped and
digits from the third on are zeros, so that "José", "JOSE" and "Jose" followed by a combining accent are one word.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.tagger.lexicon import BITS, VECTOR, Lexicon
from labelmill_anonymization.tagger.tokens import BREAK, DIGIT, FOLDED, LETTER, SPACE, UPPER, Tokens

WORDS, AFFIXES, SHAPES = 1 << 15, 1 << 12, 1 << 8
"""Sizes of the tables that hashed words, beginnings and endings, and shapes are looked up in."""

COLUMNS = ("word", "other_word", "first_2", "first_3", "last_2", "last_3", "last_4", "shape")
TABLES = (WORDS, WORDS, AFFIXES, AFFIXES, AFFIXES, AFFIXES, AFFIXES, SHAPES)
DENSE = BITS + VECTOR
"""Number of the dense features: the lexicon's bits and its vector."""

_PRIME = np.uint64(0x100000001B3)
_INVERSE = np.uint64(pow(0x100000001B3, -1, 1 << 64))
_LENGTHS: NDArray[np.uint8] = np.array([0, 1, 2, 3, 4, 5, 5, 6, 6, 6, 7], np.uint8)
_MANY = len(_LENGTHS) - 1


@dataclass(frozen=True, slots=True)
class Features:
    """One row a token.

    Attributes:
        ids: Row in the table of each of `COLUMNS`; 0 means unknown.
        dense: The lexicon's bits (0 or 1), then its vector.
    """

    ids: NDArray[np.int32]
    dense: NDArray[np.float32]


def describe(tokens: Tokens, lexicon: Lexicon) -> Features:
    """The features of tokens."""
    first, last, folded = _normalized(tokens)
    sums = _Sums.of(folded)
    word = sums.hashes(first, last)
    ids = np.empty((len(tokens), len(COLUMNS)), np.int32)
    ids[:, 0] = _row(word, WORDS)
    ids[:, 1] = _row(word >> np.uint64(20), WORDS)
    for column, length in ((2, 2), (3, 3)):
        ids[:, column] = _row(sums.hashes(first, np.minimum(first + length, last)), AFFIXES)
    for column, length in ((4, 2), (5, 3), (6, 4)):
        ids[:, column] = _row(sums.hashes(np.maximum(last - length, first), last), AFFIXES)
    ids[:, 7] = _shapes(tokens)
    known = lexicon.look_up(word, _follows(tokens))
    return Features(ids, known)


def word_hashes(tokens: Tokens) -> NDArray[np.uint64]:
    """The hash of each token, as the lexicon's keys are made of."""
    first, last, folded = _normalized(tokens)
    return _Sums.of(folded).hashes(first, last)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Running sums of characters times powers of a prime, modulo 2^64."""

    sums: NDArray[np.uint64]
    inverse: NDArray[np.uint64]

    @classmethod
    def of(cls, characters: NDArray[np.uint32]) -> _Sums:
        powers = _powers(_PRIME, len(characters))
        sums = np.zeros(len(characters) + 1, np.uint64)
        np.cumsum((characters + np.uint32(1)) * powers[: len(characters)], out=sums[1:])
        return cls(sums, _powers(_INVERSE, len(characters)))

    def hashes(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Hashes of stretches, with the bits well mixed (the finalizer of splitmix64, Steele et al. 2014)."""
        mixed = (self.sums[last] - self.sums[first]) * self.inverse[first]
        mixed ^= mixed >> np.uint64(30)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(27)
        mixed *= np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


_POWERS: dict[int, NDArray[np.uint64]] = {}


def _powers(base: np.uint64, number: int) -> NDArray[np.uint64]:
    """The powers of `base` from 0 to at least `number`."""
    known = _POWERS.get(int(base))
    if known is None or len(known) <= number:
        factors = np.full(max(number + 1, 1 << 14), base, np.uint64)
        factors[0] = 1
        known = _POWERS[int(base)] = np.cumprod(factors, dtype=np.uint64)
    return known


def _normalized(tokens: Tokens) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]]:
    """Begin and end of each token in the folded characters that remain without marks, and these characters."""
    codes = tokens.codes
    folded = np.where(codes < len(FOLDED), FOLDED[np.minimum(codes, len(FOLDED) - 1)], codes)
    is_digit = tokens.classes == DIGIT
    long_numbers = np.flatnonzero(is_digit[tokens.start] & (tokens.end - tokens.start > 2)) if len(tokens) else ()
    if len(long_numbers):
        begin = np.zeros(len(codes), np.int64)
        begin[tokens.start] = tokens.start
        depth = np.arange(len(codes)) - np.maximum.accumulate(begin)
        folded = np.where(is_digit & (depth >= 2), np.uint32(ord("0")), folded)
    if not tokens.marks.any():
        return tokens.start, tokens.end, folded.astype(np.uint32)
    kept = ~tokens.marks
    place = np.concatenate([[0], np.cumsum(kept)])
    return place[tokens.start], place[tokens.end], folded[kept].astype(np.uint32)


def _row(hashes: NDArray[np.uint64], size: int) -> NDArray[np.int32]:
    return (1 + hashes % np.uint64(size - 1)).astype(np.int32)


def _follows(tokens: Tokens) -> NDArray[np.bool_]:
    """Whether each token stands in the same text as the one before it."""
    same = np.zeros(len(tokens), bool)
    same[1:] = tokens.text[1:] == tokens.text[:-1]
    return same


def _shapes(tokens: Tokens) -> NDArray[np.int32]:
    """Case (or class), length and space before, as one number below `SHAPES`."""
    start, end, classes = tokens.start, tokens.end, tokens.classes
    if not len(tokens):
        return np.zeros(0, np.int32)
    upper = UPPER[np.minimum(tokens.codes, len(UPPER) - 1)]
    capitals = np.concatenate([[0], np.cumsum(upper)])
    count, length = capitals[end] - capitals[start], end - start
    begins = upper[start]
    kind = np.select(
        [classes[start] != LETTER, count == 0, count == length, begins & (count == 1), begins],
        [np.where(classes[start] == DIGIT, 0, np.where(classes[start] == BREAK, 1, 2)), 3, 4, 5, 6],
        7,
    )
    before = start - np.concatenate([[0], end[:-1]])
    spaced = np.where(classes[np.maximum(start - 1, 0)] == SPACE, np.minimum(before, 2), 0)
    spaced = np.where(start == tokens.offset[tokens.text], 3, spaced)
    shapes: NDArray[np.int32] = (1 + (kind * 8 + _LENGTHS[np.minimum(length, _MANY)]) * 4 + spaced).astype(np.int32)
    return shapes % np.int32(SHAPES)
