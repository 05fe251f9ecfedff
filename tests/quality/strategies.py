"""Random labels for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from labelmill_quality.labels import LabelTable, make_table

CLASSES = ["a", "b", "c", "d"]

Row = tuple[str, str, str]


def rows(min_size: int = 1, max_size: int = 60) -> st.SearchStrategy[list[Row]]:
    """Rows of (item, labeler, class); at most one a pair, as a table has them."""
    items, labelers = st.integers(0, 9).map(lambda i: f"i{i}"), st.integers(0, 5).map(lambda i: f"l{i}")
    return st.lists(
        st.tuples(items, labelers, st.sampled_from(CLASSES)),
        min_size=min_size,
        max_size=max_size,
        unique_by=lambda row: (row[0], row[1]),
    )


def table_of(given: list[Row], class_names: list[str] | None = None) -> LabelTable:
    """The table of such rows."""
    items, labelers, classes = ([row[i] for row in given] for i in range(3))
    return make_table(items, labelers, classes, class_names=class_names or CLASSES)
