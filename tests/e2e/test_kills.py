"""A small loop on real sentences while the server is killed at random: everything acknowledged is there in the end."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from labelmill import labels
from labelmill.aio import Client
from labelmill.annotation.v1 import resources_pb2 as annotation
from labelmill.annotation.v1 import service_pb2 as annotation_service
from labelmill.anonymization.v1 import service_pb2 as anonymization_service
from labelmill.errors import Code, Unavailable
from labelmill.prelabel.v1 import service_pb2 as prelabel_service
from labelmill.quality.v1 import service_pb2 as quality_service
from labelmill.storage.v1 import resources_pb2 as storage
from labelmill.storage.v1 import service_pb2 as storage_service
from labelmill.training.v1 import resources_pb2 as training
from labelmill.training.v1 import service_pb2 as training_service
from labelmill_demo.dataset import CLASSES, RatedSentence, read
from labelmill_demo.loop import newsroom_policy
from labelmill_runtime.principal import Role
from tests.support.up import UpProcess, up

PROJECT = "projects/kills"
SENTENCES = 120
EVALUATION = 40
LABELS_PER_ASSET = 3
LABELERS = 4
DATA = Path(".data/icwsm2014")
Answer = TypeVar("Answer")

pytestmark = pytest.mark.timeout(400)


class Killer:
    """Kills the whole process tree of the server while work goes on, and starts it again on the same data."""

    def __init__(self, up: UpProcess, seed: int) -> None:
        self.up = up
        self.random = random.Random(seed)
        self.kills = 0

    @asynccontextmanager
    async def at_work(self, times: int, within_s: float) -> AsyncIterator[None]:
        """Kills `times` times, each after a random wait of up to `within_s`, before the block ends."""
        killing = asyncio.create_task(self._kill(times, within_s))
        try:
            yield
            await killing
        finally:
            killing.cancel()

    async def _kill(self, times: int, within_s: float) -> None:
        for _ in range(times):
            await asyncio.sleep(self.random.uniform(0.05, within_s))
            await asyncio.to_thread(self.up.kill)
            self.kills += 1
            await self.up.start()


async def insist(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Repeats a call (whose request holds its own request id) until a server answers."""
    for _ in range(60):
        try:
            return await call()
        except Unavailable:
            await asyncio.sleep(0.5)
    raise AssertionError("the server did not come back")


def fresh_id() -> str:
    return str(uuid.uuid4())


async def test_a_loop_with_kills_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    sentences = list({sentence.text: sentence for sentence in read(DATA)}.values())[:SENTENCES]
    async with up(tmp_path / "data") as server, server.client() as client:
        killer = Killer(server, seed=7)
        await create_project(client)
        async with killer.at_work(times=3, within_s=1.0):
            by_asset = await ingest(client, sentences)
        await check_uploads(client, by_asset)

        async with killer.at_work(times=2, within_s=4.0):
            await anonymize(client)
        await check_clean(client, by_asset)

        names = sorted(by_asset)
        await create_gold(client, by_asset, names[:EVALUATION])
        await create_tasks(client, names[EVALUATION:])
        async with killer.at_work(times=3, within_s=2.0):
            acknowledged = await label(server, by_asset)
        await check_annotations(client, acknowledged, len(names) - EVALUATION)

        async with killer.at_work(times=2, within_s=8.0):
            version = await train(client)
        await check_training(client, version)
    assert killer.kills == 10


async def create_project(client: Client) -> None:
    ontology = labels.ontology(labels.single_choice_feature("sentiment", CLASSES))
    await client.projects.create_project(
        annotation_service.CreateProjectRequest(
            project_id="kills",
            project=annotation.Project(
                ontology=ontology,
                quality_plan=annotation.QualityPlan(labels_per_asset=LABELS_PER_ASSET, lease_duration={"seconds": 5}),
            ),
        )
    )
    await client.anonymization.create_policy(
        anonymization_service.CreatePolicyRequest(parent=PROJECT, policy_id="names", policy=newsroom_policy())
    )


async def ingest(client: Client, sentences: list[RatedSentence]) -> dict[str, RatedSentence]:
    """Uploads one by one and in batches; returns what was acknowledged."""
    acknowledged: dict[str, RatedSentence] = {}
    for sentence in sentences[:20]:
        asset = await insist(lambda text=sentence.text: client.storage.upload(PROJECT, text.encode()))
        acknowledged[asset.name] = sentence
    for start in range(20, len(sentences), 10):
        part = sentences[start : start + 10]
        request = storage_service.BatchCreateAssetsRequest(
            request_id=fresh_id(),
            parent=PROJECT,
            items=[storage_service.BatchCreateAssetsRequest.Item(content=s.text.encode()) for s in part],
        )
        answer = await insist(lambda request=request: client.storage.batch_create_assets(request))
        for sentence, result in zip(part, answer.results, strict=True):
            assert result.status.code == 0, result.status
            acknowledged[result.asset.name] = sentence
        await asyncio.sleep(0.3)  # so that the kills fall among the batches, not after them
    return acknowledged


async def check_uploads(client: Client, by_asset: dict[str, RatedSentence]) -> None:
    listed = [
        asset.name async for asset in client.storage.list_assets(storage_service.ListAssetsRequest(parent=PROJECT))
    ]
    assert sorted(listed) == sorted(by_asset)
    answer = await client.storage.batch_read_assets(
        storage_service.BatchReadAssetsRequest(parent=PROJECT, names=list(by_asset), zone=storage.ZONE_RAW)
    )
    assert [result.content.decode() for result in answer.results] == [s.text for s in by_asset.values()]


async def anonymize(client: Client) -> None:
    policy = f"{PROJECT}/policies/names"
    request = anonymization_service.AnonymizeAssetsRequest(request_id=fresh_id(), parent=PROJECT, policy=policy)
    operation = await insist(lambda: client.anonymization.anonymize_assets(request))
    done = await insist(lambda: finished(client, operation.name))
    assert done.failed_count == 0


async def finished(client: Client, name: str):
    """Waits for an operation that a killed server takes up again."""
    return await (await client.operation(name)).result(timeout_s=120)


async def check_clean(client: Client, by_asset: dict[str, RatedSentence]) -> None:
    request = storage_service.ListAssetsRequest(parent=PROJECT, filter="zone = CLEAN")
    assert {asset.name async for asset in client.storage.list_assets(request)} == set(by_asset)
    receipts = [
        receipt.asset
        async for receipt in client.anonymization.list_receipts(
            anonymization_service.ListReceiptsRequest(parent=PROJECT)
        )
    ]
    assert sorted(receipts) == sorted(by_asset)


async def create_gold(client: Client, by_asset: dict[str, RatedSentence], names: list[str]) -> None:
    answer = await client.annotations.batch_create_benchmarks(
        annotation_service.BatchCreateBenchmarksRequest(
            parent=PROJECT,
            benchmarks=[
                annotation.Benchmark(
                    asset=name,
                    annotations=[labels.single_choice("sentiment", by_asset[name].gold)],
                    purpose=annotation.Benchmark.PURPOSE_EVALUATION,
                )
                for name in names
            ],
        )
    )
    assert all(result.status.code == 0 for result in answer.results)


async def create_tasks(client: Client, names: list[str]) -> None:
    answer = await client.tasks.batch_create_tasks(
        annotation_service.BatchCreateTasksRequest(parent=PROJECT, assets=names)
    )
    assert all(result.status.code == 0 for result in answer.results)


async def label(server: UpProcess, by_asset: dict[str, RatedSentence]) -> set[str]:
    """Four labelers work at once; returns the annotations whose submission was acknowledged."""
    keys = [server.make_key(f"labeler-{n}", Role.ANNOTATOR, "kills") for n in range(LABELERS)]
    done = await asyncio.gather(*(work(server, key, rater, by_asset) for rater, key in enumerate(keys)))
    return set().union(*done)


async def work(server: UpProcess, key: str, rater: int, by_asset: dict[str, RatedSentence]) -> set[str]:
    acknowledged: set[str] = set()
    idle = 0
    async with server.client(key) as client:
        while idle < 8:  # leases that a kill orphaned come back when they expire
            lease = annotation_service.LeaseTasksRequest(parent=PROJECT, max_tasks=5, request_id=fresh_id())
            leased = await insist(lambda lease=lease: client.tasks.lease_tasks(lease))
            idle = 0 if leased.tasks else idle + 1
            await asyncio.sleep(0.2 if leased.tasks else 1.0)
            if not leased.tasks:
                continue
            submit = annotation_service.BatchSubmitTasksRequest(
                request_id=fresh_id(),
                parent=PROJECT,
                items=[
                    annotation_service.BatchSubmitTasksRequest.Item(
                        lease=annotation_service.TaskLease(task=task.name, lease_token=task.lease.token),
                        annotations=[labels.single_choice("sentiment", by_asset[task.asset].judgement(rater))],
                    )
                    for task in leased.tasks
                ],
            )
            answer = await insist(lambda submit=submit: client.tasks.batch_submit_tasks(submit))
            for result in answer.results:
                # A kill may have let the lease expire; anything else is a fault.
                if result.status.code == 0:
                    acknowledged.update(result.annotations)
                else:
                    assert result.status.code == Code.FAILED_PRECONDITION, result.status
    return acknowledged


async def check_annotations(client: Client, acknowledged: set[str], asset_count: int) -> None:
    listed = [
        found
        async for found in client.annotations.list_annotations(
            annotation_service.ListAnnotationsRequest(parent=PROJECT, page_size=1000)
        )
    ]
    names = [found.name for found in listed]
    assert acknowledged <= set(names)
    assert len(names) == len(set(names)) == asset_count * LABELS_PER_ASSET
    assert set(Counter(found.asset for found in listed).values()) == {LABELS_PER_ASSET}
    assert set(Counter((found.asset, found.provenance.human.labeler) for found in listed).values()) == {1}


async def train(client: Client) -> str:
    score = quality_service.ScoreProjectRequest(parent=PROJECT, feature="sentiment", request_id=fresh_id())
    operation = await insist(lambda: client.quality.score_project(score))
    report = await insist(lambda: finished(client, operation.name))
    request = training_service.CreateTrainingJobRequest(
        request_id=fresh_id(),
        parent=PROJECT,
        training_job=training.TrainingJob(
            model=f"{PROJECT}/models/sentiment",
            recipe=training.Recipe(frozen_embedding_classifier=training.FrozenEmbeddingClassifier()),
            labels=training.LabelSource(quality_report=report.name),
        ),
    )
    operation = await insist(lambda: client.training.create_training_job(request))
    job = await insist(lambda: finished(client, operation.name))
    assert job.state == training.TrainingJob.STATE_SUCCEEDED
    return str(job.model_version)


async def check_training(client: Client, version: str) -> None:
    request = training_service.ListModelVersionsRequest(parent=f"{PROJECT}/models/sentiment")
    assert [found.name async for found in client.training.list_model_versions(request)] == [version]
    promoted = await client.training.promote_model_version(training_service.PromoteModelVersionRequest(name=version))
    assert promoted.promoted
    answer = await client.prelabel.predict_texts(
        prelabel_service.PredictTextsRequest(model=f"{PROJECT}/models/sentiment", texts=["A wonderful day."])
    )
    assert answer.predictions[0].annotations[0].classification.single in CLASSES
