"""Alpha by a distance of your own equals alpha, where the answers are classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings

from labelmill_quality.agreement.krippendorff import NO_DISTANCE, NO_PAIRS, Metric, krippendorff_alpha
from labelmill_quality.agreement.own_distance import own_distance_alpha
from tests.quality.strategies import CLASSES, Row, rows, table_of

Floats = npt.NDArray[np.float64]


def squared(left: Sequence[float], right: Sequence[float]) -> Floats:
    return np.asarray((np.array(left)[:, None] - np.array(right)) ** 2)


def boxes_apart(left: Sequence[tuple[float, float]], right: Sequence[tuple[float, float]]) -> Floats:
    """1 - IoU of stretches (start, end)."""
    one, other = np.array(left)[:, None, :], np.array(right)[None, :, :]
    overlap = np.maximum(np.minimum(one[..., 1], other[..., 1]) - np.maximum(one[..., 0], other[..., 0]), 0)
    union = (one[..., 1] - one[..., 0]) + (other[..., 1] - other[..., 0]) - overlap
    return np.asarray(1 - overlap / union)


def by_item(given_rows: list[Row]) -> list[list[float]]:
    items = sorted({row[0] for row in given_rows})
    return [[float(CLASSES.index(row[2])) for row in given_rows if row[0] == item] for item in items]


@settings(max_examples=60)
@given(rows(min_size=4))
def test_squared_differences_give_interval_alpha(given_rows: list[Row]) -> None:
    ours = own_distance_alpha(by_item(given_rows), squared, method="own", replicates=20)
    votes = table_of(given_rows).sparse_votes
    alpha = krippendorff_alpha(votes, Metric.INTERVAL, values=np.arange(4.0), replicates=20)
    assert ours.n == alpha.n
    assert ours.value == (None if alpha.value is None else pytest.approx(alpha.value, abs=1e-9))


@settings(max_examples=30)
@given(rows(min_size=10))
def test_the_order_of_items_and_answers_changes_nothing(given_rows: list[Row]) -> None:
    items = by_item(given_rows)
    turned = [list(reversed(answers)) for answers in reversed(items)]
    one, other = (own_distance_alpha(each, squared, method="own", replicates=10) for each in (items, turned))
    assert one.value == (None if other.value is None else pytest.approx(other.value, abs=1e-9))


def test_its_interval_is_that_of_interval_alpha() -> None:
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 4, 150)
    said = np.clip(truth[:, None] + generator.integers(-1, 2, (150, 3)), 0, 3)
    given_rows = [(f"i{i:03d}", f"l{j}", CLASSES[said[i, j]]) for i in range(150) for j in range(3)]
    ours = own_distance_alpha(said.astype(float).tolist(), squared, method="own", replicates=2000)
    votes = table_of(given_rows).sparse_votes
    alpha = krippendorff_alpha(votes, Metric.INTERVAL, values=np.arange(4.0), replicates=2000)
    assert (ours.lower, ours.upper) == pytest.approx((alpha.lower, alpha.upper), abs=0.01)


def test_a_sample_of_answers_is_enough_for_the_expected_distance() -> None:
    generator = np.random.default_rng(2)
    truth = generator.random((1500, 1)) * 100
    said = (truth + generator.normal(scale=5, size=(1500, 2))).tolist()
    every = own_distance_alpha(said, squared, method="own", replicates=100, sample=10_000)
    some = own_distance_alpha(said, squared, method="own", replicates=100, sample=600)
    assert every.value is not None
    assert some.value == pytest.approx(every.value, abs=0.005)


def test_overlapping_stretches_agree_more_than_by_chance() -> None:
    items = [[(start, start + 10.0), (start + 1, start + 11.0)] for start in range(0, 200, 20)]
    estimate = own_distance_alpha(items, boxes_apart, method="krippendorff_alpha_stretch_iou", replicates=200)
    assert estimate.value is not None
    assert estimate.value > 0.7
    assert (estimate.method, estimate.n) == ("krippendorff_alpha_stretch_iou", 10)


def test_what_cannot_be_said_is_not_said() -> None:
    assert own_distance_alpha([[1.0], [2.0]], squared, method="own").undefined_reason == NO_PAIRS
    assert own_distance_alpha([[1.0, 1.0], [1.0, 1.0]], squared, method="own").undefined_reason == NO_DISTANCE
    with pytest.raises(ValueError, match="distance"):
        own_distance_alpha([[1.0, np.nan]], squared, method="own")
