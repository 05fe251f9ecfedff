"""From classes to cells: what stands in the quasi-identifiers of each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelmill_anonymization.tables.axes import Axis
from labelmill_anonymization.tables.cells import Codes, coded, text_of
from labelmill_anonymization.tables.measure import Ints


@dataclass(frozen=True)
class Generalized:
    """A quasi-identifier after generalization."""

    values: list[Any]
    codes: Codes
    """Shape (rows,): indices into `values`."""
    changed: int
    """Cells that are not what they were."""
    penalty: float
    """NCP: the mean certainty penalty over the rows, in [0, 1]."""


def generalize(axis: Axis, classes: Ints) -> Generalized:
    """The column with one label for each class."""
    count = int(classes.max()) + 1
    starts, ranks = _ranks_of_classes(axis, classes, count)
    made = [axis.label(ranks[starts[c] : starts[c + 1]].tolist()) for c in range(count)]
    values, label_codes = coded([label for label, _ in made])
    codes = label_codes[classes].astype(np.int32)
    penalties = np.array([penalty for _, penalty in made])
    changed = np.array([starts[c + 1] - starts[c] > 1 for c in range(count)])[classes]
    return Generalized(values, codes, int(changed.sum()), float(penalties[classes].mean()))


def ranks_after(generalized: Sequence[Generalized]) -> list[Ints]:
    """What cells say after generalization, as numbers: equal texts are equal, whoever wrote them."""
    return [_ranks(column.values)[column.codes] for column in generalized]


def _ranks(values: Sequence[Any]) -> Ints:
    return coded([None if value is None else text_of(value) for value in values])[1].astype(np.int64)


def _ranks_of_classes(axis: Axis, classes: Ints, count: int) -> tuple[Ints, Ints]:
    """The different ranks of all classes, ascending within each; and where each class begins among them."""
    size = len(axis.originals)
    pairs = np.unique(classes * size + axis.ranks)
    return np.searchsorted(pairs // size, np.arange(count + 1)), pairs % size
