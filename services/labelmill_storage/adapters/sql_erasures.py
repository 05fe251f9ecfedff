"""What was erased and must not come back."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.errors import LabelmillError
from labelmill_storage.adapters.tables import StorageTables
from labelmill_storage.assets import Draft
from labelmill_storage.erasure import ContentErased, SubjectErased


async def refusals(
    session: AsyncSession, tables: StorageTables, project: str, drafts: Sequence[Draft]
) -> dict[str, LabelmillError]:
    """Of new drafts, those that were erased, by asset id: CONTENT_ERASED or SUBJECT_ERASED."""
    if not drafts:
        return {}
    gone, subjects = tables.erased_assets, tables.erased_subjects
    of_assets = select(gone.c.asset_id).where(
        gone.c.project == project,
        gone.c.asset_id.in_([draft.id for draft in drafts]),
        gone.c.allow_time_us.is_(None),
    )
    found: dict[str, LabelmillError] = {row.asset_id: ContentErased() for row in await session.execute(of_assets)}
    named = {draft.subject_hash for draft in drafts if draft.subject_hash}
    if not named:
        return found
    of_subjects = select(subjects.c.subject_hash).where(
        subjects.c.project == project, subjects.c.subject_hash.in_(named), subjects.c.allow_time_us.is_(None)
    )
    refused = {row.subject_hash for row in await session.execute(of_subjects)}
    return found | {draft.id: SubjectErased() for draft in drafts if draft.subject_hash in refused}
