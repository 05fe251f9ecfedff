"""Masks as run lengths, computed with as they are: nothing is ever decoded into pixels. Pure.

The order of the work is the number of runs, not of pixels: two to three orders of magnitude less at 1024 x 1024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelmill_quality.shapes.values import ImageSize, Mask, RunLengths

Offsets = npt.NDArray[np.int64]
Bounds = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class MaskBatch:
    """Masks, one after another."""

    counts: RunLengths
    offsets: Offsets
    """(masks + 1,): where each mask's runs begin, and where the last ends."""
    sizes: tuple[ImageSize, ...]
    """Of the image of each."""

    @classmethod
    def of(cls, masks: Sequence[Mask]) -> MaskBatch:
        """The masks as a batch; they may be of different images."""
        offsets = np.concatenate([[0], np.cumsum([len(mask.counts) for mask in masks])]).astype(np.int64)
        counts = np.concatenate([np.empty(0, np.uint32), *(mask.counts for mask in masks)]).astype(
            np.uint32, copy=False
        )
        return cls(counts, offsets, tuple(mask.size for mask in masks))

    @property
    def size(self) -> ImageSize:
        """The one size of the images.

        Raises:
            ValueError: None at all, or images of different sizes.
        """
        if len(set(self.sizes)) != 1:
            raise ValueError("masks must be of one size")
        return self.sizes[0]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def areas(self) -> Offsets:
        """(masks,): pixels of each."""
        from labelmill_quality.shapes import run_length_loops

        return run_length_loops.mask_areas(self.counts, self.offsets)

    @cached_property
    def bounds(self) -> Bounds:
        """(masks, 4): left, top, right, bottom in pixels, ends exclusive; zeros where a mask is empty."""
        from labelmill_quality.shapes import run_length_loops

        return run_length_loops.mask_bounds(
            self.counts, self.offsets, np.array([size.height for size in self.sizes], np.int64)
        )


def intersections(left: MaskBatch, right: MaskBatch) -> Offsets:
    """(left, right): pixels that each pair shares.

    Raises:
        ValueError: The two are of different sizes.
    """
    from labelmill_quality.shapes import run_length_loops

    if left.size != right.size:
        raise ValueError("masks must be of one size")
    return run_length_loops.intersections(
        left.counts, left.offsets, left.bounds, right.counts, right.offsets, right.bounds
    )


def mask_ious(left: MaskBatch, right: MaskBatch) -> Floats:
    """(left, right): intersection over union of each pair; 0 where both are empty."""
    shared = intersections(left, right)
    union = left.areas[:, None] + right.areas[None, :] - shared
    ious: Floats = shared / np.maximum(union, 1)
    return ious


def majority(masks: Sequence[Mask], share: float = 0.5, weights: Sequence[float] | None = None) -> Mask:
    """The pixels that more than `share` of the masks hold; exactly half is not a majority.

    Args:
        masks: At least one, of one size.
        share: In [0, 1); 0 gives the union.
        weights: What each mask counts; absent: one each.
    """
    weighing = np.ones(len(masks)) if weights is None else np.asarray(weights, np.float64)
    total = float(weighing.sum())
    return voted(masks, share * total + _ROUNDING * max(total, 1.0), weighing)


def voted(masks: Sequence[Mask], needed: float, weights: npt.ArrayLike) -> Mask:
    """The pixels whose masks weigh `needed` or more together."""
    from labelmill_quality.shapes import run_length_loops

    batch = MaskBatch.of(masks)
    size = batch.size
    room = np.empty(len(batch.counts) + 1, np.uint32)
    weighing = np.asarray(weights, np.float64)
    runs = run_length_loops.vote(batch.counts, batch.offsets, weighing, float(needed), room)
    return Mask(room[:runs].copy(), size)


def union(masks: Sequence[Mask]) -> Mask:
    """The pixels that any of the masks holds."""
    return voted(masks, 1.0, np.ones(len(masks)))


def common(masks: Sequence[Mask]) -> Mask:
    """The pixels that all of the masks hold."""
    return voted(masks, float(len(masks)), np.ones(len(masks)))
