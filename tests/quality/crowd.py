"""The public crowd sets with gold truth, where the machine has them beside the repository."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from labelmill_quality.labels import Codes, LabelTable, gold_codes, make_table

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "crowd"

CATEGORICAL = (
    "D_PosSent", "D_Product", "S_Rel", "S_Adult", "S_Face", "Bluebird", "Snow_temp", "Snow_wsd", "CF", "TREC",
)  # fmt: skip

needs_crowd = pytest.mark.skipif(not FOLDER.is_dir(), reason="the crowd sets are not on this machine")


def read(name: str) -> tuple[LabelTable, Codes]:
    """The answers of a set, and the gold of its items."""
    answers, truth = _rows(FOLDER / name / "answers.csv"), _rows(FOLDER / name / "truth.csv")
    classes = sorted({row[2] for row in answers} | {row[1] for row in truth})
    items, labelers, said = (list(column) for column in zip(*answers, strict=True))
    table = make_table(items, labelers, said, class_names=classes)
    known = set(items)
    truth = [row for row in truth if row[0] in known]
    return table, gold_codes(table.items, [row[0] for row in truth], [row[1] for row in truth], classes)


def _rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]
