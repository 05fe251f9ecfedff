"""The other Labelmill services, through the public client: storage for assets, annotation for projects."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from labelmill.annotation.v1 import service_pb2 as annotation_pb
from labelmill.errors import LabelmillError as ClientError
from labelmill.storage.v1 import resources_pb2 as storage
from labelmill.storage.v1 import service_pb2 as storage_pb
from labelmill_prelabel.ports import AssetContent, AssetPage
from labelmill_runtime.errors import FailedPrecondition, LabelmillError
from labelmill_runtime.peer_errors import from_item_status, from_peer

if TYPE_CHECKING:
    from labelmill.aio import Client

_MAX_ITEMS = 500
_PROJECT_TTL_S = 60.0
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
        async with _peer_errors():
            page = await self._peers().storage.list_assets.page(request)
        return AssetPage([_content(asset) for asset in page.assets], page.next_page_token, page.total_size)

    async def describe(self, project: str, assets: Sequence[str]) -> list[AssetContent]:
        """See the port."""
        request = storage_pb.BatchGetAssetsRequest(parent=f"projects/{project}", names=assets)
        async with _peer_errors():
            response = await self._peers().storage.batch_get_assets(request)
        contents = []
        for name, result in zip(assets, response.results, strict=True):
            error = from_item_status(result.status)
            if error is not None:
                raise error
            if result.asset.zone != storage.ZONE_CLEAN:
                raise AssetNotClean(name)
            contents.append(_content(result.asset))
        return contents

    async def read(self, project: str, assets: Sequence[str]) -> AsyncIterator[tuple[str, str, bytes | LabelmillError]]:
        """See the port. What did not fit into one answer is asked for again."""
        left = list(assets)
        while left:
            request = storage_pb.BatchReadAssetsRequest(
                parent=f"projects/{project}", names=left[:_MAX_ITEMS], zone=storage.ZONE_CLEAN
            )
            async with _peer_errors():
                response = await self._peers().storage.batch_read_assets(request)
            # If nothing fits, nothing ever will: those have failed.
            fitted = [r for r in response.results if r.status.code != _RESOURCE_EXHAUSTED] or response.results
            for result in fitted:
                yield result.name, result.description.sha256, from_item_status(result.status) or result.content
            read = {result.name for result in fitted}
            left = [name for name in left if name not in read]


class LabelmillProjects:
    """Projects in the annotation service; found ones are believed for a minute."""

    def __init__(self, peers: Callable[[], Client], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._peers = peers
        self._clock = clock
        self._good_until: dict[str, float] = {}

    async def require(self, project: str) -> None:
        """See `ports.Projects`."""
        if self._good_until.get(project, 0.0) > self._clock():
            return
        async with _peer_errors():
            await self._peers().projects.get_project(annotation_pb.GetProjectRequest(name=f"projects/{project}"))
        self._good_until[project] = self._clock() + _PROJECT_TTL_S


def _content(asset: storage.Asset) -> AssetContent:
    return AssetContent(asset.name, asset.clean.sha256, asset.clean.media_type)


@asynccontextmanager
async def _peer_errors() -> AsyncIterator[None]:
    try:
        yield
    except ClientError as error:
        raise from_peer(error) from None
