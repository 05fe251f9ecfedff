"""A project in memory, as the quality service sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from labelmill.type.v1.ontology_pb2 import Feature
from labelmill_quality.errors import UnknownFeature, WrongFeatureKind
from labelmill_quality.live.ports import FeatureFacts
from labelmill_quality.ports import Answer, ChoiceFeature, Statement
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
    other_kinds: dict[str, Feature.Kind.ValueType] = field(default_factory=dict)
    """Feature -> its kind, of those beside the choice."""
    said: dict[str, list[Statement]] = field(default_factory=dict)
    benchmark_said: dict[str, list[Statement]] = field(default_factory=dict)
    gold_said: dict[str, dict[str, tuple[bytes, ...]]] = field(default_factory=dict)
    """What is said about features of other kinds."""
    seen: list[tuple[str, str]] = field(default_factory=list)
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

    async def features(self, project: str) -> Mapping[str, FeatureFacts]:
        if project != PROJECT:
            raise NotFound(
                "PROJECT_NOT_FOUND", "There is no such project.", resource=("Project", f"projects/{project}")
            )
        kind = Feature.KIND_ORDINAL if self.ordered else Feature.KIND_SINGLE_CHOICE
        choice = FeatureFacts(FEATURE, kind, self.class_names, self.ordered)
        return {
            FEATURE: choice,
            "relations": FeatureFacts("relations", Feature.KIND_RELATION, (), ordered=False),
            **{name: FeatureFacts(name, kind, ("thing",), ordered=False) for name, kind in self.other_kinds.items()},
        }

    async def has_labels(self, project: str, feature: str, annotation_filter: str) -> bool:
        some = self.answers if feature == FEATURE else self.said.get(feature)
        return bool(some) and annotation_filter != "nothing"

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

    async def statements(
        self, project: str, feature: str, annotation_filter: str, *, benchmark: bool
    ) -> AsyncIterator[Sequence[Statement]]:
        yield (self.benchmark_said if benchmark else self.said).get(feature, [])

    async def views(self, project: str, *, benchmark: bool) -> AsyncIterator[Sequence[tuple[str, str]]]:
        yield [] if benchmark else self.seen

    async def gold_statements(self, project: str, feature: str) -> dict[str, tuple[bytes, ...]]:
        return self.gold_said.get(feature, {})
