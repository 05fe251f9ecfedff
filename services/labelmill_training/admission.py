"""What must hold before a job is worth starting. What can change until it runs is checked again then. Pure."""

from __future__ import annotations

from labelmill_runtime import filters
from labelmill_training.encoder_id import BUILT_IN_ENCODER
from labelmill_training.errors import EncoderNotFound, ModelFeatureMismatch
from labelmill_training.ports import LabelSource, ModelServer, Registry
from labelmill_training.registry import JobRequest


async def admit(
    project: str, request: JobRequest, labels: LabelSource, server: ModelServer, registry: Registry
) -> None:
    """Refuses a job that could only fail.

    Raises:
        NotFound: The project, the report or the encoder.
        UnknownFeature: The report's feature is not one that a classifier can answer.
        ModelFeatureMismatch: The model answers another feature.
        InvalidArgument: INVALID_FILTER.
    """
    if request.benchmark_filter.strip():
        filters.parse(request.benchmark_filter)
    await labels.require_project(project)
    feature = await labels.feature(project, request.quality_report)
    model = await registry.model(project, request.model_id)
    if model is not None and model.feature != feature.name:
        raise ModelFeatureMismatch(model.name, model.feature)
    if request.encoder not in ("", BUILT_IN_ENCODER) and await server.encoder_version(project, request.encoder) is None:
        raise EncoderNotFound(request.encoder)
