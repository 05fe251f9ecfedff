"""Keypoints: how near those of a name are. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelmill_quality.matching.assignment import Floats
from labelmill_quality.matching.measures import Measures
from labelmill_quality.shapes.values import Keypoints


def keypoint_similarities(left: Sequence[Keypoints], right: Sequence[Keypoints], measures: Measures) -> Floats:
    """(left, right): object keypoint similarity (OKS), made symmetric.

    The mean over keypoints that either has of exp(-d² / (2 s (2 sigma)²)), 0 for those that only one has. d is the
    distance of the two points of a name, s the area of the mean of the two bounding boxes of the points (the image's
    where that is 0, as for a single point). As CVAT computes it for skeletons, but covered points count like visible
    ones, and bounding boxes need not meet. COCO (Lin and others 2014) takes s and the points that count from the gold
    alone, which is not symmetric; `average_precision` does as COCO does.
    """
    names = sorted({name for shape in (*left, *right) for name in shape.names})
    (points, seen, sides), (others, others_seen, others_sides) = (by_name(shapes, names) for shapes in (left, right))
    mean_sides = (sides[:, None, :] + others_sides[None, :, :]) / 2
    images = np.array([float(shape.size.pixels) or 1.0 for shape in left])
    scales = mean_sides.prod(axis=2)
    scales = np.where(scales > 0, scales, images[:, None])
    known = measures.keypoint_sigmas or {}
    sigmas = np.array([known.get(name, measures.oks_sigma) for name in names])
    squares = ((points[:, None] - others[None, :]) ** 2).sum(axis=3)
    alike = np.exp(-squares / (2 * scales[..., None] * (2 * sigmas) ** 2))
    both, either = seen[:, None] & others_seen[None, :], seen[:, None] | others_seen[None, :]
    similar: Floats = (alike * both).sum(axis=2) / np.maximum(either.sum(axis=2), 1)
    return similar


def by_name(shapes: Sequence[Keypoints], names: Sequence[str]) -> tuple[Floats, npt.NDArray[np.bool_], Floats]:
    """Keypoints as columns, in the order of the names.

    Returns:
        (shapes, names, 2) the points; (shapes, names) which of them there are; (shapes, 2) width and height of the box
        around those.
    """
    code = {name: place for place, name in enumerate(names)}
    points, seen = np.zeros((len(shapes), len(names), 2)), np.zeros((len(shapes), len(names)), bool)
    sides = np.zeros((len(shapes), 2))
    for row, shape in enumerate(shapes):
        places = [code[name] for name in shape.names]
        points[row, places] = np.where(shape.present[:, None], shape.points, 0.0)  # an absent one is nowhere
        seen[row, places] = shape.present
        sides[row] = np.ptp(shape.points[shape.present], axis=0)
    return points, seen, sides
