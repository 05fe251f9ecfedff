"""Texts as sets of 4-grams, and MinHash sketches by which alike sets are found. Pure.

(A. Z. Broder, On the Resemblance and Containment of Documents, 1997.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Grams = npt.NDArray[np.uint32]
"""Distinct 4-grams in order, each as the number that its bytes are."""
_LENGTH = 4
_PRIME = np.uint64((1 << 31) - 1)
_BLOCK = 4096
"""Grams that are hashed at once."""


def grams_of(text: str) -> Grams:
    """The 4-grams of a text's UTF-8, case and spacing aside; a shorter text is one gram, an empty one has none."""
    plain = " ".join(text.casefold().split()).encode()
    if not plain:
        return np.zeros(0, np.uint32)
    values = np.frombuffer(plain.ljust(_LENGTH, b"\0"), np.uint8).astype(np.uint32)
    grams = sum(values[at : len(values) - _LENGTH + 1 + at] << np.uint32(8 * at) for at in range(_LENGTH))
    return np.unique(np.asarray(grams, np.uint32))


def common_share(first: Grams, second: Grams) -> float:
    """What they have in common, of what either has (Jaccard); nothing is like nothing."""
    both = len(np.intersect1d(first, second, assume_unique=True))
    return both / (len(first) + len(second) - both) if both else 0.0


def sketches(sets: Sequence[Grams], size: int) -> npt.NDArray[np.uint64]:
    """(sets, size): the least value of each set under `size` random functions; equal with probability Jaccard.

    All empty sets have one sketch, of values that no other set has.
    """
    random = np.random.default_rng(0)
    slopes = random.integers(1, int(_PRIME), size, dtype=np.uint64)
    offsets = random.integers(0, int(_PRIME), size, dtype=np.uint64)
    found = np.full((len(sets), size), _PRIME, np.uint64)
    for row, grams in enumerate(sets):
        for start in range(0, len(grams), _BLOCK):
            values = grams[start : start + _BLOCK].astype(np.uint64) % _PRIME
            least = ((values[:, None] * slopes + offsets) % _PRIME).min(axis=0)
            found[row] = np.minimum(found[row], least)
    return found
