"""The operation SuperviseProject: functions vote on a project's texts; what a label model makes of it is kept."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from labelmill.quality.v1 import resources_pb2
from labelmill.quality.v1 import weak_supervision_service_pb2 as pb
from labelmill.type.v1 import ontology_pb2, progress_pb2
from labelmill_quality.convert import labels as label_rows
from labelmill_quality.convert import weak_supervision as convert
from labelmill_quality.jobs import weak_supervision as jobs
from labelmill_quality.operations.scoring import REPORT_PATTERN
from labelmill_quality.ports import AnnotationSource, ReportStore, StoredReport
from labelmill_quality.report import Answers
from labelmill_quality.weak_supervision.errors import ModelNotYours, NoVotes, VotesMissing
from labelmill_quality.weak_supervision.functions import LabelingFunction, models_of
from labelmill_quality.weak_supervision.ports import TextModels, TextPage, TextSource
from labelmill_quality.weak_supervision.rules import Prediction, TextItem
from labelmill_runtime import names
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.operations import OperationContext
from labelmill_runtime.principal import Principal, Role
from labelmill_runtime.status import to_status
from labelmill_runtime.workers import WorkerPool

KIND = "supervise_project"
_MODEL_PATTERN = "projects/{project}/models/{model}"
_MAY_ASK = frozenset({Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.SERVICE})
"""The roles that PredictTexts admits: we ask in our own name, so we look first whether the caller may."""
_FAILURES_SHOWN = 100


@dataclass
class _Read:
    """What came of reading so far."""

    votes: Answers = field(default_factory=Answers)
    items: list[str] = field(default_factory=list)
    failed: list[tuple[str, LabelmillError]] = field(default_factory=list)
    total: int = 0


class ModelAnswers:
    """Asks the models of labeling functions, where the caller may."""

    def __init__(self, models: TextModels) -> None:
        self._models = models

    async def about(
        self, functions: Sequence[LabelingFunction], texts: Sequence[str], caller: Principal
    ) -> dict[str, list[Prediction | LabelmillError]]:
        """What every model says of every text; raises ModelNotYours."""
        self.require(functions, caller)
        return {model: await self._models.predict(model, texts) for model in models_of(functions)}

    @staticmethod
    def require(functions: Sequence[LabelingFunction], caller: Principal) -> None:
        """Raises ModelNotYours."""
        for model in models_of(functions):
            project = names.parse(_MODEL_PATTERN, model, field="functions")["project"]
            if _MAY_ASK.isdisjoint(caller.roles(project)):
                raise ModelNotYours(model)


class ProjectSupervision:
    """Checks and runs SuperviseProject. Votes are not kept: a second run after a crash reads the texts again."""

    def __init__(
        self,
        source: AnnotationSource,
        texts: TextSource,
        models: ModelAnswers,
        store: ReportStore,
        workers: WorkerPool,
        *,
        cell_limit: int,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._source = source
        self._texts = texts
        self._models = models
        self._store = store
        self._workers = workers
        self._cell_limit = cell_limit
        self._now_ms = now_ms

    async def check(self, request: pb.SuperviseProjectRequest, caller: Principal) -> None:
        """Raises what is wrong with the request already now, before there is an operation."""
        project = names.project_of(request.parent, field="parent")
        feature = await self._source.feature(project, request.feature)
        functions = convert.functions(request.functions)
        if not functions and not request.votes:
            raise VotesMissing
        body = pb.ApplyLabelingFunctionsRequest(functions=request.functions).SerializeToString()
        await self._workers.call(jobs.check_functions, body, feature.class_names)
        convert.balance(request.class_balance, feature.class_names)
        self._models.require(functions, caller)
        await self._texts.require_filter(project, request.filter)

    async def run(self, context: OperationContext, request: pb.SuperviseProjectRequest) -> pb.SuperviseProjectResponse:
        """Makes the report and keeps it."""
        project, report_id = context.project, context.name.rpartition("-")[2]
        stored = await self._store.find(project, report_id)
        if stored is None:
            stored = await self._make(context, request, project, report_id)
        return pb.SuperviseProjectResponse(
            quality_report=resources_pb2.QualityReport.FromString(stored.body),
            summary=pb.LabelModelSummary.FromString(base64.b64decode(context.checkpoint["summary"])),
        )

    async def _make(
        self, context: OperationContext, request: pb.SuperviseProjectRequest, project: str, report_id: str
    ) -> StoredReport:
        began = self._now_ms()
        feature = await self._source.feature(project, request.feature)
        read = await self._vote(context, request, project)
        kept = set(read.items)
        read.votes.add_about(kept, label_rows.answers(request.votes))
        if not read.votes:
            raise NoVotes(project)
        gold = await self._source.gold(project, request.feature)
        known = {item: name for item, name in gold.items() if item in kept and name in feature.class_names}
        name = names.format(REPORT_PATTERN, project=project, quality_report=report_id)
        head = jobs.ReportHead(name, request.feature, request.filter)
        scored = await self._workers.call(
            jobs.supervise_project,
            request.SerializeToString(),
            read.votes,
            read.items,
            known,
            head,
            feature.class_names,
            self._cell_limit,
        )
        checkpoint = {"summary": base64.b64encode(scored.summary).decode()}
        await context.progress(_progress(context, read, "storing"), checkpoint)
        created = self._now_ms()
        body = resources_pb2.QualityReport.FromString(scored.report)
        body.create_time.FromMilliseconds(created)
        ordinal, single = ontology_pb2.Feature.KIND_ORDINAL, ontology_pb2.Feature.KIND_SINGLE_CHOICE
        body.feature_kind = ordinal if feature.ordered else single
        report = StoredReport(project, report_id, created, scored.class_names, body.SerializeToString())
        await self._store.add(report, scored.labels, began, context.hold)
        return report

    async def _vote(self, context: OperationContext, request: pb.SuperviseProjectRequest, project: str) -> _Read:
        functions = convert.functions(request.functions)
        body = pb.ApplyLabelingFunctionsRequest(functions=request.functions).SerializeToString()
        read = _Read()
        async for page in self._texts.pages(project, request.filter):
            items, failed = await self._asked(page, functions, context.principal)
            votes = await self._workers.call(jobs.vote_on_texts, body, items)
            read.votes.add_about({item.item for item in items}, votes)
            read.items.extend(item.item for item in items)
            read.failed.extend([*page.failed, *failed])
            read.total = page.total
            await context.progress(_progress(context, read, "voting"))
        return read

    async def _asked(
        self, page: TextPage, functions: Sequence[LabelingFunction], caller: Principal
    ) -> tuple[list[TextItem], list[tuple[str, LabelmillError]]]:
        """The items with what models say of them; those of which one could say nothing have failed."""
        answers = await self._models.about(functions, [item.text for item in page.items], caller)
        items, failed = [], []
        for row, item in enumerate(page.items):
            said = {model: every[row] for model, every in answers.items()}
            errors = [one for one in said.values() if isinstance(one, LabelmillError)]
            if errors:
                failed.append((item.item, errors[0]))
            else:
                items.append(replace(item, predictions=cast("dict[str, Prediction]", said)))
        return items, failed


def _progress(context: OperationContext, read: _Read, stage: str) -> pb.SuperviseProjectMetadata:
    metadata = pb.SuperviseProjectMetadata()
    metadata.MergeFrom(cast("pb.SuperviseProjectMetadata", context.metadata))
    progress: progress_pb2.Progress = metadata.progress
    progress.total_count, progress.done_count = read.total, len(read.items) + len(read.failed)
    progress.failed_count, progress.stage = len(read.failed), stage
    for item, error in read.failed[len(progress.partial_failures) : _FAILURES_SHOWN]:
        progress.partial_failures.add(item=item, status=to_status(error))
    progress.update_time.GetCurrentTime()
    return metadata
