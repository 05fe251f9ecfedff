"""Cells of a column, coded: each different value once, and for each cell the number of its value.

Whatever is done to values is done once for each different one.
"""

from __future__ import annotations

import datetime
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scalar = str | int | float | bool | Decimal | datetime.date | datetime.time | None
Codes = NDArray[np.int32]


class Kind(Enum):
    """What the cells of a column are."""

    EMPTY = 1
    NUMBER = 2
    DATE = 3
    BOOLEAN = 4
    TEXT = 5
    OPAQUE = 6


@dataclass(frozen=True)
class Column:
    """A column as its file has it."""

    name: str
    values: list[Any]
    """Each different value once; None: missing."""
    codes: Codes
    """Shape (cells,): indices into `values`."""
    is_scalar: bool = True
    """One cell for each row, in order."""
    is_opaque: bool = False
    """Cells that cannot be looked into; `values` is then empty, and all codes are 0."""
    keys: tuple[str, ...] = ()
    """In JSON the keys of the path; empty: the name is one."""

    @property
    def cell_count(self) -> int:
        """Cells, missing ones included."""
        return len(self.codes)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Shape (values,): how often each value occurs."""
        return np.bincount(self.codes, minlength=len(self.values)).astype(np.int64)


def coded(cells: Sequence[Hashable]) -> tuple[list[Any], Codes]:
    """Values in the order of their first cell, and codes. 1, 1.0 and True are different values."""
    one_type = len(set(map(type, cells)) - {type(None)}) <= 1
    keys: Sequence[Hashable] = cells if one_type else [(type(cell), cell) for cell in cells]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    codes = np.array(list(map(numbers.__getitem__, keys)), dtype=np.int32)
    return (list(numbers) if one_type else [key[1] for key in numbers]), codes  # type: ignore[index]


def is_missing(value: Any) -> bool:
    """Whether a cell is empty: null, or text without anything but spaces; NaN says nothing either."""
    return value is None or (isinstance(value, str) and not value.strip()) or value != value


def text_of(value: Any) -> str:
    """The value as text, the same for equal values of different files: 5551234 and "5551234"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def number_of(value: Any) -> float | None:
    """The value as a finite number, if it is one or reads as one."""
    if isinstance(value, bool) or value is None or isinstance(value, datetime.date | datetime.time):
        return None
    if isinstance(value, str) and ("_" in value or not value.strip()[-1:].isdigit()):
        return None  # float() also reads 1_000, inf and nan
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if np.isfinite(number) else None


def date_of(value: Any) -> float | None:
    """The value in days since 0001-01-01, if it is a date or reads as one in ISO 8601."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) < 10 or text[4] != "-" or text[7] != "-":
            return None
        try:
            value = datetime.datetime.fromisoformat(text)
        except ValueError:
            return None
    if isinstance(value, datetime.datetime):
        zone = value.utcoffset() or datetime.timedelta()
        day = value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
        return value.toordinal() + (day - zone.total_seconds()) / 86400
    return float(value.toordinal()) if isinstance(value, datetime.date) else None


def kind_of(column: Column) -> Kind:
    """What the cells are, missing ones aside."""
    if column.is_opaque:
        return Kind.OPAQUE
    present = [value for value in column.values if not is_missing(value)]
    if not present:
        return Kind.EMPTY
    if all(isinstance(value, bool) for value in present):
        return Kind.BOOLEAN
    if all(number_of(value) is not None for value in present):
        return Kind.NUMBER
    if all(date_of(value) is not None for value in present):
        return Kind.DATE
    return Kind.TEXT
