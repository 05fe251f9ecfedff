"""What kind of thing some bytes are, and which media type they get when something else was declared. Pure.

The rules, in this order:
1. Valid UTF-8 without NUL is text (or a PDF that happens to be both). Declared as any type that may be text, it keeps
   that; undeclared it is text/plain, unless it begins as an HTML page or an SVG image does.
2. Binary content is told by its signature. Undeclared (application/octet-stream says nothing either) it gets that type.
3. A declared type of another kind than the content's (an image that is a PDF, a program, text) is refused; of the same
   kind, the content wins (a JPEG called image/png), unless the declared type is a special case of what the content
   shows (a camera's raw format is a TIFF).
4. A declared type with a signature that the content lacks is refused. Types that nobody can check are believed.
"""

from __future__ import annotations

import re

from labelmill_runtime.errors import InvalidArgument
from labelmill_storage.contents.samples import Sample
from labelmill_storage.contents.signatures import CHECKED, signature

BINARY = "application/octet-stream"
TEXT = "text/plain"
HTML = "text/html"
SVG = "image/svg+xml"

_PREAMBLES = 100

_UNSAID = frozenset({"", BINARY, "binary/octet-stream", "application/x-octet-stream"})
_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/x-ms-bmp": "image/bmp",
    "image/x-bmp": "image/bmp",
    "image/tif": "image/tiff",
    "image/geotiff": "image/tiff",
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": "application/zip",
    "application/x-zip": "application/zip",
    "application/x-gzip": "application/gzip",
    "application/x-bzip": "application/x-bzip2",
    "application/bzip2": "application/x-bzip2",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/mp3": "audio/mpeg",
    "audio/x-m4a": "audio/mp4",
    "video/x-msvideo": "video/avi",
    "application/ogg": "audio/ogg",
}
_CONTAINERS = frozenset(
    {
        "application/gzip",
        "application/zip",
        "audio/mp4",
        "audio/ogg",
        "image/heic",
        "image/tiff",
        "video/mp4",
        "video/webm",
    }
)
"""Formats that other formats are made of."""
_ARCHIVES = frozenset(
    {
        "application/gzip",
        "application/java-archive",
        "application/epub+zip",
        "application/vnd.rar",
        "application/x-7z-compressed",
        "application/x-bzip2",
        "application/x-tar",
        "application/x-xz",
        "application/zip",
        "application/zstd",
    }
)
_PROGRAMS = frozenset(
    {"application/vnd.microsoft.portable-executable", "application/x-elf", "application/x-mach-binary"}
)
_OFFICE = ("application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.")
_TEXTUAL = frozenset(
    {
        "application/json",
        "application/x-ndjson",
        "application/jsonl",
        "application/yaml",
        "application/x-yaml",
        "application/toml",
        "application/javascript",
        SVG,
    }
)
"""Not text/*, and UTF-8 nevertheless."""
_TEXTUAL_MEDIA = re.compile(r"image/(x-xbitmap|x-xpixmap|x-portable-.*|x-eps)|audio/(x-)?mpegurl|.*[+]xml")


class MediaTypeMismatch(InvalidArgument):
    """The content is something else than was declared."""

    def __init__(self, declared: str, told: str) -> None:
        super().__init__(
            "MEDIA_TYPE_MISMATCH",
            "The content is not of the kind that its media type declares.",
            metadata={"declared": declared, "detected": told},
            fields={"media_type": "must be that of the content"},
        )


def told_from_text(head: bytes) -> str:
    """The media type of text that nobody declared."""
    start = head[:65536].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(b"%pdf-"):
        return "application/pdf"
    if start.startswith((b"<!doctype html", b"<html")):
        return HTML
    return SVG if _begins_svg(start) else TEXT


def told_from_binary(sample: Sample) -> str:
    """The media type by signature; empty for none that is known."""
    return signature(sample)


def settle(declared: str, told: str) -> str:
    """The media type to keep.

    Args:
        declared: In lower case, without parameters; may be empty.
        told: What the content is; empty for binary content of no known signature.

    Raises:
        MediaTypeMismatch: The two contradict each other.
    """
    if declared in _UNSAID:
        return told or BINARY
    if told in (TEXT, HTML, SVG):
        return _settle_text(declared, told)
    meant = _ALIASES.get(declared, declared)
    if not told:
        if meant in CHECKED or meant in _TEXTUAL:
            raise MediaTypeMismatch(declared, BINARY)
        return declared
    if declared.startswith("text/"):
        return declared  # a PDF that is valid UTF-8 from end to end: believed, as any text is
    if meant in _TEXTUAL or (kind(meant) and kind(meant) != kind(told)):
        raise MediaTypeMismatch(declared, told)
    if not kind(meant) or (told in _CONTAINERS and meant not in CHECKED):
        return declared
    return told


def _settle_text(declared: str, told: str) -> str:
    meant = _ALIASES.get(declared, declared)
    if meant == SVG and told != SVG:
        raise MediaTypeMismatch(declared, told)
    if kind(meant) in ("", "text") or meant in _TEXTUAL or _TEXTUAL_MEDIA.fullmatch(meant):
        return declared
    raise MediaTypeMismatch(declared, told)


def kind(media_type: str) -> str:
    """image, media, text, document, archive, program or font, which exclude each other; empty: nobody can say."""
    top = media_type.partition("/")[0]
    if top in ("audio", "video"):
        return "media"
    if top in ("image", "text", "font"):
        return top
    if media_type == "application/pdf":
        return "document"
    if media_type in _ARCHIVES or media_type.startswith(_OFFICE):
        return "archive"
    return "program" if media_type in _PROGRAMS else ""


def _begins_svg(start: bytes) -> bool:
    for _ in range(_PREAMBLES):
        if not start.startswith((b"<?", b"<!")):
            break
        if start.startswith(b"<!doctype svg"):
            return True
        closing = b"-->" if start.startswith(b"<!--") else b"?>" if start.startswith(b"<?") else b">"
        _, found, start = start.partition(closing)
        if not found:
            return False
        start = start.lstrip()
    return start.startswith((b"<svg ", b"<svg>", b"<svg\n", b"<svg\t", b"<svg\r"))
