"""Long-running operations: progress, results, cancellation, leases and fencing, on both databases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import sqlalchemy as sa
from google.rpc import error_details_pb2

from labelmill_runtime.database import Database
from labelmill_runtime.errors import FailedPrecondition, NotFound
from labelmill_runtime.operations import OperationContext, OperationInterrupted, OperationStore
from labelmill_runtime.principal import Grant, Principal, Role, current_principal, set_current_principal
from tests.runtime.calls import say
from tests.runtime.echo_protos import echo_pb2
from tests.runtime.echo_service import CANARY, bug, count, missing, stuck

Make = Callable[..., OperationStore]


@pytest.fixture
async def make(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    """Makes stores on one database, as if each were a process of its own."""
    monkeypatch.setattr("labelmill_runtime.operation_runner._CLOSE_GRACE_S", 0.3)
    stores: list[OperationStore] = []

    def new(owner: str = "here:1:1", lease_s: float = 0.6, run: Any = count, **options: Any) -> OperationStore:
        store = OperationStore(database, "echo", lease_s=lease_s, owner=owner)
        for kind, code in {"count": run, "stuck": stuck, "bug": bug, "missing": missing}.items():
            store.register(kind, code, echo_pb2.SayRequest, echo_pb2.CountMetadata, **options)
        stores.append(store)
        return store

    yield new
    for store in stores:
        await store.close()


async def begin(store: OperationStore, kind: str = "count", project: str = "p1", **request: Any) -> str:
    operation = await store.start(
        None, kind=kind, project=project, request=say(**request), metadata=echo_pb2.CountMetadata()
    )
    return str(operation.name)


def counted(operation: Any) -> int:
    metadata = echo_pb2.CountMetadata()
    assert operation.metadata.Unpack(metadata)
    return int(metadata.counted)


async def until(condition: Callable[[], Any], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def test_an_operation_runs_to_its_response(make: Make) -> None:
    store = make()
    name = await begin(store, times=3, text="hello")
    assert name.startswith("projects/p1/operations/echo-")
    operation = await store.wait(name, 5)
    response = echo_pb2.SayResponse()
    assert operation.done
    assert operation.response.Unpack(response)
    assert (response.text, response.count, counted(operation)) == ("hello", 3, 3)


async def test_progress_shows_while_it_runs(make: Make) -> None:
    store = make()
    name = await begin(store, times=100)

    async def under_way() -> bool:
        operation = await store.get(name)
        return 0 < counted(operation) < 100 and not operation.done

    await until(under_way)


async def test_the_operation_runs_as_the_one_who_started_it(make: Make) -> None:
    seen: list[Principal] = []

    async def look(context: OperationContext, _request: Any) -> Any:
        seen.extend([context.principal, current_principal()])
        return echo_pb2.SayResponse()

    store = make(run=look)
    starter = Principal("starter", (Grant(Role.MANAGER, "p1"),))
    set_current_principal(starter)
    await store.wait(await begin(store), 5)
    assert seen == [starter, starter]


async def test_the_row_belongs_to_the_callers_transaction(make: Make, database: Database) -> None:
    store = make()
    names = []

    async def fail() -> None:
        metadata = echo_pb2.CountMetadata()
        async with database.transaction() as session:
            operation = await store.start(session, kind="count", project="p1", request=say(), metadata=metadata)
            names.append(operation.name)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    with pytest.raises(NotFound):
        await store.get(names[0])


async def test_domain_errors_become_the_operations_error(make: Make) -> None:
    store = make()
    operation = await store.wait(await begin(store, kind="missing"), 5)
    info = error_details_pb2.ErrorInfo()
    assert operation.error.code == 5
    assert operation.error.details[0].Unpack(info)
    assert info.reason == "ECHO_MISSING"


async def test_a_bug_becomes_an_error_that_tells_nothing(make: Make, log: Any) -> None:
    store = make()
    name = await begin(store, kind="bug", text=CANARY)
    operation = await store.wait(name, 5)
    assert operation.error.code == 13
    assert operation.error.message == f"internal error {name.rpartition('/')[2]}"
    assert log.events("operation.fault")[0]["error_type"] == "ValueError"
    assert CANARY not in log.getvalue() + str(operation.error)


async def test_cancel_stops_at_the_next_checkpoint(make: Make) -> None:
    store = make()
    name = await begin(store, times=1000)

    async def began() -> bool:
        return counted(await store.get(name)) > 0

    await until(began)
    await store.cancel(name)
    operation = await store.wait(name, 2)
    assert (operation.done, operation.error.code) == (True, 1)
    assert counted(operation) < 1000
    await store.cancel(name)  # again: still cancelled, no error


async def test_cancel_reaches_an_operation_that_another_process_runs(make: Make) -> None:
    runs, asks = make("a:1:1"), make("b:1:1")
    name = await begin(runs, times=1000)

    async def began() -> bool:
        return counted(await asks.get(name)) > 0

    await until(began)
    await asks.cancel(name)
    operation = await asks.wait(name, 3)
    assert operation.error.code == 1


async def test_cancel_ends_work_that_reaches_no_checkpoint(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelmill_runtime.operation_runner._CANCEL_GRACE_S", 0.2)
    store = make()
    name = await begin(store, kind="stuck")
    await asyncio.sleep(0.2)
    await store.cancel(name)
    assert (await store.wait(name, 3)).error.code == 1


async def test_cancelling_before_the_start_ends_at_once(make: Make) -> None:
    store = make(max_parallel=1)
    first = await begin(store, kind="stuck")
    await asyncio.sleep(0.1)
    second = await begin(store, kind="stuck")
    await store.cancel(second)
    assert (await store.get(second)).error.code == 1
    assert not (await store.get(first)).done


async def test_no_more_run_at_once_than_allowed(make: Make) -> None:
    running, most = 0, 0

    async def watch(context: OperationContext, _request: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return echo_pb2.SayResponse()

    store = make(run=watch, max_parallel=2)
    names = [await begin(store) for _ in range(8)]
    for name in names:
        assert (await store.wait(name, 5)).done
    assert most == 2


async def test_a_drained_process_leaves_its_work_to_the_next(make: Make) -> None:
    old = make("old:1:1")
    name = await begin(old, times=50)

    async def began() -> bool:
        return counted(await old.get(name)) > 3

    await until(began)
    await old.close()
    left_at = counted(await old.get(name))
    new = make("new:1:1")
    await new.resume()
    operation = await new.wait(name, 5)
    response = echo_pb2.SayResponse()
    assert operation.response.Unpack(response)
    assert response.count == 50
    assert 3 < left_at < 50


async def test_a_silent_process_loses_its_lease_and_a_zombie_changes_nothing(make: Make, database: Database) -> None:
    """The first owner freezes past its lease; the second finishes; the first wakes up and writes into the void."""
    thaw, frozen, outcome = asyncio.Event(), asyncio.Event(), []

    async def freeze(context: OperationContext, _request: Any) -> Any:
        try:
            frozen.set()
            await asyncio.shield(thaw.wait())
            await context.progress(echo_pb2.CountMetadata(counted=666), {"counted": 666})
        except OperationInterrupted:
            outcome.append("progress refused")
            try:
                async with database.transaction() as session:
                    await session.execute(sa.insert(database.metadata.tables["effects"]).values(text="zombie"))
                    await context.hold(session)
            except OperationInterrupted:
                outcome.append("effect refused")
            raise
        return echo_pb2.SayResponse(text="zombie")

    first = make("first:1:1", run=freeze, lease_s=0.6)
    # A frozen process sends no heartbeats.
    first._runner._keep = _no_heartbeat  # type: ignore[assignment, method-assign]
    name = await begin(first, times=5, text="mine")
    await asyncio.wait_for(frozen.wait(), 5)
    second = make("second:1:1", lease_s=5)
    await second.resume()
    operation = await second.wait(name, 5)
    thaw.set()
    await until(_async(lambda: len(outcome) == 2))
    response = echo_pb2.SayResponse()
    assert operation.response.Unpack(response)
    assert response.text == "mine"
    assert await second.get(name) == operation
    async with database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(database.metadata.tables["effects"])) == 0


async def _no_heartbeat(*_arguments: Any) -> None:
    await asyncio.sleep(3600)


def _async(condition: Callable[[], bool]) -> Callable[[], Any]:
    async def check() -> bool:
        return condition()

    return check


async def test_a_lost_lease_stops_the_work(make: Make, database: Database) -> None:
    ended = asyncio.Event()

    async def wait(_context: OperationContext, _request: Any) -> Any:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    store = make(run=wait, lease_s=0.6)
    name = await begin(store)
    await asyncio.sleep(0.2)
    operations = database.tables.operations
    async with database.transaction() as session:  # as another process would claim it
        await session.execute(
            sa.update(operations).values(fence=operations.c.fence + 1, owner="other", lease_until_ms=2**50)
        )
    await asyncio.wait_for(ended.wait(), 3)
    assert not (await store.get(name)).done


async def test_an_operation_that_keeps_killing_its_process_is_given_up(make: Make, database: Database) -> None:
    store = make()
    operations = database.tables.operations
    store._runner._closing = True  # nobody picks it up yet
    name = await begin(store, times=1)
    async with database.transaction() as session:
        await session.execute(sa.update(operations).values(attempts=5))
    store._runner._closing = False
    await store.resume()
    operation = await store.wait(name, 5)
    info = error_details_pb2.ErrorInfo()
    assert operation.error.details[0].Unpack(info)
    assert info.reason == "OPERATION_CRASHED"


async def test_a_waiter_returns_early_with_the_state_so_far(make: Make) -> None:
    store = make()
    name = await begin(store, kind="stuck")
    started = time.monotonic()
    assert not (await store.wait(name, 0.3)).done
    assert 0.3 <= time.monotonic() - started < 1


async def test_only_finished_operations_can_be_deleted(make: Make) -> None:
    store = make()
    name = await begin(store, kind="stuck")
    with pytest.raises(FailedPrecondition):
        await store.delete(name)
    done = await begin(store, times=0)
    await store.wait(done, 5)
    await store.delete(done)
    for gone in (done, "projects/p1/operations/echo-never"):
        with pytest.raises(NotFound):
            await store.delete(gone)


async def test_old_results_are_purged(make: Make, database: Database) -> None:
    store = make()
    done = await begin(store, times=0)
    await store.wait(done, 5)
    async with database.transaction() as session:
        await session.execute(sa.update(database.tables.operations).values(update_time_ms=1))
    next_process = make("next:1:1")
    await next_process.resume()

    async def gone() -> bool:
        try:
            await next_process.get(done)
        except NotFound:
            return True
        return False

    await until(gone)


def test_an_unregistered_kind_cannot_be_started(settings: Any) -> None:
    async def start() -> None:
        from tests.runtime.echo_service import MIGRATIONS, echo_metadata

        database = await Database.open(settings, "echo", echo_metadata(), migrations_dir=MIGRATIONS)
        try:
            await begin(OperationStore(database, "echo"), kind="unheard-of")
        finally:
            await database.close()

    with pytest.raises(KeyError, match="unheard-of"):
        asyncio.run(start())


async def test_a_finished_operation_keeps_its_answer_but_not_its_request(make: Make, database: Database) -> None:
    store = make()
    name = await begin(store, text=CANARY, times=1)
    assert (await store.wait(name, 10)).done
    async with database.reading() as session:
        row = (await session.execute(sa.select(database.tables.operations))).one()
    assert (bytes(row.request), row.checkpoint) == (b"", "{}")
    assert row.response is not None
