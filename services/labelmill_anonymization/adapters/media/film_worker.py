"""What runs in a worker process for film: looking at its frames, one at a time, and writing them anew.

The film keeps its frames, their times and their size; it is encoded anew as H.264 and AAC in MP4 (VP8 and Opus in
WebM). Nothing else comes along: no tags, chapters, subtitles, pictures, data streams, nor a second film or sound track.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import av
import numpy as np

from labelmill_anonymization.adapters.media import film_frames, picture_worker
from labelmill_anonymization.adapters.media.film_sound import FilmSound
from labelmill_anonymization.adapters.media.picture_worker import PageCovers
from labelmill_anonymization.media import looking
from labelmill_anonymization.media.boxes import Size
from labelmill_anonymization.media.films import DEFAULT_TEXT_STEP
from labelmill_anonymization.media.ports import Covered, Look, MediaJob
from labelmill_anonymization.media.rules import Sound
from labelmill_anonymization.media.sightings import Sighting
from labelmill_anonymization.media.spans import Span
from labelmill_anonymization.media.words import Word

_WEBM = "video/webm"
_MP4 = "video/mp4"
_BITEXACT = 0x400  # FFmpeg's AVFMT_FLAG_BITEXACT
_CODECS = {
    _WEBM: ("webm", "libvpx", {"deadline": "realtime", "cpu-used": "5", "crf": "10", "b": "4M"}),
    _MP4: ("mp4", "libx264", {"preset": "veryfast", "crf": "18"}),
}


def look_at_film(job: MediaJob) -> Look:
    """See `FilmWorkers`."""
    tools = picture_worker.tools()
    step, text_step = job.rules.frame_step or 1, job.rules.frame_step or DEFAULT_TEXT_STEP
    sizes: list[Size] = []
    sightings: list[Sighting] = []
    words: list[Word] = []
    for index, picture in film_frames.pictures(job):
        sizes.append((picture.shape[1], picture.shape[0]))
        if index % step == 0:
            sightings += looking.seen(picture, index, job.rules, tools, is_photograph=True)
        if index % text_step == 0:
            words += looking.read(picture, index, job.rules, tools)
    versions = looking.versions(job.rules, tools, is_photograph=True)
    return Look(tuple(sizes), tuple(sightings), tuple(words), (), versions)


def cover_film(job: MediaJob, sightings: Sequence[Sighting], spans: Sequence[Span]) -> Covered:
    """See `FilmWorkers`."""
    covers = PageCovers(sightings, job.rules.cover)
    data, media_type, metadata = _written(job, covers, spans)
    again = _look_again(replace(job, data=data, media_type=media_type), covers)
    return Covered(data, media_type, metadata, again)


def _written(job: MediaJob, covers: PageCovers, spans: Sequence[Span]) -> tuple[bytes, str, int]:
    media_type = _WEBM if job.media_type == _WEBM else _MP4
    container, codec, options = _CODECS[media_type]
    out = io.BytesIO()
    with film_frames.opened(job) as source, av.open(out, "w", format=container) as sink:
        sink.flags = sink.flags | _BITEXACT  # no version, no time of writing
        film = source.streams.video[0]
        writer = _FrameWriter(sink, film, codec, options)
        audio = source.streams.audio[0] if source.streams.audio and job.rules.sound is not Sound.DROP else None
        sound = FilmSound(sink, audio, media_type == _WEBM, job.rules.sound, spans) if audio else None
        index = 0
        for packet in source.demux([film, audio] if audio else [film]):
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    film_frames.require_frame(frame, index, job)
                    picture = film_frames.upright(frame)
                    covers.apply(index, picture)
                    writer.write(picture, frame, index)
                    index += 1
                elif sound:
                    sound.take(frame)
                if sound and index:  # the first frame decides the film's size, which its head tells before any sound
                    sound.write()
        writer.close()
        if sound:
            sound.close()
        metadata = len(source.metadata) + sum(len(stream.metadata) for stream in source.streams)
    return out.getvalue(), media_type, metadata


class _FrameWriter:
    """Encodes frames with the times that they had."""

    def __init__(self, sink: Any, film: Any, codec: str, options: dict[str, str]) -> None:
        self._sink = sink
        self._film = film
        self._stream = sink.add_stream(codec, rate=film.average_rate or film.guessed_rate or 25, options=options)
        self._is_open = False

    def write(self, picture: Any, original: Any, index: int) -> None:
        """Encodes a frame; the first one decides the size."""
        height, width = picture.shape[:2]
        if not self._is_open:
            context = self._stream.codec_context
            context.width, context.height = width, height
            context.pix_fmt = "yuv420p" if width % 2 == height % 2 == 0 else "yuv444p"  # 4:2:0 halves both sides
            context.thread_count = 1
            context.time_base = self._film.time_base
            self._is_open = True
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.time_base = self._film.time_base
        frame.pts = original.pts if original.pts is not None else self._nominal(index)
        for packet in self._stream.encode(frame):
            self._sink.mux(packet)

    def close(self) -> None:
        """Encodes what is still on its way."""
        for packet in self._stream.encode(None):
            self._sink.mux(packet)

    def _nominal(self, index: int) -> int:
        return round(float(index / (self._film.average_rate or 25) / self._film.time_base))


def _look_again(job: MediaJob, covers: PageCovers) -> Look:
    tools = picture_worker.tools()
    text_step = job.rules.frame_step or DEFAULT_TEXT_STEP
    sizes: list[Size] = []
    sightings: list[Sighting] = []
    words: list[Word] = []
    for index, picture in film_frames.pictures(job):
        sizes.append((picture.shape[1], picture.shape[0]))
        covered = covers.by_page.get(index, [])
        sightings += looking.seen_again(picture, index, covered, job.rules, tools, is_photograph=True)
        if index % text_step == 0 and any(sighting.must_be_filled for sighting in covered):
            words += looking.read(picture, index, job.rules, tools)
    return Look(tuple(sizes), tuple(sightings), tuple(words), (), ())
