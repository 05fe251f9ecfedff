"""The sound track of a film, decoded, covered and encoded beside its frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import av
import numpy as np

from labelmill_anonymization.media.rules import Sound
from labelmill_anonymization.media.spans import Span, cover_samples

_OPUS_RATE = 48_000  # the only one that Opus takes of the usual ones
_FRAME = {"aac": 1024, "libopus": 960}


class FilmSound:
    """Writes one sound track. Spans count from where the film begins to play."""

    def __init__(self, sink: Any, source: Any, is_opus: bool, how: Sound, spans: Sequence[Span]) -> None:
        codec = "libopus" if is_opus else "aac"
        self._sink = sink
        self._how = how
        self._spans = () if how is Sound.KEEP else spans
        self._rate = _OPUS_RATE if is_opus else source.rate
        self._begin_s = max(0.0, (source.container.start_time or 0) / av.time_base)
        self._waiting: list[Any] = []
        self._next = 0
        """The sample that follows those seen so far, where a frame does not tell its time."""
        sample_format = "flt" if is_opus else "fltp"
        self._is_planar = not is_opus
        self._stream = sink.add_stream(codec, rate=self._rate, layout=source.layout)
        self._resampler = av.AudioResampler(
            format=sample_format, layout=source.layout, rate=self._rate, frame_size=_FRAME[codec]
        )

    def take(self, frame: Any) -> None:
        """Takes a decoded frame, which the next `write` encodes."""
        self._waiting += self._resampler.resample(frame)

    def write(self) -> None:
        """Encodes what was taken."""
        for part in self._waiting:
            self._encode(part)
        self._waiting.clear()

    def close(self) -> None:
        """Encodes what is still on its way."""
        self._waiting += self._resampler.resample(None)
        self.write()
        for packet in self._stream.encode(None):
            self._sink.mux(packet)

    def _encode(self, part: Any) -> None:
        told = part.pts is not None
        first = round((float(part.pts * part.time_base) - self._begin_s) * self._rate) if told else self._next
        self._next = first + part.samples
        channels = part.layout.nb_channels
        samples = part.to_ndarray().copy()
        columns = samples.T if self._is_planar else samples.reshape(-1, channels)
        cover_samples(columns, first, self._rate, self._spans, self._how)
        clean = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), format=part.format.name, layout=part.layout.name
        )
        clean.sample_rate, clean.pts, clean.time_base = self._rate, part.pts, part.time_base
        for packet in self._stream.encode(clean):
            self._sink.mux(packet)
