"""Gold and detections as columns, and how alike they are within an image and class. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from labelmill_quality.shapes.run_lengths import MaskBatch

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class GoldColumns:
    """What is there."""

    images: Codes
    classes: Codes
    areas: Floats
    """Pixels; decides which is small, medium, large."""
    crowd: Flags
    """It stands for many: any number of detections may lie on it, and none of them counts."""

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class DetectionColumns:
    """What was found."""

    images: Codes
    classes: Codes
    areas: Floats
    scores: Floats
    """The higher, the surer."""

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Grouping:
    """Gold and detections of each class and image, side by side; class by class, then image by image."""

    gold: Codes
    """Rows of the gold, in the order of the groups."""
    gold_offsets: Codes
    """(groups + 1,)."""
    detections: Codes
    """Rows of the detections, in the order of the groups and by falling score; as many an image as count."""
    detection_offsets: Codes
    """(groups + 1,)."""
    pair_offsets: Codes
    """(groups + 1,): a group's similarities are (detections, gold), row by row."""
    ranks: Codes
    """(detections,): the place of each within its group."""

    @classmethod
    def of(cls, gold: GoldColumns, detections: DetectionColumns, most: int) -> Grouping:
        """Groups them.

        Args:
            gold: What is there.
            detections: What was found.
            most: Of each image and class only so many detections count, the surest; of equals, the first.
        """
        order = np.lexsort((-detections.scores, detections.images, detections.classes))
        gold_order = np.lexsort((gold.images, gold.classes))
        images = int(max(gold.images.max(initial=0), detections.images.max(initial=0))) + 1
        keys = detections.classes[order] * images + detections.images[order]
        gold_keys = gold.classes[gold_order] * images + gold.images[gold_order]
        groups = np.union1d(keys, gold_keys)
        starts = np.searchsorted(keys, keys, side="left")
        ranks = np.arange(len(keys)) - starts
        kept = ranks < most
        order, keys, ranks = order[kept], keys[kept], ranks[kept]
        detection_offsets = np.append(np.searchsorted(keys, groups), len(keys))
        gold_offsets = np.append(np.searchsorted(gold_keys, groups), len(gold_keys))
        pairs = np.diff(detection_offsets) * np.diff(gold_offsets)
        pair_offsets = np.concatenate([[0], np.cumsum(pairs)]).astype(np.int64)
        return cls(gold_order, gold_offsets, order, detection_offsets, pair_offsets, ranks)


class Likeness(Protocol):
    """A way of telling how alike a detection and gold are."""

    def pairs(self, grouping: Grouping, crowd: Flags) -> Floats:
        """(pairs,): the similarity of every detection and gold of each group."""
        ...


@dataclass(frozen=True)
class BoxLikeness:
    """IoU of upright boxes; with a crowd, the share of the detection that lies on it."""

    gold: Floats
    """(gold, 4): left, top, width, height."""
    detections: Floats
    """(detections, 4)."""

    def pairs(self, grouping: Grouping, crowd: Flags) -> Floats:
        """(pairs,): the similarity of every detection and gold of each group."""
        from labelmill_quality.average_precision import likeness_loops

        return likeness_loops.box_pairs(self.gold, self.detections, crowd, *_indices(grouping))


@dataclass(frozen=True)
class MaskLikeness:
    """IoU of masks; with a crowd, the share of the detection that lies on it."""

    gold: MaskBatch
    detections: MaskBatch

    def pairs(self, grouping: Grouping, crowd: Flags) -> Floats:
        """(pairs,): the similarity of every detection and gold of each group."""
        from labelmill_quality.average_precision import likeness_loops

        columns = [(batch.counts, batch.offsets, batch.areas, batch.bounds) for batch in (self.gold, self.detections)]
        return likeness_loops.mask_pairs(*columns[0], *columns[1], crowd, *_indices(grouping))


@dataclass(frozen=True)
class KeypointLikeness:
    """OKS in the scale of the gold, over the keypoints that gold has."""

    gold: Floats
    """(gold, keypoints, 2)."""
    seen: Flags
    """(gold, keypoints): which of them gold has."""
    areas: Floats
    """(gold,)."""
    detections: Floats
    """(detections, keypoints, 2); infinite where one was not found."""
    sigmas: Floats
    """(keypoints,)."""

    def pairs(self, grouping: Grouping, crowd: Flags) -> Floats:
        """(pairs,): the similarity of every detection and gold of each group."""
        from labelmill_quality.average_precision import likeness_loops

        return likeness_loops.keypoint_pairs(
            self.gold, self.seen, self.areas, self.detections, self.sigmas, *_indices(grouping)
        )


def _indices(grouping: Grouping) -> tuple[Codes, Codes, Codes, Codes, Codes]:
    return (
        grouping.gold,
        grouping.gold_offsets,
        grouping.detections,
        grouping.detection_offsets,
        grouping.pair_offsets,
    )
