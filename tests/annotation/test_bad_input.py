"""Each wrong call gets its own code with details and leaves nothing behind."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc.aio
import pytest

from labelmill import errors
from labelmill.annotation.v1 import service_pb2, service_pb2_grpc
from labelmill.type.v1 import annotation_pb2
from tests.annotation.fakes import asset_ids
from tests.annotation.mill import Mill, State, item, reason, sentiment, span

NOWHERE = "projects/p-nowhere"
Call = Callable[[Mill, str, str], Awaitable[object]]
Task, Annotation = f"{NOWHERE}/tasks/x", f"{NOWHERE}/annotations/x"

CALLS: dict[str, tuple[str, Call]] = {
    "GetProject": ("manager", lambda m, w, p: m.as_(w).projects.get_project(service_pb2.GetProjectRequest(name=p))),
    "GetOntology": (
        "manager",
        lambda m, w, p: m.as_(w).projects.get_ontology(service_pb2.GetOntologyRequest(project=p)),
    ),
    "BatchCreateTasks": (
        "manager",
        lambda m, w, p: m.as_(w).tasks.batch_create_tasks(
            service_pb2.BatchCreateTasksRequest(parent=p, assets=[f"{p}/assets/{asset_ids(1)[0]}"])
        ),
    ),
    "LeaseTasks": ("annotator-1", lambda m, w, p: m.lease(w, p)),
    "HeartbeatTasks": (
        "annotator-1",
        lambda m, w, p: m.as_(w).tasks.heartbeat_tasks(
            service_pb2.HeartbeatTasksRequest(
                parent=p, leases=[service_pb2.TaskLease(task=f"{p}/tasks/x", lease_token="x")]
            )
        ),
    ),
    "SkipTask": (
        "annotator-1",
        lambda m, w, p: m.as_(w).tasks.skip_task(service_pb2.SkipTaskRequest(name=f"{p}/tasks/x", lease_token="x")),
    ),
    "GetTask": ("manager", lambda m, w, p: m.as_(w).tasks.get_task(service_pb2.GetTaskRequest(name=f"{p}/tasks/x"))),
    "ListTasks": (
        "manager",
        lambda m, w, p: m.as_(w).tasks.list_tasks.page(service_pb2.ListTasksRequest(parent=p)),
    ),
    "GetTaskStatistics": (
        "manager",
        lambda m, w, p: m.as_(w).tasks.get_task_statistics(service_pb2.GetTaskStatisticsRequest(parent=p)),
    ),
    "ListBenchmarks": (
        "manager",
        lambda m, w, p: m.as_(w).annotations.list_benchmarks.page(service_pb2.ListBenchmarksRequest(parent=p)),
    ),
    "ListAnnotations": (
        "manager",
        lambda m, w, p: m.as_(w).annotations.list_annotations.page(service_pb2.ListAnnotationsRequest(parent=p)),
    ),
    "ListAnnotationChanges": (
        "manager",
        lambda m, w, p: m.as_(w).annotations.list_annotation_changes.page(
            service_pb2.ListAnnotationChangesRequest(parent=p)
        ),
    ),
    "GetAnnotation": (
        "manager",
        lambda m, w, p: m.as_(w).annotations.get_annotation(
            service_pb2.GetAnnotationRequest(name=f"{p}/annotations/x")
        ),
    ),
    "ReviseAnnotations": (
        "reviewer",
        lambda m, w, p: m.as_(w).annotations.revise_annotations(
            service_pb2.ReviseAnnotationsRequest(task=f"{p}/tasks/x", annotations=[sentiment()])
        ),
    ),
}


async def test_an_unknown_project_is_not_found_by_every_call(mill: Mill) -> None:
    for name, (who, call) in CALLS.items():
        with pytest.raises(errors.NotFound) as missing:
            await call(mill, who, NOWHERE)
        assert missing.value.reason == "PROJECT_NOT_FOUND", name
        assert missing.value.resource == ("Project", NOWHERE), name


async def test_the_wrong_role_or_project_is_denied_by_every_call(mill: Mill) -> None:
    parent = await mill.project()
    for name, (who, call) in CALLS.items():
        for stranger in (f"{who}@p-elsewhere", "officer@p-elsewhere"):
            with pytest.raises(errors.PermissionDenied) as denied:
                await call(mill, stranger, parent)
            assert denied.value.reason == "PERMISSION_DENIED", name


async def test_no_credentials_or_wrong_ones_are_unauthenticated(mill: Mill) -> None:
    parent = await mill.project()
    for _, call in CALLS.values():
        with pytest.raises(errors.Unauthenticated):
            await call(mill, "nobody", parent)
    async with grpc.aio.insecure_channel(mill.server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await service_pb2_grpc.TaskServiceStub(channel).LeaseTasks(service_pb2.LeaseTasksRequest(parent=parent))
    assert failed.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_a_message_that_breaks_the_contract_is_refused_as_a_whole(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    [task] = await mill.lease("annotator-1", parent)
    nothing = annotation_pb2.Annotation(feature="sentiment")
    for bad in (nothing, span(5, 5), sentiment(confidence=1.5), sentiment("")):
        with pytest.raises(errors.InvalidArgument, match="INVALID_REQUEST") as refused:
            await mill.submit("annotator-1", parent, item(task, bad))
        assert any(field.startswith("items[0].annotations[0]") for field in refused.value.fields)
    with pytest.raises(errors.InvalidArgument):
        await mill.lease("annotator-1", parent, 1001)
    with pytest.raises(errors.InvalidArgument):
        await mill.as_("manager").tasks.batch_create_tasks(service_pb2.BatchCreateTasksRequest(parent=parent))
    [kept] = await mill.listed(parent)
    assert kept.state == State.STATE_LEASED
    assert await mill.annotations(parent) == []


async def test_no_error_repeats_what_a_labeler_wrote(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    [task] = await mill.lease("annotator-1", parent)
    [result] = await mill.submit("annotator-1", parent, item(task, sentiment("Jane Doe of 5 Elm Street")))
    assert reason(result) == "NOT_IN_ONTOLOGY"
    assert b"Jane" not in result.SerializeToString()


async def test_cancelled_calls_leave_tasks_either_whole_or_untouched(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=2)
    await mill.tasks(parent, 300)
    for delay_ms in range(24):
        tasks = await mill.lease("annotator-1", parent, 10)
        call = asyncio.create_task(
            mill.submit("annotator-1", parent, *(item(task, sentiment(), span(0, 3)) for task in tasks))
        )
        await asyncio.sleep(delay_ms / 1000)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await asyncio.sleep(0.3)
    submitted = {task.name for task in await mill.listed(parent, "state = SUBMITTED")}
    said = [annotation.task for annotation in await mill.annotations(parent)]
    assert set(said) == submitted
    assert sorted(said) == sorted([*submitted, *submitted])
    assert len(submitted) % 10 == 0
    assert len(await mill.lease("annotator-2", parent, 50)) == 50


async def test_cancelled_leases_leave_no_task_lost(mill: Mill) -> None:
    parent = await mill.project(benchmark_share=0.2)
    await mill.tasks(parent, 100)
    await mill.benchmarks(parent, asset_ids(30, start=500))
    for delay_ms in range(12):
        call = asyncio.create_task(mill.lease("annotator-1", parent, 5, seconds=60))
        await asyncio.sleep(delay_ms / 1000)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await asyncio.sleep(0.3)
    mill.clock.ahead_ms = 61_000
    names: set[str] = set()
    while tasks := await mill.lease("annotator-2", parent, 50):
        names |= {task.name for task in tasks}
    label = await mill.listed(parent, 'kind = LABEL AND labeler = "annotator-2"')
    assert len(label) == 100
