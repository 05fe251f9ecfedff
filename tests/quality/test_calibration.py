"""Calibration of consensus: what is called a probability is one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_quality import aggregation
from labelmill_quality.aggregation import calibration
from labelmill_quality.aggregation.calibration import Form
from labelmill_quality.aggregation.calibration_measures import (
    calibration_error,
    expected_by_chance,
    finds_errors,
    log_loss,
)
from labelmill_quality.labels import NO_GOLD, LabelTable, make_table
from tests.quality import crowd


def overconfident(items: int = 2000, strength: float = 0.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Posteriors of two classes whose logits are as many times too large as labels at that correlation make them."""
    generator = np.random.default_rng(0)
    labels = generator.integers(1, 12, items).astype(float)
    truth_like = generator.normal(0, 1.5, items)
    gold = (generator.random(items) < 1 / (1 + np.exp(truth_like))).astype(np.int32)
    logits = truth_like * (1 + strength * (labels - 1))
    first = 1 / (1 + np.exp(-logits))
    return np.stack([first, 1 - first], axis=1), labels, gold


def labeled_alike(items: int = 300) -> tuple[LabelTable, np.ndarray]:
    """Ten equally good labelers, and items that are hard or easy for all of them at once."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, items)
    right = generator.random((items, 10)) < generator.beta(2.0, 1.0, items)[:, None]
    said = np.where(right, truth[:, None], 1 - truth[:, None])
    columns = [(f"i{i:03d}", f"l{n}", str(said[i, n])) for i in range(items) for n in range(10)]
    return make_table(*(list(column) for column in zip(*columns, strict=True))), truth


def test_the_error_is_the_gap_between_confidence_and_share_of_right_ones() -> None:
    posterior = np.array([[0.9, 0.1]] * 10 + [[0.4, 0.6]] * 10)
    gold = np.array([0] * 8 + [1] * 2 + [1] * 3 + [0] * 7, np.int32)
    error = calibration_error(posterior, gold)
    assert error.value == pytest.approx((0.1 * 10 + 0.3 * 10) / 20)
    assert error.lower is not None
    assert error.upper is not None
    assert error.lower <= error.value <= error.upper
    assert error.n == 20


def test_without_gold_the_error_is_undefined() -> None:
    error = calibration_error(np.empty((0, 2)), np.empty(0, np.int32))
    assert error.value is None
    assert error.undefined_reason == "there is no gold"


def test_chance_alone_makes_an_error_that_shrinks_with_more_items() -> None:
    posterior = np.tile([0.7, 0.3], (400, 1))
    assert 0.01 < expected_by_chance(posterior) < 0.03 < expected_by_chance(posterior[:40])


def test_log_loss_and_the_finding_of_errors_equal_scikit_learn() -> None:
    from sklearn.metrics import log_loss as peer_loss
    from sklearn.metrics import roc_auc_score

    posterior, _, gold = overconfident(300)
    assert log_loss(posterior, gold) == pytest.approx(peer_loss(gold, posterior))
    right = posterior.argmax(axis=1) == gold
    assert finds_errors(posterior, gold) == pytest.approx(roc_auc_score(right, posterior.max(axis=1)))


def test_confidence_cannot_find_errors_where_there_are_none() -> None:
    assert finds_errors(np.array([[0.9, 0.1]]), np.array([0], np.int32)) is None


def test_the_correlation_of_labels_is_found_from_gold() -> None:
    posterior, labels, gold = overconfident()
    found = calibration.calibrate("dawid_skene", posterior, labels, gold)
    assert found.form is Form.CORRELATED_LABELS
    assert found.strength == pytest.approx(0.5, rel=0.2)
    assert found.error.value is not None
    assert found.error_before.value is not None
    assert found.error.value < 0.04 < found.error_before.value
    assert found.error_by_chance == pytest.approx(found.error.value, abs=0.02)


@pytest.mark.parametrize("method", list(aggregation.METHODS))
@given(st.integers(1, 30), st.floats(0.02, 20))
def test_calibration_changes_no_winner_and_keeps_probabilities(method: str, labels: int, strength: float) -> None:
    posterior = np.random.default_rng(labels).dirichlet(np.ones(4), 20)
    form = calibration.form_of(method)
    none = calibration_error(np.empty((0, 1)), np.empty(0, np.int32))
    changed = calibration.Calibration(form, strength, 0, none, none, None).apply(posterior, np.full(20, float(labels)))
    assert changed.sum(axis=1) == pytest.approx(np.ones(20))
    assert changed.argmax(axis=1).tolist() == posterior.argmax(axis=1).tolist()


def test_an_item_with_one_label_is_left_as_it_is() -> None:
    posterior = np.array([[0.8, 0.2]])
    assert calibration.default("ibcc").apply(posterior, np.array([1.0])) == pytest.approx(posterior)


def test_few_gold_answers_without_an_error_do_not_make_certain() -> None:
    posterior, labels = np.tile([0.95, 0.05], (20, 1)), np.full(20, 5.0)
    found = calibration.calibrate("ibcc", posterior, labels, np.zeros(20, np.int32))
    assert found.strength > 0.05
    assert found.apply(posterior, labels).max() < 0.95


def test_without_gold_the_usual_strength_is_taken_and_said_not_to_be_of_this_data() -> None:
    table, _ = labeled_alike()
    consensus = aggregation.aggregate_calibrated(table, "dawid_skene")
    assert consensus.calibration is not None
    assert not consensus.calibration.on_this_data
    assert consensus.calibration.error.value is None
    assert consensus.calibration.strength == calibration.DEFAULT_STRENGTHS["dawid_skene"]


@pytest.mark.parametrize("method", ["auto", "dawid_skene", "ibcc"])
def test_gold_brings_confidence_down_to_the_share_of_right_ones(method: str) -> None:
    table, truth = labeled_alike(900)
    anchors = np.full(len(table.items), NO_GOLD, np.int32)
    anchors[::3] = truth[::3]
    rest = anchors == NO_GOLD
    raw, consensus = (
        each(table, method, anchors) for each in (aggregation.aggregate, aggregation.aggregate_calibrated)
    )
    assert consensus.calibration is not None
    assert consensus.calibration.on_this_data
    assert consensus.calibration.gold_count == 300
    before, after = (calibration_error(each.posterior[rest], truth[rest]).value for each in (raw, consensus))
    assert before is not None
    assert after is not None
    assert after < before * 0.7
    assert consensus.posterior[~rest].max(axis=1).tolist() == [1.0] * 300


@crowd.needs_crowd
def test_fifty_gold_answers_calibrate_auto_on_the_public_sets() -> None:
    errors = []
    for name in ("Bluebird", "Snow_temp", "CF", "S_Face"):
        table, gold = crowd.read(name)
        known = np.flatnonzero(gold != NO_GOLD)
        for seed in range(3):
            anchors = np.full(len(gold), NO_GOLD, np.int32)
            chosen = np.random.default_rng(seed).choice(known, 50, replace=False)
            anchors[chosen] = gold[chosen]
            rest = np.setdiff1d(known, chosen)
            posterior = aggregation.aggregate_calibrated(table, anchors=anchors).posterior[rest]
            error = calibration_error(posterior, gold[rest])
            assert error.value is not None
            errors.append(error.value - expected_by_chance(posterior))
    assert np.mean(errors) < 0.07
