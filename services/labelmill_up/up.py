"""Composes the services: each one's `build`, in one process, on one port."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from labelmill.aio import Client
from labelmill_runtime import service
from labelmill_runtime.service import Builder, RunningServer, RuntimeContext, Service
from labelmill_runtime.settings import RuntimeSettings
from labelmill_up import data_dir as data_dirs

SERVICES = ("annotation", "storage", "anonymization", "prelabel", "quality", "training")
"""In the order in which they are built; each is the package labelmill_<name>."""


class ServicesMissing(Exception):
    """A package that a service needs is not installed."""


@dataclass(frozen=True)
class Up:
    """A running Labelmill."""

    address: str
    port: int
    data_dir: Path
    api_key: str = field(repr=False)
    """The owner's key."""

    def client(self, api_key: str | None = None) -> Client:
        """A client, with the owner's key unless another is given."""
        return Client(self.address, api_key or self.api_key)


def builders(names: Sequence[str] = SERVICES) -> list[Builder]:
    """What the runtime is to host. A service is imported when it is built, not before."""
    return [_builder(name) for name in names]


async def serve(settings: RuntimeSettings) -> None:
    """Serves until SIGTERM or SIGINT, drains, returns.

    Raises:
        DataDirInUse: Another process holds the data directory.
        ServicesMissing: A package is not installed.
    """
    with data_dirs.held(settings.data_dir):
        api_key = _prepare(settings)

        def ready(server: RunningServer) -> None:
            data_dirs.write_client_file(settings, server.address, api_key)
            _banner(server.address, settings.data_dir)

        await service.serve(settings, builders(), on_ready=ready)


@asynccontextmanager
async def running(data_dir: Path, port: int = 0, services: Sequence[str] = SERVICES) -> AsyncIterator[Up]:
    """Serves while the block runs, in this process; for tests and embedding.

    Args:
        data_dir: Made if absent, with keys as `labelmill up` makes them.
        port: 0 takes a free one.
        services: Which ones.
    """
    settings = RuntimeSettings(data_dir=data_dir, port=port)
    with data_dirs.held(data_dir):
        api_key = _prepare(settings)
        async with service.running(settings, builders(services)) as server:
            data_dirs.write_client_file(settings, server.address, api_key)
            yield Up(server.address, server.port, data_dir, api_key)


def _prepare(settings: RuntimeSettings) -> str:
    data_dirs.ensure_service_key(settings)
    return data_dirs.ensure_owner_key(settings)


def _builder(name: str) -> Builder:
    async def build(context: RuntimeContext) -> Service:
        try:
            module = importlib.import_module(f"labelmill_{name}.server")
        except ModuleNotFoundError as error:
            raise ServicesMissing(
                f"The {name} service needs the package {error.name}: pip install 'labelmill-services[all]'"
            ) from error
        built: Service = await module.build(context)
        return built

    return build


def _banner(address: str, data_dir: Path) -> None:
    """For people and for programs that wait for the first line; never the key."""
    lines = [
        "Labelmill is ready",
        f"  address  {address}",
        f"  data     {data_dir}",
        "  use it   labelmill status      (in another terminal; see labelmill --help)",
        "  stop it  Ctrl-C",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
