"""Confidence intervals. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from labelmill_quality.estimate import Estimate

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
_CHUNK_CELLS = 4_000_000
"""Weights held at once: 32 MB."""


def wilson(successes: float, trials: float, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval of a share.

    Formula, with z the normal quantile of (1 + level) / 2, p = successes / trials, n = trials:

        (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)

    It stays in [0, 1] and is right for few trials and shares near 0 or 1, where the textbook interval is not.
    (E. B. Wilson, JASA 22, 1927.)
    """
    z = float(ndtri((1 + level) / 2))
    share, z2 = successes / trials, z * z / trials
    centre = (share + z2 / 2) / (1 + z2)
    half = np.sqrt(share * (1 - share) / trials * z * z + z2 * z2 / 4) / (1 + z2)
    # Rounding must not push an end past the share itself or out of [0, 1].
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


def proportion(successes: float, trials: int, method: str, undefined_reason: str, level: float = LEVEL) -> Estimate:
    """A share with its Wilson interval; undefined without trials."""
    if trials == 0:
        return Estimate.undefined(undefined_reason, method=method, interval_method="wilson", level=level)
    lower, upper = wilson(successes, trials, level)
    return Estimate(successes / trials, lower, upper, level, method, "wilson", trials)


def normal_interval(value: float, variance: float, level: float = LEVEL) -> tuple[float, float]:
    """The value ± z sqrt(variance), cut off at 1: for coefficients of agreement."""
    half = float(ndtri((1 + level) / 2)) * float(np.sqrt(variance))
    return value - half, min(1.0, value + half)


def resampling_weights(
    multiplicities: npt.NDArray[np.int64], replicates: int, seed: int, columns: int = 1
) -> Iterator[Floats]:
    """Bootstrap by items, as weights: chunks of shape (some replicates, kinds of items), each row summing to the items.

    Equal items count as one kind with a multiplicity, so that a statistic that is linear in the items is one matrix
    product per chunk instead of a loop over replicates.

    Args:
        multiplicities: How many items there are of each kind.
        replicates: Rows over all chunks.
        seed: The same seed gives the same weights.
        columns: Width of what the caller derives from a row; keeps its memory bounded, too.
    """
    generator = np.random.default_rng(seed % 2**64)
    kinds, items = len(multiplicities), int(multiplicities.sum())
    few_kinds = kinds * 8 < items  # a multinomial draw costs ten times as much as an index, but one per kind
    width = max(kinds if few_kinds else items, columns, 1)
    kind_of_item = np.repeat(np.arange(kinds), multiplicities)
    done = 0
    while done < replicates:
        rows = min(replicates - done, max(1, _CHUNK_CELLS // width))
        if few_kinds:
            yield generator.multinomial(items, multiplicities / items, size=rows).astype(np.float64)
        else:
            drawn = kind_of_item[generator.integers(0, items, size=(rows, items))]
            drawn += kinds * np.arange(rows)[:, None]
            yield np.bincount(drawn.ravel(), minlength=rows * kinds).reshape(rows, kinds).astype(np.float64)
        done += rows


def percentile_interval(value: float, replicates: Floats, level: float = LEVEL) -> tuple[float | None, float | None]:
    """The percentile bootstrap interval, widened to hold the value; none where many replicates are undefined."""
    defined = replicates[np.isfinite(replicates)]
    if len(defined) < 0.9 * len(replicates) or len(defined) < 2:
        return None, None
    lower, upper = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return min(float(lower), value), max(float(upper), value)
