"""Which instances of several labelers are one object: one-to-one clusters that agree most. Pure.

Two instances i, j of one item gain s_ij - t when they are put together, s being their similarity and t the threshold. A
clustering is good by the sum of what all its pairs gain, and no cluster may hold two instances of one labeler
(correlation clustering, Bansal, Blum and Chawla 2004, with labelers as constraints). For two labelers that is the
optimal matching of pairs above the threshold; for more it is NP-hard, and climbed: average-link merging while the mean
gain between two clusters is positive, then for each labeler the optimal assignment (Hungarian) of its instances to the
clusters of the others, the labeler with the largest improvement first, until nothing improves.

Ties are decided by the order of the rows, so rows are ordered by what was drawn, never by who drew it: renaming
labelers changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of rows of one item and different labelers that are at all alike; the others have similarity 0."""

    first: Integers
    second: Integers
    similarity: Floats
    """In (0, 1]."""

    def __len__(self) -> int:
        return len(self.similarity)


@dataclass(frozen=True, slots=True)
class Clusters:
    """Members by cluster."""

    members: Integers
    """Rows, cluster after cluster; in their order within a cluster."""
    starts: Integers
    """(clusters + 1,): where each begins in `members`."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> Integers:
        """Members of each cluster."""
        return np.diff(self.starts)

    @property
    def cluster_of_member(self) -> Integers:
        """The cluster of each entry of `members`."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @classmethod
    def of(cls, assignment: Integers) -> Clusters:
        """From the cluster of every row; clusters are renumbered by their first row."""
        _, first, codes = np.unique(assignment, return_index=True, return_inverse=True)
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        codes = rank[codes]
        starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(first)))]).astype(np.int64)
        return cls(np.argsort(codes, kind="stable").astype(np.int64), starts)


def cluster(labelers: Integers, pairs: Pairs, threshold: float) -> Clusters:
    """Clusters of rows.

    Args:
        labelers: (rows,): who drew it.
        pairs: What is alike; rows in an order that does not depend on labelers.
        threshold: Similarity above which two instances are rather one object than two.
    """
    from labelmill_quality.instances import link

    component = link.components(len(labelers), pairs.first, pairs.second, pairs.similarity, threshold)
    order = np.argsort(component, kind="stable").astype(np.int64)
    count = int(component.max()) + 1 if len(component) else 0
    starts = np.concatenate([[0], np.cumsum(np.bincount(component, minlength=count))]).astype(np.int64)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - starts[component[order]]
    inside = component[pairs.first] == component[pairs.second]
    first, second, gain = pairs.first[inside], pairs.second[inside], pairs.similarity[inside] - threshold
    by_component = np.argsort(component[first], kind="stable")
    first, second, gain = first[by_component], second[by_component], gain[by_component]
    pair_starts = np.searchsorted(component[first], np.arange(count + 1)).astype(np.int64)
    local = link.solve(
        starts, labelers[order], pair_starts, place[first], place[second], np.ascontiguousarray(gain), threshold
    )
    assignment = np.empty(len(order), np.int64)
    assignment[order] = starts[component[order]] + local  # unique: a component's clusters are numbered by its rows
    return Clusters.of(assignment)


def objective(labelers: Integers, pairs: Pairs, threshold: float, clusters: Clusters) -> float:
    """What a clustering gains; -inf where a cluster holds two instances of one labeler."""
    of_row = np.empty(len(labelers), np.int64)
    of_row[clusters.members] = clusters.cluster_of_member
    cells = np.unique(np.stack([of_row, labelers]), axis=1)
    if cells.shape[1] < len(labelers):
        return -np.inf
    together = of_row[pairs.first] == of_row[pairs.second]
    pair_count = int((clusters.sizes * (clusters.sizes - 1) // 2).sum())
    return float(pairs.similarity[together].sum() - threshold * pair_count)
