"""Auto: several methods together, each weighted by how well it does on this very table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation import (
    dawid_skene,
    draws,
    glad,
    ibcc,
    mace,
    majority_vote,
    one_coin,
    ordinal,
    weighted_majority,
)
from labelmill_quality.aggregation.consensus import Consensus, Flags, Floats, middle, pick
from labelmill_quality.aggregation.held_out import SHARE, held_out_predictions, stacked
from labelmill_quality.aggregation.leave_one_out import ByApplying
from labelmill_quality.aggregation.selection import Basis, Judgement, Selection
from labelmill_quality.intervals import proportion
from labelmill_quality.labels import NO_GOLD, Codes, LabelTable

if TYPE_CHECKING:
    from labelmill_quality.aggregation import Fit, Model

NAME = "auto"
VERSION = "1"

CANDIDATES: Mapping[str, Fit] = MappingProxyType(
    {
        majority_vote.NAME: majority_vote.fit,
        weighted_majority.NAME: weighted_majority.fit,
        one_coin.NAME: one_coin.fit,
        dawid_skene.NAME: dawid_skene.fit,
        glad.NAME: glad.fit,
        mace.NAME: mace.fit,
        ibcc.NAME: ibcc.fit,
    }
)


@dataclass(frozen=True)
class Options:
    """How methods are judged."""

    ordered: bool = False
    """The classes are in an order: `ordinal` is a candidate, too, and an error on gold counts by its ranks."""
    least_gold: int = 20
    """Gold answers about labeled items from which on gold takes part in the judgement."""
    gold_rate: float = 0.5
    """An error on gold divides a method's weight by exp of this."""
    pseudo_labels: float = 1.0
    """Held-out labels that every method counts beforehand."""
    held_out_labels: int = 10_000
    """Labels are held out anew until there are so many, at most `most_splits` times."""
    most_splits: int = 5
    """See above."""
    sampled_labels: int = 200_000
    """In a larger table, methods are judged on random items with about so many labels."""
    most_cells: int = 2_000_000
    """With more labelers x classes x classes, methods that think about every cell in every round take no part."""
    mixed_labels: int = 1_000_000
    """In a larger table, the method with the largest weight is taken alone: fitting all would take minutes."""
    least_weight: float = 0.01
    """Methods with less are left out of the mixture."""
    seed: int = 0
    """The same seed holds out the same labels and samples the same items."""


_DEFAULT = Options()


@dataclass(frozen=True)
class Auto:
    """A mixture of models."""

    models: Sequence[Model]
    weights: Sequence[float]
    selection: Selection
    blind: Floats | None
    """(items with gold, classes): their posterior by methods that were not told the gold; None: there was none."""

    def apply(self, table: LabelTable) -> Consensus:
        """The weighted mean of the models' posteriors; see Model."""
        if len(self.models) == 1:
            only, note = self.models[0].apply(table), self.selection.reason()
            return replace(only, method=NAME, version=VERSION, note=note, selection=self.selection)
        posterior, iterations, converged = np.zeros((len(table.items), len(table.classes))), 0, True
        for model, weight in zip(self.models, self.weights, strict=True):
            each = model.apply(table)
            posterior += weight * each.posterior
            iterations, converged = max(iterations, each.iterations), converged and each.converged
        posterior /= posterior.sum(axis=1, keepdims=True)
        note, others = self.selection.reason(), ByApplying(self, table)
        return Consensus(posterior, others, NAME, VERSION, iterations, converged, note, self.selection)


def fit(table: LabelTable, anchors: Codes | None = None, options: Options = _DEFAULT) -> Auto:
    """Fits all candidates, and weighs them.

    No method is best everywhere: of ten public sets of crowd answers, each method loses 2 to 40 points against the best
    on some. So each is asked to predict labels that are held out from it (`held_out.py`), and the weights are those of
    the mixture that predicts best (stacking, Yao et al. 2018). The posterior is the mean of the methods', so weighted.

    Where 20 gold answers or more are about labeled items, they speak too. Methods that were told nothing of them are
    asked, and with e_m the errors of a method on them (of ordered classes, the ranks that it errs by) its weight is
    multiplied by exp(-e_m / 2): a generalized Bayesian update by the loss that users count (P. Bissiri, C. Holmes and
    S. Walker, A General Framework for Updating Belief Distributions, JRSS B 78, 2016). Afterwards the candidates are
    fitted anew with all gold as anchors.

    Args:
        table: The labels.
        anchors: The known class of every item, NO_GOLD where there is none.
        options: How.
    """
    judged, told = _sample(table, anchors, options)
    sampled = 0 if judged is table else len(judged.items)
    known = np.flatnonzero((told != NO_GOLD) & (judged.labels_per_item > 0))
    by_gold = len(known) >= options.least_gold
    candidates = _candidates(table, options)
    posteriors = [partial(_posterior, each, None if by_gold else told) for each in candidates.values()]
    predictions = held_out_predictions(judged, posteriors, _splits(judged, options), options.seed)
    weights = stacked(predictions, options.pseudo_labels)
    blind = [_posterior(each, None, judged)[known] for each in candidates.values()] if len(known) else []
    apart = [_apart(each, told[known], ordered=options.ordered) for each in blind]
    if by_gold:
        losses = np.array([each.sum() for each in apart])
        weights = weights * np.exp(options.gold_rate * (losses.min() - losses))
    weights[weights < options.least_weight * weights.sum()] = 0.0
    if len(table) > options.mixed_labels:
        weights[np.arange(len(weights)) != weights.argmax()] = 0.0
    weights /= weights.sum()
    chosen = [(each, float(weight)) for each, weight in zip(candidates.values(), weights, strict=True) if weight]
    judgements = _judgements(candidates, predictions, weights, apart)
    basis = Basis.GOLD if by_gold else Basis.HELD_OUT_LABELS if len(predictions) else Basis.NOTHING
    return Auto(
        [each(table, anchors) for each, _ in chosen],
        [weight for _, weight in chosen],
        Selection(basis, judgements, len(predictions), sampled),
        np.tensordot(weights, np.stack(blind), axes=1) if blind else None,
    )


def _candidates(table: LabelTable, options: Options) -> Mapping[str, Fit]:
    candidates = {**CANDIDATES, ordinal.NAME: ordinal.fit} if options.ordered else CANDIDATES
    if len(table.labelers) * len(table.classes) ** 2 <= options.most_cells:
        return candidates
    slow = (mace.NAME, ibcc.NAME, ordinal.NAME)
    return {name: each for name, each in candidates.items() if name not in slow}


def _posterior(fit_one: Fit, anchors: Codes | None, table: LabelTable) -> Floats:
    return fit_one(table, anchors).apply(table).posterior


def _splits(table: LabelTable, options: Options) -> int:
    wanted = np.ceil(options.held_out_labels / (SHARE * max(1, len(table))))
    return int(np.clip(wanted, 1, options.most_splits))


def _sample(table: LabelTable, anchors: Codes | None, options: Options) -> tuple[LabelTable, Codes]:
    """Random items, all with gold among them, with their labels; and their anchors."""
    told = np.full(len(table.items), NO_GOLD, np.int32) if anchors is None else anchors
    if len(table) <= options.sampled_labels:
        return table, told
    keep: Flags = draws.of_items(table, options.seed) < options.sampled_labels / len(table)
    keep |= told != NO_GOLD
    return table.about(keep), told[keep]


def _apart(posterior: Floats, gold: Codes, *, ordered: bool) -> npt.NDArray[np.int64]:
    """How far each winner is from gold: ranks, or 1 for any other class."""
    apart: npt.NDArray[np.int64] = np.abs(middle(posterior)[0].astype(np.int64) - gold)
    return apart if ordered else (pick(posterior)[0] != gold).astype(np.int64)


def _judgements(
    candidates: Mapping[str, Fit], predictions: Floats, weights: Floats, apart: Sequence[npt.NDArray[np.int64]]
) -> tuple[Judgement, ...]:
    logs = np.log(np.maximum(predictions, 1e-300)).mean(axis=0).tolist() if len(predictions) else [None] * len(weights)
    method, reason = "accuracy_on_gold", "no gold answer is about an item with labels"
    right = [proportion(int((each == 0).sum()), len(each), method, reason) for each in apart]
    accuracies = right or [proportion(0, 0, method, reason)] * len(weights)
    return tuple(map(Judgement, candidates, weights.tolist(), logs, accuracies))
