"""Cells that hold personal data: direct identifiers as a whole, free text by its findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators import DateShift, Keep, Protection
from labelmill_anonymization.tables.cells import Column, coded, is_missing, text_of
from labelmill_anonymization.tables.plan import ColumnPlan
from labelmill_anonymization.tables.table_file import NewCells
from labelmill_anonymization.tables.texts import CleanCell


@dataclass
class Totals:
    """Counts over a table."""

    entities: Counter[str] = field(default_factory=Counter)
    operators: Counter[str] = field(default_factory=Counter)
    protection: Protection = Protection.ANONYMIZED
    key_ids: set[str] = field(default_factory=set)

    def count_operator(self, name: str, count: int) -> None:
        """Counts cells; none leaves no trace."""
        if count:
            self.operators[name] += count

    def protect(self, protection: Protection) -> None:
        """The level of the whole is that of its weakest part."""
        self.protection = max(self.protection, protection)


def transform_identifiers(
    column: Column, plan: ColumnPlan, keys: ProjectKeys, totals: Totals, subjects: Column | None = None
) -> tuple[NewCells, str, int]:
    """The column with every cell transformed; empty cells stay. Equal cells stay equal, dates those of one subject.

    Args:
        column: The cells.
        plan: What to do.
        keys: Of the project.
        totals: What is done is counted there.
        subjects: Whose row each row is; None: not said.
    """
    operator, kind = plan.operator, plan.entity_type
    assert operator is not None
    if subjects is not None and column.is_scalar and isinstance(operator, DateShift):
        return _shifted(column, operator, kind, keys, totals, subjects)
    new: list[Any] = []
    changed = 0
    for value, count in zip(column.values, column.counts.tolist(), strict=True):
        if is_missing(value):
            new.append(value)
            continue
        text = text_of(value)
        made = operator.apply(text, kind, keys)
        new.append(value if isinstance(operator, Keep) else made)
        totals.entities[kind] += count
        totals.count_operator(operator.name, count)
        totals.protect(operator.protection(text))
        changed += count if made != text else 0
    if changed:
        totals.key_ids.update(operator.key_ids(keys))
    return _cells(new, column), operator.name, changed


def _shifted(
    column: Column, operator: DateShift, kind: str, keys: ProjectKeys, totals: Totals, subjects: Column
) -> tuple[NewCells, str, int]:
    """Dates, moved by as many days as the row's subject has."""
    size = len(subjects.values)
    pairs, codes, counts = np.unique(
        column.codes.astype(np.int64) * size + subjects.codes, return_inverse=True, return_counts=True
    )
    new: list[Any] = []
    changed = 0
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        value, subject = column.values[pair // size], subjects.values[pair % size]
        if is_missing(value):
            new.append(value)
            continue
        new.append(operator.apply(text_of(value), kind, keys.about("" if is_missing(subject) else text_of(subject))))
        changed += count
    totals.entities[kind] += changed
    totals.count_operator(operator.name, changed)
    totals.protect(operator.protection(""))
    if changed:
        totals.key_ids.update(operator.key_ids(keys))
    return NewCells(new, codes.astype(np.int32)), operator.name, changed


def transform_texts(column: Column, texts: Mapping[str, CleanCell | None], totals: Totals) -> tuple[NewCells, str, int]:
    """The column with what was found in its cells transformed."""
    new: list[Any] = []
    operators: set[str] = set()
    changed = 0
    for value, count in zip(column.values, column.counts.tolist(), strict=True):
        clean = None if is_missing(value) else texts[text_of(value)]
        if clean is None:
            new.append(value)
            continue
        new.append(clean.text if clean.text != text_of(value) else value)
        changed += count if new[-1] is not value else 0
        totals.entities.update({name: times * count for name, times in clean.entities})
        totals.operators.update({name: times * count for name, times in clean.operators})
        operators.update(name for name, _ in clean.operators)
        totals.protect(clean.protection)
        totals.key_ids.update(clean.key_ids)
    return _cells(new, column), "+".join(sorted(operators)), changed


def _cells(new: list[Any], column: Column) -> NewCells:
    values, codes = coded(new)
    return NewCells(values, codes[column.codes].astype(np.int32))
