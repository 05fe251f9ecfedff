"""Archives, honest and hostile, for the tests."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An honest archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def office(folder: str) -> bytes:
    """What makes a zip archive an office document."""
    return zipped({"[Content_Types].xml": b"<Types/>", f"{folder}/document.xml": b"<d/>"})


def raw_zip(entries: list[tuple[bytes, int]], *, shared: bool = False, count: int | None = None) -> bytes:
    """An archive of (deflated bytes, declared size), as hostile as asked: entries share their bytes, counts lie."""
    body, directory = b"", b""
    offsets: list[int] = []
    for packed, size in entries:
        if not (shared and offsets):
            offsets.append(len(body))
            body += (
                struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 0, 0, len(packed), min(size, 0xFFFFFFFF), 1, 0)
                + b"a"
                + packed
            )
        directory += _central(packed, size, 0 if shared else offsets[-1])
    number = len(entries) if count is None else count
    return body + directory + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, number, number, len(directory), len(body), 0)


def _central(packed: bytes, size: int, offset: int) -> bytes:
    wide = struct.pack("<HHQ", 1, 8, size) if size >= 0xFFFFFFFF else b""
    shown = min(size, 0xFFFFFFFF)
    fields = (b"PK\x01\x02", 20, 20, 0, 8, 0, 0, 0, len(packed), shown, 1, len(wide), 0, 0, 0, 0, offset)
    return struct.pack("<4s6H3I5H2I", *fields) + b"a" + wide


def deflated(content: bytes) -> bytes:
    """As it stands in a zip archive."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()
