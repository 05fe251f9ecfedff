"""The way into RAW: one streamed upload, or many small contents at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from labelmill_runtime.errors import InvalidArgument, LabelmillError
from labelmill_storage import content
from labelmill_storage.assets import Asset, AssetIds, Content, Draft, Recorded, Zone
from labelmill_storage.ports import AssetRecords, AssetWriter, ObjectKey, ObjectStore, ProjectDirectory

_BUFFER_BYTES = 1024 * 1024
_SHORT_BYTES = 64 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


class UploadSequence(InvalidArgument):
    """The messages of an upload came in an order that has no meaning."""

    def __init__(self, problem: str) -> None:
        message = f"An upload is a header, then chunks, then one checksum; {problem}."
        super().__init__("UPLOAD_SEQUENCE", message)


class ChecksumMismatch(InvalidArgument):
    """Not the bytes that were meant."""

    def __init__(self) -> None:
        message = "The content received does not have the checksum sent."
        super().__init__("CHECKSUM_MISMATCH", message, fields={"sha256": "is not the SHA-256 of the chunks"})


@dataclass(frozen=True, slots=True)
class Header:
    """What an upload begins with."""

    project: str
    media_type: str = ""
    external_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Checksum:
    """What an upload ends with."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Item:
    """One content of a batch."""

    content: bytes
    media_type: str = ""
    external_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


Part = Header | bytes | Checksum
Prepared = Sequence[Draft | LabelmillError]
"""Drafts whose contents are stored, and errors, in the order of a batch's items."""


class Ingest:
    """Brings contents into RAW: first the object, durably, then the record."""

    def __init__(
        self,
        objects: ObjectStore,
        records: AssetRecords,
        projects: ProjectDirectory,
        ids: AssetIds,
        max_asset_bytes: int,
    ) -> None:
        self._objects = objects
        self._records = records
        self._projects = projects
        self._ids = ids
        self._limit = max_asset_bytes

    async def upload(self, parts: AsyncIterator[Part]) -> Asset:
        """Takes an upload to its end; if it fails anywhere, nothing of it remains."""
        header = await anext(parts, None)
        if not isinstance(header, Header):
            raise UploadSequence("the first message is not a header")
        content.check_size(header.size_bytes, self._limit)
        check_text_fields(header.external_id, header.labels)
        inspection = content.Inspection(header.media_type, self._limit)
        await self._projects.require(header.project)
        async with self._objects.stage(Zone.RAW, header.project) as staged:
            stream = _Stream(parts)
            async for data in stream.buffers():
                await _in_thread_if_long(inspection.update, data)
                await staged.write(data)
            described = inspection.finish()
            if stream.sha256 != described.sha256:
                raise ChecksumMismatch
            draft = self._draft(header.project, header, described)
            await self._records.about_to_write([_raw_key(draft)])
            location = await staged.commit(_raw_key(draft))
        draft = replace(draft, raw=replace(draft.raw, location=location))
        async with self._records.writing() as writer:
            (recorded,) = await writer.add([draft])
        if isinstance(recorded, LabelmillError):
            raise recorded
        return recorded.asset

    async def prepare(self, project: str, items: Sequence[Item]) -> Prepared:
        """Checks a batch item by item and stores the good contents that are new."""
        await self._projects.require(project)
        outcomes = await asyncio.to_thread(self._drafts, project, items)
        ids = [draft.id for draft in outcomes if isinstance(draft, Draft)]
        known = await self._records.get_many(project, ids)
        new = {
            _raw_key(draft): item.content
            for draft, item in zip(outcomes, items, strict=True)
            if isinstance(draft, Draft) and draft.id not in known
        }
        await self._records.about_to_write(list(new))
        await self._objects.put_many(new)
        return outcomes

    async def record(self, writer: AssetWriter, prepared: Prepared) -> list[Recorded | LabelmillError]:
        """Records what `prepare` stored."""
        recorded = iter(await writer.add([draft for draft in prepared if isinstance(draft, Draft)]))
        return [next(recorded) if isinstance(outcome, Draft) else outcome for outcome in prepared]

    def _drafts(self, project: str, items: Sequence[Item]) -> list[Draft | LabelmillError]:
        outcomes: list[Draft | LabelmillError] = []
        for item in items:
            try:
                check_text_fields(item.external_id, item.labels)
                described = content.inspect(item.content, item.media_type, self._limit)
                outcomes.append(self._draft(project, item, described))
            except LabelmillError as error:
                outcomes.append(error)
        return outcomes

    def _draft(self, project: str, said: Header | Item, described: Content) -> Draft:
        asset_id = self._ids.of(project, described.sha256)
        return Draft(project, asset_id, described, said.external_id, dict(said.labels))


class _Stream:
    """The parts after the header: chunks, gathered into larger buffers, and the checksum at the end."""

    def __init__(self, parts: AsyncIterator[Part]) -> None:
        self._parts = parts
        self.sha256 = ""

    async def buffers(self) -> AsyncIterator[bytes]:
        gathered = bytearray()
        async for part in self._parts:
            if self.sha256:
                raise UploadSequence("something came after the checksum")
            match part:
                case Header():
                    raise UploadSequence("a second header came")
                case Checksum(sha256):
                    if not _SHA256.fullmatch(sha256):
                        raise ChecksumMismatch
                    self.sha256 = sha256
                case bytes():
                    gathered += part
            if len(gathered) >= _BUFFER_BYTES:
                yield bytes(gathered)
                gathered.clear()
        if not self.sha256:
            raise UploadSequence("the stream ended without a checksum")
        if gathered:
            yield bytes(gathered)


def check_text_fields(external_id: str, labels: Mapping[str, str]) -> None:
    """Refuses NUL characters, which PostgreSQL cannot keep."""
    if "\0" in external_id:
        raise _nul("external_id")
    if any("\0" in key or "\0" in value for key, value in labels.items()):
        raise _nul("labels")


def _nul(path: str) -> InvalidArgument:
    return InvalidArgument("INVALID_TEXT", f"{path} holds a NUL character.", fields={path: "must not hold NUL"})


def _raw_key(draft: Draft) -> ObjectKey:
    return ObjectKey(Zone.RAW, draft.project, draft.raw.sha256)


async def _in_thread_if_long(update: Callable[[bytes], None], data: bytes) -> None:
    # Hashing 1 MiB holds the event loop for milliseconds; a thread hop costs more than hashing a sentence.
    if len(data) <= _SHORT_BYTES:
        update(data)
    else:
        await asyncio.to_thread(update, data)
