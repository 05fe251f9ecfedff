"""The frames of a film by PyAV (FFmpeg), upright, one after the other."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
import numpy as np

from labelmill_anonymization.adapters.media.reading import reading
from labelmill_anonymization.errors import ContentMalformed
from labelmill_anonymization.media.errors import ContentTooLong
from labelmill_anonymization.media.films import FilmFacts
from labelmill_anonymization.media.ports import MediaJob, Picture

BROKEN = "it is not a whole film of this type"
_QUARTER_TURN = 90


@contextmanager
def opened(job: MediaJob) -> Iterator[Any]:
    """The film as PyAV's container; what goes wrong inside is the content's fault."""
    with reading(BROKEN), av.open(io.BytesIO(job.data)) as source:
        if not source.streams.video:
            raise ContentMalformed("there is no film in it")
        for stream in source.streams.video:
            stream.codec_context.thread_count = 1  # one core a worker
        yield source


def facts(job: MediaJob) -> FilmFacts:
    """See `FilmWorkers.film_facts`."""
    with opened(job) as source:
        stream = source.streams.video[0]
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > job.limits.pixels:
            raise ContentTooLong("pixels", job.limits.pixels)
        seconds = float(source.duration or 0) / av.time_base
        if seconds > job.limits.seconds:
            raise ContentTooLong("seconds", job.limits.seconds)
        if stream.frames > job.limits.frames:
            raise ContentTooLong("frames", job.limits.frames)
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        return FilmFacts((width, height), seconds, rate, bool(source.streams.audio))


def pictures(job: MediaJob) -> Iterator[tuple[int, Picture]]:
    """Every frame with its number, as it is seen."""
    with opened(job) as source:
        for index, frame in enumerate(source.decode(source.streams.video[0])):
            require_frame(frame, index, job)
            yield index, upright(frame)


def upright(frame: Any) -> Picture:
    """A frame's pixels, turned as its film says."""
    pixels = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / _QUARTER_TURN) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def require_frame(frame: Any, index: int, job: MediaJob) -> None:
    """Refuses frames beyond the limits, which a head need not tell truly."""
    if index >= job.limits.frames:
        raise ContentTooLong("frames", job.limits.frames)
    if frame.width * frame.height > job.limits.pixels:
        raise ContentTooLong("pixels", job.limits.pixels)
