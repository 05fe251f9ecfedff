"""Protos to the domain and back."""

from __future__ import annotations

import time
from collections.abc import Sequence

from google.rpc import status_pb2

from labelmill.quality.v1 import resources_pb2 as quality_pb2
from labelmill.training.v1 import resources_pb2
from labelmill.type.v1 import erasure_pb2
from labelmill_runtime import names
from labelmill_runtime.errors import InvalidArgument
from labelmill_training.evaluation import Estimate, Evaluation
from labelmill_training.registry import ENCODER, MODEL, REPORT, VERSION, Job, JobRequest, JobState, Model, ModelVersion


def to_request(project: str, job: resources_pb2.TrainingJob) -> JobRequest:
    """What a caller asks for; every name must be the project's."""
    model = names.parse(MODEL, job.model, field="training_job.model")
    names.require_project(job.model, project, field="training_job.model")
    report_field = "training_job.labels.quality_report"
    names.parse(REPORT, job.labels.quality_report, field=report_field)
    names.require_project(job.labels.quality_report, project, field=report_field)
    recipe = job.recipe.frozen_embedding_classifier
    if recipe.encoder:
        names.parse(ENCODER, recipe.encoder, field="training_job.recipe.frozen_embedding_classifier.encoder")
    return JobRequest(
        model_id=model["model"],
        quality_report=job.labels.quality_report,
        min_posterior=job.labels.min_posterior,
        benchmark_filter=job.evaluation.benchmark_filter,
        encoder=recipe.encoder,
        l2_penalty=recipe.l2_penalty,
        balance_classes=recipe.balance_classes,
        hard_labels=recipe.hard_labels,
        seed=job.recipe.seed,
    )


def new_job(project: str, job_id: str, request: JobRequest) -> Job:
    """A job before it has an operation."""
    return Job(project, job_id, request, "", JobState.PENDING, time.time_ns() // 1_000_000)


def from_job(job: Job) -> resources_pb2.TrainingJob:
    """A job as callers see it."""
    request = job.request
    message = resources_pb2.TrainingJob(
        name=job.name,
        model=MODEL.format(project=job.project, model=request.model_id),
        recipe=resources_pb2.Recipe(
            frozen_embedding_classifier=resources_pb2.FrozenEmbeddingClassifier(
                encoder=request.encoder,
                l2_penalty=request.l2_penalty,
                balance_classes=request.balance_classes,
                hard_labels=request.hard_labels,
            ),
            seed=request.seed,
        ),
        labels=resources_pb2.LabelSource(quality_report=request.quality_report, min_posterior=request.min_posterior),
        evaluation=resources_pb2.EvaluationSet(benchmark_filter=request.benchmark_filter),
        state=resources_pb2.TrainingJob.State.ValueType(job.state),
        operation=job.operation,
        error=None if job.error is None else status_pb2.Status.FromString(job.error),
    )
    message.progress.stage, message.progress.done_count, message.progress.total_count = job.progress
    message.progress.create_time.FromMilliseconds(job.create_ms)
    message.create_time.FromMilliseconds(job.create_ms)
    if job.end_ms is not None:
        message.end_time.FromMilliseconds(job.end_ms)
        message.progress.update_time.FromMilliseconds(job.end_ms)
    if job.version is not None:
        message.model_version = VERSION.format(project=job.project, model=request.model_id, version=job.version)
    return message


def with_progress(job: Job, progress: tuple[str, int, int], now_ms: int) -> resources_pb2.TrainingJob:
    """A job at work, as its operation tells of it."""
    message = from_job(job)
    message.state = resources_pb2.TrainingJob.STATE_RUNNING
    message.progress.stage, message.progress.done_count, message.progress.total_count = progress
    message.progress.update_time.FromMilliseconds(now_ms)
    return message


def ended_unseen(message: resources_pb2.TrainingJob, error: status_pb2.Status | None) -> resources_pb2.TrainingJob:
    """The job whose operation ended without running it: it failed, or, without an error, was cancelled."""
    if error is None:
        message.state = resources_pb2.TrainingJob.STATE_CANCELLED
    else:
        message.state = resources_pb2.TrainingJob.STATE_FAILED
        message.error.CopyFrom(error)
    return message


def from_model(model: Model) -> resources_pb2.Model:
    """A model as callers see it."""

    def version(number: int | None) -> str:
        return VERSION.format(project=model.project, model=model.id, version=number) if number else ""

    message = resources_pb2.Model(
        name=model.name,
        feature=model.feature,
        promoted_version=version(model.promoted_version),
        latest_version=version(model.latest_version),
    )
    message.create_time.FromMilliseconds(model.create_ms)
    return message


def from_version(version: ModelVersion) -> resources_pb2.ModelVersion:
    """A version as callers see it."""
    spec, result = version.spec, version.result
    message = resources_pb2.ModelVersion(
        name=version.name,
        training_job=version.job_name,
        artifact_sha256=result.artifact_sha256,
        artifact_size_bytes=result.artifact_size_bytes,
        class_names=spec.class_names,
        evaluation=_from_evaluation(result.evaluation, spec.class_names),
        lineage=resources_pb2.Lineage(
            quality_report=version.quality_report,
            training_item_count=result.training_item_count,
            evaluation_item_count=result.evaluation_item_count,
            training_set_sha256=spec.training_set_sha256,
            encoder=spec.encoder,
            l2_penalty=result.l2_penalty,
            library_versions=result.library_versions,
        ),
        temperature=result.temperature,
        promoted=version.promoted,
    )
    message.create_time.FromMilliseconds(version.create_ms)
    return message


def to_version_number(text: str) -> int:
    """The number in a version's name."""
    if not text.isascii() or not text.isdigit() or text.startswith("0") or len(text) > 9:
        message = "Versions are numbers that count from 1."
        raise InvalidArgument("INVALID_NAME", message, fields={"name": "must end in a version number"})
    return int(text)


def _from_evaluation(evaluation: Evaluation, class_names: tuple[str, ...]) -> resources_pb2.Evaluation:
    return resources_pb2.Evaluation(
        accuracy=_from_estimate(evaluation.accuracy),
        macro_f1=_from_estimate(evaluation.macro_f1),
        log_loss=_from_estimate(evaluation.log_loss),
        calibration_error=_from_estimate(evaluation.calibration_error),
        confusion=quality_pb2.ConfusionMatrix(
            class_names=class_names,
            counts=[float(count) for row in evaluation.confusion for count in row],
            reference="benchmark",
        ),
        majority_class_accuracy=evaluation.majority_class_accuracy,
    )


def _from_estimate(estimate: Estimate) -> quality_pb2.Estimate:
    return quality_pb2.Estimate(
        value=estimate.value,
        lower=estimate.lower,
        upper=estimate.upper,
        confidence_level=estimate.confidence_level,
        method=estimate.method,
        interval_method=estimate.interval_method,
        sample_count=estimate.sample_count,
    )


def erased(input_count: int, trained: Sequence[str]) -> erasure_pb2.EraseAssetsResponse:
    """What an erasure removed, and the versions that were trained on the assets."""
    response = erasure_pb2.EraseAssetsResponse(removed_counts={"training_inputs": input_count})
    for version in trained:
        response.kept.add(item=version, reason="TRAINED_MODEL")
    return response
