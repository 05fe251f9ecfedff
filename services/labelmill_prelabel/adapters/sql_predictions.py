"""Kept predictions in the service's database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Select, and_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row

from labelmill_prelabel.adapters.sql_catalogue import model_columns, model_of
from labelmill_prelabel.adapters.sql_tables import MODEL_VERSIONS, PREDICTIONS
from labelmill_prelabel.models import ModelVersion
from labelmill_prelabel.ports import Guard, KeptPrediction
from labelmill_runtime import sql_filters
from labelmill_runtime.database import Database
from labelmill_runtime.erased_names import ErasedNames
from labelmill_runtime.sql_filters import FilterField

_COLUMN = PREDICTIONS.c
_FLOAT64 = np.dtype("<f8")
_CHUNK = 400


class SqlPredictions:
    """See PredictionStore."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._erased = ErasedNames(database)
        self._insert = postgresql.insert if database.dialect == "postgresql" else sqlite.insert

    async def made_by(self, model: ModelVersion, assets: Sequence[str]) -> dict[str, str]:
        """See PredictionStore."""
        by_id = {_id(asset): asset for asset in assets}
        statement = select(_COLUMN.asset, _COLUMN.operation).where(
            _COLUMN.project == model.name.project,
            _COLUMN.asset.in_(by_id),
            _COLUMN.model == str(model.name),
            _COLUMN.model_version == model.version,
        )
        async with self._database.reading() as session:
            return {by_id[row.asset]: row.operation for row in await session.execute(statement)}

    async def save(
        self, predictions: Sequence[KeptPrediction], operation: str, seen_ms: int, guard: Guard | None = None
    ) -> None:
        """See PredictionStore."""
        async with self._database.transaction() as session:
            if guard is not None:
                await guard(session)
            erased = await self._erased.since(session, [prediction.asset for prediction in predictions], seen_ms)
            rows = [_row(prediction, operation) for prediction in predictions if prediction.asset not in erased]
            if not rows:
                return
            await session.execute(self._insert(PREDICTIONS).on_conflict_do_nothing(), rows)

    async def newest(self, project: str, assets: Sequence[str]) -> dict[str, list[KeptPrediction]]:
        """See PredictionStore."""
        found: dict[str, dict[str, KeptPrediction]] = {}
        ids = [_id(asset) for asset in assets]
        async with self._database.reading() as session:
            for start in range(0, len(ids), _CHUNK):
                statement = _joined().where(_COLUMN.project == project, _COLUMN.asset.in_(ids[start : start + _CHUNK]))
                # The last one of a feature stays.
                ordered = statement.order_by(_COLUMN.create_time_ms, _COLUMN.model, _COLUMN.model_version)
                for row in await session.execute(ordered):
                    kept = _kept(row)
                    found.setdefault(kept.asset, {})[row.feature] = kept
        return {asset: list(by_feature.values()) for asset, by_feature in found.items()}

    async def page(
        self, project: str, filter_text: str, after: Sequence[str | int | float | None] | None, limit: int
    ) -> list[KeptPrediction]:
        """See PredictionStore."""
        key = tuple_(_COLUMN.asset, _COLUMN.model, _COLUMN.model_version)
        statement = _joined().where(_COLUMN.project == project)
        condition = sql_filters.where(filter_text, _filter_columns(project))
        if condition is not None:
            statement = statement.where(condition)
        if after is not None:
            statement = statement.where(key > tuple(after))
        ordered = statement.order_by(_COLUMN.asset, _COLUMN.model, _COLUMN.model_version).limit(limit)
        async with self._database.reading() as session:
            return [_kept(row) for row in await session.execute(ordered)]


def _filter_columns(project: str) -> dict[str, Any]:
    def asset_id(name: str) -> str:
        prefix, slash, last = name.rpartition("/")
        if slash and prefix != f"projects/{project}/assets":
            raise ValueError
        return last

    return {
        "asset": FilterField(_COLUMN.asset, asset_id),
        "model": _COLUMN.model,
        "model_version": _COLUMN.model_version,
        "feature": _COLUMN.feature,
        "confidence": _COLUMN.confidence,
    }


def _joined() -> Select[Any]:
    made_by = and_(MODEL_VERSIONS.c.name == _COLUMN.model, MODEL_VERSIONS.c.version == _COLUMN.model_version)
    columns = (_COLUMN.project, _COLUMN.asset, _COLUMN.feature, _COLUMN.probabilities, _COLUMN.create_time_ms)
    return select(*columns, *model_columns()).select_from(PREDICTIONS.join(MODEL_VERSIONS, made_by))


def _kept(row: Row[Any]) -> KeptPrediction:
    return KeptPrediction(
        asset=f"projects/{row.project}/assets/{row.asset}",
        model=model_of(row),
        probabilities=np.frombuffer(row.probabilities, dtype=_FLOAT64),
        create_time_ms=row.create_time_ms,
    )


def _row(kept: KeptPrediction, operation: str) -> dict[str, Any]:
    spec = kept.model.spec
    top = int(kept.probabilities.argmax())
    return {
        "project": spec.name.project,
        "asset": _id(kept.asset),
        "model": str(spec.name),
        "model_version": kept.model.version,
        "feature": spec.feature,
        "class_name": spec.class_names[top],
        "confidence": float(kept.probabilities[top]),
        "probabilities": np.ascontiguousarray(kept.probabilities, dtype=_FLOAT64).tobytes(),
        "operation": operation,
        "create_time_ms": kept.create_time_ms,
    }


def _id(asset: str) -> str:
    return asset.rpartition("/")[2]
