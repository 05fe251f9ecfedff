"""Reads and makes assets in Labelmill's storage service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from labelmill.aio import Client
from labelmill.storage.v1 import resources_pb2 as storage
from labelmill.storage.v1 import service_pb2
from labelmill_quality.intake.errors import AssetNotClean, SpoolFull
from labelmill_runtime.peer_errors import translated


class LabelmillAssets:
    """The AssetFiles of production.

    Args:
        client: Gives the client; asked at each call, because there is no server to call before this one has started.
    """

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client

    async def fetch(self, name: str, *, raw: bool, path: Path, limit_bytes: int) -> str:
        """See the port."""
        async with translated():
            asset = await self._client().storage.get_asset(service_pb2.GetAssetRequest(name=name))
            if not raw and not asset.HasField("clean"):
                raise AssetNotClean(name)
            if (asset.raw if raw else asset.clean).size_bytes > limit_bytes:
                raise SpoolFull(limit_bytes)
            zone = storage.ZONE_RAW if raw else storage.ZONE_CLEAN
            content = await self._client().storage.download_to(name, path, zone=zone)
        return content.media_type

    async def put(self, parent: str, path: Path, media_type: str) -> str:
        """See the port."""
        async with translated():
            asset = await self._client().storage.upload(parent, path, media_type=media_type)
        return asset.name
