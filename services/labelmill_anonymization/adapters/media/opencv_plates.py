"""Licence plates by OpenCV's cascade of plates (Viola and Jones 2001), trained on Russian ones.

It finds some that are too blurred to be read; letters find the others (`media/plates.py`). In documents it takes words
for plates, so it looks at photographs and film only.
"""

from __future__ import annotations

from pathlib import Path

import cv2

from labelmill_anonymization.media.boxes import Box
from labelmill_anonymization.media.ports import Picture
from labelmill_anonymization.media.sightings import LICENSE_PLATE, Sighting

_CASCADE = Path(cv2.__file__).parent / "data" / "haarcascade_russian_plate_number.xml"
_SCORE = 0.5
_SIDE = 1280


class OpenCvPlates:
    """Finds plates seen from the front; all with one score, since cascades know none."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self.version = f"OpenCV {cv2.__version__} haarcascade_russian_plate_number"
        self._cascade = cv2.CascadeClassifier(str(_CASCADE))

    def find(self, picture: Picture, threshold: float) -> list[Sighting]:
        """See `PictureDetector`."""
        if threshold > _SCORE:
            return []
        factor = min(1.0, _SIDE / max(picture.shape[:2]))
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        if factor < 1:
            grey = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        found = self._cascade.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=4)
        boxes = [Box(x, y, x + w, y + h) for x, y, w, h in (tuple(int(n) / factor for n in row) for row in found)]
        return [Sighting(LICENSE_PLATE, box, _SCORE, "HaarPlates") for box in boxes]
