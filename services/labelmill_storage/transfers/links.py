"""URLs by which a content can be read straight from the store, for a short time."""

from __future__ import annotations

from dataclasses import dataclass

from labelmill_storage.assets import Content, Zone, asset_name
from labelmill_storage.gate import zones
from labelmill_storage.gate.audit import AuditRecord
from labelmill_storage.gate.zones import Roles
from labelmill_storage.ports import AssetRecords, AuditLog, EgressMeter, ObjectStore, SignedUrl, key_of

URL_CREATED = "asset.raw_url_created"


@dataclass(frozen=True, slots=True)
class Link:
    """A URL and what it gives."""

    signed: SignedUrl
    content: Content


class Links:
    """Makes download URLs for callers who may read the content; whoever has one may read it too."""

    def __init__(self, objects: ObjectStore, records: AssetRecords, audit: AuditLog, egress: EgressMeter) -> None:
        self._objects = objects
        self._records = records
        self._audit = audit
        self._egress = egress

    async def make(self, project: str, asset_id: str, zone: Zone, roles: Roles, expires_in_s: int) -> Link:
        """A URL for one content; one of RAW is in the audit log before anybody has it."""
        zones.require_zone(zone, roles)
        name = asset_name(project, asset_id)
        content = zones.readable(await self._records.get(project, asset_id), name, zone, roles)
        await self._egress.check(project, roles)
        return await self.of(content, project, asset_id, zone, expires_in_s)

    async def of(self, content: Content, project: str, asset_id: str, zone: Zone, expires_in_s: int) -> Link:
        """The same for a content that the caller is known to be allowed to read, and may read today."""
        name = asset_name(project, asset_id)
        signed = await self._objects.download_url(key_of(zone, project, content), content, expires_in_s)
        if zone is Zone.RAW:
            record = AuditRecord(URL_CREATED, name, {"raw_sha256": content.sha256, "zone": zone.name})
            await self._audit.record(project, [record])
        self._egress.count(project, content.size_bytes)
        return Link(signed, content)
