"""Hosts one or more services on one port: what a service is, and how it is served, drained and embedded."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import grpc.aio
import structlog
import uvloop
from google.protobuf.descriptor import FileDescriptor

from labelmill_runtime import logs
from labelmill_runtime.access import Authenticator
from labelmill_runtime.errors import Unavailable
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.paging import PageTokens
from labelmill_runtime.settings import RuntimeSettings

if TYPE_CHECKING:
    from labelmill.aio import Client

AddServicer = Callable[[Any, grpc.aio.Server], None]


@dataclass(frozen=True)
class Service:
    """What a service's `build` returns."""

    name: str
    """Short name, such as "storage"; the prefix of its operations."""
    servicers: Sequence[tuple[AddServicer, object]]
    """(add_XServicer_to_server, servicer) pairs."""
    descriptors: Sequence[FileDescriptor]
    """The files that define its RPCs: for reflection, access rules and validation."""
    operations: OperationStore | None = None
    """Its long-running operations; resumed after `start`, closed before `close`."""
    request_log: RequestLog | None = None
    """Its memory of request ids."""
    start: Callable[[], Awaitable[None]] | None = None
    """Called when the port is open."""
    close: Callable[[], Awaitable[None]] | None = None
    """Called when the last call has ended."""
    ready: Callable[[], Awaitable[bool]] | None = None
    """Asked every two seconds whether the service can work; feeds the health service."""


@dataclass(frozen=True)
class RuntimeContext:
    """What a service is built from."""

    settings: RuntimeSettings
    address: str = ""
    """host:port of this very server."""
    peers_override: Callable[[], Client] | None = field(default=None, repr=False)
    """For tests: what `peers` returns."""

    def peers(self) -> Client:
        """The client for calls to the other services; one per process, made at the first call."""
        return self.peers_override() if self.peers_override is not None else self._client

    @cached_property
    def page_tokens(self) -> PageTokens:
        """Makes and reads page tokens."""
        return PageTokens(self.settings.read_page_token_key())

    @cached_property
    def _client(self) -> Client:
        from labelmill.aio import Client  # the SDK is needed only by services that call others

        key = self.settings.read_service_key()
        if key is None:  # without one the client would look for a person's key on this machine
            raise Unavailable("SERVICE_KEY_MISSING", "This server has no service key for calls to other services.")
        address = self.settings.peer_address or self.address
        return Client(address, api_key=key, tls_ca=self.settings.tls_ca_file)

    async def close(self) -> None:
        """Closes the client, if one was made."""
        if "_client" in self.__dict__:
            await self._client.close()


Builder = Callable[[RuntimeContext], Awaitable[Service]]


@dataclass(frozen=True)
class RunningServer:
    """A server that is up."""

    address: str
    port: int
    context: RuntimeContext
    services: Sequence[Service]
    metrics_port: int | None = None


@asynccontextmanager
async def running(
    settings: RuntimeSettings, builders: Sequence[Builder], *, authenticator: Authenticator | None = None
) -> AsyncIterator[RunningServer]:
    """Serves while the block runs, then drains; for tests and embedding.

    Args:
        settings: `port=0` takes a free port.
        builders: The services to host.
        authenticator: Instead of the API keys in the keys file.
    """
    from labelmill_runtime.hosting import Host

    host = Host(settings, authenticator)
    try:
        yield await host.start(builders)
    finally:
        await host.stop()


async def serve(
    settings: RuntimeSettings,
    builders: Sequence[Builder],
    *,
    on_ready: Callable[[RunningServer], None] | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT, drains, returns."""
    loop = asyncio.get_running_loop()
    logs.quiet_loop(loop)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings, builders) as server:
        names = [service.name for service in server.services]
        structlog.get_logger().info("server.ready", port=server.port, services=names)
        if on_ready is not None:
            on_ready(server)
        await stop.wait()
        structlog.get_logger().info("server.draining")
    structlog.get_logger().info("server.stopped")


def run(*builders: Builder) -> None:
    """The console entry of a service: settings, logging, uvloop, serve."""
    settings = RuntimeSettings()
    logs.configure(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, builders))
