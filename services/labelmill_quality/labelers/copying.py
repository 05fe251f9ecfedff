"""Labelers who agree more than what they know explains: copies, shared accounts, answers agreed upon. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc, ndtr

from labelmill_quality.aggregation.consensus import TIE_TOLERANCE
from labelmill_quality.agreement.pairs import PairRows, labelers_of, pair_keys, pair_rows
from labelmill_quality.labelers.reference import References
from labelmill_quality.labels import LabelTable

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_COPIED = 0.5
"""Share of copied answers in the alternative: it gives shared errors their weight, and decides nothing else."""
_PRIOR = 2.0
"""Pseudo-labels of each row of a confusion matrix, half of them on the diagonal."""
_ITEM_PAIRS = 3.0
"""Pairs of other labels that an item must have for its own agreement to count as much as the model's."""
_MIN_NULL_PAIRS = 20
_CHANCE_LIMITS = (0.01, 0.99)
"""Nothing is so certain that a single label could prove a copy."""
_CHUNK_CELLS = 4_000_000


@dataclass(frozen=True)
class Similarities:
    """Pairs of labelers with enough shared items; columns, the most suspicious first."""

    first: Counts
    """Labeler codes."""
    second: Counts
    items: Counts
    """Shared."""
    agreed: Counts
    """Shared items with equal answers."""
    expected_agreed: Floats
    """What the labelers' reliabilities and the items' difficulty explain."""
    shared_errors: Counts
    """Items about which both said the same, and it was not what the others say."""
    expected_shared_errors: Floats
    z: Floats
    """How far the weighted agreement exceeds its expectation, in standard deviations of the pairs."""
    p_values: Floats
    """One-sided: as large an excess, if nobody copied."""
    q_values: Floats
    """Share of false alarms among all pairs that are at least as suspicious (Benjamini and Hochberg)."""
    tested: int
    """How many pairs that is."""


def similarities(references: References, minimum_items: int = 10) -> Similarities:
    """Compares every two labelers with at least so many shared items.

    For labels x of a and y of b about item i, the others' labels give a posterior T_i of the true class (without both,
    by naive Bayes with every labeler's confusion matrix), and a's label one of what b will say:

        p_i = sum_c T_i(c) A_a(c, x) A_b(c, x) / sum_c T_i(c) A_a(c, x)

    Hard items make honest labelers err alike: p_i is moved by how much more the item's other pairs of labels agree
    than the same model expects, shrunk where they are few. The statistic is the log-likelihood ratio of "b copied half
    of the answers": an equal answer counts log((1 + p_i) / 2 p_i) + log 2, so a shared rare error counts most. It is
    judged by its mean, variance and skewness (a Pearson III tail), each of the two taken as the one who copies, the
    less suspicious of the two results counting; and, from 20 pairs on, in units of what most pairs show, if that is
    more than the model's (an empirical null: B. Efron, JASA 99, 2004).

    Args:
        references: The labels, and what each is compared with.
        minimum_items: Shared items that a pair needs.
    """
    table = references.table
    rows = pair_rows(table)
    keys = pair_keys(table, rows)
    names, pair, items = np.unique(keys, return_inverse=True, return_counts=True)
    chance = _chances(references, rows)
    equal = table.class_codes[rows.first] == table.class_codes[rows.second]
    sums = _Sums(pair, len(names))
    one, other = _excess(sums, chance.second, equal), _excess(sums, chance.first, equal)
    kept = items >= minimum_items
    z, skewness = (np.where(one[0] <= other[0], one[k], other[k])[kept] for k in range(2))
    z = _standardised(z)
    p_values = _upper_tail(z, skewness)
    order = np.lexsort((names[kept], -z))
    first, second = labelers_of(names[kept][order].astype(np.int64), table)
    return Similarities(
        first,
        second,
        items[kept][order].astype(np.int64),
        sums(equal)[kept][order].astype(np.int64),
        sums((chance.second + chance.first) / 2)[kept][order],
        sums(equal & chance.first_errs)[kept][order].astype(np.int64),
        sums((chance.second * chance.first_errs + chance.first * chance.second_errs) / 2)[kept][order],
        z[order],
        p_values[order],
        false_discovery_rates(p_values)[order],
        int(kept.sum()),
    )


def false_discovery_rates(p_values: Floats) -> Floats:
    """Benjamini and Hochberg's adjusted p-values (JRSS B 57, 1995)."""
    count = len(p_values)
    order = np.argsort(p_values)
    scaled = p_values[order] * count / np.arange(1, count + 1)
    adjusted = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    rates = np.empty(count)
    rates[order] = adjusted
    return rates


@dataclass(frozen=True)
class _Sums:
    pair: Counts
    size: int

    def __call__(self, values: npt.NDArray[np.generic]) -> Floats:
        return np.bincount(self.pair, values.astype(np.float64), minlength=self.size).astype(np.float64, copy=False)


def _confusions(references: References) -> Floats:
    """(labelers, classes, classes said): smoothed towards all labelers' confusion, that towards the diagonal."""
    counts = references.counts
    size = counts.shape[-1]
    together = counts.sum(axis=0) + 1.0 / size + np.eye(size)
    habit = together / together.sum(axis=1, keepdims=True)
    rows = counts + _PRIOR * habit
    return np.asarray(rows / rows.sum(axis=2, keepdims=True))


@dataclass(frozen=True)
class _Chances:
    """(pairs of labels) columns."""

    second: Floats
    """p_i, the second label being the copy."""
    first: Floats
    """p_i, the first being it."""
    first_errs: npt.NDArray[np.bool_]
    """The first label is not what the others say."""
    second_errs: npt.NDArray[np.bool_]


def _chances(references: References, rows: PairRows) -> _Chances:
    """How likely it is that two labels are equal without a copy."""
    table, confusions = references.table, _confusions(references)
    logs = np.log(confusions)
    scores = table.design @ logs.transpose(0, 2, 1).reshape(-1, logs.shape[-1]) + _log_prior(references)
    count = len(rows.first)
    forward, backward = np.empty(count), np.empty(count)
    first_errs, second_errs = np.empty(count, bool), np.empty(count, bool)
    step = max(1, _CHUNK_CELLS // max(1, len(table.classes)))
    for start in range(0, count, step):
        some = slice(start, start + step)
        first, second = rows.first[some], rows.second[some]
        others = scores[table.item_codes[first]]
        for rows_said in (first, second):
            others = others - logs[table.labeler_codes[rows_said], :, table.class_codes[rows_said]]
        posterior = np.exp(others - others.max(axis=1, keepdims=True))
        first_errs[some], second_errs[some] = (_errs(others, table.class_codes[each]) for each in (first, second))
        forward[some] = _repeats(confusions, table, posterior, first, second)
        backward[some] = _repeats(confusions, table, posterior, second, first)
    equal = table.class_codes[rows.first] == table.class_codes[rows.second]
    residuals = equal - (forward + backward) / 2
    move = _item_excess(table.item_codes[rows.first], residuals, len(table.items))
    forward, backward = (np.clip(each + move, *_CHANCE_LIMITS) for each in (forward, backward))
    return _Chances(forward, backward, first_errs, second_errs)


def _errs(scores: Floats, said: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Whether another class than the one said is likeliest; not where both are."""
    own = scores[np.arange(len(said)), said]
    wrong: npt.NDArray[np.bool_] = own < scores.max(axis=1) - TIE_TOLERANCE
    return wrong


def _repeats(confusions: Floats, table: LabelTable, posterior: Floats, source: Counts, copy: Counts) -> Floats:
    """The probability that the copy's labeler says by themselves what the source says."""
    said = table.class_codes[source]
    likely = posterior * confusions[table.labeler_codes[source], :, said]
    same = confusions[table.labeler_codes[copy], :, said]
    return np.asarray((likely * same).sum(axis=1) / likely.sum(axis=1))


def _log_prior(references: References) -> Floats:
    counts = references.counts.sum(axis=(0, 2)) + 1.0
    return np.asarray(np.log(counts / counts.sum()))


def _item_excess(items: npt.NDArray[np.int32], residuals: Floats, size: int) -> Floats:
    """How much more the other pairs of the same item agree than expected, shrunk."""
    sums = np.bincount(items, residuals, minlength=size)
    counts = np.bincount(items, minlength=size)
    return np.asarray((sums[items] - residuals) / (counts[items] - 1 + _ITEM_PAIRS))


def _excess(sums: _Sums, chance: Floats, equal: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(pairs): z and skewness of the log-likelihood ratio."""
    weights = np.log((_COPIED + (1 - _COPIED) * chance) / chance) - np.log(1 - _COPIED)
    spread = chance * (1 - chance)
    variance = sums(weights**2 * spread)
    sigma = np.sqrt(np.where(variance > 0, variance, np.nan))
    z = sums(weights * (equal - chance)) / sigma
    skewness = sums(weights**3 * spread * (1 - 2 * chance)) / sigma**3
    return np.asarray(z), np.asarray(skewness)


def _standardised(z: Floats) -> Floats:
    """In units of what most pairs show, where that lies above the model's 0 or spreads wider than its 1."""
    if len(z) < _MIN_NULL_PAIRS:
        return z
    low, middle = np.quantile(z, [0.1587, 0.5])  # the lower half only: those who copy lie in the upper one
    return np.asarray((z - max(float(middle), 0.0)) / max(float(middle - low), 1.0))


def _upper_tail(z: Floats, skewness: Floats) -> Floats:
    """P(Z >= z) of a standardised Pearson III variable: a gamma variable, moved; normal where it is not skewed."""
    skewed = skewness > 1e-3
    shape = 4 / np.where(skewed, skewness, 1.0) ** 2
    gamma = gammaincc(shape, np.maximum(shape + z * np.sqrt(shape), 0))
    return np.asarray(np.where(skewed, gamma, ndtr(-z)))
