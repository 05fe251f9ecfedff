"""Erasure: removes what the service's database holds about assets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_prelabel.adapters.sql_tables import EMBEDDED_ASSETS, EMBEDDINGS, PREDICTIONS
from labelmill_runtime.database import Database
from labelmill_runtime.erased_names import ErasedNames


class SqlEraser:
    """See Eraser."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._erased = ErasedNames(database)

    async def erase(self, session: AsyncSession, project: str, asset_ids: Sequence[str]) -> dict[str, int]:
        """See Eraser. Embeddings go for all encoders and versions."""
        await self._erased.remember(session, [f"projects/{project}/assets/{asset}" for asset in asset_ids])
        column = EMBEDDED_ASSETS.c
        theirs = (column.project == project) & column.asset.in_(asset_ids)
        hashes = sorted(set(await session.scalars(select(column.content_sha256).where(theirs))))
        predictions = (PREDICTIONS.c.project == project) & PREDICTIONS.c.asset.in_(asset_ids)
        removed = {
            "predictions": await _removed(session, delete(PREDICTIONS).where(predictions)),
            "embeddings": await _removed(session, delete(EMBEDDINGS).where(EMBEDDINGS.c.content_sha256.in_(hashes))),
        }
        await session.execute(delete(EMBEDDED_ASSETS).where(theirs))
        return removed

    async def scrub(self) -> None:
        """See Eraser."""
        await self._database.scrub()


async def _removed(session: AsyncSession, statement: Any) -> int:
    return cast("CursorResult[Any]", await session.execute(statement)).rowcount
