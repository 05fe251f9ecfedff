"""What tables need from outside, by role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from labelmill_anonymization.contents.content import RawContent
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.tables.anonymize import CleanTable
from labelmill_anonymization.tables.plan import ColumnPlan
from labelmill_anonymization.tables.profile import Summary
from labelmill_anonymization.tables.rules import TableRules
from labelmill_anonymization.tables.texts import CleanCell


@dataclass(frozen=True, slots=True)
class TableSummary:
    """A table without its cells."""

    row_count: int
    has_names: bool
    """Whether the names of columns come from the file."""
    columns: tuple[Summary, ...]


class TableWork(Protocol):
    """Reads and rewrites tables somewhere with enough processors. All raise LabelmillError."""

    async def summarize(self, content: RawContent, rules: TableRules) -> TableSummary:
        """What the columns look like."""

    async def free_texts(self, content: RawContent, rules: TableRules, plan: Sequence[ColumnPlan]) -> list[str]:
        """Each different text that the detector must look at."""

    async def anonymize(
        self,
        content: RawContent,
        rules: TableRules,
        plan: Sequence[ColumnPlan],
        keys: ProjectKeys,
        texts: Mapping[str, CleanCell | None],
    ) -> CleanTable:
        """See `anonymize_table`."""
