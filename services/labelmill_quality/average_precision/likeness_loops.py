"""Compiled similarities of detections and gold, group by group; what they compute is said in `columns`."""

from __future__ import annotations

import numpy as np

from labelmill_quality.average_precision.columns import Codes, Flags, Floats
from labelmill_quality.compiled import compiled
from labelmill_quality.shapes.run_length_loops import intersection
from labelmill_quality.shapes.values import RunLengths


@compiled
def box_pairs(
    gold: Floats,
    detections: Floats,
    crowd: Flags,
    gold_rows: Codes,
    gold_offsets: Codes,
    detection_rows: Codes,
    detection_offsets: Codes,
    pair_offsets: Codes,
) -> Floats:
    """(pairs,)."""
    alike = np.zeros(pair_offsets[-1])
    for group in range(len(gold_offsets) - 1):
        place = pair_offsets[group]
        for d in range(detection_offsets[group], detection_offsets[group + 1]):
            found = detections[detection_rows[d]]
            for g in range(gold_offsets[group], gold_offsets[group + 1]):
                there = gold[gold_rows[g]]
                across = min(found[0] + found[2], there[0] + there[2]) - max(found[0], there[0])
                down = min(found[1] + found[3], there[1] + there[3]) - max(found[1], there[1])
                if across > 0 and down > 0:
                    shared, area = across * down, found[2] * found[3]
                    whole = area if crowd[gold_rows[g]] else area + there[2] * there[3] - shared
                    alike[place] = shared / whole
                place += 1
    return alike


@compiled
def mask_pairs(
    gold: RunLengths,
    gold_starts: Codes,
    gold_areas: Codes,
    gold_bounds: Codes,
    detections: RunLengths,
    starts: Codes,
    areas: Codes,
    bounds: Codes,
    crowd: Flags,
    gold_rows: Codes,
    gold_offsets: Codes,
    detection_rows: Codes,
    detection_offsets: Codes,
    pair_offsets: Codes,
) -> Floats:
    """(pairs,)."""
    alike = np.zeros(pair_offsets[-1])
    for group in range(len(gold_offsets) - 1):
        place = pair_offsets[group]
        for d in range(detection_offsets[group], detection_offsets[group + 1]):
            i = detection_rows[d]
            for g in range(gold_offsets[group], gold_offsets[group + 1]):
                j = gold_rows[g]
                across = min(bounds[i, 2], gold_bounds[j, 2]) - max(bounds[i, 0], gold_bounds[j, 0])
                down = min(bounds[i, 3], gold_bounds[j, 3]) - max(bounds[i, 1], gold_bounds[j, 1])
                if across > 0 and down > 0:
                    shared = intersection(
                        detections, starts[i], starts[i + 1], gold, gold_starts[j], gold_starts[j + 1]
                    )
                    whole = areas[i] if crowd[j] else areas[i] + gold_areas[j] - shared
                    if shared > 0:
                        alike[place] = shared / whole
                place += 1
    return alike


@compiled
def keypoint_pairs(
    gold: Floats,
    seen: Flags,
    areas: Floats,
    detections: Floats,
    sigmas: Floats,
    gold_rows: Codes,
    gold_offsets: Codes,
    detection_rows: Codes,
    detection_offsets: Codes,
    pair_offsets: Codes,
) -> Floats:
    """(pairs,)."""
    alike = np.zeros(pair_offsets[-1])
    for group in range(len(gold_offsets) - 1):
        place = pair_offsets[group]
        for d in range(detection_offsets[group], detection_offsets[group + 1]):
            i = detection_rows[d]
            for g in range(gold_offsets[group], gold_offsets[group + 1]):
                j = gold_rows[g]
                total, count = 0.0, 0
                for k in range(len(sigmas)):
                    if seen[j, k]:
                        dx, dy = detections[i, k, 0] - gold[j, k, 0], detections[i, k, 1] - gold[j, k, 1]
                        reach = (2 * sigmas[k]) ** 2 * (areas[j] + np.finfo(np.float64).eps) * 2
                        total += np.exp(-(dx * dx + dy * dy) / reach)
                        count += 1
                alike[place] = total / count if count else 0.0
                place += 1
    return alike
