"""Promotion over a real socket: the gate, the hand-over, and what is recorded when."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from labelmill import errors
from labelmill.aio import Client, Retry
from labelmill.training.v1 import resources_pb2, service_pb2
from labelmill_runtime.errors import Unavailable
from tests.training.conftest import MODEL, PARENT, Training
from tests.training.fakes import CLASSES


def promote(version: int, **more: object) -> service_pb2.PromoteModelVersionRequest:
    return service_pb2.PromoteModelVersionRequest(name=f"{MODEL}/versions/{version}", **more)


async def promoted_version(training: Training) -> str:
    page = await training.client.training.list_models.page(service_pb2.ListModelsRequest(parent=PARENT))
    return page.models[0].promoted_version


async def test_promoted_version_is_deployed_with_its_lineage(training: Training) -> None:
    await training.train()
    version = await training.client.training.promote_model_version(promote(1, min_accuracy=0.8))
    assert version.promoted
    (deployment,) = training.models.deployed
    assert deployment.model_version == f"{MODEL}/versions/1"
    assert deployment.class_names == CLASSES
    assert (deployment.feature, deployment.encoder) == ("tone", "encoders/minilm-l6-v2@1")
    assert deployment.temperature == pytest.approx(1.5)
    assert await promoted_version(training) == f"{MODEL}/versions/1"


async def test_gate_refuses_a_version_that_is_not_good_enough(training: Training) -> None:
    await training.train()
    with pytest.raises(errors.FailedPrecondition) as refused:
        await training.client.training.promote_model_version(promote(1, min_accuracy=0.81))
    assert refused.value.reason == "GATE_CLOSED"
    assert training.models.deployed == []
    assert await promoted_version(training) == ""


async def test_absent_model_server_changes_nothing(training: Training) -> None:
    await training.train()
    await training.train()
    await training.client.training.promote_model_version(promote(1))
    training.models.failure = Unavailable("BACKEND_AWAY", "Not now.")
    async with Client(training.server.address, training.key, retry=Retry(max_attempts=1)) as client:
        with pytest.raises(errors.Unavailable):
            await client.training.promote_model_version(promote(2))
    assert await promoted_version(training) == f"{MODEL}/versions/1"


async def test_repeated_promotion_does_not_undo_a_later_one(training: Training) -> None:
    await training.train()
    await training.train()
    first = promote(1, request_id=str(uuid.uuid4()))
    answer = await training.client.training.promote_model_version(first)
    await training.client.training.promote_model_version(promote(2))
    assert await training.client.training.promote_model_version(first) == answer
    assert [d.model_version[-1] for d in training.models.deployed] == ["1", "2"]
    assert await promoted_version(training) == f"{MODEL}/versions/2"


async def test_promotions_at_once_leave_served_and_recorded_the_same(training: Training) -> None:
    await training.train()
    await training.train()
    call = training.client.training.promote_model_version
    await asyncio.gather(*(call(promote(1 + turn % 2)) for turn in range(6)))
    assert await promoted_version(training) == training.models.deployed[-1].model_version


async def test_older_version_can_be_promoted_again(training: Training) -> None:
    await training.train()
    await training.train()
    for number in (2, 1):
        await training.client.training.promote_model_version(promote(number))
    request = service_pb2.ListModelVersionsRequest(parent=MODEL)
    listed = [version async for version in training.client.training.list_model_versions(request)]
    assert [version.promoted for version in listed] == [False, True]


async def test_damaged_artifact_is_not_deployed(training: Training) -> None:
    job: resources_pb2.TrainingJob = await training.train()
    job_id = job.name.rpartition("/")[2]
    (artifact,) = (training.data_dir / "artifacts").rglob(f"{job_id}/model.onnx")
    artifact.write_bytes(b"something else")
    with pytest.raises(errors.DataLoss) as refused:
        await training.client.training.promote_model_version(promote(1))
    assert refused.value.reason == "ARTIFACT_DAMAGED"
    assert training.models.deployed == []


async def test_unknown_version_cannot_be_promoted(training: Training) -> None:
    with pytest.raises(errors.NotFound):
        await training.client.training.promote_model_version(promote(1))
