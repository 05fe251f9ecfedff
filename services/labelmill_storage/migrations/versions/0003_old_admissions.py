"""The audit log begins with what was admitted before there was one.

Within the one transaction of the migrations, hence exactly once: at any later start, an asset that no entry admitted is
one that somebody smuggled in.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from labelmill.audit import GENESIS, entry_hash

revision = "0003"
down_revision = "0002"

_BATCH = 1000
_ASSETS = sa.table(
    "assets",
    *(sa.column(name) for name in ("seq", "project", "asset_id", "zone", "raw_sha256", "clean_sha256", "receipt")),
)
_RECEIPTS = sa.table("receipts", sa.column("project"), sa.column("receipt_id"), sa.column("body"))
_ENTRIES = sa.table(
    "audit_entries",
    *(sa.column(name) for name in ("project", "sequence", "time_us", "actor", "action", "resource", "details")),
    *(sa.column(name) for name in ("previous_hash", "hash")),
)
_HEADS = sa.table("audit_heads", *(sa.column(name) for name in ("project", "sequence", "hash", "anchored_sequence")))


def upgrade() -> None:
    """Writes an entry for each CLEAN asset, in the order of their creation."""
    connection, now_us = op.get_bind(), time.time_ns() // 1000
    for project, assets in groupby(_clean_assets(connection), key=lambda asset: str(asset.project)):
        sequence, previous = 0, GENESIS
        for batch in _batches(assets):
            hashes = _receipt_hashes(connection, project, [asset.receipt for asset in batch])
            rows = []
            for asset in batch:
                sequence += 1
                row = _entry(asset, sequence, now_us, previous, hashes.get(asset.receipt, ""))
                previous = row["hash"]
                rows.append(row)
            connection.execute(_ENTRIES.insert(), rows)
        head = {"project": project, "sequence": sequence, "hash": previous, "anchored_sequence": 0}
        connection.execute(_HEADS.insert(), head)


def _clean_assets(connection: sa.Connection) -> Iterator[Any]:
    after: tuple[str, int] = ("", 0)
    order = sa.tuple_(_ASSETS.c.project, _ASSETS.c.seq)
    while True:
        wanted = sa.select(_ASSETS).where(_ASSETS.c.zone == 2, order > after)
        page = connection.execute(wanted.order_by(_ASSETS.c.project, _ASSETS.c.seq).limit(_BATCH)).all()
        yield from page
        if len(page) < _BATCH:
            return
        after = (page[-1].project, page[-1].seq)


def _batches(assets: Iterator[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for asset in assets:
        batch.append(asset)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _receipt_hashes(connection: sa.Connection, project: str, names: list[str]) -> dict[str, str]:
    ids = {name.rpartition("/")[2]: name for name in names}
    wanted = sa.select(_RECEIPTS.c.receipt_id, _RECEIPTS.c.body)
    wanted = wanted.where(_RECEIPTS.c.project == project, _RECEIPTS.c.receipt_id.in_(list(ids)))
    return {ids[row.receipt_id]: hashlib.sha256(row.body).hexdigest() for row in connection.execute(wanted)}


def _entry(asset: Any, sequence: int, now_us: int, previous: str, receipt_sha256: str) -> dict[str, Any]:
    details = {
        "migrated": "true",
        "raw_sha256": asset.raw_sha256,
        "clean_sha256": asset.clean_sha256,
        "receipt": asset.receipt,
        "receipt_sha256": receipt_sha256,
    }
    facts = {
        "project": asset.project,
        "sequence": sequence,
        "time_us": now_us,
        "actor": "labelmill",
        "action": "asset.admitted",
        "resource": f"projects/{asset.project}/assets/{asset.asset_id}",
        "previous_hash": previous,
    }
    hashed = entry_hash(**facts, details=details)
    return {**facts, "details": json.dumps(details, sort_keys=True, ensure_ascii=False), "hash": hashed}
