"""Damaged and hostile files: each is read or refused with an error of ours; nothing else ever comes out of a reader."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_anonymization.adapters.media import film_frames, sound_worker
from labelmill_anonymization.adapters.media.formats import pages
from labelmill_anonymization.media.jpeg import without_metadata
from labelmill_anonymization.media.ports import MediaJob
from labelmill_anonymization.media.rules import MediaRules, Sound
from labelmill_runtime.errors import InvalidArgument
from tests.anonymization.media_in_process import LIMITS
from tests.anonymization.media_samples import CANARY, decoded, encoded, film, page, recording
from tests.anonymization.test_media_dicom import file_of, grey, scan
from tests.anonymization.test_media_pdf import document

PICTURE = page("x", size=(64, 48))
FILES = {f"image/{name.lower()}": encoded(PICTURE, name) for name in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP")}
FILES["application/pdf"] = document("x")
FILES["application/dicom"] = file_of(scan(grey()[:32, :48]))
RECORDINGS = {"audio/wav": recording(0.1), "audio/flac": recording(0.1, file_format="FLAC")}
RECORDINGS["audio/mpeg"] = recording(0.1, file_format="MP3")

damages = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6)


def damaged(content: bytes, damage: list[tuple[float, int]], length: float) -> bytes:
    """Some bytes changed, the end cut off."""
    broken = bytearray(content[: max(1, round(len(content) * length))])
    for place, byte in damage:
        broken[int(place * len(broken))] = byte
    return bytes(broken)


def job(content: bytes, media_type: str) -> MediaJob:
    return MediaJob(content, media_type, MediaRules(sound=Sound.DROP), LIMITS)


@pytest.mark.filterwarnings("ignore")  # readers warn of what they repair
@pytest.mark.parametrize("media_type", FILES)
@given(damage=damages, length=st.sampled_from([1.0, 1.0, 0.9, 0.5]))
@settings(max_examples=40, deadline=None)
def test_damaged_pictures_and_documents(media_type: str, damage: list[tuple[float, int]], length: float) -> None:
    with suppress(InvalidArgument):
        content = pages(job(damaged(FILES[media_type], damage, length), media_type))
        for index in range(len(content.sizes)):
            assert content.page(index).shape[2] == 3


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("media_type", RECORDINGS)
@given(damage=damages, length=st.sampled_from([1.0, 1.0, 0.9, 0.5]))
@settings(max_examples=30, deadline=None)
def test_damaged_sound(media_type: str, damage: list[tuple[float, int]], length: float) -> None:
    with suppress(InvalidArgument):
        sound_worker.cover_sound(job(damaged(RECORDINGS[media_type], damage, length), media_type), [])


@given(damage=damages, length=st.sampled_from([1.0, 0.9, 0.5]))
@settings(max_examples=15, deadline=None)
def test_damaged_film(damage: list[tuple[float, int]], length: float) -> None:
    broken = job(damaged(_FILM, damage, length), "video/mp4")
    with suppress(InvalidArgument):
        film_frames.facts(broken)
        assert all(picture.shape[2] == 3 for _, picture in film_frames.pictures(broken))


_FILM = film([PICTURE] * 3)


@given(
    st.lists(st.tuples(st.sampled_from([*range(0xE0, 0xF0), 0xFE]), st.binary(min_size=8, max_size=300)), max_size=5)
)
def test_segments_of_any_kind_and_content_leave_a_jpeg_and_its_pixels_stay(segments: list[tuple[int, bytes]]) -> None:
    plain = FILES["image/jpeg"]
    added = b"".join(
        bytes([0xFF, marker]) + (len(body) + len(CANARY) + 2).to_bytes(2) + CANARY.encode() + body
        for marker, body in segments
    )
    clean = without_metadata(plain[:2] + added + plain[2:] + CANARY.encode())
    assert CANARY.encode() not in clean
    assert np.array_equal(decoded(clean), decoded(plain))
    assert clean == without_metadata(clean)


@given(st.binary(max_size=200))
def test_what_is_no_jpeg_is_a_value_error(content: bytes) -> None:
    for data in (content, b"\xff\xd8" + content):
        with suppress(ValueError):
            without_metadata(data)
