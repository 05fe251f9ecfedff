"""What an asset is, and where its id comes from. Pure.

An asset's id is a keyed hash of its raw content's SHA-256: the same content is one asset, and without the project's key
nobody can tell from a name whether some known content is in the project.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from labelmill_runtime import names
from labelmill_runtime.errors import NotFound

ASSET_NAME = "projects/{project}/assets/{asset}"
PROJECT_NAME = "projects/{project}"
_ID_DIGITS = 32
_KEY_PURPOSE = b"labelmill asset id v1\0"


class Zone(IntEnum):
    """Where content lives; the numbers are those of labelmill.storage.v1.Zone."""

    RAW = 1
    CLEAN = 2


@dataclass(frozen=True, slots=True)
class GeoReference:
    """Where the pixels of an image lie on the earth."""

    crs: str
    """Such as "EPSG:32633"; empty when the file names none of a known code."""
    transform: tuple[float, float, float, float, float, float]
    """(a, b, c, d, e, f): x = a * column + b * row + c, y = d * column + e * row + f, at pixel corners."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a content says about itself beyond its size; None or empty where it does not."""

    language: str = ""
    """Of text: ISO 639-1."""
    has_exif: bool | None = None
    has_gps: bool | None = None
    duration_ms: int | None = None
    """Of audio and video."""
    geo_reference: GeoReference | None = None


NO_METADATA = Metadata()


@dataclass(frozen=True, slots=True)
class Content:
    """The description of one stored content."""

    sha256: str
    size_bytes: int
    media_type: str
    text_length: int | None = None
    """Code points, for text."""
    image_size: tuple[int, int] | None = None
    """(width, height) in pixels, for images."""
    block_digests: bytes = b""
    """SHA-256 of each block (see content.BLOCK_BYTES), one after the other; empty where there is but one block."""
    metadata: Metadata = NO_METADATA
    location: str = ""
    """Where the store keeps it, when that is not under its SHA-256 (see ports.ObjectKey)."""
    removed_time: datetime | None = None
    """When retention removed the bytes; the description stays."""
    last_removal: int = field(default=-1, compare=False)
    """What `AssetRecords.about_to_write` told before the object was written; for recording it."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One item of data."""

    project: str
    id: str
    raw: Content
    create_time: datetime
    update_time: datetime
    clean: Content | None = None
    receipt: str = ""
    """The name of the receipt that admitted it."""
    exception: str = ""
    """The name of the privacy officer's exception that admitted it instead."""
    receipt_time_us: int = 0
    """The time in that receipt, in microseconds since 1970."""
    external_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """projects/{project}/assets/{asset}."""
        return asset_name(self.project, self.id)

    @property
    def zone(self) -> Zone:
        """CLEAN once a receipt or an exception has admitted it."""
        return Zone.RAW if self.clean is None else Zone.CLEAN

    def content(self, zone: Zone) -> Content | None:
        """The content in a zone; None for CLEAN while it is not admitted."""
        return self.raw if zone is Zone.RAW else self.clean


@dataclass(frozen=True, slots=True)
class Draft:
    """An asset that is about to be recorded: its content is stored already."""

    project: str
    id: str
    raw: Content
    external_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    subject_hash: str = ""
    """The keyed hash of the data subject, see `AssetIds.of_subject`; empty where none was named."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a draft or an admission."""

    asset: Asset
    already_existed: bool


class AssetNotFound(NotFound):
    """There is no such asset, or the caller may not know of it; both look the same."""

    def __init__(self, name: str) -> None:
        super().__init__("ASSET_NOT_FOUND", "There is no such asset.", resource=("labelmill.io/Asset", name))


class AssetIds:
    """Makes asset ids; the seed never leaves the service."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) < 32:
            raise ValueError("The project key seed has fewer than 32 bytes.")
        self._project_key = lru_cache(maxsize=1024)(lambda project: _derive(seed, project))

    def of(self, project: str, raw_sha256: str) -> str:
        """The id of the asset with this raw content: 32 hex digits."""
        return hmac.digest(self._project_key(project), raw_sha256.encode(), "sha256").hex()[:_ID_DIGITS]

    def of_subject(self, project: str, subject: str) -> str:
        """The keyed hash of a data subject, 64 hex digits; empty for an empty one."""
        if not subject:
            return ""
        return hmac.digest(self._project_key(project), b"subject\0" + subject.encode(), "sha256").hex()


def asset_name(project: str, asset_id: str) -> str:
    """The resource name of an asset."""
    return f"projects/{project}/assets/{asset_id}"


def parse_asset(name: str, *, field: str = "name") -> tuple[str, str]:
    """(project, asset id) of a name; raises InvalidArgument INVALID_NAME."""
    parts = names.parse(ASSET_NAME, name, field=field)
    return parts["project"], parts["asset"]


def parse_assets(project: str, asset_names: Sequence[str]) -> list[str]:
    """The asset ids of many names, which must all belong to the project."""
    ids = []
    for index, name in enumerate(asset_names):
        field = f"names[{index}]"
        found, asset_id = parse_asset(name, field=field)
        if found != project:
            names.require_project(name, project, field=field)
        ids.append(asset_id)
    return ids


def _derive(seed: bytes, project: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_KEY_PURPOSE + project.encode()).derive(seed)
