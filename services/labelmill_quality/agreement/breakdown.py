"""Agreement by class, by pair of labelers, by time. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from labelmill_quality.agreement.coefficients import (
    CHANCES,
    FORMS,
    Coefficient,
    Labels,
    Question,
    agreement,
    pattern_agreement,
    table_estimates,
)
from labelmill_quality.agreement.contingency import table_agreement
from labelmill_quality.agreement.pairs import labelers_of, pair_tables
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import proportion
from labelmill_quality.labels import LabelTable

NO_CLASS = "an intraclass correlation is about numbers, not about one class"
_OF_PATTERNS = {Coefficient.KRIPPENDORFF_ALPHA, *CHANCES} - {Coefficient.SCOTT_PI, Coefficient.FLEISS_KAPPA}
OF_PAIRS = (Coefficient.COHEN_KAPPA, *CHANCES)
"""What is computed of every pair; Fleiss' kappa of two labelers is Scott's pi."""


def by_class(labels: Labels, question: Question, members: npt.NDArray[np.bool_] | None = None) -> list[list[Estimate]]:
    """For each class, the coefficients of "this class or another": nominal, unweighted.

    Args:
        labels: The labels.
        question: What is asked.
        members: (the table's classes, classes): where answers are sets of classes, what each holds; then it is "has
            this class or not".
    """
    if members is not None:
        asked = question.about_one_class()
        return [agreement(Labels(_having(labels.table, column)), asked) for column in members.T]
    asked = question.about_one_class()
    estimates = []
    for code, patterns in enumerate(labels.patterns.each_against_rest()):
        binary = None
        row = []
        for coefficient in question.coefficients:
            if coefficient in FORMS:
                row.append(_no_class(asked, coefficient))
            elif coefficient in _OF_PATTERNS:
                row.append(pattern_agreement(patterns, asked, coefficient))
            else:
                binary = binary or Labels(_against_rest(labels.table, code))
                row += agreement(binary, replace(asked, coefficients=(coefficient,)))
        estimates.append(row)
    return estimates


@dataclass(frozen=True)
class PairScores:
    """Every pair of labelers with enough shared items."""

    first: npt.NDArray[np.int64]
    """(pairs): code of the one labeler."""
    second: npt.NDArray[np.int64]
    """(pairs): code of the other."""
    coefficients: tuple[Coefficient, ...]
    estimates: list[list[Estimate]]
    """One list a coefficient, in it one estimate a pair."""
    agreed: list[Estimate]
    """One a pair: the share of items about which both said the same, with Wilson's interval."""
    left_out: int
    """Pairs with a shared item, but fewer than the minimum."""

    def most_shared(self, count: int) -> PairScores:
        """The pairs with most shared items first, at most so many."""
        order = np.argsort([-each.n for each in self.agreed], kind="stable")[:count]
        estimates = [[column[place] for place in order] for column in self.estimates]
        agreed = [self.agreed[place] for place in order]
        return replace(self, first=self.first[order], second=self.second[order], estimates=estimates, agreed=agreed)


def by_pair(table: LabelTable, question: Question, minimum_items: int) -> PairScores:
    """The coefficients of every two labelers about the items that both answered.

    Of those asked for, the ones of OF_PAIRS are computed; alpha and ICC are about groups.
    """
    every = pair_tables(table)
    tables = every.with_items(max(minimum_items, 1))
    weights = np.eye(len(table.classes)) if question.weights is None else question.weights
    asked = tuple(coefficient for coefficient in question.coefficients if coefficient in OF_PAIRS)
    estimates = []
    for coefficient in asked:
        found = table_agreement(tables, weights, CHANCES.get(coefficient))
        estimates.append(table_estimates(found, tables.items, question, coefficient))
    counts = zip(tables.agreed().tolist(), tables.items.tolist(), strict=True)
    agreed = [proportion(share, items, "pair_agreement", "") for share, items in counts]
    return PairScores(*labelers_of(tables.keys, table), asked, estimates, agreed, len(every.keys) - len(tables.keys))


@dataclass(frozen=True)
class Window:
    """A stretch of time: start included, end not, in ms."""

    start_ms: int
    end_ms: int
    label_count: int
    estimates: list[Estimate]


def by_window(
    table: LabelTable, latest_ms: npt.NDArray[np.int64], question: Question, width_ms: int
) -> Iterator[Window]:
    """The coefficients of the items of each window of time, in its order; windows without items are skipped.

    An item belongs to the window of its latest answer, with all its answers: no pair of labels is torn apart.

    Args:
        table: The labels.
        latest_ms: (items): when the latest answer about each was given, since 1970.
        question: What is asked.
        width_ms: Of a window; they begin at multiples of it.
    """
    numbers = windows(latest_ms, width_ms)[table.item_codes]
    order = np.argsort(numbers, kind="stable")  # rows stay ordered by item
    found, starts = np.unique(numbers[order], return_index=True)
    for number, rows in zip(found.tolist(), np.split(order, starts[1:]), strict=True):
        some = _only_rows(table, rows)
        yield Window(number * width_ms, (number + 1) * width_ms, len(some), agreement(Labels(some), question))


def windows(latest_ms: npt.NDArray[np.int64], width_ms: int) -> npt.NDArray[np.int64]:
    """The number of the window of each time; the one that begins at 1970 is 0."""
    return latest_ms // width_ms


def _only_rows(table: LabelTable, rows: npt.NDArray[np.intp]) -> LabelTable:
    """Some rows, and only the items they are about: a window must not cost what all items cost."""
    items, codes = np.unique(table.item_codes[rows], return_inverse=True)
    return replace(
        table,
        items=[table.items[item] for item in items.tolist()],
        item_codes=codes.astype(np.int32),
        labeler_codes=table.labeler_codes[rows],
        class_codes=table.class_codes[rows],
        weights=None if table.weights is None else table.weights[rows],
    )


def _against_rest(table: LabelTable, code: int) -> LabelTable:
    return replace(table, classes=("this", "rest"), class_codes=(table.class_codes != code).astype(np.int32))


def _having(table: LabelTable, members: npt.NDArray[np.bool_]) -> LabelTable:
    return replace(table, classes=("this", "rest"), class_codes=(~members[table.class_codes]).astype(np.int32))


def _no_class(question: Question, coefficient: Coefficient) -> Estimate:
    return Estimate.undefined(
        NO_CLASS, method=question.name(coefficient), interval_method="f_distribution", level=question.level
    )
