"""The service over a real socket; training itself is a stand-in that takes no time."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.training.v1 import resources_pb2, service_pb2
from labelmill_runtime.errors import FailedPrecondition, Unavailable
from labelmill_runtime.principal import Role
from tests.training.conftest import MODEL, PARENT, Training, create_request, serving
from tests.training.fakes import CLASSES, REPORT, FakeLabels, FakeServer, FakeTrainer

JobPb = resources_pb2.TrainingJob


def version_request(name: str) -> service_pb2.GetModelVersionRequest:
    return service_pb2.GetModelVersionRequest(name=name)


async def test_job_registers_a_version_with_evaluation_and_lineage(training: Training) -> None:
    job = await training.train()
    assert job.state == JobPb.STATE_SUCCEEDED
    assert job.model_version == f"{MODEL}/versions/1"
    version = await training.client.training.get_model_version(version_request(job.model_version))
    assert version.training_job == job.name
    assert list(version.class_names) == list(CLASSES)
    assert version.evaluation.accuracy.value == pytest.approx(0.8)
    assert version.lineage.quality_report == REPORT
    assert version.lineage.encoder == "encoders/minilm-l6-v2@1"
    assert not version.promoted


async def test_assets_held_out_for_evaluation_are_never_trained_on(training: Training) -> None:
    job = await training.train()
    version = await training.client.training.get_model_version(version_request(job.model_version))
    assert version.lineage.training_item_count == 110  # of 120 labels, ten are of held-out assets
    assert version.lineage.evaluation_item_count == 60


async def test_versions_count_per_model_and_are_listed_newest_first(training: Training) -> None:
    for _ in range(3):
        await training.train()
    await training.train(create_request(f"{PARENT}/models/other"))
    listing = training.client.training.list_model_versions
    names = [v.name async for v in listing(service_pb2.ListModelVersionsRequest(parent=MODEL, page_size=2))]
    assert names == [f"{MODEL}/versions/{number}" for number in (3, 2, 1)]
    models = [m async for m in training.client.training.list_models(service_pb2.ListModelsRequest(parent=PARENT))]
    assert [(m.name.rpartition("/")[2], m.latest_version[-1]) for m in models] == [("other", "1"), ("tone", "3")]


async def test_jobs_are_listed_newest_first_by_pages(training: Training) -> None:
    created = [(await training.train()).name for _ in range(3)]
    listing = training.client.training.list_training_jobs
    names = [job.name async for job in listing(service_pb2.ListTrainingJobsRequest(parent=PARENT, page_size=2))]
    assert names == created[::-1]


async def test_repeated_request_starts_one_job(training: Training) -> None:
    request = create_request()
    request.request_id = str(uuid.uuid4())
    first, second = [await training.client.training.create_training_job(request) for _ in range(2)]
    assert first.name == second.name
    await first.result(timeout_s=30)
    assert training.trainer is not None
    assert training.trainer.trained == 1


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (create_request(report=f"{PARENT}/qualityReports/none"), errors.NotFound, "QUALITY_REPORT_NOT_FOUND"),
        (create_request(encoder="encoders/none"), errors.NotFound, "ENCODER_NOT_FOUND"),
        (create_request(model="projects/other/models/tone"), errors.InvalidArgument, "FOREIGN_PROJECT"),
        (create_request(report="projects/other/qualityReports/r1"), errors.InvalidArgument, "FOREIGN_PROJECT"),
        (create_request(report="r1"), errors.InvalidArgument, "INVALID_NAME"),
        (create_request(l2_penalty=-1), errors.InvalidArgument, "INVALID_REQUEST"),
    ],
)
async def test_bad_requests_are_refused_before_a_job_exists(
    training: Training, request_: service_pb2.CreateTrainingJobRequest, code: type[Exception], reason: str
) -> None:
    with pytest.raises(code) as refused:
        await training.client.training.create_training_job(request_)
    assert isinstance(refused.value, errors.LabelmillError)
    assert refused.value.reason == reason
    listing = training.client.training.list_training_jobs(service_pb2.ListTrainingJobsRequest(parent=PARENT))
    assert [job async for job in listing] == []


async def test_unknown_project_is_not_found(training: Training) -> None:
    request = create_request("projects/nowhere/models/tone", "projects/nowhere/qualityReports/r1")
    request.parent = "projects/nowhere"
    with pytest.raises(errors.NotFound) as refused:
        await training.client.training.create_training_job(request)
    assert refused.value.reason == "PROJECT_NOT_FOUND"


async def test_filter_that_does_not_parse_is_refused_at_once(training: Training) -> None:
    request = create_request()
    request.training_job.evaluation.benchmark_filter = 'asset = "x") OR (asset = "y"'
    with pytest.raises(errors.InvalidArgument) as refused:
        await training.client.training.create_training_job(request)
    assert refused.value.reason == "INVALID_FILTER"


async def test_annotators_may_not_train(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", trainer=FakeTrainer(), role=Role.ANNOTATOR) as training:
        with pytest.raises(errors.PermissionDenied):
            await training.client.training.create_training_job(create_request())


@pytest.mark.parametrize(
    ("labels", "reason"),
    [(FakeLabels(label_count=15), "NOT_ENOUGH_LABELS"), (FakeLabels(gold_count=0), "NO_EVALUATION_GOLD")],
)
async def test_job_without_enough_to_work_on_fails_and_says_why(
    tmp_path: Path, labels: FakeLabels, reason: str
) -> None:
    async with serving(tmp_path / "data", labels=labels, trainer=FakeTrainer()) as training:
        operation = await training.client.training.create_training_job(create_request())
        with pytest.raises(errors.FailedPrecondition) as failed:
            await operation.result(timeout_s=30)
        assert failed.value.reason == reason
        listing = training.client.training.list_training_jobs(service_pb2.ListTrainingJobsRequest(parent=PARENT))
        (job,) = [job async for job in listing]
        assert job.state == JobPb.STATE_FAILED
        assert job.error.message == failed.value.message
        models = training.client.training.list_models(service_pb2.ListModelsRequest(parent=PARENT))
        assert [model async for model in models] == []


async def test_job_waits_for_a_service_that_is_away_for_a_moment(training: Training) -> None:
    training.models.failure = Unavailable("BACKEND_AWAY", "Not now.")
    operation = await training.client.training.create_training_job(create_request())
    await asyncio.sleep(0.7)
    training.models.failure = None
    assert (await operation.result(timeout_s=30)).state == JobPb.STATE_SUCCEEDED


async def test_encoder_is_deployed_once_by_whichever_job_needs_it_first(tmp_path: Path) -> None:
    models = FakeServer(encoder=None)
    async with serving(tmp_path / "data", models=models, trainer=FakeTrainer()) as training:
        await training.train()
        await training.train()
    assert models.encoders == ["minilm-l6-v2"]


async def test_two_jobs_at_once_for_one_model_get_versions_of_their_own(training: Training) -> None:
    done = await asyncio.gather(training.train(), training.train())
    assert sorted(job.model_version[-1] for job in done) == ["1", "2"]


async def test_cancelled_job_ends_its_training_and_registers_nothing(tmp_path: Path) -> None:
    trainer = FakeTrainer(endless=True)
    async with serving(tmp_path / "data", trainer=trainer) as training:
        operation = await training.client.training.create_training_job(create_request())
        while not trainer.trained:
            await asyncio.sleep(0.02)
        await operation.cancel()
        with pytest.raises(errors.Cancelled):
            await operation.result(timeout_s=10)
        assert trainer.stopped == 1
        listing = training.client.training.list_training_jobs(service_pb2.ListTrainingJobsRequest(parent=PARENT))
        (job,) = [job async for job in listing]
        assert job.state == JobPb.STATE_CANCELLED
        assert not job.model_version


async def test_job_at_work_tells_its_stage(tmp_path: Path) -> None:
    trainer = FakeTrainer(endless=True)
    async with serving(tmp_path / "data", trainer=trainer) as training:
        operation = await training.client.training.create_training_job(create_request())
        while not trainer.trained:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        listing = training.client.training.list_training_jobs(service_pb2.ListTrainingJobsRequest(parent=PARENT))
        (job,) = [job async for job in listing]
        assert job.state == JobPb.STATE_RUNNING
        assert (job.progress.stage, job.progress.done_count, job.progress.total_count) == ("training", 1, 5)
        await operation.cancel()


async def test_model_answers_one_feature_only(training: Training) -> None:
    await training.train()
    training.labels.feature_name = "topic"
    with pytest.raises(errors.FailedPrecondition) as refused:
        await training.client.training.create_training_job(create_request())
    assert refused.value.reason == "MODEL_FEATURE_MISMATCH"


async def test_same_set_has_the_same_hash(training: Training) -> None:
    jobs = [await training.train() for _ in range(2)]
    versions = [await training.client.training.get_model_version(version_request(job.model_version)) for job in jobs]
    assert versions[0].lineage.training_set_sha256 == versions[1].lineage.training_set_sha256


@pytest.mark.parametrize("name", [f"{MODEL}/versions/7", f"{PARENT}/models/none/versions/1"])
async def test_unknown_version_is_not_found(training: Training, name: str) -> None:
    with pytest.raises(errors.NotFound):
        await training.client.training.get_model_version(version_request(name))


async def test_version_name_without_a_number_is_refused(training: Training) -> None:
    with pytest.raises(errors.InvalidArgument):
        await training.client.training.get_model_version(version_request(f"{MODEL}/versions/latest"))


async def test_versions_of_an_unknown_model_are_not_found(training: Training) -> None:
    with pytest.raises(errors.NotFound):
        await training.client.training.list_model_versions.page(service_pb2.ListModelVersionsRequest(parent=MODEL))


async def test_error_of_another_service_reaches_the_job(training: Training) -> None:
    training.labels.failure = FailedPrecondition("LABELS_GONE", "They are gone.")
    operation = await training.client.training.create_training_job(create_request())
    with pytest.raises(errors.FailedPrecondition) as failed:
        await operation.result(timeout_s=30)
    assert failed.value.reason == "LABELS_GONE"
