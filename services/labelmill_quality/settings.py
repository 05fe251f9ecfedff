"""Settings of the quality service, read once from the environment (prefix LABELMILL_QUALITY_)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from labelmill_runtime.settings import ServiceSettings


class QualitySettings(ServiceSettings):
    """What the quality service can be told."""

    model_config = SettingsConfigDict(env_prefix="LABELMILL_QUALITY_", frozen=True, extra="forbid")

    workers: int = Field(default=1, ge=1)
    """Processes that compute; started at the first call."""
    max_pending: int = Field(default=64, ge=1)
    """Calls that may compute or wait at once; more are refused with RESOURCE_EXHAUSTED."""
    bootstrap_count: int = Field(default=1000, ge=100, le=10_000)
    """Bootstrap replicates of the intervals in a report."""
    cell_limit: int = Field(default=50_000_000, ge=1000)
    """Numbers in a posterior plus its confusion matrices at most; 8 bytes each, a few copies at once."""
    follow_seconds: float = Field(default=5.0, gt=0)
    """How soon after a change a project is looked at again; later, a tenth of the time since its newest annotation, at
    most five minutes."""
    row_limit: int = Field(default=50_000_000, ge=1)
    """Labels that one AggregateLabels may bring."""
    max_spool_bytes: int = Field(default=4 << 30, ge=1 << 20)
    """Bytes that one AggregateLabels may bring; they wait on disk."""
    spool_dir: Path | None = None
    """Where they wait; default `<data_dir>/quality-spool`."""
