"""Compiled matching and counting of average precision; what they compute is said in `evaluation`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.average_precision.columns import Codes, Flags, Floats
from labelmill_quality.compiled import compiled

Marks = npt.NDArray[np.uint8]

UNMATCHED, MATCHED, IGNORED = 0, 1, 2


@compiled
def match_groups(
    alike: Floats,
    pair_offsets: Codes,
    gold_offsets: Codes,
    gold_areas: Floats,
    crowd: Flags,
    detection_offsets: Codes,
    detection_areas: Floats,
    thresholds: Floats,
    area_ranges: Floats,
) -> Marks:
    """(area ranges, thresholds, detections): UNMATCHED, MATCHED or IGNORED.

    All columns are in the order of the groups. As COCOeval.evaluateImg: the surest detection first; it takes the gold
    that it is most like (of equals the last); gold outside of the range of areas, and crowds, are taken only where
    nothing else is, and are ignored.
    """
    marks = np.zeros((len(area_ranges), len(thresholds), len(detection_areas)), np.uint8)
    for group in range(len(gold_offsets) - 1):
        first, last = gold_offsets[group], gold_offsets[group + 1]
        begin, end = detection_offsets[group], detection_offsets[group + 1]
        if begin == end:
            continue
        count = last - first
        taken, ignored, order = np.zeros(count, np.bool_), np.zeros(count, np.bool_), np.zeros(count, np.int64)
        for area in range(len(area_ranges)):
            low, high = area_ranges[area]
            for g in range(count):
                ignored[g] = crowd[first + g] or gold_areas[first + g] < low or gold_areas[first + g] > high
            _regular_first(ignored, order)
            for t in range(len(thresholds)):
                taken[:] = False
                for d in range(begin, end):
                    row = pair_offsets[group] + (d - begin) * count
                    best, limit = -1, min(thresholds[t], 1 - 1e-10)
                    for g in order:
                        if taken[g] and not crowd[first + g]:
                            continue
                        if best >= 0 and not ignored[best] and ignored[g]:
                            break
                        if alike[row + g] >= limit:
                            limit, best = alike[row + g], g
                    if best >= 0:
                        taken[best] = True
                        marks[area, t, d] = IGNORED if ignored[best] else MATCHED
                    elif detection_areas[d] < low or detection_areas[d] > high:
                        marks[area, t, d] = IGNORED
    return marks


@compiled
def _regular_first(ignored: Flags, order: Codes) -> None:
    place = 0
    for g in range(len(ignored)):
        if not ignored[g]:
            order[place] = g
            place += 1
    for g in range(len(ignored)):
        if ignored[g]:
            order[place] = g
            place += 1


@compiled
def precision_at(marks: Marks, weights: Floats, gold_count: float, levels: Floats, precisions: Floats) -> float:
    """Writes the interpolated precision at each level of recall; returns the recall that is reached.

    Args:
        marks: (detections,): by falling score.
        weights: (detections,): how often each counts.
        gold_count: How much there is to find, above 0.
        levels: (levels,): of recall, rising.
        precisions: (levels,): written.
    """
    precision, recall = np.empty(len(marks)), np.empty(len(marks))
    right, wrong, count = 0.0, 0.0, 0
    for d in range(len(marks)):
        if marks[d] == IGNORED or weights[d] == 0:
            continue
        if marks[d] == MATCHED:
            right += weights[d]
        else:
            wrong += weights[d]
        precision[count] = right / (wrong + right + np.finfo(np.float64).eps)
        recall[count] = right / gold_count
        count += 1
    for place in range(count - 1, 0, -1):
        if precision[place] > precision[place - 1]:
            precision[place - 1] = precision[place]
    place = 0
    for level in range(len(levels)):
        while place < count and recall[place] < levels[level]:
            place += 1
        precisions[level] = precision[place] if place < count else 0.0
    return recall[count - 1] if count else 0.0


@compiled
def mean_precision(marks: Marks, weights: Floats, class_offsets: Codes, gold_counts: Floats, levels: Floats) -> float:
    """The mean precision over thresholds, levels of recall and the classes that there are; NaN where there are none.

    Args:
        marks: (thresholds, detections): class by class, by falling score.
        weights: (detections,): how often each counts.
        class_offsets: (classes + 1,): where each class begins.
        gold_counts: (classes,): how much there is to find.
        levels: (levels,): of recall.
    """
    total, count = 0.0, 0
    precisions = np.empty(len(levels))
    for c in range(len(gold_counts)):
        if gold_counts[c] > 0:
            begin, end = class_offsets[c], class_offsets[c + 1]
            for t in range(len(marks)):
                precision_at(marks[t, begin:end], weights[begin:end], gold_counts[c], levels, precisions)
                total += precisions.mean()
                count += 1
    return total / count if count else np.nan
