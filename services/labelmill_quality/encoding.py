"""Columns of text as numbers that point into their vocabulary. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

Codes = npt.NDArray[np.int32]
MANY = 100_000
"""From so many rows on, Arrow is several times faster than Python's dictionaries, and worth the time of its import."""


class ArrowNames(Sequence[str]):
    """Many names without an object for each.

    Args:
        values: A pyarrow array of strings.
    """

    def __init__(self, values: pa.StringArray) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...

    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return [str(value) for value in self.values[place].to_pylist()]
        return str(self.values[int(place)].as_py())

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self.values), MANY):
            yield from self[start : start + MANY]


def encode(values: Sequence[str] | pa.ChunkedArray[Any]) -> tuple[Sequence[str], Codes]:
    """The names that occur, in the order of their code points, and the place of each value among them.

    Args:
        values: Strings, or a pyarrow ChunkedArray of strings or of a dictionary of strings; no nulls.
    """
    if not isinstance(values, (list, tuple)) or len(values) >= MANY:
        return _encode_arrow(values)
    names = sorted(set(values))
    return names, look_up(values, names)


def look_up(values: Iterable[str], names: Iterable[str]) -> Codes:
    """The place of each value among the names; -1 where it is none."""
    # A bound __getitem__ under map stays in C, row after row; __missing__ says -1 for what is not there.
    numbers = _Numbers((name, code) for code, name in enumerate(names))
    return np.array(list(map(numbers.__getitem__, values)), np.int32)


class _Numbers(dict[str, int]):
    def __missing__(self, key: str) -> int:
        return -1


def _encode_arrow(values: Any) -> tuple[Sequence[str], Codes]:
    import pyarrow as pa
    from pyarrow import compute

    column = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([pa.array(values, pa.string())])
    if pa.types.is_dictionary(column.type) and column.num_chunks == 1:
        column = column.cast(column.type.value_type)  # only several dictionaries are made one without doubles
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    chunks: list[Any] = column.unify_dictionaries().chunks
    if not chunks:
        return (), np.empty(0, np.int32)
    found = np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in chunks])
    names = chunks[0].dictionary.cast(pa.string())
    used = np.bincount(found, minlength=len(names)) > 0  # dictionaries that came along may hold other names
    order = compute.sort_indices(names).to_numpy()
    order = order[used[order]]
    places = np.empty(len(names), np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return ArrowNames(names.take(pa.array(order))), places[found]
