"""Which format some binary content is in, by the bytes that the format's definition demands. Pure.

Only formats that are told for sure, so that a declared type without its signature can be refused; what is not here is
left to a library that knows more names.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from labelmill_storage.contents.samples import Sample

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_PE = "application/vnd.microsoft.portable-executable"

_EBML = b"\x1a\x45\xdf\xa3"

_PREFIXES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II\x2a\x00", "image/tiff"),
    (b"MM\x00\x2a", "image/tiff"),
    (b"II\x2b\x00\x08\x00\x00\x00", "image/tiff"),
    (b"MM\x00\x2b\x00\x08\x00\x00", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\x7fELF", "application/x-elf"),
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"ARROW1\0\0", "application/vnd.apache.arrow.file"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (_EBML, "video/webm"),
)
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp", b"AVI ": "video/avi"}
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_NAMES = 1000
_NAME_BYTES = 64
_OFFICE_FOLDERS = ((b"word/", _DOCX), (b"xl/", _XLSX), (b"ppt/", _PPTX))
_OPEN_DOCUMENTS = b"application/vnd.oasis.opendocument."

# bit rates in kbit/s by index, for MPEG-1 and MPEG-2 layer III; sample rates by version
_MP3_RATES = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_SAMPLES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}

_LOOSE = frozenset({"audio/mpeg", "audio/mp4", "video/quicktime"})
CHECKED = frozenset(
    {
        *(media_type for _, media_type in _PREFIXES),
        *_RIFF.values(),
        *_BRANDS.values(),
        "application/zip",
        "application/epub+zip",
        "image/bmp",
        _DOCX,
        _XLSX,
        _PPTX,
        _PE,
    }
    - _LOOSE  # real files of these begin in many ways
)
"""Types that a content certainly is not when `signature` does not say so."""


def signature(sample: Sample) -> str:
    """The media type; empty for none of those known here."""
    head = sample.head
    for prefix, media_type in _PREFIXES:
        if head.startswith(prefix):
            return "video/x-matroska" if prefix == _EBML and b"matroska" in head[:64] else media_type
    if head.startswith(_ZIP_STARTS):
        return _of_zip(head)
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    if head.startswith(b"BM") and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS:
        return "image/bmp"
    if _is_program(sample):
        return _PE
    if head[257:262] == b"ustar":
        return "application/x-tar"
    if b"%PDF-" in head[:1024]:  # readers forgive what precedes it
        return "application/pdf"
    return "audio/mpeg" if _is_mp3(head) else ""


def _of_zip(head: bytes) -> str:
    """An office document names its parts in the clear, in the local headers near its beginning."""
    name_length, extra_length = struct.unpack_from("<HH", head.ljust(30, b"\0"), 26)
    name = head[30 : 30 + name_length]
    if name == b"mimetype":
        return _of_mimetype(head[30 + name_length + extra_length :][:128])
    names = list(_local_names(head))
    if b"[Content_Types].xml" in names:
        for folder, media_type in _OFFICE_FOLDERS:
            if any(name.startswith(folder) for name in names):
                return media_type
    return "application/zip"


def _local_names(head: bytes) -> Iterator[bytes]:
    at = 0
    for _ in range(_NAMES):
        at = head.find(_ZIP_STARTS[0], at)
        if at < 0 or len(head) < at + 30:
            return
        yield head[at + 30 : at + 30 + min(_NAME_BYTES, struct.unpack_from("<H", head, at + 26)[0])]
        at += 4


def _of_mimetype(stored: bytes) -> str:
    if stored.startswith(b"application/epub+zip"):
        return "application/epub+zip"
    if stored.startswith(_OPEN_DOCUMENTS):
        end = next((i for i, byte in enumerate(stored) if not (chr(byte).isalnum() or byte in b"/.-")), len(stored))
        return stored[:end].removesuffix(b"PK").decode("ascii")
    return "application/zip"


def _of_brands(head: bytes) -> str:
    size = struct.unpack_from(">I", head)[0]
    major = head[8:12]
    if major in _BRANDS:
        compatible = head[16 : min(size, 256)]
        if major in (b"mif1", b"msf1") and b"avif" in compatible:
            return "image/avif"
        return _BRANDS[major]
    return "video/mp4"


def _is_program(sample: Sample) -> bool:
    if not sample.head.startswith(b"MZ") or len(sample.head) < 64:
        return False
    return sample.at(struct.unpack_from("<I", sample.head, 60)[0], 4) == b"PE\0\0"


def _is_mp3(head: bytes) -> bool:
    """Two frames in a row: the first one's length leads to another frame header."""
    length = _mp3_frame_length(head[:4])
    return length > 0 and _mp3_frame_length(head[length : length + 4]) > 0


def _mp3_frame_length(header: bytes) -> int:
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    rate, sampling, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer != 1 or rate in (0, 15) or sampling == 3:
        return 0
    samples = 1152 if version == 3 else 576
    kbits = _MP3_RATES[3 if version == 3 else 2][rate]
    return samples // 8 * kbits * 1000 // _MP3_SAMPLES[version][sampling] + padding
