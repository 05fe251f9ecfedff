"""One writer at a time in a project."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def lock_project(session: AsyncSession, project: str) -> None:
    """Waits until no other transaction holds the project, and holds it until this one ends.

    So the order of creation is the order of commits, the audit log is one chain, and an object is not removed while
    somebody records it. On SQLite, there is one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('labelmill_storage'), hashtext(:project))"),
            {"project": project},
        )
