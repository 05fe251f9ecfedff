"""Reads what a report is made from, telling how far it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from labelmill.quality.v1 import service_pb2
from labelmill.type.v1 import progress_pb2
from labelmill_quality.features import CHOICES, FEATURES
from labelmill_quality.features.shapes import SHAPES
from labelmill_quality.jobs.compared import Statements
from labelmill_quality.live.ports import FeatureFacts
from labelmill_quality.ports import AnnotationSource, Answer
from labelmill_quality.report import Answers, Evidence
from labelmill_runtime.operations import OperationContext

T = TypeVar("T")


@dataclass
class Telling:
    """The progress of an operation over all features that it scores."""

    context: OperationContext
    done: int = 0

    async def tell(self, stage: str, *, total: int = 0) -> None:
        """Tells how much has been read by now."""
        metadata = service_pb2.ScoreProjectMetadata()
        metadata.MergeFrom(cast("service_pb2.ScoreProjectMetadata", self.context.metadata))
        progress: progress_pb2.Progress = metadata.progress
        progress.done_count, progress.total_count, progress.stage = self.done, total, stage
        progress.update_time.GetCurrentTime()
        await self.context.progress(metadata)


class Gathering:
    """Reads from annotation."""

    def __init__(self, source: AnnotationSource, project: str, annotation_filter: str, telling: Telling) -> None:
        self._source = source
        self._project = project
        self._filter = annotation_filter
        self._telling = telling

    async def choices(self, feature: FeatureFacts) -> Evidence | None:
        """Answers that are single classes; None where the filter lets none through."""
        labels = await self._answers(self._source.labels(self._project, feature.feature, self._filter), "labels")
        if not labels:
            return None
        pages = self._source.benchmark_answers(self._project, feature.feature)
        answers = await self._answers(pages, "benchmarks")
        gold = await self._source.gold(self._project, feature.feature)
        answers.add_about(gold, labels)
        return Evidence(labels, answers, gold, feature.class_names, CHOICES[feature.kind])

    async def statements(self, feature: FeatureFacts) -> Statements | None:
        """Answers of another kind; None where the filter lets none through."""
        source, project, name = self._source, self._project, feature.feature
        labels = await self._all(source.statements(project, name, self._filter, benchmark=False), "reading labels")
        if not labels:
            return None
        pages = source.statements(project, name, "", benchmark=True)
        benchmark = await self._all(pages, "reading benchmarks")
        gold = await source.gold_statements(project, name)
        views: list[list[tuple[str, str]]] = [[], []]
        if FEATURES[feature.kind] is SHAPES:
            # Who saw an item and drew nothing has answered, too; a filter over annotations cannot tell of those.
            for number, of_benchmarks in enumerate((False, True) if not self._filter else ()):
                views[number] = await self._all(source.views(project, benchmark=of_benchmarks), "reading tasks")
        else:
            gold = {item: said for item, said in gold.items() if said}
        return Statements(labels, benchmark, gold, *views)

    async def _answers(self, pages: AsyncIterator[Sequence[Answer]], what: str) -> Answers:
        answers = Answers()
        async for page in pages:
            for answer in page:
                answers.add(answer.item, answer.labeler, answer.class_name, answer.time_ms)
            self._telling.done += len(page)
            await self._telling.tell(f"reading {what}")
        return answers

    async def _all(self, pages: AsyncIterator[Sequence[T]], stage: str) -> list[T]:
        found: list[T] = []
        async for page in pages:
            found += page
            self._telling.done += len(page)
            await self._telling.tell(stage)
        return found
