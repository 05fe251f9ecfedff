"""From answers to what an agreement statistic needs to know about them: numbers, distances. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelmill_quality.errors import ClassNotNumeric

Floats = npt.NDArray[np.float64]

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def numeric_values(classes: Sequence[str], field: str) -> npt.NDArray[np.float64]:
    """The numbers that class names spell.

    Args:
        classes: The names.
        field: The request's path to them, with {index}.

    Raises:
        ClassNotNumeric: One of them is no finite decimal number.
    """
    values = np.empty(len(classes))
    for index, name in enumerate(classes):
        values[index] = float(name) if _DECIMAL.fullmatch(name) else math.nan
        if not math.isfinite(values[index]):
            raise ClassNotNumeric(field.format(index=index))
    return values


def set_distances(members: npt.NDArray[np.bool_], *, masi: bool) -> Floats:
    """(sets, sets) distances between sets.

    One minus the Jaccard share |A and B| / |A or B|, two empty sets being equal; MASI multiplies the share by 1 for
    equal sets, 2/3 where one includes the other, 1/3 where they overlap, and 0 where they are disjoint.
    (R. Passonneau, Measuring Agreement on Set-valued Items, LREC 2006.)

    Args:
        members: (sets, classes): what each set holds.
        masi: Whether MASI.
    """
    held = members.astype(np.float64)
    common, sizes = held @ held.T, held.sum(axis=1)
    either = sizes[:, None] + sizes - common
    share = np.where(either > 0, common / np.where(either > 0, either, 1.0), 1.0)
    if masi:
        smaller = np.minimum(sizes[:, None], sizes)
        factor = np.where(common == either, 1.0, np.where(common == smaller, 2 / 3, 1 / 3))
        share = share * factor
    return np.asarray(1 - share)


def edit_distances(texts: Sequence[str]) -> Floats:
    """(texts, texts): Levenshtein's distance of code points over the length of the longer; 0 for two empty ones."""
    from rapidfuzz.distance import Levenshtein  # heavy
    from rapidfuzz.process import cdist

    return np.asarray(cdist(texts, texts, scorer=Levenshtein.normalized_distance, dtype=np.float64))
