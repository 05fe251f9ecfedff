"""The model repository as a local folder in Triton's layout.

    <root>/<model folder>/config.pbtxt
    <root>/<model folder>/<version>/model.onnx, tokenizer.json (encoders), labelmill.json
    <root>/.staging/<id>/                       uploads that are not complete

A version's folder appears in one rename and is never changed.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from labelmill_prelabel.models import ModelVersion
from labelmill_runtime.ids import ulid
from labelmill_runtime.process_identity import is_dead, this_process

_STAGING = ".staging"
_OWNER = "owner"
_DESCRIPTION = "labelmill.json"
_ORPHAN_AGE_S = 3600.0
_STAGING_AGE_S = 24 * 3600.0
"""After which the staging of another host's process, of which nothing is known, is taken to be abandoned."""


class StagedFolder:
    """A folder that is being filled."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self._root = root
        self._files: dict[str, BinaryIO] = {}

    async def write(self, file_name: str, data: bytes) -> None:
        """See StagedArtifact."""
        if file_name not in self._files:
            self._files[file_name] = (self.folder / file_name).open("xb", buffering=1 << 20)
        await asyncio.to_thread(self._write, self._files[file_name], data)

    def has(self, file_name: str) -> bool:
        """See StagedArtifact."""
        return file_name in self._files

    async def publish(self, model: ModelVersion) -> None:
        """See StagedArtifact."""
        self.close()
        await asyncio.to_thread(self._publish, model)

    def close(self) -> None:
        """Closes the files."""
        for file in self._files.values():
            file.close()

    def _publish(self, model: ModelVersion) -> None:
        description = json.dumps(_description(model), indent=2, ensure_ascii=False)
        (self.folder / _DESCRIPTION).write_text(description, encoding="utf-8")
        for file in self.folder.iterdir():
            _to_disk(file)
        _to_disk(self.folder)
        target = self._root / model.folder / str(model.version)
        target.parent.mkdir(exist_ok=True)
        self.folder.rename(target)
        _to_disk(target.parent)
        _to_disk(self._root)

    @staticmethod
    def _write(file: BinaryIO, data: bytes) -> None:
        file.write(data)
        file.flush()


class LocalModelRepository:
    """Owns the folder `root`."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        self._root = root
        self._clock = clock
        (root / _STAGING).mkdir(parents=True, exist_ok=True)

    @asynccontextmanager
    async def stage(self) -> AsyncIterator[StagedFolder]:
        """See ModelRepository."""
        folder = self._root / _STAGING / ulid()
        (folder / "files").mkdir(parents=True)
        (folder / _OWNER).write_text(this_process(), encoding="utf-8")
        staged = StagedFolder(folder / "files", self._root)
        try:
            yield staged
        finally:
            staged.close()
            shutil.rmtree(folder, ignore_errors=True)

    async def next_version(self, folder: str) -> int:
        """See ModelRepository."""
        return max(_versions(self._root / folder), default=0) + 1

    async def discard(self, model: ModelVersion) -> None:
        """See ModelRepository."""
        folder = self._root / model.folder
        await asyncio.to_thread(shutil.rmtree, folder / str(model.version), ignore_errors=True)
        if not _versions(folder):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def write_config(self, folder: str, text: str) -> None:
        """See ModelRepository."""
        path = self._root / folder / "config.pbtxt"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return  # Triton reloads a model whose files have a new time
        temporary = path.with_name(f".config.{ulid()}")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)

    async def sweep(self, known: Mapping[str, set[int]]) -> None:
        """See ModelRepository."""
        await asyncio.to_thread(self._sweep, known)

    def _sweep(self, known: Mapping[str, set[int]]) -> None:
        for folder in (self._root / _STAGING).iterdir():
            if _is_abandoned(folder, self._clock()):
                shutil.rmtree(folder, ignore_errors=True)
        # A version without a record is of a deployment that died before its switch, or of one still at it.
        for folder in self._root.iterdir():
            if folder.name == _STAGING or not folder.is_dir():
                continue
            for version in _versions(folder) - known.get(folder.name, set()):
                orphan = folder / str(version)
                if self._clock() - orphan.stat().st_mtime > _ORPHAN_AGE_S:
                    shutil.rmtree(orphan, ignore_errors=True)


def _versions(folder: Path) -> set[int]:
    if not folder.is_dir():
        return set()
    return {int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()}


def _is_abandoned(folder: Path, now: float) -> bool:
    owner = folder / _OWNER
    if owner.exists() and is_dead(owner.read_text(encoding="utf-8")):
        return True
    return now - folder.stat().st_mtime > _STAGING_AGE_S


def _description(model: ModelVersion) -> dict[str, object]:
    """What labelmill.json says, for people and for rebuilding a lost database."""
    spec = {**asdict(model.spec), "name": str(model.name)}
    return {
        "kind": model.name.kind.value,
        **spec,
        "version": model.version,
        "artifact_sha256": model.artifact_sha256,
        "embedding_length": model.embedding_length,
        "encoder_version": model.encoder_version,
        "deploy_time_ms": model.deploy_time_ms,
    }


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
