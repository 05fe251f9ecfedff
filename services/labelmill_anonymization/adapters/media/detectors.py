"""The detectors of a worker process, each loaded when it is first needed and kept."""

from __future__ import annotations

from functools import cached_property

from labelmill_anonymization.media.ports import PictureDetector, TextReader


class Detectors:
    """What looks into pictures."""

    @cached_property
    def faces(self) -> PictureDetector:
        """Finds faces."""
        from labelmill_anonymization.adapters.media.centerface import CenterFace

        return CenterFace()

    @cached_property
    def plates(self) -> PictureDetector:
        """Finds licence plates by what they look like."""
        from labelmill_anonymization.adapters.media.opencv_plates import OpenCvPlates

        return OpenCvPlates()

    @cached_property
    def codes(self) -> PictureDetector:
        """Finds QR codes and barcodes."""
        from labelmill_anonymization.adapters.media.opencv_codes import OpenCvCodes

        return OpenCvCodes()

    @cached_property
    def reader(self) -> TextReader:
        """Reads text."""
        from labelmill_anonymization.adapters.media.rapidocr import RapidOcrReader

        return RapidOcrReader()
