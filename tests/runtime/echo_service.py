# ruff: noqa: N802 - method names are gRPC's
"""A small service for the tests of the runtime; `python -m tests.runtime.echo_service` runs it alone."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import uvloop
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime import logs, names
from labelmill_runtime.database import Database
from labelmill_runtime.errors import Aborted, NotFound, ResourceExhausted
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationContext, OperationStore
from labelmill_runtime.principal import current_principal, current_request_id
from labelmill_runtime.service import RunningServer, RuntimeContext, Service, serve
from labelmill_runtime.settings import RuntimeSettings
from tests.runtime.echo_protos import echo_pb2, echo_pb2_grpc

MIGRATIONS = Path(__file__).parent / "echo_migrations"
CANARY = "Zebulon Quillfeather, born 1971-03-04"


def echo_metadata() -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table("effects", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.String(100)))
    return metadata


class EchoMissing(NotFound):
    def __init__(self) -> None:
        super().__init__("ECHO_MISSING", "There is no echo.", resource=("Echo", "projects/p1/echoes/e"))


class EchoServicer(echo_pb2_grpc.EchoServiceServicer):  # type: ignore[misc]
    def __init__(self, database: Database, requests: RequestLog, operations: OperationStore) -> None:
        self._database = database
        self._requests = requests
        self._operations = operations
        self._effects = database.metadata.tables["effects"]
        self.cancelled = asyncio.Event()
        self.started = asyncio.Event()
        self.repeat = 1

    async def Say(self, request: Any, context: Any) -> Any:
        await self._misbehave(request, context)

        async def effect(session: AsyncSession) -> Any:
            await session.execute(sa.insert(self._effects).values(text=request.text))
            count = await session.scalar(sa.select(sa.func.count()).select_from(self._effects))
            return self._response(request.text, count or 0)

        return await self._requests.once(request, effect, echo_pb2.SayResponse)

    async def SayMany(self, requests: AsyncIterator[Any], context: Any) -> Any:
        texts = []
        async for request in requests:
            await self._misbehave(request, context)
            texts.append(request.text)
        return self._response(",".join(texts), len(texts))

    async def Repeat(self, request: Any, context: Any) -> AsyncIterator[Any]:
        for number in range(request.times):
            yield self._response(request.text * self.repeat, number)
        await self._misbehave(request, context)

    async def Chat(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            await self._misbehave(request, context)
            yield self._response(request.text, 1)

    async def Shout(self, request: Any, context: Any) -> Any:
        return self._response(request.text.upper(), 1)

    async def Administer(self, request: Any, context: Any) -> Any:
        return self._response(request.text, 1)

    async def Forgotten(self, request: Any, context: Any) -> Any:
        return self._response(request.text, 1)

    async def Count(self, request: Any, context: Any) -> Any:
        project = names.project_of(request.parent, field="parent")
        return await self._operations.start(
            None, kind=request.mode or "count", project=project, request=request, metadata=echo_pb2.CountMetadata()
        )

    def _response(self, text: str, count: int) -> Any:
        return echo_pb2.SayResponse(
            text=text, count=count, principal=current_principal().id, request_id=current_request_id()
        )

    async def _misbehave(self, request: Any, context: Any) -> None:
        match request.mode:
            case "sleep":
                self.started.set()
                try:
                    await asyncio.sleep(request.times / 100)
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise
            case "bug":
                raise ValueError(f"could not handle {request.text}")
            case "missing":
                raise EchoMissing
            case "busy":
                raise ResourceExhausted("ECHO_BUSY", "Too loud.", retry_after_s=1.5, metadata={"limit": "3"})
            case "stale":
                raise Aborted("ETAG_MISMATCH", "Changed meanwhile.", fields={"etag": "is stale"})
            case "abort":
                import grpc

                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "own words")
            case "timeout":
                raise TimeoutError(f"while reading {request.text}")


async def count(context: OperationContext, request: Any) -> Any:
    """Counts to `times`, 20 ms a step; resumable."""
    counted = int(context.checkpoint.get("counted", 0))
    began = counted
    while counted < request.times:
        await asyncio.sleep(0.02)
        counted += 1
        await context.progress(echo_pb2.CountMetadata(counted=counted), {"counted": counted})
    principal = current_principal().id
    return echo_pb2.SayResponse(text=request.text, count=counted, principal=principal, request_id=f"from {began}")


async def stuck(_context: OperationContext, _request: Any) -> Any:
    await asyncio.sleep(3600)


async def bug(_context: OperationContext, request: Any) -> Any:
    raise ValueError(f"could not count {request.text}")


async def missing(_context: OperationContext, _request: Any) -> Any:
    raise EchoMissing


class Echo:
    """Builds the service and keeps hold of its parts for the tests."""

    servicer: EchoServicer
    operations: OperationStore
    database: Database

    def __init__(self) -> None:
        self.is_ready = True
        self.owner: str | None = None

    async def build(self, context: RuntimeContext) -> Service:
        self.database = await Database.open(context.settings, "echo", echo_metadata(), migrations_dir=MIGRATIONS)
        requests = RequestLog(self.database)
        self.operations = OperationStore(
            self.database, "echo", lease_s=context.settings.operation_lease_s, owner=self.owner
        )
        for kind, run in {"count": count, "stuck": stuck, "bug": bug, "missing": missing}.items():
            self.operations.register(kind, run, echo_pb2.SayRequest, echo_pb2.CountMetadata, max_parallel=8)
        self.servicer = EchoServicer(self.database, requests, self.operations)

        async def ready() -> bool:
            return self.is_ready

        return Service(
            name="echo",
            servicers=[(echo_pb2_grpc.add_EchoServiceServicer_to_server, self.servicer)],
            descriptors=[echo_pb2.DESCRIPTOR],
            operations=self.operations,
            request_log=requests,
            close=self.database.close,
            ready=ready,
        )


def _announce(server: RunningServer) -> None:
    sys.stdout.write(f"{server.port}\n")  # the test that started this process reads it
    sys.stdout.flush()


def main() -> None:
    settings = RuntimeSettings()
    logs.configure(settings.log_level, sys.stderr)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, [Echo().build], on_ready=_announce))


if __name__ == "__main__":
    main()
