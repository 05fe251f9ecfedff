"""The size of images in rarer formats, by Pillow; no pixel is decoded."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def image_size(path: Path) -> tuple[int, int] | None:
    """(width, height) in pixels; None when Pillow does not know the format."""
    # The limit on pixels is ours to check, and Pillow's is a warning.
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(path) as image:
        width, height = image.size
    return (width, height) if min(width, height) >= 1 and max(width, height) < 2**31 else None
