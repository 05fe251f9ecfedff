"""Small pictures of images, made with Pillow."""

from __future__ import annotations

import io

from PIL import Image, ImageOps, UnidentifiedImageError

from labelmill_quality.page.contents import Missing

_SIDE_PX = 360
_MAX_PIXELS = 50_000_000


def thumbnail(data: bytes) -> bytes | Missing:
    """A JPEG of an image, at most 360 pixels a side; why there is none where it cannot be read."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > _MAX_PIXELS:
                return Missing("The image is too large to show.")
            image.draft("RGB", (_SIDE_PX, _SIDE_PX))
            upright = ImageOps.exif_transpose(image).convert("RGB")
            upright.thumbnail((_SIDE_PX, _SIDE_PX))
            out = io.BytesIO()
            upright.save(out, "JPEG", quality=80)  # without the metadata of the original
            return out.getvalue()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return Missing("The image cannot be read.")
