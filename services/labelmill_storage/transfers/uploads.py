"""Uploads that outlive their connections: streams that are continued, and contents put by URL.

An upload is a row (what was announced) and an object under way (what arrived). Neither is an asset: that is made at the
end, from bytes that were hashed, either while one stream brought them all or by reading them back. A crash
between the object's commit and its record leaves a row whose object is not under way any more: if its SHA-256 is known,
it is found where it belongs, else the upload begins anew; nothing was acknowledged.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from labelmill_runtime.errors import Aborted, InvalidArgument, LabelmillError
from labelmill_storage.assets import Asset, AssetIds, Content, Draft, Zone
from labelmill_storage.contents import content
from labelmill_storage.ports import (
    AssetRecords,
    ObjectKey,
    ObjectMissing,
    ObjectStore,
    ProjectDirectory,
    SignedUrl,
    StagedObject,
    UploadRecords,
    key_of,
)
from labelmill_storage.transfers.ingest import (
    Header,
    Ingest,
    Part,
    PartStream,
    UploadSequence,
    check_sums,
    in_thread_if_long,
)
from labelmill_storage.transfers.resumable import (
    Announced,
    OffsetMismatch,
    Upload,
    UploadChanged,
    UploadFinished,
    UploadIncomplete,
    UploadNotFound,
    upload_name,
)
from labelmill_storage.transfers.turns import Turns

_ZONE = Zone.RAW
_EXPIRED_AT_ONCE = 100

Progress = Callable[[int, int], Awaitable[None]]
"""Told (bytes checked, bytes in all)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an upload is."""

    upload: Upload
    received_bytes: int


class Uploads:
    """Takes uploads in RAW that may come in several pieces."""

    def __init__(
        self,
        ingest: Ingest,
        objects: ObjectStore,
        records: AssetRecords,
        uploads: UploadRecords,
        projects: ProjectDirectory,
        ids: AssetIds,
        *,
        max_asset_bytes: int,
        expiry: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ingest = ingest
        self._objects = objects
        self._records = records
        self._uploads = uploads
        self._projects = projects
        self._ids = ids
        self._limit = max_asset_bytes
        self._expiry = expiry
        self._now = now
        self._turns = Turns()

    async def receive(self, header: Header, parts: AsyncIterator[Part]) -> Asset:
        """Takes a stream with an upload_id, from its offset on; what it brings stays if it breaks off."""
        self._ingest.check(header)
        inspection = content.Inspection(header.media_type, self._limit)
        await self._projects.require(header.project)
        with self._turns.taken(header.project, header.upload_id) as turn:
            upload = await self._begun(header, direct=False)
            if upload is not None and upload.asset_id:
                return await self._asset(upload)
            known = await self._ingest.known(header)
            if known is not None:
                if upload is not None and await self._uploads.condemn(upload):
                    await self._objects.drop_upload(_ZONE, upload.handle)
                    await self._uploads.end(upload, known.id, self._now() + self._expiry)
                return known
            upload = upload or await self._begin(header, direct=False)
            await self._uploads.extend(upload, self._now() + self._expiry)
            try:
                async with self._continued(upload) as staged:
                    turn.found_bytes = staged.received_bytes
                    if header.offset_bytes != staged.received_bytes:
                        raise OffsetMismatch(staged.received_bytes)
                    stream = PartStream(parts)
                    described = await self._fill(staged, stream, inspection)
                    check_sums(described, stream.sha256, header.sha256)
                    draft = await self._commit(staged, _draft(self._ids, upload, described))
            except ObjectMissing:
                draft = await self._committed(upload, header.sha256, OffsetMismatch(0))
            return await self._finish(upload, draft)

    async def standing(self, project: str, upload_id: str) -> Standing:
        """How far an upload is; while a stream writes to it, what was there when that began."""
        upload = await self._required(project, upload_id)
        if upload.asset_id:
            return await self._finished(upload)
        turn = self._turns.of(project, upload_id)
        if turn is not None and turn.found_bytes is not None:
            return Standing(upload, turn.found_bytes)
        try:
            return Standing(upload, await self._objects.received(_ZONE, upload.handle))
        except ObjectMissing:
            # A crash between the object's commit and its record; or it is being recorded, or was just now.
            turn = self._turns.of(project, upload_id)
            current = await self._required(project, upload_id)
            if current.asset_id:
                return await self._finished(current)
            if turn is not None:
                return Standing(upload, upload.announced.size_bytes)
            raise UploadNotFound(upload.name) from None

    @asynccontextmanager
    async def deleting(self, project: str, upload_id: str) -> AsyncIterator[Upload]:
        """Throws the object away and holds the upload while the caller forgets it (`UploadRecords.forget`)."""
        with self._turns.taken(project, upload_id):
            upload = await self._required(project, upload_id)
            if upload.asset_id or not await self._uploads.condemn(upload):
                raise UploadFinished(upload.name)
            await self._objects.drop_upload(_ZONE, upload.handle)
            yield upload

    async def url(self, header: Header, expires_in_s: int) -> SignedUrl:
        """A URL to put a content by; again for the same header, another URL for the same upload."""
        _require_known_size(header)
        self._ingest.check(header)
        content.media_type_of(header.media_type)
        await self._projects.require(header.project)
        with self._turns.taken(header.project, header.upload_id):
            begun = await self._begun(header, direct=True)
            if begun is not None and begun.asset_id:
                raise UploadFinished(begun.name)
            upload = begun or await self._begin(header, direct=True)
            try:
                signed = await self._objects.upload_url(_ZONE, upload.handle, expires_in_s)
            except LabelmillError:
                if begun is None:
                    await self._discard(upload)
                raise
            await self._uploads.extend(upload, self._now() + self._expiry)
            return signed

    async def require_put(self, project: str, upload_id: str) -> Upload:
        """The upload, to which something was put by its URL, or which is finished."""
        upload = await self._required(project, upload_id)
        try:
            received_bytes = (await self.standing(project, upload_id)).received_bytes
        except UploadNotFound:
            return upload  # the object is not under way any more: `finish_put` will see why
        if not upload.asset_id:
            _require_whole(upload, received_bytes)
        return upload

    async def finish_put(self, project: str, upload_id: str, sha256: str, progress: Progress) -> Asset:
        """Reads back what was put by URL, checks it and records the asset; may be called again after a crash."""
        while turn := self._turns.of(project, upload_id):
            await turn.over.wait()  # the check that goes on there is the answer here too
        with self._turns.taken(project, upload_id):
            upload = await self._required(project, upload_id)
            if upload.asset_id:
                return await self._asset(upload, sha256)
            await self._uploads.extend(upload, self._now() + self._expiry)
            said = upload.announced
            try:
                async with self._continued(upload) as staged:
                    _require_whole(upload, staged.received_bytes)
                    content.check_size(staged.received_bytes, self._limit)
                    inspection = content.Inspection(said.media_type, self._limit)
                    await _read_back(staged, inspection, progress)
                    described = await self._ingest.describe(inspection)
                    check_sums(described, sha256, said.sha256)
                    draft = await self._commit(staged, _draft(self._ids, upload, described))
            except ObjectMissing:
                draft = await self._committed(upload, sha256, UploadNotFound(upload.name))
            return await self._finish(upload, draft)

    async def drop_expired(self) -> None:
        """Throws away what nobody finished in time, and forgets what was finished long ago."""
        dropped = _EXPIRED_AT_ONCE
        while dropped == _EXPIRED_AT_ONCE:
            dropped = 0
            for upload in await self._uploads.expired(self._now(), _EXPIRED_AT_ONCE):
                if self._turns.of(upload.project, upload.id) is None:
                    with self._turns.taken(upload.project, upload.id):
                        await self._discard(upload)
                    dropped += 1

    async def _begun(self, header: Header, *, direct: bool) -> Upload | None:
        """The upload with the header's id, which must be the same upload; None where there is none."""
        upload = await self._current(header.project, header.upload_id)
        if upload is None:
            return None
        if upload.direct is not direct or upload.digest != self._announced(header).digest(header.upload_id):
            raise UploadChanged(upload.name)
        return upload

    async def _begin(self, header: Header, *, direct: bool) -> Upload:
        announced, now = self._announced(header), self._now()
        handle = await self._objects.begin_upload(_ZONE, header.project, header.size_bytes)
        digest = announced.digest(header.upload_id)
        expires = now + self._expiry
        upload = Upload(header.project, header.upload_id, handle, direct, announced, digest, now, expires)
        try:
            await self._uploads.begin(upload)
        except BaseException:
            await self._objects.drop_upload(_ZONE, handle)
            raise
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

    async def _current(self, project: str, upload_id: str) -> Upload | None:
        upload = await self._uploads.get(project, upload_id)
        if upload is not None and upload.expire_time <= self._now():
            await self._discard(upload)
            return None
        return upload

    async def _required(self, project: str, upload_id: str) -> Upload:
        upload = await self._uploads.get(project, upload_id)
        if upload is None or upload.expire_time <= self._now():
            raise UploadNotFound(upload_name(project, upload_id))
        return upload

    async def _finished(self, upload: Upload) -> Standing:
        asset = await self._records.get(upload.project, upload.asset_id)
        return Standing(upload, upload.announced.size_bytes if asset is None else asset.raw.size_bytes)

    async def _asset(self, upload: Upload, sha256: str = "") -> Asset:
        asset = await self._records.get(upload.project, upload.asset_id)
        if asset is None:  # erased since
            raise UploadFinished(upload.name)
        check_sums(asset.raw, sha256)
        return asset

    @asynccontextmanager
    async def _continued(self, upload: Upload) -> AsyncIterator[StagedObject]:
        """The object under way. It goes when its content is refused."""
        try:
            async with self._objects.continue_upload(_ZONE, upload.handle) as staged:
                yield staged
        except (InvalidArgument, content.ContentTooLarge) as refusal:
            if not isinstance(refusal, UploadSequence):  # a stream that ended early may be continued
                await self._discard(upload)
            raise

    async def _fill(self, staged: StagedObject, stream: PartStream, inspection: content.Inspection) -> Content:
        size = staged.received_bytes
        in_one_stream = size == 0
        async for data in stream.buffers():
            size += len(data)
            content.check_size(size, self._limit)
            if in_one_stream:
                await in_thread_if_long(inspection.update, data)
            await staged.write(data)
        if not in_one_stream:
            await _read_back(staged, inspection, _untold)
        return await self._ingest.describe(inspection)

    async def _committed(self, upload: Upload, sha256: str, otherwise: LabelmillError) -> Draft:
        """What a crash left between the object's commit and its record, read once more; else the upload is over."""
        key = ObjectKey(_ZONE, upload.project, sha256)
        size = upload.announced.size_bytes
        if sha256 and size and await self._objects.exists(key):
            removals = await self._records.about_to_write([key])
            inspection = content.Inspection(upload.announced.media_type, self._limit)
            for offset in range(0, size, content.BLOCK_BYTES):
                await in_thread_if_long(inspection.update, await self._objects.read(key, offset, content.BLOCK_BYTES))
            described = await self._ingest.describe(inspection)
            if described.sha256 == sha256:
                return _draft(self._ids, upload, replace(described, last_removal=removals[key]))
        await self._uploads.forget(upload)
        raise otherwise

    async def _commit(self, staged: StagedObject, draft: Draft) -> Draft:
        key = key_of(_ZONE, draft.project, draft.raw)
        removals = await self._records.about_to_write([key])
        location = await staged.commit(key)
        return replace(draft, raw=replace(draft.raw, location=location, last_removal=removals[key]))

    async def _finish(self, upload: Upload, draft: Draft) -> Asset:
        try:
            recorded = await self._uploads.finish(upload, draft)
        except Aborted:  # the object was removed right after its commit
            await self._uploads.forget(upload)
            raise
        if isinstance(recorded, LabelmillError):
            raise recorded
        return recorded.asset

    async def _discard(self, upload: Upload) -> None:
        # The handle of a finished upload may be where the asset's object lies; another process may finish it just now.
        if not upload.asset_id:
            if not await self._uploads.condemn(upload):
                return
            await self._objects.drop_upload(_ZONE, upload.handle)
        await self._uploads.forget(upload)


def _draft(ids: AssetIds, upload: Upload, described: Content) -> Draft:
    said = upload.announced
    asset_id = ids.of(upload.project, described.sha256)
    return Draft(upload.project, asset_id, described, said.external_id, dict(said.labels), said.subject_hash)


def _require_known_size(header: Header) -> None:
    missing = {
        f"header.{name}": "is required for an upload by URL"
        for name, value in (("size_bytes", header.size_bytes), ("upload_id", header.upload_id))
        if not value
    }
    if missing:
        raise InvalidArgument("INVALID_REQUEST", "An upload by URL needs a size and an id.", fields=missing)


def _require_whole(upload: Upload, received_bytes: int) -> None:
    # Less than was announced: a PUT under way, or one that broke off with its server.
    if not upload.direct or received_bytes < max(1, upload.announced.size_bytes):
        raise UploadIncomplete(upload.name)


async def _read_back(staged: StagedObject, inspection: content.Inspection, progress: Progress) -> None:
    await staged.seal()
    done, total = 0, staged.received_bytes
    async for data in staged.read_back():
        await in_thread_if_long(inspection.update, data)
        done += len(data)
        await progress(done, total)


async def _untold(_done: int, _total: int) -> None:
    """Progress that nobody asked for."""
