"""Prices and budgets in whole units, so that sums are exact and nothing is spent twice or lost by rounding."""

from __future__ import annotations

import math
from dataclasses import dataclass

EPSILON_UNITS = 10**9
DELTA_UNITS = 10**15


@dataclass(frozen=True, slots=True)
class Price:
    """What is spent, or may be: epsilon in 1e-9, delta in 1e-15."""

    epsilon_units: int = 0
    delta_units: int = 0

    @classmethod
    def of(cls, epsilon: float, delta: float) -> Price:
        """The price of a release, rounded up, so that what is spent is never less than what is given away."""
        return cls(_units(epsilon, EPSILON_UNITS, math.ceil), _units(delta, DELTA_UNITS, math.ceil))

    @classmethod
    def total(cls, epsilon: float, delta: float) -> Price:
        """A budget, rounded to the nearest unit."""
        return cls(_units(epsilon, EPSILON_UNITS, round), _units(delta, DELTA_UNITS, round))

    @property
    def epsilon(self) -> float:
        """Epsilon."""
        return self.epsilon_units / EPSILON_UNITS

    @property
    def delta(self) -> float:
        """Delta."""
        return self.delta_units / DELTA_UNITS

    def covers(self, other: Price) -> bool:
        """Whether this is enough for the other."""
        return self.epsilon_units >= other.epsilon_units and self.delta_units >= other.delta_units


@dataclass(frozen=True, slots=True)
class Budget:
    """See labelmill.anonymization.v1.PrivacyBudget."""

    project: str
    total: Price = Price()
    spent: Price = Price()
    release_count: int = 0
    version: int = 0
    """Grows with each change of the totals; 0: never set."""
    update_time_ms: int = 0

    @property
    def etag(self) -> str:
        """Differs from version to version."""
        return f"{self.version}-{self.update_time_ms:x}"


def _units(amount: float, units: int, rounded: object) -> int:
    # 0.1 * 10**9 is a hair above 10**8; a hair is not a unit.
    exact = amount * units
    return round(exact) if math.isclose(exact, round(exact), rel_tol=1e-12) else int(rounded(exact))  # type: ignore[operator]
