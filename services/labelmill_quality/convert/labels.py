"""Rows of labels as columns."""

from __future__ import annotations

from collections.abc import Iterable

from labelmill.quality.v1 import labels_pb2 as pb
from labelmill_quality.report import Answers


def answers(rows: Iterable[pb.LabelRow]) -> Answers:
    """Rows as columns."""
    columns = Answers()
    for row in rows:
        columns.add(row.item, row.labeler, row.class_name)
    return columns
