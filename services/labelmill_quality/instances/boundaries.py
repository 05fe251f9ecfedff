"""Where a span begins or ends, from where labelers say that it does. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.tally import tally

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NAME = "boundary_posterior"
VERSION = "1"
_REACH = 12
"""Offsets of up to so many code points have a probability of their own; those beyond share one for each side."""
_PSEUDO = 5.0
_EXACT_PSEUDO = 4.0
_ROUNDS = 50
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Boundaries:
    """What EM found."""

    boundary: Integers
    """(clusters,): the likeliest, the first of equals."""
    spread: Floats
    """(clusters,): standard deviation of the posterior, in code points."""
    support: Floats
    """(members,): the posterior of the boundary that the member gave."""
    bias: Floats
    """(labelers,): mean offset from the inferred boundary."""
    labeler_spread: Floats
    """(labelers,): standard deviation of the offset."""
    counts: Integers
    """(labelers,): boundaries of objects that several labelers marked."""


def infer_boundaries(
    values: Integers, labelers: Integers, labeler_count: int, clusters: Clusters, *, learned: bool = True
) -> Boundaries:
    """The posterior of every boundary that a member of a cluster gave.

    Labeler l puts a boundary d code points after the true one with probability pi_l(d). The candidates of an object are
    the boundaries that its members gave, equally likely at first:

        E:  P(b)  proportional to  prod over members l of pi_l(y_l - b)
        M:  pi_l(d) = (expected count of d + a pi(d)) / (all + a),   pi the same over all labelers

    so that a labeler who always takes in the full stop is understood, and what most labelers do is the fallback for
    those who said little. A candidate that one of the exact labelers gave beats two that sloppy ones gave.

    Args:
        values: (members,): the boundaries, in the order of `clusters.members`.
        labelers: (members,): who gave them.
        labeler_count: How many there are.
        clusters: The objects.
        learned: False: every labeler has the offsets of all.
    """
    pairs = _Candidates.of(values, clusters)
    cells = 2 * _REACH + 3
    column = np.clip(pairs.offset, -_REACH - 1, _REACH + 1) + _REACH + 1
    telling = (clusters.sizes > 1)[pairs.owner][pairs.candidate]
    flat = labelers[pairs.member] * cells + column
    start = np.exp(-np.abs(np.arange(cells) - _REACH - 1.0))
    start[_REACH + 1] *= _EXACT_PSEUDO
    chances = np.tile(start / start.sum(), (labeler_count, 1))
    posterior = np.zeros(len(pairs.owner))
    for _ in range(_ROUNDS):
        scores = tally(pairs.candidate, np.log(chances.ravel()[flat]), len(posterior))
        before, posterior = posterior, _normalized(scores, pairs.owner, len(clusters))
        counts = tally(flat, posterior[pairs.candidate] * telling, labeler_count * cells)
        counts = counts.reshape(labeler_count, cells)
        pooled = (counts.sum(axis=0) + start) / (counts.sum() + start.sum())
        chances = (counts + _PSEUDO * pooled) / (counts.sum(axis=1, keepdims=True) + _PSEUDO)
        if not learned:
            chances = np.tile(pooled, (labeler_count, 1))
        if np.abs(posterior - before).max(initial=0.0) < _TOLERANCE:
            break
    return _summary(pairs, posterior, labelers, labeler_count, telling)


@dataclass(frozen=True)
class _Candidates:
    """Every member of a cluster beside every boundary that one of them gave."""

    candidate: Integers
    member: Integers
    offset: Integers
    """(pairs,): the member's boundary minus the candidate."""
    owner: Integers
    """(candidates,): the cluster."""
    boundary: Integers
    """(candidates,)"""

    @classmethod
    def of(cls, values: Integers, clusters: Clusters) -> _Candidates:
        distinct = np.unique(np.stack([clusters.cluster_of_member, values], axis=1), axis=0)
        owner, boundary = distinct[:, 0], distinct[:, 1]
        repeats = clusters.sizes[owner]
        candidate = np.repeat(np.arange(len(owner)), repeats)
        within = np.arange(len(candidate)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        member = clusters.starts[owner][candidate] + within
        return cls(candidate, member, values[member] - boundary[candidate], owner, boundary)


def _summary(
    pairs: _Candidates, posterior: Floats, labelers: Integers, labeler_count: int, telling: npt.NDArray[np.bool_]
) -> Boundaries:
    clusters = int(pairs.owner.max()) + 1 if len(pairs.owner) else 0
    order = np.lexsort((pairs.boundary, -np.round(posterior, 9), pairs.owner))
    first = order[np.searchsorted(pairs.owner[order], np.arange(clusters))]
    mean = tally(pairs.owner, posterior * (pairs.boundary - pairs.boundary[first][pairs.owner]), clusters)
    deviation = pairs.boundary - pairs.boundary[first][pairs.owner] - mean[pairs.owner]
    spread = np.sqrt(tally(pairs.owner, posterior * deviation**2, clusters))
    given = pairs.offset == 0
    support = np.zeros(len(labelers))
    support[pairs.member[given]] = posterior[pairs.candidate[given]]
    who, weight = labelers[pairs.member], posterior[pairs.candidate] * telling
    total = tally(who, weight, labeler_count)
    with np.errstate(invalid="ignore"):  # 0 / 0: NaN, nothing is known
        bias = tally(who, weight * pairs.offset, labeler_count) / total
        square = tally(who, weight * pairs.offset**2, labeler_count) / total
        scatter = np.sqrt(np.maximum(square - bias**2, 0))
    return Boundaries(pairs.boundary[first], spread, support, bias, scatter, np.round(total).astype(np.int64))


def _normalized(scores: Floats, owner: Integers, clusters: int) -> Floats:
    most = np.full(clusters, -np.inf)
    np.maximum.at(most, owner, scores)
    weights = np.exp(scores - most[owner])
    normalized: Floats = weights / tally(owner, weights, clusters)[owner]
    return normalized
