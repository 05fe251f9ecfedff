"""The loops of EM over confusion matrices, compiled: a round looks at every label twice and keeps nothing by item.

Everywhere: `offsets` (items + 1) says where the labels of each item begin; `cells` (labels) is labeler x classes +
class said, the row of `confusion` (labelers x classes said, true classes); `weights` (labels) is how much of a label
counts, or empty: all of each; `anchors` (items) is the known class or -1, or empty: none is known.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.compiled import compiled

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]

_RESCALE_EVERY = 8
_TINY = 1e-300
_TIE = 1e-9


@compiled
def count_votes(
    offsets: Offsets, cells: Codes, weights: Floats, anchors: Codes, least: int, counts: Floats, shares: Floats
) -> int:
    """Adds up what a labeler said when the item's vote was what, and the votes' shares; how many labels took part.

    Args:
        offsets: See the module.
        cells: See the module.
        weights: See the module.
        anchors: See the module.
        least: Items with fewer labels take no part, unless they are anchored.
        counts: (labelers x classes said, true classes), added to.
        shares: (classes), added to.
    """
    classes = counts.shape[1]
    votes = np.empty(classes)
    taking_part = 0
    for item in range(len(offsets) - 1):
        start, stop = offsets[item], offsets[item + 1]
        anchor = anchors[item] if len(anchors) else -1
        if anchor < 0 and stop - start < least:
            continue
        votes[:] = 0.0
        if anchor >= 0:
            votes[anchor] = 1.0
        else:
            total = 0.0
            for row in range(start, stop):
                weight = weights[row] if len(weights) else 1.0
                votes[cells[row] % classes] += weight
                total += weight
            votes /= total
        taking_part += stop - start
        _add(cells, weights, start, stop, votes, counts, shares)
    return taking_part


@compiled
def one_round(
    offsets: Offsets,
    cells: Codes,
    weights: Floats,
    anchors: Codes,
    least: int,
    prior: Floats,
    confusion: Floats,
    counts: Floats,
    shares: Floats,
    winners: Codes,
) -> tuple[float, int]:
    """E and the sums of M in one pass: the log-likelihood, and how many items have another winner than before.

    Args:
        offsets: See the module.
        cells: See the module.
        weights: See the module.
        anchors: See the module.
        least: Items with fewer labels take no part, unless they are anchored.
        prior: (classes).
        confusion: See the module.
        counts: (labelers x classes said, true classes), added to.
        shares: (classes), added to.
        winners: (items): the winners of the round before, replaced.
    """
    posterior = np.empty(len(prior))
    likelihood, changed = 0.0, 0
    for item in range(len(offsets) - 1):
        start, stop = offsets[item], offsets[item + 1]
        anchor = anchors[item] if len(anchors) else -1
        if anchor < 0 and stop - start < least:
            continue
        evidence = _judge(cells, weights, start, stop, prior, confusion, posterior)
        if anchor >= 0:
            evidence += np.log(max(posterior[anchor], _TINY))
            posterior[:] = 0.0
            posterior[anchor] = 1.0
        likelihood += evidence
        winner, before = np.argmax(posterior), winners[item]
        if before < 0 or posterior[winner] > posterior[before] + _TIE:  # noise between equals is no change
            changed += 1
            winners[item] = winner
        _add(cells, weights, start, stop, posterior, counts, shares)
    return likelihood, changed


@compiled
def posteriors(
    offsets: Offsets, cells: Codes, weights: Floats, prior: Floats, confusion: Floats, outcome: Floats
) -> None:
    """Fills in the posterior of every item, (items, classes)."""
    for item in range(len(offsets) - 1):
        _judge(cells, weights, offsets[item], offsets[item + 1], prior, confusion, outcome[item])


@compiled
def without_each(
    offsets: Offsets,
    cells: Codes,
    weights: Floats,
    log_prior: Floats,
    log_confusion: Floats,
    winners: Codes,
    tied: npt.NDArray[np.bool_],
) -> None:
    """Fills in, for every label, the winner of its item without it, and whether there were several."""
    classes = len(log_prior)
    scores, others = np.empty(classes), np.empty(classes)
    for item in range(len(offsets) - 1):
        start, stop = offsets[item], offsets[item + 1]
        scores[:] = log_prior
        for row in range(start, stop):
            weight = weights[row] if len(weights) else 1.0
            scores += weight * log_confusion[cells[row]]
        for row in range(start, stop):
            weight = weights[row] if len(weights) else 1.0
            others[:] = scores - weight * log_confusion[cells[row]]
            near = others >= others.max() - _TIE
            winners[row] = np.argmax(near)
            tied[row] = near.sum() > 1


@compiled
def _judge(
    cells: Codes, weights: Floats, start: int, stop: int, prior: Floats, confusion: Floats, posterior: Floats
) -> float:
    """The posterior of one item; the logarithm of what it was divided by."""
    classes = len(prior)
    posterior[:] = prior
    evidence = 0.0
    for row in range(start, stop):
        said = confusion[cells[row]]
        if len(weights):
            for c in range(classes):
                posterior[c] *= said[c] ** weights[row]
        else:
            for c in range(classes):
                posterior[c] *= said[c]
        if (row - start) % _RESCALE_EVERY == _RESCALE_EVERY - 1:
            evidence += _normalize(posterior, prior)  # products of many probabilities would become 0
    return evidence + _normalize(posterior, prior)


@compiled
def _normalize(posterior: Floats, prior: Floats) -> float:
    classes = len(prior)
    total = 0.0
    for c in range(classes):
        total += posterior[c]
    if total < _TINY:  # impossible under the model: nothing is known but the prior
        posterior[:] = prior / prior.sum()
        return float(np.log(_TINY))
    scale = 1.0 / total
    for c in range(classes):
        posterior[c] *= scale
    return float(np.log(total))


@compiled
def _add(
    cells: Codes, weights: Floats, start: int, stop: int, posterior: Floats, counts: Floats, shares: Floats
) -> None:
    classes = len(shares)
    for c in range(classes):
        shares[c] += posterior[c]
    for row in range(start, stop):
        said = counts[cells[row]]
        weight = weights[row] if len(weights) else 1.0
        for c in range(classes):
            said[c] += weight * posterior[c]
