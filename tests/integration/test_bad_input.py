"""What users do wrong, against a real server: each has its own code and reason, and leaves nothing behind."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from labelmill import errors, labels
from labelmill.aio import Client
from labelmill.annotation.v1 import resources_pb2 as annotation
from labelmill.annotation.v1 import service_pb2 as annotation_service
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as anonymization
from labelmill.anonymization.v1 import service_pb2 as anonymization_service
from labelmill.prelabel.v1 import service_pb2 as prelabel_service
from labelmill.quality.v1 import service_pb2 as quality_service
from labelmill.storage.v1 import resources_pb2 as storage
from labelmill.storage.v1 import service_pb2 as storage_service
from labelmill.training.v1 import resources_pb2 as training
from labelmill.training.v1 import service_pb2 as training_service
from labelmill.type.v1 import annotation_pb2, ontology_pb2
from labelmill_runtime.principal import Role
from tests.support.up import UpProcess

PROJECT = "projects/bad-input"
GHOST = "projects/no-such-project"
TEXT = "Ann Smith lives in Paris."


@pytest.fixture(scope="module", autouse=True)
def project(shared_up: UpProcess) -> None:
    """A project with a choice, a span feature and a policy."""
    asyncio.run(make_project(shared_up))


async def make_project(up: UpProcess) -> None:
    feature = ontology_pb2.Feature
    classes = [ontology_pb2.ClassDefinition(class_name=name) for name in ("good", "bad")]
    ontology = ontology_pb2.Ontology(
        features=[
            feature(feature_name="tone", kind=feature.KIND_SINGLE_CHOICE, classes=classes),
            feature(feature_name="person", kind=feature.KIND_TEXT_SPAN, classes=classes),
        ]
    )
    async with up.client() as client:
        await client.projects.create_project(
            annotation_service.CreateProjectRequest(
                project_id="bad-input", project=annotation.Project(ontology=ontology)
            )
        )
        await client.anonymization.create_policy(
            anonymization_service.CreatePolicyRequest(parent=PROJECT, policy_id="names", policy=policy("PERSON"))
        )


def policy(entity_type: str) -> anonymization.Policy:
    redact = operators_pb2.Operator(redact=operators_pb2.Redact())
    return anonymization.Policy(rules=[anonymization.Rule(entity_type=entity_type, operator=redact)])


@pytest.fixture
async def client(shared_up: UpProcess) -> AsyncIterator[Client]:
    async with shared_up.client() as made:
        yield made


async def assets(client: Client) -> list[str]:
    request = storage_service.ListAssetsRequest(parent=PROJECT)
    return [asset.name async for asset in client.storage.list_assets(request)]


def staged(up: UpProcess) -> list[str]:
    """Content files that no finished upload owns."""
    folder = up.data_dir / "objects" / "staging"
    assert folder.is_dir()
    return [str(path) for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


UNKNOWN_PROJECT = {
    "upload": lambda c: c.storage.upload(GHOST, b"text"),
    "list assets": lambda c: c.storage.list_assets.page(storage_service.ListAssetsRequest(parent=GHOST)),
    "anonymize": lambda c: c.anonymization.anonymize_assets(
        anonymization_service.AnonymizeAssetsRequest(parent=GHOST, policy=f"{GHOST}/policies/names")
    ),
    "get": lambda c: c.projects.get_project(annotation_service.GetProjectRequest(name=GHOST)),
    "tasks": lambda c: c.tasks.batch_create_tasks(
        annotation_service.BatchCreateTasksRequest(parent=GHOST, assets=[f"{GHOST}/assets/{'0' * 32}"])
    ),
    "score": lambda c: c.quality.score_project(quality_service.ScoreProjectRequest(parent=GHOST, feature="tone")),
    "train": lambda c: c.training.create_training_job(
        training_service.CreateTrainingJobRequest(
            parent=GHOST,
            training_job=training.TrainingJob(
                model=f"{GHOST}/models/tone",
                recipe=training.Recipe(frozen_embedding_classifier=training.FrozenEmbeddingClassifier()),
                labels=training.LabelSource(quality_report=f"{GHOST}/qualityReports/none"),
            ),
        )
    ),
}


@pytest.mark.parametrize("name", UNKNOWN_PROJECT)
async def test_an_unknown_project_is_not_found(client: Client, name: str) -> None:
    with pytest.raises(errors.NotFound) as refused:
        await UNKNOWN_PROJECT[name](client)
    assert refused.value.reason == "PROJECT_NOT_FOUND"


@pytest.mark.parametrize(
    ("content", "media_type", "reason"),
    [(b"", "", "EMPTY_CONTENT"), (b"caf\xe9", "text/plain", "INVALID_UTF8")],
)
async def test_content_that_is_no_content_is_refused_and_leaves_nothing(
    client: Client, shared_up: UpProcess, content: bytes, media_type: str, reason: str
) -> None:
    before = await assets(client)
    with pytest.raises(errors.InvalidArgument) as refused:
        await client.storage.upload(PROJECT, content, media_type=media_type)
    assert refused.value.reason == reason
    assert await assets(client) == before
    assert staged(shared_up) == []


async def test_a_file_over_the_limit_is_refused_by_its_header(client: Client, shared_up: UpProcess) -> None:
    header = storage_service.UploadAssetRequest.Header(parent=PROJECT, size_bytes=5 * 1024**3 + 1)

    async def messages() -> AsyncIterator[storage_service.UploadAssetRequest]:
        yield storage_service.UploadAssetRequest(header=header)
        await asyncio.sleep(30)

    start = time.monotonic()
    with pytest.raises(errors.ResourceExhausted) as refused:
        await client.storage.upload_asset(messages())
    assert refused.value.reason == "CONTENT_TOO_LARGE"
    assert time.monotonic() - start < 25
    assert staged(shared_up) == []


async def test_an_upload_cancelled_half_way_leaves_nothing(client: Client, shared_up: UpProcess) -> None:
    before = await assets(client)
    half_way = asyncio.Event()

    async def content() -> AsyncIterator[bytes]:
        yield b"x" * 200_000
        half_way.set()
        await asyncio.sleep(60)

    upload = asyncio.create_task(client.storage.upload(PROJECT, content()))
    await half_way.wait()
    await asyncio.sleep(0.3)
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    await until(lambda: staged(shared_up) == [])
    assert await assets(client) == before


async def until(condition, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_an_upload_that_runs_out_of_time_leaves_nothing(client: Client, shared_up: UpProcess) -> None:
    before = await assets(client)

    async def content() -> AsyncIterator[bytes]:
        yield b"y" * 1000
        await asyncio.sleep(60)

    with pytest.raises(errors.DeadlineExceeded):
        await client.storage.upload(PROJECT, content(), timeout_s=0.5)
    await until(lambda: staged(shared_up) == [])
    assert await assets(client) == before


async def test_a_policy_with_an_unknown_entity_names_the_rule(client: Client) -> None:
    request = anonymization_service.CreatePolicyRequest(parent=PROJECT, policy_id="odd", policy=policy("SHOE_SIZE"))
    with pytest.raises(errors.InvalidArgument) as refused:
        await client.anonymization.create_policy(request)
    assert refused.value.reason == "UNKNOWN_ENTITY_TYPE"
    assert list(refused.value.fields) == ["policy.rules[0].entity_type"]
    with pytest.raises(errors.NotFound):
        await client.anonymization.get_policy(anonymization_service.GetPolicyRequest(name=f"{PROJECT}/policies/odd"))


async def test_a_model_that_does_not_exist_is_not_found(client: Client) -> None:
    request = prelabel_service.PredictTextsRequest(model=f"{PROJECT}/models/none", texts=["text"])
    with pytest.raises(errors.NotFound) as refused:
        await client.prelabel.predict_texts(request)
    assert refused.value.reason == "MODEL_NOT_FOUND"


async def test_an_asset_that_is_not_clean_gets_no_tasks(client: Client) -> None:
    asset = await client.storage.upload(PROJECT, b"Bob was never anonymized.")
    answer = await client.tasks.batch_create_tasks(
        annotation_service.BatchCreateTasksRequest(parent=PROJECT, assets=[asset.name])
    )
    refused = errors.from_status(answer.results[0].status)
    assert isinstance(refused, errors.FailedPrecondition)
    assert refused.reason == "ASSET_NOT_CLEAN"


async def clean_asset(client: Client, text: str) -> storage.Asset:
    """Uploads a text and lets it through the privacy gate."""
    asset = await client.storage.upload(PROJECT, text.encode())
    operation = await client.anonymization.anonymize_assets(
        anonymization_service.AnonymizeAssetsRequest(parent=PROJECT, policy=f"{PROJECT}/policies/names")
    )
    await operation.result(timeout_s=60)
    return await client.storage.get_asset(storage_service.GetAssetRequest(name=asset.name))


async def lease(
    client: Client, up: UpProcess, text: str, seconds: int = 60
) -> tuple[Client, annotation.Task, storage.Asset]:
    """A task on a clean text, leased by a labeler of its own."""
    asset = await clean_asset(client, text)
    batch = f"batch-{time.monotonic_ns()}"
    await client.tasks.batch_create_tasks(
        annotation_service.BatchCreateTasksRequest(parent=PROJECT, assets=[asset.name], batch=batch)
    )
    labeler = up.client(up.make_key(f"labeler-{batch}", Role.ANNOTATOR, "bad-input"))
    leased = await labeler.tasks.lease_tasks(
        annotation_service.LeaseTasksRequest(
            parent=PROJECT, batch=batch, max_tasks=1, lease_duration={"seconds": seconds}
        )
    )
    return labeler, leased.tasks[0], asset


async def submit(
    labeler: Client, task: annotation.Task, found: annotation_pb2.Annotation
) -> errors.LabelmillError | None:
    answer = await labeler.tasks.batch_submit_tasks(
        annotation_service.BatchSubmitTasksRequest(
            parent=PROJECT,
            items=[
                annotation_service.BatchSubmitTasksRequest.Item(
                    lease=annotation_service.TaskLease(task=task.name, lease_token=task.lease.token),
                    annotations=[found],
                )
            ],
        )
    )
    return errors.from_status(answer.results[0].status)


def tone(class_name: str) -> annotation_pb2.Annotation:
    return labels.single_choice("tone", class_name)


def person(start: int, end: int) -> annotation_pb2.Annotation:
    return labels.text_span("person", "good", start, end)


async def test_a_label_outside_the_ontology_or_the_text_is_refused_and_the_task_stays_leased(
    client: Client, shared_up: UpProcess
) -> None:
    labeler, task, asset = await lease(client, shared_up, TEXT)
    async with labeler:
        refused = await submit(labeler, task, tone("sideways"))
        assert isinstance(refused, errors.InvalidArgument)
        assert refused.reason == "NOT_IN_ONTOLOGY"
        assert any(field.startswith("items[0].annotations[0]") for field in refused.fields)

        length = asset.clean.text_length
        refused = await submit(labeler, task, person(0, length + 1))
        assert isinstance(refused, errors.InvalidArgument)
        assert refused.reason == "SPAN_OUTSIDE_TEXT"

        assert await submit(labeler, task, person(0, length)) is None
    request = annotation_service.ListAnnotationsRequest(parent=PROJECT, filter=f'task = "{task.name}"')
    assert len([found async for found in client.annotations.list_annotations(request)]) == 1


async def test_an_expired_lease_cannot_submit(client: Client, shared_up: UpProcess) -> None:
    labeler, task, _ = await lease(client, shared_up, "Carla met Dan in Rome.", seconds=1)
    async with labeler:
        await asyncio.sleep(1.2)
        refused = await submit(labeler, task, tone("good"))
    assert isinstance(refused, errors.FailedPrecondition)
    assert refused.reason == "LEASE_EXPIRED"
    request = annotation_service.ListAnnotationsRequest(parent=PROJECT, filter=f'task = "{task.name}"')
    assert [found async for found in client.annotations.list_annotations(request)] == []


async def test_an_annotator_gets_clean_text_and_is_refused_raw(client: Client, shared_up: UpProcess) -> None:
    labeler, task, _ = await lease(client, shared_up, "Erika Mustermann wrote this letter to Frank.")
    async with labeler:
        assert b"Erika" not in await labeler.storage.download(task.asset)
        with pytest.raises(errors.PermissionDenied):
            await labeler.storage.download(task.asset, zone=storage.ZONE_RAW)
        seen = await labeler.storage.get_asset(storage_service.GetAssetRequest(name=task.asset))
        assert not seen.HasField("raw")
        assert seen.external_id == seen.receipt == ""
