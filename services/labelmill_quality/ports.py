"""What quality needs from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation.consensus import ConsensusLabels
from labelmill_quality.live.ports import FeatureFacts


@dataclass(frozen=True, slots=True)
class Answer:
    """One labeler's answer about one item."""

    item: str
    labeler: str
    class_name: str
    time_ms: int = 0
    """When, in ms since 1970."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One annotation of any kind by one labeler."""

    item: str
    labeler: str
    time_ms: int
    """When, in ms since 1970."""
    annotation: bytes
    """In the contract's form."""


@dataclass(frozen=True, slots=True)
class ChoiceFeature:
    """A feature whose answers are classes."""

    class_names: tuple[str, ...]
    ordered: bool


class AnnotationSource(Protocol):
    """Knows a project's ontology, answers and gold: annotation. Errors of the peer come as LabelmillError."""

    async def feature(self, project: str, feature: str) -> ChoiceFeature:
        """The feature.

        Raises:
            NotFound: There is no such project.
            UnknownFeature: The ontology has none of that name.
            WrongFeatureKind: Its answers are no classes.
        """

    async def features(self, project: str) -> Mapping[str, FeatureFacts]:
        """The features of the ontology, in its order; raises NotFound where there is no such project."""

    async def has_labels(self, project: str, feature: str, annotation_filter: str) -> bool:
        """Whether `labels` would yield anything; raises InvalidFilter."""

    def labels(self, project: str, feature: str, annotation_filter: str) -> AsyncIterator[Sequence[Answer]]:
        """Answers to ordinary tasks that the filter lets through, page by page in the order of their making."""

    def benchmark_answers(self, project: str, feature: str) -> AsyncIterator[Sequence[Answer]]:
        """Answers to benchmark tasks, page by page in the order of their making."""

    async def gold(self, project: str, feature: str) -> dict[str, str]:
        """Item -> its gold class, of the benchmarks that labelers are scored by."""

    def statements(
        self, project: str, feature: str, annotation_filter: str, *, benchmark: bool
    ) -> AsyncIterator[Sequence[Statement]]:
        """Annotations of a feature of any kind, of ordinary or of benchmark tasks, page by page; see `labels`."""

    def views(self, project: str, *, benchmark: bool) -> AsyncIterator[Sequence[tuple[str, str]]]:
        """(item, labeler) of submitted tasks: who saw what, whether or not they found anything to annotate."""

    async def gold_statements(self, project: str, feature: str) -> dict[str, tuple[bytes, ...]]:
        """Item -> its gold annotations of a feature of any kind, in the contract's form."""


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as it is kept."""

    project: str
    report: str
    create_time_ms: int
    class_names: tuple[str, ...]
    """What the columns of its consensus labels' posteriors are."""
    body: bytes
    """The report in the contract's form."""


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """One consensus label as it is kept."""

    position: int
    item: str
    winner: int
    posterior: tuple[float, ...]
    label_count: int
    agreement: float
    tied: bool
    disagreement: float
    annotations: tuple[bytes, ...] = ()
    """The inferred answer in the contract's form, where it is no single class."""


@dataclass(frozen=True)
class NewLabels:
    """The consensus labels of a report, as columns."""

    labels: ConsensusLabels
    disagreement: npt.NDArray[np.float64]
    """(items)"""
    annotations: Sequence[Sequence[bytes]] = ()
    """(items): as in StoredLabel; empty where answers are single classes."""

    @classmethod
    def none(cls) -> NewLabels:
        """Of a report that has none of its own."""
        none = np.zeros(0)
        labels = ConsensusLabels((), none.astype(np.int32), none.reshape(0, 0), none.astype(np.int64), none, none > 0)
        return cls(labels, none)


class ReportStore(Protocol):
    """Keeps reports and their consensus labels."""

    async def add(
        self,
        report: StoredReport,
        new: NewLabels,
        began_ms: int,
        hold: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Adds a report with all its labels, or nothing; `hold` may veto in the same transaction.

        Labels of items that were erased since `began_ms`, when the reading of answers began, are left out.
        """

    async def find(self, project: str, report: str) -> StoredReport | None:
        """One report."""

    async def page(self, project: str, before: str | None, limit: int) -> list[StoredReport]:
        """Reports of a project, newest first, from the one after `before` on."""

    async def labels(self, report: StoredReport, start: int, limit: int) -> list[StoredLabel]:
        """Labels of a report in the order of their items, from position `start` on; what was erased leaves gaps."""

    async def disputed(self, report: StoredReport, limit: int) -> list[StoredLabel]:
        """The labels of the items that labelers disagree about most, none of those about which they agree."""

    async def erase_items(self, session: Any, project: str, items: Sequence[str]) -> int:
        """Removes the consensus labels of items from all reports, in the caller's transaction; how many."""

    async def count_reports(self, session: Any, project: str) -> int:
        """How many reports the project has."""

    async def scrub(self) -> None:
        """Takes what was erased out of the files of the database; after the commit."""
