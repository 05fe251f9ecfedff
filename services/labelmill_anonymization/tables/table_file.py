"""What a table is, whatever its format: columns to look at, and a way to write it again with some of them replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from labelmill_anonymization.tables.cells import Codes, Column
from labelmill_anonymization.tables.errors import UnknownColumn


@dataclass(frozen=True)
class NewCells:
    """What takes the place of a column's cells: `values[codes[i]]` that of cell i. None: an empty cell."""

    values: list[Any]
    codes: Codes
    fills: bool = False
    """Rows without such a cell (in JSON) get one, so that all rows of a class say the same."""


class TableFile(Protocol):
    """A table that was read."""

    @property
    def row_count(self) -> int:
        """Rows, a header not included."""

    @property
    def columns(self) -> Sequence[Column]:
        """The columns in their order."""

    @property
    def has_names(self) -> bool:
        """Whether the names of columns come from the file."""

    def write(self, changed: Mapping[int, NewCells]) -> bytes:
        """The table with columns replaced, by index; everything else is the same value by value."""


def column_named(table: TableFile, name: str, field: str) -> Column:
    """A column with one cell for each row.

    Raises:
        UnknownColumn: There is none; `field` is the path in the request.
    """
    column = next((one for one in table.columns if one.name == name), None)
    if column is None or not column.is_scalar or column.is_opaque:
        raise UnknownColumn(field)
    return column
