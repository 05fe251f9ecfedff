"""Small audio and video files, and files of geometry, built by hand for the tests."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np
import tifffile
from PIL import Image

GPS = {1: "N", 2: (51.0, 30.0, 0.0), 3: "E", 4: (7.0, 0.0, 0.0)}


def image(kind: str, size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    """An image of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size).save(file, kind, **options)
    return file.getvalue()


def exif(*, place: bool) -> Image.Exif:
    """EXIF data of a camera, with a place or without."""
    made = Image.Exif()
    made[271] = "Maker"
    if place:
        made.get_ifd(0x8825).update(GPS)
    return made


def wav(milliseconds: int, rate: int = 8000) -> bytes:
    """Silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(bytes(2 * rate * milliseconds // 1000))
    return file.getvalue()


def mp3(frames: int) -> bytes:
    """Silent frames of MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes and 1152 samples each."""
    return (b"\xff\xfb\x90\x00" + bytes(413)) * frames


def flac(samples: int, rate: int = 44100) -> bytes:
    """The header of a stereo stream, which has its length."""
    described = rate << 44 | 1 << 41 | 15 << 36 | samples
    body = struct.pack(">HH6xQ16x", 4096, 4096, described)
    return b"fLaC" + struct.pack(">I", 0x80 << 24 | len(body)) + body + b"\xff\xf8\xc9\x18" + bytes(100)


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of an ISO media file."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def mp4(milliseconds: int, media_bytes: int = 1000) -> bytes:
    """A sound file whose index is at its end, as cameras and recorders write them."""
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    mvhd = struct.pack(">IIIIIIH10x", 0, 0, 0, 1000, milliseconds, 0x10000, 0x100) + matrix + struct.pack(">24xI", 2)
    tkhd = struct.pack(">IIIIII8xHHHxx", 7, 0, 0, 1, 0, milliseconds, 0, 0, 0x100) + matrix + bytes(8)
    mdhd = struct.pack(">IIIIIHH", 0, 0, 0, 1000, milliseconds, 0x55C4, 0)
    hdlr = struct.pack(">II4s12xx", 0, 0, b"soun")
    media = box(b"mdia", box(b"mdhd", mdhd), box(b"hdlr", hdlr), box(b"minf", box(b"smhd", bytes(8))))
    index = box(b"moov", box(b"mvhd", mvhd), box(b"trak", box(b"tkhd", tkhd), media))
    return box(b"ftyp", b"M4A \0\0\2\0isomM4A ") + box(b"mdat", bytes(media_bytes)) + index


def ogg(samples: int, rate: int = 48000) -> bytes:
    """A Vorbis stream: its first page says the rate, its last one how many samples there were."""
    identification = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 1, rate, 0, 80000, 0, 0xB8, 1)
    pages = ((2, 0, identification), (4, samples, bytes(200)))
    return b"".join(_ogg_page(flags, position, number, body) for number, (flags, position, body) in enumerate(pages))


def _ogg_page(flags: int, position: int, number: int, body: bytes) -> bytes:
    head = b"OggS" + struct.pack("<BBqIIIBB", 0, flags, position, 7, number, 0, 1, len(body))
    checksum = _ogg_checksum(head + body)
    return head[:22] + struct.pack("<I", checksum) + head[26:] + body


def _ogg_checksum(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


def geotiff(
    keys: Sequence[tuple[int, int]],
    *,
    scale: Sequence[float] = (),
    tie: Sequence[float] = (),
    matrix: Sequence[float] = (),
    **options: Any,
) -> bytes:
    """A TIFF with georeferencing tags, written by tifffile."""
    directory = [1, 1, 0, len(keys), *(number for key, value in keys for number in (key, 0, 1, value))]
    tags: list[Any] = [(34735, "H", len(directory), directory)]
    tags += [(33550, "d", len(scale), scale)] if scale else []
    tags += [(33922, "d", len(tie), tie)] if tie else []
    tags += [(34264, "d", len(matrix), matrix)] if matrix else []
    file = io.BytesIO()
    pixels = np.zeros((30, 20), np.uint8)
    tifffile.imwrite(file, pixels, extratags=[(*tag, True) for tag in tags], **options)
    return file.getvalue()
