"""Spans of recordings: which are covered, found by their transcript, and what they sound like afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.contents.content import Region, SpokenWord
from labelmill_anonymization.errors import ContentMalformed
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.media.rules import Sound
from labelmill_anonymization.operators import Keep
from labelmill_anonymization.patience import patiently
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Anonymizer

_BEEP_HZ = 1000.0
_BEEP_LEVEL = 0.15
"""Of full scale: to be heard, and not to hurt."""


@dataclass(frozen=True, slots=True)
class Span:
    """A span of a recording that is covered, in milliseconds."""

    start_ms: float
    end_ms: float
    entity_type: str
    score: float

    @property
    def region(self) -> Region:
        """What the caller is told."""
        return Region(self.entity_type, self.score, "transcript", segment=(self.start_ms, self.end_ms))


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is to be covered of a recording, and the types of findings that the policy keeps."""

    covered: tuple[Span, ...]
    kept: tuple[str, ...]


async def search_transcript(
    words: Sequence[SpokenWord], policy: Policy, keys: ProjectKeys, anonymizer: Anonymizer
) -> Spoken:
    """Searches what is said. A finding covers all of its words, and what is between them.

    Raises:
        ContentMalformed: The words are not in order of time.
        LabelmillError: The text cannot be searched.
    """
    _require_order(words)
    if not words or not policy.wanted_types:
        return Spoken((), ())
    starts = np.cumsum([0, *(len(word.text) + 1 for word in words)])
    clean = await patiently(lambda: anonymizer.anonymize(" ".join(word.text for word in words), policy, keys))
    covered: list[Span] = []
    kept: list[str] = []
    padding = policy.media_rules.sound_padding_ms
    for applied in clean.findings:
        finding = applied.finding
        if applied.operator_name == Keep.name:
            kept.append(finding.entity_type)
            continue
        first, last = (
            int(np.searchsorted(starts, at, "right")) - 1 for at in (finding.start, max(finding.start, finding.end - 1))
        )
        start, end = words[first].start_ms - padding, words[last].end_ms + padding
        covered.append(Span(max(0.0, start), end, finding.entity_type, finding.score))
    return Spoken(tuple(covered), tuple(kept))


def cover_samples(samples: NDArray[Any], first: int, rate: int, spans: Iterable[Span], how: Sound) -> None:
    """Covers a block of a recording in place.

    Args:
        samples: Shape (samples, channels), integers or floats.
        first: The index of the block's first sample in the recording.
        rate: Samples a second.
        spans: What is covered.
        how: BEEP or SILENCE; DROP silences everything.
    """
    if how is Sound.DROP:
        samples[:] = 0
        return
    for span in spans:
        begin = max(0, int(np.floor(span.start_ms * rate / 1000)) - first)
        end = min(len(samples), int(np.ceil(span.end_ms * rate / 1000)) - first)
        if begin < end:
            samples[begin:end] = _tone(samples.dtype, first + begin, end - begin, rate) if how is Sound.BEEP else 0


def _tone(dtype: np.dtype[Any], first: int, count: int, rate: int) -> NDArray[Any]:
    full = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1.0
    wave = np.sin(2 * np.pi * _BEEP_HZ * np.arange(first, first + count) / rate) * (_BEEP_LEVEL * full)
    tone: NDArray[Any] = wave.astype(dtype)[:, None]
    return tone


def _require_order(words: Sequence[SpokenWord]) -> None:
    if any(word.end_ms < word.start_ms for word in words):
        raise ContentMalformed("a word of the transcript ends before it begins")
    if any(later.start_ms < earlier.start_ms for earlier, later in pairwise(words)):
        raise ContentMalformed("the words of the transcript are not in the order in which they are said")
