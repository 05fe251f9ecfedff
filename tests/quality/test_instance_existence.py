"""Whether objects exist, and how good labelers are at seeing them."""

from __future__ import annotations

import numpy as np
import pytest

from labelmill_quality.instances.calibration import calibrate
from labelmill_quality.instances.existence import REAL, SPURIOUS, UNKNOWN, Looks, Views, infer_existence
from labelmill_quality.instances.seen import Seen


def simulated(
    sensitivities: list[float], false_rates: list[float], items: int = 1500, objects: float = 6.0, seed: int = 0
) -> tuple[Looks, Views, np.ndarray, int]:
    """Looks, views, which clusters are real, and how many objects nobody drew."""
    generator = np.random.default_rng(seed)
    count = len(sensitivities)
    drew, real = [], []
    for _ in range(items):
        for _ in range(generator.poisson(objects)):
            drew.append(generator.random(count) < sensitivities)
            real.append(True)
        for labeler, rate in enumerate(false_rates):
            for _ in range(generator.poisson(rate)):
                drew.append(np.arange(count) == labeler)
                real.append(False)
    votes, truth = np.array(drew), np.array(real)
    seen = votes.any(axis=1)
    clusters = int(seen.sum())
    looks = Looks(
        np.repeat(np.arange(clusters), count), np.tile(np.arange(count), clusters), votes[seen].ravel(), clusters, count
    )
    views = Views(
        np.repeat(np.arange(items), count), np.tile(np.arange(count), items), items, np.zeros(items, np.bool_)
    )
    return looks, views, truth[seen], int((~seen).sum())


def unknown(looks: Looks) -> np.ndarray:
    return np.full(looks.cluster_count, UNKNOWN)


def f1(accepted: np.ndarray, real: np.ndarray, missed: int) -> float:
    return 2 * float((accepted & real).sum()) / float(accepted.sum() + real.sum() + missed)


def test_sensitivities_and_what_everybody_missed_are_recovered() -> None:
    looks, views, _, missed = simulated([0.9, 0.7, 0.6], [0.05, 0.05, 0.05])
    found = infer_existence(looks, views, unknown(looks))
    assert found.sensitivity == pytest.approx([0.9, 0.7, 0.6], abs=0.04)
    assert found.missed_by_all == pytest.approx(missed, rel=0.6)
    assert missed > 50


def test_objects_that_only_careful_labelers_see_are_kept_where_a_majority_loses_them() -> None:
    looks, views, real, missed = simulated([0.5, 0.55, 0.6], [0.02, 0.02, 2.5])
    found = infer_existence(looks, views, unknown(looks))
    votes = np.bincount(looks.clusters, looks.drew)
    ours = f1(found.posterior > 0.5, real, missed)
    assert ours > f1(votes >= 2, real, missed) + 0.1
    assert ours > f1(votes >= 1, real, missed) + 0.05


def test_a_labeler_who_draws_what_is_not_there_is_found_out() -> None:
    looks, views, _, _ = simulated([0.9, 0.9, 0.9], [0.1, 0.1, 3.0])
    found = infer_existence(looks, views, unknown(looks))
    shares = found.expected_false / found.draws
    assert shares[2] > 0.25 > 0.1 > shares[0]


def test_one_labeler_is_believed_but_not_fully() -> None:
    looks = Looks(np.arange(5), np.zeros(5, np.int64), np.ones(5, np.bool_), 5, 1)
    views = Views(np.arange(3), np.zeros(3, np.int64), 3, np.zeros(3, np.bool_))
    posterior = infer_existence(looks, views, unknown(looks)).posterior
    assert (posterior > 0.5).all()
    assert (posterior < 0.99).all()


def test_everybody_agreeing_is_nearly_certain() -> None:
    looks = Looks(np.repeat(np.arange(8), 3), np.tile(np.arange(3), 8), np.ones(24, np.bool_), 8, 3)
    views = Views(np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4), 4, np.zeros(4, np.bool_))
    assert (infer_existence(looks, views, unknown(looks)).posterior > 0.98).all()


def test_gold_is_never_contradicted_and_teaches_about_labelers() -> None:
    looks, views, real, _ = simulated([0.6, 0.6], [1.0, 0.05], items=400)
    blind = infer_existence(looks, views, unknown(looks))
    known = np.where(np.arange(looks.cluster_count) % 2 == 0, np.where(real, REAL, SPURIOUS), UNKNOWN)
    told = infer_existence(looks, views, known)
    assert told.posterior[::2].tolist() == real[::2].astype(float).tolist()
    wrong = [np.abs(found.posterior[1::2] - real[1::2]).mean() for found in (blind, told)]
    assert wrong[1] < wrong[0]


def test_the_order_of_clusters_and_labelers_changes_nothing() -> None:
    looks, views, _, _ = simulated([0.9, 0.7, 0.6], [0.3, 0.1, 0.05], items=50)
    found = infer_existence(looks, views, unknown(looks))
    last = looks.cluster_count - 1
    turned = Looks(last - looks.clusters, 2 - looks.labelers, looks.drew, looks.cluster_count, 3)
    other = infer_existence(turned, Views(views.items, 2 - views.labelers, 50, views.complete), unknown(looks))
    assert other.posterior[::-1] == pytest.approx(found.posterior, abs=1e-9)
    assert other.sensitivity[::-1] == pytest.approx(found.sensitivity, abs=1e-9)


def test_calibration_brings_posteriors_to_the_share_of_real_objects() -> None:
    generator = np.random.default_rng(0)
    truth = generator.random(600) < 0.7
    overconfident = np.where(generator.random(600) < 0.8, truth, ~truth) * 0.998 + 0.001
    calibration = calibrate(overconfident, truth)
    assert calibration is not None
    sure = overconfident > 0.5
    assert calibration.apply(overconfident)[sure].mean() == pytest.approx(truth[sure].mean(), abs=0.03)
    assert calibrate(overconfident[:19], truth[:19]) is None


def test_who_saw_an_item_is_known_whatever_the_order_and_the_repeats() -> None:
    seen = Seen.of([("b", "y"), ("a", "x"), ("b", "x"), ("b", "y")])
    assert (seen.items, seen.labelers) == (["a", "b"], ["x", "y"])
    assert seen.per_labeler.tolist() == [2, 1]
