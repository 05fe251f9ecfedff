"""Gathers what the page of a report shows, and has it made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labelmill.quality.v1 import resources_pb2
from labelmill_quality.convert import resources as convert
from labelmill_quality.errors import ReportNotFound
from labelmill_quality.jobs import page as jobs
from labelmill_quality.operations.scoring import REPORT_PATTERN
from labelmill_quality.page.contents import FeaturePage
from labelmill_quality.page.ports import CleanContents
from labelmill_quality.ports import AnnotationSource, ReportStore, StoredReport
from labelmill_runtime import names
from labelmill_runtime.workers import WorkerPool

_ASKED_AT_ONCE = 20
"""Items in one filter, which may not become long."""


class ReportPages:
    """Makes pages."""

    def __init__(
        self, source: AnnotationSource, store: ReportStore, contents: CleanContents, workers: WorkerPool
    ) -> None:
        self._source = source
        self._store = store
        self._contents = contents
        self._workers = workers

    async def make(self, name: str, disputed_count: int, *, without_content: bool) -> bytes:
        """The page of a report, or of all that it names; UTF-8.

        Raises:
            ReportNotFound: QUALITY_REPORT_NOT_FOUND.
        """
        project = names.parse(REPORT_PATTERN, name)["project"]
        report = await self._find(name)
        parts = resources_pb2.QualityReport.FromString(report.body).feature_reports
        reports = [await self._find(part) for part in parts] if parts else [report]
        features = [
            await self._feature(project, each, disputed_count, without_content=without_content) for each in reports
        ]
        return await self._workers.call(jobs.render_page, project, features)

    async def _find(self, name: str) -> StoredReport:
        parts = names.parse(REPORT_PATTERN, name)
        stored = await self._store.find(parts["project"], parts["quality_report"])
        if stored is None:
            raise ReportNotFound(name)
        return stored

    async def _feature(
        self, project: str, report: StoredReport, disputed_count: int, *, without_content: bool
    ) -> FeaturePage:
        labels = await self._store.disputed(report, disputed_count) if disputed_count else []
        items = [label.item for label in labels]
        disputed = [convert.stored_label(label, report.class_names).SerializeToString() for label in labels]
        head = resources_pb2.QualityReport.FromString(report.body)
        answers = await self._answers(project, head, items) if items and report.class_names else {}
        contents = {} if without_content else await self._contents.read(project, items)
        return FeaturePage(report.body, disputed, answers, contents)

    async def _answers(
        self, project: str, report: resources_pb2.QualityReport, items: Sequence[str]
    ) -> Mapping[str, list[tuple[str, str]]]:
        """Item -> who said what about it, as far as the report counts it."""
        said: dict[str, dict[str, str]] = {item: {} for item in items}
        for start in range(0, len(items), _ASKED_AT_ONCE):
            text = " OR ".join(f'asset = "{item}"' for item in items[start : start + _ASKED_AT_ONCE])
            if report.annotation_filter:
                text = f"({text}) AND ({report.annotation_filter})"
            async for page in self._source.labels(project, report.feature, text):
                for answer in page:
                    said.setdefault(answer.item, {})[answer.labeler] = answer.class_name
        return {item: sorted(answers.items()) for item, answers in said.items()}
