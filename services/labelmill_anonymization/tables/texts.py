"""Cells of free text: which texts there are, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from labelmill_anonymization.contents.content import Counts, counted
from labelmill_anonymization.operators import Protection
from labelmill_anonymization.tables.cells import is_missing, text_of
from labelmill_anonymization.tables.plan import ColumnPlan
from labelmill_anonymization.tables.table_file import TableFile
from labelmill_anonymization.transform import CleanText


@dataclass(frozen=True, slots=True)
class CleanCell:
    """What became of a text in which something was found."""

    text: str = field(repr=False)
    entities: Counts
    operators: Counts
    protection: Protection
    key_ids: tuple[str, ...]


def free_texts(table: TableFile, plan: Sequence[ColumnPlan]) -> list[str]:
    """Each different text that must be looked at, once."""
    texts: dict[str, None] = {}
    for column, one in zip(table.columns, plan, strict=True):
        if one.has_texts:
            texts.update((text_of(value), None) for value in column.values if not is_missing(value))
    return list(texts)


def clean_cell(clean: CleanText) -> CleanCell | None:
    """The outcome for a text; None: nothing was found in it."""
    if not clean.findings:
        return None
    return CleanCell(
        text=clean.text,
        entities=counted(applied.finding.entity_type for applied in clean.findings),
        operators=counted(applied.operator_name for applied in clean.findings),
        protection=clean.protection,
        key_ids=clean.key_ids,
    )
