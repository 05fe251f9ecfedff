"""Calls of a storage server over its socket, and how a refusal looks to the caller."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from labelmill import _streams
from labelmill.storage.v1 import resources_pb2, service_pb2
from tests.storage.projects import KnownProjects
from tests.storage.signing import Signer

PROJECT = "news"
PARENT = f"projects/{PROJECT}"
RAW = resources_pb2.ZONE_RAW
CLEAN = resources_pb2.ZONE_CLEAN
Part = service_pb2.UploadAssetRequest


def header(**values: Any) -> Part:
    return Part(header=Part.Header(**{"parent": PARENT, **values}))


def parts(content: bytes, *, chunk_bytes: int = 256 * 1024, sha256: str | None = None, **values: Any) -> Iterator[Part]:
    """The messages of a proper upload."""
    yield header(**values)
    for start in range(0, len(content), chunk_bytes):
        yield Part(chunk=content[start : start + chunk_bytes])
    yield Part(sha256=hashlib.sha256(content).hexdigest() if sha256 is None else sha256)


@dataclass
class Storage:
    """A running server, its keys, and its files."""

    stub: Any
    keys: dict[str, str]
    data_dir: Path
    projects: KnownProjects
    signer: Signer
    address: str = ""
    channel: Any = None

    def as_(self, who: str | None) -> tuple[tuple[str, str], ...]:
        """The metadata of a caller; None: of one without credentials."""
        return () if who is None else (("authorization", f"Bearer {self.keys[who]}"),)

    async def upload(self, content: bytes, *, who: str | None = "manager", **values: Any) -> resources_pb2.Asset:
        return await self.send(parts(content, **values), who=who)

    async def send(
        self, messages: Iterator[Part] | Sequence[Part] | AsyncIterator[Part], *, who: str | None = "manager"
    ) -> resources_pb2.Asset:
        stream = messages if hasattr(messages, "__aiter__") else iter(messages)
        call = self.stub.UploadAsset(metadata=self.as_(who), timeout=60)
        asset: resources_pb2.Asset = await _streams.send(call, stream)  # an early answer is told as it is
        return asset

    async def create(self, contents: Sequence[bytes], *, who: str = "manager", **values: Any) -> list[Any]:
        items = [service_pb2.BatchCreateAssetsRequest.Item(content=content) for content in contents]
        request = service_pb2.BatchCreateAssetsRequest(**{"parent": PARENT, "items": items, **values})
        return list((await self.call("BatchCreateAssets", request, who=who)).results)

    async def admit(self, items: Sequence[tuple[bytes, Any]], *, who: str = "service", **values: Any) -> list[Any]:
        made = [
            service_pb2.BatchAdmitAssetsRequest.Item(content=content, receipt=receipt) for content, receipt in items
        ]
        request = service_pb2.BatchAdmitAssetsRequest(**{"parent": PARENT, "items": made, **values})
        return list((await self.call("BatchAdmitAssets", request, who=who)).results)

    async def admit_one(self, asset: resources_pb2.Asset, clean: bytes) -> resources_pb2.Asset:
        (result,) = await self.admit([(clean, self.signer.receipt(asset, clean))])
        assert result.status.code == 0, result.status
        admitted: resources_pb2.Asset = result.asset
        return admitted

    async def download(
        self, name: str, zone: Any = RAW, *, who: str | None = "privacy_officer", offset: int = 0, length: int = 0
    ) -> tuple[resources_pb2.Content, bytes]:
        request = service_pb2.DownloadAssetRequest(name=name, zone=zone, offset_bytes=offset, length_bytes=length)
        messages = [m async for m in self.stub.DownloadAsset(request, metadata=self.as_(who), timeout=60)]
        assert all(len(message.chunk) <= 256 * 1024 for message in messages)
        return messages[0].content, b"".join(message.chunk for message in messages[1:])

    async def read(self, names: Sequence[str], zone: Any = RAW, *, who: str = "privacy_officer") -> list[Any]:
        request = service_pb2.BatchReadAssetsRequest(parent=PARENT, names=names, zone=zone)
        return list((await self.call("BatchReadAssets", request, who=who)).results)

    async def get(self, name: str, *, who: str = "manager") -> resources_pb2.Asset:
        asset: resources_pb2.Asset = await self.call("GetAsset", service_pb2.GetAssetRequest(name=name), who=who)
        return asset

    async def list_assets(self, *, who: str = "manager", **values: Any) -> Any:
        return await self.call("ListAssets", service_pb2.ListAssetsRequest(**{"parent": PARENT, **values}), who=who)

    async def call(self, method: str, request: Any, *, who: str | None = "manager") -> Any:
        return await getattr(self.stub, method)(request, metadata=self.as_(who), timeout=60)

    async def listed(self) -> list[str]:
        """The names of all assets."""
        return [asset.name for asset in (await self.list_assets(page_size=1000)).assets]

    def files(self) -> list[Path]:
        """Every object in the local store."""
        return [p for zone in ("raw", "clean") for p in (self.data_dir / "objects" / zone).rglob("*") if p.is_file()]

    def staged(self) -> list[Path]:
        """Every file that is staged."""
        return [p for p in (self.data_dir / "objects" / "staging").rglob("*") if p.is_file() and p.name != "lock"]


class Refusal:
    """How a refusal looks to its caller."""

    def __init__(self, error: grpc.aio.AioRpcError | status_pb2.Status) -> None:
        if isinstance(error, status_pb2.Status):
            status = error
        else:
            found = rpc_status.from_call(error)  # type: ignore[arg-type]
            assert found is not None, error
            status = found
        self.code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        self.reason, self.metadata, self.fields = "", {}, {}
        for detail in status.details:
            info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                self.reason, self.metadata = info.reason, dict(info.metadata)
            if detail.Unpack(request):
                self.fields = {v.field: v.description for v in request.field_violations}

    @property
    def said(self) -> tuple[grpc.StatusCode, str]:
        return self.code, self.reason


async def refused(awaitable: Any) -> Refusal:
    """Awaits a call that must fail."""
    try:
        await awaitable
    except grpc.aio.AioRpcError as error:
        return Refusal(error)
    raise AssertionError("the call did not fail")
