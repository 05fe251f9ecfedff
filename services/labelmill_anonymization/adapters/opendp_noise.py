"""Noise by OpenDP (MIT, opendp.org).

Its guards are on: only its reviewed "contrib" parts, no floating-point relaxations.

Every measurement is built from data to noise, and its scale is searched for by OpenDP's own privacy map, so the price
that is paid is the one that OpenDP proves. Neighbouring data differ in the units of one person, present or absent
(unbounded differential privacy).

Numbers are rounded to a grid of 2^20 steps over the widest bound before they are added, so that sums are sums of
integers: exact, and without what the last bits of floats tell (Mironov, CCS 2012).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import opendp.prelude as dp

from labelmill_anonymization.statistics.ports import CONFIDENCE, Noisy, Value
from labelmill_anonymization.statistics.price import Price
from labelmill_anonymization.statistics.statistic import Count, Figure, Histogram, Mean, Quantile, Sum
from labelmill_anonymization.statistics.units import Numbers

LAPLACE, GAUSS, NOISY_MAX = "discrete Laplace", "discrete Gaussian", "report noisy max"
_GRID = 2**20
_INTEGER = "i64"
dp.enable_features("contrib")


def noisy(numbers: Numbers, figure: Figure, price: Price) -> Noisy:
    """The figure with noise for the price."""
    match figure:
        case Count():
            values = _counts(numbers, None, price, [""])
        case Histogram():
            values = _counts(numbers, len(figure.labels), price, figure.labels)
        case Sum(lower, upper):
            values = [_sum(numbers, lower, upper, price)]
        case Mean(lower, upper):
            values = [_mean(numbers, lower, upper, price)]
        case Quantile():
            return Noisy(NOISY_MAX, (_quantile(numbers, figure, price),))
    return Noisy(GAUSS if price.delta_units else LAPLACE, tuple(values))


def _counts(numbers: Numbers, bins: int | None, price: Price, labels: list[str]) -> list[Value]:
    """Units, or units in each bin; how far a figure is off is told for each by itself."""
    metric = dp.L2Distance[float] if price.delta_units else dp.L1Distance[_INTEGER]
    domain, distance = _integers()
    if bins is None:
        counting = dp.t.make_count(domain, distance, TO=_INTEGER)
    else:
        counting = dp.t.make_count_by_categories(
            domain, distance, list(range(bins)), null_category=False, MO=metric, TOA=_INTEGER
        )
    release, scale = _measurement(counting, numbers.distance, price)
    released = release([int(value) for value in numbers.values])
    found = [released] if bins is None else released
    off = _accuracy(scale, 1 - CONFIDENCE, is_gauss=bool(price.delta_units))
    return [
        Value(label, float(count), scale, count - off, count + off) for label, count in zip(labels, found, strict=True)
    ]


def _sum(numbers: Numbers, lower: float, upper: float, price: Price) -> Value:
    widest = max(abs(lower), abs(upper))
    total, scale = _grid_sum(numbers, lower, upper, widest / _GRID, 0.0, price)
    off = _accuracy(scale, 1 - CONFIDENCE) * widest / _GRID
    return Value("", total, scale * widest / _GRID, total - off, total + off)


def _mean(numbers: Numbers, lower: float, upper: float, price: Price) -> Value:
    """The middle of the bounds, and the sum of what lies off it over the count; half of the price for each.

    What lies off the middle is half as wide as the bounds, so half the noise is enough. The interval holds if both
    noises are within theirs, each with half of what may fail (Bonferroni).
    """
    half = Price(price.epsilon_units // 2, 0)
    middle, step = (lower + upper) / 2, (upper - lower) / 2 / _GRID
    off_middle, scale = _grid_sum(numbers, lower, upper, step, middle, half)
    (count,) = _counts(Numbers([1] * len(numbers.values), numbers.distance), None, half, [""])
    assert count.noise_scale is not None
    may_fail = (1 - CONFIDENCE) / 2
    sum_off = _accuracy(scale, may_fail) * step
    count_off = _accuracy(count.noise_scale, may_fail)
    clamp: Callable[[float], float] = lambda mean: min(max(mean, lower), upper)  # noqa: E731
    least, most = count.value - count_off, count.value + count_off
    if least < 1:
        low, high = lower, upper
    else:
        corners = [middle + (off_middle + s) / n for s in (-sum_off, sum_off) for n in (least, most)]
        low, high = clamp(min(corners)), clamp(max(corners))
    return Value("", clamp(middle + off_middle / max(count.value, 1.0)), scale * step, low, high)


def _quantile(numbers: Numbers, figure: Quantile, price: Price) -> Value:
    candidates = np.linspace(figure.lower, figure.upper, figure.candidate_count).tolist()
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.symmetric_distance()
    scores = dp.t.make_quantile_score_candidates(*space, candidates, figure.fraction)
    release = dp.binary_search_chain(
        lambda scale: scores >> dp.m.then_noisy_max(dp.max_divergence(), scale, negate=True),
        d_in=numbers.distance,
        d_out=price.epsilon,
    )
    return Value("", candidates[release([float(value) for value in numbers.values])])


def _grid_sum(
    numbers: Numbers, lower: float, upper: float, step: float, origin: float, price: Price
) -> tuple[float, float]:
    """(noisy sum of clamped values less `origin`, scale of the noise in steps)."""
    clamped = np.clip(np.asarray(numbers.values, dtype=np.float64), lower, upper)
    steps = np.rint((clamped - origin) / step).astype(np.int64).tolist()
    bounds = math.floor((lower - origin) / step), math.ceil((upper - origin) / step)
    summing = _integers() >> dp.t.then_clamp(bounds) >> _then_sum()
    release, scale = _measurement(summing, numbers.distance, price)
    return release(steps) * step, scale


_then_sum: Any = dp.t.then_sum  # has no types


def _integers() -> Any:
    return dp.vector_domain(dp.atom_domain(T=_INTEGER)), dp.symmetric_distance()


def _measurement(transformation: Any, distance: int, price: Price) -> tuple[Any, float]:
    """The measurement with the least noise that the price pays for, and the noise's scale."""

    def with_noise(scale: float) -> Any:
        if not price.delta_units:
            return transformation >> dp.m.then_laplace(scale)
        gauss = transformation >> dp.m.then_gaussian(scale)
        return dp.c.make_fix_delta(dp.c.make_zCDP_to_approxDP(gauss), price.delta)

    wanted = (price.epsilon, price.delta) if price.delta_units else price.epsilon
    scale = dp.binary_search_param(with_noise, d_in=distance, d_out=wanted)
    release = with_noise(scale)
    if not release.check(distance, wanted):
        raise ArithmeticError("OpenDP does not confirm the price")
    return release, float(scale)


def _accuracy(scale: float, alpha: float, *, is_gauss: bool = False) -> float:
    """How far the noise goes at most, but for a chance of alpha."""
    told = dp.discrete_gaussian_scale_to_accuracy if is_gauss else dp.discrete_laplacian_scale_to_accuracy
    return float(told(scale, alpha))
