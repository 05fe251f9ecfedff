"""The operation ScoreProject: reads a project's answers, has them scored, keeps the reports."""

from __future__ import annotations

import time
from collections.abc import Callable

from google.protobuf.timestamp_pb2 import Timestamp

from labelmill.quality.v1 import resources_pb2, service_pb2
from labelmill.type.v1.ontology_pb2 import Feature
from labelmill_quality.convert import resources as convert
from labelmill_quality.errors import NoLabels, UnknownFeature, WrongFeatureKind
from labelmill_quality.features import CHOICES, FEATURES
from labelmill_quality.jobs import compared, projects
from labelmill_quality.jobs.projects import ReportHead, ScoredProject
from labelmill_quality.live.ports import FeatureFacts
from labelmill_quality.operations.gathering import Gathering, Telling
from labelmill_quality.ports import AnnotationSource, NewLabels, ReportStore, StoredReport
from labelmill_quality.report import Plan
from labelmill_quality.settings import QualitySettings
from labelmill_runtime import names
from labelmill_runtime.operations import OperationContext
from labelmill_runtime.workers import WorkerPool

KIND = "score_project"
REPORT_PATTERN = "projects/{project}/qualityReports/{quality_report}"


class ProjectScoring:
    """Checks and runs ScoreProject.

    It has no checkpoint: everything before the one transaction that stores a report is reading and computing. Reports
    take their ids from the operation, so a second run after a crash finds those of the first.
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
        for feature in await self._features(project, request.feature):
            if await self._source.has_labels(project, feature.feature, request.annotation_filter):
                return
        raise NoLabels(project)

    async def run(
        self, context: OperationContext, request: service_pb2.ScoreProjectRequest
    ) -> resources_pb2.QualityReport:
        """Makes the report and keeps it; of all features, one of each and one that names them."""
        project, report_id, telling = context.project, context.name.rpartition("-")[2], Telling(context)
        features = await self._features(project, request.feature)
        if request.feature:
            report = await self._one(telling, request, features[0], report_id)
            if report is None:
                raise NoLabels(project)
            return report
        parts = []
        for number, feature in enumerate(features):
            part = await self._one(telling, request, feature, f"{report_id}-{number:03d}")
            if part is not None:
                parts.append(part.name)
        if not parts:
            raise NoLabels(project)
        return await self._together(context, request, parts, f"{report_id}-all")  # sorts after its parts: the newest

    async def _features(self, project: str, name: str) -> list[FeatureFacts]:
        """The feature, or all that can be scored."""
        known = await self._source.features(project)
        if not name:
            return [feature for feature in known.values() if feature.kind in CHOICES or feature.kind in FEATURES]
        if name not in known:
            raise UnknownFeature
        if known[name].kind not in CHOICES and known[name].kind not in FEATURES:
            raise WrongFeatureKind(Feature.Kind.Name(known[name].kind))  # type: ignore[arg-type]
        return [known[name]]

    async def _one(
        self, telling: Telling, request: service_pb2.ScoreProjectRequest, feature: FeatureFacts, report_id: str
    ) -> resources_pb2.QualityReport | None:
        """The report of one feature; None where it has no labels."""
        project = telling.context.project
        stored = await self._store.find(project, report_id)
        if stored is not None:
            return resources_pb2.QualityReport.FromString(stored.body)
        began = self._now_ms()
        scored = await self._scored(telling, request, feature, report_id)
        if scored is None:
            return None
        await telling.tell("storing", total=telling.done)
        return await self._keep(telling.context, report_id, scored, began)

    async def _scored(
        self, telling: Telling, request: service_pb2.ScoreProjectRequest, feature: FeatureFacts, report_id: str
    ) -> ScoredProject | None:
        project = telling.context.project
        method = convert.method_name(request.consensus_method)
        plan = Plan(method, self._settings.bootstrap_count, request.seed, self._settings.cell_limit)
        name = names.format(REPORT_PATTERN, project=project, quality_report=report_id)
        head = ReportHead(name, feature.feature, request.annotation_filter)
        gathering = Gathering(self._source, project, request.annotation_filter, telling)
        if feature.kind in CHOICES:
            evidence = await gathering.choices(feature)
            if evidence is None:
                return None
            await telling.tell("scoring", total=telling.done)
            return await self._workers.call(projects.score_project, evidence, plan, head)
        statements = await gathering.statements(feature)
        if statements is None:
            return None
        await telling.tell("scoring", total=telling.done)
        return await self._workers.call(compared.score_compared, statements, feature.kind, plan, head)

    async def _together(
        self, context: OperationContext, request: service_pb2.ScoreProjectRequest, parts: list[str], report_id: str
    ) -> resources_pb2.QualityReport:
        stored = await self._store.find(context.project, report_id)
        if stored is not None:
            return resources_pb2.QualityReport.FromString(stored.body)
        name = names.format(REPORT_PATTERN, project=context.project, quality_report=report_id)
        report = resources_pb2.QualityReport(
            name=name, annotation_filter=request.annotation_filter, feature_reports=parts
        )
        nothing = NewLabels.none()
        return await self._keep(context, report_id, ScoredProject(report.SerializeToString(), (), nothing), 0)

    async def _keep(
        self, context: OperationContext, report_id: str, scored: ScoredProject, began_ms: int
    ) -> resources_pb2.QualityReport:
        created, moment = self._now_ms(), Timestamp()
        moment.FromMilliseconds(created)
        report = resources_pb2.QualityReport.FromString(scored.body)
        report.create_time.CopyFrom(moment)
        stored = StoredReport(context.project, report_id, created, scored.class_names, report.SerializeToString())
        await self._store.add(stored, scored.labels, began_ms, context.hold)
        return report
