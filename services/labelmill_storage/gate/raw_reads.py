"""Reads of RAW contents by people: each leaves an entry in the audit log before a byte leaves the service."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.principal import Role
from labelmill_storage.assets import Content, Zone, asset_name
from labelmill_storage.gate.audit import AuditRecord
from labelmill_storage.gate.zones import Roles
from labelmill_storage.ports import AuditLog
from labelmill_storage.transfers.reading import Reading

RAW_READ = "asset.raw_read"


class RawReads:
    """Writes down who read what.

    Reads by services are not among them: anonymization reads every content once or more, so its reads would bury those
    by people, and what became of each is in the log as an admission anyway.
    """

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    async def one(self, project: str, asset_id: str, zone: Zone, content: Content, roles: Roles) -> None:
        """Before a content is read, or a part of it."""
        if _is_told(zone, roles):
            await self._log.record(project, [_record(asset_name(project, asset_id), zone, content)])

    async def many(self, project: str, zone: Zone, outcomes: Sequence[Reading | LabelmillError], roles: Roles) -> None:
        """Before the contents of a batch are handed out: an entry for each, for clients share batches by themselves."""
        read = [outcome for outcome in outcomes if isinstance(outcome, Reading)]
        if read and _is_told(zone, roles):
            await self._log.record(project, [_record(it.name, zone, it.description) for it in read])


def _record(name: str, zone: Zone, content: Content) -> AuditRecord:
    return AuditRecord(RAW_READ, name, {"zone": zone.name, "raw_sha256": content.sha256})


def _is_told(zone: Zone, roles: Roles) -> bool:
    return zone is Zone.RAW and Role.PRIVACY_OFFICER in roles
