"""What a project may store. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from labelmill_runtime.errors import LabelmillError, ResourceExhausted

KEPT_EGRESS_DAYS = 31
"""Days of which it is kept how much was read."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits of a project; 0: none."""

    max_stored_bytes: int = 0
    max_objects: int = 0
    max_daily_egress_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ZoneUsage:
    """What a project has stored in one zone."""

    stored_bytes: int = 0
    object_count: int = 0


class QuotaExceeded(ResourceExhausted):
    """More than the project may have; `limit` names the field of the quota."""

    def __init__(self, limit: str, most: int) -> None:
        super().__init__(
            "QUOTA_EXCEEDED",
            f"The project's quota {limit} of {most} is reached.",
            metadata={"limit": limit, "most": str(most)},
        )


def fitting(quota: Quota, stored_bytes: int, objects: int, sizes: Sequence[int]) -> list[LabelmillError | None]:
    """For contents that come in one after the other: None for those that fit, else why not."""
    refused: list[LabelmillError | None] = []
    for size in sizes:
        if quota.max_stored_bytes and stored_bytes + size > quota.max_stored_bytes:
            refused.append(QuotaExceeded("max_stored_bytes", quota.max_stored_bytes))
        elif quota.max_objects and objects + 1 > quota.max_objects:
            refused.append(QuotaExceeded("max_objects", quota.max_objects))
        else:
            stored_bytes, objects = stored_bytes + size, objects + 1
            refused.append(None)
    return refused


def first_kept_day(now: datetime, days: int) -> str:
    """The first of the last `days` days, today included, as YYYY-MM-DD."""
    return (now - timedelta(days=days - 1)).strftime("%Y-%m-%d")
