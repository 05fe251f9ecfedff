"""Multiple choice: sets of classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_quality.aggregation import ibcc
from labelmill_quality.aggregation.multiple_choice import SetTable, aggregate_sets
from labelmill_quality.labels import NO_GOLD, Codes


def sets(table_rows: list[tuple[int, int, set[int]]], items: int, labelers: int, classes: int) -> SetTable:
    """Rows of (item, labeler, classes)."""
    ordered = sorted(table_rows, key=lambda row: row[:2])
    members = np.array([[c in row[2] for c in range(classes)] for row in ordered])
    item_codes, labeler_codes = (np.array([row[n] for row in ordered], np.int32) for n in range(2))
    names = tuple("abcdefghij"[:classes])
    return SetTable(
        [f"i{n:03d}" for n in range(items)],
        [f"l{n}" for n in range(labelers)],
        names,
        item_codes,
        labeler_codes,
        members,
    )


def simulated(items: int = 200) -> tuple[SetTable, np.ndarray]:
    """Six classes, from common to rare; two careful labelers, three who overlook half, two who name half at random."""
    generator = np.random.default_rng(0)
    truth = generator.random((items, 6)) < [0.6, 0.4, 0.3, 0.2, 0.05, 0.03]
    rows = []
    for labeler, (sensitivity, specificity) in enumerate([(0.95, 0.97)] * 2 + [(0.5, 0.99)] * 3 + [(0.5, 0.5)] * 2):
        named = np.where(
            truth, generator.random(truth.shape) < sensitivity, generator.random(truth.shape) > specificity
        )
        rows += [(item, labeler, set(np.flatnonzero(named[item]).tolist())) for item in range(items)]
    return sets(rows, items, 7, 6), truth


def majority(table: SetTable) -> np.ndarray:
    votes = np.stack([table.about(place).votes[:, 1] for place in range(len(table.classes))], axis=1)
    return votes * 2 > np.bincount(table.item_codes)[:, None]


def test_labelers_who_overlook_and_who_guess_are_told_from_careful_ones() -> None:
    table, truth = simulated()
    consensus = aggregate_sets(table)
    assert (consensus.members == truth).mean() > (majority(table) == truth).mean() + 0.02
    assert consensus.sensitivity == pytest.approx([0.95] * 2 + [0.5] * 5, abs=0.08)
    assert consensus.specificity == pytest.approx([0.97] * 2 + [0.99] * 3 + [0.5] * 2, abs=0.08)


def test_a_rare_class_is_judged_by_what_labelers_do_with_common_ones() -> None:
    """Each class for itself has four items to learn from."""
    table, truth = simulated()
    together = aggregate_sets(table).members[:, 5]
    alone = ibcc.fit(table.about(5)).apply(table.about(5)).winners
    assert (together == truth[:, 5]).mean() >= (alone == truth[:, 5]).mean()
    assert (together == truth[:, 5]).mean() > 0.98


def test_prevalence_is_each_class_s_own() -> None:
    table, truth = simulated()
    assert aggregate_sets(table).prevalence == pytest.approx(truth.mean(axis=0), abs=0.04)


def test_gold_is_kept_and_calibrates() -> None:
    table, truth = simulated()
    anchors: Codes = np.full(truth.shape, NO_GOLD, np.int32)
    anchors[:30] = truth[:30]
    consensus = aggregate_sets(table, anchors)
    assert (consensus.members[:30] == truth[:30]).all()
    assert consensus.calibration.on_this_data
    assert consensus.calibration.gold_count == 30 * 6
    assert not aggregate_sets(table).calibration.on_this_data


def test_an_item_may_have_no_class_and_a_class_no_item() -> None:
    rows = [(item, labeler, {0} if item else set()) for item in range(4) for labeler in range(3)]
    consensus = aggregate_sets(sets(rows, 4, 3, 2))
    assert consensus.members.tolist() == [[False, False], [True, False], [True, False], [True, False]]
    assert np.isfinite(consensus.probabilities).all()


def test_one_labeler_is_believed() -> None:
    consensus = aggregate_sets(sets([(0, 0, {0}), (1, 0, {1})], 2, 1, 2))
    assert consensus.members.tolist() == [[True, False], [False, True]]


@given(st.lists(st.frozensets(st.integers(0, 2)), min_size=6, max_size=6))
def test_who_is_called_what_changes_nothing(named: list[frozenset[int]]) -> None:
    rows = [(place // 2, place % 2, set(each)) for place, each in enumerate(named)]
    swapped = [(item, 1 - labeler, each) for item, labeler, each in rows]
    one, other = (aggregate_sets(sets(each, 3, 2, 3)) for each in (rows, swapped))
    assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)
    assert ((one.probabilities >= 0) & (one.probabilities <= 1)).all()
