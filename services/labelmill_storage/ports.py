"""What storage needs from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from labelmill_runtime.errors import DataLoss, LabelmillError
from labelmill_storage.assets import Asset, Draft, Zone
from labelmill_storage.receipts import Admission


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """Where an object is: once per zone and project, under its SHA-256."""

    zone: Zone
    project: str
    sha256: str

    @property
    def path(self) -> str:
        """<project>/<aa>/<sha256>; its parts are validated ids and hex digits."""
        return f"{self.project}/{self.sha256[:2]}/{self.sha256}"


class ObjectMissing(DataLoss):
    """A recorded object that the store does not have."""

    def __init__(self) -> None:
        super().__init__("OBJECT_MISSING", "The stored content is missing.")


class StagedObject(Protocol):
    """An object that is being written; nobody can read it before its commit."""

    async def write(self, data: bytes) -> None:
        """Adds bytes."""

    async def commit(self, key: ObjectKey) -> None:
        """Puts it in its place; durable when this returns."""


class ObjectStore(Protocol):
    """Keeps bytes. Raises Unavailable when it cannot be reached, ResourceExhausted when it is full."""

    def stage(self, zone: Zone) -> AbstractAsyncContextManager[StagedObject]:
        """Begins an object; what was not committed when the block ends is gone."""

    async def put_many(self, objects: Mapping[ObjectKey, bytes]) -> None:
        """Writes many small objects; all are durable when this returns."""

    async def read(self, key: ObjectKey, offset: int, length: int) -> bytes:
        """Bytes of an object, fewer where it ends; ObjectMissing if there is none."""

    async def read_many(self, keys: Sequence[ObjectKey]) -> list[bytes | LabelmillError]:
        """Many small objects as a whole, in order."""

    async def exists(self, key: ObjectKey) -> bool:
        """Whether there is such an object."""

    async def sweep(self) -> int:
        """Removes what dead processes left staged; returns how many objects that were."""

    async def ping(self) -> bool:
        """Whether the store answers; for readiness."""

    async def close(self) -> None:
        """Releases threads and connections."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a draft or an admission."""

    asset: Asset
    already_existed: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A page of assets."""

    assets: Sequence[Asset]
    next_cursor: int | None
    total_size: int


class AssetWriter(Protocol):
    """Writes assets within one transaction that somebody else commits."""

    async def add(self, drafts: Sequence[Draft]) -> list[Recorded]:
        """Records drafts; one whose asset is there already changes nothing."""

    async def admit(self, project: str, admissions: Sequence[Admission]) -> list[Recorded | LabelmillError]:
        """Records clean contents and their receipts; rejects reused and superseded receipts one by one."""


class AssetRecords(Protocol):
    """Knows the assets."""

    async def get(self, project: str, asset_id: str) -> Asset | None:
        """One asset."""

    async def get_many(self, project: str, asset_ids: Sequence[str]) -> dict[str, Asset]:
        """Those that exist, by id."""

    async def page(self, project: str, filter_text: str, after: int, size: int) -> Page:
        """Assets in the order of their creation, after a cursor; raises INVALID_FILTER."""

    def writing(self) -> AbstractAsyncContextManager[AssetWriter]:
        """A transaction of its own."""

    def writer(self, transaction: Any) -> AssetWriter:
        """The writer within a transaction that is open already."""


class ProjectDirectory(Protocol):
    """Knows which projects there are."""

    async def require(self, project: str) -> None:
        """Raises NotFound PROJECT_NOT_FOUND for one that does not exist."""


class TrustedKeys(Protocol):
    """The anonymization keys whose receipts open CLEAN."""

    def verify(self, key_id: str, signed: bytes, signature: bytes) -> bool | None:
        """Whether the signature holds; None for a key that is not trusted. May read files: call it in a thread."""
