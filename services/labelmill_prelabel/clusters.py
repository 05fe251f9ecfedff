"""k-means on embeddings: k-means++ seeding (Arthur and Vassilvitskii 2007), then Lloyd's iterations. Pure numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_MAX_ITERATIONS = 25

Points = npt.NDArray[np.float32]


def assign(points: Points, clusters: int, seed: int) -> npt.NDArray[np.int64]:
    """The cluster of each point, 0 to clusters - 1; the same for the same points in the same order and seed."""
    if len(points) <= clusters:
        return np.arange(len(points), dtype=np.int64)
    generator = np.random.default_rng(seed)
    centres = _seed_centres(points, clusters, generator)
    labels = np.full(len(points), -1, dtype=np.int64)
    for _ in range(_MAX_ITERATIONS):
        nearest = _squared_distances(points, centres).argmin(axis=1)
        if np.array_equal(nearest, labels):
            break
        labels = nearest
        for cluster in range(clusters):
            members = points[labels == cluster]
            if len(members):  # an empty cluster keeps its centre
                centres[cluster] = members.mean(axis=0)
    return labels


def _seed_centres(points: Points, clusters: int, generator: np.random.Generator) -> Points:
    centres = np.empty((clusters, points.shape[1]), dtype=np.float32)
    centres[0] = points[generator.integers(len(points))]
    distances = _squared_distances(points, centres[:1])[:, 0]
    for cluster in range(1, clusters):
        total = float(distances.sum())
        weights = distances / total if total > 0 else None  # all points are alike: any will do
        centres[cluster] = points[generator.choice(len(points), p=weights)]
        distances = np.minimum(distances, _squared_distances(points, centres[cluster : cluster + 1])[:, 0])
    return centres


def _squared_distances(points: Points, centres: Points) -> npt.NDArray[np.float64]:
    products = points.astype(np.float64) @ centres.T.astype(np.float64)
    of_points = np.square(points, dtype=np.float64).sum(axis=1)
    of_centres = np.square(centres, dtype=np.float64).sum(axis=1)
    distances: npt.NDArray[np.float64] = np.maximum(of_points[:, None] + of_centres - 2 * products, 0)
    return distances
