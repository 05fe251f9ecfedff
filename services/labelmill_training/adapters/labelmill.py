"""Other Labelmill services, through the SDK."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from labelmill import errors as client_errors
from labelmill.annotation.v1 import resources_pb2 as annotation_resources_pb2
from labelmill.annotation.v1 import service_pb2 as annotation_pb2
from labelmill.prelabel.v1 import resources_pb2 as prelabel_resources_pb2
from labelmill.prelabel.v1 import service_pb2 as prelabel_pb2
from labelmill.quality.v1 import service_pb2 as quality_pb2
from labelmill.type.v1 import annotation_pb2 as type_pb2
from labelmill.type.v1 import ontology_pb2
from labelmill_runtime.errors import NotFound
from labelmill_runtime.peer_errors import from_peer
from labelmill_training.errors import ModelRejected, UnknownFeature
from labelmill_training.ports import Deployment, Embeddings, EncoderFiles, Feature
from labelmill_training.training_set import GoldLabel, SoftLabel

if TYPE_CHECKING:
    from labelmill.aio import Client

_CHUNK_BYTES = 256 * 1024
_PAGE = 1000
_DEPLOY_TIMEOUT_S = 180.0
_CLASSIFIABLE = (ontology_pb2.Feature.KIND_SINGLE_CHOICE, ontology_pb2.Feature.KIND_ORDINAL)
_EVALUATION = annotation_resources_pb2.Benchmark.PURPOSE_EVALUATION


class LabelmillLabels:
    """LabelSource: projects and gold from annotation, consensus from quality."""

    def __init__(self, peers: Callable[[], Client]) -> None:
        self._peers = peers

    async def require_project(self, project: str) -> None:
        """Raises NotFound PROJECT_NOT_FOUND."""
        await self._project(project)

    async def feature(self, project: str, report: str) -> Feature:
        """The report's feature, with the classes of the current ontology."""
        with _ours():
            request = quality_pb2.GetQualityReportRequest(name=report)
            name = (await self._peers().quality.get_quality_report(request)).feature
        for feature in (await self._project(project)).ontology.features:
            if feature.feature_name == name and feature.kind in _CLASSIFIABLE:
                return Feature(name, tuple(one.class_name for one in feature.classes))
        raise UnknownFeature(name)

    async def consensus(self, report: str) -> list[SoftLabel]:
        """The consensus of every item."""
        request = quality_pb2.ListConsensusLabelsRequest(parent=report, page_size=_PAGE)
        with _ours():
            return [
                SoftLabel(label.item, {share.class_name: share.probability for share in label.distribution})
                async for label in self._peers().quality.list_consensus_labels(request)
            ]

    async def evaluation_gold(self, project: str, feature: str, filter_text: str) -> list[GoldLabel]:
        """The gold for the feature."""
        benchmarks = await self._evaluation_benchmarks(project, filter_text)
        answers = ((one.asset, _answer(one.annotations, feature)) for one in benchmarks)
        return [GoldLabel(asset, answer) for asset, answer in answers if answer]

    async def held_out(self, project: str) -> list[str]:
        """Every asset held out."""
        return [benchmark.asset for benchmark in await self._evaluation_benchmarks(project, "")]

    async def _project(self, project: str) -> annotation_resources_pb2.Project:
        name = f"projects/{project}"
        try:
            with _ours():
                return await self._peers().projects.get_project(annotation_pb2.GetProjectRequest(name=name))
        except NotFound:
            message = "There is no such project."
            raise NotFound("PROJECT_NOT_FOUND", message, resource=("labelmill.io/Project", name)) from None

    async def _evaluation_benchmarks(self, project: str, filter_text: str) -> list[annotation_resources_pb2.Benchmark]:
        purpose = "purpose = EVALUATION"
        request = annotation_pb2.ListBenchmarksRequest(
            parent=f"projects/{project}",
            page_size=_PAGE,
            filter=f"{purpose} AND ({filter_text})" if filter_text.strip() else purpose,
        )
        with _ours():
            listed = [benchmark async for benchmark in self._peers().annotations.list_benchmarks(request)]
        return [benchmark for benchmark in listed if benchmark.purpose == _EVALUATION]


class LabelmillPrelabel:
    """ModelServer: the prelabel service."""

    def __init__(self, peers: Callable[[], Client], *, embed_timeout_s: float) -> None:
        self._peers = peers
        self._embed_timeout_s = embed_timeout_s

    async def encoder_version(self, project: str, encoder: str) -> int | None:
        """The version that answers, if one does."""
        request = prelabel_pb2.GetServedModelRequest(parent=f"projects/{project}", name=encoder)
        try:
            with _ours():
                model = await self._peers().prelabel.get_served_model(request)
        except NotFound:
            return None
        return int(model.version) if model.state == prelabel_resources_pb2.ServedModel.STATE_READY else None

    async def deploy_encoder(self, project: str, encoder_id: str, files: EncoderFiles, max_tokens: int) -> None:
        """Streams the two files."""
        header = prelabel_pb2.DeployModelRequest.Header(
            parent=f"projects/{project}",
            model_id=encoder_id,
            kind=prelabel_resources_pb2.ServedModel.KIND_TEXT_ENCODER,
            max_tokens=max_tokens,
        )
        contents = [await asyncio.to_thread(path.read_bytes) for path in (files.model, files.tokenizer)]
        await self._deploy(header, dict(zip(("model.onnx", "tokenizer.json"), contents, strict=True)))

    async def embed(self, project: str, encoder: str, assets: Sequence[str]) -> Embeddings:
        """One call."""
        request = prelabel_pb2.EmbedAssetsRequest(parent=f"projects/{project}", encoder=encoder, assets=assets)
        with _ours():
            answer = await self._peers().prelabel.embed_assets(request, timeout_s=self._embed_timeout_s)
        rows = np.frombuffer(answer.embeddings, dtype="<f4").reshape(len(assets), answer.embedding_length)
        return Embeddings(answer.encoder_version, rows.astype(np.float32))

    async def deploy_classifier(self, deployment: Deployment) -> str:
        """Streams the artifact; the SHA-256 of what answers then."""
        header = prelabel_pb2.DeployModelRequest.Header(
            parent=f"projects/{deployment.project}",
            model_id=deployment.model_id,
            kind=prelabel_resources_pb2.ServedModel.KIND_EMBEDDING_CLASSIFIER,
            class_names=deployment.class_names,
            feature=deployment.feature,
            encoder=deployment.encoder,
            temperature=deployment.temperature,
            model_version=deployment.model_version,
        )
        served = await self._deploy(header, {"model.onnx": deployment.artifact})
        if served.state != prelabel_resources_pb2.ServedModel.STATE_READY:
            raise ModelRejected(deployment.model_version)
        return served.artifact_sha256

    async def _deploy(
        self, header: prelabel_pb2.DeployModelRequest.Header, files: dict[str, bytes]
    ) -> prelabel_resources_pb2.ServedModel:
        with _ours():
            messages = _deployment(header, files)
            return await self._peers().prelabel.deploy_model(messages, timeout_s=_DEPLOY_TIMEOUT_S)


def _deployment(
    header: prelabel_pb2.DeployModelRequest.Header, files: dict[str, bytes]
) -> Iterator[prelabel_pb2.DeployModelRequest]:
    yield prelabel_pb2.DeployModelRequest(header=header)
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(content)
        for start in range(0, len(content), _CHUNK_BYTES):
            chunk = prelabel_pb2.DeployModelRequest.FileChunk(
                file_name=name, data=content[start : start + _CHUNK_BYTES]
            )
            yield prelabel_pb2.DeployModelRequest(chunk=chunk)
    yield prelabel_pb2.DeployModelRequest(sha256=digest.hexdigest())


def _answer(annotations: Sequence[type_pb2.Annotation], feature: str) -> str:
    for annotation in annotations:
        if annotation.feature == feature and annotation.WhichOneof("value") == "classification":
            return annotation.classification.single or annotation.classification.ordinal
    return ""


@contextmanager
def _ours() -> Iterator[None]:
    try:
        yield
    except client_errors.LabelmillError as error:
        raise from_peer(error) from None
