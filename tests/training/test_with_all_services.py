"""Training among the real services: encoder, labels, gold, embeddings, promotion and predictions over one socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.aio import Client
from labelmill.annotation.v1 import resources_pb2 as annotation
from labelmill.annotation.v1 import service_pb2 as annotation_service
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as anonymization
from labelmill.anonymization.v1 import service_pb2 as anonymization_service
from labelmill.prelabel.v1 import service_pb2 as prelabel_service
from labelmill.quality.v1 import service_pb2 as quality_service
from labelmill.storage.v1 import service_pb2 as storage_service
from labelmill.training.v1 import resources_pb2, service_pb2
from labelmill.type.v1 import annotation_pb2, ontology_pb2
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role
from labelmill_up import up

pytestmark = pytest.mark.timeout(300)

PROJECT = "projects/reviews"
THINGS = ("soup", "bread", "film", "hotel", "phone", "garden", "music", "story", "coffee", "lamp", "train", "jacket")
PRAISE = ("The {} was wonderful, I loved it.", "What a delightful {}, simply excellent.", "A great {}, five stars.")
BLAME = ("The {} was terrible, I hated it.", "What an awful {}, a complete waste.", "A broken {}, one star at most.")
TRUTH = {form.format(thing): "good" for form in PRAISE for thing in THINGS}
TRUTH |= {form.format(thing): "bad" for form in BLAME for thing in THINGS}


def said(class_name: str) -> annotation_pb2.Annotation:
    return annotation_pb2.Annotation(feature="mood", classification=annotation_pb2.Classification(single=class_name))


@dataclass
class World:
    """A project whose assets are clean, labelled and scored."""

    owner: Client
    truth: dict[str, str]
    """The class of each asset."""
    held_out: list[str]
    report: str


async def ingest(owner: Client) -> dict[str, str]:
    """Every text into RAW and then CLEAN; the class of each asset."""
    item = storage_service.BatchCreateAssetsRequest.Item
    items = [item(content=text.encode(), media_type="text/plain") for text in TRUTH]
    answer = await owner.storage.batch_create_assets(
        storage_service.BatchCreateAssetsRequest(parent=PROJECT, items=items)
    )
    rule = anonymization.Rule(
        entity_type="EMAIL_ADDRESS", operator=operators_pb2.Operator(redact=operators_pb2.Redact())
    )
    policy = anonymization.Policy(language="en", rules=[rule])
    await owner.anonymization.create_policy(
        anonymization_service.CreatePolicyRequest(parent=PROJECT, policy_id="plain", policy=policy)
    )
    operation = await owner.anonymization.anonymize_assets(
        anonymization_service.AnonymizeAssetsRequest(parent=PROJECT, policy=f"{PROJECT}/policies/plain")
    )
    await operation.result(timeout_s=120)
    return {result.asset.name: TRUTH[text] for text, result in zip(TRUTH, answer.results, strict=True)}


async def label(owner: Client, annotator: Client, truth: dict[str, str], assets: Sequence[str]) -> None:
    """One labeler who is always right."""
    await owner.tasks.batch_create_tasks(annotation_service.BatchCreateTasksRequest(parent=PROJECT, assets=assets))
    leased = await annotator.tasks.lease_tasks(annotation_service.LeaseTasksRequest(parent=PROJECT, max_tasks=100))
    item = annotation_service.BatchSubmitTasksRequest.Item
    items = [
        item(
            lease=annotation_service.TaskLease(task=task.name, lease_token=task.lease.token),
            annotations=[said(truth[task.asset])],
        )
        for task in leased.tasks
    ]
    answer = await annotator.tasks.batch_submit_tasks(
        annotation_service.BatchSubmitTasksRequest(parent=PROJECT, items=items)
    )
    assert [result.status.code for result in answer.results] == [0] * len(assets)


async def score(owner: Client) -> str:
    operation = await owner.quality.score_project(
        quality_service.ScoreProjectRequest(
            parent=PROJECT, feature="mood", consensus_method="CONSENSUS_METHOD_MAJORITY_VOTE"
        )
    )
    return (await operation.result(timeout_s=60)).name


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with up.running(tmp_path / "data") as server, server.client() as owner:
        classes = [ontology_pb2.ClassDefinition(class_name=name) for name in ("bad", "good")]
        feature = ontology_pb2.Feature(
            feature_name="mood", kind=ontology_pb2.Feature.KIND_SINGLE_CHOICE, classes=classes
        )
        project = annotation.Project(ontology=ontology_pb2.Ontology(features=[feature]))
        await owner.projects.create_project(
            annotation_service.CreateProjectRequest(project_id="reviews", project=project)
        )
        truth = await ingest(owner)
        assets = sorted(truth)
        held_out, labelled = assets[:24], assets[24:]
        key = create_key(tmp_path / "data" / "keys.json", "ann", [Grant(Role.ANNOTATOR, "reviews")])
        async with Client(server.address, key) as annotator:
            await label(owner, annotator, truth, labelled)
        gold = [
            annotation.Benchmark(
                asset=asset, annotations=[said(truth[asset])], purpose=annotation.Benchmark.PURPOSE_EVALUATION
            )
            for asset in held_out
        ]
        await owner.annotations.batch_create_benchmarks(
            annotation_service.BatchCreateBenchmarksRequest(parent=PROJECT, benchmarks=gold)
        )
        yield World(owner, truth, held_out, await score(owner))


def job_request(world: World, filter_text: str = "", l2_penalty: float = 0.0) -> service_pb2.CreateTrainingJobRequest:
    recipe = resources_pb2.FrozenEmbeddingClassifier(l2_penalty=l2_penalty)
    job = resources_pb2.TrainingJob(
        model=f"{PROJECT}/models/mood",
        recipe=resources_pb2.Recipe(frozen_embedding_classifier=recipe),
        labels=resources_pb2.LabelSource(quality_report=world.report),
        evaluation=resources_pb2.EvaluationSet(benchmark_filter=filter_text),
    )
    return service_pb2.CreateTrainingJobRequest(parent=PROJECT, training_job=job)


async def test_labels_become_a_served_model(world: World) -> None:
    training = world.owner.training
    job = await (await training.create_training_job(job_request(world))).result(timeout_s=200)
    version = await training.promote_model_version(
        service_pb2.PromoteModelVersionRequest(name=job.model_version, min_accuracy=0.9)
    )
    assert version.lineage.training_item_count == 48
    assert version.lineage.evaluation_item_count == 24
    assert version.lineage.encoder == "encoders/minilm-l6-v2@1"

    texts = ["The sofa was wonderful, I loved it.", "What an awful sofa, a complete waste."]
    answer = await world.owner.prelabel.predict_texts(
        prelabel_service.PredictTextsRequest(model=f"{PROJECT}/models/mood", texts=texts)
    )
    (good, bad) = (prediction.annotations[0] for prediction in answer.predictions)
    assert (good.classification.single, bad.classification.single) == ("good", "bad")
    assert good.provenance.model.model_version == version.name
    assert good.provenance.model.artifact_sha256 == version.artifact_sha256

    # The next version takes the place of the first, and the first can come back.
    chosen = " OR ".join(f'asset = "{name}"' for name in world.held_out[1:])
    again = await (await training.create_training_job(job_request(world, chosen, 0.5))).result(timeout_s=200)
    second = await training.get_model_version(service_pb2.GetModelVersionRequest(name=again.model_version))
    assert second.artifact_sha256 != version.artifact_sha256
    assert second.lineage.evaluation_item_count == 23
    assert second.lineage.training_item_count == 48  # the one not evaluated on is still held out
    for name in (again.model_version, job.model_version):
        await training.promote_model_version(service_pb2.PromoteModelVersionRequest(name=name))
        page = await training.list_models.page(service_pb2.ListModelsRequest(parent=PROJECT))
        assert page.models[0].promoted_version == name
        answer = await world.owner.prelabel.predict_texts(
            prelabel_service.PredictTextsRequest(model=f"{PROJECT}/models/mood", texts=texts)
        )
        assert answer.predictions[0].annotations[0].provenance.model.model_version == name

    request = job_request(world)
    request.training_job.labels.quality_report = f"{PROJECT}/qualityReports/none"
    with pytest.raises(errors.NotFound) as refused:
        await training.create_training_job(request)
    assert refused.value.reason == "QUALITY_REPORT_NOT_FOUND"
