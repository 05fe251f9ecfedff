"""The figures of one policy, and the differences between two, on one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelmill_anonymization.evaluation.counts import Column, Counts, count, entity_types_of, leaked
from labelmill_anonymization.evaluation.figures import (
    Certainty,
    TypeFigures,
    character_f_score,
    f_score,
    leaked_share,
    ratio,
    type_figures,
)
from labelmill_anonymization.evaluation.intervals import Estimate, Figure, percentiles, resampled_totals, share
from labelmill_anonymization.evaluation.outcome import Outcome
from labelmill_anonymization.evaluation.sample import Document

COMPARED: Mapping[str, Figure] = {
    "leaked_share": leaked_share(),
    "exact_f2": f_score(2, Column.EXACT, Column.GOLD, Column.FOUND),
    "overlap_recall": ratio(Column.OVERLAP, Column.GOLD),
    "overlap_f2": f_score(2, Column.OVERLAP, Column.GOLD, Column.FOUND),
    "character_recall": ratio(Column.DETECTED_CHARACTERS, Column.GOLD_CHARACTERS),
    "character_precision": ratio(Column.RIGHT_CHARACTERS, Column.FOUND_CHARACTERS),
    "character_f2": character_f_score(2),
}
"""The figures whose differences are given, by name."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one policy does to a sample."""

    overall: TypeFigures
    types: tuple[TypeFigures, ...]
    documents: int
    documents_with_leak: Estimate
    """Share of the documents in which anything marked can still be read."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How much higher a figure is with the second policy; its interval is of the difference itself (paired draws)."""

    figure: str
    entity_type: str
    difference: Estimate

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves zero out."""
        low, high = self.difference.low, self.difference.high
        return low is not None and high is not None and (low > 0 or high < 0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One policy, and perhaps another one beside it."""

    first: Evaluation
    second: Evaluation | None = None
    differences: tuple[Difference, ...] = ()


def compare(
    documents: Sequence[Document], first: Sequence[Outcome], second: Sequence[Outcome] | None, certainty: Certainty
) -> Comparison:
    """Figures of one policy or of two.

    Args:
        documents: At least one.
        first: What the first policy did to each.
        second: What the second one did; None: there is only one.
        certainty: How intervals are made.
    """
    types = entity_types_of(documents, [first, second or ()])
    counts = count(documents, first, types)
    evaluation = _evaluation(documents, first, counts, types, certainty)
    if second is None:
        return Comparison(evaluation)
    others = count(documents, second, types)
    differences = _differences(counts, others, types, certainty)
    return Comparison(evaluation, _evaluation(documents, second, others, types, certainty), tuple(differences))


def _evaluation(
    documents: Sequence[Document],
    outcomes: Sequence[Outcome],
    counts: Counts,
    types: Sequence[str],
    certainty: Certainty,
) -> Evaluation:
    overall, *by_type = type_figures(counts, types, certainty)
    leaking = sum(bool(leaked(document, outcome).any()) for document, outcome in zip(documents, outcomes, strict=True))
    with_leak = share(leaking, len(documents), certainty.confidence)
    present = [figures for figures in by_type if figures.counts[Column.GOLD] or figures.counts[Column.FOUND]]
    return Evaluation(overall, tuple(present), len(documents), with_leak)


def _differences(counts: Counts, others: Counts, types: Sequence[str], certainty: Certainty) -> list[Difference]:
    totals, other_totals = counts.sum(axis=0).astype(np.float64), others.sum(axis=0).astype(np.float64)
    resampled = resampled_totals(counts, certainty.resamples, certainty.seed)
    other_resampled = resampled_totals(others, certainty.resamples, certainty.seed)
    differences = []
    for row, entity_type in enumerate(["", *types]):
        for name, figure in COMPARED.items():
            value = float(figure(other_totals[row]) - figure(totals[row]))
            replicates = figure(other_resampled[:, row]) - figure(resampled[:, row])
            estimate = percentiles(value, replicates, certainty.confidence)
            if estimate.value is not None:
                differences.append(Difference(name, entity_type, estimate))
    return differences
