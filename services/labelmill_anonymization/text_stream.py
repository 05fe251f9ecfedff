"""Many texts, each with an outcome of its own, in groups of a bounded size, with a bounded number under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field

from labelmill_anonymization.errors import TextTooLong
from labelmill_anonymization.keyring.subject_keys import SubjectKeys
from labelmill_anonymization.patience import patiently
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Anonymizer
from labelmill_anonymization.transform import CleanText
from labelmill_runtime.errors import LabelmillError

MAX_CODE_POINTS = 100_000
_GROUPS_UNDER_WAY = 3


@dataclass(frozen=True, slots=True)
class TextItem:
    """One text with the caller's own id for it."""

    item_id: str
    text: str = field(repr=False)
    subject: str = field(default="", repr=False)
    """Whom it is about, as the caller's own id."""


@dataclass(frozen=True, slots=True)
class TextOutcome:
    """What became of a text."""

    item_id: str
    outcome: CleanText | LabelmillError


def require_length(text: str) -> None:
    """Refuses a text that is too long for one call."""
    if len(text) > MAX_CODE_POINTS:
        raise TextTooLong(MAX_CODE_POINTS)


async def anonymize_groups(
    groups: AsyncIterator[Sequence[TextItem]], policy: Policy, keys: SubjectKeys, anonymizer: Anonymizer
) -> AsyncGenerator[list[TextOutcome]]:
    """The outcomes of each group as soon as it is done; groups are read when there is room, so a fast sender waits."""
    flow = _Flow(policy, keys, anonymizer)
    reader = asyncio.create_task(flow.read(groups))
    try:
        while (outcomes := await flow.done.get()) is not None:
            yield outcomes
            flow.room.release()
        await reader
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


class _Flow:
    """The groups of one stream on their way."""

    def __init__(self, policy: Policy, keys: SubjectKeys, anonymizer: Anonymizer) -> None:
        self._policy = policy
        self._keys = keys
        self._anonymizer = anonymizer
        self.room = asyncio.Semaphore(_GROUPS_UNDER_WAY)
        self.done: asyncio.Queue[list[TextOutcome] | None] = asyncio.Queue()

    async def read(self, groups: AsyncIterator[Sequence[TextItem]]) -> None:
        """Reads to the end, or to the error that ends the stream."""
        under_way: set[asyncio.Task[None]] = set()
        try:
            async for items in groups:
                await self.room.acquire()
                task = asyncio.create_task(self._work(items))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            await asyncio.gather(*under_way)
        finally:
            for task in under_way:
                task.cancel()
            self.done.put_nowait(None)

    async def _work(self, items: Sequence[TextItem]) -> None:
        self.done.put_nowait(list(await asyncio.gather(*(self._one(item) for item in items))))

    async def _one(self, item: TextItem) -> TextOutcome:
        try:
            require_length(item.text)
            keys = await self._keys.about(item.subject)
            clean = await patiently(lambda: self._anonymizer.anonymize(item.text, self._policy, keys))
        except LabelmillError as error:
            return TextOutcome(item.item_id, error)
        return TextOutcome(item.item_id, clean)
