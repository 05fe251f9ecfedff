"""The other Labelmill services, through the public client: storage for assets, annotation for projects."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from labelmill.annotation.v1 import service_pb2 as annotation_pb
from labelmill.errors import LabelmillError as ClientError
from labelmill.storage.v1 import resources_pb2 as storage
from labelmill.storage.v1 import service_pb2 as storage_pb
from labelmill_anonymization.convert import receipt_to_proto
from labelmill_anonymization.ports import Admission, AssetPage, RawAsset
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.peer_errors import from_item_status, from_peer

if TYPE_CHECKING:
    from labelmill.aio import Client

_MAX_MESSAGE_BYTES = 3 * 1024 * 1024
_MAX_ITEMS = 500
_RECEIPT_BYTES = 2048
_PROJECT_TTL_S = 60.0
_RESOURCE_EXHAUSTED = 8


class LabelmillAssets:
    """Assets in the storage service; see `ports.AssetZones`."""

    def __init__(self, peers: Callable[[], Client]) -> None:
        self._peers = peers

    async def page(self, project: str, filter_text: str, token: str, size: int) -> AssetPage:
        """See the port."""
        request = storage_pb.ListAssetsRequest(
            parent=f"projects/{project}", filter=filter_text, page_token=token, page_size=size
        )
        async with _peer_errors():
            page = await self._peers().storage.list_assets.page(request)
        assets = (RawAsset(a.name, a.raw.media_type, a.raw.size_bytes, a.receipt) for a in page.assets)
        return AssetPage(tuple(assets), page.next_page_token, page.total_size)

    async def read_raw(self, project: str, names: Sequence[str]) -> Mapping[str, bytes | LabelmillError]:
        """See the port. What did not fit into one answer is asked for again."""
        contents: dict[str, bytes | LabelmillError] = {}
        left = list(names)
        while left:
            request = storage_pb.BatchReadAssetsRequest(
                parent=f"projects/{project}", names=left[:_MAX_ITEMS], zone=storage.ZONE_RAW
            )
            async with _peer_errors():
                response = await self._peers().storage.batch_read_assets(request)
            fitted = [r for r in response.results if r.status.code != _RESOURCE_EXHAUSTED] or response.results
            contents |= {r.name: from_item_status(r.status) or r.content for r in fitted}
            left = [name for name in left if name not in contents]
        return contents

    async def admit(self, project: str, admissions: Sequence[Admission]) -> Sequence[LabelmillError | None]:
        """See the port."""
        outcomes: list[LabelmillError | None] = []
        for chunk in _chunks(admissions):
            items = [
                storage_pb.BatchAdmitAssetsRequest.Item(content=a.content, receipt=receipt_to_proto(a.receipt))
                for a in chunk
            ]
            request = storage_pb.BatchAdmitAssetsRequest(parent=f"projects/{project}", items=items)
            async with _peer_errors():
                response = await self._peers().storage.batch_admit_assets(request)
            outcomes += [from_item_status(result.status) for result in response.results]
        return outcomes


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


@asynccontextmanager
async def _peer_errors() -> AsyncIterator[None]:
    try:
        yield
    except ClientError as error:
        raise from_peer(error) from None


def _chunks(admissions: Sequence[Admission]) -> Iterator[list[Admission]]:
    chunk: list[Admission] = []
    size = 0
    for admission in admissions:
        item_size = len(admission.content) + _RECEIPT_BYTES
        if chunk and (size + item_size > _MAX_MESSAGE_BYTES or len(chunk) >= _MAX_ITEMS):
            yield chunk
            chunk, size = [], 0
        chunk.append(admission)
        size += item_size
    if chunk:
        yield chunk
