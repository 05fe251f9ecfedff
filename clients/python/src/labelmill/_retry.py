"""When to try a call again, and how long to wait before."""

from __future__ import annotations

import random
from dataclasses import dataclass

from labelmill.errors import LabelmillError, Unavailable


@dataclass(frozen=True)
class Retry:
    """How a client repeats calls that found no server (UNAVAILABLE); nothing else is repeated."""

    max_attempts: int = 7
    """Tries in all; 1: never again."""
    initial_s: float = 0.2
    """Upper end of the first wait."""
    max_s: float = 5.0
    """Upper end of any wait that the server did not ask for."""

    def delay_s(self, attempt: int, error: LabelmillError) -> float | None:
        """Seconds to wait after failed try number `attempt` (from 1); None: give up.

        Full jitter (anything between nothing and a doubling bound), so that clients of a restarted server do not come
        back all at once. Where the server asks for a wait, that is added.
        """
        if attempt >= self.max_attempts or not isinstance(error, Unavailable):
            return None
        bound = min(self.max_s, self.initial_s * 2 ** (attempt - 1))
        return (error.retry_after_s or 0.0) + random.uniform(0.0, bound)  # noqa: S311 - jitter is no secret
