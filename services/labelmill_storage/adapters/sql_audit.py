"""The audit log in the service's own database: written within the transaction of what it records."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill import audit
from labelmill_runtime.principal import current_principal_or_none
from labelmill_storage.adapters.tables import StorageTables
from labelmill_storage.audit import AuditRecord

SELF = "labelmill"
"""The actor of what storage does by itself."""


async def append(session: AsyncSession, tables: StorageTables, project: str, records: Sequence[AuditRecord]) -> int:
    """Adds entries to a project's chain; the caller holds the project (see project_lock).

    The actor is the current principal; "labelmill" where there is none.

    Returns:
        The sequence number of the last entry.
    """
    heads = tables.audit_heads
    head = (await session.execute(select(heads).where(heads.c.project == project))).one_or_none()
    sequence, previous = (0, audit.GENESIS) if head is None else (int(head.sequence), str(head.hash))
    if not records:
        return sequence
    principal = current_principal_or_none()
    actor, now_us = principal.id if principal else SELF, time.time_ns() // 1000
    rows: list[dict[str, Any]] = []
    for record in records:
        sequence += 1
        facts: dict[str, Any] = {
            "project": project,
            "sequence": sequence,
            "time_us": now_us,
            "actor": actor,
            "action": record.action,
            "resource": record.resource,
            "previous_hash": previous,
        }
        details = dict(record.details)
        previous = audit.entry_hash(**facts, details=details)
        rows.append({**facts, "details": json.dumps(details, sort_keys=True, ensure_ascii=False), "hash": previous})
    await session.execute(tables.audit_entries.insert(), rows)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    now = {"sequence": sequence, "hash": previous}
    first = insert(heads).values({"project": project, "anchored_sequence": 0, **now})
    await session.execute(first.on_conflict_do_update(index_elements=["project"], set_=now))
    return sequence
