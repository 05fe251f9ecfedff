"""A prelabel server with a tiny encoder and a tiny classifier."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.prelabel.prelabel_server import Prelabel, prelabel_server


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Prelabel]:
    """Without models."""
    async with prelabel_server(tmp_path / "data", tmp_path) as server:
        yield server


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server leaves to which an encoder and a classifier of temperature 2 were deployed."""
    folder = tmp_path_factory.mktemp("deployed")

    async def deploy() -> None:
        async with prelabel_server(folder / "data", folder) as server:
            await server.deploy_encoder()
            await server.deploy_classifier(temperature=2.0, model_version="projects/reviews/models/tone/versions/7")

    asyncio.run(deploy())
    return folder / "data"


@pytest.fixture
async def prelabel(deployed: Path, tmp_path: Path) -> AsyncIterator[Prelabel]:
    """With an encoder and a classifier of temperature 2, restored from disk."""
    shutil.copytree(deployed, tmp_path / "data")
    async with prelabel_server(tmp_path / "data", tmp_path) as server:
        yield server
