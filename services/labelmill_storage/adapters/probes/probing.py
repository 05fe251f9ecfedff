"""The Prober: names and languages in a thread, everything that native parsers read in a worker process.

A native parser that crashes, hangs or takes all memory on hostile bytes ends its worker process, which is replaced; the
content stays undescribed and nobody else notices. The worker starts with the first content that needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.workers import WorkerPool
from labelmill_storage.adapters.probes import probe_names, probe_text, probe_worker
from labelmill_storage.contents.media_types import BINARY
from labelmill_storage.contents.samples import Sample
from labelmill_storage.ports import Findings

_KNOWN_IMAGES = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/tiff", "image/webp", "image/bmp", "image/avif", "image/heic"}
)
"""Formats that storage reads itself."""
_FEW_TEXTS = 8
_TEXT_BYTES = 4096
_BATCH_FACTOR = 3
_MEMORY_BYTES = 1024**3


class Probes:
    """Asks libraries.

    Args:
        workers: Processes for native parsers.
        limit_s: Seconds for one content; a batch has three times as much, whatever is in it.
        read: What runs in the worker; importable.
    """

    def __init__(
        self,
        workers: int = 1,
        limit_s: float = 10.0,
        read: Callable[[str, Path], Findings] = probe_worker.read,
    ) -> None:
        self._limit_s = limit_s
        self._read = read
        self._pools: list[WorkerPool] = []
        self._idle: list[WorkerPool] = []
        self._places = asyncio.Semaphore(workers)
        self._tasks: set[asyncio.Task[Findings]] = set()
        self._running: set[asyncio.Task[Any] | None] = set()
        self._warm = False

    @property
    def started(self) -> bool:
        """Whether there is a worker yet."""
        return bool(self._pools)

    async def probe(self, contents: Sequence[tuple[str, Sample]]) -> list[Findings]:
        """See ports.Prober."""
        found = await self._named(contents)
        named = [
            (it.media_type or media_type, sample) for it, (media_type, sample) in zip(found, contents, strict=True)
        ]
        waiting = {
            index: self._begin(media_type, sample)
            for index, (media_type, sample) in enumerate(named)
            if _needs_worker(media_type)
        }
        if waiting:
            await self._wait(waiting.values())
        for index, task in waiting.items():
            if task.done() and not task.cancelled():
                seen = task.result()
                found[index] = Findings(found[index].media_type, "", seen.duration_ms, seen.image_size)
        return found

    async def close(self) -> None:
        """Ends the workers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(pool.close(grace_s=0) for pool in self._pools))

    async def _named(self, contents: Sequence[tuple[str, Sample]]) -> list[Findings]:
        heavy = sum(media_type == BINARY or media_type.startswith("text/") for media_type, _ in contents)
        if not heavy:
            return [Findings()] * len(contents)
        # A hop to a thread costs as much as a sentence. The first text's loads the language model: time and memory
        # that servers of images never need.
        if self._warm and heavy <= _FEW_TEXTS:
            return [_name(*content) for content in contents]
        named = await asyncio.to_thread(lambda: [_name(*content) for content in contents])
        self._warm = self._warm or any(media_type.startswith("text/") for media_type, _ in contents)
        return named

    async def _wait(self, tasks: Collection[asyncio.Task[Findings]]) -> None:
        try:
            await asyncio.wait(tasks, timeout=self._limit_s * min(_BATCH_FACTOR, len(tasks)))
        finally:
            # One that a worker has begun keeps its place until the worker is free again.
            for task in set(tasks) - self._running:
                task.cancel()

    def _begin(self, media_type: str, sample: Sample) -> asyncio.Task[Findings]:
        task = asyncio.create_task(self._examine(media_type, sample))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _examine(self, media_type: str, sample: Sample) -> Findings:
        # One pool a worker, one call at a time in each: a file that ends its worker takes nobody else's call with it.
        async with self._places:
            pool = self._idle.pop() if self._idle else self._new_pool()
            task = asyncio.current_task()
            self._running.add(task)
            try:
                return await pool.call(probe_worker.examine, self._read, media_type, sample, self._limit_s)
            except LabelmillError:  # the worker died of it, twice; its successor is there already
                return Findings()
            finally:
                self._running.discard(task)
                self._idle.append(pool)

    def _new_pool(self) -> WorkerPool:
        self._pools.append(WorkerPool(1, probe_worker.prepare, (_MEMORY_BYTES,)))
        return self._pools[-1]


def _needs_worker(media_type: str) -> bool:
    if media_type.startswith("image/"):
        return media_type not in _KNOWN_IMAGES and media_type != "image/svg+xml"
    return media_type.startswith(("audio/", "video/"))


def _name(media_type: str, sample: Sample) -> Findings:
    try:
        return _name_of(media_type, sample)
    except Exception:  # what informs must not refuse
        return Findings()


def _name_of(media_type: str, sample: Sample) -> Findings:
    if media_type.startswith("text/"):
        return Findings(language=probe_text.language(media_type, sample.head[:_TEXT_BYTES]))
    if media_type == BINARY and sample.size_bytes:
        return Findings(media_type=probe_names.media_type(sample.head, sample.tail))
    return Findings()
