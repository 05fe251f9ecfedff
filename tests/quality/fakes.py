"""A project in memory, as the quality service sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from labelmill_quality.errors import UnknownFeature, WrongFeatureKind
from labelmill_quality.ports import Answer, ChoiceFeature
from labelmill_runtime.errors import NotFound, Unavailable

PROJECT = "p-one"
FEATURE = "sentiment"


@dataclass
class FakeAnnotations:
    """An AnnotationSource: one project with a choice and a box feature; any filter but "nothing" lets all through."""

    class_names: tuple[str, ...] = ("negative", "neutral", "positive")
    ordered: bool = False
    answers: list[Answer] = field(default_factory=list)
    benchmark: list[Answer] = field(default_factory=list)
    truth: dict[str, str] = field(default_factory=dict)
    page_size: int = 1000
    filters: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None
    """Labels are read only when it is set."""
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    """How often gold cannot be read."""

    async def feature(self, project: str, feature: str) -> ChoiceFeature:
        if project != PROJECT:
            raise NotFound(
                "PROJECT_NOT_FOUND", "There is no such project.", resource=("Project", f"projects/{project}")
            )
        if feature == "boxes":
            raise WrongFeatureKind("KIND_BOX")
        if feature != FEATURE:
            raise UnknownFeature
        return ChoiceFeature(self.class_names, self.ordered)

    async def has_labels(self, project: str, feature: str, annotation_filter: str) -> bool:
        return bool(self.answers) and annotation_filter != "nothing"

    async def labels(self, project: str, feature: str, annotation_filter: str) -> AsyncIterator[Sequence[Answer]]:
        self.filters.append(annotation_filter)
        for start in range(0, len(self.answers), self.page_size):
            self.reading.set()
            if self.gate is not None:
                await self.gate.wait()
            yield self.answers[start : start + self.page_size]

    async def benchmark_answers(self, project: str, feature: str) -> AsyncIterator[Sequence[Answer]]:
        yield self.benchmark

    async def gold(self, project: str, feature: str) -> dict[str, str]:
        if self.failures:
            self.failures -= 1
            raise Unavailable("ANNOTATION_AWAY", "Annotation does not answer.", retry_after_s=1)
        return self.truth
