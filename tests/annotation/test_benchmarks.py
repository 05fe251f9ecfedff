"""Benchmarks: mixed in unseen, indistinguishable for annotators, held out where they are for evaluation."""

import pytest

from labelmill import errors
from labelmill.annotation.v1 import resources_pb2, service_pb2
from tests.annotation.fakes import asset_ids
from tests.annotation.mill import Kind, Mill, State, item, reason, sentiment, span

Benchmark = resources_pb2.Benchmark
GOLD = asset_ids(40, start=1000)


async def kinds(mill: Mill, parent: str) -> dict[str, int]:
    """True kinds by task, as a manager knows them."""
    return {task.name: task.kind for task in await mill.listed(parent)}


@pytest.mark.parametrize("count", [1, 7, 50])
async def test_the_share_of_benchmarks_is_kept_for_every_labeler(mill: Mill, count: int) -> None:
    parent = await mill.project(labels_per_asset=3, benchmark_share=0.2)
    await mill.tasks(parent, 60)
    await mill.benchmarks(parent, GOLD)
    for who in ("annotator-1", "annotator-2"):
        given = 0
        while given < 50:
            tasks = await mill.lease(who, parent, min(count, 50 - given))
            assert {task.kind for task in tasks} == {Kind.KIND_LABEL}
            given += len(tasks)
            await mill.submit(who, parent, *map(item, tasks))
        submitted = await mill.listed(parent, f'kind = BENCHMARK AND labeler = "{who}"')
        assert 8 <= len(submitted) <= 12
        assert len({task.asset for task in submitted}) == len(submitted)


async def test_a_benchmark_task_looks_like_any_other_to_its_labeler(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=2, benchmark_share=0.3, show_predictions=True)
    await mill.tasks(parent, 40, batch="round-1", priority=3)
    mill.clock.ahead_ms = 3_600_000  # label tasks are an hour old when benchmark tasks are made
    await mill.benchmarks(parent, GOLD)
    tasks = await mill.lease("annotator-1", parent, 30)
    truth = await kinds(mill, parent)
    gold = [task for task in tasks if truth[task.name] == Kind.KIND_BENCHMARK]
    label = [task for task in tasks if truth[task.name] == Kind.KIND_LABEL]
    assert 7 <= len(gold) <= 11

    def face(task: resources_pb2.Task) -> tuple[object, ...]:
        fields = sorted(descriptor.name for descriptor, _ in task.ListFields())
        plain = (task.kind, task.state, task.batch, task.priority, task.ontology_version, task.create_time.seconds)
        sizes = (len(task.name), len(task.asset), len(task.lease.token), len(task.predictions))
        return (*fields, *plain, *sizes, task.lease.expire_time.ToMilliseconds())

    assert {face(task) for task in gold} == {face(task) for task in label}
    for task in (*gold[:2], *label[:2]):
        own = await mill.as_("annotator-1").tasks.get_task(service_pb2.GetTaskRequest(name=task.name))
        assert face(own) == face(task)


async def test_positions_of_benchmarks_differ_between_labelers(mill: Mill) -> None:
    parent = await mill.project(labels_per_asset=10, benchmark_share=0.1)
    await mill.tasks(parent, 40)
    await mill.benchmarks(parent, GOLD)
    places: list[tuple[int, ...]] = []
    for number in range(10):
        tasks = await mill.lease(f"annotator-{number}", parent, 30)
        truth = await kinds(mill, parent)
        places.append(tuple(i for i, task in enumerate(tasks) if truth[task.name] == Kind.KIND_BENCHMARK))
        assert 2 <= len(places[-1]) <= 4
    assert len(set(places)) > 5
    assert len({place[0] for place in places}) > 2


@pytest.mark.parametrize("ending", ["skip", "release", "expire", "submit"])
async def test_however_a_benchmark_task_ends_it_shows_nothing(mill: Mill, ending: str) -> None:
    parent = await mill.project(labels_per_asset=2, benchmark_share=0.5)
    await mill.tasks(parent, 20)
    await mill.benchmarks(parent, GOLD)
    tasks = await mill.lease("annotator-1", parent, 10, seconds=60)
    truth = await kinds(mill, parent)
    gold = next(task for task in tasks if truth[task.name] == Kind.KIND_BENCHMARK)
    label = next(task for task in tasks if truth[task.name] == Kind.KIND_LABEL)
    client = mill.as_("annotator-1").tasks
    seen = []
    for task in (gold, label):
        if ending == "skip":
            request = service_pb2.SkipTaskRequest(name=task.name, lease_token=task.lease.token)
            back = await client.skip_task(request)
            seen.append((back.kind, back.state, back.labeler))
        elif ending == "release":
            back = await client.release_task(
                service_pb2.ReleaseTaskRequest(name=task.name, lease_token=task.lease.token)
            )
            seen.append((back.kind, back.state, back.labeler))
        elif ending == "submit":
            [result] = await mill.submit("annotator-1", parent, item(task))
            own = await client.get_task(service_pb2.GetTaskRequest(name=task.name))
            seen.append((reason(result), len(result.annotations), own.kind, own.state, own.HasField("submit_time")))
    if ending == "expire":
        mill.clock.ahead_ms = 61_000
        seen = [reason((await mill.submit("annotator-1", parent, item(task)))[0]) for task in (gold, label)]
        assert seen[0] == "LEASE_EXPIRED"
        await mill.lease("annotator-2", parent, 1)  # sweeps
        again = [reason((await mill.submit("annotator-1", parent, item(task)))[0]) for task in (gold, label)]
        assert again[0] == "LEASE_EXPIRED"
    assert seen[0] == seen[1]


async def test_a_benchmark_given_back_returns_under_the_same_name_and_counts_as_nothing_left(mill: Mill) -> None:
    parent = await mill.project(benchmark_share=0.5)
    await mill.tasks(parent, 20)
    await mill.benchmarks(parent, GOLD[:1])
    tasks = await mill.lease("annotator-1", parent, 6)
    truth = await kinds(mill, parent)
    [gold] = [task for task in tasks if truth[task.name] == Kind.KIND_BENCHMARK]
    request = service_pb2.ReleaseTaskRequest(name=gold.name, lease_token=gold.lease.token)
    await mill.as_("annotator-1").tasks.release_task(request)
    [kept] = await mill.listed(parent, "kind = BENCHMARK")
    assert kept.state == State.STATE_CANCELLED
    assert gold.name not in {task.name for task in await mill.lease("annotator-2", parent, 2)}
    later = await mill.lease("annotator-1", parent, 8)
    assert gold.name in {task.name for task in later}


async def test_benchmarks_never_come_alone(mill: Mill) -> None:
    parent = await mill.project(benchmark_share=0.5)
    await mill.tasks(parent, 2)
    await mill.benchmarks(parent, GOLD)
    seen = 0
    while tasks := await mill.lease("annotator-1", parent, 10):
        seen += len(tasks)
        await mill.submit("annotator-1", parent, *map(item, tasks))
    assert seen <= 6
    assert await mill.lease("annotator-2", parent, 10) == []


async def test_annotations_of_benchmarks_can_be_told_apart_by_managers(mill: Mill) -> None:
    parent = await mill.project(benchmark_share=0.5)
    await mill.tasks(parent, 10, batch="round-1")
    await mill.benchmarks(parent, GOLD)
    tasks = await mill.lease("annotator-1", parent, 10)
    await mill.submit("annotator-1", parent, *map(item, tasks))
    gold = await mill.annotations(parent, 'kind = BENCHMARK AND batch = "round-1"')
    label = await mill.annotations(parent, "kind = LABEL")
    assert {annotation.asset.rpartition("/")[2] for annotation in gold} <= set(GOLD)
    assert len(gold) + len(label) == 10
    assert len(gold) >= 4


async def test_evaluation_gold_is_never_shown_to_a_labeler(mill: Mill) -> None:
    parent = await mill.project(benchmark_share=1.0)
    await mill.benchmarks(parent, GOLD[:3], Benchmark.PURPOSE_EVALUATION)
    created = await mill.tasks(parent, [*asset_ids(2), GOLD[0]])
    assert [reason(result) for result in created.results] == ["", "", "ASSET_HELD_OUT"]
    tasks = await mill.lease("annotator-1", parent, 10)
    assert {task.asset.rpartition("/")[2] for task in tasks} == set(asset_ids(2))


async def test_an_asset_that_is_being_labelled_cannot_be_held_out(mill: Mill) -> None:
    parent = await mill.project()
    await mill.tasks(parent, 1)
    response = await mill.benchmarks(parent, asset_ids(2), Benchmark.PURPOSE_EVALUATION)
    assert [reason(result) for result in response.results] == ["ASSET_HAS_TASKS", ""]
    shown = await mill.benchmarks(parent, asset_ids(1), Benchmark.PURPOSE_LABELERS)
    assert reason(shown.results[0]) == ""


async def test_gold_is_checked_item_by_item(mill: Mill) -> None:
    parent = await mill.project()
    raw, unknown, good, bad_class, bad_span, empty = asset_ids(6)
    mill.storage.raw, mill.storage.unknown = {raw}, {unknown}
    wrong = [sentiment("furious")]
    outside = [sentiment(), span(30, 41)]
    said = {bad_class: wrong, bad_span: outside}
    gold = [
        Benchmark(
            asset=f"{parent}/assets/{asset}",
            purpose=Benchmark.PURPOSE_LABELERS,
            annotations=said.get(asset, [sentiment()]),
        )
        for asset in (raw, unknown, good, good, bad_class, bad_span)
    ]
    gold.append(Benchmark(asset="projects/other/assets/" + empty, purpose=1, annotations=[sentiment()]))
    request = service_pb2.BatchCreateBenchmarksRequest(parent=parent, benchmarks=gold)
    response = await mill.as_("manager").annotations.batch_create_benchmarks(request)
    assert [reason(result) for result in response.results] == [
        "ASSET_NOT_CLEAN",
        "ASSET_NOT_FOUND",
        "",
        "BENCHMARK_ALREADY_EXISTS",
        "NOT_IN_ONTOLOGY",
        "SPAN_OUTSIDE_TEXT",
        "FOREIGN_PROJECT",
    ]
    error = errors.from_status(response.results[5].status)
    assert error is not None
    assert list(error.fields) == ["benchmarks[5].annotations[1].text_span.end"]
    request = service_pb2.BatchCreateBenchmarksRequest(parent=parent, benchmarks=gold[2:3])
    [again] = (await mill.as_("manager").annotations.batch_create_benchmarks(request)).results
    assert reason(again) == "BENCHMARK_ALREADY_EXISTS"


async def test_benchmarks_are_listed_for_managers_and_never_for_annotators(mill: Mill) -> None:
    parent = await mill.project()
    made = await mill.benchmarks(parent, GOLD[:5])
    await mill.benchmarks(parent, GOLD[5:7], Benchmark.PURPOSE_EVALUATION)
    request = service_pb2.ListBenchmarksRequest(parent=parent, page_size=2)
    listed = [gold async for gold in mill.as_("reviewer").annotations.list_benchmarks(request)]
    assert len(listed) == 7
    assert {gold.name for gold in listed} >= {result.benchmark.name for result in made.results}
    assert listed[0].annotations[0].classification.single == "positive"
    request = service_pb2.ListBenchmarksRequest(parent=parent, filter="purpose = EVALUATION")
    held_out = [gold async for gold in mill.as_("service").annotations.list_benchmarks(request)]
    assert {gold.asset.rpartition("/")[2] for gold in held_out} == set(GOLD[5:7])
    with pytest.raises(errors.PermissionDenied):
        await mill.as_("annotator-1").annotations.list_benchmarks.page(request)
