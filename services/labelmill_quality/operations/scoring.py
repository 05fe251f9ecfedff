"""The operation ScoreProject: reads a project's answers, has them scored, keeps the report."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import cast

from google.protobuf.timestamp_pb2 import Timestamp

from labelmill.quality.v1 import resources_pb2, service_pb2
from labelmill.type.v1 import progress_pb2
from labelmill_quality.convert import resources as convert
from labelmill_quality.errors import NoLabels
from labelmill_quality.jobs import projects as jobs
from labelmill_quality.ports import AnnotationSource, Answer, ReportStore, StoredReport
from labelmill_quality.report import Answers, Evidence, Plan
from labelmill_quality.settings import QualitySettings
from labelmill_runtime import names
from labelmill_runtime.operations import OperationContext
from labelmill_runtime.workers import WorkerPool

KIND = "score_project"
REPORT_PATTERN = "projects/{project}/qualityReports/{quality_report}"


class ProjectScoring:
    """Checks and runs ScoreProject.

    It has no checkpoint: everything before the one transaction that stores the report is reading and computing. The
    report takes its id from the operation, so a second run after a crash finds the first one's report.
    """

    def __init__(
        self,
        source: AnnotationSource,
        store: ReportStore,
        workers: WorkerPool,
        settings: QualitySettings,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._source = source
        self._store = store
        self._workers = workers
        self._settings = settings
        self._now_ms = now_ms

    async def check(self, request: service_pb2.ScoreProjectRequest) -> None:
        """Raises what is wrong with the request already now, before there is an operation."""
        project = names.project_of(request.parent, field="parent")
        await self._source.feature(project, request.feature)
        if not await self._source.has_labels(project, request.feature, request.annotation_filter):
            raise NoLabels(project)

    async def run(
        self, context: OperationContext, request: service_pb2.ScoreProjectRequest
    ) -> resources_pb2.QualityReport:
        """Makes the report and keeps it."""
        project, report_id = context.project, context.name.rpartition("-")[2]
        stored = await self._store.find(project, report_id)
        if stored is None:
            stored = await self._make(context, request, project, report_id)
        return resources_pb2.QualityReport.FromString(stored.body)

    async def _make(
        self, context: OperationContext, request: service_pb2.ScoreProjectRequest, project: str, report_id: str
    ) -> StoredReport:
        began = self._now_ms()
        evidence = await self._read(context, request, project)
        rows = len(evidence.labels) + len(evidence.benchmark_answers)
        await _tell(context, rows, "scoring", total=rows)
        plan = Plan(
            convert.method_name(request.consensus_method),
            self._settings.bootstrap_count,
            request.seed,
            self._settings.cell_limit,
        )
        name = names.format(REPORT_PATTERN, project=project, quality_report=report_id)
        head = jobs.ReportHead(name, request.feature, request.annotation_filter)
        scored = await self._workers.call(jobs.score_project, evidence, plan, head)
        await _tell(context, rows, "storing", total=rows)
        created = self._now_ms()
        report = StoredReport(project, report_id, created, scored.class_names, _dated(scored.body, created))
        await self._store.add(report, scored.labels, began, context.hold)
        return report

    async def _read(
        self, context: OperationContext, request: service_pb2.ScoreProjectRequest, project: str
    ) -> Evidence:
        feature = await self._source.feature(project, request.feature)
        pages = self._source.labels(project, request.feature, request.annotation_filter)
        labels = await _collect(context, pages, 0, "reading labels")
        if not labels:
            raise NoLabels(project)
        pages = self._source.benchmark_answers(project, request.feature)
        answers = await _collect(context, pages, len(labels), "reading benchmarks")
        gold = await self._source.gold(project, request.feature)
        answers.add_about(gold, labels)
        return Evidence(labels, answers, gold, feature.class_names, feature.ordered)


async def _collect(
    context: OperationContext, pages: AsyncIterator[Sequence[Answer]], before: int, stage: str
) -> Answers:
    answers = Answers()
    async for page in pages:
        for answer in page:
            answers.add(answer.item, answer.labeler, answer.class_name, answer.time_ms)
        await _tell(context, before + len(answers), stage)
    return answers


async def _tell(context: OperationContext, done: int, stage: str, total: int = 0) -> None:
    metadata = service_pb2.ScoreProjectMetadata()
    metadata.MergeFrom(cast("service_pb2.ScoreProjectMetadata", context.metadata))
    progress: progress_pb2.Progress = metadata.progress
    progress.done_count, progress.total_count, progress.stage = done, total, stage
    progress.update_time.GetCurrentTime()
    await context.progress(metadata)


def _dated(body: bytes, created_ms: int) -> bytes:
    report = resources_pb2.QualityReport.FromString(body)
    moment = Timestamp()
    moment.FromMilliseconds(created_ms)
    report.create_time.CopyFrom(moment)
    return report.SerializeToString()
