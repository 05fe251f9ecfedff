"""Another Labelmill service, through the public client: storage, for assets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from labelmill.storage.v1 import resources_pb2 as storage
from labelmill.storage.v1 import service_pb2 as storage_pb
from labelmill_prelabel.ports import AssetContent, AssetPage
from labelmill_runtime.erased_names import now_ms
from labelmill_runtime.errors import FailedPrecondition, LabelmillError
from labelmill_runtime.peer_errors import from_item_status, translated

if TYPE_CHECKING:
    from labelmill.aio import Client

_MAX_ITEMS = 500
_RESOURCE_EXHAUSTED = 8


class AssetNotClean(FailedPrecondition):
    """The asset has no CLEAN content."""

    def __init__(self, asset: str) -> None:
        super().__init__("NOT_CLEAN", "The asset was not admitted into CLEAN.", resource=("Asset", asset))


class LabelmillAssets:
    """CLEAN assets in the storage service; see `ports.Assets`."""

    def __init__(self, peers: Callable[[], Client]) -> None:
        self._peers = peers

    async def page(self, project: str, filter_text: str, page_token: str, size: int) -> AssetPage:
        """See the port."""
        condition = f"zone = CLEAN AND ({filter_text})" if filter_text.strip() else "zone = CLEAN"
        request = storage_pb.ListAssetsRequest(
            parent=f"projects/{project}", filter=condition, page_token=page_token, page_size=size
        )
        seen_ms = now_ms()
        async with translated():
            page = await self._peers().storage.list_assets.page(request)
        return AssetPage([_content(asset, seen_ms) for asset in page.assets], page.next_page_token, page.total_size)

    async def describe(self, project: str, assets: Sequence[str]) -> list[AssetContent]:
        """See the port."""
        request, seen_ms = storage_pb.BatchGetAssetsRequest(parent=f"projects/{project}", names=assets), now_ms()
        async with translated():
            response = await self._peers().storage.batch_get_assets(request)
        contents = []
        for name, result in zip(assets, response.results, strict=True):
            error = from_item_status(result.status)
            if error is not None:
                raise error
            if result.asset.zone != storage.ZONE_CLEAN:
                raise AssetNotClean(name)
            contents.append(_content(result.asset, seen_ms))
        return contents

    async def read(self, project: str, assets: Sequence[str]) -> AsyncIterator[tuple[str, str, bytes | LabelmillError]]:
        """See the port. What did not fit into one answer is asked for again."""
        left = list(assets)
        while left:
            request = storage_pb.BatchReadAssetsRequest(
                parent=f"projects/{project}", names=left[:_MAX_ITEMS], zone=storage.ZONE_CLEAN
            )
            async with translated():
                response = await self._peers().storage.batch_read_assets(request)
            # If nothing fits, nothing ever will: those have failed.
            fitted = [r for r in response.results if r.status.code != _RESOURCE_EXHAUSTED] or response.results
            for result in fitted:
                yield result.name, result.description.sha256, from_item_status(result.status) or result.content
            read = {result.name for result in fitted}
            left = [name for name in left if name not in read]


def _content(asset: storage.Asset, seen_ms: int) -> AssetContent:
    return AssetContent(asset.name, asset.clean.sha256, asset.clean.media_type, seen_ms)
