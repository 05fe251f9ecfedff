"""What is known of words: which lists they are in, and a vector of their meaning.

Words are kept as hashes only. The file is made by `python -m tools.tagger.lexicon`, which names the sources.
"""

from __future__ import annotations

import enum
import io
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray


class Known(enum.IntFlag):
    """The lists that a word can be in. `PLACE_PAIR` and `PAIR_END` are the words of a place's name of two or more."""

    GIVEN_NAME = enum.auto()
    SURNAME = enum.auto()
    CITY = enum.auto()
    COUNTRY = enum.auto()
    REGION = enum.auto()
    REGION_CODE = enum.auto()
    NATIONALITY = enum.auto()
    STREET_WORD = enum.auto()
    COMPANY_FORM = enum.auto()
    INSTITUTION = enum.auto()
    TITLE = enum.auto()
    CALENDAR = enum.auto()
    OCCUPATION = enum.auto()
    FREQUENT = enum.auto()
    COMMON = enum.auto()
    RARE = enum.auto()
    GERMAN = enum.auto()
    FRENCH = enum.auto()
    SPANISH = enum.auto()
    ITALIAN = enum.auto()
    PLACE_PAIR = enum.auto()
    PAIR_END = enum.auto()


BITS = len(Known)
VECTOR = 24
"""Length of a word's vector."""

_SCALE = np.float32(1 / 64)
_Value = TypeVar("_Value", bound=np.generic)
_KEY_BITS = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words by the upper half of their hash.

    Attributes:
        keys: Sorted.
        bits: `Known` of each key.
        vector_keys: Sorted.
        vectors: One row a key, times 64.
    """

    keys: NDArray[np.uint32]
    bits: NDArray[np.uint32]
    vector_keys: NDArray[np.uint32]
    vectors: NDArray[np.int8]

    @classmethod
    def load(cls, data: bytes) -> Lexicon:
        """Reads what `dump` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls(arrays["keys"], arrays["bits"], arrays["vector_keys"], arrays["vectors"])

    def dump(self) -> bytes:
        """As bytes of a compressed .npz file."""
        file = io.BytesIO()
        np.savez_compressed(file, keys=self.keys, bits=self.bits, vector_keys=self.vector_keys, vectors=self.vectors)
        return file.getvalue()

    @classmethod
    def empty(cls) -> Lexicon:
        """Knows no word."""
        none = np.zeros(0, np.uint32)
        return cls(none, none, none, np.zeros((0, VECTOR), np.int8))

    def look_up(self, words: NDArray[np.uint64], follows: NDArray[np.bool_]) -> NDArray[np.float32]:
        """What is known of words in a row: bits (0 or 1), then the vector; one row a word.

        Args:
            words: Hashes.
            follows: Whether a word stands in the same text as the one before it, so that the two may be a pair.
        """
        bits = _find(self.keys, key(words), self.bits)
        if len(words) > 1:
            pairs = _find(self.keys, key(pair(words[:-1], words[1:])), self.bits) & np.uint32(Known.PLACE_PAIR)
            pairs = pairs * follows[1:].astype(np.uint32)
            bits[:-1] |= pairs
            bits[1:] |= np.where(pairs > 0, np.uint32(Known.PAIR_END), np.uint32(0))
        known = np.empty((len(words), BITS + VECTOR), np.float32)
        known[:, :BITS] = (bits[:, None] >> np.arange(BITS, dtype=np.uint32)) & np.uint32(1)
        known[:, BITS:] = _find(self.vector_keys, key(words), self.vectors)
        known[:, BITS:] *= _SCALE
        return known


def key(words: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """The key of a word's hash."""
    return (words >> _KEY_BITS).astype(np.uint32)


def pair(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The hash of two words in a row."""
    return (first * np.uint64(0x9E3779B97F4A7C15)) ^ second


def _find(keys: NDArray[np.uint32], wanted: NDArray[np.uint32], values: NDArray[_Value]) -> NDArray[_Value]:
    if not len(keys):
        return np.zeros((len(wanted), *values.shape[1:]), values.dtype)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found = values[place]
    found[keys[place] != wanted] = 0
    return found
