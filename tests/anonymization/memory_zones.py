"""Storage's zones in memory, with faults to order; storage itself has the real ones."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from labelmill_anonymization.ports import Admission, AssetPage, RawAsset
from labelmill_runtime.errors import LabelmillError, NotFound, Unavailable


@dataclass
class Stored:
    """One asset."""

    name: str
    raw: bytes
    media_type: str
    clean: bytes | None = None
    receipt: str = ""
    labels: dict[str, str] = field(default_factory=dict)


@dataclass
class MemoryZones:
    """Implements ports.AssetZones."""

    assets: dict[str, Stored] = field(default_factory=dict)
    admissions: list[str] = field(default_factory=list)
    before_admit: Callable[[], None] | None = None
    after_admit: Callable[[], None] | None = None
    reject: Callable[[str], LabelmillError | None] = lambda _name: None
    missing: set[str] = field(default_factory=set)
    on_read: dict[str, Callable[[], Awaitable[object]]] = field(default_factory=dict)

    def add(self, project: str, raw: bytes | str, media_type: str = "text/plain") -> str:
        content = raw.encode() if isinstance(raw, str) else raw
        name = f"projects/{project}/assets/{hashlib.md5(content).hexdigest()}"
        self.assets[name] = Stored(name, content, media_type)
        return name

    def erase_when_read(self, name: str, tell: Callable[[], Awaitable[object]]) -> None:
        """Once the asset was read for anonymization: admits it no more, and tells the service."""
        self.on_read[name] = tell

    async def page(self, project: str, filter_text: str, token: str, size: int) -> AssetPage:
        mine = [a for a in self.assets.values() if a.name.startswith(f"projects/{project}/")]
        start = int(token or 0)
        shown = tuple(
            RawAsset(a.name, a.media_type, len(a.raw), a.receipt, a.labels) for a in mine[start : start + size]
        )
        return AssetPage(shown, str(start + size) if start + size < len(mine) else "", len(mine))

    async def read_raw(self, project: str, names: Sequence[str]) -> Mapping[str, bytes | LabelmillError]:
        gone = NotFound("ASSET_NOT_FOUND", "There is no such asset.")
        for name in names:
            if name in self.on_read:
                await self.on_read.pop(name)()
                self.reject = lambda asset, erased=name: gone if asset == erased else None
        return {name: gone if name in self.missing else self.assets[name].raw for name in names}

    async def read_clean(self, project: str, names: Sequence[str]) -> Mapping[str, bytes | LabelmillError]:
        gone = NotFound("ASSET_NOT_FOUND", "There is no such asset.")
        found = {name: None if name in self.missing else self.assets[name].clean for name in names}
        return {name: gone if content is None else content for name, content in found.items()}

    async def read_large(self, name: str) -> bytes:
        (content,) = (await self.read_raw("", [name])).values()
        if isinstance(content, LabelmillError):
            raise content
        return content

    async def admit(self, project: str, admissions: Sequence[Admission]) -> Sequence[LabelmillError | None]:
        if self.before_admit:
            self.before_admit()
        outcomes = [self._admit(admission) for admission in admissions]
        if self.after_admit:
            self.after_admit()
        return outcomes

    def _admit(self, admission: Admission) -> LabelmillError | None:
        receipt = admission.receipt
        asset = self.assets[receipt.asset]
        if error := self.reject(receipt.asset):
            return error
        assert receipt.raw_sha256 == hashlib.sha256(asset.raw).hexdigest()
        assert receipt.clean_sha256 == hashlib.sha256(admission.content).hexdigest()
        assert receipt.signature
        asset.clean, asset.receipt = admission.content, receipt.name
        self.admissions.append(receipt.asset)
        return None


class MemoryProjects:
    """Implements ports.Projects."""

    async def require(self, project: str) -> None:
        if project not in {"demo", "other"}:
            raise NotFound("PROJECT_NOT_FOUND", "There is no such project.", resource=("Project", project))


class StorageGone(Unavailable):
    """What a test makes storage answer."""

    def __init__(self) -> None:
        super().__init__("STORAGE_GONE", "Storage is away.")
