"""What filters may name, and how values are written: `state = AVAILABLE`, `create_time > 2026-01-01T00:00:00Z`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import IntEnum

from sqlalchemy import ColumnElement, case

from labelmill_annotation.adapters.sql_tables import annotation_versions, benchmarks, tasks
from labelmill_annotation.tasks import Kind, Purpose, State
from labelmill_runtime.sql_filters import Columns, FilterField


def effective_state(now_ms: int) -> ColumnElement[int]:
    """The state with ended leases taken into account."""
    ended = (tasks.c.state == int(State.LEASED)) & (tasks.c.expire_ms <= now_ms)
    is_benchmark = tasks.c.kind == int(Kind.BENCHMARK)
    return case(
        (ended & is_benchmark, int(State.CANCELLED)),
        (ended, int(State.AVAILABLE)),
        else_=tasks.c.state,
    )


def effective_labeler(now_ms: int) -> ColumnElement[str]:
    """The labeler with ended leases taken into account."""
    ended = (tasks.c.state == int(State.LEASED)) & (tasks.c.expire_ms <= now_ms)
    return case((ended, ""), else_=tasks.c.labeler)


def of_tasks(now_ms: int) -> Columns:
    """The fields of a task filter."""
    return {
        "asset": FilterField(tasks.c.asset, _last_part),
        "kind": FilterField(tasks.c.kind, _enum(Kind)),
        "state": FilterField(effective_state(now_ms), _enum(State)),
        "batch": tasks.c.batch,
        "labeler": effective_labeler(now_ms),
        "priority": tasks.c.priority,
    }


def of_annotations() -> Columns:
    """The fields of an annotation filter."""
    return {
        "asset": FilterField(annotation_versions.c.asset, _last_part),
        "task": FilterField(annotation_versions.c.task, _last_part),
        "feature": annotation_versions.c.feature,
        "batch": annotation_versions.c.batch,
        "labeler": annotation_versions.c.labeler,
        "kind": FilterField(annotation_versions.c.kind, _enum(Kind)),
        "create_time": FilterField(annotation_versions.c.create_ms, _milliseconds),
    }


def of_benchmarks() -> Columns:
    """The fields of a benchmark filter."""
    return {
        "asset": FilterField(benchmarks.c.asset, _last_part),
        "purpose": FilterField(benchmarks.c.purpose, _enum(Purpose)),
    }


def _enum(kind: type[IntEnum]) -> Callable[[str], int]:
    prefix = f"{kind.__name__.upper()}_"

    def number(text: str) -> int:
        return int(kind[text.removeprefix(prefix)])

    return number


def _last_part(text: str) -> str:
    """The id in a resource name; a bare id is one."""
    return text.rpartition("/")[2]


def _milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
