"""Who sees what. Pure; every read of the service passes through here.

RAW content: privacy officers and services. CLEAN content: every role that a method admits. A caller whose only role is
annotator sees assets of the CLEAN zone alone, and of those neither raw metadata nor what the ingesting party wrote
about them (file names hold names).
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from labelmill_runtime.errors import FailedPrecondition, PermissionDenied
from labelmill_runtime.principal import Role
from labelmill_storage.assets import Asset, AssetNotFound, Content, Zone

Roles = Set[Role]
_READERS_OF_RAW = frozenset({Role.PRIVACY_OFFICER, Role.SERVICE})


class RawForbidden(PermissionDenied):
    """RAW content, asked for by somebody who is neither privacy officer nor service."""

    def __init__(self) -> None:
        super().__init__(
            "RAW_FORBIDDEN",
            "RAW content is for privacy officers and services only; ask for the zone CLEAN.",
            metadata={"roles": ",".join(sorted(role.name for role in _READERS_OF_RAW))},
        )


class NotClean(FailedPrecondition):
    """CLEAN content of an asset that no receipt has admitted yet."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "NOT_CLEAN",
            "The asset has no CLEAN content: it was not admitted yet.",
            resource=("labelmill.io/Asset", name),
        )


class ContentRemoved(FailedPrecondition):
    """Content whose time was over."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "CONTENT_REMOVED",
            "The project's retention has removed this content; its description is all that is left.",
            resource=("labelmill.io/Asset", name),
        )


@dataclass(frozen=True, slots=True)
class View:
    """An asset as one caller may see it."""

    asset: Asset
    hides_origin: bool
    """Whether raw metadata, receipt, external id and labels are left out."""


def sees_only_clean(roles: Roles) -> bool:
    """Whether the caller is an annotator and nothing more."""
    return roles <= {Role.ANNOTATOR}


def view(asset: Asset | None, name: str, roles: Roles) -> View:
    """The asset as the caller may see it; AssetNotFound where there is none, or none for this caller."""
    hides_origin = sees_only_clean(roles)
    if asset is None or (hides_origin and asset.zone is not Zone.CLEAN):
        raise AssetNotFound(name)
    return View(
        replace(asset, external_id="", labels={}, receipt="", exception="") if hides_origin else asset, hides_origin
    )


def require_zone(zone: Zone, roles: Roles) -> None:
    """Refuses RAW to whom it is forbidden; before anything is looked up, so that the answer tells nothing else."""
    if zone is Zone.RAW and roles.isdisjoint(_READERS_OF_RAW):
        raise RawForbidden


def readable(asset: Asset | None, name: str, zone: Zone, roles: Roles) -> Content:
    """The description of the content that the caller may read."""
    require_zone(zone, roles)
    content = view(asset, name, roles).asset.content(zone)
    if content is None:
        raise NotClean(name)
    if content.removed_time is not None:
        raise ContentRemoved(name)
    return content
