"""What storage, annotation and this service's receipts know of assets; see `statistics.ports.ProjectFacts`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from labelmill.annotation.v1 import service_pb2 as annotation_pb
from labelmill.storage.v1 import resources_pb2 as storage
from labelmill.storage.v1 import service_pb2 as storage_pb
from labelmill.type.v1 import annotation_pb2
from labelmill_anonymization.adapters.sql import SqlRecords
from labelmill_anonymization.contents.content import RawContent
from labelmill_anonymization.ports import AssetZones
from labelmill_anonymization.receipt import Receipt
from labelmill_anonymization.statistics.statistic import AssetData, LabelData, Property
from labelmill_runtime.peer_errors import translated

if TYPE_CHECKING:
    from labelmill.aio import Client

_PAGE = 1000


class LabelmillFacts:
    """See the port."""

    def __init__(self, peers: Callable[[], Client], assets: AssetZones, records: SqlRecords) -> None:
        self._peers = peers
        self._assets = assets
        self._records = records

    async def asset_values(self, project: str, data: AssetData) -> Sequence[frozenset[str]]:
        """See the port."""
        request = storage_pb.ListAssetsRequest(parent=f"projects/{project}", filter=data.filter, page_size=_PAGE)
        async with translated():
            return [_value(asset, data) async for asset in self._peers().storage.list_assets(request)]

    async def entity_types(self, project: str, policy: str) -> Sequence[frozenset[str]]:
        """See the port."""
        newest: dict[str, Receipt] = {}
        filter_text = f'policy = "{policy}"' if policy else ""
        after: tuple[int, str] | None = None
        while page := await self._records.list_receipts(project, filter_text, after, _PAGE):
            newest.update((receipt.asset, receipt) for receipt in page)  # in the order of their making
            after = page[-1].create_time_ms, page[-1].name.rpartition("/")[2]
        return [frozenset(name for name, _ in receipt.entity_counts) for receipt in newest.values()]

    async def given_classes(self, project: str, data: LabelData) -> Sequence[frozenset[str]]:
        """See the port."""
        condition = f"feature = {data.feature}" + (f" AND ({data.filter})" if data.filter else "")
        request = annotation_pb.ListAnnotationsRequest(parent=f"projects/{project}", filter=condition, page_size=_PAGE)
        classes: dict[str, set[str]] = {}
        async with translated():
            async for annotation in self._peers().annotations.list_annotations(request):
                classes.setdefault(annotation.asset, set()).update(_classes(annotation))
        return [frozenset(given) for given in classes.values()]

    async def table(self, asset: str) -> RawContent:
        """See the port."""
        async with translated():
            found = await self._peers().storage.get_asset(storage_pb.GetAssetRequest(name=asset))
        return RawContent(await self._assets.read_large(asset), found.raw.media_type)


def _classes(annotation: annotation_pb2.Annotation) -> Sequence[str]:
    """The class of a shape, or the classes of an answer; none for texts and numbers."""
    answer = annotation.classification
    match answer.WhichOneof("answer"):
        case "single":
            return [answer.single]
        case "ordinal":
            return [answer.ordinal]
        case "multiple":
            return answer.multiple.class_names
    return [annotation.class_name] if annotation.class_name else []


def _value(asset: storage.Asset, data: AssetData) -> frozenset[str]:
    match data.property:
        case Property.MEDIA_TYPE:
            value = asset.raw.media_type
        case Property.LANGUAGE:
            value = asset.raw.language
        case Property.LABEL:
            value = asset.labels.get(data.label_key, "")
    return frozenset({value} if value else ())
