"""What can be said of labeling functions by counting their votes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import proportion
from labelmill_quality.labels import NO_GOLD, Codes
from labelmill_quality.weak_supervision.votes import ABSTAIN, VoteMatrix

Floats = npt.NDArray[np.float64]

SAME_SHARE = 0.95
"""Two functions repeat one another when this share of the items that either votes on get the same vote from both."""
LEAST_COMMON = 10
"""... and they vote on so many together."""
_PATTERNS = 100_000
_NO_ITEMS = "there are no items"
_NO_GOLD_VOTES = "it voted on no item with gold"
_NO_VOTES = "it never voted"


@dataclass(frozen=True)
class FunctionAnalysis:
    """One labeling function. Shares are of all items, with Wilson intervals."""

    function: str
    polarity: tuple[int, ...]
    """The classes it votes for."""
    vote_count: int
    coverage: Estimate
    """Items that it votes on."""
    overlap: Estimate
    """Items that it votes on and another, too."""
    conflict: Estimate
    """Items that it votes on and another votes on otherwise."""
    empirical_accuracy: Estimate
    """Share of its votes on items with gold that are right."""
    learned_accuracy: Estimate
    """Share of its votes that are right, by the posterior of the label model: what it expects, no measurement."""
    confusion: Floats
    """(true classes by the posterior, classes voted for): counts."""


@dataclass(frozen=True)
class Repetition:
    """Two functions that vote alike."""

    first: int
    second: int
    same_share: float
    """Of the items that either votes on, the share that gets the same vote from both."""


def analyse(matrix: VoteMatrix, posterior: Floats, method: str, gold: Codes | None) -> list[FunctionAnalysis]:
    """Every function of a matrix, in its order.

    Args:
        matrix: The votes.
        posterior: (items, classes): what the label model makes of them.
        method: The label model's name.
        gold: (items): the known classes, NO_GOLD elsewhere; None: nowhere.
    """
    items, shape = len(matrix.items), (len(matrix.functions), len(matrix.classes))
    patterns = matrix.patterns
    mass = np.zeros((len(patterns.rows), len(matrix.classes)))
    np.add.at(mass, patterns.pattern_of_item, posterior)
    said_by_true = np.asarray(patterns.design.T @ mass).reshape(*shape, shape[1])
    voters = patterns.class_counts.sum(axis=1, keepdims=True)
    together = patterns.counts[:, None] * (voters > 1)
    overlaps = np.asarray(patterns.design.T @ together).reshape(shape).sum(axis=1)
    apart = patterns.counts[:, None] * (voters > patterns.class_counts)
    conflicts = np.trace(np.asarray(patterns.design.T @ apart).reshape(*shape, shape[1]), axis1=1, axis2=2)
    known = np.zeros(0, np.intp) if gold is None else np.flatnonzero(gold != NO_GOLD)
    found = []
    for column, name in enumerate(matrix.functions):
        cast, confusion = patterns.cast[column], said_by_true[column].T
        n, right = int(cast.sum()), float(np.trace(confusion))
        found.append(
            FunctionAnalysis(
                name,
                tuple(int(one) for one in np.flatnonzero(cast)),
                n,
                proportion(n, items, "coverage", _NO_ITEMS),
                proportion(int(overlaps[column]), items, "overlap", _NO_ITEMS),
                proportion(int(conflicts[column]), items, "conflict", _NO_ITEMS),
                _empirical(matrix.votes[known, column], None if gold is None else gold[known]),
                proportion(min(right, n), n, f"expected_accuracy_{method}", _NO_VOTES),
                confusion,
            )
        )
    return found


def repetitions(matrix: VoteMatrix) -> list[Repetition]:
    """Pairs of functions that repeat one another, such as a keyword and a pattern that contains it.

    Looked for in 100,000 patterns, which are in no order, and enough for a share.
    """
    patterns, functions = matrix.patterns, len(matrix.functions)
    design, counts = patterns.design[:_PATTERNS], patterns.counts[:_PATTERNS]
    pairs = (design.T @ design.multiply(counts[:, None])).tocoo()
    first, voted = np.divmod(pairs.row, len(matrix.classes))
    second, said = np.divmod(pairs.col, len(matrix.classes))
    cells, shape = first * functions + second, (functions, functions)
    both = np.bincount(cells, pairs.data, functions**2).reshape(shape)
    same = np.bincount(cells, pairs.data * (voted == said), functions**2).reshape(shape)
    either = np.diag(both)[:, None] + np.diag(both)[None, :] - both
    alike = (same >= SAME_SHARE * np.maximum(either, 1)) & (both >= LEAST_COMMON)
    return [
        Repetition(int(one), int(other), float(same[one, other] / either[one, other]))
        for one, other in np.argwhere(np.triu(alike, 1))
    ]


def weights_of(pairs: list[Repetition], functions: int) -> Floats:
    """How much of each function's evidence counts: n functions that repeat one another count as one.

    Conditional independence, which every label model here assumes, fails most where functions are variants of each
    other; so each of a group of n has the weight 1 / n.
    """
    group = np.arange(functions)
    for pair in pairs:
        joined, other = group[pair.first], group[pair.second]
        group[group == other] = joined
    return 1.0 / np.bincount(group, minlength=functions)[group]


def _empirical(said: npt.NDArray[np.int16], gold: Codes | None) -> Estimate:
    """Of votes and abstentions about items with gold."""
    cast = said != ABSTAIN
    right = 0 if gold is None else int((said[cast] == gold[cast]).sum())
    return proportion(right, int(cast.sum()), "accuracy_on_gold", _NO_GOLD_VOTES)
