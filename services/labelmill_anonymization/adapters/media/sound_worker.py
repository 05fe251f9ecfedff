"""What runs in a worker process for sound: WAV, FLAC and Ogg by libsndfile, everything else by FFmpeg into FLAC.

Samples outside of covered spans stay exactly as they are where the format has no loss. Nothing of a file but its
samples is written: no tags, no pictures, no cue points.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from labelmill_anonymization.adapters.media.reading import reading
from labelmill_anonymization.errors import ContentMalformed
from labelmill_anonymization.media.errors import ContentTooLong
from labelmill_anonymization.media.ports import MediaJob
from labelmill_anonymization.media.rules import Sound
from labelmill_anonymization.media.sounds import CoveredSound
from labelmill_anonymization.media.spans import Span, cover_samples

FLAC = "audio/flac"

_SNDFILE = {
    **dict.fromkeys(("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"), ("WAV", "WAVEX", "RF64")),
    **dict.fromkeys(("audio/flac", "audio/x-flac"), ("FLAC",)),
    **dict.fromkeys(("audio/ogg", "audio/vorbis", "audio/opus"), ("OGG",)),
}
_SAMPLES = {"PCM_16": "int16", "PCM_24": "int32", "PCM_32": "int32", "PCM_S8": "int16", "PCM_U8": "int16"}
_BLOCK = 1 << 16
_BROKEN = "it is not a whole recording of this type"


def cover_sound(job: MediaJob, spans: Sequence[Span]) -> CoveredSound:
    """See `SoundWorkers`."""
    formats = _SNDFILE.get(job.media_type)
    return _by_sndfile(job, spans, formats) if formats else _by_ffmpeg(job, spans)


def _by_sndfile(job: MediaJob, spans: Sequence[Span], formats: tuple[str, ...]) -> CoveredSound:
    out = io.BytesIO()
    with reading(_BROKEN), soundfile.SoundFile(io.BytesIO(job.data)) as source:
        if source.format not in formats:
            raise ContentMalformed(_BROKEN)
        _require_length(source.frames / source.samplerate, job)
        metadata = len(source.copy_metadata())
        dtype = _SAMPLES.get(source.subtype, "float64")
        blocks = source.blocks(_BLOCK, dtype=dtype, always_2d=True)
        _write(out, blocks, source.samplerate, source.channels, (source.format, source.subtype), spans, job.rules.sound)
        if source.tell() != source.frames:
            raise ContentMalformed(_BROKEN)
    return CoveredSound(out.getvalue(), job.media_type, metadata)


def _by_ffmpeg(job: MediaJob, spans: Sequence[Span]) -> CoveredSound:
    out = io.BytesIO()
    with reading(_BROKEN), av.open(io.BytesIO(job.data), "r") as source:
        stream = source.streams.audio[0]
        _require_length((source.duration or 0) / av.time_base, job)
        metadata = len(source.metadata) + sum(len(each.metadata) for each in source.streams)
        rate, channels = stream.rate, stream.channels
        blocks = _decoded(source, stream, channels, job)
        _write(out, blocks, rate, channels, ("FLAC", "PCM_16"), spans, job.rules.sound)
    return CoveredSound(out.getvalue(), FLAC, metadata)


def _decoded(source: Any, stream: Any, channels: int, job: MediaJob) -> Iterator[NDArray[np.int16]]:
    """Blocks of shape (samples, channels)."""
    resampler = av.AudioResampler(format="s16", layout=stream.layout, rate=stream.rate)
    seconds = 0.0
    for frame in (*source.decode(stream), None):
        for part in resampler.resample(frame):
            seconds += part.samples / stream.rate
            _require_length(seconds, job)
            yield part.to_ndarray().reshape(-1, channels).astype(np.int16, copy=False)


def _write(
    out: io.BytesIO,
    blocks: Iterator[NDArray[Any]],
    rate: int,
    channels: int,
    kind: tuple[str, str],
    spans: Sequence[Span],
    how: Sound,
) -> None:
    with soundfile.SoundFile(out, "w", rate, channels, format=kind[0], subtype=kind[1]) as sink:
        first = 0
        for block in blocks:
            samples = block.copy()
            cover_samples(samples, first, rate, spans, how)
            sink.write(samples)
            first += len(samples)


def _require_length(seconds: float, job: MediaJob) -> None:
    if seconds > job.limits.seconds:
        raise ContentTooLong("seconds", job.limits.seconds)
