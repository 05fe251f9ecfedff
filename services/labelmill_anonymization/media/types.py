"""Media types that are handled here, by the work they need."""

from __future__ import annotations

PDF = "application/pdf"
DICOM = "application/dicom"
STILL = ("image/jpeg", "image/png", "image/webp", "image/bmp")
"""Formats of one picture."""
PICTURES = (*STILL, "image/tiff", "image/gif")
PAGED = (*PICTURES, PDF, DICOM)
_OTHER_NAMES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-ms-bmp": "image/bmp"}
SOUND = "audio/*"
FILM = "video/*"


def essence(media_type: str) -> str:
    """The type without its parameters, by its usual name."""
    plain = media_type.partition(";")[0].strip().lower()
    return _OTHER_NAMES.get(plain, plain)
