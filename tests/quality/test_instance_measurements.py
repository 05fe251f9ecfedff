"""Coordinates, biases and spreads from what labelers measured."""

from __future__ import annotations

import numpy as np
import pytest

from labelmill_quality.instances.measurements import Measurements, locate

SPREADS = np.array([1.0, 2.0, 4.0])


def measured(
    errors: np.ndarray, truth: np.ndarray, scale: np.ndarray | None = None, known: np.ndarray | None = None
) -> Measurements:
    """Every labeler measures every object; errors are (objects, labelers, coordinates)."""
    objects, labelers, coordinates = errors.shape
    return Measurements(
        np.arange(objects + 1, dtype=np.int64) * labelers,
        np.tile(np.arange(labelers), objects),
        (truth[:, None] + errors).reshape(-1, coordinates),
        np.ones((objects, coordinates)) if scale is None else scale,
        labelers,
        known,
    )


def gaussian(objects: int, spreads: np.ndarray = SPREADS, coordinates: int = 2, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(objects, len(spreads), coordinates)) * spreads[None, :, None]


def places(objects: int, coordinates: int = 2) -> np.ndarray:
    return np.random.default_rng(9).random((objects, coordinates)) * 500


def rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


def test_spreads_are_recovered_and_the_fused_place_is_nearer_than_any_labelers() -> None:
    errors, truth = gaussian(4000), places(4000)
    found = locate(measured(errors, truth))
    assert found.labeler_spread == pytest.approx(np.repeat(SPREADS[:, None], 2, axis=1), rel=0.2)
    best = 1 / np.sqrt((1 / SPREADS**2).sum())
    assert rms(found.values - truth) == pytest.approx(best, rel=0.03)
    assert rms(found.values - truth) < rms(errors[:, 0])
    assert rms(found.values - truth) < 0.65 * rms(errors.mean(axis=1))


def test_ninety_five_in_a_hundred_true_places_lie_within_two_standard_deviations() -> None:
    truth = places(4000)
    found = locate(measured(gaussian(4000), truth))
    assert (np.abs(found.values - truth) < 1.96 * found.spread).mean() == pytest.approx(0.95, abs=0.03)


def test_a_bias_is_found_and_taken_off() -> None:
    errors, truth = gaussian(3000), places(3000)
    errors[:, 0] += [5.0, 0.0]
    found = locate(measured(errors, truth))
    assert found.bias[:, 0] == pytest.approx([5, 0, 0], abs=0.25)
    assert found.bias[:, 1] == pytest.approx([0, 0, 0], abs=0.25)
    assert np.abs((found.values - truth).mean(axis=0)).max() < 0.25


def test_gold_shows_a_bias_that_all_labelers_share() -> None:
    errors, truth = gaussian(600) + 3.0, places(600)
    known = np.where(np.arange(600)[:, None] % 3 == 0, truth, np.nan)
    assert locate(measured(errors, truth)).bias == pytest.approx(np.zeros((3, 2)), abs=0.5)
    assert locate(measured(errors, truth, known=known)).bias == pytest.approx(np.full((3, 2), 3.0), abs=0.5)


def test_a_slip_of_the_hand_hardly_moves_the_place() -> None:
    errors, truth = gaussian(1000, np.array([1.0, 1.0, 1.0])), places(1000)
    errors[7, 1] = 80
    found, mean = locate(measured(errors, truth)), errors[7].mean(axis=0)
    assert np.abs(found.values[7] - truth[7]).max() < 3 < 20 < np.abs(mean).min()
    assert found.labeler_spread[1] == pytest.approx([1, 1], rel=0.15)


def test_errors_that_grow_with_size_are_seen_to_do_so() -> None:
    size = np.exp(np.random.default_rng(1).normal(4, 1, (2000, 1))) * np.ones((1, 2))
    errors = gaussian(2000, SPREADS / 100) * size[:, None]
    assert locate(measured(errors, places(2000), size)).exponent == pytest.approx(1, abs=0.05)
    assert locate(measured(gaussian(2000), places(2000), size)).exponent == pytest.approx(0, abs=0.05)


def test_two_labelers_share_what_only_shows_as_their_difference() -> None:
    found = locate(measured(gaussian(2000, np.array([1.0, 3.0])), places(2000)))
    assert found.labeler_spread[0] == pytest.approx(found.labeler_spread[1], rel=0.02)
    assert (found.labeler_spread**2).sum(axis=0) == pytest.approx([10, 10], rel=0.1)


def test_perfect_agreement_is_kept_to_the_last_bit() -> None:
    truth = places(50)
    found = locate(measured(np.zeros((50, 3, 2)), truth))
    assert (found.values == truth).all()
    assert (found.bias == 0).all()


def test_one_labeler_alone_is_believed_and_nothing_is_known_of_the_spread() -> None:
    truth = places(20)
    found = locate(measured(np.zeros((20, 1, 2)), truth))
    assert (found.values == truth).all()
    assert found.counts.tolist() == [0]
    assert np.isnan(found.spread).all()


def test_without_weights_the_place_is_the_plain_mean() -> None:
    errors, truth = gaussian(100), places(100)
    found = locate(measured(errors, truth), weighted=False)
    assert found.values == pytest.approx(truth + errors.mean(axis=1))
    assert (found.bias == 0).all()


def test_the_order_of_labelers_changes_nothing() -> None:
    errors, truth = gaussian(200), places(200)
    ours, theirs = locate(measured(errors, truth)), locate(measured(errors[:, ::-1], truth))
    assert theirs.values == pytest.approx(ours.values, abs=1e-6)
    assert theirs.labeler_spread[::-1] == pytest.approx(ours.labeler_spread, rel=1e-6)
