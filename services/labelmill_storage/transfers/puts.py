"""Uploads by URL: the content goes straight into the store; here it is checked and recorded.

What the store itself has compared with the announced SHA-256 need not be read back, unless it may be text, whose every
byte tells something. Everything else is read back and hashed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from labelmill_runtime.errors import InvalidArgument, LabelmillError
from labelmill_storage.assets import Asset, Content, Draft
from labelmill_storage.contents import content
from labelmill_storage.contents.samples import END_BYTES, Sample, tail_bytes
from labelmill_storage.ports import ObjectMissing, ObjectStore, ProjectDirectory, SignedUrl, StagedObject
from labelmill_storage.transfers.ingest import Header, Ingest, check_sums
from labelmill_storage.transfers.resumable import Upload, UploadFinished, UploadIncomplete, UploadNotFound
from labelmill_storage.transfers.under_way import ZONE, Progress, UnderWay, read_back
from labelmill_storage.transfers.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Checked:
    """What was put, is what was announced and is in its place: all that is missing is the record."""

    upload: Upload
    draft: Draft


class Puts:
    """Takes contents in RAW that are put by URL."""

    def __init__(
        self, under_way: UnderWay, uploads: Uploads, ingest: Ingest, objects: ObjectStore, projects: ProjectDirectory
    ) -> None:
        self._under_way = under_way
        self._uploads = uploads
        self._ingest = ingest
        self._objects = objects
        self._projects = projects

    async def url(self, header: Header, expires_in_s: int) -> SignedUrl | Asset:
        """A URL to put a content by, or the asset that has it already.

        Again for the same header, it is another URL for the same upload.
        """
        _require_known_size(header)
        self._ingest.check(header)
        content.media_type_of(header.media_type)
        await self._projects.require(header.project)
        with self._under_way.turns.taken(header.project, header.upload_id):
            begun, known = await asyncio.gather(self._under_way.begun(header, direct=True), self._ingest.known(header))
            if begun is not None and begun.asset_id:
                raise UploadFinished(begun.name)
            if known is not None:
                if begun is not None:
                    await self._under_way.become(begun, known)
                return known
            upload = begun or await self._under_way.begin(header, direct=True)
            try:
                signed = await self._objects.upload_url(ZONE, upload.handle, expires_in_s, header.sha256)
            except LabelmillError:
                if begun is None:
                    await self._under_way.discard(upload)
                raise
            if begun is not None:
                await self._under_way.extend(upload)
            return signed

    @asynccontextmanager
    async def checking(self, project: str, upload_id: str, sha256: str) -> AsyncIterator[Checked | None]:
        """Holds the upload while the caller records it, where the store has checked it; None: `finish` must.

        Whatever is wrong or only out of the ordinary is left to `finish`, which says so.
        """
        if self._under_way.turns.of(project, upload_id) is not None:
            yield None
            return
        with self._under_way.turns.taken(project, upload_id):
            checked = None
            with suppress(LabelmillError):
                upload = await self._under_way.required(project, upload_id)
                if upload.direct and not upload.asset_id and sha256 == upload.announced.sha256:
                    checked = await self._checked(upload)
            if checked is not None:
                async with self._under_way.forgotten_if_removed(checked.upload):
                    yield checked
                return
        yield None

    async def require_put(self, project: str, upload_id: str) -> Upload:
        """The upload, to which something was put by its URL, or which is finished."""
        upload = await self._under_way.required(project, upload_id)
        try:
            received_bytes = (await self._uploads.standing(project, upload_id)).received_bytes
        except UploadNotFound:
            return upload  # the object is not under way any more: `finish` will see why
        if not upload.asset_id:
            _require_whole(upload, received_bytes)
        return upload

    async def finish(self, project: str, upload_id: str, sha256: str, progress: Progress) -> Asset:
        """Reads back what was put by URL, checks it and records the asset; may be called again after a crash."""
        while turn := self._under_way.turns.of(project, upload_id):
            await turn.over.wait()  # the check that goes on there is the answer here too
        with self._under_way.turns.taken(project, upload_id):
            upload = await self._under_way.required(project, upload_id)
            if upload.asset_id:
                return await self._under_way.asset(upload, sha256)
            await self._under_way.extend(upload)
            said = upload.announced
            try:
                async with self._under_way.continued(upload) as staged:
                    _require_whole(upload, staged.received_bytes)
                    content.check_size(staged.received_bytes, self._under_way.limit_bytes)
                    inspection = content.Inspection(said.media_type, self._under_way.limit_bytes)
                    await read_back(staged, inspection, progress)
                    described = await self._ingest.describe(inspection)
                    check_sums(described, sha256, said.sha256)
                    draft = await self._under_way.commit(staged, upload, described)
            except ObjectMissing:
                draft = await self._under_way.committed(upload, sha256, UploadNotFound(upload.name))
            return await self._under_way.record(upload, draft)

    async def _checked(self, upload: Upload) -> Checked | None:
        said = upload.announced
        async with self._objects.continue_upload(ZONE, upload.handle) as staged:
            if staged.put_sha256 != said.sha256 or staged.received_bytes != said.size_bytes:
                return None
            described = await self._described_by_ends(staged, upload)
            if described is None:
                return None
            return Checked(upload, await self._under_way.commit(staged, upload, described))

    async def _described_by_ends(self, staged: StagedObject, upload: Upload) -> Content | None:
        size = staged.received_bytes
        short = min(END_BYTES, size)
        usual = min(END_BYTES, size - short)
        head, tail = await asyncio.gather(staged.read(0, short), staged.read(size - usual, usual))
        length = tail_bytes(head, size)
        if length != usual:  # an archive, of whose end more is needed
            tail = await staged.read(size - length, length)
        if (len(head), len(tail)) != (short, length):
            return None
        sample = Sample(head, tail, size)
        inspection = content.Inspection.of_ends(upload.announced.media_type, sample, staged.put_sha256)
        return None if inspection is None else await self._ingest.describe(inspection)


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
