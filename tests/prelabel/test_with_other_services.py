"""Prelabel beside the real annotation, storage and anonymization services, on one server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import labelmill_annotation.server
import labelmill_anonymization.server
import labelmill_prelabel.server
import labelmill_storage.server
from labelmill.aio import Client
from labelmill.annotation.v1 import resources_pb2 as annotation
from labelmill.annotation.v1 import service_pb2 as annotation_service
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as anonymization
from labelmill.anonymization.v1 import service_pb2 as anonymization_service
from labelmill.errors import FailedPrecondition, NotFound
from labelmill.prelabel.v1 import service_pb2
from labelmill.storage.v1 import service_pb2 as storage_service
from labelmill.type.v1 import ontology_pb2
from labelmill_anonymization.settings import AnonymizationSettings
from labelmill_runtime.access import create_key, ensure_key_file
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.service import running
from labelmill_runtime.settings import RuntimeSettings
from tests.prelabel import onnx_models
from tests.prelabel.prelabel_server import CLASSES, ENCODER, MODEL, PARENT, classifier_header, encoder_header, upload
from tests.prelabel.project_assets import PROJECT

TEXTS = ["good good good film", "so bad bad bad", "so so so so", "good bad good bad"]


@pytest.fixture
async def mill(tmp_path: Path) -> AsyncIterator[Client]:
    """A client that may do everything."""
    settings = RuntimeSettings(data_dir=tmp_path, port=0)
    ensure_key_file(tmp_path, "service", "service", Role.SERVICE)
    grants = [Grant(role, "*") for role in (Role.OWNER, Role.MANAGER, Role.PRIVACY_OFFICER)]
    key = create_key(settings.keys_path, "everyone", grants)
    anonymizer = labelmill_anonymization.server.builder(
        labelmill_anonymization.server.Parts(settings=AnonymizationSettings(workers=1))
    )
    builders = [
        labelmill_annotation.server.build,
        labelmill_storage.server.build,
        anonymizer,
        labelmill_prelabel.server.build,
    ]
    async with running(settings, builders) as server, Client(server.address, key) as client:
        yield client


async def make_project(client: Client) -> None:
    feature = ontology_pb2.Feature(
        feature_name="tone",
        kind=ontology_pb2.Feature.KIND_SINGLE_CHOICE,
        classes=[ontology_pb2.ClassDefinition(class_name=name) for name in CLASSES],
    )
    project = annotation.Project(ontology=ontology_pb2.Ontology(features=[feature]))
    await client.projects.create_project(annotation_service.CreateProjectRequest(project_id=PROJECT, project=project))
    policy = anonymization.Policy(default_operator=operators_pb2.Operator(replace=operators_pb2.Replace()))
    await client.anonymization.create_policy(
        anonymization_service.CreatePolicyRequest(parent=PARENT, policy_id="strict", policy=policy)
    )


async def ingest(client: Client) -> list[str]:
    """RAW assets, half of them with the label set=a."""
    items = [
        storage_service.BatchCreateAssetsRequest.Item(
            content=text.encode(), media_type="text/plain", labels={"set": "ab"[number % 2]}
        )
        for number, text in enumerate(TEXTS)
    ]
    response = await client.storage.batch_create_assets(
        storage_service.BatchCreateAssetsRequest(parent=PARENT, items=items)
    )
    return [result.asset.name for result in response.results]


async def predict(client: Client, filter_text: str = "") -> int:
    request = service_pb2.PredictAssetsRequest(model=MODEL, filter=filter_text)
    return (await (await client.prelabel.predict_assets(request)).result(timeout_s=60)).predicted_count


async def test_only_what_was_admitted_into_clean_is_predicted(mill: Client, tmp_path: Path):
    files = {"model.onnx": onnx_models.encoder(), "tokenizer.json": onnx_models.tokenizer(tmp_path)}
    with pytest.raises(NotFound) as raised:
        await mill.prelabel.deploy_model(upload(encoder_header(), files))
    assert raised.value.reason == "PROJECT_NOT_FOUND"
    await make_project(mill)
    await mill.prelabel.deploy_model(upload(encoder_header(), files))
    await mill.prelabel.deploy_model(upload(classifier_header(), {"model.onnx": onnx_models.head()}))
    names = await ingest(mill)

    assert await predict(mill) == 0, "all of it is RAW"
    embed = service_pb2.EmbedAssetsRequest(parent=PARENT, encoder=ENCODER, assets=names[:1])
    with pytest.raises(FailedPrecondition) as not_clean:
        await mill.prelabel.embed_assets(embed)
    assert not_clean.value.reason == "NOT_CLEAN"

    policy = anonymization_service.AnonymizeAssetsRequest(parent=PARENT, policy=f"{PARENT}/policies/strict")
    await (await mill.anonymization.anonymize_assets(policy)).result(timeout_s=120)
    assert await predict(mill, 'labels.set = "a" OR labels.set = "none"') == 2
    assert await predict(mill) == 2, "the other two"
    kept = await mill.prelabel.batch_get_predictions(
        service_pb2.BatchGetPredictionsRequest(parent=PARENT, assets=names)
    )
    classes = [one.annotations[0].classification.single for one in kept.predictions]
    assert classes[:3] == ["positive", "negative", "neutral"]
    ranking = service_pb2.RankAssetsRequest(model=MODEL, strategy="STRATEGY_MARGIN", limit=1)
    best = await (await mill.prelabel.rank_assets(ranking)).result(timeout_s=60)
    assert [one.asset for one in best.assets] == [names[3]]
    assert len((await mill.prelabel.embed_assets(embed)).embeddings) == 4 * onnx_models.LENGTH
