"""Another Labelmill service, through the public client: storage, for assets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from labelmill.storage.v1 import resources_pb2 as storage
from labelmill.storage.v1 import service_pb2 as storage_pb
from labelmill_anonymization.convert import receipt_to_proto
from labelmill_anonymization.ports import Admission, AssetPage, RawAsset
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.peer_errors import from_item_status, translated

if TYPE_CHECKING:
    from labelmill.aio import Client

_MAX_MESSAGE_BYTES = 3 * 1024 * 1024
_MAX_ITEMS = 500
_RECEIPT_BYTES = 2048
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
        async with translated():
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
            async with translated():
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
            async with translated():
                response = await self._peers().storage.batch_admit_assets(request)
            outcomes += [from_item_status(result.status) for result in response.results]
        return outcomes


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
