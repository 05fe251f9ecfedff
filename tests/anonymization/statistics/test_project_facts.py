"""What is counted about a project, with storage and annotation themselves on the same server."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import labelmill.aio
import labelmill_annotation.server
import labelmill_anonymization.server
import labelmill_storage.server
from labelmill.annotation.v1 import resources_pb2 as annotation
from labelmill.annotation.v1 import service_pb2 as annotation_service
from labelmill.anonymization.v1 import operators_pb2, resources_pb2
from labelmill.anonymization.v1 import service_pb2 as anonymization_service
from labelmill.anonymization.v1 import statistics_service_pb2 as pb
from labelmill.storage.v1 import service_pb2 as storage_service
from labelmill.type.v1 import annotation_pb2, ontology_pb2
from labelmill_anonymization.settings import AnonymizationSettings
from labelmill_runtime.access import create_key, ensure_key_file
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.service import running
from labelmill_runtime.settings import RuntimeSettings
from tests.anonymization.word_detector import WordDetector

PROJECT = "projects/demo"
PRICE = 50.0


@dataclass
class Users:
    """Clients of a running server."""

    owner: labelmill.aio.Client
    annotator: labelmill.aio.Client


@pytest.fixture
async def users(tmp_path: Path) -> AsyncIterator[Users]:
    """One who may do everything but annotate, and one who may do nothing else."""
    settings = RuntimeSettings(data_dir=tmp_path, port=0)
    ensure_key_file(tmp_path, "service", "service", Role.SERVICE)
    owner = create_key(settings.keys_path, "owner", [Grant(role, "*") for role in Role if role is not Role.ANNOTATOR])
    annotator = create_key(settings.keys_path, "annotator", [Grant(Role.ANNOTATOR, "demo")])
    parts = labelmill_anonymization.server.Parts(make_detector=WordDetector, settings=AnonymizationSettings(workers=1))
    builders = [
        labelmill_annotation.server.build,
        labelmill_storage.server.build,
        labelmill_anonymization.server.builder(parts),
    ]
    async with (
        running(settings, builders) as server,
        labelmill.aio.Client(server.address, owner) as owners,
        labelmill.aio.Client(server.address, annotator) as annotators,
    ):
        await prepare(owners)
        yield Users(owners, annotators)


async def prepare(client: labelmill.aio.Client) -> None:
    feature = ontology_pb2.Feature(
        feature_name="topic",
        kind=ontology_pb2.Feature.KIND_SINGLE_CHOICE,
        classes=[ontology_pb2.ClassDefinition(class_name=name) for name in ("sport", "art")],
    )
    project = annotation.Project(ontology=ontology_pb2.Ontology(features=[feature]))
    await client.projects.create_project(annotation_service.CreateProjectRequest(project_id="demo", project=project))
    budget = pb.PrivacyBudget(name=f"{PROJECT}/privacyBudget", epsilon_total=1000)
    await client.statistics.update_privacy_budget(pb.UpdatePrivacyBudgetRequest(privacy_budget=budget))


async def upload(client: labelmill.aio.Client, content: str, media_type: str = "text/plain", **labels: str) -> str:
    item = storage_service.BatchCreateAssetsRequest.Item(content=content.encode(), media_type=media_type, labels=labels)
    request = storage_service.BatchCreateAssetsRequest(parent=PROJECT, items=[item])
    (result,) = (await client.storage.batch_create_assets(request)).results
    assert result.status.code == 0
    return result.asset.name


async def released(client: labelmill.aio.Client, **fields: object) -> list[float]:
    request = pb.ReleaseStatisticRequest(
        parent=PROJECT,
        statistic=pb.Statistic(**fields),  # type: ignore[arg-type]
        epsilon=PRICE,
        request_id=str(uuid.uuid4()),
    )
    return [value.value for value in (await client.statistics.release_statistic(request)).values]


async def test_assets_are_counted_by_what_storage_knows(users: Users) -> None:
    client = users.owner
    for number, site in enumerate(["north"] * 5 + ["south"] * 3):
        await upload(client, f"Text number {number}.", site=site)
    table = await upload(client, "age\n" + "30\n40\n" * 20, "text/csv", site="south")
    sites = pb.HistogramFigure(categories=["north", "south"])
    by_site = pb.AssetData(property=pb.AssetData.PROPERTY_LABEL, label_key="site")
    assert await released(client, assets=by_site, histogram=sites) == pytest.approx([5, 4], abs=1)
    texts = pb.AssetData(filter='labels.site = "south"')
    assert await released(client, assets=texts, count=pb.CountFigure(value="text/plain")) == pytest.approx([3], abs=1)
    ages = pb.TableData(asset=table, column="age")
    mean = pb.MeanFigure(bounds=pb.Bounds(lower=0, upper=100))
    assert await released(client, table=ages, mean=mean) == pytest.approx([35], abs=2)


async def test_assets_are_counted_by_what_labelers_said(users: Users) -> None:
    client = users.owner
    names = [await upload(client, f"Text number {number}.") for number in range(6)]
    said = {name: "sport" if index < 4 else "art" for index, name in enumerate(names)}
    await annotate(users, said)
    topics = pb.HistogramFigure(categories=["sport", "art", "law"])
    data = pb.LabelData(feature="topic", filter="kind = LABEL")
    assert await released(client, labels=data, histogram=topics) == pytest.approx([4, 2, 0], abs=1)


async def annotate(users: Users, said: dict[str, str]) -> None:
    """One answer for each asset; annotators see only what is CLEAN."""
    replace = operators_pb2.Operator(replace=operators_pb2.Replace())
    policy = await users.owner.anonymization.create_policy(
        anonymization_service.CreatePolicyRequest(
            parent=PROJECT, policy_id="strict", policy=resources_pb2.Policy(default_operator=replace)
        )
    )
    operation = await users.owner.anonymization.anonymize_assets(
        anonymization_service.AnonymizeAssetsRequest(parent=PROJECT, policy=policy.name)
    )
    assert (await operation.result(timeout_s=60)).failed_count == 0
    created = annotation_service.BatchCreateTasksRequest(parent=PROJECT, assets=list(said))
    await users.owner.tasks.batch_create_tasks(created)
    leased = await users.annotator.tasks.lease_tasks(
        annotation_service.LeaseTasksRequest(parent=PROJECT, max_tasks=len(said))
    )
    items = [
        annotation_service.BatchSubmitTasksRequest.Item(
            lease=annotation_service.TaskLease(task=task.name, lease_token=task.lease.token),
            annotations=[
                annotation_pb2.Annotation(
                    feature="topic", classification=annotation_pb2.Classification(single=said[task.asset])
                )
            ],
        )
        for task in leased.tasks
    ]
    answer = await users.annotator.tasks.batch_submit_tasks(
        annotation_service.BatchSubmitTasksRequest(parent=PROJECT, items=items)
    )
    assert [result.status.code for result in answer.results] == [0] * len(said)
