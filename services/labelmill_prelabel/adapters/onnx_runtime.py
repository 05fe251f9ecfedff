"""ONNX Runtime in this process.

Every batch runs on one thread and several run at once: on the same cores that is faster than one batch on several
threads, and nothing spins while it waits. ONNX Runtime releases the GIL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import onnxruntime

from labelmill_prelabel.errors import BackendTooSlow, BackendUnavailable, ModelRejected
from labelmill_prelabel.ports import Array

R = TypeVar("R")
Session = Any  # onnxruntime has no type information

_ERRORS_ONLY = 3


class OnnxRuntimeInferencer:
    """Runs `<root>/<folder>/<version>/model.onnx`.

    Args:
        root: The model repository.
        threads: Batches at once.
    """

    def __init__(self, root: Path, threads: int) -> None:
        self._root = root
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="onnx")
        self._sessions: dict[tuple[str, int], asyncio.Future[Session]] = {}

    async def load(self, folder: str, versions: Sequence[int]) -> None:
        """See Inferencer."""
        try:
            for version in versions:
                await self._session(folder, version)
        except BackendUnavailable as error:
            raise ModelRejected("cannot be loaded by ONNX Runtime") from error
        for key in [key for key in self._sessions if key[0] == folder and key[1] not in versions]:
            del self._sessions[key]  # batches in flight keep theirs alive

    async def infer(
        self, folder: str, version: int, inputs: Mapping[str, Array], output: str, *, timeout_s: float
    ) -> Array:
        """See Inferencer."""
        session = await self._session(folder, version)
        try:
            async with asyncio.timeout(timeout_s):
                (array,) = await self._in_thread(lambda: session.run([output], dict(inputs)))
        except TimeoutError:
            raise BackendTooSlow from None
        result: Array = array
        return result

    async def ready(self) -> bool:
        """See Inferencer."""
        return True

    async def close(self) -> None:
        """See Inferencer."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._sessions.clear()

    async def _session(self, folder: str, version: int) -> Session:
        """The session of a version; one that was not loaded yet (another process deployed it) is loaded now."""
        key = (folder, version)
        if key not in self._sessions:
            path = self._root / folder / str(version) / "model.onnx"
            self._sessions[key] = asyncio.ensure_future(self._in_thread(lambda: open_session(path)))
        opening = self._sessions[key]
        try:
            return await asyncio.shield(opening)
        except Exception as error:  # onnxruntime raises its own classes, and RuntimeError, and others
            if self._sessions.get(key) is opening:
                del self._sessions[key]
            raise BackendUnavailable from error

    async def _in_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def open_session(path: Path) -> Session:
    """A session on the CPU, single-threaded and without spinning."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY + 1  # its messages quote the model; failures are raised anyway
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
