"""Labelers with known faults, drawing boxes and painting masks of objects that are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Box, ImageSize, Mask

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
SIZE = 1000


@dataclass(frozen=True)
class Hand:
    """One labeler."""

    spread: float
    """Standard deviation of every edge, in pixels."""
    shift: float = 0.0
    """Pixels that every box lies too far right."""
    sensitivity: float = 0.95
    false_per_image: float = 0.1


@dataclass(frozen=True)
class Boxes:
    """Boxes (left, top, right, bottom) of all images, drawn and true."""

    images: Integers
    labelers: Integers
    boxes: Floats
    true_images: Integers
    true_boxes: Floats
    image_count: int
    labeler_count: int

    def instances(self) -> list[Instance]:
        """What was drawn."""
        size = ImageSize(SIZE, SIZE)
        rows = zip(self.images.tolist(), self.labelers.tolist(), self.boxes.tolist(), strict=True)
        return [
            Instance(
                f"image-{image:06d}",
                f"labeler-{labeler}",
                "object",
                "object",
                Box(left, top, right - left, bottom - top, 0.0, size),
                index=index,
            )
            for index, (image, labeler, (left, top, right, bottom)) in enumerate(rows)
        ]

    def views(self) -> Iterator[tuple[str, str]]:
        """Everybody saw everything."""
        for image in range(self.image_count):
            for labeler in range(self.labeler_count):
                yield f"image-{image:06d}", f"labeler-{labeler}"


def draw_boxes(hands: Sequence[Hand], *, images: int, objects: int, seed: int = 0) -> Boxes:
    """Boxes of log-normal size, some 60 pixels wide, anywhere on an image of 1,000 x 1,000."""
    generator = np.random.default_rng(seed)
    true = _somewhere(generator, images * objects)
    true_images = np.repeat(np.arange(images), objects)
    parts = []
    for labeler, hand in enumerate(hands):
        drawn = generator.random(len(true)) < hand.sensitivity
        boxes = true[drawn] + generator.normal(0, hand.spread, (int(drawn.sum()), 4)) + [hand.shift, 0, hand.shift, 0]
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 2)
        count = generator.poisson(hand.false_per_image * images)
        invented = _somewhere(generator, count)
        where = np.concatenate([true_images[drawn], generator.integers(0, images, count)])
        parts.append((where, np.full(len(where), labeler), np.concatenate([boxes, invented])))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Boxes(columns[0], columns[1], columns[2], true_images, true, images, len(hands))


def paint_disks(
    spreads: Sequence[float], *, images: int, side: int, seed: int = 0
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(images, labelers, side, side): ellipses that hands paint somewhat off; (images, side, side): the true ones."""
    generator = np.random.default_rng(seed)
    down, across = np.mgrid[:side, :side]
    painted = np.empty((images, len(spreads), side, side), np.bool_)
    truth = np.empty((images, side, side), np.bool_)
    for image in range(images):
        ellipse = generator.uniform([0.4, 0.4, 0.15, 0.15], [0.6, 0.6, 0.3, 0.3]) * side
        for labeler, spread in enumerate([0.0, *spreads]):
            x, y, wide, high = ellipse + generator.normal(0, 1, 4) * spread
            pixels = ((across - x) / wide) ** 2 + ((down - y) / high) ** 2 <= 1
            if labeler == 0:
                truth[image] = pixels
            else:
                painted[image, labeler - 1] = pixels
    return painted, truth


def encoded(pixels: npt.NDArray[np.bool_]) -> Mask:
    """Run lengths of (height, width)."""
    flat = pixels.ravel(order="F")
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate([[0], turns, [flat.size]]))
    if flat[0]:  # run lengths begin with background
        counts = np.concatenate([[0], counts])
    return Mask(counts.astype(np.uint32), ImageSize(pixels.shape[1], pixels.shape[0]))


def decoded(mask: Mask) -> npt.NDArray[np.bool_]:
    """(height, width)."""
    values = np.arange(len(mask.counts)) % 2 == 1
    return np.repeat(values, mask.counts).reshape((mask.size.height, mask.size.width), order="F")


def _somewhere(generator: np.random.Generator, count: int) -> Floats:
    sides = np.clip(np.exp(generator.normal(4.1, 0.5, (count, 2))), 15, 200)
    corners = generator.random((count, 2)) * (SIZE - sides)
    return np.concatenate([corners, corners + sides], axis=1)
