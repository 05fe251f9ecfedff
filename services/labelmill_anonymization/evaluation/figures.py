"""Precision, recall and F from counts, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelmill_anonymization.evaluation.counts import Column, Counts
from labelmill_anonymization.evaluation.intervals import (
    Estimate,
    Figure,
    Floats,
    bootstrap,
    resampled_totals,
    share,
)


@dataclass(frozen=True, slots=True)
class Certainty:
    """How intervals are made."""

    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Scores:
    """Four figures of one way to count."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    f2: Estimate


@dataclass(frozen=True, slots=True)
class TypeFigures:
    """Everything about one entity type; `entity_type` "" for all of them together (micro average)."""

    entity_type: str
    counts: tuple[int, ...]
    """By `Column`."""
    exact: Scores
    overlap: Scores
    characters: Scores
    leaked: Estimate
    """Share of the marked code points that can still be read."""


def ratio(part: Column, whole: Column) -> Figure:
    """One count over another."""
    return lambda totals: _divided(totals[..., part], totals[..., whole])


def f_score(beta: float, right: Column, gold: Column, found: Column) -> Figure:
    """(1 + beta^2) right / (beta^2 gold + found): recall weighs beta^2 times as much as precision (van Rijsbergen)."""
    square = beta * beta
    return lambda totals: _divided((1 + square) * totals[..., right], square * totals[..., gold] + totals[..., found])


def character_f_score(beta: float) -> Figure:
    """The F of character precision and character recall, whose numerators differ where types are mixed up."""

    def figure(totals: Floats) -> Floats:
        precision = ratio(Column.RIGHT_CHARACTERS, Column.FOUND_CHARACTERS)(totals)
        recall = ratio(Column.DETECTED_CHARACTERS, Column.GOLD_CHARACTERS)(totals)
        undefined = np.isnan(precision) & np.isnan(recall)
        precision, recall, square = np.nan_to_num(precision), np.nan_to_num(recall), beta * beta
        scores = _divided((1 + square) * precision * recall, square * precision + recall)
        return np.where(undefined, np.nan, np.nan_to_num(scores))

    return figure


def leaked_share() -> Figure:
    """Share of the marked code points that can still be read."""
    return ratio(Column.LEAKED_CHARACTERS, Column.GOLD_CHARACTERS)


def type_figures(counts: Counts, types: Sequence[str], certainty: Certainty) -> list[TypeFigures]:
    """The figures of all types together, then of each type, from counts (documents, 1 + types, columns)."""
    resampled = resampled_totals(counts, certainty.resamples, certainty.seed)
    totals = counts.sum(axis=0)
    return [
        _of_one(name, totals[row], resampled[:, row], certainty.confidence) for row, name in enumerate(["", *types])
    ]


def _of_one(entity_type: str, totals: Counts, resampled: Floats, confidence: float) -> TypeFigures:
    as_floats = totals.astype(np.float64)

    def estimated(figure: Figure) -> Estimate:
        return bootstrap(figure, as_floats, resampled, confidence)

    def spans(right: Column) -> Scores:
        return Scores(
            precision=share(int(totals[right]), int(totals[Column.FOUND]), confidence),
            recall=share(int(totals[right]), int(totals[Column.GOLD]), confidence),
            f1=estimated(f_score(1, right, Column.GOLD, Column.FOUND)),
            f2=estimated(f_score(2, right, Column.GOLD, Column.FOUND)),
        )

    characters = Scores(
        precision=estimated(ratio(Column.RIGHT_CHARACTERS, Column.FOUND_CHARACTERS)),
        recall=estimated(ratio(Column.DETECTED_CHARACTERS, Column.GOLD_CHARACTERS)),
        f1=estimated(character_f_score(1)),
        f2=estimated(character_f_score(2)),
    )
    counted = tuple(int(n) for n in totals)
    leaked = estimated(leaked_share())
    return TypeFigures(entity_type, counted, spans(Column.EXACT), spans(Column.OVERLAP), characters, leaked)


def _divided(part: Floats, whole: Floats) -> Floats:
    """NaN where there is nothing to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan))
