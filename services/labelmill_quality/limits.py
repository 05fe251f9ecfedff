"""How large a question may be. Pure."""

from __future__ import annotations

from labelmill_quality.agreement.pairs import pair_count
from labelmill_quality.errors import TooManyCells
from labelmill_quality.labels import LabelTable

_CELLS_OF_A_PAIR = 8
_EDITS_OF_A_CELL = 6400
"""Pairs of code points that may be compared for each number that may be held: some seconds' work at most."""


def require_room(table: LabelTable, cell_limit: int) -> None:
    """Refuses a table whose posterior and confusion matrices would not fit in memory.

    Raises:
        TooManyCells: More than `cell_limit` numbers in them.
    """
    items, labelers, classes = len(table.items), len(table.labelers), len(table.classes)
    if items * classes + labelers * classes**2 > cell_limit:
        raise TooManyCells(items=items, labelers=labelers, classes=classes, limit=cell_limit)


def require_room_to_compare(table: LabelTable, cell_limit: int, *, squares: bool, pairs: bool) -> None:
    """Refuses a table whose classes, or whose pairs of labels about one item, are too many to be compared.

    Args:
        table: The labels.
        cell_limit: Numbers that may be held.
        squares: Whether a (classes, classes) table is needed.
        pairs: Whether all pairs of labels are needed; some numbers for each are held at once.

    Raises:
        TooManyCells: More than `cell_limit` numbers.
    """
    items, labelers, classes = len(table.items), len(table.labelers), len(table.classes)
    cells = classes**2 if squares else 0
    if pairs:
        cells += _CELLS_OF_A_PAIR * pair_count(table)
    if cells > cell_limit:
        raise TooManyCells(items=items, labelers=labelers, classes=classes, limit=cell_limit)


def require_room_for_edits(table: LabelTable, cell_limit: int) -> None:
    """Refuses texts, the table's classes, whose every two are too long to be compared.

    Raises:
        TooManyCells: They are.
    """
    if sum(map(len, table.classes)) ** 2 > _EDITS_OF_A_CELL * cell_limit:
        sizes = {"items": len(table.items), "labelers": len(table.labelers), "classes": len(table.classes)}
        raise TooManyCells(**sizes, limit=cell_limit)
