"""QR codes and barcodes by OpenCV's detectors. They are covered wherever they are: what they carry need not be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from labelmill_anonymization.media.boxes import Box, padded
from labelmill_anonymization.media.ports import Picture
from labelmill_anonymization.media.sightings import CODE, Sighting

_MARGIN = 0.1


class OpenCvCodes:
    """Finds QR codes and one-dimensional barcodes."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self.version = f"OpenCV {cv2.__version__} QR codes and barcodes"
        self._qr = cv2.QRCodeDetector()
        self._bars = cv2.barcode.BarcodeDetector()

    def find(self, picture: Picture, threshold: float) -> list[Sighting]:
        """See `PictureDetector`; these know no scores."""
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        return [
            *_sightings(self._qr.detectMulti(grey), "QRCodeDetector"),
            *_sightings(self._bars.detectMulti(grey), "BarcodeDetector"),
        ]


def _sightings(found: tuple[bool, Any], detector: str) -> Iterator[Sighting]:
    seen, corners = found
    if not seen:
        return
    for four in np.asarray(corners, np.float64).reshape(-1, 4, 2):
        if np.isfinite(four).all():
            (left, top), (right, bottom) = four.min(0), four.max(0)
            yield Sighting(CODE, padded(Box(left, top, right, bottom), _MARGIN), 1.0, detector)
