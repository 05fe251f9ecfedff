"""How much a content may be, and may turn into when it is opened. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from labelmill_runtime.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused beyond."""

    image_pixels: int = 1_000_000_000
    """Width times height of an image."""
    image_side_px: int = 300_000
    """Width or height of an image."""
    archive_bytes: int = 10 * 1024**3
    """What an archive may unpack to."""
    archive_ratio: int = 1000
    """How many times larger than itself an archive may become, beyond RATIO_FLOOR_BYTES."""
    archive_entries: int = 100_000
    """Files in an archive."""


RATIO_FLOOR_BYTES = 64 * 1024 * 1024
"""Archives that unpack to less are harmless, whatever their ratio."""


class ImageTooLarge(InvalidArgument):
    """An image whose pixels nobody should ever decode."""

    def __init__(self, size: tuple[int, int], limits: Limits) -> None:
        super().__init__(
            "IMAGE_TOO_LARGE",
            "The image has more pixels than the limit.",
            metadata={
                "width_px": str(size[0]),
                "height_px": str(size[1]),
                "limit_pixels": str(limits.image_pixels),
                "limit_side_px": str(limits.image_side_px),
            },
            fields={"content": "is an image with more pixels than the limit"},
        )


class ContentBomb(InvalidArgument):
    """An archive that would unpack to too much.

    Args:
        what: Which limit: "bytes", "ratio", "entries", "overlap", "directory" or "depth".
        limit: That limit.
    """

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(
            "CONTENT_BOMB",
            f"The archive is beyond the limit of what archives may unpack to ({what}).",
            metadata={"exceeds": what, "limit": str(limit)},
            fields={"content": "is an archive that unpacks to too much"},
        )


class InvalidArchive(InvalidArgument):
    """Bytes that claim to be an archive and are none."""

    def __init__(self, media_type: str) -> None:
        super().__init__(
            "INVALID_ARCHIVE",
            "The content claims to be an archive and is damaged.",
            metadata={"media_type": media_type},
            fields={"content": "must be an intact archive"},
        )


def check_image(size: tuple[int, int], limits: Limits) -> None:
    """Refuses an image that is too large."""
    if max(size) > limits.image_side_px or size[0] * size[1] > limits.image_pixels:
        raise ImageTooLarge(size, limits)
