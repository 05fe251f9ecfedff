"""Runs operations: claims what nobody holds, keeps the leases alive, records how each one ended."""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from sqlalchemy.engine import Row

from labelmill_runtime import faults
from labelmill_runtime.errors import Internal, LabelmillError
from labelmill_runtime.operation_context import OperationCancelled, OperationContext, packed
from labelmill_runtime.operation_rows import Claim, Ending, OperationRows
from labelmill_runtime.principal import set_current_principal, set_current_request_id
from labelmill_runtime.principal_json import load_principal
from labelmill_runtime.process_identity import is_dead, this_process
from labelmill_runtime.status import internal_error, to_status

_MAX_ATTEMPTS = 5
"""Claims without progress after which an operation is taken to kill every process that touches it."""
_CANCEL_GRACE_S = 10.0
_CLOSE_GRACE_S = 5.0
_KEEP_MS = 30 * 24 * 3600 * 1000
_PURGE_EVERY_MS = 3600 * 1000


@dataclass(frozen=True)
class OperationKind:
    """How operations of one kind are run."""

    run: Callable[[OperationContext, Any], Awaitable[Message]]
    request_type: type[Message]
    metadata_type: type[Message]
    max_parallel: int


@dataclass(frozen=True)
class _Running:
    kind: str
    context: OperationContext
    task: asyncio.Task[None]


class OperationRunner:
    """Claims and runs the operations in one database, as one of possibly several processes."""

    def __init__(
        self,
        rows: OperationRows,
        kinds: dict[str, OperationKind],
        now_ms: Callable[[], int],
        *,
        lease_s: float,
        owner: str | None,
    ) -> None:
        self._rows = rows
        self._kinds = kinds
        self._now_ms = now_ms
        self._lease_s = lease_s
        self._owner = owner or this_process()
        self._running: dict[str, _Running] = {}
        self._ended: dict[str, asyncio.Future[None]] = {}
        self._work = asyncio.Event()
        self._dispatcher: asyncio.Task[None] | None = None
        self._closing = False
        self._next_purge_ms = 0

    def wake(self) -> None:
        """Looks for work now; the first call starts looking at all."""
        if self._closing:
            return
        if self._dispatcher is None:
            # In a context of its own: the dispatcher must not act and log as the caller who happened to come first.
            loop = asyncio.get_running_loop()
            self._dispatcher = loop.create_task(self._dispatch(), context=contextvars.Context())
        self._work.set()

    def ended(self, name: str) -> asyncio.Future[None]:
        """Done when this process sees the operation end."""
        if name not in self._ended:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._ended[name] = future
            if name not in self._running:  # not ours (yet): forgotten soon, so that waiting leaves nothing behind
                asyncio.get_running_loop().call_later(1.0, self._forget, name)
        return self._ended[name]

    def cancel(self, name: str) -> None:
        """Tells the operation, if this process runs it."""
        running = self._running.get(name)
        if running is not None and not running.context.cancelled():
            running.context.ask_to_cancel()
            # Work that reaches no checkpoint in time is interrupted where it stands.
            asyncio.get_running_loop().call_later(_CANCEL_GRACE_S, running.task.cancel)

    async def free_dead_owners(self) -> None:
        """Takes the leases from processes of this host that no longer run, instead of waiting for them to expire."""
        for owner in await self._rows.owners():
            if is_dead(owner):
                await self._rows.expire_leases(owner)

    async def close(self) -> None:
        """Stops claiming, asks what runs to stop, waits, interrupts the rest, gives everything back."""
        self._closing = True
        if self._dispatcher is not None:
            self._dispatcher.cancel()
            await asyncio.gather(self._dispatcher, return_exceptions=True)
        tasks = [running.task for running in self._running.values()]
        for running in self._running.values():
            running.context.ask_to_stop()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_CLOSE_GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _dispatch(self) -> None:
        while True:
            self._work.clear()
            try:
                for kind in tuple(self._kinds):
                    await self._claim(kind)
                await self._purge()
            except Exception as error:  # a database that is away for a while must not end the dispatcher
                structlog.get_logger().error("operations.dispatch_failed", **faults.describe(error))
            try:
                async with asyncio.timeout(min(2.0, self._lease_s / 3)):
                    await self._work.wait()
            except TimeoutError:
                continue

    async def _claim(self, kind: str) -> None:
        free = self._kinds[kind].max_parallel - sum(running.kind == kind for running in self._running.values())
        if free <= 0:
            return
        for name in await self._rows.claimable(kind, self._now_ms(), free):
            if name in self._running:
                continue  # our own lease lapsed; its keeper stops it, then it can be claimed
            row = await self._rows.claim(name, self._owner, self._now_ms(), int(self._lease_s * 1000))
            if row is not None:
                self._launch(row)

    def _launch(self, row: Row[Any]) -> None:
        kind = self._kinds[row.kind]
        metadata = kind.metadata_type()
        AnyMessage.FromString(row.metadata).Unpack(metadata)
        claim = Claim(row.name, row.fence)
        context = OperationContext(
            self._rows,
            claim,
            project=row.project,
            principal=load_principal(row.principal),
            checkpoint=json.loads(row.checkpoint),
            metadata=metadata,
            now_ms=self._now_ms,
        )
        if row.cancel_requested_ms is not None:
            context.ask_to_cancel()
        task = asyncio.create_task(self._run(kind, context, claim, row), name=row.name)
        self._running[row.name] = _Running(row.kind, context, task)

    async def _run(self, kind: OperationKind, context: OperationContext, claim: Claim, row: Row[Any]) -> None:
        set_current_principal(context.principal)
        operation_id = row.name.rpartition("/")[2]
        set_current_request_id(operation_id)
        structlog.contextvars.bind_contextvars(request_id=operation_id, operation_kind=row.kind)
        keeper = asyncio.create_task(self._keep(context, claim, asyncio.current_task()))
        try:
            ending = await self._work_on(kind, context, row)
            if ending is not None:
                await self._record(claim, ending)
            else:
                await self._rows.release(claim)
        except Exception as error:
            # The result could not be stored; the lease runs out and the operation is run again.
            structlog.get_logger().error("operation.not_recorded", **faults.describe(error))
        finally:
            keeper.cancel()
            self._running.pop(row.name, None)
            self._forget(row.name)
            self._work.set()

    async def _work_on(self, kind: OperationKind, context: OperationContext, row: Row[Any]) -> Ending | None:
        """How the operation ended; None if it must go on later, here or elsewhere."""
        logger = structlog.get_logger()
        try:
            if row.attempts > _MAX_ATTEMPTS:
                raise Internal("OPERATION_CRASHED", "The operation ended its process repeatedly and was given up.")
            context.raise_if_stopped()
            response = await kind.run(context, kind.request_type.FromString(row.request))
            logger.info("operation.done", attempts=row.attempts)
            return Ending(response=packed(response))
        except LabelmillError as error:
            logger.info("operation.failed", reason=error.reason, code=error.code.name)
            return Ending(error=to_status(error))
        except asyncio.CancelledError:
            if context.cancelled() and not self._closing:
                return Ending(error=to_status(OperationCancelled()))
            logger.info("operation.suspended")
            return None
        except Exception as error:
            logger.error("operation.fault", **faults.describe(error))
            return Ending(error=to_status(internal_error(row.name.rpartition("/")[2])))

    async def _record(self, claim: Claim, ending: Ending) -> None:
        if not await self._rows.finish(claim, self._now_ms(), ending):
            structlog.get_logger().warning("operation.lost", fence=claim.fence)

    async def _keep(self, context: OperationContext, claim: Claim, worker: asyncio.Task[Any] | None) -> None:
        """Renews the lease; stops the work when the claim is lost or could not be renewed in time."""
        good_until = asyncio.get_running_loop().time() + self._lease_s
        while True:
            await asyncio.sleep(self._lease_s / 3)
            try:
                row = await self._rows.extend(claim, self._now_ms() + int(self._lease_s * 1000))
            except Exception as error:
                structlog.get_logger().error("operation.heartbeat_failed", **faults.describe(error))
                if asyncio.get_running_loop().time() < good_until:
                    continue
                row = None
            if row is None:
                context.ask_to_stop()
                if worker is not None:
                    worker.cancel()
                return
            good_until = asyncio.get_running_loop().time() + self._lease_s
            if row.cancel_requested_ms is not None:
                self.cancel(claim.name)

    async def _purge(self) -> None:
        if self._now_ms() >= self._next_purge_ms:
            self._next_purge_ms = self._now_ms() + _PURGE_EVERY_MS
            await self._rows.purge(self._now_ms() - _KEEP_MS)

    def _forget(self, name: str) -> None:
        future = self._ended.pop(name, None)
        if future is not None and not future.done():
            future.set_result(None)
