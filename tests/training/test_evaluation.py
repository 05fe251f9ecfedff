"""Evaluation against numbers computed elsewhere (scikit-learn 1.9, scipy's Wilson interval)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_training.evaluation import evaluate, softmax

# fmt: off
LOGITS = np.array([
    [0.46, -1.56, 1.13], [1.41, -2.93, -1.95], [0.19, -0.47, -0.03], [-1.28, 1.32, 1.17], [0.1, 1.69, 0.7],
    [-1.29, 0.55, -1.44], [1.32, -0.07, -0.28], [-1.02, 1.83, -0.23], [-0.64, -0.53, 0.8], [0.55, 0.62, 0.65],
    [3.21, -0.61, -0.77], [-1.22, 0.92, 1.69], [-0.17, -1.26, -1.24], [0.98, 1.11, 0.81], [-1.0, 0.35, 0.18],
    [0.33, 1.31, 0.34], [1.02, 0.1, 0.43], [0.95, -2.19, -0.48], [-0.71, -0.96, -0.41], [2.24, -1.3, 1.45],
    [-2.52, -0.5, 0.24], [0.88, 1.07, 1.19], [-0.52, -0.69, 1.29], [-0.29, -1.91, -1.7],
])
GOLD = np.array([2, 0, 2, 0, 2, 0, 1, 1, 0, 1, 1, 2, 2, 1, 1, 1, 1, 2, 0, 0, 1, 0, 0, 0])
# fmt: on


def test_numbers_are_those_of_scikit_learn() -> None:
    found = evaluate(LOGITS, GOLD, temperature=1.3, majority_class=0, seed=1)
    assert found.accuracy.value == pytest.approx(0.375)
    assert found.macro_f1.value == pytest.approx(0.373015873015873)
    assert found.log_loss.value == pytest.approx(1.1937626980643894)
    assert found.calibration_error.value == pytest.approx(0.19937901912875428)
    assert found.confusion == ((3, 2, 4), (3, 4, 2), (3, 1, 2))
    assert found.majority_class_accuracy == pytest.approx(9 / 24)


def test_accuracy_has_a_wilson_interval() -> None:
    found = evaluate(LOGITS, GOLD, temperature=1.3, majority_class=0, seed=1).accuracy
    assert (found.lower, found.upper) == pytest.approx((0.21159367559548775, 0.5729003755732573))
    assert (found.method, found.interval_method, found.sample_count) == ("accuracy", "wilson", 24)


def test_intervals_hold_their_value_and_depend_on_the_seed_alone() -> None:
    first, again, other = (evaluate(LOGITS, GOLD, temperature=1.3, majority_class=0, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.log_loss.value == other.log_loss.value
    assert first.log_loss.lower != other.log_loss.lower
    assert first.macro_f1.lower < first.macro_f1.value < first.macro_f1.upper
    assert first.log_loss.interval_method == "bootstrap_items_1000"


def test_macro_f1_leaves_out_classes_that_occur_nowhere() -> None:
    logits = np.array([[5.0, 0, 0], [0, 5.0, 0], [0, 5.0, 0], [0, 5.0, 0]])
    found = evaluate(logits, np.array([0, 0, 1, 1]), temperature=1.0, majority_class=1, seed=0)
    assert found.macro_f1.value == pytest.approx(0.7333333333333334)


def test_certain_and_wrong_prediction_costs_a_finite_loss() -> None:
    found = evaluate(np.array([[1e6, 0.0]]), np.array([1]), temperature=1.0, majority_class=0, seed=0)
    assert found.log_loss.value == pytest.approx(34.538776394910684)
    assert found.calibration_error.value == pytest.approx(1.0)


@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 1000))
def test_every_number_lies_in_its_range(items: int, classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    logits, gold = random.normal(size=(items, classes)) * 3, random.integers(0, classes, items)
    found = evaluate(logits, gold, temperature=1.0, majority_class=0, seed=seed)
    for share in (found.accuracy, found.macro_f1, found.calibration_error):
        assert 0 <= share.lower <= share.upper <= 1
        assert 0 <= share.value <= 1
    assert np.sum(found.confusion) == items
    assert softmax(logits).sum(axis=1) == pytest.approx(np.ones(items))
