"""How well labelers agree on each class, how hard it is, what it is taken for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.agreement.krippendorff import Metric, krippendorff_alpha
from labelmill_quality.agreement.patterns import patterns_of_table
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, percentile_interval, proportion
from labelmill_quality.labels import LabelTable

Floats = npt.NDArray[np.float64]

NO_LABELS = "no label about an item of this class can be compared"
_REPLICATES = 200


def class_alphas(table: LabelTable, *, replicates: int = 1000, seed: int = 0) -> list[Estimate]:
    """For each class, nominal alpha of "this class or any other"."""
    return [
        krippendorff_alpha(patterns, Metric.NOMINAL, replicates=replicates, seed=seed)
        for patterns in patterns_of_table(table).each_against_rest()
    ]


@dataclass(frozen=True)
class ClassDifficulty:
    """How hard a class is."""

    recall: Estimate
    """Share of the labels about its items that say it."""
    precision: Estimate
    """Share of the labels that say it whose items are it."""
    confusion_entropy: Estimate
    """Bits of uncertainty about what is said of its items: 0 where all say the same."""


@dataclass(frozen=True)
class Confused:
    """Two classes that are taken for each other."""

    first: int
    second: int
    count: int
    """Labels that say one about items of the other, both ways."""
    first_as_second: Estimate
    """Share of the labels about items of the first that say the second."""
    second_as_first: Estimate
    """The other way."""


def class_difficulties(confusion: Floats, *, seed: int = 0, level: float = LEVEL) -> list[ClassDifficulty]:
    """For each class, from (reference classes, classes said) counts of all labelers.

    Recall and precision have Wilson's interval; entropy has percentiles over replicates that draw the labels again.
    """
    generator = np.random.default_rng(seed % 2**64)
    return [
        ClassDifficulty(
            proportion(int(row[code]), int(row.sum()), "class_recall", NO_LABELS, level),
            proportion(int(row[code]), int(confusion[:, code].sum()), "class_precision", NO_LABELS, level),
            _entropy(row, generator, level),
        )
        for code, row in enumerate(confusion)
    ]


def most_confused(confusion: Floats, count: int) -> Sequence[Confused]:
    """The pairs of classes that are taken for each other, those with most such labels first.

    Args:
        confusion: (reference classes, classes said) counts.
        count: Pairs at most.
    """
    both = np.triu(confusion + confusion.T, k=1)
    first, second = np.nonzero(both)
    order = np.lexsort((second, first, -both[first, second]))[:count]
    totals = confusion.sum(axis=1)

    def share(row: int, column: int) -> Estimate:
        return proportion(int(confusion[row, column]), int(totals[row]), "confusion_share", NO_LABELS)

    return [
        Confused(a, b, int(both[a, b]), share(a, b), share(b, a))
        for a, b in zip(first[order].tolist(), second[order].tolist(), strict=True)
    ]


def _entropy(counts: Floats, generator: np.random.Generator, level: float) -> Estimate:
    method, interval, n = "confusion_entropy", f"bootstrap_answers_{_REPLICATES}", int(counts.sum())
    if not n:
        return Estimate.undefined(NO_LABELS, method=method, interval_method=interval, level=level)
    said = counts[counts > 0]
    value = float(_bits(said[None, :])[0])
    if n < 2:
        return Estimate(value, None, None, level, method, interval, n)
    drawn = generator.multinomial(n, said / n, size=_REPLICATES).astype(np.float64)
    lower, upper = percentile_interval(value, _bits(drawn), level)
    return Estimate(value, lower, upper, level, method, interval, n)


def _bits(counts: npt.NDArray[np.float64]) -> Floats:
    shares = counts / counts.sum(axis=1, keepdims=True)
    return np.asarray(np.maximum(-(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1), 0))
