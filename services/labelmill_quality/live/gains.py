"""What one more label is worth. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from labelmill_quality.aggregation import dawid_skene
from labelmill_quality.live.judging import MAX_CLASSES
from labelmill_quality.live.state import Floats, LiveItem, LiveLabeler, grown, posteriors

_OPTIONS = dawid_skene.Options()


def average_confusion(labelers: Iterable[LiveLabeler], size: int) -> Floats:
    """(classes said, true classes): what an average labeler says; columns sum to 1."""
    counts = _OPTIONS.spread / size + _OPTIONS.diagonal * np.eye(size)
    for labeler in labelers if size <= MAX_CLASSES else ():
        counts = counts + grown(labeler.counts, size)
    shares: Floats = counts / counts.sum(axis=0)
    return shares


def label_gains(items: Sequence[LiveItem], confusion: Floats) -> list[float]:
    """By how much one more label is expected to raise the probability of the likeliest class.

    With the posterior p of an item and q(k | c) what an average labeler says:

        sum over k of  max over c of  p_c q(k | c)   -   max over c of p_c

    It is never below 0, and 0 where no single answer could change the likeliest class.
    """
    posterior = posteriors(items, len(confusion))
    after = (posterior[:, None, :] * confusion[None, :, :]).max(axis=2).sum(axis=1)
    gains: list[float] = np.maximum(after - posterior.max(axis=1), 0.0).tolist()
    return gains
