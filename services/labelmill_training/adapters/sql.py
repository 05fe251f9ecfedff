"""The registry in the service's own database."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, and_, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_training.adapters.tables import TrainingTables
from labelmill_training.errors import ModelFeatureMismatch, ModelNotFound, ModelVersionNotFound, TrainingJobNotFound
from labelmill_training.job_folder import Result, Spec
from labelmill_training.registry import JOB, MODEL, VERSION, Job, JobRequest, JobState, Model, ModelVersion

_REQUEST: TypeAdapter[JobRequest] = TypeAdapter(JobRequest)
_SPEC: TypeAdapter[Spec] = TypeAdapter(Spec)
_RESULT: TypeAdapter[Result] = TypeAdapter(Result)


class SqlRegistry:
    """Jobs, models and versions on SQLite or PostgreSQL. Methods that take a transaction write in it."""

    def __init__(
        self,
        database: Database,
        tables: TrainingTables,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._database = database
        self._jobs = tables.jobs
        self._models = tables.models
        self._versions = tables.versions
        self._insert = postgresql.insert if database.dialect == "postgresql" else sqlite.insert
        self._now_ms = now_ms
        self._turns: dict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def add_job(
        self, transaction: AsyncSession, project: str, job_id: str, request: JobRequest, operation: str
    ) -> Job:
        """Records a new job."""
        job = Job(project, job_id, request, operation, JobState.PENDING, self._now_ms())
        row = {
            "id": job.id,
            "project": project,
            "request": json.dumps(asdict(request)),
            "operation": operation,
            "state": int(job.state),
            "progress": json.dumps(job.progress),
            "create_ms": job.create_ms,
        }
        await transaction.execute(insert(self._jobs).values(row))
        return job

    async def job(self, project: str, job_id: str) -> Job:
        """One job."""
        where = and_(self._jobs.c.id == job_id, self._jobs.c.project == project)
        async with self._database.reading() as session:
            row = (await session.execute(select(self._jobs).where(where))).one_or_none()
        if row is None:
            raise TrainingJobNotFound(JOB.format(project=project, training_job=job_id))
        return _job(row)

    async def job_of(self, operation: str) -> Job:
        """The job that an operation runs."""
        async with self._database.reading() as session:
            row = (await session.execute(select(self._jobs).where(self._jobs.c.operation == operation))).one()
        return _job(row)

    async def jobs(self, project: str, before: str | None, limit: int) -> list[Job]:
        """Jobs of a project, newest first, older than the one with the id `before`."""
        query = select(self._jobs).where(self._jobs.c.project == project)
        if before is not None:
            query = query.where(self._jobs.c.id < before)
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(self._jobs.c.id.desc()).limit(limit))
        return [_job(row) for row in rows]

    async def end_job(
        self,
        transaction: AsyncSession,
        job: Job,
        state: JobState,
        progress: tuple[str, int, int],
        *,
        error: bytes | None = None,
        version: int | None = None,
    ) -> None:
        """Records how a job ended; one that has ended stays as it is."""
        values = {
            "state": int(state),
            "progress": json.dumps(progress),
            "error": error,
            "version": version,
            "end_ms": self._now_ms(),
        }
        unended = and_(self._jobs.c.id == job.id, self._jobs.c.state < int(JobState.SUCCEEDED))
        await transaction.execute(update(self._jobs).where(unended).values(values))

    async def register(self, transaction: AsyncSession, job: Job, spec: Spec, result: Result) -> ModelVersion:
        """Adds the job's version to its model, or finds the one that it has registered already."""
        found = await self._version_of(transaction, job)
        if found is not None:
            return found
        now, model_id = self._now_ms(), job.request.model_id
        await transaction.execute(
            self._insert(self._models)
            .values(project=job.project, id=model_id, feature=spec.feature, latest_version=0, create_ms=now)
            .on_conflict_do_nothing()
        )
        model = self._is_model(job.project, model_id)
        counted = update(self._models).where(model).values(latest_version=self._models.c.latest_version + 1)
        row = (await transaction.execute(counted.returning(self._models))).one()
        if row.feature != spec.feature:
            raise ModelFeatureMismatch(MODEL.format(project=job.project, model=model_id), row.feature)
        version = {
            "project": job.project,
            "model": model_id,
            "version": row.latest_version,
            "job": job.id,
            "quality_report": job.request.quality_report,
            "spec": _SPEC.dump_json(spec).decode(),
            "result": _RESULT.dump_json(result).decode(),
            "create_ms": now,
        }
        await transaction.execute(insert(self._versions).values(version))
        return ModelVersion(
            job.project, model_id, row.latest_version, job.id, job.request.quality_report, spec, result, False, now
        )

    async def model(self, project: str, model_id: str) -> Model | None:
        """One model."""
        async with self._database.reading() as session:
            row = (await session.execute(select(self._models).where(self._is_model(project, model_id)))).one_or_none()
        return None if row is None else _model(row)

    async def models(self, project: str, after: str | None, limit: int) -> list[Model]:
        """Models of a project by name, after the one with the id `after`."""
        query = select(self._models).where(self._models.c.project == project)
        if after is not None:
            query = query.where(self._models.c.id > after)
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(self._models.c.id).limit(limit))
        return [_model(row) for row in rows]

    async def version(self, project: str, model_id: str, version: int) -> ModelVersion:
        """One version."""
        async with self._database.reading() as session:
            query = self._select_versions(project, model_id).where(self._versions.c.version == version)
            row = (await session.execute(query)).one_or_none()
        if row is None:
            raise ModelVersionNotFound(VERSION.format(project=project, model=model_id, version=version))
        return _version(row)

    async def versions(self, project: str, model_id: str, before: int | None, limit: int) -> list[ModelVersion]:
        """Versions of a model, newest first, below `before`."""
        if await self.model(project, model_id) is None:
            raise ModelNotFound(MODEL.format(project=project, model=model_id))
        query = self._select_versions(project, model_id)
        if before is not None:
            query = query.where(self._versions.c.version < before)
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(self._versions.c.version.desc()).limit(limit))
        return [_version(row) for row in rows]

    async def mark_promoted(self, transaction: AsyncSession, version: ModelVersion) -> None:
        """Records which version is served."""
        model = self._is_model(version.project, version.model_id)
        await transaction.execute(update(self._models).where(model).values(promoted_version=version.version))

    @asynccontextmanager
    async def turn(self, project: str, model_id: str) -> AsyncIterator[None]:
        """One promotion of a model at a time, so that the version served last is the one recorded last."""
        if self._database.dialect != "postgresql":
            async with self._turns[project, model_id]:
                yield
            return
        digest = hashlib.sha256(f"promote {project}/{model_id}".encode()).digest()
        key = int.from_bytes(digest[:8], "big", signed=True)
        async with self._database.reading() as session:  # writes nothing; the lock lasts as long as it does
            await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
            yield

    async def _version_of(self, transaction: AsyncSession, job: Job) -> ModelVersion | None:
        query = self._select_versions(job.project, job.request.model_id).where(self._versions.c.job == job.id)
        row = (await transaction.execute(query)).one_or_none()
        return None if row is None else _version(row)

    def _is_model(self, project: str, model_id: str) -> Any:
        return and_(self._models.c.project == project, self._models.c.id == model_id)

    def _select_versions(self, project: str, model_id: str) -> Any:
        models, versions = self._models.c, self._versions.c
        same = and_(models.project == versions.project, models.id == versions.model)
        columns = select(self._versions, models.promoted_version).select_from(self._versions.join(self._models, same))
        return columns.where(versions.project == project, versions.model == model_id)


def _job(row: Row[Any]) -> Job:
    stage, done, total = json.loads(row.progress)
    return Job(
        row.project,
        row.id,
        _REQUEST.validate_json(row.request),
        row.operation,
        JobState(row.state),
        row.create_ms,
        row.end_ms,
        row.version,
        row.error,
        (stage, done, total),
    )


def _model(row: Row[Any]) -> Model:
    return Model(row.project, row.id, row.feature, row.latest_version, row.promoted_version, row.create_ms)


def _version(row: Row[Any]) -> ModelVersion:
    return ModelVersion(
        row.project,
        row.model,
        row.version,
        row.job,
        row.quality_report,
        _SPEC.validate_json(row.spec),
        _RESULT.validate_json(row.result),
        row.promoted_version == row.version,
        row.create_ms,
    )
