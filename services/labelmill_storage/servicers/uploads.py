"""The part of StorageService that moves large contents: uploads that are continued, URLs, streamed admissions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from google.longrunning import operations_pb2
from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.storage.v1 import resources_pb2, service_pb2, service_pb2_grpc
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationContext, OperationStore
from labelmill_runtime.principal import current_principal
from labelmill_storage.assets import Asset, parse_asset
from labelmill_storage.convert import assets as convert_assets
from labelmill_storage.convert import uploads as convert
from labelmill_storage.gate.admission import AdmissionDesk
from labelmill_storage.gate.zones import view
from labelmill_storage.ports import UploadRecords
from labelmill_storage.transfers.ingest import Ingest, first_header
from labelmill_storage.transfers.links import Links
from labelmill_storage.transfers.puts import Checked, Puts
from labelmill_storage.transfers.uploads import Uploads

FINISH = "finish_upload"
_UPLOAD_URL_S = 15 * 60
DOWNLOAD_URL_S = 5 * 60
_REPORT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class UploadRpcs(service_pb2_grpc.StorageServiceServicer):
    """Serves uploads and URLs."""

    ingest: Ingest
    uploads: Uploads
    puts: Puts
    upload_records: UploadRecords
    links: Links
    desk: AdmissionDesk
    request_log: RequestLog
    operations: OperationStore

    async def UploadAsset(  # noqa: N802 - the name of the RPC
        self, request_iterator: AsyncIterator[service_pb2.UploadAssetRequest], context: Any
    ) -> resources_pb2.Asset:
        """Takes one streamed upload, or one more piece of it."""
        parts = convert.upload_parts(request_iterator)
        header = await first_header(parts)
        receive = self.uploads.receive if header.upload_id else self.ingest.upload_rest
        return _seen(await receive(header, parts))

    async def GetUpload(  # noqa: N802
        self, request: service_pb2.GetUploadRequest, context: Any
    ) -> resources_pb2.Upload:
        """Says how far an upload is."""
        return convert.standing(await self.uploads.standing(*convert.parse_upload(request.name)))

    async def DeleteUpload(self, request: service_pb2.DeleteUploadRequest, context: Any) -> Empty:  # noqa: N802
        """Throws an upload away."""
        answered = await self.request_log.answered(request, Empty)
        if answered is not None:
            return answered
        async with self.uploads.deleting(*convert.parse_upload(request.name)) as upload:

            async def respond(session: AsyncSession) -> Empty:
                await self.upload_records.forget(upload, session)
                return Empty()

            return await self.request_log.once(request, respond, Empty)

    async def CreateUploadUrl(  # noqa: N802
        self, request: service_pb2.CreateUploadUrlRequest, context: Any
    ) -> service_pb2.ObjectUrl:
        """Makes a URL to put a content by."""
        answered = await self.request_log.answered(request, service_pb2.ObjectUrl)
        if answered is not None:
            return answered
        header = convert.header(request.header)
        made = await self.puts.url(header, convert.seconds(request.expire_after, _UPLOAD_URL_S))

        async def respond(session: AsyncSession) -> service_pb2.ObjectUrl:
            if isinstance(made, Asset):
                return service_pb2.ObjectUrl(asset=_seen(made))
            return convert.upload_url(made, header)

        return await self.request_log.once(request, respond, service_pb2.ObjectUrl)

    async def FinishUpload(  # noqa: N802
        self, request: service_pb2.FinishUploadRequest, context: Any
    ) -> operations_pb2.Operation:
        """Begins to check what was put by URL."""
        name = convert.parse_upload(request.name)
        async with self.puts.checking(*name, request.sha256) as checked:
            if checked is not None:
                return await self._finish(request, checked)
        answered = await self.request_log.answered(request, operations_pb2.Operation)
        if answered is not None:
            return answered
        upload = await self.puts.require_put(*name)

        async def respond(session: AsyncSession) -> operations_pb2.Operation:
            metadata = convert.finishing(0, upload.announced.size_bytes)
            return await self.operations.start(
                session, kind=FINISH, project=upload.project, request=request, metadata=metadata
            )

        return await self.request_log.once(request, respond, operations_pb2.Operation)

    async def _finish(self, request: service_pb2.FinishUploadRequest, checked: Checked) -> operations_pb2.Operation:
        """Records what the store has checked."""
        upload = checked.upload

        async def respond(session: AsyncSession) -> operations_pb2.Operation:
            outcome = await self.upload_records.finish(upload, checked.draft, session)
            result = outcome if isinstance(outcome, LabelmillError) else _seen(outcome.asset)
            size = upload.announced.size_bytes
            return await self.operations.record(
                session, kind=FINISH, project=upload.project, metadata=convert.finishing(size, size), result=result
            )

        return await self.request_log.once(request, respond, operations_pb2.Operation)

    async def CreateDownloadUrl(  # noqa: N802
        self, request: service_pb2.CreateDownloadUrlRequest, context: Any
    ) -> service_pb2.ObjectUrl:
        """Makes a URL to get a content by."""
        project, asset_id = parse_asset(request.name)
        zone, lifetime_s = convert_assets.zone(request.zone), convert.seconds(request.expire_after, DOWNLOAD_URL_S)
        roles = current_principal().roles(project)
        return convert.download_url(await self.links.make(project, asset_id, zone, roles, lifetime_s))

    async def AdmitAsset(  # noqa: N802
        self, request_iterator: AsyncIterator[service_pb2.AdmitAssetRequest], context: Any
    ) -> resources_pb2.Asset:
        """Admits one clean content of any size."""
        return _seen(await self.desk.admit(convert.admission_parts(request_iterator)))


@dataclass(frozen=True)
class FinishUpload:
    """Runs the operation FinishUpload."""

    puts: Puts

    async def run(self, context: OperationContext, request: service_pb2.FinishUploadRequest) -> resources_pb2.Asset:
        """Runs, from the start after a crash: hashing goes over the whole content or says nothing."""
        metadata = service_pb2.FinishUploadMetadata.FromString(context.metadata.SerializeToString())
        told = 0

        async def progress(done: int, total: int) -> None:
            nonlocal told
            context.raise_if_stopped()
            if done - told < _REPORT_BYTES and done < total:
                return
            told = done
            it = metadata.progress
            it.done_count, it.total_count, it.stage = done, total, "checking"
            it.update_time.GetCurrentTime()
            await context.progress(metadata)

        return _seen(await self.puts.finish(*convert.parse_upload(request.name), request.sha256, progress))


def _seen(asset: Asset) -> resources_pb2.Asset:
    return convert_assets.asset(view(asset, asset.name, current_principal().roles(asset.project)))
