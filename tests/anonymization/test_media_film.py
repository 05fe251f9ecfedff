"""Film: no single frame shows what its neighbours hide, and nothing but frames and covered sound comes along."""

import io
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from labelmill_anonymization.adapters.media import picture_worker
from labelmill_anonymization.adapters.media.centerface import CenterFace
from labelmill_anonymization.contents.content import SpokenWord
from labelmill_anonymization.errors import ContentMalformed
from labelmill_anonymization.media.boxes import Box
from labelmill_anonymization.media.errors import ContentTooLong, CoverFailed, TranscriptRequired
from labelmill_anonymization.media.rules import Sound
from labelmill_anonymization.media.sightings import Sighting
from labelmill_anonymization.operators import Protection
from tests.anonymization.media_in_process import anonymized, policy
from tests.anonymization.media_samples import CANARY, film, film_frames, page, tone, walk

MP4 = "video/mp4"
FACES_ONLY = {"keep_text": True, "keep_license_plates": True, "keep_codes": True}
WORDS = (SpokenWord("NameJane", 500, 900),)


def face_area(index: int) -> tuple[slice, slice]:
    """Where the face of `walk` is: eyes to mouth."""
    left = 10 + 5 * index
    return slice(85, 145), slice(left + 35, left + 70)


class Forgetful:
    """CenterFace that sees nothing in some frames, as a detector does when somebody turns or the picture is blurred."""

    version = "forgetful 1"

    def __init__(self, blind: set[int]) -> None:
        self._faces, self._blind, self._next = CenterFace(), blind, 0

    def find(self, picture: Any, threshold: float) -> list[Sighting]:
        index, self._next = self._next, self._next + 1
        return [] if index in self._blind else self._faces.find(picture, threshold)


async def test_faces_are_covered_in_every_frame_and_those_that_the_detector_misses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(vars(picture_worker.tools()), "faces", Forgetful(blind={0, 1, 6, 7, 8, 18, 19}))
    clean = await anonymized(film(walk()), MP4, policy(**FACES_ONLY))
    frames = film_frames(clean.data)
    assert len(frames) == 20
    assert {region.page for region in clean.regions} == set(range(20))
    for index, frame in enumerate(frames):
        assert frame[face_area(index)].max() < 40, index
        assert CenterFace().find(frame, 0) == []
    assert dict(clean.entity_counts)["FACE"] == 1  # one person, not twenty
    assert clean.protection is Protection.ANONYMIZED


async def test_searching_every_few_frames_covers_those_between() -> None:
    clean = await anonymized(film(walk()), MP4, policy(frame_step=4, **FACES_ONLY))
    for index, frame in enumerate(film_frames(clean.data)):
        assert frame[face_area(index)].max() < 40, index


async def test_names_in_the_picture_are_covered_and_the_rest_stays() -> None:
    clean = await anonymized(film(walk(10)), MP4, policy(keep_faces=True, keep_license_plates=True))
    before, after = film_frames(film(walk(10))), film_frames(clean.data)
    assert [region.entity_type for region in clean.regions if region.page == 3] == ["PERSON"]
    for old, new in zip(before, after, strict=True):
        assert new[205:225, 95:200].max() < 60
        assert np.abs(old[:180].astype(int) - new[:180]).mean() < 4


@pytest.mark.parametrize(("container", "codec", "media_type", "given"), [
    ("mp4", "libx264", "video/mp4", "video/mp4"),
    ("webm", "libvpx", "video/webm", "video/webm"),
    ("matroska", "mpeg4", "video/x-matroska", "video/mp4"),
    ("mov", "mpeg4", "video/quicktime", "video/mp4"),
])  # fmt: skip
async def test_frames_times_and_size_stay_in_every_format(
    container: str, codec: str, media_type: str, given: str
) -> None:
    raw = film(walk(8), container=container, codec=codec)
    clean = await anonymized(raw, media_type, policy(**FACES_ONLY))
    assert clean.media_type == given
    assert CANARY.encode() not in clean.data
    assert times(clean.data) == pytest.approx(times(raw), abs=0.002)
    assert film_frames(clean.data)[0].shape == (240, 320, 3)
    assert dict(clean.entity_counts)["METADATA"] >= 1


def times(content: bytes) -> list[float]:
    with av.open(io.BytesIO(content)) as source:
        return [float(frame.time or 0) for frame in source.decode(video=0)]


async def test_odd_sizes_stay() -> None:
    frames = [frame.resize((321, 241)) for frame in walk(3)]
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as sink:
        video = sink.add_stream("ffv1", rate=10)
        video.width, video.height, video.pix_fmt = 321, 241, "yuv444p"
        for frame in (*frames, None):
            picture = None if frame is None else av.VideoFrame.from_ndarray(np.asarray(frame), format="rgb24")
            for packet in video.encode(picture):
                sink.mux(packet)
    clean = await anonymized(out.getvalue(), "video/x-matroska", policy(**FACES_ONLY))
    assert {frame.shape for frame in film_frames(clean.data)} == {(241, 321, 3)}


async def test_sound_follows_the_transcript() -> None:
    raw = film(walk(20), sound=True)
    with pytest.raises(TranscriptRequired):
        await anonymized(raw, MP4, policy(**FACES_ONLY))
    clean = await anonymized(raw, MP4, policy(sound=Sound.SILENCE, **FACES_ONLY), WORDS)
    assert (400.0, 1000.0) in [region.segment for region in clean.regions]
    heard = sound_of(clean.data)
    assert np.abs(heard[int(0.5 * 48_000) : int(0.9 * 48_000)]).max() < 0.01
    assert np.abs(heard[int(1.2 * 48_000) : int(1.8 * 48_000)]).max() > 0.5 * np.abs(tone(1, 48_000)).max() / 32768


async def test_spans_count_from_where_a_film_begins_to_play() -> None:
    raw = film(walk(20), sound=True, container="mpegts")  # its clock does not begin at 0
    with av.open(io.BytesIO(raw)) as source:
        assert (source.start_time or 0) > 100_000  # microseconds
    clean = await anonymized(raw, "video/mp2t", policy(sound=Sound.SILENCE, **FACES_ONLY), WORDS)
    heard = sound_of(clean.data)
    assert np.abs(heard[int(0.5 * 48_000) : int(0.9 * 48_000)]).max() < 0.01
    assert np.abs(heard[int(1.2 * 48_000) : int(1.8 * 48_000)]).max() > 0.05


async def test_sound_is_dropped_or_kept_as_the_policy_says() -> None:
    raw = film(walk(5), sound=True)
    dropped = await anonymized(raw, MP4, policy(sound=Sound.DROP, **FACES_ONLY))
    with av.open(io.BytesIO(dropped.data)) as source:
        assert not source.streams.audio
    kept = await anonymized(raw, MP4, policy(sound=Sound.KEEP, **FACES_ONLY))
    assert np.abs(sound_of(kept.data)).max() > 0.05
    assert kept.protection is Protection.DETECTED_ONLY


def sound_of(content: bytes) -> Any:
    with av.open(io.BytesIO(content)) as source:
        return np.concatenate([frame.to_ndarray()[0] for frame in source.decode(audio=0)])


class Stubborn:
    """Sees a face in every picture, each time elsewhere."""

    version = "stubborn 1"
    calls = 0

    def find(self, picture: Any, threshold: float) -> list[Sighting]:
        Stubborn.calls += 1
        left = 37 * Stubborn.calls % 280
        return [Sighting("FACE", Box(left, 10, left + 20, 30), 0.9, "Stubborn")]


async def test_a_film_in_which_something_is_still_found_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(picture_worker.tools()), "faces", Stubborn())
    with pytest.raises(CoverFailed):
        await anonymized(film(walk(4)), MP4, policy(max_passes=1, **FACES_ONLY))


async def test_what_cannot_be_read_or_is_too_long_is_refused() -> None:
    whole = film([page("x", size=(320, 240))] * 5)
    for broken in (b"", CANARY.encode() * 20, whole[:1000]):
        with pytest.raises(ContentMalformed) as caught:
            await anonymized(broken, MP4)
        assert CANARY not in repr(caught.value)
    with pytest.raises(ContentTooLong):
        await anonymized(film([Image.new("RGB", (32, 32))] * 51), MP4)
