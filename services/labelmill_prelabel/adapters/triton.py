"""A Triton server, through tritonclient gRPC; explicit model control, so that nothing changes but by us."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
import tritonclient.grpc.aio as triton
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from labelmill_prelabel.errors import BackendBusy, BackendTooSlow, BackendUnavailable, ModelRejected
from labelmill_prelabel.ports import Array
from labelmill_runtime.errors import Internal, LabelmillError

_LOAD_TIMEOUT_S = 300.0
_READY_TIMEOUT_S = 2.0
_MIN_TIMEOUT_S = 0.05
"""Triton has crashed on calls that were cancelled within a few milliseconds."""
_NOT_LOADED = "StatusCode.NOT_FOUND"
_CHANNEL = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A server that was restarted must be found again quickly; the default backs off up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.keepalive_time_ms", 20_000),
]


class TritonInferencer:
    """Runs models in Triton.

    Args:
        address: host:port of the gRPC endpoint.
    """

    def __init__(self, address: str) -> None:
        self._client = triton.InferenceServerClient(address, channel_args=_CHANNEL)
        self._wanted: dict[str, tuple[int, ...]] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def load(self, folder: str, versions: Sequence[int]) -> None:
        """See Inferencer. Which versions answer stands in config.pbtxt, which Triton reads now."""
        async with self._turns.setdefault(folder, asyncio.Lock()):
            self._wanted[folder] = tuple(versions)
            await self._load(folder)

    async def infer(
        self, folder: str, version: int, inputs: Mapping[str, Array], output: str, *, timeout_s: float
    ) -> Array:
        """See Inferencer. A server that was restarted has no models; it is told to load them, once."""
        deadline = time.monotonic() + timeout_s
        try:
            return await self._infer(folder, version, inputs, output, timeout_s)
        except InferenceServerException as error:
            if error.status() != _NOT_LOADED:
                raise _mapped(error) from error
        await self._load_again(folder, version)
        try:
            return await self._infer(folder, version, inputs, output, deadline - time.monotonic())
        except InferenceServerException as error:
            raise _mapped(error) from error

    async def ready(self) -> bool:
        """See Inferencer. Alive is enough: Triton calls itself not ready while any version has failed to load."""
        try:
            return bool(await self._client.is_server_live(client_timeout=_READY_TIMEOUT_S))
        except InferenceServerException:
            return False

    async def close(self) -> None:
        """See Inferencer."""
        await self._client.close()

    async def _infer(
        self, folder: str, version: int, inputs: Mapping[str, Array], output: str, timeout_s: float
    ) -> Array:
        if timeout_s <= 0:
            raise BackendTooSlow
        result = await self._client.infer(
            folder,
            [_tensor(name, array) for name, array in inputs.items()],
            model_version=str(version),
            outputs=[triton.InferRequestedOutput(output)],
            timeout=int(timeout_s * 1e6),  # in Triton's queue: what nobody waits for is not computed
            client_timeout=max(timeout_s, _MIN_TIMEOUT_S),
        )
        array: Array = result.as_numpy(output)
        return array

    async def _load_again(self, folder: str, version: int) -> None:
        async with self._turns.setdefault(folder, asyncio.Lock()):
            if await self._is_ready(folder, version):
                return  # another request was faster
            structlog.get_logger().info("triton.reloading", model=folder)
            await self._load(folder)

    async def _is_ready(self, folder: str, version: int) -> bool:
        try:
            return bool(await self._client.is_model_ready(folder, str(version), client_timeout=_READY_TIMEOUT_S))
        except InferenceServerException:
            return False

    async def _load(self, folder: str) -> None:
        try:
            await self._client.load_model(folder, client_timeout=_LOAD_TIMEOUT_S)
        except InferenceServerException as error:
            mapped = _mapped(error)
            if isinstance(mapped, BackendUnavailable | BackendTooSlow):
                raise mapped from error
            raise ModelRejected("cannot be loaded by Triton") from error
        for version in self._wanted.get(folder, ()):
            if not await self._is_ready(folder, version):
                raise ModelRejected("cannot be loaded by Triton")


def _tensor(name: str, array: Array) -> Any:
    tensor = triton.InferInput(name, array.shape, np_to_triton_dtype(array.dtype))
    tensor.set_data_from_numpy(array)  # raw bytes: typed contents cost a hundred times more
    return tensor


def _mapped(error: InferenceServerException) -> LabelmillError:
    """Triton says UNAVAILABLE also for a full queue and for a request that waited too long; only the text tells."""
    status, message = str(error.status()), str(error.message())
    if "maximum queue size" in message:
        return BackendBusy()
    if status == "StatusCode.DEADLINE_EXCEEDED" or "timeout expired" in message.lower():
        return BackendTooSlow()
    if status in ("StatusCode.UNAVAILABLE", "StatusCode.CANCELLED", _NOT_LOADED):
        return BackendUnavailable()
    return Internal("BACKEND_FAILED", "The inference backend failed.", metadata={"status": status.rpartition(".")[2]})
