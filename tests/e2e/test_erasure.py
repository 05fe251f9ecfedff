"""All that is about a person goes, from every service's files, and stays away: real services, grep over their bytes."""

import asyncio
import uuid
from pathlib import Path

import pytest

from labelmill import erasures, errors, labels
from labelmill.aio import Client
from labelmill.annotation.v1 import resources_pb2 as annotation
from labelmill.annotation.v1 import service_pb2 as annotation_service
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as anonymization
from labelmill.anonymization.v1 import service_pb2 as anonymization_service
from labelmill.prelabel.v1 import service_pb2 as prelabel_service
from labelmill.quality.v1 import service_pb2 as quality_service
from labelmill.storage.v1 import audit_service_pb2, lifecycle_service_pb2
from labelmill.storage.v1 import service_pb2 as storage_service
from labelmill.training.v1 import resources_pb2 as training
from labelmill.training.v1 import service_pb2 as training_service
from labelmill_runtime.principal import Role
from tests.support.up import UpProcess, up

PROJECT = "projects/person"
SUBJECT = "patient-zirkelbach-17"
CLASSES = ("negative", "positive")
OTHERS = 60
MINE = 4
SUBJECT_CANARIES = (b"zirkelbach", b"quetzalcoatlus", b"archaeopteryx", b"brontosaurus")
"""Of the subject's id, the texts as they are and as they become, the external ids and labels."""

pytestmark = pytest.mark.timeout(300)


async def test_all_about_a_person_goes_from_every_service_and_stays_away(tmp_path: Path) -> None:
    async with up(tmp_path / "data") as server, server.client() as client:
        await create_project(client)
        mine = await ingest(client, subject=SUBJECT)
        others = await ingest(client)
        await loop(server, client, mine | others)
        found = {canary for canary in SUBJECT_CANARIES[1:] if files_with(server.data_dir, canary)}
        assert found == set(SUBJECT_CANARIES[1:])  # or their absence later would mean nothing
        assert files_with(server.data_dir, SUBJECT_CANARIES[0]) == []

        officer = server.make_key("officer", Role.PRIVACY_OFFICER, "person")
        async with server.client(officer) as privacy:
            certificate = await erase(privacy)
            head = await privacy.audit.get_audit_head(
                audit_service_pb2.GetAuditHeadRequest(name=f"{PROJECT}/auditHead")
            )
        assert erasures.verify(certificate, head.public_key)
        assert set(certificate.erased_assets) == set(mine)
        services = {removal.service for removal in certificate.removals if removal.count}
        assert services >= {"storage", "anonymization", "prelabel", "annotation", "quality"}
        reasons = {item.reason for item in certificate.kept}
        assert "SERVICE_ABSENT" not in reasons
        assert {"AUDIT_LOG", "TRAINED_MODEL"} <= reasons
        assert [files_with(server.data_dir, canary) for canary in SUBJECT_CANARIES] == [[]] * len(SUBJECT_CANARIES)
        server.kill()
        await server.start()
        await check_gone(client, set(mine), set(others))
    assert [files_with(tmp_path, canary) for canary in SUBJECT_CANARIES] == [[]] * len(SUBJECT_CANARIES)


def files_with(folder: Path, canary: bytes) -> list[str]:
    """The files below a folder that hold some bytes, in whatever case."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path.relative_to(folder)) for path in files if canary in path.read_bytes().lower()]


def text_of(number: int, subject: str) -> str:
    """A text of which a rare word stays in the clean content too."""
    mood = ("a wonderful and great", "an awful and terrible")[number % 2]
    return f"John Smith saw {mood} {'quetzalcoatlus' if subject else 'sparrow'} on day {number}."


async def create_project(client: Client) -> None:
    await client.projects.create_project(
        annotation_service.CreateProjectRequest(
            project_id="person",
            project=annotation.Project(
                ontology=labels.ontology(labels.single_choice_feature("sentiment", CLASSES)),
                quality_plan=annotation.QualityPlan(labels_per_asset=2),
            ),
        )
    )
    policy = anonymization.Policy(
        language="en",
        rules=[anonymization.Rule(entity_type="PERSON", operator=operators_pb2.Operator(pseudonym={}))],
    )
    await client.anonymization.create_policy(
        anonymization_service.CreatePolicyRequest(parent=PROJECT, policy_id="names", policy=policy)
    )


async def ingest(client: Client, *, subject: str = "") -> dict[str, str]:
    """Uploads texts; asset name -> its class."""
    count = MINE if subject else OTHERS
    answer = await client.storage.batch_create_assets(
        storage_service.BatchCreateAssetsRequest(
            parent=PROJECT,
            request_id=str(uuid.uuid4()),
            items=[
                storage_service.BatchCreateAssetsRequest.Item(
                    content=text_of(number, subject).encode(),
                    subject=subject,
                    external_id=f"archaeopteryx-{number}" if subject else f"bird-{number}",
                    labels={"ward": "brontosaurus"} if subject else {},
                )
                for number in range(count)
            ],
        )
    )
    assert all(result.status.code == 0 for result in answer.results)
    return {result.asset.name: CLASSES[1 - number % 2] for number, result in enumerate(answer.results)}


async def loop(server: UpProcess, client: Client, truth: dict[str, str]) -> None:
    """Anonymizes, labels, scores, trains, predicts: so that every service has something."""
    policy = f"{PROJECT}/policies/names"
    request = anonymization_service.AnonymizeAssetsRequest(parent=PROJECT, policy=policy)
    done = await (await client.anonymization.anonymize_assets(request)).result(timeout_s=120)
    assert (done.admitted_count, done.failed_count) == (len(truth), 0)
    names = sorted(truth)
    held_out = names[-20:]
    gold = [
        annotation.Benchmark(
            asset=name,
            annotations=[labels.single_choice("sentiment", truth[name])],
            purpose=annotation.Benchmark.PURPOSE_EVALUATION,
        )
        for name in held_out
    ]
    await client.annotations.batch_create_benchmarks(
        annotation_service.BatchCreateBenchmarksRequest(parent=PROJECT, benchmarks=gold)
    )
    await client.tasks.batch_create_tasks(
        annotation_service.BatchCreateTasksRequest(parent=PROJECT, assets=[n for n in names if n not in held_out])
    )
    keys = [server.make_key(f"labeler-{number}", Role.ANNOTATOR, "person") for number in range(2)]
    await asyncio.gather(*(label(server, key, truth) for key in keys))
    score = quality_service.ScoreProjectRequest(parent=PROJECT, feature="sentiment")
    report = await (await client.quality.score_project(score)).result(timeout_s=60)
    job = training.TrainingJob(
        model=f"{PROJECT}/models/sentiment",
        recipe=training.Recipe(frozen_embedding_classifier=training.FrozenEmbeddingClassifier()),
        labels=training.LabelSource(quality_report=report.name),
    )
    operation = await client.training.create_training_job(
        training_service.CreateTrainingJobRequest(parent=PROJECT, training_job=job)
    )
    version = (await operation.result(timeout_s=120)).model_version
    await client.training.promote_model_version(training_service.PromoteModelVersionRequest(name=version))
    predicted = await client.prelabel.predict_assets(
        prelabel_service.PredictAssetsRequest(model=f"{PROJECT}/models/sentiment")
    )
    assert (await predicted.result(timeout_s=60)).predicted_count == len(truth)


async def label(server: UpProcess, key: str, truth: dict[str, str]) -> None:
    async with server.client(key) as client:
        while True:
            leased = await client.tasks.lease_tasks(annotation_service.LeaseTasksRequest(parent=PROJECT, max_tasks=100))
            if not leased.tasks:
                return
            items = [
                annotation_service.BatchSubmitTasksRequest.Item(
                    lease=annotation_service.TaskLease(task=task.name, lease_token=task.lease.token),
                    annotations=[labels.single_choice("sentiment", truth[task.asset])],
                )
                for task in leased.tasks
            ]
            await client.tasks.batch_submit_tasks(
                annotation_service.BatchSubmitTasksRequest(parent=PROJECT, items=items)
            )


async def erase(client: Client) -> lifecycle_service_pb2.Erasure:
    request = lifecycle_service_pb2.EraseAssetsRequest(
        parent=PROJECT, subject=SUBJECT, reason="letter of May, file 12", request_id=str(uuid.uuid4())
    )
    return await (await client.lifecycle.erase_assets(request)).result(timeout_s=120)


async def check_gone(client: Client, mine: set[str], others: set[str]) -> None:
    """After a restart: nothing came back, nothing comes in again, the rest is there."""
    listed = storage_service.ListAssetsRequest(parent=PROJECT)
    assert {asset.name async for asset in client.storage.list_assets(listed)} == others
    annotations = annotation_service.ListAnnotationsRequest(parent=PROJECT, page_size=1000)
    assert not {found.asset async for found in client.annotations.list_annotations(annotations)} & mine
    for values in ({"subject": SUBJECT}, {}):
        again = storage_service.BatchCreateAssetsRequest.Item(content=text_of(0, SUBJECT).encode(), **values)
        answer = await client.storage.batch_create_assets(
            storage_service.BatchCreateAssetsRequest(parent=PROJECT, items=[again])
        )
        error = errors.from_status(answer.results[0].status)
        assert error is not None
        assert error.reason == ("SUBJECT_ERASED" if values else "CONTENT_ERASED")
