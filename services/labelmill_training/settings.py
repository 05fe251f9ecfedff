"""What the training service can be told."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from labelmill_runtime.settings import ServiceSettings


class TrainingSettings(ServiceSettings):
    """Each field is the variable LABELMILL_TRAINING_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="LABELMILL_TRAINING_", frozen=True, extra="forbid")

    parallel_jobs: int = Field(default=2, ge=1)
    """Jobs at work at once in this process; each has a worker process of some 400 MB while it trains."""
    embed_batch: int = Field(default=250, ge=1, le=500)
    """Assets in one call for embeddings; a batch must be embedded within `embed_timeout_s`."""
    embed_calls: int = Field(default=2, ge=1)
    """Calls for embeddings at once."""
    embed_timeout_s: float = Field(default=120.0, gt=0)
    """How long one call for embeddings may take."""
    train_timeout_s: float = Field(default=3600.0, gt=0)
    """How long a worker process may take before it is ended and the job fails."""
    peer_patience_s: float = Field(default=300.0, ge=0)
    """How long a job waits for another service that is away before it fails."""
