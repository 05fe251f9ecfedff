"""Covers for regions of pictures: functions on arrays of shape (height, width) or (height, width, channels), in place.

Fill leaves nothing. Blur and pixelate leave the means of at most 4 by 4 blocks of a region, whatever its size, so that
the most that can be won back is these 16 colours; who has the very same photograph can still tell which of a few it
was. Only faces are blurred: letters, of plates as well, and codes are filled.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.media.boxes import Box, Size, clipped
from labelmill_anonymization.media.rules import Cover
from labelmill_anonymization.media.sightings import Sighting

BLOCKS = 4
"""Blocks along each side of a region that blur and pixelate keep."""

Pixels = NDArray[Any]


def cover(picture: Pixels, sightings: Iterable[Sighting], how: Cover) -> None:
    """Covers regions; all but faces are filled in any case. Fills come last, so that nothing paints over them."""
    height, width = picture.shape[:2]
    size: Size = (width, height)
    filled: list[Box] = []
    for sighting in sightings:
        box = clipped(sighting.box, size)
        if box is None:
            continue
        if how is Cover.FILL or sighting.must_be_filled:
            filled.append(box)
        else:
            part = _part(picture, box)
            means = _block_means(part)
            part[:] = _stretched(means, part.shape[:2]) if how is Cover.BLUR else _repeated(means, part.shape[:2])
    for box in filled:
        fill(_part(picture, box))


def fill(part: Pixels) -> None:
    """One colour, opaque where there is an alpha channel (of 2 or 4 channels the last)."""
    part[:] = 0
    if part.ndim == 3 and part.shape[2] in (2, 4):
        part[..., -1] = np.iinfo(part.dtype).max


def _part(picture: Pixels, box: Box) -> Pixels:
    return picture[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]


def _edges(length: int) -> NDArray[np.intp]:
    return np.linspace(0, length, min(BLOCKS, length) + 1).astype(np.intp)


def _block_means(part: Pixels) -> NDArray[np.float64]:
    """Means of the blocks of a region, shape (up to 4, up to 4, ...)."""
    rows, columns = _edges(part.shape[0]), _edges(part.shape[1])
    sums = np.add.reduceat(np.add.reduceat(part, rows[:-1], 0, np.float64), columns[:-1], 1)
    counts = np.outer(np.diff(rows), np.diff(columns))
    means: NDArray[np.float64] = sums / counts.reshape(counts.shape + (1,) * (part.ndim - 2))
    return means


def _repeated(means: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    counts = [np.diff(_edges(length)) for length in shape]
    repeated: NDArray[np.float64] = np.repeat(np.repeat(means, counts[0], 0), counts[1], 1)
    return np.round(repeated)


def _stretched(means: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Bilinear between the blocks' centres."""
    for axis, length in enumerate(shape):
        at = np.clip((np.arange(length) + 0.5) * means.shape[axis] / length - 0.5, 0, means.shape[axis] - 1)
        low = np.floor(at).astype(np.intp)
        high = np.minimum(low + 1, means.shape[axis] - 1)
        weight = (at - low).reshape((-1,) + (1,) * (means.ndim - 1 - axis))
        means = np.take(means, low, axis) * (1 - weight) + np.take(means, high, axis) * weight
    return np.round(means)
