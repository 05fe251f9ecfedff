"""How alike the texts about each item are, and what that says of their labelers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import stdtrit

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, percentile_interval
from labelmill_quality.text_answers.table import Codes, Counts, Floats, TextTable
from labelmill_quality.text_answers.units import Units

PRIOR_ANSWERS = 5.0
"""Answers of an average labeler in the prior of each one's reliability."""
ROUNDS = 5
_ALTERNATIVES = 9.0
"""As if an error were one of so many; what votes win hardly depends on it."""
_LEAST_WEIGHT = 0.1
METHOD = "mean_edit_similarity"


def similarity(one: Units, other: Units) -> float:
    """1 - (edits from one text to the other) / (units of the longer one); 1 for two empty texts.

    Edits are insertions, deletions and substitutions (Levenshtein).
    """
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.normalized_similarity(one.compared, other.compared)


@dataclass(frozen=True)
class Pairs:
    """Every two answers about the same item."""

    first: Counts
    """Rows of the table."""
    second: Counts
    similarity: Floats

    @classmethod
    def of(cls, table: TextTable) -> Pairs:
        """All of a table; their number grows with the square of an item's answers."""
        pairs = [pair for item in range(len(table.items)) for pair in combinations(table.rows_of(item), 2)]
        first, second = np.array(pairs, np.int64).reshape(-1, 2).T
        alike = [similarity(table.units[a], table.units[b]) for a, b in pairs]
        return cls(first, second, np.array(alike, np.float64))

    def sums(self, table: TextTable, weights: Floats) -> tuple[Floats, Floats]:
        """For each row, its similarities to the item's other rows, weighted by their labelers, and the weights' sum."""
        rows = np.concatenate([self.first, self.second])
        of_others = weights[table.labeler_codes[np.concatenate([self.second, self.first])]]
        alike = of_others * np.tile(self.similarity, 2)
        sums, total = (np.asarray(np.bincount(rows, each, len(table)), np.float64) for each in (alike, of_others))
        return sums, total


@dataclass(frozen=True)
class Reliabilities:
    """What the texts say of their labelers."""

    similarity: Floats
    """(labelers): mean similarity to the others, who count as they are reliable themselves; shrunk to everybody's."""
    weights: Floats
    """(labelers): how much the labeler's vote counts: the logarithm of the odds of a unit being right."""
    estimates: tuple[Estimate, ...]
    """(labelers): the same similarity as the answers show it, not shrunk, with an interval."""


def reliabilities(table: TextTable, pairs: Pairs) -> Reliabilities:
    """Finds labelers and weights, each from the other, in a few rounds from equal weights."""
    labelers = len(table.labelers)
    weights, shrunk = np.ones(labelers), np.full(labelers, 0.5)
    codes, means = table.labeler_codes[:0], np.zeros(0)
    for _ in range(ROUNDS):
        alike, total = pairs.sums(table, weights)
        told = total > 0
        if not told.any():
            break
        codes, means = table.labeler_codes[told], alike[told] / total[told]
        sums, counts = np.bincount(codes, means, labelers), np.bincount(codes, minlength=labelers)
        shrunk = (sums + PRIOR_ANSWERS * means.mean()) / (counts + PRIOR_ANSWERS)
        # Two labelers who each have a share p right agree on p² or more.
        right = np.clip(shrunk / max(float(np.sqrt(means.mean())), 1e-9), 0.02, 0.98)
        weights = np.maximum(np.log(_ALTERNATIVES * right / (1 - right)), _LEAST_WEIGHT)
    return Reliabilities(shrunk, weights, _estimates(codes, means, labelers))


def _estimates(codes: Codes, means: Floats, labelers: int) -> tuple[Estimate, ...]:
    """The mean of each labeler's answers, with Student's interval, cut to [0, 1]."""
    counts = np.bincount(codes, minlength=labelers)
    told = np.maximum(counts, 1)
    centres = np.bincount(codes, means, labelers) / told
    squares = np.bincount(codes, (means - centres[codes]) ** 2, labelers)
    rooms = stdtrit(np.maximum(counts - 1, 1), (1 + LEVEL) / 2) * np.sqrt(squares / np.maximum(counts - 1, 1) / told)
    found = []
    for centre, room, count in zip(centres.tolist(), rooms.tolist(), counts.tolist(), strict=True):
        if count == 0:
            reason = "none of the labeler's items has another answer"
            found.append(Estimate.undefined(reason, method=METHOD, interval_method="student_t"))
            continue
        lower, upper = (max(0.0, centre - room), min(1.0, centre + room)) if count > 1 else (None, None)
        found.append(Estimate(centre, lower, upper, LEVEL, METHOD, "student_t", count))
    return tuple(found)


def mean_similarity(table: TextTable, pairs: Pairs, replicates: int, seed: int) -> Estimate:
    """The mean over items of the mean similarity of their pairs of answers, with a bootstrap interval over items."""
    items = table.item_codes[pairs.first]
    counts = np.bincount(items, minlength=len(table.items))
    told = counts > 0
    interval = f"bootstrap_items_{replicates}"
    if not told.any():
        return Estimate.undefined("no item has two answers", method=METHOD, interval_method=interval)
    means = np.bincount(items, pairs.similarity, minlength=len(table.items))[told] / counts[told]
    value, generator = float(means.mean()), np.random.default_rng(seed % 2**64)
    drawn = np.array([means[generator.integers(0, len(means), len(means))].mean() for _ in range(replicates)])
    lower, upper = percentile_interval(value, drawn) if len(means) > 1 else (None, None)
    return Estimate(value, lower, upper, LEVEL, METHOD, interval, len(means))
