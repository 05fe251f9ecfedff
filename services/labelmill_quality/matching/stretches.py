"""Stretches of text and of time. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelmill_quality.matching.assignment import Floats
from labelmill_quality.matching.measures import Measures, StretchMeasure
from labelmill_quality.shapes.values import TextSpan, TimeSegment

Stretch = TextSpan | TimeSegment


def stretch_similarities(left: Sequence[Stretch], right: Sequence[Stretch], measures: Measures) -> Floats:
    """(left, right), in [0, 1]; segments of different channels have nothing in common."""
    first, second = _ends(left)[:, None, :], _ends(right)[None, :, :]
    same_channel = _channels(left)[:, None] == _channels(right)[None, :]
    match measures.stretch:
        case StretchMeasure.EXACT:
            alike = (first == second).all(axis=2).astype(np.float64)
        case StretchMeasure.BOUNDARY:
            alike = (np.abs(first - second) <= measures.boundary_tolerance).mean(axis=2)
        case StretchMeasure.IOU:
            shared = np.minimum(first[..., 1], second[..., 1]) - np.maximum(first[..., 0], second[..., 0])
            union = np.maximum(first[..., 1], second[..., 1]) - np.minimum(first[..., 0], second[..., 0])
            alike = np.clip(shared, 0, None) / union
    similar: Floats = np.where(same_channel, alike, 0.0)
    return similar


def _ends(stretches: Sequence[Stretch]) -> Floats:
    ends = [(s.start, s.end) if isinstance(s, TextSpan) else (s.start_ms, s.end_ms) for s in stretches]
    return np.array(ends, np.float64).reshape(-1, 2)


def _channels(stretches: Sequence[Stretch]) -> np.ndarray:
    channels = [-1 if isinstance(s, TextSpan) or s.channel is None else s.channel for s in stretches]
    return np.array(channels, np.int64)
