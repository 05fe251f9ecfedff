"""Items with the same votes are one pattern: they say the same about agreement, and are far fewer. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelmill_quality.labels import LabelTable

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_HASH_SEED = 20_040_101
_CHUNK_CELLS = 4_000_000


@dataclass(frozen=True)
class Patterns:
    """Different rows of votes, and how many items have each."""

    votes: sparse.csr_matrix
    """(patterns, classes): how many labelers said what."""
    sizes: Floats
    """(patterns): labels of such an item, at least 1."""
    multiplicities: Counts
    """(patterns): items."""

    @property
    def items(self) -> int:
        """How many items there are."""
        return int(self.multiplicities.sum())

    @property
    def weights(self) -> Floats:
        """The items as one row of weights, as a bootstrap's replicate has them."""
        return self.multiplicities[None, :].astype(np.float64)

    @property
    def used(self) -> npt.NDArray[np.bool_]:
        """(classes): which occur."""
        occurs: npt.NDArray[np.bool_] = np.asarray(self.votes.sum(axis=0)).ravel() > 0
        return occurs

    def shared(self) -> Patterns:
        """Without the items that have one label: they say nothing about agreement."""
        several = self.sizes >= 2
        return Patterns(self.votes[several], self.sizes[several], self.multiplicities[several])

    def each_against_rest(self) -> Iterator[Patterns]:
        """For each class, the class against all others: two columns, the class first.

        Only patterns with the class are looked at; the others count by their size.
        """
        columns, sizes = self.votes.tocsc(), self.sizes.astype(np.int64)
        by_size = np.bincount(sizes, self.multiplicities)
        for column in range(self.votes.shape[1]):
            rows = slice(columns.indptr[column], columns.indptr[column + 1])
            having = columns.indices[rows]
            rest = by_size - np.bincount(sizes[having], self.multiplicities[having], minlength=len(by_size))
            rest_sizes = np.flatnonzero(rest)
            this = np.concatenate([columns.data[rows], np.zeros(len(rest_sizes))])
            size = np.concatenate([sizes[having], rest_sizes])
            items = np.concatenate([self.multiplicities[having], rest[rest_sizes]])
            kinds, first, group = np.unique(this * len(by_size) + size, return_index=True, return_inverse=True)
            votes = sparse.csr_matrix(np.column_stack([this, size - this])[first])
            multiplicities = np.bincount(group, items, minlength=len(kinds)).astype(np.int64)
            yield Patterns(votes, size[first].astype(np.float64), multiplicities)


def patterns_of_table(table: LabelTable, items: npt.NDArray[np.bool_] | None = None) -> Patterns:
    """The patterns of a table's items that have labels, all or some of them."""
    salts = _salts(len(table.classes))[table.class_codes]
    starts = table.offsets[:-1]
    taken = np.flatnonzero(table.labels_per_item > 0 if items is None else items & (table.labels_per_item > 0))
    if not len(taken):
        return Patterns(sparse.csr_matrix((0, len(table.classes))), np.empty(0), np.empty(0, np.int64))
    # An item's hash is the sum over its labels, which lie together; items without any would repeat their successor's.
    labeled = np.flatnonzero(table.labels_per_item > 0)
    hashes = np.zeros(len(table.items), np.uint64)
    hashes[labeled] = np.add.reduceat(salts, starts[labeled])
    _, first, multiplicities = np.unique(hashes[taken], return_index=True, return_counts=True)
    examples = taken[first]
    sizes = table.labels_per_item[examples]
    rows = np.repeat(starts[examples] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes) + np.arange(sizes.sum())
    where = (np.repeat(np.arange(len(examples)), sizes), table.class_codes[rows])
    votes = sparse.csr_matrix((np.ones(len(rows)), where), shape=(len(examples), len(table.classes)))
    return Patterns(votes, sizes.astype(np.float64), multiplicities.astype(np.int64))


def patterns_of_votes(votes: sparse.csr_matrix) -> Patterns:
    """The patterns of (items, classes) counts; items without labels are left out."""
    votes = sparse.csr_matrix(votes, dtype=np.float64)
    sizes = np.asarray(votes.sum(axis=1)).ravel()
    votes, sizes = votes[sizes > 0], sizes[sizes > 0]
    counts = sparse.csr_matrix((votes.data.astype(np.uint64), votes.indices, votes.indptr), shape=votes.shape)
    _, first, multiplicities = np.unique(counts @ _salts(votes.shape[1]), return_index=True, return_counts=True)
    return Patterns(votes[first], sizes[first], multiplicities.astype(np.int64))


def pair_sums(votes: sparse.csr_matrix, between: Floats) -> Floats:
    """(rows): sum_ck n_c n_k between_ck for the counts n of each row."""
    sums = np.empty(votes.shape[0])
    step = max(1, _CHUNK_CELLS // max(1, len(between)))
    for start in range(0, len(sums), step):
        some = votes[start : start + step]
        sums[start : start + step] = np.asarray(some.multiply(some @ between).sum(axis=1)).ravel()
    return sums


def _salts(classes: int) -> npt.NDArray[np.uint64]:
    """Of a 64-bit linear hash in exact arithmetic: at 10^5 different rows, one run in 10^9 sees a collision."""
    return np.random.default_rng(_HASH_SEED).integers(0, 2**63, size=classes, dtype=np.uint64)
