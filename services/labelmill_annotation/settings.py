"""What this service can be told; each field is the variable LABELMILL_ANNOTATION_<FIELD>."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from labelmill_runtime.settings import ServiceSettings


class AnnotationSettings(ServiceSettings):
    """Settings of the annotation service."""

    model_config = SettingsConfigDict(env_prefix="LABELMILL_ANNOTATION_", frozen=True, extra="forbid")

    storage_timeout_s: float = Field(default=10.0, gt=0)
    """How long new tasks wait for storage to describe their assets."""
    prediction_timeout_s: float = Field(default=2.0, gt=0)
    """How long a lease waits for predictions before it goes out without them."""
    export_page_size: int = Field(default=250, ge=1, le=1000)
    """Annotations in memory at once during an export."""
