"""What a label would teach: the strategies of active learning. Pure.

Scores (the higher, the more a label would teach), p the class probabilities of one asset, p1 >= p2 the largest:

    entropy            -sum p ln p, in nats
    margin             1 - (p1 - p2)
    least confidence   1 - p1
    diverse margin     margin; the top candidates are clustered by embedding and the clusters take turns
    random             a number in [0, 1) drawn from the seed and the asset's name, so it does not depend on the others

Ties are broken by the random number, so that a ranking is the same whenever asked again. On the uncertainty measures:
Settles, Active Learning Literature Survey, 2009; on clustering the uncertain: Zhdanov, Diverse mini-batch Active
Learning, 2019.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from labelmill_prelabel import clusters

DIVERSITY_FACTOR = 5
"""Diverse margin chooses among this many times the limit."""
MAX_CLUSTERS = 64

Scores = npt.NDArray[np.float64]


class Strategy(Enum):
    """How to tell what a label would teach."""

    ENTROPY = "entropy"
    MARGIN = "margin"
    LEAST_CONFIDENCE = "least_confidence"
    DIVERSE_MARGIN = "diverse_margin"
    RANDOM = "random"


@dataclass(frozen=True)
class Ranked:
    """A candidate's index and score."""

    index: int
    score: float


def scores(strategy: Strategy, probabilities: Scores, chances: Scores) -> Scores:
    """The score of every candidate."""
    if strategy is Strategy.RANDOM:
        return chances
    if strategy is Strategy.ENTROPY:
        entropy: Scores = -(probabilities * np.log(np.clip(probabilities, 1e-300, None))).sum(axis=1)
        return entropy
    top = np.sort(probabilities, axis=1)[:, ::-1]
    if strategy is Strategy.LEAST_CONFIDENCE:
        return np.asarray(1 - top[:, 0])
    return np.asarray(1 - (top[:, 0] - top[:, 1]))


def chances(assets: Sequence[str], seed: int) -> Scores:
    """A number in [0, 1) for each asset, from the seed and its name alone."""
    digests = (hashlib.sha256(f"{seed}\0{asset}".encode()).digest() for asset in assets)
    return np.array([int.from_bytes(digest[:7], "big") / 2**56 for digest in digests], dtype=np.float64)


def best(values: Scores, ties: Scores, limit: int) -> list[Ranked]:
    """The highest scores, best first."""
    order = np.lexsort((-ties, -values))[:limit]
    return [Ranked(int(index), float(values[index])) for index in order]


def take_turns(shortlist: Sequence[Ranked], embeddings: npt.NDArray[np.float32], limit: int, seed: int) -> list[Ranked]:
    """Clusters the shortlist by embedding and takes the best of each cluster, then the second best of each, and so on.

    Args:
        shortlist: Best first.
        embeddings: One row for each of the shortlist.
        limit: How many to return.
        seed: Of the clustering.
    """
    labels = clusters.assign(embeddings, min(limit, MAX_CLUSTERS), seed % 2**63)
    turns = np.empty(len(shortlist), dtype=np.int64)
    seen: dict[int, int] = {}
    for position, label in enumerate(labels.tolist()):
        turns[position] = seen.get(label, 0)
        seen[label] = seen.get(label, 0) + 1
    order = np.argsort(turns, kind="stable")  # stable: within a turn, the more uncertain one first
    return [shortlist[position] for position in order[:limit].tolist()]
