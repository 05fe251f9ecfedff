"""Keeps reports in the service's own database, SQLite or PostgreSQL."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_quality.ports import NewLabels, StoredLabel, StoredReport
from labelmill_runtime.database import Database
from labelmill_runtime.erased_names import ErasedNames
from labelmill_runtime.tables import erased_names_table

metadata = sa.MetaData()
reports = sa.Table(
    "quality_reports",
    metadata,
    sa.Column("project", sa.String(63), primary_key=True),
    sa.Column("report", sa.String(63), primary_key=True),  # sorts by time
    sa.Column("create_time_ms", sa.BigInteger, nullable=False),
    sa.Column("class_names", sa.Text, nullable=False),  # JSON
    sa.Column("body", sa.LargeBinary, nullable=False),  # labelmill.quality.v1.QualityReport
)
consensus_labels = sa.Table(
    "consensus_labels",
    metadata,
    sa.Column("project", sa.String(63), primary_key=True),
    sa.Column("report", sa.String(63), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),  # in the order of the items
    sa.Column("item", sa.String(256), nullable=False),
    sa.Column("winner", sa.Integer, nullable=False),  # index into class_names
    sa.Column("posterior", sa.LargeBinary, nullable=False),  # little-endian doubles, one a class
    sa.Column("label_count", sa.Integer, nullable=False),
    sa.Column("agreement", sa.Double, nullable=False),
    sa.Column("tied", sa.Boolean, nullable=False),
    sa.Column("disagreement", sa.Double, nullable=False, server_default="0"),
    sa.Column("annotations", sa.Text, nullable=False, server_default="[]"),  # JSON: serialized, in base64
    sa.ForeignKeyConstraint(
        ["project", "report"], ["quality_reports.project", "quality_reports.report"], ondelete="CASCADE"
    ),
    sa.Index("ix_consensus_labels_item", "project", "item"),
)
erased_names_table(metadata)
_POSTERIOR = np.dtype("<f8")
_ROWS_PER_STATEMENT = 2000


class SqlReports:
    """The ReportStore of production."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._erased = ErasedNames(database)

    async def add(
        self,
        report: StoredReport,
        new: NewLabels,
        began_ms: int,
        hold: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Adds a report; see ReportStore."""
        values = {
            "project": report.project,
            "report": report.report,
            "create_time_ms": report.create_time_ms,
            "class_names": json.dumps(report.class_names),
            "body": report.body,
        }
        labels = new.labels
        async with self._database.transaction() as session:
            await hold(session)
            await session.execute(sa.insert(reports).values(values))
            erased = await self._erased.since(session, labels.items, began_ms)
            for start in range(0, len(labels.items), _ROWS_PER_STATEMENT):
                rows = _rows(report, new, start, start + _ROWS_PER_STATEMENT)
                kept = [row for row in rows if row["item"] not in erased]
                if kept:
                    await session.execute(sa.insert(consensus_labels), kept)

    async def find(self, project: str, report: str) -> StoredReport | None:
        """One report."""
        query = sa.select(reports).where(reports.c.project == project, reports.c.report == report)
        async with self._database.reading() as session:
            row = (await session.execute(query)).one_or_none()
        return None if row is None else _report(row)

    async def page(self, project: str, before: str | None, limit: int) -> list[StoredReport]:
        """Reports, newest first; see ReportStore."""
        query = sa.select(reports).where(reports.c.project == project)
        if before is not None:
            query = query.where(reports.c.report < before)
        async with self._database.reading() as session:
            rows = (await session.execute(query.order_by(reports.c.report.desc()).limit(limit))).all()
        return [_report(row) for row in rows]

    async def labels(self, report: StoredReport, start: int, limit: int) -> list[StoredLabel]:
        """Labels of a report; see ReportStore."""
        query = _labels_of(report).where(consensus_labels.c.position >= start)
        async with self._database.reading() as session:
            rows = (await session.execute(query.order_by(consensus_labels.c.position).limit(limit))).all()
        return [_label(*row) for row in rows]

    async def disputed(self, report: StoredReport, limit: int) -> list[StoredLabel]:
        """Labels of the most disputed items; see ReportStore."""
        column = consensus_labels.c
        query = _labels_of(report).where(column.disagreement > 0).order_by(column.disagreement.desc(), column.position)
        async with self._database.reading() as session:
            rows = (await session.execute(query.limit(limit))).all()
        return [_label(*row) for row in rows]

    async def erase_items(self, session: AsyncSession, project: str, items: Sequence[str]) -> int:
        """Removes consensus labels; see ReportStore."""
        await self._erased.remember(session, items)
        column = consensus_labels.c
        statement = sa.delete(consensus_labels).where(column.project == project, column.item.in_(items))
        return cast("sa.CursorResult[Any]", await session.execute(statement)).rowcount

    async def count_reports(self, session: AsyncSession, project: str) -> int:
        """How many reports there are; see ReportStore."""
        query = sa.select(sa.func.count()).select_from(reports).where(reports.c.project == project)
        return (await session.scalar(query)) or 0

    async def scrub(self) -> None:
        """Takes what was erased out of the files; see ReportStore."""
        await self._database.scrub()


def _rows(report: StoredReport, new: NewLabels, start: int, end: int) -> list[dict[str, Any]]:
    labels = new.labels
    annotations = new.annotations[start:end] or [()] * len(labels.items[start:end])
    columns = zip(
        labels.items[start:end],
        labels.winners[start:end].tolist(),
        labels.posterior[start:end],
        labels.label_counts[start:end].tolist(),
        labels.agreement[start:end].tolist(),
        labels.tied[start:end].tolist(),
        new.disagreement[start:end].tolist(),
        annotations,
        strict=True,
    )
    return [
        {
            "project": report.project,
            "report": report.report,
            "position": start + offset,
            "item": item,
            "winner": winner,
            "posterior": posterior.astype(_POSTERIOR).tobytes(),
            "label_count": label_count,
            "agreement": agreement,
            "tied": tied,
            "disagreement": disagreement,
            "annotations": json.dumps([base64.b64encode(each).decode() for each in said]),
        }
        for offset, (item, winner, posterior, label_count, agreement, tied, disagreement, said) in enumerate(columns)
    ]


def _labels_of(report: StoredReport) -> sa.Select[Any]:
    column = consensus_labels.c
    return sa.select(
        column.position,
        column.item,
        column.winner,
        column.posterior,
        column.label_count,
        column.agreement,
        column.tied,
        column.disagreement,
        column.annotations,
    ).where(column.project == report.project, column.report == report.report)


def _report(row: sa.Row[Any]) -> StoredReport:
    names = tuple(json.loads(row.class_names))
    return StoredReport(row.project, row.report, row.create_time_ms, names, bytes(row.body))


def _label(
    position: int,
    item: str,
    winner: int,
    posterior: bytes,
    label_count: int,
    agreement: float,
    tied: bool,
    disagreement: float,
    annotations: str,
) -> StoredLabel:
    shares = tuple(np.frombuffer(posterior, _POSTERIOR).tolist())
    said = tuple(base64.b64decode(each) for each in json.loads(annotations))
    return StoredLabel(position, item, winner, shares, label_count, agreement, tied, disagreement, said)
