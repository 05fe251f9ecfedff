"""What EraseAssets takes out of the annotation service."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

import pytest

from labelmill import errors
from labelmill.annotation.v1 import resources_pb2, service_pb2
from labelmill.type.v1.erasure_pb2 import EraseAssetsRequest, EraseAssetsResponse
from labelmill_annotation.statements import AssetFacts
from labelmill_runtime.errors import LabelmillError
from tests.annotation.fakes import asset_ids
from tests.annotation.mill import Mill, item, reason, sentiment

FIRST, SECOND, THIRD = asset_ids(3)


async def erase(mill: Mill, parent: str, *assets: str, request_id: str = "") -> EraseAssetsResponse:
    listed = [f"{parent}/assets/{asset}" for asset in assets]
    request = EraseAssetsRequest(parent=parent, names=listed, request_id=request_id)
    return await mill.as_("service").annotations.erase_assets(request)


async def statistics(mill: Mill, parent: str) -> dict[tuple[int, int, str], int]:
    """(kind, state, labeler) -> tasks."""
    answer = await mill.as_("manager").tasks.get_task_statistics(service_pb2.GetTaskStatisticsRequest(parent=parent))
    assert answer.total_count == sum(count.task_count for count in answer.counts)
    return {(count.kind, count.state, count.labeler): count.task_count for count in answer.counts}


async def revise(mill: Mill, who: str, task: str) -> None:
    request = service_pb2.ReviseAnnotationsRequest(task=task, annotations=[sentiment("negative")])
    await mill.as_(who).annotations.revise_annotations(request)


async def test_tasks_and_annotations_in_all_versions_go_and_all_others_stay(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=2)
    await mill.tasks(parent, [FIRST, SECOND])
    for who in ("annotator-1", "annotator-2"):
        await mill.label(who, parent, 2)
    [submitted] = [task for task in await mill.listed(parent) if task.asset.endswith(FIRST)][:1]
    await revise(mill, "reviewer", submitted.name)
    gone, kept = [], []
    for annotation in await mill.annotations(parent):
        (gone if annotation.asset.endswith(FIRST) else kept).append(annotation)
    erased = await erase(mill, parent, FIRST)
    # Two labels; the correction withdrew one of them, in a second version, and put a third in its place.
    assert dict(erased.removed_counts) == {
        "annotations": 3, "annotation_versions": 4, "benchmarks": 0, "task_skips": 0, "tasks": 2
    }  # fmt: skip
    assert await mill.annotations(parent) == kept
    assert {task.asset for task in await mill.listed(parent)} == {f"{parent}/assets/{SECOND}"}
    assert sum((await statistics(mill, parent)).values()) == 2
    for annotation in gone:
        request = service_pb2.ListAnnotationVersionsRequest(name=annotation.name)
        with pytest.raises(errors.NotFound):
            await mill.as_("manager").annotations.list_annotation_versions(request)


async def test_the_holder_of_an_erased_task_is_told_that_it_is_not_there(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, [FIRST, SECOND])
    first, second = await mill.lease("annotator-1", parent, 2)
    await erase(mill, parent, FIRST)
    results = await mill.submit("annotator-1", parent, item(first), item(second))
    assert [reason(result) for result in results] == ["TASK_NOT_FOUND", ""]
    tasks = mill.as_("annotator-1").tasks
    lease = service_pb2.TaskLease(task=first.name, lease_token=first.lease.token)
    heartbeat = await tasks.heartbeat_tasks(service_pb2.HeartbeatTasksRequest(parent=parent, leases=[lease]))
    assert [reason(result) for result in heartbeat.results] == ["TASK_NOT_FOUND"]
    claim = {"name": first.name, "lease_token": first.lease.token}
    with pytest.raises(errors.NotFound):
        await tasks.skip_task(service_pb2.SkipTaskRequest(**claim))
    with pytest.raises(errors.NotFound):
        await tasks.release_task(service_pb2.ReleaseTaskRequest(**claim))
    with pytest.raises(errors.NotFound):
        await tasks.get_task(service_pb2.GetTaskRequest(name=first.name))
    with pytest.raises(errors.NotFound):
        await revise(mill, "annotator-1", first.name)


async def test_gold_goes_and_with_it_the_benchmark_tasks_of_all_labelers(mill: Mill) -> None:
    parent = await mill.project(benchmark_share=0.5)
    await mill.tasks(parent, 6)
    gold = asset_ids(1, start=100)
    await mill.benchmarks(parent, gold)
    held = await mill.lease("annotator-1", parent, 4)
    [benchmark] = [task for task in held if task.asset.endswith(gold[0])]
    await mill.submit("annotator-1", parent, item(benchmark))
    erased = dict((await erase(mill, parent, *gold)).removed_counts)
    assert (erased["benchmarks"], erased["tasks"], erased["annotations"]) == (1, 1, 1)
    listed = mill.as_("manager").annotations.list_benchmarks(service_pb2.ListBenchmarksRequest(parent=parent))
    assert [one async for one in listed] == []
    assert not await mill.listed(parent, "kind = BENCHMARK")
    assert await mill.lease("annotator-2", parent, 6)


async def test_skips_with_their_reasons_go(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, [FIRST])
    [task] = await mill.lease("annotator-1", parent)
    request = service_pb2.SkipTaskRequest(name=task.name, lease_token=task.lease.token, reason="names a neighbour")
    await mill.as_("annotator-1").tasks.skip_task(request)
    assert dict((await erase(mill, parent, FIRST)).removed_counts)["task_skips"] == 1


async def test_an_asset_that_comes_again_is_met_as_for_the_first_time(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, [FIRST])
    await mill.label("annotator-1", parent, 1)
    await erase(mill, parent, FIRST)
    assert [reason(result) for result in (await mill.tasks(parent, [FIRST])).results] == [""]
    assert len(await mill.lease("annotator-1", parent)) == 1


async def test_repeated_requests_do_not_bring_back_what_their_answers_said(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, [FIRST])
    again = str(uuid.uuid4())
    assert await mill.lease("annotator-1", parent, request_id=again)
    await erase(mill, parent, FIRST)
    assert await mill.lease("annotator-1", parent, request_id=again) == []


async def test_erasing_again_and_erasing_the_unknown_removes_nothing(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, [FIRST])
    request_id = str(uuid.uuid4())
    erased = await erase(mill, parent, FIRST, request_id=request_id)
    assert await erase(mill, parent, FIRST, request_id=request_id) == erased
    assert not any((await erase(mill, parent, FIRST, "unknown")).removed_counts.values())
    assert not any((await erase(mill, "projects/nowhere", FIRST)).removed_counts.values())


async def test_what_storage_said_before_an_erasure_makes_no_tasks_and_no_gold_after_it(
    mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = await mill.project()
    describe = mill.storage.describe

    async def erased_meanwhile(project: str, assets: Sequence[str]) -> Mapping[str, AssetFacts | LabelmillError]:
        described = await describe(project, assets)
        await erase(mill, parent, FIRST)
        return described

    monkeypatch.setattr(mill.storage, "describe", erased_meanwhile)
    made = await mill.tasks(parent, [FIRST, SECOND])
    assert [reason(result) for result in made.results] == ["ASSET_NOT_FOUND", ""]
    gold = await mill.benchmarks(parent, [FIRST, THIRD], resources_pb2.Benchmark.PURPOSE_LABELERS)
    assert [reason(result) for result in gold.results] == ["ASSET_NOT_FOUND", ""]
    assert not any((await erase(mill, parent, FIRST)).removed_counts.values())


async def test_names_of_another_project_and_other_names_are_refused(mill: Mill) -> None:
    parent = await mill.project()
    for name, why in (("projects/p-two/assets/a", "FOREIGN_PROJECT"), (f"{parent}/tasks/a", "INVALID_NAME")):
        with pytest.raises(errors.InvalidArgument) as caught:
            await mill.as_("service").annotations.erase_assets(EraseAssetsRequest(parent=parent, names=[name]))
        assert (caught.value.reason, list(caught.value.fields)) == (why, ["names[0]"])
