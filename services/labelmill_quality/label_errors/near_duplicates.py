"""Items that are nearly the same, found without comparing all with all. Pure.

Similar items are made to share a bucket (bits of projections, parts of hashes, bands of MinHash); items that share one
are compared in earnest. Items that are exactly the same are one to the search, so that a thousand copies cost no more.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from labelmill_quality.label_errors.text_sketches import common_share, grams_of, sketches

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Keys = npt.NDArray[np.uint64]
Similarity = Callable[[Places, Places], Floats]

_EXACT = 4000
"""Embeddings up to so many are compared all with all."""
_WINDOW = 100
"""Of a bucket, each item is compared with so many that come after it."""
_BLOCK = 1000
_BANDS, _BITS = 40, 12
"""Projections: two embeddings of cosine 0.9 share some band in 998 cases of 1,000."""
_SKETCH = 128
_RECALL = 0.99


@dataclass(frozen=True)
class Pairs:
    """Pairs of similar items; enough of them to connect all copies of one thing."""

    first: Places
    second: Places
    similarity: Floats

    def groups(self, items: int) -> list[Places]:
        """The items of each group that pairs connect, groups of one left out."""
        links = sparse.coo_matrix((np.ones(len(self.first)), (self.first, self.second)), (items, items))
        _, group = connected_components(links, directed=False)
        order = np.argsort(group, kind="stable")
        bounds = np.flatnonzero(np.diff(group[order])) + 1
        return [part for part in np.split(order, bounds) if len(part) > 1]

    def closest(self, items: int) -> Floats:
        """(items): the similarity to the most similar one; 0 for those without."""
        best = np.zeros(items)
        np.maximum.at(best, self.first, self.similarity)
        np.maximum.at(best, self.second, self.similarity)
        return best


def by_embedding(embeddings: npt.NDArray[np.float32], least: float) -> Pairs:
    """Pairs whose embeddings have at least that cosine; embeddings of length 0 are like nothing."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = np.divide(embeddings, lengths, out=np.zeros_like(embeddings), where=lengths > 0)

    def cosine(first: Places, second: Places) -> Floats:
        return np.asarray(np.einsum("ij,ij->i", unit[first], unit[second]), np.float64)

    if len(unit) <= _EXACT:
        return _compared(_close_blocks(unit, least), cosine, least)
    copies = _copies(np.ascontiguousarray(unit).view(np.dtype((np.void, unit.dtype.itemsize * unit.shape[1]))).ravel())
    return _compared(copies.spread(_sides(unit, copies.kept).T), cosine, least)


def by_text(texts: Sequence[str], least: float) -> Pairs:
    """Pairs whose texts have at least that share of their 4-grams in common (Jaccard), case and spaces aside."""
    grams = [grams_of(text) for text in texts]

    def jaccard(first: Places, second: Places) -> Floats:
        pairs = zip(first.tolist(), second.tolist(), strict=True)
        return np.array([common_share(grams[one], grams[other]) for one, other in pairs], np.float64)

    copies = _copies(np.array([hash(one.tobytes()) for one in grams], np.int64))
    rows = _rows_of_band(least)
    bands = sketches([grams[place] for place in copies.kept.tolist()], _SKETCH)
    bands = bands[:, : _SKETCH // rows * rows].reshape(len(copies.kept), -1, rows)
    multipliers = np.random.default_rng(1).integers(1, 2**63, rows, dtype=np.int64).astype(np.uint64)
    keys = (bands * multipliers).sum(axis=2, dtype=np.uint64)
    return _compared(copies.spread(keys.T), jaccard, least)


def by_hash(hashes: Keys, most_bits: int) -> Pairs:
    """Pairs whose 64-bit hashes differ in at most so many bits; similarity is the share of bits that are the same.

    Of most_bits + 1 parts of two such hashes, one at least is the same (there are more parts than differences).
    """

    def same_bits(first: Places, second: Places) -> Floats:
        return np.asarray(1 - np.bitwise_count(hashes[first] ^ hashes[second]) / 64, np.float64)

    copies = _copies(hashes)
    bounds = np.linspace(0, 64, most_bits + 2).astype(np.uint64)
    distinct = hashes[copies.kept]
    parts = [(distinct >> low) & np.uint64((1 << int(high - low)) - 1) for low, high in itertools.pairwise(bounds)]
    return _compared(copies.spread(np.stack(parts)), same_bits, 1 - most_bits / 64)


@dataclass(frozen=True)
class _Copies:
    """Which items are exactly the same."""

    kept: Places
    """The first of each kind."""
    kind: Places
    """(items): which of the kept."""

    def spread(self, keys: npt.NDArray[np.uint64]) -> Iterator[tuple[Places, Places]]:
        """Pairs to compare: every copy with its first, and kept ones that share a key of the same row."""
        others = np.flatnonzero(self.kept[self.kind] != np.arange(len(self.kind)))
        yield self.kept[self.kind[others]], others
        for row in keys:
            order = np.argsort(row, kind="stable")
            ranked = row[order]
            for step in range(1, min(_WINDOW, len(order) - 1) + 1):
                same = np.flatnonzero(ranked[step:] == ranked[:-step])
                if not len(same):
                    break
                yield self.kept[order[same]], self.kept[order[same + step]]


def _copies(keys: npt.NDArray[np.generic]) -> _Copies:
    _, kept, kind = np.unique(keys, return_index=True, return_inverse=True)
    return _Copies(kept, kind.ravel())


def _sides(unit: npt.NDArray[np.float32], places: Places) -> Keys:
    """(places, bands): on which side of each plane of a band an embedding lies, as bits."""
    planes = np.random.default_rng(0).standard_normal((unit.shape[1], _BANDS * _BITS)).astype(np.float32)
    keys = np.empty((len(places), _BANDS), np.uint64)
    for start in range(0, len(places), _BLOCK):
        part = slice(start, start + _BLOCK)
        signs = (unit[places[part]] @ planes > 0).reshape(-1, _BANDS, _BITS)
        keys[part] = signs @ (1 << np.arange(_BITS))
    return keys


def _close_blocks(unit: npt.NDArray[np.float32], least: float) -> Iterator[tuple[Places, Places]]:
    for start in range(0, len(unit), _BLOCK):
        near = unit[start : start + _BLOCK] @ unit.T >= least - 1e-6
        first, second = np.nonzero(near)
        later = second > first + start
        yield first[later] + start, second[later]


def _compared(candidates: Iterator[tuple[Places, Places]], similarity: Similarity, least: float) -> Pairs:
    first, second = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
    for one, other in candidates:
        first.append(np.minimum(one, other))
        second.append(np.maximum(one, other))
    pairs = np.unique(np.stack([np.concatenate(first), np.concatenate(second)]), axis=1)
    found = similarity(pairs[0], pairs[1])
    close = found >= least - 1e-9
    return Pairs(pairs[0][close], pairs[1][close], found[close])


def _rows_of_band(least: float) -> int:
    """The most rows a band may have for pairs of that similarity to be found nearly always."""
    for rows in range(16, 1, -1):
        if 1 - (1 - least**rows) ** (_SKETCH // rows) >= _RECALL:
            return rows
    return 1
