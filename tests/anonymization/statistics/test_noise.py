"""The noise: it has the distribution and the size that the price pays for, and OpenDP confirms the price."""

import math

import opendp.mod
import opendp.prelude as dp
import pytest
from scipy import stats

from labelmill_anonymization.adapters.opendp_noise import noisy
from labelmill_anonymization.statistics.price import Price
from labelmill_anonymization.statistics.statistic import Count, Histogram, Mean, Quantile, Sum
from labelmill_anonymization.statistics.units import Numbers

SIGNIFICANCE = 1e-4
DRAWS = 3000


def draws(price: Price, distance: int = 1) -> tuple[list[float], float]:
    """The noise of as many bins of nothing, and its scale."""
    labels = tuple(str(i) for i in range(DRAWS))
    released = noisy(Numbers([], distance), Histogram(categories=labels), price)
    assert released.values[0].noise_scale is not None
    return [value.value for value in released.values], released.values[0].noise_scale


@pytest.mark.parametrize(("epsilon", "distance"), [(0.1, 1), (1.0, 3)])
def test_pure_privacy_gets_discrete_laplace_noise_of_distance_over_epsilon(epsilon: float, distance: int) -> None:
    noise, scale = draws(Price.of(epsilon, 0.0), distance)
    assert scale == pytest.approx(distance / epsilon, rel=1e-6)
    # A draw of the discrete distribution, spread over its own unit, follows a continuous one with these steps.
    values = range(-30 * math.ceil(scale), 30 * math.ceil(scale) + 1)
    expected = [math.tanh(1 / (2 * scale)) * math.exp(-abs(v) / scale) for v in values]
    assert sum(expected) == pytest.approx(1)
    assert fits(noise, stats.dlaplace(1 / scale).cdf)


def test_approximate_privacy_gets_discrete_gaussian_noise() -> None:
    noise, scale = draws(Price.of(0.5, 1e-6))
    weights = {v: math.exp(-(v**2) / (2 * scale**2)) for v in range(-12 * math.ceil(scale), 12 * math.ceil(scale) + 1)}
    total = sum(weights.values())
    assert fits(noise, lambda x: sum(w for v, w in weights.items() if v <= x) / total)


def fits(noise: list[float], cdf: object) -> bool:
    """Kolmogorov and Smirnov against a discrete distribution: with ties the test only rejects less often."""
    counts = sorted(set(noise))
    below = {x: sum(n <= x for n in noise) / len(noise) for x in counts}
    distance = max(abs(below[x] - float(cdf(x))) for x in counts)  # type: ignore[operator]
    return bool(stats.kstwo.sf(distance, len(noise)) > SIGNIFICANCE)


def test_the_fit_would_tell_noise_of_half_the_size() -> None:
    noise, scale = draws(Price.of(0.1, 0.0))
    assert not fits([round(n / 2) for n in noise], stats.dlaplace(1 / scale).cdf)


@pytest.mark.parametrize("price", [Price.of(0.3, 0.0), Price.of(0.3, 1e-6)])
def test_the_true_figure_lies_in_its_interval_about_as_often_as_promised(price: Price) -> None:
    labels = tuple(str(i) for i in range(1000))
    released = noisy(Numbers([i for i in range(1000) for _ in range(5)], 1), Histogram(categories=labels), price)
    hits = sum(v.lower <= 5 <= v.upper for v in released.values if v.lower is not None and v.upper is not None)
    assert 920 <= hits <= 985


def test_values_are_clamped_before_they_are_added() -> None:
    free = Price.of(100.0, 0.0)
    wild = [1e300, -1e300, 5.0]
    assert noisy(Numbers(wild, 1), Sum(0.0, 10.0), free).values[0].value == pytest.approx(15, abs=3)
    assert noisy(Numbers(wild * 1000, 1), Mean(0.0, 10.0), free).values[0].value == pytest.approx(5, abs=0.01)


def test_a_mean_never_leaves_its_bounds_and_says_when_it_knows_nothing() -> None:
    (value,) = noisy(Numbers([], 1), Mean(0.0, 1.0), Price.of(1.0, 0.0)).values
    assert (value.lower, value.upper) == (0.0, 1.0)
    assert 0 <= value.value <= 1


def test_quantiles_are_found_between_the_bounds() -> None:
    numbers = Numbers([float(i % 101) for i in range(101_000)], 1)
    for fraction in (0.1, 0.5, 0.9):
        (value,) = noisy(numbers, Quantile(fraction, 0.0, 100.0, 101), Price.of(1.0, 0.0)).values
        assert value.value == pytest.approx(100 * fraction, abs=2)
        assert value.lower is None


@pytest.mark.parametrize(
    ("figure", "delta"),
    [(Count(), 0.0), (Count(), 1e-6), (Histogram(categories=("a",)), 0.0), (Sum(-3.0, 70.0), 0.0)],
)
def test_opendp_is_asked_whether_the_price_is_enough(
    figure: Count | Histogram | Sum, delta: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dp, "binary_search_param", lambda *_args, **_kwargs: 0.5)  # far too little noise
    with pytest.raises(ArithmeticError):
        noisy(Numbers([0, 0], 1), figure, Price.of(0.1, delta))


def test_only_the_reviewed_parts_of_opendp_are_in_use() -> None:
    assert {"contrib"} == opendp.mod.GLOBAL_FEATURES


def test_more_from_one_person_needs_more_noise() -> None:
    scales = [noisy(Numbers([1], n), Count(), Price.of(1.0, 0.0)).values[0].noise_scale for n in (1, 5)]
    assert scales == pytest.approx([1, 5], rel=1e-6)
