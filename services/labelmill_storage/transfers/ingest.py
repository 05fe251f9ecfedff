"""The way into RAW: one streamed upload, or many small contents at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from labelmill_runtime.errors import InvalidArgument, LabelmillError
from labelmill_storage.assets import Asset, AssetIds, Content, Draft, Recorded, Zone
from labelmill_storage.contents import content
from labelmill_storage.contents.describing import Describer
from labelmill_storage.ports import AssetRecords, AssetWriter, ObjectKey, ObjectStore, ProjectDirectory
from labelmill_storage.transfers.recording import Recorder

_BUFFER_BYTES = 256 * 1024
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
    upload_id: str = ""
    """Set for an upload that can be continued: see uploads.py."""
    offset_bytes: int = 0
    sha256: str = ""
    """Of the whole, where it is known beforehand."""
    subject: str = ""
    """The data subject, as the uploader names it; only its keyed hash is kept."""


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
    subject: str = ""
    """See Header.subject."""


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
        describer: Describer,
    ) -> None:
        self._objects = objects
        self._records = records
        self._recorder = Recorder(records)
        self._projects = projects
        self._ids = ids
        self._limit = max_asset_bytes
        self._describer = describer

    async def upload(self, parts: AsyncIterator[Part]) -> Asset:
        """Takes an upload to its end; if it fails anywhere, nothing of it remains."""
        return await self.upload_rest(await first_header(parts), parts)

    async def upload_rest(self, header: Header, parts: AsyncIterator[Part]) -> Asset:
        """Takes an upload whose header was read already."""
        self.check(header)
        if header.offset_bytes:
            raise UploadSequence("an upload without upload_id cannot be continued")
        await self._projects.require(header.project)
        known = await self.known(header)
        if known is not None:
            return known
        stream = PartStream(parts)
        draft = await self.store(header, stream.buffers(), lambda it: stream.check_sum(it, header.sha256))
        return await self._recorder.add(draft)

    async def store(
        self, header: Header, buffers: AsyncIterator[bytes], check: Callable[[Content], None] = lambda _: None
    ) -> Draft:
        """Stores a content of any size as it comes, if `check` lets it pass; the caller records the draft."""
        self.check(header)
        inspection = content.Inspection(header.media_type, self._limit)
        async with self._objects.stage(Zone.RAW, header.project) as staged:
            async for data in buffers:
                await in_thread_if_long(inspection.update, data)
                await staged.write(data)
            described = await self.describe(inspection)
            check(described)
            draft = self.draft(header, described)
            await self.require_allowed(draft)
            key = _raw_key(draft)
            removals = await self._records.about_to_write([key])
            location = await staged.commit(key)
        return replace(draft, raw=replace(draft.raw, location=location, last_removal=removals[key]))

    def check(self, header: Header) -> None:
        """Refuses what a header alone tells to be impossible."""
        content.check_size(header.size_bytes, self._limit)
        check_text_fields(header.external_id, header.labels, header.subject)

    async def known(self, header: Header) -> Asset | None:
        """The asset with the announced SHA-256, if this project has it."""
        if not header.sha256:
            return None
        return await self._records.get(header.project, self._ids.of(header.project, header.sha256))

    async def describe(self, inspection: content.Inspection) -> Content:
        """The description of a content that has arrived; raises as `Describer.describe`, before anything is kept."""
        return await self._describer.describe(inspection)

    def draft(self, header: Header, described: Content) -> Draft:
        """The asset that an upload is to become."""
        return self._draft(header.project, header, described)

    async def require_allowed(self, draft: Draft) -> None:
        """Refuses what was erased before its object is put in place: CONTENT_ERASED, SUBJECT_ERASED."""
        for error in (await self._records.erased([draft])).values():
            raise error

    async def prepare(self, project: str, items: Sequence[Item]) -> Prepared:
        """Checks a batch item by item and stores the good contents that are new."""
        await self._projects.require(project)
        inspections = await asyncio.to_thread(lambda: [self._inspected(item) for item in items])
        described = await self._describer.describe_many(inspections)
        outcomes = [
            found if isinstance(found, LabelmillError) else self._draft(project, item, found)
            for found, item in zip(described, items, strict=True)
        ]
        ids = [draft.id for draft in outcomes if isinstance(draft, Draft)]
        known = await self._records.get_many(project, ids)
        erased = await self._records.erased([it for it in outcomes if isinstance(it, Draft) and it.id not in known])
        outcomes = [erased.get(it.id, it) if isinstance(it, Draft) else it for it in outcomes]
        new = {
            _raw_key(draft): item.content
            for draft, item in zip(outcomes, items, strict=True)
            if isinstance(draft, Draft) and draft.id not in known
        }
        removals = await self._records.about_to_write(list(new))
        await self._objects.put_many(new)
        return [_written(it, removals) if isinstance(it, Draft) else it for it in outcomes]

    async def record(self, writer: AssetWriter, prepared: Prepared) -> list[Recorded | LabelmillError]:
        """Records what `prepare` stored."""
        recorded = iter(await writer.add([draft for draft in prepared if isinstance(draft, Draft)]))
        return [next(recorded) if isinstance(outcome, Draft) else outcome for outcome in prepared]

    def _inspected(self, item: Item) -> content.Inspection | LabelmillError:
        try:
            check_text_fields(item.external_id, item.labels, item.subject)
            inspection = content.Inspection(item.media_type, self._limit)
            inspection.update(item.content)
        except LabelmillError as error:
            return error
        return inspection

    def _draft(self, project: str, said: Header | Item, described: Content) -> Draft:
        asset_id = self._ids.of(project, described.sha256)
        subject_hash = self._ids.of_subject(project, said.subject)
        return Draft(project, asset_id, described, said.external_id, dict(said.labels), subject_hash)


async def first_header(parts: AsyncIterator[Part]) -> Header:
    """The header, which must come first."""
    header = await anext(parts, None)
    if not isinstance(header, Header):
        raise UploadSequence("the first message is not a header")
    return header


class PartStream:
    """The parts after the header: chunks, gathered into larger buffers, and the checksum at the end."""

    def __init__(self, parts: AsyncIterator[Any]) -> None:
        self._parts = parts
        self.sha256 = ""

    async def buffers(self) -> AsyncIterator[bytes]:
        """The bytes; what came before a fault is handed on before it is raised."""
        gathered = bytearray()
        async for part in self._parts:
            if self.sha256:
                raise UploadSequence("something came after the checksum")
            match part:
                case bytes() if len(part) >= _BUFFER_BYTES and not gathered:
                    yield part  # as it is: large chunks are the rule, and a copy of each adds up
                case bytes():
                    gathered += part
                case Checksum(sha256):
                    if not _SHA256.fullmatch(sha256):
                        raise ChecksumMismatch
                    self.sha256 = sha256
                case _:
                    raise UploadSequence("a second header came")
            if len(gathered) >= _BUFFER_BYTES:
                yield bytes(gathered)
                gathered.clear()
        if gathered:
            yield bytes(gathered)
        if not self.sha256:
            raise UploadSequence("the stream ended without a checksum")

    def check_sum(self, described: Content, announced: str = "") -> None:
        """Refuses a content that has not the checksum sent, at the end and maybe at the beginning."""
        check_sums(described, self.sha256, announced)


def check_sums(described: Content, *expected: str) -> None:
    """Raises ChecksumMismatch unless the content has all these SHA-256, those that are empty left out."""
    if any(sha256 and sha256 != described.sha256 for sha256 in expected):
        raise ChecksumMismatch


def check_text_fields(external_id: str, labels: Mapping[str, str], subject: str = "") -> None:
    """Refuses NUL characters, which PostgreSQL cannot keep."""
    if "\0" in subject:
        raise _nul("subject")
    if "\0" in external_id:
        raise _nul("external_id")
    if any("\0" in key or "\0" in value for key, value in labels.items()):
        raise _nul("labels")


def _nul(path: str) -> InvalidArgument:
    return InvalidArgument("INVALID_TEXT", f"{path} holds a NUL character.", fields={path: "must not hold NUL"})


def _written(draft: Draft, removals: Mapping[ObjectKey, int]) -> Draft:
    removal = removals.get(_raw_key(draft))
    if removal is None or removal == draft.raw.last_removal:
        return draft
    return replace(draft, raw=replace(draft.raw, last_removal=removal))


def _raw_key(draft: Draft) -> ObjectKey:
    return ObjectKey(Zone.RAW, draft.project, draft.raw.sha256)


async def in_thread_if_long(update: Callable[[bytes], None], data: bytes) -> None:
    """Feeds bytes to an inspection."""
    # Hashing 1 MiB holds the event loop for milliseconds; a thread hop costs more than hashing a sentence.
    if len(data) <= _SHORT_BYTES:
        update(data)
    else:
        await asyncio.to_thread(update, data)
