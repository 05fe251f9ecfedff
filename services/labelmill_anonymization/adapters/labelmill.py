"""Another Labelmill service, through the public client: storage, for assets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from labelmill.storage.v1 import resources_pb2 as storage
from labelmill.storage.v1 import service_pb2 as storage_pb
from labelmill_anonymization.convert.receipts import receipt_to_proto
from labelmill_anonymization.ports import Admission, AssetPage, RawAsset
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.peer_errors import from_item_status, translated

if TYPE_CHECKING:
    from labelmill.aio import Client

_MAX_MESSAGE_BYTES = 3 * 1024 * 1024
_MAX_ITEMS = 500
_RECEIPT_BYTES = 2048
_BATCHED_BYTES = 1024 * 1024
_CHUNK_BYTES = 256 * 1024
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
        assets = (RawAsset(a.name, a.raw.media_type, a.raw.size_bytes, a.receipt, dict(a.labels)) for a in page.assets)
        return AssetPage(tuple(assets), page.next_page_token, page.total_size)

    async def read_raw(self, project: str, names: Sequence[str]) -> Mapping[str, bytes | LabelmillError]:
        """See the port."""
        return await self._read(project, names, storage.ZONE_RAW)

    async def read_clean(self, project: str, names: Sequence[str]) -> Mapping[str, bytes | LabelmillError]:
        """See the port."""
        return await self._read(project, names, storage.ZONE_CLEAN)

    async def _read(
        self, project: str, names: Sequence[str], zone: storage.Zone.ValueType
    ) -> dict[str, bytes | LabelmillError]:
        """What did not fit into one answer is asked for again."""
        contents: dict[str, bytes | LabelmillError] = {}
        left = list(names)
        while left:
            request = storage_pb.BatchReadAssetsRequest(
                parent=f"projects/{project}", names=left[:_MAX_ITEMS], zone=zone
            )
            async with translated():
                response = await self._peers().storage.batch_read_assets(request)
            fitted = [r for r in response.results if r.status.code != _RESOURCE_EXHAUSTED] or response.results
            contents |= {r.name: from_item_status(r.status) or r.content for r in fitted}
            left = [name for name in left if name not in contents]
        return contents

    async def read_large(self, name: str) -> bytes:
        """See the port."""
        async with translated():
            return await self._peers().storage.download(name, zone=storage.ZONE_RAW)

    async def admit(self, project: str, admissions: Sequence[Admission]) -> Sequence[LabelmillError | None]:
        """See the port. Large contents go one by one, each in a stream."""
        small = [admission for admission in admissions if len(admission.content) <= _BATCHED_BYTES]
        outcomes = dict(zip(map(id, small), await self._admit_small(project, small), strict=True))
        for admission in admissions:
            if id(admission) not in outcomes:
                outcomes[id(admission)] = await self._admit_large(project, admission)
        return [outcomes[id(admission)] for admission in admissions]

    async def _admit_large(self, project: str, admission: Admission) -> LabelmillError | None:
        async def messages() -> AsyncIterator[storage_pb.AdmitAssetRequest]:
            receipt = receipt_to_proto(admission.receipt)
            yield storage_pb.AdmitAssetRequest(
                header=storage_pb.AdmitAssetRequest.Header(parent=f"projects/{project}", receipt=receipt)
            )
            for start in range(0, len(admission.content), _CHUNK_BYTES):
                yield storage_pb.AdmitAssetRequest(chunk=admission.content[start : start + _CHUNK_BYTES])
            yield storage_pb.AdmitAssetRequest(sha256=admission.receipt.clean_sha256)

        try:
            async with translated():
                await self._peers().storage.admit_asset(messages())
        except LabelmillError as error:
            return error
        return None

    async def _admit_small(self, project: str, admissions: Sequence[Admission]) -> list[LabelmillError | None]:
        outcomes: list[LabelmillError | None] = []
        for chunk in _batches(admissions):
            items = [
                storage_pb.BatchAdmitAssetsRequest.Item(content=a.content, receipt=receipt_to_proto(a.receipt))
                for a in chunk
            ]
            request = storage_pb.BatchAdmitAssetsRequest(parent=f"projects/{project}", items=items)
            async with translated():
                response = await self._peers().storage.batch_admit_assets(request)
            outcomes += [from_item_status(result.status) for result in response.results]
        return outcomes


def _batches(admissions: Sequence[Admission]) -> Iterator[list[Admission]]:
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
