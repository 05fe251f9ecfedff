"""Wilson's interval and the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_quality.intervals import percentile_interval, proportion, resampling_weights, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "lower", "upper"),
    [
        # R: binom::binom.confint(x, n, methods = "wilson")
        (8, 10, 0.4901625, 0.9433178),
        (0, 10, 0.0, 0.2775328),
        (10, 10, 0.7224672, 1.0),
        (1, 2, 0.0945312, 0.9054688),
        (50, 100, 0.4038315, 0.5961685),
    ],
)
def test_wilson_equals_published_values(successes: int, trials: int, lower: float, upper: float) -> None:
    assert wilson(successes, trials) == (pytest.approx(lower, abs=1e-6), pytest.approx(upper, abs=1e-6))


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_stays_in_the_unit_interval_around_the_share(case: tuple[int, int], level: float) -> None:
    successes, trials = case
    lower, upper = wilson(successes, trials, level)
    assert 0 <= lower <= successes / trials <= upper <= 1
    assert lower < upper


def test_wilson_narrows_with_more_trials() -> None:
    widths = [upper - lower for lower, upper in (wilson(n // 2, n) for n in (10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)


def test_a_share_of_nothing_is_undefined() -> None:
    estimate = proportion(0, 0, "accuracy", "nobody answered")
    assert (estimate.value, estimate.lower, estimate.upper) == (None, None, None)
    assert (estimate.undefined_reason, estimate.n) == ("nobody answered", 0)


@pytest.mark.parametrize("multiplicities", [[500, 300, 200], [1, 2, 1, 1, 3]])
def test_every_bootstrap_replicate_has_as_many_items_as_there_are(multiplicities: list[int]) -> None:
    counts = np.array(multiplicities)
    weights = np.concatenate(list(resampling_weights(counts, 2000, seed=1)))
    assert weights.shape == (2000, len(counts))
    assert (weights.sum(axis=1) == counts.sum()).all()
    # On average, each kind appears as often as it is there.
    assert weights.mean(axis=0) == pytest.approx(counts, rel=0.1)


def test_the_bootstrap_repeats_itself_under_the_same_seed_only() -> None:
    counts = np.array([1] * 20)
    first, again, other = (np.concatenate(list(resampling_weights(counts, 50, seed))) for seed in (3, 3, -3))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_bootstrap_interval_of_the_mean_matches_the_normal_one() -> None:
    values = np.random.default_rng(5).normal(size=400)
    weights = np.concatenate(list(resampling_weights(np.ones(400, np.int64), 4000, seed=1)))
    lower, upper = percentile_interval(float(values.mean()), weights @ values / 400)
    half = 1.96 * values.std() / 20
    assert lower == pytest.approx(values.mean() - half, abs=0.02)
    assert upper == pytest.approx(values.mean() + half, abs=0.02)


def test_an_interval_holds_its_value_even_where_replicates_do_not() -> None:
    assert percentile_interval(2.0, np.linspace(0, 1, 100))[1] == 2.0


def test_mostly_undefined_replicates_give_no_interval() -> None:
    assert percentile_interval(0.5, np.array([0.5, 0.4] + [np.nan] * 8)) == (None, None)
