"""Which objects some record still refers to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.assets import AssetIds, Zone

_BY_SHA256 = re.compile(r"[^/]+/([0-9a-f]{2})/(\1[0-9a-f]{62})")


async def referenced(
    session: AsyncSession, tables: StorageTables, ids: AssetIds, project: str, zone: Zone, paths: Sequence[str]
) -> set[str]:
    """Of objects (see ObjectKey.path), those that an asset, a snapshot or an upload of the project needs."""
    by_sha256 = {match[2]: path for path in paths if (match := _BY_SHA256.fullmatch(path))}
    found = await _at_locations(session, tables, project, zone, paths)
    if by_sha256:
        shas = await _by_sha256(session, tables, ids, project, zone, list(by_sha256))
        found |= {by_sha256[sha256] for sha256 in shas}
    return found


async def _by_sha256(
    session: AsyncSession, tables: StorageTables, ids: AssetIds, project: str, zone: Zone, shas: Sequence[str]
) -> set[str]:
    assets, snapshots = tables.assets.c, tables.snapshots.c
    if zone is Zone.RAW:  # found by the asset's id, which comes from the hash
        of_assets = select(assets.raw_sha256).where(
            assets.asset_id.in_([ids.of(project, sha256) for sha256 in shas]),
            assets.raw_location == "",
            assets.raw_remove_time_us.is_(None),
        )
    else:
        of_assets = select(assets.clean_sha256).where(
            assets.clean_sha256.in_(shas), assets.clean_location == "", assets.clean_remove_time_us.is_(None)
        )
    of_snapshots = select(snapshots.manifest_sha256).where(
        snapshots.project == project, snapshots.manifest_sha256.in_(shas), snapshots.manifest_location == ""
    )
    found = set((await session.scalars(of_assets.where(assets.project == project))).all())
    return found | set((await session.scalars(of_snapshots)).all())


async def _at_locations(
    session: AsyncSession, tables: StorageTables, project: str, zone: Zone, paths: Sequence[str]
) -> set[str]:
    assets, snapshots, uploads = tables.assets.c, tables.snapshots.c, tables.uploads.c
    prefix = "raw" if zone is Zone.RAW else "clean"
    columns = tables.assets.columns
    location, removed = columns[f"{prefix}_location"], columns[f"{prefix}_remove_time_us"]
    of_assets = select(location).where(
        assets.project == project, location != "", location.in_(paths), removed.is_(None)
    )
    of_snapshots = select(snapshots.manifest_location).where(
        snapshots.project == project, snapshots.manifest_location.in_(paths)
    )
    # A store may put more behind the place of an upload, such as the id of its parts.
    of_uploads = select(uploads.handle).where(
        uploads.project == project,
        uploads.asset_id == "",
        or_(*(func.substr(uploads.handle, 1, len(path)) == path for path in paths)),
    )
    found = set((await session.scalars(of_assets)).all()) | set((await session.scalars(of_snapshots)).all())
    handles = (await session.scalars(of_uploads)).all()
    return found | {path for path in paths if any(handle.startswith(path) for handle in handles)}
