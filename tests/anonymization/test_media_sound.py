"""Sound: what the transcript gives away is covered, to the sample, and tags go."""

import io

import numpy as np
import pytest
import soundfile

from labelmill_anonymization.contents.content import SpokenWord
from labelmill_anonymization.errors import ContentMalformed
from labelmill_anonymization.media.errors import ContentTooLong, TranscriptRequired
from labelmill_anonymization.media.rules import Sound
from labelmill_anonymization.operators import Keep, Protection, Replace
from labelmill_anonymization.policy import Rule
from tests.anonymization.media_in_process import anonymized, policy
from tests.anonymization.media_samples import CANARY, recording, tone

RATE = 16_000
WORDS = (SpokenWord("hello", 0, 300), SpokenWord("NameJane", 500, 900), SpokenWord("bye", 1200, 1500))


def samples(content: bytes) -> np.ndarray:
    return np.asarray(soundfile.read(io.BytesIO(content), dtype="int16")[0])


@pytest.mark.parametrize(("file_format", "media_type"), [("WAV", "audio/wav"), ("FLAC", "audio/flac")])
@pytest.mark.parametrize("how", [Sound.BEEP, Sound.SILENCE])
async def test_a_name_is_covered_from_its_first_to_its_last_sample(
    file_format: str, media_type: str, how: Sound
) -> None:
    clean = await anonymized(recording(file_format=file_format), media_type, policy(sound=how), WORDS)
    before, after = tone(2.0, RATE), samples(clean.data)
    first, last = int(0.4 * RATE), int(1.0 * RATE)  # with 100 ms of padding
    assert np.array_equal(after[:first], before[:first])
    assert np.array_equal(after[last:], before[last:])
    inside = after[first:last].astype(float)
    if how is Sound.SILENCE:
        assert not inside.any()
    else:
        strongest = np.argmax(np.abs(np.fft.rfft(inside))) * RATE / len(inside)
        assert strongest == pytest.approx(1000, abs=5)
    assert [(r.entity_type, r.segment) for r in clean.regions] == [("PERSON", (400.0, 1000.0))]
    assert clean.protection is Protection.ANONYMIZED


async def test_a_name_of_several_words_is_covered_with_its_pauses() -> None:
    words = (SpokenWord("from", 0, 200), SpokenWord("PlaceNew", 500, 700), SpokenWord("x", 1500, 1600))
    clean = await anonymized(recording(), "audio/wav", policy(sound=Sound.SILENCE, sound_padding_ms=0), words)
    after = samples(clean.data)
    assert not after[int(0.5 * RATE) : int(0.7 * RATE)].any()
    assert np.array_equal(after[int(0.7 * RATE) :], tone(2.0, RATE)[int(0.7 * RATE) :])


@pytest.mark.parametrize(("file_format", "media_type", "given"), [
    ("OGG", "audio/ogg", "audio/ogg"),
    ("MP3", "audio/mpeg", "audio/flac"),
])  # fmt: skip
async def test_other_formats_keep_their_length(file_format: str, media_type: str, given: str) -> None:
    raw = recording(file_format=file_format)
    clean = await anonymized(raw, media_type, policy(sound=Sound.SILENCE), WORDS)
    assert clean.media_type == given
    after = samples(clean.data)
    assert abs(len(after) - 2 * RATE) < 0.1 * RATE
    assert np.abs(after[int(0.45 * RATE) : int(0.95 * RATE)]).max() < 50
    assert np.abs(after[int(1.2 * RATE) : int(1.8 * RATE)]).max() > 1000


async def test_without_a_transcript_sound_is_refused_dropped_or_kept() -> None:
    raw = recording()
    with pytest.raises(TranscriptRequired):
        await anonymized(raw, "audio/wav")
    dropped = await anonymized(raw, "audio/wav", policy(sound=Sound.DROP))
    assert len(samples(dropped.data)) == 2 * RATE
    assert not samples(dropped.data).any()
    kept = await anonymized(raw, "audio/wav", policy(sound=Sound.KEEP))
    assert np.array_equal(samples(kept.data), tone(2.0, RATE))
    assert kept.protection is Protection.DETECTED_ONLY


async def test_kept_types_stay_audible() -> None:
    kept = await anonymized(recording(), "audio/wav", policy(Rule("PERSON", Keep())), WORDS)
    assert np.array_equal(samples(kept.data), tone(2.0, RATE))
    assert kept.protection is Protection.DETECTED_ONLY
    other = await anonymized(recording(), "audio/wav", policy(Rule("LOCATION", Replace())), WORDS)
    assert other.entity_counts == ()


async def test_tags_are_dropped() -> None:
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", RATE, 1, format="WAV", subtype="PCM_16") as sink:
        sink.title = sink.artist = sink.comment = CANARY
        sink.write(tone(0.5, RATE))
    raw = out.getvalue()
    assert raw.count(CANARY.encode()) == 3
    clean = await anonymized(raw, "audio/wav", transcript=())
    assert CANARY.encode() not in clean.data
    assert dict(clean.entity_counts) == {"METADATA": 3}


async def test_what_cannot_be_read_is_refused() -> None:
    for broken in (b"", CANARY.encode() * 20, recording(file_format="FLAC")[:2000]):
        for media_type in ("audio/flac", "audio/aac"):
            with pytest.raises(ContentMalformed) as caught:
                await anonymized(broken, media_type, policy(sound=Sound.DROP))
            assert CANARY not in repr(caught.value)
    with pytest.raises(ContentTooLong):
        await anonymized(recording(21, 8000), "audio/wav", policy(sound=Sound.DROP))


@pytest.mark.parametrize("words", [
    (SpokenWord("a", 500, 400),),
    (SpokenWord("a", 500, 600), SpokenWord("b", 100, 200)),
])  # fmt: skip
async def test_a_transcript_out_of_order_is_refused(words: tuple[SpokenWord, ...]) -> None:
    with pytest.raises(ContentMalformed):
        await anonymized(recording(), "audio/wav", transcript=words)
