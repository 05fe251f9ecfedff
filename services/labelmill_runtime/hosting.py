"""Starts and stops a gRPC server with its services; the order of the steps is the point of this file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import grpc.aio
import structlog
from google.longrunning import operations_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import start_http_server

from labelmill_runtime import faults, tls
from labelmill_runtime.access import ApiKeys, Authenticator
from labelmill_runtime.health import Health
from labelmill_runtime.interceptors.chain import Chain
from labelmill_runtime.interceptors.stack import layers
from labelmill_runtime.operations_servicer import OperationsServicer
from labelmill_runtime.service import Builder, RunningServer, RuntimeContext, Service
from labelmill_runtime.settings import RuntimeSettings

_OPERATIONS = "google.longrunning.Operations"
_EVERY_ADDRESS = ("0.0.0.0", "[::]", "::")  # noqa: S104 - only compared with


class Host:
    """One server and its services."""

    def __init__(self, settings: RuntimeSettings, authenticator: Authenticator | None) -> None:
        self._settings = settings
        self._authenticator = authenticator or ApiKeys(settings.keys_path)
        self._chain = Chain()
        self._server: grpc.aio.Server | None = None
        self._health: Health | None = None
        self._context: RuntimeContext | None = None
        self._services: list[Service] = []
        self._metrics: tuple[Any, Any] | None = None

    async def start(self, builders: Sequence[Builder]) -> RunningServer:
        """Binds the port, builds the services, opens for calls, starts the services, says SERVING."""
        server = self._server = grpc.aio.server(
            interceptors=[self._chain],
            options=self._options(),
            maximum_concurrent_rpcs=self._settings.max_concurrent_rpcs,
        )
        port = self._bind(server)  # first, because services must know the address at which they reach one another
        address = f"{self._reachable_host()}:{port}"
        context = self._context = RuntimeContext(self._settings, address)
        for build in builders:
            self._services.append(await build(context))
        self._register(server, context)
        await server.start()
        for service in self._services:
            if service.start is not None:
                await service.start()
            if service.operations is not None:
                await service.operations.resume()
        if self._health is not None:
            await self._health.start()
        return RunningServer(address, port, context, tuple(self._services), self._start_metrics())

    async def stop(self) -> None:
        """Says NOT_SERVING, lets calls in flight end, suspends operations, closes the services."""
        if self._health is not None:
            await self._health.drain()
            await asyncio.sleep(self._settings.drain_notice_seconds)
        if self._server is not None:
            await self._server.stop(self._settings.drain_seconds)
        for service in reversed(self._services):
            await self._close(service)
        if self._context is not None:
            await self._context.close()
        if self._metrics is not None:
            await asyncio.to_thread(self._metrics[0].shutdown)
            self._metrics[0].server_close()

    async def _close(self, service: Service) -> None:
        for step in (service.operations.close if service.operations else None, service.close):
            if step is None:
                continue
            try:
                await step()
            except Exception as error:  # the others must still be closed
                structlog.get_logger().error("service.close_failed", service=service.name, **faults.describe(error))

    def _bind(self, server: grpc.aio.Server) -> int:
        credentials = tls.server_credentials(self._settings)
        target = f"{self._settings.host}:{self._settings.port}"
        if credentials is None:
            return server.add_insecure_port(target)
        return server.add_secure_port(target, credentials)

    def _register(self, server: grpc.aio.Server, context: RuntimeContext) -> None:
        descriptors = [descriptor for service in self._services for descriptor in service.descriptors]
        self._chain.use(layers(self._settings, descriptors, self._authenticator))
        handlers: Any = _GenericHandlers(server)
        for service in self._services:
            for add, servicer in service.servicers:
                add(servicer, handlers)
        stores = {s.name: s.operations for s in self._services if s.operations is not None}
        operations = OperationsServicer(stores, context.page_tokens, max_wait_s=self._settings.default_deadline_s)
        operations_pb2_grpc.add_OperationsServicer_to_server(operations, handlers)
        names = {service.name: [service.name, *_full_names(service)] for service in self._services}
        self._health = Health(names, {s.name: s.ready for s in self._services if s.ready is not None})
        health_pb2_grpc.add_HealthServicer_to_server(self._health.servicer, handlers)
        served = [name for service in self._services for name in _full_names(service)]
        health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
        reflection.enable_server_reflection([*served, _OPERATIONS, health_name, reflection.SERVICE_NAME], server)

    def _options(self) -> list[tuple[str, Any]]:
        return [
            ("grpc.max_receive_message_length", self._settings.max_message_bytes),
            ("grpc.max_send_message_length", self._settings.max_message_bytes),
            ("grpc.so_reuseport", 0),  # a second server on the port is a mistake, not a balancer
            ("grpc.max_concurrent_streams", 100),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            # By itself, gRPC lets it grow to many MiB for each stream on a fast network.
            ("grpc.http2.bdp_probe", 0),
            ("grpc.http2.lookahead_bytes", self._settings.stream_window_bytes),
        ]

    def _reachable_host(self) -> str:
        return "127.0.0.1" if self._settings.host in _EVERY_ADDRESS else self._settings.host

    def _start_metrics(self) -> int | None:
        if self._settings.metrics_port is None:
            return None
        self._metrics = start_http_server(self._settings.metrics_port, addr=self._settings.metrics_host)
        return int(self._metrics[0].server_port)


class _GenericHandlers:
    """What handlers are added to, in the server's place: no method is registered with gRPC's core.

    grpc.aio waits for every registered method by a task of its own, and goes through all these tasks at every call, so
    that each call costs more the more methods there are. Unregistered methods share one task, whatever their number.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self.add_generic_rpc_handlers = server.add_generic_rpc_handlers

    def add_registered_method_handlers(self, service_name: str, method_handlers: Any) -> None:
        """Nothing: generated code adds the same handlers as generic ones, too."""


def _full_names(service: Service) -> Iterator[str]:
    for descriptor in service.descriptors:
        for proto_service in descriptor.services_by_name.values():
            yield proto_service.full_name
