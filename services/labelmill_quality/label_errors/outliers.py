"""Items that are unlike all others. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Floats = npt.NDArray[np.float64]

NEIGHBOURS = 10
_REFERENCES = 4000
_BLOCK = 1000


def robust_z(embeddings: npt.NDArray[np.float32], seed: int = 0) -> Floats:
    """(items): how many robust standard deviations an item's distance to its neighbours lies above the median of all.

    The distance is the mean Euclidean one, between embeddings of length 1, to the 10 nearest of up to 4,000 items drawn
    at random; the standard deviation is 1.4826 times the median absolute deviation. All 0 where that is 0, or with
    fewer than 20 items.
    """
    if len(embeddings) < 2 * NEIGHBOURS:
        return np.zeros(len(embeddings))
    distances = _neighbour_distances(embeddings, seed)
    middle = np.median(distances)
    deviation = 1.4826 * np.median(np.abs(distances - middle))
    if deviation <= 1e-9:
        return np.zeros(len(embeddings))
    return np.asarray((distances - middle) / deviation, np.float64)


def tail(z: Floats) -> Floats:
    """The share of a normal distribution that lies beyond z."""
    return np.asarray(ndtr(-z), np.float64)


def _neighbour_distances(embeddings: npt.NDArray[np.float32], seed: int) -> Floats:
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = np.divide(embeddings, lengths, out=np.zeros_like(embeddings), where=lengths > 0)
    items = len(unit)
    chosen = np.arange(items)
    if items > _REFERENCES:
        chosen = np.sort(np.random.default_rng(seed % 2**64).choice(items, _REFERENCES, replace=False))
    reference, place = unit[chosen], np.full(items, -1)
    place[chosen] = np.arange(len(chosen))
    squares, own = (reference**2).sum(axis=1), (unit**2).sum(axis=1)
    means = np.empty(items)
    for start in range(0, items, _BLOCK):
        rows = slice(start, start + _BLOCK)
        near = own[rows, None] + squares - 2 * unit[rows] @ reference.T
        mine = np.flatnonzero(place[rows] >= 0)
        near[mine, place[rows][mine]] = np.inf  # nobody is their own neighbour
        nearest = np.partition(near, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
        means[rows] = np.sqrt(np.maximum(nearest, 0)).mean(axis=1)
    return means
