"""From data to what a mechanism counts or adds up, with what one person contributes bounded."""

from __future__ import annotations

import bisect
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from labelmill_anonymization.statistics.statistic import Count, Figure, Histogram, Statistic, TableData
from labelmill_anonymization.tables.cells import is_missing, number_of, text_of
from labelmill_anonymization.tables.table_file import TableFile, column_named


@dataclass(frozen=True)
class Numbers:
    """What a mechanism gets: counts get a 1 for each unit, histograms indices of bins, the others numbers."""

    values: list[float] | list[int] = field(repr=False)
    distance: int
    """How many of the values can appear or vanish with one person."""


def from_units(units: Sequence[frozenset[str]], statistic: Statistic) -> Numbers:
    """Of assets, each with its values: a media type, the entity types found in it, the classes given to it."""
    figure = statistic.figure
    if isinstance(figure, Histogram):
        index = {category: i for i, category in enumerate(figure.categories)}
        bins = [index[value] for values in units for value in values if value in index]
        return Numbers(bins, statistic.distance)
    assert isinstance(figure, Count)
    counted = [1 for values in units if (figure.value in values if figure.value else values)]
    return Numbers(counted, statistic.distance)


def from_table(table: TableFile, data: TableData, figure: Figure) -> Numbers:
    """Of the rows of a table; raises UnknownColumn."""
    rows = _chosen_rows(table, data)
    if not data.column:
        return Numbers([1] * len(rows), data.max_contributions)
    column = column_named(table, data.column, "statistic.table.column")
    usable = [_usable(value, figure) for value in column.values]
    values = [usable[code] for code in column.codes[rows].tolist()] if rows else []
    return Numbers([value for value in values if value is not None], data.max_contributions)


def _usable(value: Any, figure: Figure) -> Any:
    """The value as the figure wants it; None: it is left out."""
    if is_missing(value):
        return None
    if isinstance(figure, Count):
        return 1 if not figure.value or text_of(value) == figure.value else None
    if not isinstance(figure, Histogram):
        return number_of(value)
    if figure.categories:
        try:
            return figure.categories.index(text_of(value))
        except ValueError:
            return None
    number = number_of(value)
    if number is None or not figure.edges[0] <= number <= figure.edges[-1]:
        return None
    return min(bisect.bisect_right(figure.edges, number), len(figure.edges) - 1) - 1


def _chosen_rows(table: TableFile, data: TableData) -> list[int]:
    """All rows, or of each subject at most max_contributions, drawn by lot; rows of no subject are left out."""
    if not data.subject_column:
        return list(range(table.row_count))
    column = column_named(table, data.subject_column, "statistic.table.subject_column")
    rows_of: dict[str, list[int]] = {}
    for row, code in enumerate(column.codes.tolist()):
        if not is_missing(column.values[code]):
            rows_of.setdefault(text_of(column.values[code]), []).append(row)
    lots = secrets.SystemRandom()
    most = data.max_contributions
    return [row for rows in rows_of.values() for row in (rows if len(rows) <= most else lots.sample(rows, most))]
