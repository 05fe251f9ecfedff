"""Compiled loops over run lengths; what they compute is said in `run_lengths`.

Masks come concatenated: `counts` holds their run lengths one mask after another, `offsets` where each begins and the
last ends. Runs of length 0 are allowed anywhere.
"""

from __future__ import annotations

import numpy as np

from labelmill_quality.compiled import compiled
from labelmill_quality.shapes.run_lengths import Bounds, Floats, Offsets
from labelmill_quality.shapes.values import RunLengths


@compiled
def mask_areas(counts: RunLengths, offsets: Offsets) -> Offsets:
    """(masks,): pixels of each."""
    areas = np.zeros(len(offsets) - 1, np.int64)
    for mask in range(len(areas)):
        for run in range(offsets[mask] + 1, offsets[mask + 1], 2):
            areas[mask] += counts[run]
    return areas


@compiled
def mask_bounds(counts: RunLengths, offsets: Offsets, heights: Offsets) -> Bounds:
    """(masks, 4): left, top, right, bottom of each, ends exclusive; zeros of an empty one."""
    bounds = np.zeros((len(offsets) - 1, 4), np.int64)
    for mask in range(len(bounds)):
        height = heights[mask]
        left, top, right, bottom, place = np.int64(-1), height, np.int64(0), np.int64(0), np.int64(0)
        for run in range(offsets[mask], offsets[mask + 1]):
            length = np.int64(counts[run])
            if (run - offsets[mask]) % 2 == 1 and length > 0:
                first, last = place, place + length - 1
                if left < 0:
                    left = first // height
                right = last // height + 1
                if first // height == last // height:
                    top, bottom = min(top, first % height), max(bottom, last % height + 1)
                else:
                    top, bottom = np.int64(0), height
            place += length
        if left >= 0:
            bounds[mask, 0], bounds[mask, 1], bounds[mask, 2], bounds[mask, 3] = left, top, right, bottom
    return bounds


@compiled
def intersection(
    counts: RunLengths, start: int, end: int, others: RunLengths, other_start: int, other_end: int
) -> np.int64:
    """Pixels that two masks share."""
    shared = np.int64(0)
    run, other = start, other_start
    run_end, other_run_end = np.int64(counts[run]), np.int64(others[other])
    place = np.int64(0)
    while True:
        stop = min(run_end, other_run_end)
        if (run - start) % 2 == 1 and (other - other_start) % 2 == 1:
            shared += stop - place
        place = stop
        while run_end == stop:
            run += 1
            if run >= end:
                return shared
            run_end += np.int64(counts[run])
        while other_run_end == stop:
            other += 1
            if other >= other_end:
                return shared
            other_run_end += np.int64(others[other])


@compiled
def intersections(
    left: RunLengths,
    left_offsets: Offsets,
    left_bounds: Bounds,
    right: RunLengths,
    right_offsets: Offsets,
    right_bounds: Bounds,
) -> Offsets:
    """(left masks, right masks): pixels that each pair shares; only runs of pairs whose bounds meet are looked at."""
    shared = np.zeros((len(left_bounds), len(right_bounds)), np.int64)
    for i in range(len(left_bounds)):
        for j in range(len(right_bounds)):
            across = min(left_bounds[i, 2], right_bounds[j, 2]) - max(left_bounds[i, 0], right_bounds[j, 0])
            down = min(left_bounds[i, 3], right_bounds[j, 3]) - max(left_bounds[i, 1], right_bounds[j, 1])
            if across > 0 and down > 0:
                shared[i, j] = intersection(
                    left, left_offsets[i], left_offsets[i + 1], right, right_offsets[j], right_offsets[j + 1]
                )
    return shared


@compiled
def vote(counts: RunLengths, offsets: Offsets, weights: Floats, needed: float, voted: RunLengths) -> int:
    """Writes the run lengths of the pixels whose masks weigh `needed` or more into `voted`; returns how many runs.

    One pass over all masks at once, from boundary to boundary: `voted` needs room for all runs there are, and one more.
    """
    masks = len(offsets) - 1
    run, remaining, marked = np.empty(masks, np.int64), np.empty(masks, np.int64), np.zeros(masks, np.bool_)
    left = np.int64(0)
    for mask in range(masks):
        run[mask], remaining[mask] = offsets[mask], counts[offsets[mask]]
    for place in range(offsets[0], offsets[1]):
        left += counts[place]
    out, out_value, step = 0, False, np.int64(0)
    voted[0] = 0
    while left > 0:
        for mask in range(masks):
            remaining[mask] -= step
            while remaining[mask] == 0 and run[mask] + 1 < offsets[mask + 1]:
                run[mask] += 1
                marked[mask] = not marked[mask]
                remaining[mask] = counts[run[mask]]
        step, weight = left, 0.0
        for mask in range(masks):
            step = min(step, remaining[mask])
            if marked[mask]:
                weight += weights[mask]
        if step == 0:  # a mask that ends too early; its last run would never
            break
        if (weight >= needed) != out_value:
            out_value = not out_value
            out += 1
            voted[out] = 0
        voted[out] += step
        left -= step
    return out + 1
