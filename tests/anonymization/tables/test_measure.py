"""k, l and t: as pycanon measures them, and as one reckons by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.tables.axes import order_of
from labelmill_anonymization.tables.cells import Column, coded
from labelmill_anonymization.tables.measure import ClassMeasure, Sensitive, classes_of, measure
from labelmill_anonymization.tables.utility import utility_loss
from tests.anonymization.tables import adult_like

REFERENCE = json.loads((Path(__file__).parent / "pycanon_reference.json").read_text())


def column(name: str, cells: list[str]) -> Column:
    values, codes = coded(cells)
    return Column(name, values, codes)


@pytest.mark.parametrize("case", REFERENCE)
def test_measures_are_those_of_pycanon(case: str) -> None:
    wanted = REFERENCE[case]
    cells = dict(zip(adult_like.COLUMNS, map(list, zip(*adult_like.rows(wanted["rows"]), strict=True)), strict=True))
    sensitive = [Sensitive(*order_of(column(name, cells[name]))) for name in wanted["sensitive"]]
    measured = measure(classes_of([column(name, cells[name]).codes for name in wanted["quasi"]]), sensitive)
    assert (measured.k, measured.l) == (wanted["k"], wanted["l"])
    assert measured.t == pytest.approx(wanted["t"], abs=1e-12)
    # pycanon cuts the decimals off, and so may take a hair below a whole number for the one before.
    assert wanted["whole_entropy_l"] in {math.floor(measured.entropy_l - 1e-9), math.floor(measured.entropy_l + 1e-9)}


def test_a_table_reckoned_by_hand() -> None:
    classes = np.array([0, 0, 0, 1, 1, 1])
    salaries = Sensitive(np.array([0, 1, 2, 3, 4, 5]), ordered=True)
    measured = measure(classes, [salaries])
    # Cumulated: the class (1/3, 2/3, 1, 1, 1, 1), the table (1/6 ... 1); differences 1+2+3+2+1 sixths over 5 steps.
    assert measured == ClassMeasure(2, 3, 3, pytest.approx(3), pytest.approx(9 / 6 / 5))
    equal = measure(classes, [Sensitive(salaries.codes, ordered=False)])
    assert equal.t == pytest.approx(0.5)


def test_no_sensitive_columns_say_nothing_of_l_and_t() -> None:
    assert measure(np.array([0, 0, 1]), []) == ClassMeasure(2, 1, 0, 0.0, 0.0)


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=1, max_size=60), st.booleans())
def test_measures_are_those_of_a_slow_and_plain_reckoning(rows: list[tuple[int, ...]], ordered: bool) -> None:
    quasi, values = [row[:3] for row in rows], [row[3] for row in rows]
    ranks = np.array([sorted(set(values)).index(v) for v in values], dtype=np.int64)
    measured = measure(
        classes_of([np.array(c, dtype=np.int64) for c in zip(*quasi, strict=True)]), [Sensitive(ranks, ordered)]
    )
    groups = [[r for r, q in zip(ranks.tolist(), quasi, strict=True) if q == one] for one in set(quasi)]
    assert measured.class_count == len(groups)
    assert measured.k == min(map(len, groups))
    assert measured.l == min(len(set(group)) for group in groups)
    assert measured.t == pytest.approx(max(distance(group, ranks.tolist(), ordered) for group in groups), abs=1e-12)


def distance(group: list[int], whole: list[int], ordered: bool) -> float:
    size = max(whole) + 1
    gaps = [group.count(v) / len(group) - whole.count(v) / len(whole) for v in range(size)]
    if not ordered:
        return sum(map(abs, gaps)) / 2
    return sum(abs(sum(gaps[: v + 1])) for v in range(size)) / max(size - 1, 1)


def test_the_loss_is_that_of_the_formulas() -> None:
    loss = utility_loss(np.array([0, 0, 0, 1, 1]), 2, [0.5, 0.1])
    assert loss.average_class_size == pytest.approx(5 / (2 * 2))
    assert loss.discernibility == 9 + 4
    assert loss.certainty_penalty == pytest.approx(0.3)


def test_many_large_columns_do_not_overflow() -> None:
    rows = np.arange(100)
    columns = [np.where(rows % 2, rows, 2**31 - 1 - rows) for _ in range(6)]
    assert len(set(classes_of(columns).tolist())) == 100
    assert measure(classes_of([column // 2 for column in columns]), []).k == 1
