"""A number with its uncertainty and its source. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, or the reason why there is none; never a 0 or a 1 that stands for "don't know"."""

    value: float | None
    lower: float | None
    upper: float | None
    level: float
    """Share of such intervals that would hold the true value."""
    method: str
    """How the number was made, such as "krippendorff_alpha_nominal"."""
    interval_method: str
    """How the interval was made, such as "wilson"."""
    n: int
    """Observations it rests on: answers for a share, items for an agreement."""
    undefined_reason: str = ""

    @classmethod
    def undefined(cls, reason: str, *, method: str, interval_method: str, n: int = 0, level: float = 0.95) -> Estimate:
        """There is no number, and `reason` says why."""
        return cls(None, None, None, level, method, interval_method, n, reason)
