"""Accuracy, precision, recall, F1 and means of judgements, each with an interval. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.benchmark.judgement import Judgement, Outcome
from labelmill_quality.benchmark.rules import Rules
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, percentile_interval, proportion, resampling_weights

Floats = npt.NDArray[np.float64]

COLUMNS = (
    *("right", "wrong", "spurious", "missed"),
    *("hits", "said", "gold"),
    *("pairs", "score", "errors", "error", "absolute_error"),
)
"""What is counted of each judgement."""
_AT = {name: column for column, name in enumerate(COLUMNS)}

NOTHING = "nothing of this kind was judged"
ONE_ITEM = "none: one item"


@dataclass(frozen=True)
class Figures:
    """What is said about some judgements."""

    right_count: int
    wrong_count: int
    spurious_count: int
    missed_count: int
    accuracy: Estimate
    precision: Estimate
    recall: Estimate
    f1: Estimate
    jaccard: Estimate
    mean_score: Estimate
    mean_error: Estimate
    mean_absolute_error: Estimate


def counted(judgements: Sequence[Judgement]) -> Floats:
    """(judgements, COLUMNS): what each counts."""
    counts = np.zeros((len(judgements), len(COLUMNS)))
    for row, judgement in enumerate(judgements):
        verdict = judgement.verdict
        paired = verdict.outcome in (Outcome.RIGHT, Outcome.WRONG)
        error = (1.0, verdict.error, abs(verdict.error)) if verdict.error is not None else (0.0, 0.0, 0.0)
        counts[row, verdict.outcome - 1] = 1
        counts[row, 4:] = (verdict.hits, verdict.said, verdict.gold, paired, verdict.score * paired, *error)
    return counts


def figures(
    counts: Floats, item_codes: npt.NDArray[np.int64], rules: Rules, *, one_vs_rest: tuple[float, int] | None = None
) -> Figures:
    """The figures of what was counted.

    Args:
        counts: (rows, COLUMNS).
        item_codes: (rows,): the item that each is about; the bootstrap draws whole items.
        rules: The minimum count, and the bootstrap.
        one_vs_rest: For a single class, (judgements that are right about it, judgements); replaces the accuracy.
    """
    total = counts.sum(axis=0)
    right, wrong, spurious, missed = (int(total[column]) for column in range(4))
    hits, said, gold = (total[_AT[name]] for name in ("hits", "said", "gold"))
    accuracy = (
        _share(right, right + wrong + spurious + missed, "accuracy", rules)
        if one_vs_rest is None
        else _share(*one_vs_rest, "one_vs_rest_accuracy", rules)
    )
    ratios = _ratios(counts, item_codes, rules)
    return Figures(
        right,
        wrong,
        spurious,
        missed,
        accuracy,
        _share(hits, int(said), "precision", rules),
        _share(hits, int(gold), "recall", rules),
        *ratios,
    )


def _share(successes: float, trials: int, method: str, rules: Rules) -> Estimate:
    if 0 < trials < rules.minimum_count:
        return Estimate.undefined(_too_few(rules), method=method, interval_method="wilson", n=trials)
    return proportion(successes, trials, method, NOTHING)


_RATIOS = ("f1", "jaccard", "mean_score", "mean_error", "mean_absolute_error")


def _parts(sums: Floats) -> tuple[Floats, Floats]:
    """(rows, COLUMNS) of sums -> numerators and denominators of the ratios, (rows, _RATIOS) each."""
    column = {name: sums[:, place] for name, place in _AT.items()}
    hits, either = column["hits"], column["said"] + column["gold"]
    parts = (
        (2 * hits, either),
        (hits, either - hits),
        (column["score"], column["pairs"]),
        (column["error"], column["errors"]),
        (column["absolute_error"], column["errors"]),
    )
    return np.column_stack([top for top, _ in parts]), np.column_stack([bottom for _, bottom in parts])


def _ratios(counts: Floats, item_codes: npt.NDArray[np.int64], rules: Rules) -> list[Estimate]:
    """The ratios with percentile intervals of a bootstrap over items."""
    _, codes = np.unique(item_codes, return_inverse=True)
    items = int(codes.max()) + 1 if len(codes) else 0
    per_item: Floats = np.zeros((items, len(COLUMNS)))
    np.add.at(per_item, codes, counts)
    top, bottom = (part[0] for part in _parts(counts.sum(axis=0, keepdims=True)))
    observations = np.concatenate([bottom[1:2], bottom[1:]])  # F1 rests on what is either, counted once
    replicates = _replicates(per_item, rules) if items > 1 else None
    return [
        _ratio(name, (top[place], bottom[place]), int(observations[place]), replicates, rules)
        for place, name in enumerate(_RATIOS)
    ]


def _replicates(per_item: Floats, rules: Rules) -> Floats:
    """(replicates, _RATIOS): each ratio of each resample, NaN where it is undefined."""
    kinds, multiplicities = np.unique(per_item, axis=0, return_counts=True)
    sums = [
        weights @ kinds
        for weights in resampling_weights(multiplicities, rules.bootstrap_count, rules.seed, len(COLUMNS))
    ]
    top, bottom = _parts(np.concatenate(sums))
    ratios: Floats = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
    return ratios


def _ratio(name: str, parts: tuple[float, float], n: int, replicates: Floats | None, rules: Rules) -> Estimate:
    method = f"bootstrap_items_{rules.bootstrap_count}"
    if n <= 0:
        return Estimate.undefined(NOTHING, method=name, interval_method=method)
    if n < rules.minimum_count:
        return Estimate.undefined(_too_few(rules), method=name, interval_method=method, n=n)
    value = float(parts[0] / parts[1])
    if replicates is None:
        return Estimate(value, None, None, LEVEL, name, ONE_ITEM, n)
    lower, upper = percentile_interval(value, replicates[:, _RATIOS.index(name)])
    return Estimate(value, lower, upper, LEVEL, name, method, n)


def _too_few(rules: Rules) -> str:
    return f"fewer than {rules.minimum_count} observations"
