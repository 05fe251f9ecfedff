"""Whatever the bytes, describing them ends in a description or in one of the refusals that have a name."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import lzma
import random
from collections.abc import Sequence
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from labelmill_runtime.errors import InvalidArgument
from labelmill_storage.adapters.probes import probe_names, probe_text
from labelmill_storage.adapters.probes.probing import Probes
from labelmill_storage.assets import Content
from labelmill_storage.contents.content import Inspection
from labelmill_storage.contents.describing import Describer
from labelmill_storage.contents.limits import Limits
from labelmill_storage.contents.samples import Sample, sample
from labelmill_storage.contents.signatures import signature
from labelmill_storage.ports import Findings
from tests.storage.archive_files import deflated, office, raw_zip, zipped
from tests.storage.media_files import exif, flac, geotiff, image, mp3, mp4, ogg, wav

REFUSALS = {
    "MEDIA_TYPE_MISMATCH",
    "CONTENT_BOMB",
    "IMAGE_TOO_LARGE",
    "INVALID_ARCHIVE",
    "EMPTY_CONTENT",
    "INVALID_UTF8",
}
DECLARED = ("", "image/png", "text/plain", "application/zip", "image/tiff", "audio/mpeg", "application/json")


class KnowsNothing:
    """The guards alone."""

    async def probe(self, contents: Sequence[tuple[str, Sample]]) -> list[Findings]:
        return [Findings()] * len(contents)


@cache
def seeds() -> list[bytes]:
    """A small valid file of every kind."""
    kinds = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "JPEG2000", "ICO")
    with_place = [image(kind, exif=exif(place=True)) for kind in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF")]
    heic = with_place[-1].replace(b"ftypavif", b"ftypheic", 1)
    geo = [
        geotiff([(1025, 2), (3072, 32633)], scale=(1, 1, 0), tie=(0, 0, 0, 1, 1, 0), bigtiff=big)
        for big in (False, True)
    ]
    place = exif(place=True).tobytes().removeprefix(b"Exif\0\0")
    archives = [
        zipped({"a": b"hello" * 50, "b.zip": zipped({"c": b"d"})}),
        office("xl"),
        raw_zip([(deflated(b"x"), 2**40)]),
    ]
    streams = [pack(b"hello" * 500) for pack in (gzip.compress, bz2.compress, lzma.compress)]
    media = [wav(20), mp3(3), flac(100), ogg(100), mp4(100, 10)]
    return [*map(image, kinds), *with_place, heic, *geo, place, *archives, *streams, *media]


def mutated(source: random.Random) -> bytes:
    """A seed with some bytes changed, cut out, doubled or cut off."""
    content = bytearray(source.choice(seeds()))
    for _ in range(source.randint(1, 8)):
        at = source.randrange(len(content) + 1)
        match source.randrange(4):
            case 0:
                content[at : at + 1] = bytes([source.choice((0, 1, 0x7F, 0x80, 0xFF, source.randrange(256)))])
            case 1:
                content[at : at + 4] = source.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", source.randbytes(4)))
            case 2:
                del content[at : at + source.randrange(1, 40)]
            case _:
                content[at:at] = content[at : at + source.randrange(1, 200)]
    return bytes(content)


def describe(content: bytes, declared: str, limits: Limits) -> Content | str:
    """The description, or the reason of the refusal."""
    inspection = Inspection(declared, 1 << 40)
    try:
        inspection.update(content)
        return asyncio.run(Describer(KnowsNothing(), limits).describe(inspection))
    except InvalidArgument as refusal:
        return refusal.reason


def check(content: bytes, declared: str) -> None:
    found = describe(content, declared, Limits())
    if isinstance(found, str):
        assert found in REFUSALS
        return
    assert found.size_bytes == len(content)
    assert found.image_size is None or 1 <= min(found.image_size) <= max(found.image_size) <= 300_000
    geo = found.metadata.geo_reference
    assert geo is None or all(abs(value) < float("inf") for value in geo.transform)


@given(content=st.binary(max_size=400), declared=st.sampled_from(DECLARED))
def test_any_bytes_are_described_or_refused_by_name(content: bytes, declared: str) -> None:
    check(content, declared)


@given(start=st.sampled_from(range(27)), rest=st.binary(max_size=300), declared=st.sampled_from(DECLARED))
def test_any_bytes_after_a_real_beginning_are_described_or_refused(start: int, rest: bytes, declared: str) -> None:
    seed = seeds()[start % len(seeds())]
    check(seed[: len(rest) % 60 + 4] + rest, declared)


@given(seed=st.integers(0, 2**32))
def test_damaged_files_are_described_or_refused_by_name(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(20):
        check(mutated(source), source.choice(DECLARED))


@given(content=st.binary(min_size=1, max_size=400))
def test_names_and_languages_are_told_of_anything(content: bytes) -> None:
    assert probe_text.language("text/html", content) in {"", *probe_text.identifier().labels}
    name = probe_names.media_type(content, b"")
    assert name == "" or (name == name.lower() and "/" in name)


async def test_libraries_bear_damaged_files() -> None:
    source, probes = random.Random(5), Probes()
    contents = [("image/x-any", sample(mutated(source))) for _ in range(125)]
    contents += [("audio/x-any", sample(mutated(source))) for _ in range(125)]
    try:
        found = await probes.probe(contents)
    finally:
        await probes.close()
    assert len(found) == len(contents)
    assert any(it.duration_ms for it in found)
    assert any(it.image_size for it in found)


@given(content=st.binary(max_size=2000), cuts=st.lists(st.integers(0, 2000), max_size=5))
def test_a_sample_of_a_short_content_is_all_of_it(content: bytes, cuts: list[int]) -> None:
    whole = sample(content)
    assert whole.head + whole.tail == content
    for offset in cuts:
        assert whole.at(offset, 7) == content[offset : offset + 7]


def test_seeds_are_what_they_are_meant_to_be() -> None:
    assert len({signature(sample(seed)) for seed in seeds()}) >= 18
