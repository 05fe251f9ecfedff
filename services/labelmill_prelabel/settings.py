"""What prelabel can be told, each by the variable LABELMILL_PRELABEL_<FIELD>."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from labelmill_runtime.settings import ServiceSettings


class PrelabelSettings(ServiceSettings):
    """The settings of prelabel."""

    model_config = SettingsConfigDict(env_prefix="LABELMILL_PRELABEL_", frozen=True, extra="forbid")

    backend: Literal["embedded", "triton"] = "embedded"
    """What runs the models: ONNX Runtime in this process, or a Triton server."""
    triton_address: str | None = None
    """host:port of Triton's gRPC endpoint."""
    model_repository: Path | None = None
    """The model repository; unset: data_dir/models. Triton must see the same folder."""
    threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Batches that are computed at once, one thread each (embedded), or instances of each model (Triton)."""
    batch_size: int = Field(default=16, ge=1, le=256)
    """Texts that an encoder gets at once."""
    max_waiting_texts: int = Field(default=8192, ge=1)
    """Texts that may wait for an encoder; more are refused with RESOURCE_EXHAUSTED."""
    max_artifact_bytes: int = Field(default=1 << 30, ge=1024)
    """The largest model."""
    triton_device: Literal["KIND_CPU", "KIND_GPU", "KIND_AUTO"] = "KIND_CPU"
    """Triton's instance kind."""
    triton_queue_size: int = Field(default=256, ge=1)
    """Batches that may wait in Triton for each model."""
    inference_timeout_s: float = Field(default=30.0, gt=0)
    """For calls whose client set no deadline, and the longest that a batch may wait in Triton."""

    @model_validator(mode="after")
    def _needs_address(self) -> PrelabelSettings:
        if self.backend == "triton" and not self.triton_address:
            raise ValueError("LABELMILL_PRELABEL_BACKEND=triton needs LABELMILL_PRELABEL_TRITON_ADDRESS.")
        return self
