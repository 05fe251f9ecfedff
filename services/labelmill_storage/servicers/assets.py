"""StorageService over gRPC: proto in, domain call, proto out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.storage.v1 import resources_pb2, service_pb2
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.paging import PageTokens, page_size
from labelmill_runtime.principal import current_principal
from labelmill_storage.assets import Content, Zone, parse_asset, parse_assets
from labelmill_storage.convert import assets as convert
from labelmill_storage.convert import uploads as convert_uploads
from labelmill_storage.gate.raw_reads import RawReads
from labelmill_storage.gate.zones import Roles, view
from labelmill_storage.ports import AssetRecords, EgressMeter, ProjectDirectory, key_of
from labelmill_storage.servicers.exceptions import ExceptionRpcs
from labelmill_storage.servicers.uploads import DOWNLOAD_URL_S, UploadRpcs
from labelmill_storage.transfers.blocks import Blocks
from labelmill_storage.transfers.reading import Reader, Reading, TooLarge, check_range


@dataclass(frozen=True)
class StorageServicer(UploadRpcs, ExceptionRpcs):
    """Serves assets."""

    reader: Reader
    blocks: Blocks
    egress: EgressMeter
    raw_reads: RawReads
    records: AssetRecords
    projects: ProjectDirectory
    page_tokens: PageTokens

    async def BatchCreateAssets(  # noqa: N802 - the name of the RPC
        self, request: service_pb2.BatchCreateAssetsRequest, context: Any
    ) -> service_pb2.BatchCreateAssetsResponse:
        """Takes many small contents."""
        project = convert.project(request.parent)
        prepared = await self.ingest.prepare(project, convert.ingest_items(request.items))

        async def respond(session: AsyncSession) -> service_pb2.BatchCreateAssetsResponse:
            outcomes = await self.ingest.record(self.records.writer(session), prepared)
            results = [convert.recorded(outcome, _roles(project)) for outcome in outcomes]
            return service_pb2.BatchCreateAssetsResponse(results=results)

        return await self.request_log.once(request, respond, service_pb2.BatchCreateAssetsResponse)

    async def DownloadAsset(  # noqa: N802
        self, request: service_pb2.DownloadAssetRequest, context: Any
    ) -> AsyncIterator[service_pb2.DownloadAssetResponse]:
        """Gives one content."""
        project, asset_id = parse_asset(request.name)
        zone = convert.zone(request.zone)
        content = await self.reader.open(project, asset_id, zone, _roles(project))
        check_range(content, request.offset_bytes)
        await self.egress.check(project, _roles(project))
        await self.raw_reads.one(project, asset_id, zone, content, _roles(project))
        content = await self.blocks.known(project, asset_id, zone, content)
        yield service_pb2.DownloadAssetResponse(content=convert.content(content))
        key = key_of(zone, project, content)
        async for chunk in self.reader.chunks(key, content, request.offset_bytes, request.length_bytes):
            self.egress.count(project, len(chunk))
            yield service_pb2.DownloadAssetResponse(chunk=chunk)

    async def BatchReadAssets(  # noqa: N802
        self, request: service_pb2.BatchReadAssetsRequest, context: Any
    ) -> service_pb2.BatchReadAssetsResponse:
        """Gives many small contents."""
        project = convert.project(request.parent)
        ids = parse_assets(project, request.names)
        await self.projects.require(project)
        zone, roles = convert.zone(request.zone), _roles(project)
        await self.egress.check(project, roles)
        outcomes = await self.reader.batch(project, ids, zone, roles)
        self.egress.count(project, sum(len(o.content) for o in outcomes if isinstance(o, Reading)))
        await self.raw_reads.many(project, zone, outcomes, roles)
        results = [convert.reading(name, outcome) for name, outcome in zip(request.names, outcomes, strict=True)]
        if request.urls_for_large:
            for asset_id, outcome, result in zip(ids, outcomes, results, strict=True):
                if isinstance(outcome, TooLarge):
                    await self._give_url(result, project, asset_id, zone, outcome.content)
        return service_pb2.BatchReadAssetsResponse(results=results)

    async def _give_url(
        self,
        result: service_pb2.BatchReadAssetsResponse.Result,
        project: str,
        asset_id: str,
        zone: Zone,
        content: Content,
    ) -> None:
        """A URL in place of the status; where none can be made, the status stays."""
        try:
            link = await self.links.of(content, project, asset_id, zone, DOWNLOAD_URL_S)
        except LabelmillError:
            return
        result.status.Clear()
        result.url.CopyFrom(convert_uploads.download_url(link))

    async def GetAsset(self, request: service_pb2.GetAssetRequest, context: Any) -> resources_pb2.Asset:  # noqa: N802
        """Describes one asset."""
        project, asset_id = parse_asset(request.name)
        asset = await self.records.get(project, asset_id)
        return convert.asset(view(asset, request.name, _roles(project)))

    async def ListAssets(  # noqa: N802
        self, request: service_pb2.ListAssetsRequest, context: Any
    ) -> service_pb2.ListAssetsResponse:
        """Lists assets in the order of their creation."""
        project, bound = convert.project(request.parent), {"parent": request.parent, "filter": request.filter}
        cursor = self.page_tokens.decode(request.page_token, **bound)
        await self.projects.require(project)
        size = page_size(request.page_size)
        page = await self.records.page(project, request.filter, int(cursor[0] or 0) if cursor else 0, size)
        roles = _roles(project)
        return service_pb2.ListAssetsResponse(
            assets=[convert.asset(view(asset, asset.name, roles)) for asset in page.assets],
            next_page_token="" if page.next_cursor is None else self.page_tokens.encode([page.next_cursor], **bound),
            total_size=page.total_size,
        )

    async def BatchGetAssets(  # noqa: N802
        self, request: service_pb2.BatchGetAssetsRequest, context: Any
    ) -> service_pb2.BatchGetAssetsResponse:
        """Describes many assets."""
        project = convert.project(request.parent)
        ids = parse_assets(project, request.names)
        await self.projects.require(project)
        assets = await self.records.get_many(project, ids)
        roles = _roles(project)
        results = [convert.found(assets.get(asset_id), project, asset_id, roles) for asset_id in ids]
        return service_pb2.BatchGetAssetsResponse(results=results)

    async def BatchAdmitAssets(  # noqa: N802
        self, request: service_pb2.BatchAdmitAssetsRequest, context: Any
    ) -> service_pb2.BatchAdmitAssetsResponse:
        """Admits clean contents by their receipts."""
        project = convert.project(request.parent)
        prepared = await self.desk.prepare(project, convert.admission_items(request.items))

        async def respond(session: AsyncSession) -> service_pb2.BatchAdmitAssetsResponse:
            outcomes = await self.desk.record(self.records.writer(session), project, prepared)
            results = [convert.recorded(outcome, _roles(project)) for outcome in outcomes]
            return service_pb2.BatchAdmitAssetsResponse(results=results)

        return await self.request_log.once(request, respond, service_pb2.BatchAdmitAssetsResponse)


def _roles(project: str) -> Roles:
    return current_principal().roles(project)
