"""Uploads that outlive their connections: streams that are continued.

An upload becomes an asset only from bytes that were hashed, either while one stream brought them all or by reading them
back. What is under way: under_way.py. Contents put by URL: puts.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from labelmill_storage.assets import Asset, Content
from labelmill_storage.contents import content
from labelmill_storage.ports import (
    AssetRecords,
    ObjectMissing,
    ObjectStore,
    ProjectDirectory,
    StagedObject,
    UploadRecords,
)
from labelmill_storage.transfers.ingest import Header, Ingest, Part, PartStream, check_sums, in_thread_if_long
from labelmill_storage.transfers.resumable import OffsetMismatch, Upload, UploadFinished, UploadNotFound
from labelmill_storage.transfers.under_way import ZONE, UnderWay, read_back

_EXPIRED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an upload is."""

    upload: Upload
    received_bytes: int


class Uploads:
    """Takes uploads in RAW that may come in several pieces."""

    def __init__(
        self,
        under_way: UnderWay,
        ingest: Ingest,
        objects: ObjectStore,
        records: AssetRecords,
        uploads: UploadRecords,
        projects: ProjectDirectory,
    ) -> None:
        self._under_way = under_way
        self._turns = under_way.turns
        self._ingest = ingest
        self._objects = objects
        self._records = records
        self._uploads = uploads
        self._projects = projects

    async def receive(self, header: Header, parts: AsyncIterator[Part]) -> Asset:
        """Takes a stream with an upload_id, from its offset on; what it brings stays if it breaks off."""
        self._ingest.check(header)
        inspection = content.Inspection(header.media_type, self._under_way.limit_bytes)
        await self._projects.require(header.project)
        with self._turns.taken(header.project, header.upload_id) as turn:
            upload = await self._under_way.begun(header, direct=False)
            if upload is not None and upload.asset_id:
                return await self._under_way.asset(upload)
            known = await self._ingest.known(header)
            if known is not None:
                if upload is not None:
                    await self._under_way.become(upload, known)
                return known
            upload = upload or await self._under_way.begin(header, direct=False)
            await self._under_way.extend(upload)
            try:
                async with self._under_way.continued(upload) as staged:
                    turn.found_bytes = staged.received_bytes
                    if header.offset_bytes != staged.received_bytes:
                        raise OffsetMismatch(staged.received_bytes)
                    stream = PartStream(parts)
                    described = await self._fill(staged, stream, inspection)
                    check_sums(described, stream.sha256, header.sha256)
                    draft = await self._under_way.commit(staged, upload, described)
            except ObjectMissing:
                draft = await self._under_way.committed(upload, header.sha256, OffsetMismatch(0))
            return await self._under_way.record(upload, draft)

    async def standing(self, project: str, upload_id: str) -> Standing:
        """How far an upload is; while a stream writes to it, what was there when that began."""
        upload = await self._under_way.required(project, upload_id)
        if upload.asset_id:
            return await self._finished(upload)
        turn = self._turns.of(project, upload_id)
        if turn is not None and turn.found_bytes is not None:
            return Standing(upload, turn.found_bytes)
        try:
            return Standing(upload, await self._objects.received(ZONE, upload.handle))
        except ObjectMissing:
            # A crash between the object's commit and its record; or it is being recorded, or was just now.
            turn = self._turns.of(project, upload_id)
            current = await self._under_way.required(project, upload_id)
            if current.asset_id:
                return await self._finished(current)
            if turn is not None:
                return Standing(upload, upload.announced.size_bytes)
            raise UploadNotFound(upload.name) from None

    @asynccontextmanager
    async def deleting(self, project: str, upload_id: str) -> AsyncIterator[Upload]:
        """Throws the object away and holds the upload while the caller forgets it (`UploadRecords.forget`)."""
        with self._turns.taken(project, upload_id):
            upload = await self._under_way.required(project, upload_id)
            if upload.asset_id or not await self._uploads.condemn(upload):
                raise UploadFinished(upload.name)
            await self._objects.drop_upload(ZONE, upload.handle)
            yield upload

    async def drop_expired(self) -> None:
        """Throws away what nobody finished in time, and forgets what was finished long ago."""
        dropped = _EXPIRED_AT_ONCE
        while dropped == _EXPIRED_AT_ONCE:
            dropped = 0
            for upload in await self._uploads.expired(self._under_way.now(), _EXPIRED_AT_ONCE):
                if self._turns.of(upload.project, upload.id) is None:
                    with self._turns.taken(upload.project, upload.id):
                        await self._under_way.discard(upload)
                    dropped += 1

    async def _finished(self, upload: Upload) -> Standing:
        asset = await self._records.get(upload.project, upload.asset_id)
        return Standing(upload, upload.announced.size_bytes if asset is None else asset.raw.size_bytes)

    async def _fill(self, staged: StagedObject, stream: PartStream, inspection: content.Inspection) -> Content:
        size = staged.received_bytes
        in_one_stream = size == 0
        async for data in stream.buffers():
            size += len(data)
            content.check_size(size, self._under_way.limit_bytes)
            if in_one_stream:
                await in_thread_if_long(inspection.update, data)
            await staged.write(data)
        if not in_one_stream:
            await read_back(staged, inspection)
        return await self._ingest.describe(inspection)
