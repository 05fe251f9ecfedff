"""JPEG, PNG, WebP, TIFF, GIF and BMP by Pillow.

Pixels are written anew from an array, so that nothing else of a file can come along: no EXIF, GPS, XMP, IPTC,
thumbnail, text or comment, colour profile (colours are converted to sRGB), colour below full transparency, nor what
follows the picture. A JPEG on which nothing is covered keeps its pixels exactly (`media/jpeg.py`). EXIF's orientation
is applied: coordinates are those of the picture as it is seen.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin

from labelmill_anonymization.adapters.media.gif_frames import gif
from labelmill_anonymization.adapters.media.reading import reading
from labelmill_anonymization.errors import ContentMalformed
from labelmill_anonymization.media.boxes import Size
from labelmill_anonymization.media.errors import ContentTooLong
from labelmill_anonymization.media.jpeg import without_metadata
from labelmill_anonymization.media.ports import Covers, MediaJob, Picture

FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/tiff": "TIFF",
    "image/gif": "GIF",
    "image/bmp": "BMP",
}
Image.MAX_IMAGE_PIXELS = None  # `_require_size` refuses more than the limit before anything is decoded

_ORIENTATION = 0x0112
_BROKEN = "it is not a whole picture of this type"
_GREY = 127
_SAVE: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95},
    "PNG": {},
    "WEBP": {"quality": 95, "method": 2},
    "TIFF": {"compression": "tiff_deflate"},
    "BMP": {},
}
_MANY = {"TIFF", "GIF"}
"""Formats of which several frames are read and written; of others the encoders join equal frames."""
_OF_PIXELS = {
    *(
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
        "dpi",
        "progressive",
        "progression",
        "adobe",
        "adobe_transform",
    ),
    *("gamma", "transparency", "background", "loop", "duration", "version", "extension", "compression", "interlace"),
    *("timestamp", "srgb", "chromaticity", "aspect", "resolution", "exif"),
}
"""What Pillow tells beside the pixels that is about nothing but them; `exif` is counted tag by tag."""
_TIFF_STRUCTURE = {
    *(
        254,
        255,
        256,
        257,
        258,
        259,
        262,
        266,
        273,
        274,
        277,
        278,
        279,
        282,
        283,
        284,
        296,
        301,
        317,
        320,
        322,
        323,
        324,
    ),
    *(325, 338, 339, 347, 513, 514, 529, 530, 531, 532, 34665, 40965),
}
"""Tags of TIFF (6.0) that say how pixels lie in the file, or where tags of EXIF are."""


class PillowPictures:
    """A picture, or the frames of one; see `Pages`."""

    known_values: Sequence[str] = ()

    def __init__(self, job: MediaJob) -> None:
        self.media_type = job.media_type
        self._data = job.data
        self._decoded: tuple[int, NDArray[Any]] | None = None
        self._format = FORMATS[job.media_type]
        with reading(_BROKEN):
            self._image = Image.open(io.BytesIO(job.data), formats=[self._format])
            _require_size(self._image.size, job.limits.pixels)
            count = getattr(self._image, "n_frames", 1)
        if count > 1 and self._format not in _MANY:
            if self._format == "JPEG":  # further pictures behind the first (MPO), which go with the metadata
                count = 1
            else:
                raise ContentMalformed("moving pictures of this format are not supported; send a GIF or a film")
        if count > job.limits.pages:
            raise ContentTooLong("frames", job.limits.pages)
        with reading(_BROKEN):
            self.sizes = [self._size(index, job.limits.pixels) for index in range(count)]
            self.metadata_items = _metadata_items(self._image)

    def page(self, index: int) -> Picture:
        """See `Pages`."""
        return _as_seen(self._pixels(index))

    def write(self, covers: Covers) -> bytes:
        """See `Pages`."""
        if self._format == "JPEG" and not covers.on(0) and self._is_plain_jpeg():
            with reading(_BROKEN):
                self._pixels(0)  # a broken one is refused
                return without_metadata(self._data)
        frames = (self._covered(index, covers) for index in range(len(self.sizes)))
        if self._format == "GIF":
            return gif(frames, self._durations(), int(self._image.info.get("loop", 0)))
        first, *others = frames
        out = io.BytesIO()
        many = {"save_all": True, "append_images": others} if others else {}
        first.save(out, self._format, **_SAVE[self._format], **self._sampling(), **many)
        return out.getvalue()

    def _sampling(self) -> dict[str, int]:
        """A JPEG keeps its resolution of colours."""
        if self._format != "JPEG":
            return {}
        sampling = JpegImagePlugin.get_sampling(self._image)
        return {"subsampling": max(sampling, 0)}

    def _covered(self, index: int, covers: Covers) -> Image.Image:
        pixels = self._pixels(index)
        self._decoded = None  # they are about to change
        covers.apply(index, pixels)
        return Image.fromarray(pixels)

    def _pixels(self, index: int) -> NDArray[Any]:
        """A frame; the last one is kept, since a picture that was looked at is often written next."""
        if self._decoded is None or self._decoded[0] != index:
            self._decoded = (index, self._decode(index))
        return self._decoded[1]

    def _decode(self, index: int) -> NDArray[Any]:
        with reading(_BROKEN):
            if len(self.sizes) > 1:
                self._image.seek(index)
            image = _plain(ImageOps.exif_transpose(self._image))
            pixels = np.array(image)
        if pixels.dtype not in (np.uint8, np.uint16):
            raise ContentMalformed("pixels of this depth are not supported")
        if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
            pixels[pixels[..., -1] == 0] = 0  # what full transparency hides
        return pixels

    def _size(self, index: int, limit: int) -> Size:
        if index:
            self._image.seek(index)
            _require_size(self._image.size, limit)
        width, height = self._image.size
        return (height, width) if self._image.getexif().get(_ORIENTATION, 1) >= 5 else (width, height)

    def _is_plain_jpeg(self) -> bool:
        plain = self._image.mode in ("L", "RGB") and "icc_profile" not in self._image.info
        return plain and self._image.getexif().get(_ORIENTATION, 1) == 1

    def _durations(self) -> list[int]:
        durations: list[int] = []
        for index in range(len(self.sizes)):
            self._image.seek(index)
            durations.append(int(self._image.info.get("duration", 0)))
        return durations


def _require_size(size: Size, limit: int) -> None:
    if size[0] * size[1] > limit:
        raise ContentTooLong("pixels", limit)


def _plain(image: Image.Image) -> Image.Image:
    """L, LA, RGB, RGBA or 16-bit grey; colours in sRGB."""
    if image.mode == "P" or image.mode == "PA":
        return image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    if image.mode in ("1", "L", "LA"):
        return image.convert("LA" if image.mode == "LA" or "transparency" in image.info else "L")
    if image.mode.startswith("I;16"):
        return image
    profile = image.info.get("icc_profile")
    wanted = "RGBA" if image.mode == "RGBA" or "transparency" in image.info else "RGB"
    if profile and image.mode in ("RGB", "RGBA", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=wanted)
        except (ImageCms.PyCMSError, OSError, ValueError):  # a profile that nobody understands changes no colours
            converted = None
        if converted is not None:
            return converted
    return image if image.mode == wanted else image.convert(wanted)


def _as_seen(pixels: NDArray[Any]) -> Picture:
    """Three channels of 8 bits. What is transparent lies on grey, where black and white letters are seen."""
    if pixels.dtype == np.uint16:
        low, high = int(pixels.min()), int(pixels.max())
        pixels = ((pixels.astype(np.float32) - low) * (255 / max(1, high - low))).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        share = pixels[..., -1:].astype(np.float32) / 255
        pixels = (pixels[..., :-1] * share + _GREY * (1 - share)).astype(np.uint8)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    return pixels


def _metadata_items(image: Image.Image) -> int:
    tags = sum(1 for tag in image.getexif() if tag not in _TIFF_STRUCTURE)
    return tags + sum(1 for key in image.info if key not in _OF_PIXELS)
