"""How large a question may be. Pure."""

from __future__ import annotations

from labelmill_quality.errors import TooManyCells
from labelmill_quality.labels import LabelTable


def require_room(table: LabelTable, cell_limit: int) -> None:
    """Refuses a table whose posterior and confusion matrices would not fit in memory.

    Raises:
        TooManyCells: More than `cell_limit` numbers in them.
    """
    items, labelers, classes = len(table.items), len(table.labelers), len(table.classes)
    if items * classes + labelers * classes**2 > cell_limit:
        raise TooManyCells(items=items, labelers=labelers, classes=classes, limit=cell_limit)
