"""The other Labelmill services: storage, which knows the assets, and prelabel, which knows what models say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from labelmill import errors as sdk
from labelmill.aio import Client
from labelmill.prelabel.v1 import service_pb2 as prelabel_pb2
from labelmill.storage.v1 import resources_pb2 as storage_resources_pb2
from labelmill.storage.v1 import service_pb2 as storage_pb2
from labelmill_annotation.errors import AssetNotClean, AssetNotFound, StorageRefused, StorageUnavailable
from labelmill_annotation.statements import AssetFacts, ImageSize
from labelmill_runtime.errors import LabelmillError

Peers = Callable[[], Client]

_LATER = frozenset({sdk.Code.UNAVAILABLE, sdk.Code.DEADLINE_EXCEEDED, sdk.Code.RESOURCE_EXHAUSTED, sdk.Code.CANCELLED})


class StorageAssets:
    """Asks storage what an asset is."""

    def __init__(self, peers: Peers, timeout_s: float) -> None:
        self._peers = peers
        self._timeout_s = timeout_s

    async def describe(self, project: str, assets: Sequence[str]) -> Mapping[str, AssetFacts | LabelmillError]:
        """The facts of each CLEAN asset, or why it cannot be labelled."""
        parent = f"projects/{project}"
        request = storage_pb2.BatchGetAssetsRequest(parent=parent, names=[f"{parent}/assets/{a}" for a in assets])
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._peers().storage.batch_get_assets(request)
        except TimeoutError:
            raise StorageUnavailable from None
        except sdk.LabelmillError as error:
            raise StorageUnavailable() if error.code in _LATER else StorageRefused(error.reason) from error
        return {asset: _facts(project, asset, result) for asset, result in zip(assets, response.results, strict=True)}


class KeptPredictions:
    """Asks prelabel for the predictions it keeps."""

    def __init__(self, peers: Peers, timeout_s: float) -> None:
        self._peers = peers
        self._timeout_s = timeout_s

    async def read(self, project: str, assets: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        """The predicted annotations of the assets that have any; labelling goes on without prelabel."""
        parent = f"projects/{project}"
        request = prelabel_pb2.BatchGetPredictionsRequest(
            parent=parent, assets=[f"{parent}/assets/{a}" for a in assets]
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._peers().prelabel.batch_get_predictions(request)
        except (sdk.LabelmillError, TimeoutError) as error:
            code = error.code.name if isinstance(error, sdk.LabelmillError) else "DEADLINE_EXCEEDED"
            structlog.get_logger().warning("predictions.missing", project=project, count=len(assets), code=code)
            return {}
        return {
            prediction.asset.rpartition("/")[2]: [message.SerializeToString() for message in prediction.annotations]
            for prediction in response.predictions
            if prediction.status.code == 0
        }


def _facts(project: str, asset: str, result: storage_pb2.AssetResult) -> AssetFacts | LabelmillError:
    if result.status.code != 0:
        return AssetNotFound(project, asset)
    if result.asset.zone != storage_resources_pb2.ZONE_CLEAN:
        return AssetNotClean()
    content = result.asset.clean
    size = content.image_size
    return AssetFacts(
        asset=asset,
        media_type=content.media_type,
        text_length=content.text_length if content.HasField("text_length") else None,
        image_size=ImageSize(size.width_px, size.height_px) if content.HasField("image_size") else None,
    )
