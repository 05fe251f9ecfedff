"""Retention: how long content is kept. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from labelmill_runtime.errors import Aborted

DAY_US = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """How many days content is kept; 0: for good."""

    raw_days: int = 0
    raw_days_after_admission: int = 0
    clean_days: int = 0


@dataclass(frozen=True, slots=True)
class Retention:
    """The terms of a project, and when they became that."""

    terms: Terms = Terms()
    update_time_us: int = 0
    """0: never changed."""

    @property
    def etag(self) -> str:
        """Changes with every change."""
        terms = self.terms
        facts = (terms.raw_days, terms.raw_days_after_admission, terms.clean_days, self.update_time_us)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Content that is older than these goes; microseconds since 1970, None: for no such reason."""

    raw_created: int | None
    raw_admitted: int | None
    clean_admitted: int | None


class RetentionEtagMismatch(Aborted):
    """Somebody else changed the retention since it was read."""

    def __init__(self) -> None:
        message = "The retention has changed since it was read; read it again."
        super().__init__("ETAG_MISMATCH", message, fields={"retention.etag": "is not the current one"})


def deadlines(terms: Terms, now_us: int) -> Deadlines:
    """Up to which times of creation or admission content is due."""

    def before(days: int) -> int | None:
        return now_us - days * DAY_US if days else None

    return Deadlines(before(terms.raw_days), before(terms.raw_days_after_admission), before(terms.clean_days))
