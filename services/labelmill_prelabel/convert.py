"""Protos to domain and back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from labelmill.prelabel.v1 import resources_pb2, service_pb2
from labelmill.type.v1 import annotation_pb2, progress_pb2
from labelmill_prelabel.artifact_upload import Checksum, Chunk, Part
from labelmill_prelabel.asset_prediction import PredictionProgress
from labelmill_prelabel.asset_ranking import Ranking, RankingProgress
from labelmill_prelabel.errors import ModelRejected
from labelmill_prelabel.models import DEFAULT_MAX_TOKENS, ModelKind, ModelName, ModelSpec, ModelState, ModelVersion
from labelmill_prelabel.ports import KeptPrediction
from labelmill_prelabel.prediction import Probabilities
from labelmill_prelabel.ranking import Strategy
from labelmill_runtime import names
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.status import to_status

_KINDS = {
    ModelKind.TEXT_ENCODER: resources_pb2.ServedModel.KIND_TEXT_ENCODER,
    ModelKind.EMBEDDING_CLASSIFIER: resources_pb2.ServedModel.KIND_EMBEDDING_CLASSIFIER,
}
_STATES = {
    ModelState.READY: resources_pb2.ServedModel.STATE_READY,
    ModelState.FAILED: resources_pb2.ServedModel.STATE_FAILED,
    ModelState.RETIRED: resources_pb2.ServedModel.STATE_RETIRED,
}
_STRATEGIES = {
    service_pb2.RankAssetsRequest.STRATEGY_ENTROPY: Strategy.ENTROPY,
    service_pb2.RankAssetsRequest.STRATEGY_MARGIN: Strategy.MARGIN,
    service_pb2.RankAssetsRequest.STRATEGY_LEAST_CONFIDENCE: Strategy.LEAST_CONFIDENCE,
    service_pb2.RankAssetsRequest.STRATEGY_DIVERSE_MARGIN: Strategy.DIVERSE_MARGIN,
    service_pb2.RankAssetsRequest.STRATEGY_RANDOM: Strategy.RANDOM,
}
_TEMPERATURE = "temperature"


async def parts(requests: AsyncIterator[service_pb2.DeployModelRequest]) -> AsyncIterator[Part]:
    """The messages of an upload."""
    async for request in requests:
        match request.WhichOneof("part"):
            case "header":
                yield spec(request.header)
            case "chunk":
                yield Chunk(request.chunk.file_name, request.chunk.data)
            case _:
                yield Checksum(request.sha256)


def spec(header: service_pb2.DeployModelRequest.Header) -> ModelSpec:
    """What the deployer says of a model."""
    is_encoder = header.kind == resources_pb2.ServedModel.KIND_TEXT_ENCODER
    if not header.model_id:
        raise ModelRejected("needs an id", "header.model_id")
    encoder, at, version = header.encoder.partition("@")
    if at and not (version.isascii() and version.isdecimal()):
        raise ModelRejected("names an encoder version that is not a number", "header.encoder")
    return ModelSpec(
        name=ModelName("" if is_encoder else names.project_of(header.parent), header.model_id),
        class_names=tuple(header.class_names),
        feature=header.feature,
        encoder=encoder,
        temperature=header.temperature or 1.0,
        max_tokens=header.max_tokens or DEFAULT_MAX_TOKENS,
        lineage=header.model_version,
        trained_on=int(version or 0),
    )


def served_model(model: ModelVersion) -> resources_pb2.ServedModel:
    """A version as callers see it."""
    is_encoder = model.name.kind is ModelKind.TEXT_ENCODER
    return resources_pb2.ServedModel(
        name=str(model.name),
        version=model.version,
        kind=_KINDS[model.name.kind],
        state=_STATES[model.state],
        state_message=model.state_message,
        class_names=model.spec.class_names,
        feature=model.spec.feature,
        encoder=model.spec.encoder,
        embedding_length=model.embedding_length if is_encoder else 0,
        temperature=model.spec.temperature,
        artifact_sha256=model.artifact_sha256,
        deploy_time=_time(model.deploy_time_ms),
    )


def prediction(
    model: ModelVersion, answer: Probabilities | LabelmillError, create_time_ms: int, asset: str = ""
) -> resources_pb2.Prediction:
    """One prediction, or why there is none."""
    result = resources_pb2.Prediction(asset=asset, create_time=_time(create_time_ms))
    if isinstance(answer, LabelmillError):
        result.status.CopyFrom(to_status(answer))
        return result
    result.annotations.append(_annotation(model, answer, create_time_ms, asset))
    return result


def kept_prediction(kept: Sequence[KeptPrediction]) -> resources_pb2.Prediction:
    """What is kept about one asset, one annotation for each feature."""
    newest = max(one.create_time_ms for one in kept)
    result = resources_pb2.Prediction(asset=kept[0].asset, create_time=_time(newest))
    for one in kept:
        result.annotations.append(_annotation(one.model, one.probabilities, one.create_time_ms, one.asset))
    return result


def _annotation(model: ModelVersion, row: Probabilities, create_time_ms: int, asset: str) -> annotation_pb2.Annotation:
    top = int(row.argmax())
    source = annotation_pb2.ModelSource(
        model_version=model.spec.lineage or f"{model.name}/versions/{model.version}",
        artifact_sha256=model.artifact_sha256,
        calibration=_TEMPERATURE if model.spec.temperature != 1 else "",
    )
    annotation = annotation_pb2.Annotation(
        asset=asset,
        feature=model.spec.feature,
        confidence=float(row[top]),
        provenance=annotation_pb2.Provenance(model=source),
        create_time=_time(create_time_ms),
    )
    annotation.classification.single = model.spec.class_names[top]
    for class_name, probability in zip(model.spec.class_names, row.tolist(), strict=True):
        annotation.classification.distribution.add(class_name=class_name, probability=probability)
    return annotation


def strategy(value: int) -> Strategy:
    """How to rank."""
    return _STRATEGIES[service_pb2.RankAssetsRequest.Strategy.ValueType(value)]


def prediction_metadata(
    before: service_pb2.PredictAssetsMetadata, now: PredictionProgress
) -> service_pb2.PredictAssetsMetadata:
    """The metadata of a prediction job, brought up to date."""
    after = service_pb2.PredictAssetsMetadata()
    after.CopyFrom(before)
    done = now.predicted + now.skipped + now.failed
    _progress(after.progress, "done" if now.finished else "predicting", now.total, done, now.failed)
    if now.failures:
        del after.progress.partial_failures[:]
    for asset, error in now.failures:
        after.progress.partial_failures.add(item=asset, status=to_status(error))
    return after


def prediction_response(now: PredictionProgress) -> service_pb2.PredictAssetsResponse:
    """What a prediction job did."""
    return service_pb2.PredictAssetsResponse(
        predicted_count=now.predicted, skipped_count=now.skipped, failed_count=now.failed
    )


def ranking_metadata(before: service_pb2.RankAssetsMetadata, now: RankingProgress) -> service_pb2.RankAssetsMetadata:
    """The metadata of a ranking job, brought up to date."""
    after = service_pb2.RankAssetsMetadata()
    after.CopyFrom(before)
    _progress(after.progress, now.stage, now.total, now.done, now.failed)
    return after


def ranking_response(ranking: Ranking, model_version: int) -> service_pb2.RankAssetsResponse:
    """A ranking."""
    response = service_pb2.RankAssetsResponse(model_version=model_version, candidate_count=ranking.candidates)
    for asset, score in ranking.assets:
        response.assets.add(asset=asset, score=score)
    return response


def begun() -> progress_pb2.Progress:
    """The progress of a job that was asked for now."""
    progress = progress_pb2.Progress(stage="waiting")
    progress.create_time.GetCurrentTime()
    return progress


def results(
    items: Sequence[service_pb2.StreamPredictTextsRequest.Item], predictions: Sequence[resources_pb2.Prediction]
) -> service_pb2.StreamPredictTextsResponse:
    """The answers to one message of a stream."""
    response = service_pb2.StreamPredictTextsResponse()
    for item, one in zip(items, predictions, strict=True):
        response.results.add(item_id=item.item_id, prediction=one)
    return response


def in_order(
    assets: Sequence[str], found: Mapping[str, list[KeptPrediction]]
) -> service_pb2.BatchGetPredictionsResponse:
    """The kept predictions of assets; those without are left out."""
    kept = [kept_prediction(found[asset]) for asset in dict.fromkeys(assets) if asset in found]
    return service_pb2.BatchGetPredictionsResponse(predictions=kept)


def _progress(progress: progress_pb2.Progress, stage: str, total: int, done: int, failed: int) -> None:
    progress.stage, progress.total_count, progress.done_count, progress.failed_count = stage, total, done, failed
    progress.update_time.GetCurrentTime()


def _time(milliseconds: int) -> Timestamp:
    moment = Timestamp()
    moment.FromMilliseconds(milliseconds)
    return moment
