"""Upper bounds on how many are affected, from a sample in which some are."""

from __future__ import annotations

import math

_HALVINGS = 60  # of an interval of length 1: below the precision of a float


def hypergeometric_upper(suspected: int, sample: int, population: int, confidence: float) -> int:
    """The largest number of affected ones in a population that a sample does not contradict, one-sided and exact.

    The largest K with P(at most `suspected` affected in a sample of `sample` out of `population` with K affected)
    > 1 - confidence. Drawn without replacement, so a sample of everything leaves no doubt.
    """
    low, high = suspected, population - (sample - suspected)  # the sample itself proves both
    while low < high:
        middle = (low + high + 1) // 2
        if _hypergeometric_cdf(suspected, sample, middle, population) > 1 - confidence:
            low = middle
        else:
            high = middle - 1
    return low


def clopper_pearson_upper(suspected: int, sample: int, confidence: float) -> float:
    """The largest share that a sample does not contradict, one-sided and exact (Clopper and Pearson 1934).

    Where nothing is suspected it is 1 - (1 - confidence)^(1 / sample), some 3 / sample at 0.95: the rule of three.
    """
    if suspected == sample:
        return 1.0
    low, high = suspected / sample, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _binomial_cdf(suspected, sample, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _hypergeometric_cdf(at_most: int, sample: int, affected: int, population: int) -> float:
    whole = _log_choose(population, sample)
    first = max(0, sample - (population - affected))
    return math.fsum(
        math.exp(_log_choose(affected, i) + _log_choose(population - affected, sample - i) - whole)
        for i in range(first, min(at_most, affected) + 1)
    )


def _binomial_cdf(at_most: int, sample: int, share: float) -> float:
    if share in (0.0, 1.0):
        return 1.0 if share == 0.0 or at_most >= sample else 0.0
    log_share, log_rest = math.log(share), math.log1p(-share)
    return math.fsum(
        math.exp(_log_choose(sample, i) + i * log_share + (sample - i) * log_rest) for i in range(at_most + 1)
    )


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
