"""Stand-ins for storage and prelabel, a clock that tests turn, and callers by name."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labelmill.type.v1 import annotation_pb2
from labelmill_annotation.errors import AssetNotClean, AssetNotFound, StorageUnavailable
from labelmill_annotation.statements import AssetFacts, ImageSize
from labelmill_runtime.errors import LabelmillError, Unauthenticated
from labelmill_runtime.principal import Grant, Principal, Role

TEXT_LENGTH = 40


def asset_ids(count: int, start: int = 0) -> list[str]:
    """Ids of text assets that the fake storage has."""
    return [f"{number:032x}" for number in range(start, start + count)]


@dataclass
class FakeStorage:
    """Every hexadecimal id is a clean text, but for the exceptions."""

    raw: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    images: dict[str, ImageSize] = field(default_factory=dict)
    down: bool = False

    async def describe(self, project: str, assets: Sequence[str]) -> Mapping[str, AssetFacts | LabelmillError]:
        if self.down:
            raise StorageUnavailable
        return {asset: self._fact(project, asset) for asset in assets}

    def _fact(self, project: str, asset: str) -> AssetFacts | LabelmillError:
        if asset in self.unknown:
            return AssetNotFound(project, asset)
        if asset in self.raw:
            return AssetNotClean()
        if asset in self.images:
            return AssetFacts(asset, "image/png", image_size=self.images[asset])
        return AssetFacts(asset, "text/plain", text_length=TEXT_LENGTH)


@dataclass
class FakePrelabel:
    """Predicts "positive" for every asset, or is away."""

    away: bool = False
    calls: int = 0

    async def read(self, project: str, assets: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        self.calls += 1
        if self.away:
            return {}
        message = annotation_pb2.Annotation(feature="sentiment", confidence=0.9)
        message.classification.single = "positive"
        return {asset: [message.SerializeToString()] for asset in assets}


@dataclass
class FakeClock:
    """The real time, moved by tests."""

    ahead_ms: int = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms


class Names:
    """The API key is the caller's name; a name tells the role."""

    ROLES: Mapping[str, Role] = {
        "owner": Role.OWNER,
        "manager": Role.MANAGER,
        "reviewer": Role.REVIEWER,
        "annotator": Role.ANNOTATOR,
        "service": Role.SERVICE,
        "officer": Role.PRIVACY_OFFICER,
    }

    async def authenticate(self, token: str) -> Principal:
        """`annotator-7` is an annotator on every project; `manager@p1` a manager on p1 only."""
        who, _, project = token.removeprefix("lm_").partition("@")
        role = self.ROLES.get(who.partition("-")[0])
        if role is None:
            raise Unauthenticated("API_KEY_UNKNOWN", "The API key is not known.")
        return Principal(who, (Grant(role, project or "*"),))
