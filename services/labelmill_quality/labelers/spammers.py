"""Who answers without looking: several scores side by side, since no single one holds on every kind of data. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc

from labelmill_quality.agreement.contingency import ContingencyTables
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, percentile_interval
from labelmill_quality.labelers.reference import References
from labelmill_quality.labelers.reliability import NO_REFERENCES

Floats = npt.NDArray[np.float64]

SCORES = ("raykar_yu", "kappa_with_reference", "agreement_with_reference", "answer_entropy", "mutual_information")
RANKED = ("raykar_yu", "kappa_with_reference", "agreement_with_reference", "mutual_information")
ONE_CLASS = "all references are one class"
_PRIOR = 2.0
"""Pseudo-labels of each row of a confusion matrix, spread as the labeler's own answers: no evidence means a spammer."""


@dataclass(frozen=True)
class SpammerScores:
    """About one labeler; all but `answer_entropy` are 0 for answers that have nothing to do with the items."""

    raykar_yu: Estimate
    """How much the answers depend on the class: 0 a spammer, 1 perfect. Blind to systematic confusion, which can be
    undone; misled where the references themselves are bent by many spammers who say the same."""
    kappa_with_reference: Estimate
    """Cohen's kappa with the references: 0 a spammer, 1 perfect; below 0 somebody who turns answers around."""
    agreement_with_reference: Estimate
    """Share of answers equal to their reference; high for somebody who always says a class that is frequent."""
    answer_entropy: Estimate
    """Entropy of the answers over that of their references: 0 for one who always says the same; near 1 as it should be;
    above 1 for one who presses buttons at random. It alone proves nothing, as the items may be alike."""
    mutual_information: Estimate
    """Bits about the reference in an answer, over the bits there are; less what chance alone would show."""
    independence_p_value: float | None
    """How often answers that have nothing to do with the references would look as related as these (G test): above some
    0.05, the labeler may be a spammer or has answered too little to tell. None where nothing can be compared."""


def spammer_scores(
    references: References, *, replicates: int = 200, seed: int = 0, level: float = LEVEL
) -> list[SpammerScores]:
    """The scores of each labeler.

    With the labeler's confusion matrix A (rows of P(said | reference), each with two pseudo-labels spread as the
    labeler's own answers) of the K classes that occur as reference:

        Raykar and Yu: S = 1 / (K (K - 1))  sum_{c < c'} ||A_c - A_c'||²     (binary: (sensitivity + specificity - 1)²)

    (V. C. Raykar and S. Yu, Eliminating Spammers and Ranking Annotators, JMLR 13, 2012.) Mutual information is
    corrected by Miller and Madow's (r - 1)(s - 1) / 2n and not below 0. Intervals are percentiles over replicates that
    draw the labeler's answers again.

    Args:
        references: What the answers are compared with.
        replicates: Of the bootstrap.
        seed: Of the bootstrap.
        level: Of the intervals.
    """
    tables = references.tables
    generator = np.random.default_rng(seed % 2**64)
    missing = _undefined(level, replicates)
    found = [missing] * len(references.table.labelers)
    for number, labeler in enumerate(tables.keys):
        counts = _matrix(tables, number)
        drawn = generator.multinomial(int(counts.sum()), (counts / counts.sum()).ravel(), size=replicates)
        scores = _scores(np.concatenate([counts[None], drawn.reshape(-1, *counts.shape).astype(np.float64)]))
        found[int(labeler)] = _estimates(counts, scores, level, replicates)
    return found


def mean_ranks(scores: Sequence[SpammerScores]) -> Floats:
    """For each labeler, the mean of their ranks in RANKED, from 0 (the lowest in all) to 1.

    Ties share their ranks; a score that is undefined takes no part. NaN where none is defined, or there is nobody else.
    """
    columns = []
    for name in RANKED:
        values = np.array([np.nan if (value := getattr(each, name).value) is None else value for each in scores])
        known = np.isfinite(values)
        ranks = np.full(len(values), np.nan)
        if known.sum() > 1:
            ranks[known] = _places(values[known]) / (known.sum() - 1)
        columns.append(ranks)
    table = np.array(columns).reshape(len(RANKED), len(scores))
    counts = np.isfinite(table).sum(axis=0)
    return np.where(counts > 0, np.nansum(table, axis=0) / np.maximum(counts, 1), np.nan)


def _places(values: Floats) -> Floats:
    """How many values are smaller, and half of the other equal ones."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts + 1) / 2)[inverse])


def raykar_yu(confusions: Floats) -> Floats:
    """(...): S of (..., K, classes) matrices with rows of probabilities; NaN for K < 2."""
    size = confusions.shape[-2]
    if size < 2:
        return np.full(confusions.shape[:-2], np.nan)
    # sum over c < c' of ||a_c - a_c'||² = K sum_c ||a_c||² - ||sum_c a_c||²
    squares = (confusions**2).sum(axis=(-2, -1))
    together = (confusions.sum(axis=-2) ** 2).sum(axis=-1)
    return np.asarray(np.maximum(size * squares - together, 0) / (size * (size - 1)))


def _matrix(tables: ContingencyTables, number: int) -> Floats:
    """(reference classes that occur, classes said that occur, and those): counts, columns the union of both."""
    cells = slice(tables.starts[number], tables.starts[number + 1])
    first, second = tables.first_said[cells], tables.second_said[cells]
    classes = np.unique(np.concatenate([first, second]))
    matrix = np.zeros((len(classes), len(classes)))
    matrix[np.searchsorted(classes, first), np.searchsorted(classes, second)] = tables.counts[cells]
    return matrix


def _scores(counts: Floats) -> dict[str, Floats]:
    """The scores of (replicates, K, K) counts; NaN where a replicate leaves one undefined."""
    total = counts.sum(axis=(1, 2))
    asked, said = counts.sum(axis=2), counts.sum(axis=1)
    occurs = asked[0] > 0
    habit = said / total[:, None]
    rows = counts[:, occurs] + _PRIOR * habit[:, None, :]
    confusions = rows / rows.sum(axis=2, keepdims=True)
    agreed = np.trace(counts, axis1=1, axis2=2) / total
    expected = (asked * said).sum(axis=1) / total**2
    room = np.where(expected < 1 - 1e-12, 1 - expected, np.nan)
    reference_entropy, answer_entropy = _entropy(asked), _entropy(said)
    entropy = np.where(reference_entropy > 0, reference_entropy, np.nan)
    return {
        "raykar_yu": raykar_yu(confusions),
        "kappa_with_reference": (agreed - expected) / room,
        "agreement_with_reference": agreed,
        "answer_entropy": answer_entropy / entropy,
        "mutual_information": _information(counts) / entropy,
    }


def _entropy(counts: Floats) -> Floats:
    """Bits of the distributions that (..., classes) counts are."""
    shares = counts / counts.sum(axis=-1, keepdims=True)
    return np.asarray(-(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=-1))


def _information(counts: Floats) -> Floats:
    """Bits that the two answers of (replicates, K, K) counts tell of each other, less the bias of few answers."""
    asked, said = counts.sum(axis=2), counts.sum(axis=1)
    bits = _entropy(asked) + _entropy(said) - _entropy(counts.reshape(len(counts), -1))
    freedom = ((asked > 0).sum(axis=1) - 1) * ((said > 0).sum(axis=1) - 1)
    return np.asarray(np.maximum(bits - freedom / (2 * np.log(2) * counts.sum(axis=(1, 2))), 0))


def _estimates(counts: Floats, scores: dict[str, Floats], level: float, replicates: int) -> SpammerScores:
    interval, n = f"bootstrap_answers_{replicates}", int(counts.sum())
    estimates = {}
    for name in SCORES:
        value = float(scores[name][0])
        if not np.isfinite(value):
            estimates[name] = Estimate.undefined(ONE_CLASS, method=name, interval_method=interval, n=n, level=level)
            continue
        lower, upper = percentile_interval(value, scores[name][1:], level) if n > 1 else (None, None)
        estimates[name] = Estimate(value, lower, upper, level, name, interval, n)
    return SpammerScores(**estimates, independence_p_value=independence_p_value(counts))


def independence_p_value(counts: Floats) -> float | None:
    """G test of a table, with Williams' correction; 1 for answers that are all the same, None for such references.

    (R. R. Sokal and F. J. Rohlf, Biometry, 1995, section 17.4.)
    """
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    total, rows, columns = counts.sum(), counts.sum(axis=1), counts.sum(axis=0)
    if len(rows) < 2:
        return None
    freedom = (len(rows) - 1) * (len(columns) - 1)
    if freedom == 0:
        return 1.0
    expected = np.outer(rows, columns) / total
    statistic = 2 * (counts * np.log(np.where(counts > 0, counts, 1) / np.where(counts > 0, expected, 1))).sum()
    spread = ((total / rows).sum() - 1) * ((total / columns).sum() - 1)
    corrected = max(float(statistic / (1 + spread / (6 * total * freedom))), 0.0)
    return float(gammaincc(freedom / 2, corrected / 2))


def _undefined(level: float, replicates: int) -> SpammerScores:
    interval = f"bootstrap_answers_{replicates}"
    missing = {
        name: Estimate.undefined(NO_REFERENCES, method=name, interval_method=interval, level=level) for name in SCORES
    }
    return SpammerScores(**missing, independence_p_value=None)
