"""What EraseAssets takes out of the training service, and what it names as kept."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.aio import Client, Operation, Retry
from labelmill.type.v1.erasure_pb2 import EraseAssetsRequest, EraseAssetsResponse
from labelmill_runtime.principal import Role
from labelmill_training.training_set import SoftLabel
from tests.support.postgres import new_database
from tests.training.conftest import MODEL, PARENT, Training, create_request, serving
from tests.training.fakes import FakeServer, FakeTrainer, assets

TRAINED, EVALUATED, UNKNOWN = assets(0, 1)[0], assets(150, 1)[0], assets(9_000, 1)[0]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else new_database(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def on_both(tmp_path: Path, database_url: str | None) -> AsyncIterator[Training]:
    async with serving(tmp_path / "data", trainer=FakeTrainer(), database_url=database_url) as service:
        yield service


async def erase(training: Training, *names: str, request_id: str = "") -> EraseAssetsResponse:
    request = EraseAssetsRequest(parent=PARENT, names=names, request_id=request_id)
    retry = Retry(max_attempts=1)
    async with Client(training.server.address, training.keys[Role.SERVICE], retry=retry) as client:
        return await client.training.erase_assets(request)


def kept(response: EraseAssetsResponse) -> list[tuple[str, str]]:
    return [(item.item, item.reason) for item in response.kept]


def inputs(training: Training) -> list[Path]:
    """Files of what jobs train on."""
    return list((training.data_dir / "artifacts").rglob("inputs.npz*"))


async def begun(training: Training, stage: str) -> Operation:  # type: ignore[type-arg]
    """A job that has come to a stage."""
    operation = await training.client.training.create_training_job(create_request())
    async with asyncio.timeout(30):
        while operation.metadata() is None or operation.metadata().progress.stage != stage:
            await operation.refresh()
    return operation


async def test_models_that_were_trained_on_an_asset_are_named(on_both: Training) -> None:
    await on_both.train()
    on_both.labels.label_count = 20  # others are labelled
    await on_both.train()
    assert kept(await erase(on_both, assets(100, 1)[0])) == [(f"{MODEL}/versions/1", "TRAINED_MODEL")]
    both = [(f"{MODEL}/versions/{number}", "TRAINED_MODEL") for number in (1, 2)]
    assert kept(await erase(on_both, TRAINED, UNKNOWN)) == both
    assert kept(await erase(on_both, TRAINED)) == both
    assert kept(await erase(on_both, EVALUATED, UNKNOWN)) == []


async def test_versions_from_before_assets_were_recorded_are_all_named(training: Training) -> None:
    await training.train()
    with contextlib.closing(sqlite3.connect(training.data_dir / "training.db", isolation_level=None)) as database:
        database.execute("DELETE FROM training_items")
    assert kept(await erase(training, UNKNOWN)) == [(f"{MODEL}/versions/1", "TRAINED_MODEL")]


async def test_a_job_that_is_over_leaves_no_inputs(on_both: Training) -> None:
    await on_both.train()
    on_both.trainer.fault = RuntimeError()  # type: ignore[union-attr]
    with pytest.raises(errors.Internal):
        await on_both.train()
    assert inputs(on_both) == []


async def test_inputs_that_an_earlier_version_left_go(on_both: Training) -> None:
    job = await on_both.train()
    folder = on_both.data_dir / "artifacts" / "projects" / "demo" / job.name.rpartition("/")[2]
    for name in ("inputs.npz", "inputs.npz.77.part"):
        (folder / name).write_bytes(b"embeddings")
    assert dict((await erase(on_both, TRAINED)).removed_counts) == {"training_inputs": 1}
    assert inputs(on_both) == []
    assert (folder / "model.onnx").exists()
    assert dict((await erase(on_both, TRAINED)).removed_counts) == {"training_inputs": 0}


@pytest.mark.parametrize("stage", ["embedding", "training"])
async def test_a_job_that_uses_an_asset_is_waited_for(tmp_path: Path, stage: str) -> None:
    trainer, models = FakeTrainer(endless=stage == "training"), FakeServer(embed_delay_s=0.3)
    async with serving(tmp_path / "data", trainer=trainer, models=models) as training:
        operation = await begun(training, stage)
        models.embed_delay_s = 3.0 if stage == "embedding" else 0.0
        for used in (TRAINED, EVALUATED):
            with pytest.raises(errors.Unavailable) as caught:
                await erase(training, used)
            assert caught.value.reason == "TRAINING_IN_PROGRESS"
        assert kept(await erase(training, UNKNOWN)) == []
        await operation.cancel()
        with pytest.raises(errors.LabelmillError):
            await operation.result(timeout_s=30)
        assert kept(await erase(training, TRAINED)) == []
        assert inputs(training) == []


async def test_a_job_that_read_labels_before_an_erasure_trains_without_the_asset(
    on_both: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    consensus = on_both.labels.consensus

    async def erased_meanwhile(report: str) -> list[SoftLabel]:
        labels = await consensus(report)
        await erase(on_both, TRAINED, EVALUATED)
        return labels

    monkeypatch.setattr(on_both.labels, "consensus", erased_meanwhile)
    job = await on_both.train()
    assert on_both.models.embedded == 110 + 60 - 2
    assert job.model_version
    assert kept(await erase(on_both, TRAINED)) == []


async def test_erasing_with_the_same_id_gets_the_same_answer(on_both: Training) -> None:
    await on_both.train()
    request_id = str(uuid.uuid4())
    erased = await erase(on_both, TRAINED, request_id=request_id)
    assert kept(erased)
    assert await erase(on_both, TRAINED, request_id=request_id) == erased
    with pytest.raises(errors.InvalidArgument):
        await erase(on_both, UNKNOWN, request_id=request_id)


async def test_names_of_another_project_and_other_names_are_refused(training: Training) -> None:
    for name, reason in (("projects/other/assets/a", "FOREIGN_PROJECT"), (f"{PARENT}/tasks/a", "INVALID_NAME")):
        with pytest.raises(errors.InvalidArgument) as caught:
            await erase(training, name)
        assert (caught.value.reason, list(caught.value.fields)) == (reason, ["names[0]"])
