"""Hostile content over the real server: refused by name, in bounded time, and nothing of it is kept."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache, partial

import grpc

from tests.storage.archive_files import deflated, office, raw_zip, zipped
from tests.storage.client import Refusal, Storage, refused
from tests.storage.conftest import Start
from tests.storage.media_files import box, image, wav

INVALID = grpc.StatusCode.INVALID_ARGUMENT
MIB = 1024 * 1024
ZEROS = bytes(66 * MIB)
PE = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(100)
ELF = b"\x7fELF\x02\x01\x01" + bytes(60)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


MISMATCHES = [
    ("image/png", PDF, "application/pdf"),
    ("image/png", PE, "application/vnd.microsoft.portable-executable"),
    ("image/jpeg", ELF, "application/x-elf"),
    ("image/png", b"just text", "text/plain"),
    ("image/png", b"\x89PNG damaged", "application/octet-stream"),
    ("application/pdf", zipped({"a": b"b"}), "application/zip"),
    ("application/zip", image("PNG"), "image/png"),
    ("application/json", image("PNG"), "image/png"),
    ("application/json", b"\xff\xfe\x00\x01", "application/octet-stream"),
    ("audio/wav", image("GIF"), "image/gif"),
    ("video/mp4", b"<html><body>no film</body></html>", "text/html"),
    ("image/svg+xml", b"alert(1)", "text/plain"),
]


async def test_a_content_of_another_kind_than_declared_is_refused(storage: Storage) -> None:
    for declared, content, detected in MISMATCHES:
        refusal = await refused(storage.upload(content, media_type=declared))
        assert refusal.said == (INVALID, "MEDIA_TYPE_MISMATCH")
        assert refusal.metadata == {"declared": declared, "detected": detected}
        assert list(refusal.fields) == ["media_type"]
    assert await nothing_kept(storage)


def png_of(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def tiff_of(*sizes: tuple[int, int]) -> bytes:
    """A TIFF of several pages, without pixels."""
    body = struct.pack("<2sHI", b"II", 42, 8)
    for number, (width, height) in enumerate(sizes, 1):
        following = 8 + 30 * number if number < len(sizes) else 0
        body += struct.pack("<HHHIIHHIII", 2, 256, 4, 1, width, 257, 4, 1, height, following)
    return body


def gif_of(screen: tuple[int, int], frame: tuple[int, int]) -> bytes:
    return (
        b"GIF89a" + struct.pack("<HHBBB", *screen, 0, 0, 0) + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\0;"
    )


def avif_of(width: int, height: int) -> bytes:
    properties = box(b"iprp", box(b"ipco", box(b"ispe", struct.pack(">III", 0, width, height))))
    return box(b"ftyp", b"avif\0\0\0\0avifmif1") + box(b"meta", bytes(4), properties)


TOO_LARGE = {
    "png": png_of(2**31 - 1, 2**31 - 1),
    "png of one row": png_of(2_000_000_000, 1),
    "jpeg": b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, 65_500, 65_500, 3) + bytes(20),
    "gif": b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b";",
    "gif with a frame beyond its screen": gif_of((1, 1), (65_535, 65_535)),
    "bmp": b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 100_000, -100_000, 1, 24) + bytes(24),
    "webp": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + b"\xff\xff\xff" * 2,
    "tiff": tiff_of((200_000, 200_000)),
    "tiff with a monstrous second page": tiff_of((10, 10), (200_000, 200_000)),
    "avif": avif_of(400_000, 400_000),
    "heic": avif_of(400_000, 400_000).replace(b"avif\0\0\0\0avif", b"heic\0\0\0\0heic"),
    "jpeg 2000": image("JPEG2000").replace(struct.pack(">II", 48, 64), struct.pack(">II", 900_000, 900_000)),
}


async def test_images_of_absurd_size_are_refused_before_a_pixel_is_decoded(storage: Storage) -> None:
    for name, content in TOO_LARGE.items():
        refusal = await refused(storage.upload(content))
        assert refusal.said == (INVALID, "IMAGE_TOO_LARGE"), name
        assert refusal.metadata["limit_pixels"] == "1000000000"
        assert int(refusal.metadata["width_px"]) >= 65_500
    assert await nothing_kept(storage)


async def test_limits_of_images_are_settings(start: Start) -> None:
    async with start(max_image_pixels=1000, max_image_side_px=40) as storage:
        assert (await storage.upload(image("PNG", (40, 25)))).raw.image_size.width_px == 40
        for size in ((41, 1), (40, 26)):
            assert (await refused(storage.upload(image("PNG", size)))).said == (INVALID, "IMAGE_TOO_LARGE")


@cache
def zeros() -> bytes:
    """66 MiB in 64 KiB."""
    return zipped({"zeros": ZEROS})


def nested(content: bytes, depth: int) -> bytes:
    for _ in range(depth):
        content = zipped({"inner.zip": content})
    return content


def quine_like() -> bytes:
    """Ten archives of ten archives of ten that unpack to a gigabyte in all, and no level is suspicious by itself."""
    content = zipped({"zeros": bytes(MIB)})
    for _ in range(3):
        content = zipped({f"{number}.zip": content for number in range(10)})
    return content


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "ratio": (zeros, "ratio"),
    "declared sizes": (lambda: raw_zip([(b"\x03\0", 2**33)] * 3), "bytes"),
    "overlap": (lambda: raw_zip([(deflated(bytes(1000)), 1000)] * 50, shared=True), "overlap"),
    "nested": (lambda: nested(zeros(), 1), "ratio"),
    "nested deep": (lambda: nested(b"small", 5), "depth"),
    "nested wide": (quine_like, "depth"),
    "entries": (lambda: raw_zip([(b"\x03\0", 0)] * 1001), "entries"),
    "office document": (lambda: zipped({"[Content_Types].xml": b"", "word/a": ZEROS}), "ratio"),
    "gzip": (lambda: gzip.compress(ZEROS), "ratio"),
    "bzip2": (lambda: bz2.compress(ZEROS), "ratio"),
    "xz": (lambda: lzma.compress(ZEROS, preset=0), "ratio"),
    "gzip in gzip": (lambda: gzip.compress(gzip.compress(ZEROS)), "ratio"),
    "gzip of many members": (lambda: gzip.compress(bytes(4 * MIB)) * 18, "ratio"),
}


async def test_bombs_are_refused_unopened(start: Start) -> None:
    async with start(max_archive_entries=1000) as storage:
        for name, (make, exceeds) in BOMBS.items():
            refusal = await refused(storage.upload(make()))
            assert refusal.said == (INVALID, "CONTENT_BOMB"), name
            assert refusal.metadata["exceeds"] == exceeds, name
        assert await nothing_kept(storage)


async def test_bombs_behind_an_innocent_beginning_are_refused(start: Start) -> None:
    content = random.Random(1).randbytes(300_000) + ZEROS
    async with start(max_archive_bytes=65 * MIB) as storage:
        for pack in (gzip.compress, partial(lzma.compress, preset=0)):
            refusal = await refused(storage.upload(pack(content)))
            assert (refusal.reason, refusal.metadata["exceeds"]) == ("CONTENT_BOMB", "bytes")
            assert (await storage.upload(pack(content[: 64 * MIB]))).raw.size_bytes > 300_000


async def test_a_bomb_is_one_whatever_it_is_called(storage: Storage) -> None:
    bomb = zeros()
    for declared in ("application/octet-stream", "application/x-secret", "application/java-archive"):
        refusal = await refused(storage.upload(bomb, media_type=declared))
        assert refusal.reason == "CONTENT_BOMB"


def cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def counts_wrongly() -> bytes:
    return raw_zip([(deflated(b"x"), 1)], count=7)


def lies_about_size() -> bytes:
    return raw_zip([(deflated(bytes(MIB)), 10)])


def lies_in_zip64() -> bytes:
    """The directory says "see the wide record", and there is none."""
    return raw_zip([(deflated(b"x"), 1)], count=0xFFFF)


def points_outside() -> bytes:
    content = bytearray(raw_zip([(deflated(b"x"), 1)]))
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 42, 10_000)
    return bytes(content)


DAMAGED: dict[str, Callable[[], bytes]] = {
    "zip without an end": lambda: cut(zipped({"a": b"hello" * 1000, "b": b"x"})),
    "zip header alone": lambda: b"PK\x03\x04" + bytes(30),
    "zip with a wrong count": counts_wrongly,
    "zip with a wrong size": lies_about_size,
    "zip64 that is none": lies_in_zip64,
    "zip that points outside": points_outside,
    "office document": lambda: cut(office("word")),
    "gzip": lambda: cut(gzip.compress(b"hello" * 100)),
    "gzip header alone": lambda: b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff\xff",
    "bzip2": lambda: cut(bz2.compress(b"hello" * 100)),
    "xz": lambda: cut(lzma.compress(b"hello" * 100)),
}


async def test_damaged_archives_are_refused(storage: Storage) -> None:
    for name, make in DAMAGED.items():
        refusal = await refused(storage.upload(make()))
        assert refusal.said == (INVALID, "INVALID_ARCHIVE"), name
        assert refusal.metadata["media_type"].startswith("application/")
    assert await nothing_kept(storage)


def zip64() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a", "w", force_zip64=True) as entry:
        entry.write(b"hello" * 1000)
    return file.getvalue()


HONEST: dict[str, Callable[[], bytes]] = {
    "zip": lambda: zipped({f"{number}.txt": b"hello" * number for number in range(300)}),
    "empty zip": lambda: zipped({}),
    "zip64": zip64,
    "zip with many files": lambda: zipped({f"{number:064}": b"" for number in range(12_000)}),
    "zip with a comment": lambda: zipped({"a": b"b"})[:-2] + b"\x05\0hello",
    "zip in zip": lambda: nested(b"PK is no archive", 2),
    "zip of zeros": lambda: zipped({"zeros": bytes(MIB)}),
    "large zip": lambda: zipped({f"{number}": random.Random(number).randbytes(300_000) for number in range(9)}),
    "gzip": lambda: gzip.compress(b"hello" * 1_000_000),
    "bzip2": lambda: bz2.compress(b"hello" * 1_000_000),
    "xz": lambda: lzma.compress(b"hello" * 1_000_000),
    "two gzip members": lambda: gzip.compress(b"one") + gzip.compress(b"two"),
    "padded gzip": lambda: gzip.compress(b"one") + bytes(512),
}


async def test_honest_archives_are_taken(storage: Storage) -> None:
    for make in HONEST.values():
        assert (await storage.upload(make())).raw.media_type.startswith("application/")


def with_chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG with another chunk after its header."""
    content = image("PNG")
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return content[:33] + chunk + content[33:]


async def test_what_bloats_when_parsed_is_never_parsed(storage: Storage) -> None:
    packed = zlib.compress(bytes(64 * MIB), 9)
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    svg = f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY l0 "ha">{laughs}]><svg xmlns="http://www.w3.org/2000/svg">&l11;</svg>'
    contents = [with_chunk(b"iCCP", b"p\0\0" + packed), with_chunk(b"zTXt", b"k\0\0" + packed), svg.encode()]
    found = [result.asset.raw for result in await storage.create(contents)]
    assert [it.media_type for it in found] == ["image/png", "image/png", "image/svg+xml"]
    assert [it.image_size.width_px for it in found] == [64, 64, 0]


async def test_directories_that_run_in_circles_come_to_an_end(storage: Storage) -> None:
    circle = struct.pack("<2sHIHHHIIHHIII", b"II", 42, 8, 2, 256, 4, 1, 10, 257, 4, 1, 20, 8)
    endless_jpeg = b"\xff\xd8" + b"\xff\xe0\0\2" * 100_000
    results = await storage.create([circle, endless_jpeg, overlapping_directories()])
    first, second, third = [result.asset.raw for result in results]
    assert (first.image_size.width_px, first.image_size.height_px) == (10, 20)
    assert (second.media_type, second.HasField("image_size")) == ("image/jpeg", False)
    assert (third.media_type, third.HasField("geo_reference")) == ("image/tiff", False)


def overlapping_directories() -> bytes:
    """900 directories of 4096 entries in the same bytes, each entry with 60,000 values: hours of work."""
    content = bytearray(struct.pack("<HHII", 33922, 1, 60_000, 8) * 45_000)[:500_000]
    content[:8] = struct.pack("<2sHI", b"II", 42, 8)
    for at in range(8, 8 + 900 * 14, 14):
        struct.pack_into("<H", content, at, 4096)
        struct.pack_into("<I", content, at + 2 + 4096 * 12, at + 14)
    return bytes(content)


async def test_one_hostile_item_of_a_batch_fails_alone(storage: Storage) -> None:
    contents = [b"text", zeros(), TOO_LARGE["png"], cut(gzip.compress(b"x" * 99)), wav(100), b"more"]
    results = await storage.create(contents)
    reasons = [Refusal(result.status).reason if result.status.code else "" for result in results]
    assert reasons == ["", "CONTENT_BOMB", "IMAGE_TOO_LARGE", "INVALID_ARCHIVE", "", ""]
    assert len(storage.files()) == 3
    assert results[4].asset.raw.duration_ms == 100


async def test_clean_contents_have_the_same_limits(storage: Storage) -> None:
    asset = await storage.upload(image("PNG"))
    bomb = TOO_LARGE["png"]
    (result,) = await storage.admit([(bomb, storage.signer.receipt(asset, bomb))])
    assert Refusal(result.status).said == (INVALID, "IMAGE_TOO_LARGE")
    (result,) = await storage.admit([(PE, storage.signer.receipt(asset, PE))])
    assert Refusal(result.status).said == (INVALID, "MEDIA_TYPE_MISMATCH")
    assert len(storage.files()) == 1


async def nothing_kept(storage: Storage) -> bool:
    """Whether the server lives and has nothing."""
    return await storage.listed() == [] and storage.files() == [] and storage.staged() == []
