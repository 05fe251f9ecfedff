"""The model catalogue and the embedding cache in the service's database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_prelabel.adapters.sql_tables import EMBEDDED_ASSETS, EMBEDDINGS, MODEL_VERSIONS
from labelmill_prelabel.models import ModelKind, ModelName, ModelSpec, ModelState, ModelVersion
from labelmill_prelabel.ports import Floats
from labelmill_runtime import names
from labelmill_runtime.database import Database
from labelmill_runtime.erased_names import ErasedNames

_ASSET = "projects/{project}/assets/{asset}"
_CHUNK = 500
_FLOAT32 = np.dtype("<f4")
_VERSIONS = MODEL_VERSIONS.c


class SqlCatalogue:
    """See ModelCatalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def current(self, name: ModelName) -> ModelVersion | None:
        """See ModelCatalogue."""
        found = await self._select(_VERSIONS.name == str(name), _VERSIONS.state == ModelState.READY.value)
        return found[0] if found else None

    async def get(self, name: ModelName, version: int) -> ModelVersion | None:
        """See ModelCatalogue."""
        found = await self._select(_VERSIONS.name == str(name), _VERSIONS.version == version)
        return found[0] if found else None

    async def versions(self, name: ModelName) -> list[ModelVersion]:
        """See ModelCatalogue."""
        return await self._select(_VERSIONS.name == str(name))

    async def in_use(self, name: ModelName) -> set[int]:
        """See ModelCatalogue."""
        in_use = _answering(await self.versions(name))
        if name.kind is ModelKind.TEXT_ENCODER:
            readers = await self._select(_VERSIONS.encoder == str(name))
            by_name: dict[ModelName, list[ModelVersion]] = {}
            for reader in readers:
                by_name.setdefault(reader.name, []).append(reader)
            for versions in by_name.values():
                answering = _answering(versions)
                in_use |= {one.encoder_version for one in versions if one.version in answering}
        return in_use

    async def names(self) -> list[ModelName]:
        """See ModelCatalogue."""
        async with self._database.reading() as session:
            found = await session.scalars(select(_VERSIONS.name).distinct().order_by(_VERSIONS.name))
            return [ModelName.parse(name) for name in found]

    async def listed(self, project: str, after: str, limit: int) -> list[ModelVersion]:
        """See ModelCatalogue."""
        names = (
            select(_VERSIONS.name)
            .where(_VERSIONS.project.in_((project, "")), _VERSIONS.name > after)
            .distinct()
            .order_by(_VERSIONS.name)
            .limit(limit)
        )
        shown: dict[ModelName, ModelVersion] = {}
        for one in await self._select(_VERSIONS.name.in_(names.subquery().select())):
            if one.name not in shown or one.state is ModelState.READY:
                shown[one.name] = one
        return sorted(shown.values(), key=lambda one: str(one.name))

    async def activate(self, model: ModelVersion) -> None:
        """See ModelCatalogue."""
        async with self._database.transaction() as session:
            await session.execute(
                update(MODEL_VERSIONS)
                .where(_VERSIONS.name == str(model.name), _VERSIONS.state == ModelState.READY.value)
                .values(state=ModelState.RETIRED.value)
            )
            await session.execute(insert(MODEL_VERSIONS).values(_row(model)))

    async def record_failure(self, model: ModelVersion) -> None:
        """See ModelCatalogue."""
        async with self._database.transaction() as session:
            await session.execute(insert(MODEL_VERSIONS).values(_row(model)))

    async def _select(self, *conditions: Any) -> list[ModelVersion]:
        """Newest first."""
        statement = select(MODEL_VERSIONS).where(*conditions).order_by(_VERSIONS.name, _VERSIONS.version.desc())
        async with self._database.reading() as session:
            return [_model(row) for row in await session.execute(statement)]


class SqlEmbeddingCache:
    """See EmbeddingCache."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._erased = ErasedNames(database)
        self._insert = postgresql.insert if database.dialect == "postgresql" else sqlite.insert

    async def read(self, encoder: ModelVersion, hashes: Sequence[str]) -> dict[str, Floats]:
        """See EmbeddingCache."""
        found: dict[str, Floats] = {}
        column = EMBEDDINGS.c
        async with self._database.reading() as session:
            for chunk in _chunks(sorted(set(hashes))):
                rows = await session.execute(
                    select(column.content_sha256, column.vector).where(
                        column.encoder == str(encoder.name),
                        column.encoder_version == encoder.version,
                        column.content_sha256.in_(chunk),
                    )
                )
                found.update({row.content_sha256: np.frombuffer(row.vector, dtype=_FLOAT32) for row in rows})
        return found

    async def write(
        self, encoder: ModelVersion, embeddings: Mapping[str, Floats], hashes: Mapping[str, str], seen_ms: int
    ) -> None:
        """See EmbeddingCache."""
        async with self._database.transaction() as session:
            erased = await self._erased.since(session, list(hashes), seen_ms)
            kept = {asset: sha256 for asset, sha256 in hashes.items() if asset not in erased}
            wanted = set(kept.values())
            await self._add(session, encoder, {sha256: row for sha256, row in embeddings.items() if sha256 in wanted})
            await self._assign(session, kept)

    async def _assign(self, session: AsyncSession, hashes: Mapping[str, str]) -> None:
        parsed = ((names.parse(_ASSET, asset), sha256) for asset, sha256 in sorted(hashes.items()))
        rows = [{**parts, "content_sha256": sha256} for parts, sha256 in parsed]
        if rows:
            await session.execute(self._insert(EMBEDDED_ASSETS).on_conflict_do_nothing(), rows)

    async def _add(self, session: AsyncSession, encoder: ModelVersion, embeddings: Mapping[str, Floats]) -> None:
        rows = [
            {
                "encoder": str(encoder.name),
                "encoder_version": encoder.version,
                "content_sha256": sha256,
                "vector": np.ascontiguousarray(vector, dtype=_FLOAT32).tobytes(),
            }
            for sha256, vector in sorted(embeddings.items())  # in one order, or PostgreSQL may see a deadlock
        ]
        if rows:
            await session.execute(self._insert(EMBEDDINGS).on_conflict_do_nothing(), rows)


def model_columns() -> list[Any]:
    """The columns that `model_of` reads, for joins."""
    return [column.label(f"model_{column.name}") for column in _VERSIONS]


def model_of(row: Row[Any]) -> ModelVersion:
    """The model version in a joined row."""
    values = row._mapping
    return _model_from({column.name: values[f"model_{column.name}"] for column in _VERSIONS})


def _answering(versions: Sequence[ModelVersion]) -> set[int]:
    """The version that answers, and the one before, on which requests may be in flight. `versions` are newest first."""
    ready = [one.version for one in versions if one.state is ModelState.READY]
    retired = [one.version for one in versions if one.state is ModelState.RETIRED]
    return {*ready, *retired[:1]}


def _model(row: Row[Any]) -> ModelVersion:
    return _model_from(row._mapping)


def _model_from(row: Mapping[Any, Any]) -> ModelVersion:
    spec = ModelSpec(
        name=ModelName.parse(row["name"]),
        class_names=tuple(row["class_names"]),
        feature=row["feature"],
        encoder=row["encoder"],
        temperature=row["temperature"],
        max_tokens=row["max_tokens"],
        lineage=row["lineage"],
    )
    return ModelVersion(
        spec=spec,
        version=row["version"],
        artifact_sha256=row["artifact_sha256"],
        embedding_length=row["embedding_length"],
        encoder_version=row["encoder_version"],
        deploy_time_ms=row["deploy_time_ms"],
        state=ModelState(row["state"]),
        state_message=row["state_message"],
    )


def _row(model: ModelVersion) -> dict[str, Any]:
    return {
        "name": str(model.name),
        "version": model.version,
        "project": model.name.project,
        "state": model.state.value,
        "state_message": model.state_message,
        "class_names": list(model.spec.class_names),
        "feature": model.spec.feature,
        "encoder": model.spec.encoder,
        "encoder_version": model.encoder_version,
        "embedding_length": model.embedding_length,
        "temperature": model.spec.temperature,
        "max_tokens": model.spec.max_tokens,
        "artifact_sha256": model.artifact_sha256,
        "lineage": model.spec.lineage,
        "deploy_time_ms": model.deploy_time_ms,
    }


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
