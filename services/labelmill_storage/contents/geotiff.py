"""Where a GeoTIFF lies on the earth. Pure.

OGC 19-008r4, GeoTIFF 1.1: section 7.1 (keys), B.6 (coordinate transformations), 7.1.2 (raster types).
"""

from __future__ import annotations

import math
import struct

from labelmill_storage.assets import GeoReference
from labelmill_storage.contents import tiff
from labelmill_storage.contents.samples import Sample

_SCALE, _TIEPOINTS, _TRANSFORMATION, _KEYS = 33550, 33922, 34264, 34735
_RASTER_TYPE, _GEODETIC, _PROJECTED = 1025, 2048, 3072
_PIXEL_IS_POINT = 2
_CODES = range(1024, 32767)
"""EPSG codes; 32767 means that the file defines its own."""

Affine = tuple[float, float, float, float, float, float]


def reference(content: Sample) -> GeoReference | None:
    """Of the first page; None for a TIFF without an affine place, such as one with control points alone."""
    try:
        page = next(tiff.pages(content), None)
    except (struct.error, IndexError):
        return None
    if page is None:
        return None
    affine = _transformation(page) or _scale_and_tiepoint(page)
    if affine is None:
        return None
    keys = _keys(page)
    if keys.get(_RASTER_TYPE) == _PIXEL_IS_POINT:
        affine = _from_centres(affine)
    if not all(math.isfinite(value) for value in affine):
        return None
    return GeoReference(_crs(keys), affine)


def _transformation(page: tiff.Page) -> Affine | None:
    """A 4 x 4 matrix, row by row; its rows for x and y, without height."""
    m = page.numbers(_TRANSFORMATION)
    return (m[0], m[1], m[3], m[4], m[5], m[7]) if len(m) == 16 else None


def _scale_and_tiepoint(page: tiff.Page) -> Affine | None:
    """X = X + (column - I) * scale_x, y = Y - (row - J) * scale_y, from the first tie point (I, J, K, X, Y, Z)."""
    scale, tie = page.numbers(_SCALE), page.numbers(_TIEPOINTS)
    if len(scale) < 2 or len(tie) < 6:
        return None
    return (scale[0], 0.0, tie[3] - tie[0] * scale[0], 0.0, -scale[1], tie[4] + tie[1] * scale[1])


def _from_centres(affine: Affine) -> Affine:
    """Where pixels are points, (0, 0) is the centre of the first one; ours is its corner, half a pixel before."""
    a, b, c, d, e, f = affine
    return (a, b, c - (a + b) / 2, d, e, f - (d + e) / 2)


def _keys(page: tiff.Page) -> dict[int, int]:
    """The keys whose values stand in the directory itself: four numbers a key, after four of header."""
    numbers = page.integers(_KEYS)
    entries = zip(numbers[4::4], numbers[5::4], numbers[7::4], strict=False)
    return {key: value for key, location, value in entries if location == 0}


def _crs(keys: dict[int, int]) -> str:
    code = keys.get(_PROJECTED, keys.get(_GEODETIC, 0))
    return f"EPSG:{code}" if code in _CODES else ""
