"""Small tables with published results."""

from __future__ import annotations

from labelmill_quality.labels import LabelTable, make_table

FOUR_CODERS = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""
"""Reliability data of four coders about twelve units, from K. Krippendorff, Computing Krippendorff's
Alpha-Reliability (2011), section C: alpha is 0.743 (nominal), 0.815 (ordinal), 0.849 (interval)."""

THREE_CODERS = """
. . . . . 3 4 1 2 1 1 3 3 . 3
1 . 2 1 3 3 4 3 . . . . . . .
. . 2 1 3 4 4 . 2 1 1 3 3 . 4
"""
"""Three coders about fifteen units, from K. Krippendorff, Content Analysis (2004): alpha is 0.691 (nominal), 0.807
(ordinal), 0.811 (interval)."""


def table_of(text: str) -> LabelTable:
    """One row of the text a coder, one column a unit."""
    rows = [
        (f"unit-{unit:02d}", f"coder-{coder}", value)
        for coder, line in enumerate(text.split("\n")[1:-1])
        for unit, value in enumerate(line.split())
        if value != "."
    ]
    items, labelers, classes = (list(column) for column in zip(*rows, strict=True))
    return make_table(items, labelers, classes)
