"""What a classifier says about items, as a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from labelmill_quality.errors import BadDistribution, DuplicatePrediction, UnknownClass
from labelmill_quality.labels import Floats

ROUNDING = 0.01
"""How far from 1 probabilities may sum; they are divided by their sum."""

Distribution = Iterable[tuple[str, float]]


def prediction_table(
    table_items: Sequence[str],
    classes: Sequence[str],
    predictions: Iterable[tuple[str, Distribution]],
    *,
    field: str = "predictions[{row}]",
) -> Floats:
    """(items, classes): each item's probabilities, NaN for an item without; those of unknown items are left out.

    Raises:
        DuplicatePrediction: An item has two.
        UnknownClass: A class is not among the given ones.
        BadDistribution: A class is named twice, or the probabilities are negative, no numbers, or do not sum to 1.
    """
    rows, columns = ({name: place for place, name in enumerate(names)} for names in (table_items, classes))
    found = np.full((len(rows), len(columns)), np.nan)
    seen: set[str] = set()
    for number, (item, distribution) in enumerate(predictions):
        place = field.format(row=number)
        if item in seen:
            raise DuplicatePrediction(f"{place}.item")
        seen.add(item)
        shares = _shares(distribution, columns, f"{place}.distribution")
        if item in rows:
            found[rows[item]] = shares
    return found


def _shares(distribution: Distribution, columns: dict[str, int], field: str) -> Floats:
    shares, named = np.zeros(len(columns)), set()
    for number, (name, probability) in enumerate(distribution):
        if name not in columns:
            raise UnknownClass(f"{field}[{number}].class_name")
        if name in named or not 0 <= probability <= 1 + ROUNDING:
            raise BadDistribution(f"{field}[{number}]")
        named.add(name)
        shares[columns[name]] = probability
    if not abs(shares.sum() - 1) <= ROUNDING:
        raise BadDistribution(field)
    normalised: Floats = shares / shares.sum()
    return normalised
