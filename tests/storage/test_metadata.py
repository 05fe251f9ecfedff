"""What contents say about themselves: types, sizes, EXIF, place, language, duration."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from labelmill.storage.v1 import resources_pb2
from labelmill_storage.adapters.probes.probing import Probes
from labelmill_storage.assets import NO_METADATA, Content, GeoReference
from labelmill_storage.contents.content import Inspection
from labelmill_storage.contents.describing import Describer
from labelmill_storage.contents.limits import Limits
from tests.storage.archive_files import office, zipped
from tests.storage.client import Storage
from tests.storage.media_files import exif, flac, geotiff, image, mp3, mp4, ogg, wav

GERMAN = "Wir haben gestern lange auf den Bus gewartet und sind dann doch zu Fuß gegangen."
FRENCH = "Nous avons attendu le bus pendant longtemps hier soir, puis nous sommes rentrés à pied."
ENGLISH = "We waited for the bus for a long time yesterday and then walked home after all."


Describe = Callable[[bytes], Awaitable[Content]]


@pytest.fixture
async def describe() -> AsyncIterator[Describe]:
    """Describes a content as the server does."""
    probes = Probes()
    describer = Describer(probes, Limits())

    async def described(content: bytes) -> Content:
        inspection = Inspection("", 1 << 40)
        for start in range(0, len(content), 100_000):
            inspection.update(content[start : start + 100_000])
        return await describer.describe(inspection)

    yield described
    await probes.close()


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("BMP", "image/bmp"),
        ("WEBP", "image/webp"),
        ("TIFF", "image/tiff"),
        ("AVIF", "image/avif"),
        ("JPEG2000", "image/jp2"),
    ],
)
async def test_images_of_every_kind_have_a_size(describe: Describe, kind: str, media_type: str) -> None:
    found = await describe(image(kind, (70, 50)))
    assert (found.media_type, found.image_size) == (media_type, (70, 50))
    assert found.metadata.geo_reference is None


async def test_heic_has_the_size_of_its_primary_image(describe: Describe) -> None:
    content = image("AVIF", (70, 50), exif=exif(place=True)).replace(b"ftypavif", b"ftypheic", 1)
    found = await describe(content)
    assert (found.media_type, found.image_size) == ("image/heic", (70, 50))
    assert (found.metadata.has_exif, found.metadata.has_gps) == (True, True)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
async def test_exif_and_place_are_told(describe: Describe, kind: str) -> None:
    contents = [image(kind), image(kind, exif=exif(place=False)), image(kind, exif=exif(place=True))]
    found = [(await describe(content)).metadata for content in contents]
    assert [(it.has_exif, it.has_gps) for it in found] == [(False, False), (True, False), (True, True)]


async def test_tiff_is_exif_itself(describe: Describe) -> None:
    plain, camera = image("TIFF"), exif(place=True).tobytes().removeprefix(b"Exif\0\0")
    found = [await describe(content) for content in (plain, camera)]
    assert [(it.media_type, it.metadata.has_exif, it.metadata.has_gps) for it in found] == [
        ("image/tiff", False, False),
        ("image/tiff", True, True),
    ]


async def test_a_place_that_cannot_be_read_counts_as_one(describe: Describe) -> None:
    content = bytearray(image("JPEG", exif=exif(place=True)))
    pointer = content.index(struct.pack(">HHI", 34853, 4, 1)) if b"MM" in content[:40] else 0
    pointer = pointer or content.index(struct.pack("<HHI", 34853, 4, 1))
    content[pointer + 8 : pointer + 12] = b"\x7f\x7f\x7f\x7f"
    assert (await describe(bytes(content))).metadata.has_gps is True


async def test_what_is_no_image_has_no_exif_fields(describe: Describe) -> None:
    found = await describe(b"text")
    assert found.metadata == NO_METADATA


async def test_large_png_with_exif_at_its_very_end(describe: Describe) -> None:
    small = image("PNG", exif=exif(place=True))
    start = small.index(b"eXIf") - 4
    chunk = small[start : start + 12 + struct.unpack_from(">I", small, start)[0]]
    without = small.replace(chunk, b"")
    filler = struct.pack(">I4s", 2_000_000, b"prVt") + bytes(2_000_004)
    moved = without[:33] + filler + without[33:-12] + chunk + without[-12:]
    found = await describe(moved)
    assert (found.image_size, found.metadata.has_exif, found.metadata.has_gps) == ((64, 48), True, True)


MEDIA = [
    (wav(1500), "audio/wav", 1500),
    (mp3(100), "audio/mpeg", 2606),  # 41,700 bytes at 128 kbit/s
    (flac(88_200), "audio/flac", 2000),
    (ogg(96_000), "audio/ogg", 2000),
    (mp4(2500), "audio/mp4", 2500),
    (mp4(90_000, 3_000_000), "audio/mp4", 90_000),  # its index is behind what was not kept
    (wav(120_000), "audio/wav", 120_000),
]


async def test_audio_and_video_have_a_duration(describe: Describe) -> None:
    found = [await describe(content) for content, *_ in MEDIA]
    told = [(it.media_type, it.metadata.duration_ms) for it in found]
    assert told == [(media_type, duration_ms) for _, media_type, duration_ms in MEDIA]


async def test_everything_comes_through_the_server(storage: Storage) -> None:
    georeferenced, crs, transform = GEOTIFFS["area"]
    contents = [image("JPEG", exif=exif(place=True)), georeferenced, ENGLISH.encode(), wav(1500)]
    photo, geo, text, sound = [result.asset.raw for result in await storage.create(contents)]
    assert (photo.has_exif, photo.has_gps, photo.image_size.width_px, photo.image_size.height_px) == (
        True,
        True,
        64,
        48,
    )
    assert geo.geo_reference == resources_pb2.GeoReference(crs=crs, transform=transform)
    assert (text.language, text.HasField("has_exif"), text.HasField("duration_ms")) == ("en", False, False)
    assert (sound.media_type, sound.duration_ms) == ("audio/wav", 1500)
    assert (await storage.upload(mp4(90_000, 3_000_000))).raw.duration_ms == 90_000


async def test_damaged_audio_is_taken_without_a_duration(describe: Describe) -> None:
    found = await describe(wav(1500)[:30])
    assert (found.media_type, found.metadata.duration_ms) == ("audio/wav", None)


GEOTIFFS = {
    # x = 500000 + 10 * column, y = 4600000 - 20 * row
    "area": (
        geotiff([(1024, 1), (1025, 1), (3072, 32633)], scale=(10, 20, 0), tie=(0, 0, 0, 500_000, 4_600_000, 0)),
        "EPSG:32633",
        (10, 0, 500_000, 0, -20, 4_600_000),
    ),
    # the tie point is two pixels to the right and three down: the origin is 20 to the left and 60 up
    "tie point elsewhere": (
        geotiff([(1024, 1), (1025, 1), (3072, 32633)], scale=(10, 20, 0), tie=(2, 3, 0, 500_000, 4_600_000, 0)),
        "EPSG:32633",
        (10, 0, 499_980, 0, -20, 4_600_060),
    ),
    # the tie point is the centre of the first pixel: its corner is half a pixel to the left and up
    "point": (
        geotiff([(1024, 2), (1025, 2), (2048, 4326)], scale=(0.5, 0.25, 0), tie=(0, 0, 0, 10, 50, 0)),
        "EPSG:4326",
        (0.5, 0, 9.75, 0, -0.25, 50.125),
    ),
    # turned: x = 2 * column + 1 * row + 100, y = 1 * column - 2 * row + 200, at corners and at centres
    "matrix": (
        geotiff([(1025, 1), (3072, 2056)], matrix=(2, 1, 0, 100, 1, -2, 0, 200, 0, 0, 0, 0, 0, 0, 0, 1)),
        "EPSG:2056",
        (2, 1, 100, 1, -2, 200),
    ),
    "matrix at centres, big and big-endian": (
        geotiff(
            [(1025, 2), (3072, 2056)],
            matrix=(2, 1, 0, 100, 1, -2, 0, 200, 0, 0, 0, 0, 0, 0, 0, 1),
            bigtiff=True,
            byteorder=">",
        ),
        "EPSG:2056",
        (2, 1, 98.5, 1, -2, 200.5),
    ),
    # a projection of its own, on a known geodetic system: no code describes the coordinates
    "user-defined": (
        geotiff([(1024, 1), (2048, 4326), (3072, 32767)], scale=(1, 1, 0), tie=(0, 0, 0, 7, 8, 0), bigtiff=True),
        "",
        (1, 0, 7, 0, -1, 8),
    ),
}


@pytest.mark.parametrize("name", GEOTIFFS)
async def test_geotiff_lies_where_its_tags_say(describe: Describe, name: str) -> None:
    content, crs, transform = GEOTIFFS[name]
    found = await describe(content)
    assert found.metadata.geo_reference == GeoReference(crs, transform)
    assert found.image_size == (20, 30)


async def test_tiff_without_an_affine_place_has_none(describe: Describe) -> None:
    endless = geotiff([(3072, 32633)], scale=(float("inf"), 1, 0), tie=(0, 0, 0, 1, 2, 0))
    keys_alone = geotiff([(3072, 32633)])
    for content in (endless, keys_alone):
        assert (await describe(content)).metadata.geo_reference is None


async def test_text_has_a_language_that_lists_can_be_filtered_by(on_both: Storage) -> None:
    texts = [GERMAN, FRENCH, ENGLISH, "42", "ja", "0x00ff 0x1234 0xdead 0xbeef 12345"]
    results = await on_both.create([text.encode() for text in texts])
    assert [result.asset.raw.language for result in results] == ["de", "fr", "en", "", "", ""]
    page = await on_both.list_assets(filter='language = "de" OR language = "en"')
    assert [asset.name for asset in page.assets] == [results[0].asset.name, results[2].asset.name]
    assert (await on_both.list_assets(filter='NOT language = "de"')).total_size == 5


async def test_markup_does_not_hide_the_language(describe: Describe) -> None:
    page = f'<!DOCTYPE html><html><body class="the of and to in is that"><p>{GERMAN}</p></body></html>'
    found = await describe(page.encode())
    assert (found.media_type, found.metadata.language, found.text_length) == ("text/html", "de", len(page))


async def test_clean_contents_are_described_too(storage: Storage) -> None:
    text = await storage.admit_one(await storage.upload(GERMAN.encode()), FRENCH.encode())
    assert (text.raw.language, text.clean.language) == ("de", "fr")
    photo = await storage.upload(image("JPEG", exif=exif(place=True)))
    cleaned = await storage.admit_one(photo, image("JPEG"))
    assert (cleaned.raw.has_gps, cleaned.clean.has_gps) == (True, False)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (office("word"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (office("xl"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (office("ppt"), "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        (zipped({"word/a.txt": b"no document"}), "application/zip"),
        (b"PAR1" + bytes(40) + b"PAR1", "application/vnd.apache.parquet"),
        (b"SQLite format 3\0" + bytes(100), "application/x-sqlite3"),
    ],
    ids=["docx", "xlsx", "pptx", "zip", "parquet", "sqlite"],
)
async def test_documents_and_rarer_formats_are_recognised(describe: Describe, content: bytes, media_type: str) -> None:
    assert (await describe(content)).media_type == media_type
