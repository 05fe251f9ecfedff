"""Uploads while they are under way: what streams that are continued and contents put by URL have in common.

An upload is a row (what was announced) and an object under way (what arrived). Neither is an asset: that is made at the
end, from bytes that were hashed. A crash between the object's commit and its record leaves a row whose object is not
under way any more: if its SHA-256 is known, it is found where it belongs, else the upload begins anew; nothing was
acknowledged.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from labelmill_runtime.errors import Aborted, InvalidArgument, LabelmillError
from labelmill_storage.assets import Asset, AssetIds, Content, Draft, Zone
from labelmill_storage.contents import content
from labelmill_storage.ports import (
    AssetRecords,
    ObjectKey,
    ObjectStore,
    StagedObject,
    UploadRecords,
    key_of,
)
from labelmill_storage.transfers.ingest import Header, Ingest, UploadSequence, check_sums, in_thread_if_long
from labelmill_storage.transfers.resumable import (
    Announced,
    Upload,
    UploadChanged,
    UploadFinished,
    UploadNotFound,
    upload_name,
)
from labelmill_storage.transfers.turns import Turns

ZONE = Zone.RAW

Progress = Callable[[int, int], Awaitable[None]]
"""Told (bytes checked, bytes in all)."""


class UnderWay:
    """Begins, finds, records and throws away uploads in RAW."""

    def __init__(
        self,
        ingest: Ingest,
        objects: ObjectStore,
        records: AssetRecords,
        uploads: UploadRecords,
        ids: AssetIds,
        *,
        max_asset_bytes: int,
        expiry: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.turns = Turns()
        self.limit_bytes = max_asset_bytes
        self.now = now
        self._ingest = ingest
        self._objects = objects
        self._records = records
        self._uploads = uploads
        self._ids = ids
        self._expiry = expiry

    async def begun(self, header: Header, *, direct: bool) -> Upload | None:
        """The upload with the header's id, which must be the same upload; None where there is none."""
        upload = await self._current(header.project, header.upload_id)
        if upload is None:
            return None
        if upload.direct is not direct or upload.digest != self._announced(header).digest(header.upload_id):
            raise UploadChanged(upload.name)
        return upload

    async def begin(self, header: Header, *, direct: bool) -> Upload:
        """Begins an upload."""
        announced, now = self._announced(header), self.now()
        handle = await self._objects.begin_upload(ZONE, header.project, header.size_bytes, by_url=direct)
        digest = announced.digest(header.upload_id)
        expires = now + self._expiry
        upload = Upload(header.project, header.upload_id, handle, direct, announced, digest, now, expires)
        try:
            await self._uploads.begin(upload)
        except BaseException:
            await self._objects.drop_upload(ZONE, handle)
            raise
        return upload

    async def required(self, project: str, upload_id: str) -> Upload:
        """An upload; raises UploadNotFound."""
        upload = await self._uploads.get(project, upload_id)
        if upload is None or upload.expire_time <= self.now():
            raise UploadNotFound(upload_name(project, upload_id))
        return upload

    async def extend(self, upload: Upload) -> None:
        """Lets it live on from now."""
        await self._uploads.extend(upload, self.now() + self._expiry)

    async def asset(self, upload: Upload, sha256: str = "") -> Asset:
        """What a finished upload became, which must have this SHA-256 if one is given."""
        asset = await self._records.get(upload.project, upload.asset_id)
        if asset is None:  # erased since
            raise UploadFinished(upload.name)
        check_sums(asset.raw, sha256)
        return asset

    @asynccontextmanager
    async def continued(self, upload: Upload) -> AsyncIterator[StagedObject]:
        """The object under way. It goes when its content is refused."""
        try:
            async with self._objects.continue_upload(ZONE, upload.handle) as staged:
                yield staged
        except (InvalidArgument, content.ContentTooLarge) as refusal:
            if not isinstance(refusal, UploadSequence):  # a stream that ended early may be continued
                await self.discard(upload)
            raise

    async def commit(self, staged: StagedObject, upload: Upload, described: Content) -> Draft:
        """Puts the object in its place; the draft is still to be recorded."""
        draft = self._draft(upload, described)
        key = key_of(ZONE, draft.project, draft.raw)
        removals = await self._records.about_to_write([key])
        location = await staged.commit(key)
        return replace(draft, raw=replace(draft.raw, location=location, last_removal=removals[key]))

    async def committed(self, upload: Upload, sha256: str, otherwise: LabelmillError) -> Draft:
        """What a crash left between the object's commit and its record, read once more; else the upload is over."""
        key = ObjectKey(ZONE, upload.project, sha256)
        size = upload.announced.size_bytes
        if sha256 and size and await self._objects.exists(key):
            removals = await self._records.about_to_write([key])
            inspection = content.Inspection(upload.announced.media_type, self.limit_bytes)
            for offset in range(0, size, content.BLOCK_BYTES):
                await in_thread_if_long(inspection.update, await self._objects.read(key, offset, content.BLOCK_BYTES))
            described = await self._ingest.describe(inspection)
            if described.sha256 == sha256:
                return self._draft(upload, replace(described, last_removal=removals[key]))
        await self._uploads.forget(upload)
        raise otherwise

    async def record(self, upload: Upload, draft: Draft) -> Asset:
        """Makes the upload an asset."""
        async with self.forgotten_if_removed(upload):
            recorded = await self._uploads.finish(upload, draft)
        if isinstance(recorded, LabelmillError):
            raise recorded
        return recorded.asset

    @asynccontextmanager
    async def forgotten_if_removed(self, upload: Upload) -> AsyncIterator[None]:
        """For the block that records it: the object may be removed right after its commit."""
        try:
            yield
        except Aborted:
            await self._uploads.forget(upload)
            raise

    async def become(self, upload: Upload, asset: Asset) -> None:
        """Ends an upload whose content turned out to be here."""
        if await self._uploads.condemn(upload):
            await self._objects.drop_upload(ZONE, upload.handle)
            await self._uploads.end(upload, asset.id, self.now() + self._expiry)

    async def discard(self, upload: Upload) -> None:
        """Throws it away."""
        # The handle of a finished upload may be where the asset's object lies; another process may finish it just now.
        if not upload.asset_id:
            if not await self._uploads.condemn(upload):
                return
            await self._objects.drop_upload(ZONE, upload.handle)
        await self._uploads.forget(upload)

    async def _current(self, project: str, upload_id: str) -> Upload | None:
        upload = await self._uploads.get(project, upload_id)
        if upload is not None and upload.expire_time <= self.now():
            await self.discard(upload)
            return None
        return upload

    def _announced(self, header: Header) -> Announced:
        return Announced(
            media_type=header.media_type,
            external_id=header.external_id,
            labels=dict(header.labels),
            subject_hash=self._ids.of_subject(header.project, header.subject),
            size_bytes=header.size_bytes,
            sha256=header.sha256,
        )

    def _draft(self, upload: Upload, described: Content) -> Draft:
        said = upload.announced
        asset_id = self._ids.of(upload.project, described.sha256)
        return Draft(upload.project, asset_id, described, said.external_id, dict(said.labels), said.subject_hash)


async def read_back(staged: StagedObject, inspection: content.Inspection, progress: Progress | None = None) -> None:
    """Shows all bytes of an object under way to an inspection."""
    await staged.seal()
    done, total = 0, staged.received_bytes
    async for data in staged.read_back():
        await in_thread_if_long(inspection.update, data)
        done += len(data)
        if progress is not None:
            await progress(done, total)
