"""Tables from bytes to bytes: what the columns are, what the detector says of their texts, then the rewriting.

The detector works in this service's text workers, so a table's texts share batches with those of other callers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from labelmill_anonymization.contents.content import CleanContent, RawContent
from labelmill_anonymization.findings import Finding
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators import Keep
from labelmill_anonymization.patience import patiently
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Anonymizer
from labelmill_anonymization.tables.anonymize import CleanTable
from labelmill_anonymization.tables.errors import ColumnNamePersonal
from labelmill_anonymization.tables.plan import ColumnPlan, names_to_check, plan_column, rule_of
from labelmill_anonymization.tables.ports import TableSummary, TableWork
from labelmill_anonymization.tables.profile import Proposal, propose
from labelmill_anonymization.tables.rules import Role, TableRules
from labelmill_anonymization.tables.texts import CleanCell, clean_cell
from labelmill_anonymization.transform import CleanText

MEDIA_TYPES = (
    *("text/csv", "text/tab-separated-values", "application/json", "application/x-ndjson", "application/jsonl"),
    "application/vnd.apache.parquet",
)
_LIKELY = 0.4
_AT_ONCE = 512
# What recognizers find in single words of schemas again and again.
_TOO_VAGUE_FOR_NAMES = frozenset({"LOCATION", "ORGANIZATION", "NRP", "DATE_TIME", "TITLE", "AGE", "URL", "POSTAL_CODE"})


@dataclass(frozen=True)
class TableProfile:
    """A table's columns and the roles proposed for them."""

    summary: TableSummary
    proposals: tuple[Proposal, ...]


@dataclass(frozen=True)
class TableAnonymizer:
    """Profiles and anonymizes tables; as a `ContentHandler`, too."""

    work: TableWork
    texts: Anonymizer
    max_bytes: int

    @property
    def media_types(self) -> Sequence[str]:
        """See `ContentHandler`."""
        return MEDIA_TYPES

    async def anonymize(self, content: RawContent, policy: Policy, keys: ProjectKeys) -> CleanContent:
        """See `ContentHandler`."""
        clean = await self.anonymize_table(content, policy, keys)
        return CleanContent(
            data=clean.data,
            media_type=content.media_type,
            entity_counts=clean.entity_counts,
            operator_counts=clean.operator_counts,
            protection=clean.protection,
            detector_versions=await self.texts.versions(),
            key_ids=clean.key_ids,
        )

    async def anonymize_table(self, content: RawContent, policy: Policy, keys: ProjectKeys) -> CleanTable:
        """The clean table with its report."""
        rules = policy.table_rules
        profile = await self.profile(content, policy, keys)
        await self._check_names(profile.summary, policy, keys)
        plan = [
            plan_column(number, summary, proposal, policy, is_document=profile.summary.row_count == 1)
            for number, (summary, proposal) in enumerate(
                zip(profile.summary.columns, profile.proposals, strict=True), 1
            )
        ]
        cells = await self._clean_cells(content, plan, policy, keys)
        return await self.work.anonymize(content, rules, plan, keys, cells)

    async def profile(self, content: RawContent, policy: Policy, keys: ProjectKeys) -> TableProfile:
        """What the columns look like, and which role each has or should have."""
        rules = policy.table_rules
        summary = await self.work.summarize(content, rules)
        own = [rule_of(column.name, rules, number) for number, column in enumerate(summary.columns, 1)]
        sampled = [
            column.sample if rule is None or (rule.role is Role.DIRECT_IDENTIFIER and not rule.entity_type) else ()
            for column, rule in zip(summary.columns, own, strict=True)
        ]
        found = await self._findings(list(dict.fromkeys(text for sample in sampled for text in sample)), policy, keys)
        proposals = [propose(column, rule, found) for column, rule in zip(summary.columns, own, strict=True)]
        return TableProfile(summary, tuple(proposals))

    async def _check_names(self, summary: TableSummary, policy: Policy, keys: ProjectKeys) -> None:
        if not summary.has_names:
            return
        names = names_to_check(summary.columns, policy.table_rules)
        found = await self._findings(list(dict.fromkeys(text for _, text in names)), policy, keys)
        for index, text in names:
            if any(finding.entity_type not in _TOO_VAGUE_FOR_NAMES for finding in found[text]):
                raise ColumnNamePersonal(index + 1)

    async def _clean_cells(
        self, content: RawContent, plan: Sequence[ColumnPlan], policy: Policy, keys: ProjectKeys
    ) -> Mapping[str, CleanCell | None]:
        if not any(one.has_texts for one in plan):
            return {}
        texts = await self.work.free_texts(content, policy.table_rules, plan)
        return {text: clean_cell(clean) for text, clean in (await self._looked_at(texts, policy, keys)).items()}

    async def _findings(
        self, texts: Sequence[str], policy: Policy, keys: ProjectKeys
    ) -> Mapping[str, Sequence[Finding]]:
        """What is in texts, of all types, whatever the policy would do with it."""
        looking = replace(
            policy, rules=(), default_operator=Keep(), default_threshold=_LIKELY, table_rules=TableRules()
        )
        looked_at = await self._looked_at(texts, looking, keys)
        return {text: [applied.finding for applied in clean.findings] for text, clean in looked_at.items()}

    async def _looked_at(self, texts: Sequence[str], policy: Policy, keys: ProjectKeys) -> dict[str, CleanText]:
        """The outcome for each text; one failure fails all, for a table passes as a whole."""
        lean = replace(policy, table_rules=TableRules())  # travels with every text
        clean: dict[str, CleanText] = {}
        for start in range(0, len(texts), _AT_ONCE):
            some = texts[start : start + _AT_ONCE]
            outcomes = await asyncio.gather(
                *(patiently(partial(self.texts.anonymize, text, lean, keys)) for text in some)
            )
            clean.update(zip(some, outcomes, strict=True))
        return clean
