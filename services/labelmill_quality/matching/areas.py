"""Boxes, polygons and masks in any mixture: intersection over union. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelmill_quality.matching.assignment import Floats
from labelmill_quality.matching.boxes import corners_of
from labelmill_quality.matching.measures import BoxMeasure
from labelmill_quality.shapes.outlines import Geometries, corners, outlines
from labelmill_quality.shapes.raster import rasterized
from labelmill_quality.shapes.run_lengths import MaskBatch, intersections
from labelmill_quality.shapes.values import Box, ImageSize, Mask, Polygon

Area = Box | Polygon | Mask


@dataclass(frozen=True)
class Overlap:
    """What two lists of areas share."""

    shared: Floats
    """(left, right): area of each intersection."""
    areas: tuple[Floats, Floats]
    """(left,) and (right,)."""
    bounds: tuple[Floats, Floats]
    """(left, 4) and (right, 4): left, top, right, bottom."""

    def similarities(self, measure: BoxMeasure) -> Floats:
        """(left, right): the measure of each pair."""
        union = self._union()
        ious: Floats = np.clip(self.shared / np.maximum(union, np.finfo(float).tiny), 0, 1)
        if measure is BoxMeasure.IOU:
            return ious
        boxed = upright_overlap(*self.bounds)._union()
        first, second = self.bounds[0][:, None, :], self.bounds[1][None, :, :]
        hull = (np.maximum(first[..., 2:], second[..., 2:]) - np.minimum(first[..., :2], second[..., :2])).prod(axis=2)
        gious: Floats = np.clip((1 + ious - (hull - boxed) / hull) / 2, 0, 1)
        return gious

    def _union(self) -> Floats:
        union: Floats = self.areas[0][:, None] + self.areas[1][None, :] - self.shared
        return union


def area_similarities(left: Sequence[Area], right: Sequence[Area], measure: BoxMeasure = BoxMeasure.IOU) -> Floats:
    """(left, right): the measure of each pair.

    Upright boxes are compared by their sides; rotated ones and polygons as areas of the plane. Where there is a mask
    among them, all are compared as masks, so that a polygon means the same pixels to every one.

    Raises:
        ValueError: Masks of different image sizes.
    """
    shapes = [*left, *right]
    if any(isinstance(shape, Mask) for shape in shapes):
        return _as_masks(left, right).similarities(measure)
    if all(isinstance(shape, Box) and shape.upright for shape in shapes):
        return upright_overlap(_corners(left), _corners(right)).similarities(measure)
    return _as_outlines(left, right).similarities(measure)


def upright_overlap(left: Floats, right: Floats) -> Overlap:
    """Of upright boxes, given by left, top, right, bottom."""
    shared = np.clip(_sides(left, right), 0, None).prod(axis=2)
    areas = [(sides[:, 2] - sides[:, 0]) * (sides[:, 3] - sides[:, 1]) for sides in (left, right)]
    return Overlap(shared, (areas[0], areas[1]), (left, right))


def outline_overlap(left: Geometries, right: Geometries) -> Overlap:
    """Of valid shapely geometries; only those whose bounds meet are intersected."""
    import shapely

    bounds = shapely.bounds(left), shapely.bounds(right)
    shared = np.zeros((len(left), len(right)))
    meeting = np.nonzero((_sides(*bounds) > 0).all(axis=2))
    if len(meeting[0]):
        shared[meeting] = shapely.area(shapely.intersection(left[meeting[0]], right[meeting[1]]))
    return Overlap(shared, (shapely.area(left), shapely.area(right)), bounds)


def as_mask(shape: Area, size: ImageSize) -> Mask:
    """The pixels of an area."""
    match shape:
        case Mask():
            return shape
        case Box():
            return rasterized(Polygon(corners(shape), (), size))
        case Polygon():
            return rasterized(shape)


def mask_overlap(left: MaskBatch, right: MaskBatch) -> Overlap:
    """Of masks."""
    shared = intersections(left, right).astype(np.float64)
    areas = left.areas.astype(np.float64), right.areas.astype(np.float64)
    return Overlap(shared, areas, (left.bounds.astype(np.float64), right.bounds.astype(np.float64)))


def _as_outlines(left: Sequence[Area], right: Sequence[Area]) -> Overlap:
    flat = [shape for shape in (*left, *right) if not isinstance(shape, Mask)]
    areas, _ = outlines(flat)
    return outline_overlap(areas[: len(left)], areas[len(left) :])


def _as_masks(left: Sequence[Area], right: Sequence[Area]) -> Overlap:
    first, second = (MaskBatch.of([as_mask(shape, shape.size) for shape in shapes]) for shapes in (left, right))
    return mask_overlap(first, second)


def _corners(shapes: Sequence[Area]) -> Floats:
    return corners_of([shape for shape in shapes if isinstance(shape, Box)])


def _sides(left: Floats, right: Floats) -> Floats:
    """(left, right, 2): width and height of the intersection of bounds, negative where they do not meet."""
    first, second = left[:, None, :], right[None, :, :]
    sides: Floats = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    return sides
