"""Compiled drawing of rings, following rleFrPoly of cocoapi's maskApi.c (P. Dollar, T.-Y. Lin; BSD) step by step."""

from __future__ import annotations

import numpy as np

from labelmill_quality.compiled import compiled
from labelmill_quality.shapes.run_lengths import Offsets
from labelmill_quality.shapes.values import Points, RunLengths

_SCALE = 5.0


@compiled
def ring_runs(points: Points, width: int, height: int) -> RunLengths:
    """The run lengths of the pixels inside a ring."""
    crossings = np.sort(_crossings(*_boundary(points), width, height))
    lengths = np.empty(len(crossings) + 1, np.int64)
    before = np.int64(0)
    for place in range(len(crossings)):
        lengths[place] = crossings[place] - before
        before = crossings[place]
    lengths[len(crossings)] = width * height - before
    runs = np.empty(len(lengths), np.uint32)
    runs[0] = lengths[0]
    count, place = 1, 1
    while place < len(lengths):
        if lengths[place] > 0:
            runs[count] = lengths[place]
            count += 1
            place += 1
        else:  # an empty run: its neighbours are one
            place += 1
            if place < len(lengths):
                runs[count - 1] += np.uint32(lengths[place])
                place += 1
    return runs[:count].copy()


@compiled
def _boundary(points: Points) -> tuple[Offsets, Offsets]:
    """Points of the boundary, five to a pixel, densely."""
    corners = len(points)
    x, y = np.empty(corners + 1, np.int64), np.empty(corners + 1, np.int64)
    for j in range(corners):
        x[j], y[j] = int(_SCALE * points[j, 0] + 0.5), int(_SCALE * points[j, 1] + 0.5)
    x[corners], y[corners] = x[0], y[0]
    length = 0
    for j in range(corners):
        length += max(abs(x[j] - x[j + 1]), abs(y[j] - y[j + 1])) + 1
    u, v = np.empty(length, np.int64), np.empty(length, np.int64)
    m = 0
    for j in range(corners):
        xs, xe, ys, ye = x[j], x[j + 1], y[j], y[j + 1]
        dx, dy = abs(xe - xs), abs(ys - ye)
        flip = (dx >= dy and xs > xe) or (dx < dy and ys > ye)
        if flip:
            xs, xe, ys, ye = xe, xs, ye, ys
        if dx >= dy:
            slope = (ye - ys) / dx if dx else 0.0
            for d in range(dx + 1):
                t = dx - d if flip else d
                u[m], v[m] = t + xs, int(ys + slope * t + 0.5)
                m += 1
        else:
            slope = (xe - xs) / dy
            for d in range(dy + 1):
                t = dy - d if flip else d
                u[m], v[m] = int(xs + slope * t + 0.5), t + ys
                m += 1
    return u, v


@compiled
def _crossings(u: Offsets, v: Offsets, width: int, height: int) -> Offsets:
    """Where the boundary crosses the columns of pixels, as places in column-major order."""
    found = np.empty(len(u), np.int64)
    count = 0
    for j in range(1, len(u)):
        if u[j] == u[j - 1]:
            continue
        column = ((u[j] if u[j] < u[j - 1] else u[j] - 1) + 0.5) / _SCALE - 0.5
        if np.floor(column) != column or column < 0 or column > width - 1:
            continue
        row = (min(v[j], v[j - 1]) + 0.5) / _SCALE - 0.5
        row = np.ceil(min(max(row, 0.0), float(height)))
        found[count] = int(column) * height + int(row)
        count += 1
    return found[:count]
