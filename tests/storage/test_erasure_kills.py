"""An erasure in a process that is killed again and again: it reaches its end, and nothing comes back."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path

import grpc.aio
import pytest

from labelmill.erasures import verify
from labelmill_runtime.settings import RuntimeSettings
from tests.storage.client import refused
from tests.storage.conftest import make_keys
from tests.storage.lifecycle_client import Lifecycle, database, erasure_of
from tests.storage.peers import METHODS, peers
from tests.storage.test_process import server

COUNT = 700  # more than one batch
ROUNDS = 3


async def test_killed_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, source = make_keys(tmp_path / "keys.json"), random.Random(11)
    contents = [f"about canary {number}".encode() for number in range(COUNT)]
    async with peers() as others:
        monkeypatch.setenv("LABELMILL_PEER_ADDRESS", others.address)
        monkeypatch.setenv("LABELMILL_SERVICE_KEY", "lm.service.key")
        async with server(tmp_path, keys) as (storage, process):
            names = [result.asset.name for result in await storage.create(contents)]
            name = erasure_of(await Lifecycle(storage).start_erasure(asset_names=names))
            process.kill()
        for _ in range(ROUNDS):
            async with server(tmp_path, keys) as (storage, process):
                with contextlib.suppress(grpc.aio.AioRpcError):  # refused, or there still
                    await storage.upload(contents[0])
                await asyncio.sleep(source.random() * 0.4)
                process.kill()
        async with server(tmp_path, keys) as (storage, _):
            life = Lifecycle(storage)
            certificate = await life.certificate(name)
            assert sorted(certificate.erased_assets) == sorted(names)
            removals = {(r.service, r.kind): r.count for r in certificate.removals}
            assert removals[("storage", "assets")] == removals[("storage", "contents")] == COUNT
            assert {removals[(peer, "things")] for peer in METHODS} == {2 * COUNT}
            assert verify(certificate, await life.public_key())
            assert len(await life.entries('action = "erasure.completed"')) == 1
            assert storage.files() == []
            assert await life.stored() == [(0, 0), (0, 0)]
            assert (await refused(storage.upload(contents[-1]))).reason == "CONTENT_ERASED"
    async with database(RuntimeSettings(data_dir=tmp_path)) as (opened, _):
        assert await opened.ping()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"canary" not in path.read_bytes(), path.name
