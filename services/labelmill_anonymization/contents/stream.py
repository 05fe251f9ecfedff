"""Many contents, each with an outcome of its own, a bounded number of them under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from labelmill_anonymization.contents.content import CleanContent, RawContent
from labelmill_anonymization.contents.handling import ContentAnonymizer
from labelmill_anonymization.keyring.subject_keys import SubjectKeys
from labelmill_anonymization.patience import patiently
from labelmill_anonymization.policy import Policy
from labelmill_runtime.errors import LabelmillError

_UNDER_WAY = 8


@dataclass(frozen=True, slots=True)
class ContentItem:
    """One content with the caller's own id for it."""

    item_id: str
    content: RawContent


@dataclass(frozen=True, slots=True)
class ContentOutcome:
    """What became of a content."""

    item_id: str
    outcome: CleanContent | LabelmillError


async def anonymize_contents(
    items: AsyncIterator[ContentItem], policy: Policy, keys: SubjectKeys, anonymizer: ContentAnonymizer
) -> AsyncGenerator[ContentOutcome]:
    """Outcomes as soon as they are known; items are read when there is room, so a fast sender waits."""
    room, done = asyncio.Semaphore(_UNDER_WAY), asyncio.Queue[ContentOutcome | None]()

    async def one(item: ContentItem) -> None:
        done.put_nowait(ContentOutcome(item.item_id, await _outcome(item.content, policy, keys, anonymizer)))

    async def read() -> None:
        try:
            async with asyncio.TaskGroup() as under_way:
                async for item in items:
                    await room.acquire()
                    under_way.create_task(one(item))
        finally:
            done.put_nowait(None)

    reader = asyncio.create_task(read())
    try:
        while (outcome := await done.get()) is not None:
            yield outcome
            room.release()
        await _reraised(reader)
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _outcome(
    content: RawContent, policy: Policy, keys: SubjectKeys, anonymizer: ContentAnonymizer
) -> CleanContent | LabelmillError:
    try:
        subject_keys = await keys.about(content.subject)
        return await patiently(lambda: anonymizer.anonymize(content, policy, subject_keys))
    except LabelmillError as error:
        return error


async def _reraised(reader: asyncio.Task[None]) -> None:
    """Waits for the reader; what ended the stream is raised as itself, not in a group."""
    try:
        await reader
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
