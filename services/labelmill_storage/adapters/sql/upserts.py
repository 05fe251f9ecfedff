"""Inserts that know what to do about rows that are there: each database has its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession


def upsert_of(session: AsyncSession) -> Callable[..., Any]:
    """The `insert` with `on_conflict_do_update` and `on_conflict_do_nothing` of the session's database."""
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
