"""From class names to what an agreement statistic needs to know about them. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelmill_quality.errors import ClassNotNumeric

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
