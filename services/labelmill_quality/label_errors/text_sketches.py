"""Texts as sets of 4-grams, and MinHash sketches by which alike sets are found. Pure.

(A. Z. Broder, On the Resemblance and Containment of Documents, 1997.)
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Grams = frozenset[int]
_LENGTH = 4
_PRIME = np.uint64((1 << 31) - 1)


def grams_of(text: str) -> Grams:
    """The character 4-grams of a text as 32-bit numbers, case and spacing aside; a shorter text is one gram."""
    plain = " ".join(text.casefold().split()).encode()
    if not plain:
        return frozenset()
    return frozenset(zlib.crc32(plain[at : at + _LENGTH]) for at in range(max(1, len(plain) - _LENGTH + 1)))


def common_share(first: Grams, second: Grams) -> float:
    """What they have in common, of what either has (Jaccard); nothing is like nothing."""
    both = len(first & second)
    return both / (len(first) + len(second) - both) if both else 0.0


def sketches(sets: Sequence[Grams], size: int) -> npt.NDArray[np.uint64]:
    """(sets, size): the least value of each set under `size` random functions; equal with probability Jaccard.

    An empty set gets a sketch of its own kind.
    """
    random = np.random.default_rng(0)
    slopes = random.integers(1, int(_PRIME), size, dtype=np.uint64)
    offsets = random.integers(0, int(_PRIME), size, dtype=np.uint64)
    found = np.full((len(sets), size), _PRIME, np.uint64)
    for row, grams in enumerate(sets):
        if grams:
            values = np.fromiter(grams, np.uint64, len(grams)) % _PRIME
            found[row] = ((values[:, None] * slopes + offsets) % _PRIME).min(axis=0)
    return found
