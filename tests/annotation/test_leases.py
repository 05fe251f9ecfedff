"""Leases: who gets what, how long it lasts, and what the holder may do with it."""

import asyncio
import uuid

import pytest

from labelmill import errors
from labelmill.annotation.v1 import resources_pb2, service_pb2
from tests.annotation.fakes import asset_ids
from tests.annotation.mill import Kind, Mill, State, item, reason, sentiment

Benchmark = resources_pb2.Benchmark


async def heartbeat(
    mill: Mill, who: str, parent: str, *tasks: resources_pb2.Task
) -> list[service_pb2.HeartbeatTasksResponse.Result]:
    leases = [service_pb2.TaskLease(task=task.name, lease_token=task.lease.token) for task in tasks]
    request = service_pb2.HeartbeatTasksRequest(parent=parent, leases=leases)
    return list((await mill.as_(who).tasks.heartbeat_tasks(request)).results)


async def release(mill: Mill, who: str, task: resources_pb2.Task) -> resources_pb2.Task:
    request = service_pb2.ReleaseTaskRequest(name=task.name, lease_token=task.lease.token)
    return await mill.as_(who).tasks.release_task(request)


async def skip(mill: Mill, who: str, task: resources_pb2.Task, why: str = "unclear") -> resources_pb2.Task:
    request = service_pb2.SkipTaskRequest(name=task.name, lease_token=task.lease.token, reason=why)
    return await mill.as_(who).tasks.skip_task(request)


async def test_a_lease_is_held_by_one_labeler_until_submitted(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    [task] = await mill.lease("annotator-1", parent)
    assert task.labeler == "annotator-1"
    assert task.state == State.STATE_LEASED
    assert task.ontology_version == 1
    assert await mill.lease("annotator-2", parent) == []
    [result] = await mill.submit("annotator-1", parent, item(task, spent_ms=1234))
    assert reason(result) == ""
    assert len(result.annotations) == 1
    [kept] = await mill.listed(parent)
    assert (kept.state, kept.labeler) == (State.STATE_SUBMITTED, "annotator-1")
    assert kept.HasField("submit_time")
    [annotation] = await mill.annotations(parent)
    assert annotation.classification.single == "positive"
    assert annotation.provenance.human.labeler == "annotator-1"
    assert annotation.provenance.human.time_spent_ms == 1234
    assert (annotation.version, annotation.ontology_version, annotation.task) == (1, 1, task.name)


async def test_a_labeler_never_gets_two_tasks_of_one_asset(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=3)
    await mill.tasks(parent, 5)
    await mill.tasks(parent, 5, batch="again")
    seen: list[str] = []
    for count in (2, 10, 10):
        tasks = await mill.lease("annotator-1", parent, count)
        await mill.submit("annotator-1", parent, *map(item, tasks))
        seen += [task.asset for task in tasks]
    assert sorted(seen) == [f"{parent}/assets/{asset}" for asset in asset_ids(5)]
    assert len(await mill.lease("annotator-2", parent, 50)) == 5


async def test_higher_priority_comes_first_then_creation_order(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, asset_ids(3))
    await mill.tasks(parent, asset_ids(2, start=10), priority=5)
    assets = [task.asset.rpartition("/")[2] for task in await mill.lease("annotator-1", parent, 5)]
    assert assets == [*asset_ids(2, start=10), *asset_ids(3)]


async def test_a_lease_can_be_asked_for_one_batch(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, asset_ids(3), batch="round-1")
    await mill.tasks(parent, asset_ids(2, start=10), batch="round-2")
    assert {task.batch for task in await mill.lease("annotator-1", parent, 9, batch="round-2")} == {"round-2"}
    assert await mill.lease("annotator-2", parent, 9, batch="round-9") == []


async def test_a_skipped_asset_never_comes_back_but_goes_to_others(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    [task] = await mill.lease("annotator-1", parent)
    back = await skip(mill, "annotator-1", task)
    assert (back.state, back.labeler) == (State.STATE_AVAILABLE, "")
    assert await mill.lease("annotator-1", parent) == []
    assert len(await mill.lease("annotator-2", parent)) == 1


async def test_a_released_task_can_be_leased_again_and_the_old_token_is_dead(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    [first] = await mill.lease("annotator-1", parent)
    await release(mill, "annotator-1", first)
    [second] = await mill.lease("annotator-1", parent)
    assert second.name == first.name
    [late] = await mill.submit("annotator-1", parent, item(first))
    assert reason(late) == "LEASE_LOST"
    [good] = await mill.submit("annotator-1", parent, item(second))
    assert reason(good) == ""


async def test_submitting_after_the_lease_ended_is_refused_and_leaves_the_task_available(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    [task] = await mill.lease("annotator-1", parent, seconds=60)
    mill.clock.ahead_ms = 61_000
    [late] = await mill.submit("annotator-1", parent, item(task))
    assert reason(late) == "LEASE_EXPIRED"
    assert await mill.annotations(parent) == []
    [kept] = await mill.listed(parent, "state = AVAILABLE")
    assert kept.labeler == ""
    [again] = await mill.lease("annotator-2", parent)
    assert again.name == task.name
    [lost] = await mill.submit("annotator-1", parent, item(task))
    assert reason(lost) == "LEASE_LOST"
    [good] = await mill.submit("annotator-2", parent, item(again))
    assert reason(good) == ""


async def test_a_labeler_whose_lease_ended_may_take_the_asset_again(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    [first] = await mill.lease("annotator-1", parent, seconds=60)
    mill.clock.ahead_ms = 61_000
    [second] = await mill.lease("annotator-1", parent)
    assert second.name == first.name
    assert second.lease.token != first.lease.token


async def test_a_heartbeat_prolongs_a_lease_from_now(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 2)
    tasks = await mill.lease("annotator-1", parent, 2, seconds=60)
    mill.clock.ahead_ms = 40_000
    results = await heartbeat(mill, "annotator-1", parent, *tasks)
    assert [reason(result) for result in results] == ["", ""]
    for task, result in zip(tasks, results, strict=True):
        gained = result.lease.expire_time.ToMilliseconds() - task.lease.expire_time.ToMilliseconds()
        assert 39_000 <= gained <= 45_000
        assert result.lease.token == task.lease.token
    mill.clock.ahead_ms = 90_000  # past the first end, before the second
    [good] = await mill.submit("annotator-1", parent, item(tasks[0]))
    assert reason(good) == ""
    mill.clock.ahead_ms = 200_000
    [gone] = await heartbeat(mill, "annotator-1", parent, tasks[1])
    assert reason(gone) == "LEASE_EXPIRED"


async def test_a_token_works_only_for_its_labeler_and_task(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 2)
    one, two = await mill.lease("annotator-1", parent, 2)
    [stolen] = await mill.submit("annotator-2", parent, item(one))
    assert reason(stolen) == "LEASE_INVALID"
    crossed = item(one)
    crossed.lease.task = two.name
    forged = item(two)
    forged.lease.lease_token = ("y" if two.lease.token[0] == "x" else "x") + two.lease.token[1:]
    unknown = item(two)
    unknown.lease.task = f"{parent}/tasks/{'0' * 32}"
    results = await mill.submit("annotator-1", parent, crossed, forged, unknown)
    assert [reason(result) for result in results] == ["LEASE_INVALID"] * 3
    error = errors.from_status(results[1].status)
    assert error is not None
    assert error.code == errors.Code.INVALID_ARGUMENT
    assert list(error.fields) == ["items[1].lease.lease_token"]
    with pytest.raises(errors.InvalidArgument, match="LEASE_INVALID"):
        await release(mill, "annotator-2", one)
    with pytest.raises(errors.InvalidArgument, match="LEASE_INVALID"):
        await skip(mill, "annotator-2", one)


async def test_a_task_is_submitted_once(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    [task] = await mill.lease("annotator-1", parent)
    results = await mill.submit("annotator-1", parent, item(task), item(task))
    assert [reason(result) for result in results] == ["", "TASK_ALREADY_SUBMITTED"]
    [again] = await mill.submit("annotator-1", parent, item(task, sentiment("negative")))
    assert reason(again) == "TASK_ALREADY_SUBMITTED"
    assert len(await mill.annotations(parent)) == 1


async def test_a_submission_sent_twice_under_one_request_id_is_made_once(mill: Mill) -> None:
    parent, request_id = await mill.project(), str(uuid.uuid4())
    await mill.tasks(parent, 1)
    [task] = await mill.lease("annotator-1", parent)
    [first] = await mill.submit("annotator-1", parent, item(task), request_id=request_id)
    [second] = await mill.submit("annotator-1", parent, item(task), request_id=request_id)
    assert first == second
    assert len(await mill.annotations(parent)) == 1
    with pytest.raises(errors.InvalidArgument, match="REQUEST_ID_REUSED"):
        await mill.submit("annotator-1", parent, item(task, sentiment("negative")), request_id=request_id)


async def test_a_lease_sent_twice_under_one_request_id_gets_the_same_tasks(mill: Mill) -> None:
    parent, request_id = await mill.project(), str(uuid.uuid4())
    await mill.tasks(parent, 5)
    first = await mill.lease("annotator-1", parent, 2, request_id=request_id)
    second = await mill.lease("annotator-1", parent, 2, request_id=request_id)
    assert first == second
    assert len(await mill.listed(parent, "state = LEASED")) == 2


async def test_a_reviewer_may_label_and_a_manager_may_not(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    with pytest.raises(errors.PermissionDenied):
        await mill.lease("manager", parent)
    assert len(await mill.lease("reviewer-1", parent)) == 1


async def test_predictions_come_with_a_lease_where_the_project_shows_them(mill: Mill) -> None:
    blind, shown = await mill.project("p-blind"), await mill.project("p-shown", show_predictions=True)
    await mill.tasks(blind, 3)
    await mill.tasks(shown, 3)
    assert all(not task.predictions for task in await mill.lease("annotator-1", blind, 3))
    assert mill.prelabel.calls == 0
    tasks = await mill.lease("annotator-1", shown, 2)
    assert [task.predictions[0].classification.single for task in tasks] == ["positive"] * 2
    mill.prelabel.away = True
    assert [len(task.predictions) for task in await mill.lease("annotator-1", shown, 1)] == [0]


async def test_twenty_labelers_at_once_never_share_a_task_and_leave_none(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=3)
    await mill.tasks(parent, 200)
    taken: list[tuple[str, str, str]] = []

    async def work(who: str) -> None:
        while tasks := await mill.lease(who, parent, 7):
            taken.extend((task.name, task.asset, who) for task in tasks)
            results = await mill.submit(who, parent, *map(item, tasks))
            assert [reason(result) for result in results] == [""] * len(tasks)

    await asyncio.gather(*(work(f"annotator-{number}") for number in range(20)))
    assert len({name for name, _, _ in taken}) == len(taken) == 600
    assert len({(asset, who) for _, asset, who in taken}) == 600
    assert len(await mill.listed(parent, "state = SUBMITTED")) == 600
    annotations = await mill.annotations(parent)
    assert len({annotation.task for annotation in annotations}) == len(annotations) == 600


async def test_one_labeler_leasing_twice_at_once_gets_no_asset_twice(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=3, benchmark_share=0.2)
    await mill.tasks(parent, 60)
    await mill.benchmarks(parent, asset_ids(20, start=500))
    answers = await asyncio.gather(*(mill.lease("annotator-1", parent, 10) for _ in range(6)))
    assets = [task.asset for tasks in answers for task in tasks]
    assert len(set(assets)) == len(assets) == 60


async def test_ended_leases_are_taken_over_once_by_many_at_once(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 40)
    await mill.lease("annotator-0", parent, 40, seconds=60)
    mill.clock.ahead_ms = 61_000
    answers = await asyncio.gather(*(mill.lease(f"annotator-{n}", parent, 10) for n in range(1, 9)))
    names = [task.name for tasks in answers for task in tasks]
    rest = [task.name for n in range(1, 9) for task in await mill.lease(f"annotator-{n}", parent, 40)]
    assert len(set(names + rest)) == len(names + rest) == 40


async def test_an_annotator_sees_only_tasks_of_their_own(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 2)
    [task] = await mill.lease("annotator-1", parent, seconds=60)
    request = service_pb2.GetTaskRequest(name=task.name)
    own = await mill.as_("annotator-1").tasks.get_task(request)
    assert own.lease.token == task.lease.token
    with pytest.raises(errors.NotFound, match="TASK_NOT_FOUND"):
        await mill.as_("annotator-2").tasks.get_task(request)
    seen = await mill.as_("reviewer").tasks.get_task(request)
    assert (seen.labeler, seen.HasField("lease")) == ("annotator-1", False)
    with pytest.raises(errors.PermissionDenied):
        await mill.listed(parent, who="annotator-1")
    mill.clock.ahead_ms = 61_000
    with pytest.raises(errors.NotFound):
        await mill.as_("annotator-1").tasks.get_task(request)


async def test_an_unknown_task_is_not_found_and_a_bad_name_is_named(mill: Mill) -> None:
    parent = await mill.project()
    with pytest.raises(errors.NotFound, match="TASK_NOT_FOUND"):
        await mill.as_("manager").tasks.get_task(service_pb2.GetTaskRequest(name=f"{parent}/tasks/none"))
    with pytest.raises(errors.InvalidArgument, match="INVALID_NAME"):
        await mill.as_("manager").tasks.get_task(service_pb2.GetTaskRequest(name=f"{parent}/things/none"))


async def test_statistics_count_ended_leases_as_available(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 6)
    await mill.lease("annotator-1", parent, 2, seconds=60)
    await mill.label("annotator-2", parent, 1)
    request = service_pb2.GetTaskStatisticsRequest(parent=parent)

    async def counts(filter_text: str = "") -> dict[tuple[int, int, str], int]:
        request.filter = filter_text
        statistics = await mill.as_("manager").tasks.get_task_statistics(request)
        assert statistics.total_count == sum(count.task_count for count in statistics.counts)
        return {(count.kind, count.state, count.labeler): count.task_count for count in statistics.counts}

    label = Kind.KIND_LABEL
    assert await counts() == {
        (label, State.STATE_AVAILABLE, ""): 3,
        (label, State.STATE_LEASED, "annotator-1"): 2,
        (label, State.STATE_SUBMITTED, "annotator-2"): 1,
    }
    mill.clock.ahead_ms = 61_000
    assert await counts("state = AVAILABLE") == {(label, State.STATE_AVAILABLE, ""): 5}


async def test_tasks_are_listed_page_by_page_in_order(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=2)
    created = await mill.tasks(parent, 7)
    names = [name for result in created.results for name in result.tasks]
    request = service_pb2.ListTasksRequest(parent=parent, page_size=4, filter="kind = LABEL AND batch = default")
    listed: list[str] = []
    while True:
        page = await mill.as_("manager").tasks.list_tasks.page(request)
        listed += [task.name for task in page.tasks]
        assert len(page.tasks) <= 4
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert listed == names
    one = await mill.listed(parent, f'asset = "{created.results[3].asset}"')
    assert [task.name for task in one] == list(created.results[3].tasks)
    with pytest.raises(errors.InvalidArgument, match="INVALID_FILTER"):
        await mill.listed(parent, "colour = red")
    with pytest.raises(errors.InvalidArgument, match="INVALID_FILTER"):
        await mill.listed(parent, "state = GONE")
