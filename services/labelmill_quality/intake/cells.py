"""Cells of a column as names: text, or whole numbers as text. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import compute

from labelmill_quality.intake.errors import CellRefused

Codes = npt.NDArray[np.int32]
_EMPTY = "must not be empty"


def as_names(cells: pa.Array[Any], column: str, first_row: int, longest: int) -> pa.DictionaryArray[Any, Any]:
    """The cells as a dictionary of strings.

    Args:
        cells: Some rows of a column.
        column: What it is called, for errors.
        first_row: The number of the first of them, for errors.
        longest: Characters that a cell may have.

    Raises:
        CellRefused: A cell is absent, empty, too long, or neither text nor a whole number.
    """
    if not _usable(cells.type):
        raise CellRefused(column, first_row, "must be text or a whole number")
    encoded: Any = cells if pa.types.is_dictionary(cells.type) else cells.cast(pa.string()).dictionary_encode()
    if encoded.null_count:
        raise CellRefused(column, first_row + _first(encoded.is_null()), _EMPTY)
    names, indices = _used(encoded)
    _require(names, indices, column, first_row, longest)
    return pa.DictionaryArray.from_arrays(pa.array(indices), names)


def _usable(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    strings = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_integer)
    return any(is_kind(kind) for is_kind in strings)


def _used(encoded: Any) -> tuple[Any, Any]:
    """The names that rows have, as strings, and each row's place among them.

    The pieces of a file share a dictionary that may be much larger than each of them.
    """
    indices = encoded.indices.to_numpy(zero_copy_only=False)
    used = np.bincount(indices, minlength=len(encoded.dictionary)) > 0
    names = encoded.dictionary.filter(pa.array(used)).cast(pa.string())
    return names, (np.cumsum(used, dtype=np.int32) - 1)[indices]


def _require(names: Any, indices: Codes, column: str, first_row: int, longest: int) -> None:
    """Refuses names that are absent, empty or too long."""
    lengths = compute.utf8_length(names).fill_null(0).to_numpy(zero_copy_only=False)
    refused = (lengths == 0) | (lengths > longest)
    if refused.any():
        row = int(np.flatnonzero(refused[indices])[0])
        problem = _EMPTY if lengths[indices[row]] == 0 else f"must have at most {longest} characters"
        raise CellRefused(column, first_row + row, problem)


def _first(flags: Any) -> int:
    return int(np.flatnonzero(flags.to_numpy(zero_copy_only=False))[0])
