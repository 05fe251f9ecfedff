"""Starts the anonymization service on a real socket, with storage and annotation in memory."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import labelmill.aio
from labelmill_anonymization.ports import Detector
from labelmill_anonymization.server import Parts, builder
from labelmill_anonymization.settings import AnonymizationSettings
from labelmill_runtime import logs
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.service import running
from labelmill_runtime.settings import RuntimeSettings
from tests.anonymization.memory_zones import MemoryProjects, MemoryZones
from tests.anonymization.word_detector import WordDetector


@dataclass
class Anonymization:
    """A running service, a client for each role, and what it logged."""

    address: str
    clients: dict[Role, labelmill.aio.Client]
    zones: MemoryZones
    log: io.StringIO

    @property
    def client(self) -> labelmill.aio.Client:
        """A privacy officer's."""
        return self.clients[Role.PRIVACY_OFFICER]


@asynccontextmanager
async def anonymization(
    folder: Path,
    zones: MemoryZones | None = None,
    *,
    make_detector: Callable[[], Detector] | None = WordDetector,
    page_assets: int = 10,
    workers: int = 1,
    max_pending_texts: int = 10_000,
    batch_timeout_s: float = 120.0,
    database_url: str | None = None,
) -> AsyncIterator[Anonymization]:
    """Serves while the block runs; `folder` keeps its state between runs."""
    settings = RuntimeSettings(data_dir=folder, port=0, operation_lease_s=1.5, database_url=database_url)
    own = AnonymizationSettings(
        workers=workers,
        page_assets=page_assets,
        max_pending_texts=max_pending_texts,
        batch_timeout_s=batch_timeout_s,
        max_text_bytes=10_000,
    )
    zones = zones or MemoryZones()
    keys = {role: create_key(settings.keys_path, role.name.lower(), [Grant(role, "demo")]) for role in Role}
    parts = Parts(assets=zones, projects=MemoryProjects(), make_detector=make_detector, settings=own)
    log = io.StringIO()
    logs.configure("DEBUG", log)
    try:
        async with running(settings, [builder(parts)]) as server:
            clients = {role: labelmill.aio.Client(server.address, key) for role, key in keys.items()}
            try:
                yield Anonymization(server.address, clients, zones, log)
            finally:
                for client in clients.values():
                    await client.close()
    finally:
        logs.configure("INFO")
