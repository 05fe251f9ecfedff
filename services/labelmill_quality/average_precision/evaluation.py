"""Average precision and recall over classes, thresholds, sizes and numbers of detections. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelmill_quality.average_precision.columns import (
    Codes,
    DetectionColumns,
    Floats,
    GoldColumns,
    Grouping,
    Likeness,
)

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
_HUGE = 1e5**2


@dataclass(frozen=True)
class Design:
    """Over what is averaged."""

    thresholds: Floats
    recalls: Floats
    area_names: tuple[str, ...]
    area_ranges: Floats
    """(ranges, 2): from and to, in pixels, both included."""
    most_detections: tuple[int, ...]
    """Of an image and class, rising."""


BOXES = Design(
    THRESHOLDS,
    RECALLS,
    ("all", "small", "medium", "large"),
    np.array([(0, _HUGE), (0, 32**2), (32**2, 96**2), (96**2, _HUGE)]),
    (1, 10, 100),
)
"""Of boxes and masks."""
KEYPOINTS = Design(
    THRESHOLDS,
    RECALLS,
    ("all", "medium", "large"),
    np.array([(0, _HUGE), (32**2, 96**2), (96**2, _HUGE)]),
    (20,),
)
"""Of keypoints."""


@dataclass(frozen=True)
class Evaluation:
    """Precision and recall; -1 where a class has nothing to find."""

    design: Design
    precision: Floats
    """(thresholds, recalls, classes, area ranges, numbers of detections)."""
    recall: Floats
    """(thresholds, classes, area ranges, numbers of detections)."""
    replicates: Floats
    """(replicates,): AP of resampled images; NaN where nothing was to find."""

    def average_precision(self, threshold: float | None = None, area: str = "all", class_: int | None = None) -> float:
        """The mean precision, over all thresholds unless one is said; NaN where there is nothing to find."""
        chosen = self.precision[self._at(threshold)][:, :, self._of(class_), self._area(area), -1]
        return _mean(chosen)

    def average_recall(
        self, area: str = "all", most_detections: int | None = None, threshold: float | None = None
    ) -> float:
        """The mean recall over thresholds; NaN where there is nothing to find."""
        place = -1 if most_detections is None else self.design.most_detections.index(most_detections)
        return _mean(self.recall[self._at(threshold)][:, :, self._area(area), place])

    def _at(self, threshold: float | None) -> slice | Codes:
        return slice(None) if threshold is None else np.flatnonzero(self.design.thresholds == threshold)

    def _of(self, class_: int | None) -> slice:
        return slice(None) if class_ is None else slice(class_, class_ + 1)

    def _area(self, name: str) -> int:
        return self.design.area_names.index(name)


def evaluate(
    gold: GoldColumns,
    detections: DetectionColumns,
    likeness: Likeness,
    *,
    classes: int,
    design: Design = BOXES,
    resamples: Sequence[Floats] = (),
) -> Evaluation:
    """Evaluates detections against gold, with the numbers of pycocotools' COCOeval.

    Args:
        gold: What is there.
        detections: What was found.
        likeness: How alike they are.
        classes: Class codes are below it.
        design: Over what is averaged.
        resamples: Bootstrap weights (images,), each giving one replicate of AP.
    """
    from labelmill_quality.average_precision import evaluation_loops as loops

    grouping = Grouping.of(gold, detections, design.most_detections[-1])
    crowd = gold.crowd[grouping.gold]
    marks = loops.match_groups(
        likeness.pairs(grouping, gold.crowd),
        grouping.pair_offsets,
        grouping.gold_offsets,
        gold.areas[grouping.gold],
        crowd,
        grouping.detection_offsets,
        detections.areas[grouping.detections],
        design.thresholds,
        design.area_ranges,
    )
    # Class by class by falling score; of equals the one of the earlier image, then the earlier one.
    found = detections.classes[grouping.detections]
    order = np.lexsort((-detections.scores[grouping.detections], found))
    class_offsets = np.searchsorted(found[order], np.arange(classes + 1))
    marks, ranks = np.ascontiguousarray(marks[:, :, order]), grouping.ranks[order]
    low, high = design.area_ranges[:, 0, None], design.area_ranges[:, 1, None]
    counts = ~gold.crowd & (gold.areas >= low) & (gold.areas <= high)
    precision, recall = _accumulate(marks, ranks, class_offsets, _gold_counts(gold, counts, classes), design)
    images = detections.images[grouping.detections][order]
    replicates = [
        loops.mean_precision(
            marks[0],
            weights[images],
            class_offsets,
            np.bincount(gold.classes, counts[0] * weights[gold.images], classes).astype(np.float64),
            design.recalls,
        )
        for weights in resamples
    ]
    return Evaluation(design, precision, recall, np.array(replicates))


def _gold_counts(gold: GoldColumns, counts: np.ndarray, classes: int) -> Floats:
    """(area ranges, classes): how much there is to find."""
    return np.array([np.bincount(gold.classes[here], minlength=classes) for here in counts], np.float64)


def _accumulate(
    marks: np.ndarray, ranks: Codes, class_offsets: Codes, gold_counts: Floats, design: Design
) -> tuple[Floats, Floats]:
    from labelmill_quality.average_precision import evaluation_loops as loops

    areas, thresholds, classes = len(design.area_ranges), len(design.thresholds), len(class_offsets) - 1
    shape = (classes, areas, len(design.most_detections))
    precision = np.full((thresholds, len(design.recalls), *shape), -1.0)
    recall = np.full((thresholds, *shape), -1.0)
    row = np.empty(len(design.recalls))
    for place, most in enumerate(design.most_detections):
        weights = (ranks < most).astype(np.float64)
        for c, a in zip(*np.nonzero(gold_counts.T), strict=True):
            here = slice(class_offsets[c], class_offsets[c + 1])
            for t in range(thresholds):
                recall[t, c, a, place] = loops.precision_at(
                    marks[a, t, here], weights[here], gold_counts[a, c], design.recalls, row
                )
                precision[t, :, c, a, place] = row
    return precision, recall


def _mean(values: Floats) -> float:
    known = values[values > -1]
    return float(known.mean()) if len(known) else float("nan")
